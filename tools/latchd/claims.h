/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_CLAIMS_H
#define LATCHD_CLAIMS_H

#include "kernel.h"

/**
 * struct claims - what one answer of an IKE daemon says about SAs
 * @list: the claims, perhaps several for one SA
 * @n:    their number
 * @room: how many fit into @list
 * @who:  name of the daemon, for messages
 * @bad:  there was no memory for all of them, so that none may be used
 */
struct claims {
	struct claim *list;
	size_t n;
	size_t room;
	const char *who;
	bool bad;
};

/**
 * struct claim - the peer that an SA belongs to
 * @key:   the SA, without its mark
 * @peer:  the peer; LATCH_ID_NONE where it is not known, which contradicts every other
 *         claim for the SA
 * @local: the identity that we asserted, or LATCH_ID_NONE
 * @auth:  LATCH_AUTH_* of the peer
 */
struct claim {
	struct sa_key key;
	struct ident peer;
	struct ident local;
	uint8_t auth;
};

void claims_add(struct claims *c, const struct claim *claim);
bool claims_address(struct claim *claim, const char *text);
void claims_tell(struct claims *c);
void claims_drop(struct claims *c);

#endif /* LATCHD_CLAIMS_H */
