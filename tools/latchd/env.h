/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_ENV_H
#define LATCHD_ENV_H

#include "ident.h"

/* What pluto wants its updown command to do. */
enum verb {
	VERB_OTHER,
	VERB_PREPARE,	/* the SAs of the connection will come */
	VERB_UP,	/* the SAs have come */
};

/**
 * struct updown - what pluto says about a connection
 * @reqid: reqid of its SAs in the kernel
 * @peer:  the peer that they belong to
 * @local: the identity that we asserted; LATCH_ID_NONE where it is not known
 */
struct updown {
	uint32_t reqid;
	struct ident peer;
	struct ident local;
};

enum verb env_verb(char **environ);
const char *env_updown(struct updown *u, char **environ);

#endif /* LATCHD_ENV_H */
