/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_CLAIMS_H
#define LATCHD_CLAIMS_H

#include "kernel.h"

/**
 * struct claims - what one answer of an IKE daemon says of SAs
 * @list: each SA once, SPIs made comparable by sorting at the end
 * @n:    entries
 * @room: entries that fit
 * @who:  name of the daemon, for messages
 * @bad:  memory was short: nothing of it is used
 */
struct claims {
	struct claim *list;
	size_t n;
	size_t room;
	const char *who;
	bool bad;
};

/**
 * struct claim - whose one SA is
 * @key:   the SA, without its mark
 * @peer:  whose; LATCH_ID_NONE: not known, which contradicts each other claim
 * @local: what we asserted, or LATCH_ID_NONE
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
