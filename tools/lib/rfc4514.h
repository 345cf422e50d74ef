/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Distinguished names as the text of RFC 4514, "CN=alice,O=Example": its last part is the
 * first one of the DER. IKE daemons print names in other ways, which
 * tools/latchd/dn.c reads.
 */
#ifndef LATCH_RFC4514_LIB_H
#define LATCH_RFC4514_LIB_H

#include <stddef.h>

char *rfc4514_from_der(const void *der, size_t len);
unsigned char *rfc4514_to_der(const char *text, size_t *len, const char **why);

#endif /* LATCH_RFC4514_LIB_H */
