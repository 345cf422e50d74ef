/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_CONNS_H
#define LATCHD_CONNS_H

#include <stdbool.h>

/* How a connection takes its peers: CONNS_UNKNOWN where it is not known, or went. */
enum conns_how {
	CONNS_UNKNOWN,
	CONNS_BY_IKE,
	CONNS_BY_EAP,
};

void conns_add(const char *name, bool eap);
enum conns_how conns_find(const char *name);
void conns_clear(void);

#endif /* LATCHD_CONNS_H */
