/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_ENV_H
#define LATCHD_ENV_H

#include "ident.h"

/* What pluto's verb asks of us. */
enum verb {
	VERB_OTHER,
	VERB_PREPARE,	/* SAs of this connection are to come */
	VERB_UP,	/* they are there */
};

/**
 * struct updown - what pluto says of a connection
 * @reqid: of its SAs in the kernel
 * @peer:  whose they are
 * @local: what we asserted; LATCH_ID_NONE: not known
 */
struct updown {
	uint32_t reqid;
	struct ident peer;
	struct ident local;
};

enum verb env_verb(char **environ);
const char *env_updown(struct updown *u, char **environ);

#endif /* LATCHD_ENV_H */
