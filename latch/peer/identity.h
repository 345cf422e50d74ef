/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PEER_IDENTITY_H
#define LATCH_PEER_IDENTITY_H

#include <linux/types.h>

struct latch_ident;
struct latch_net;
struct latch_peer;
struct latch_sa;
struct latch_sa_key;

/* Who is behind an SA, with the records where it is bound. RCU. The caller says where @id is. */
struct latch_identity {
	struct latch_ident	*id;
	struct latch_peer	*peer;
	struct latch_peer	*local;
};

bool latch_identify_natt(const struct latch_sa_key *sa, u32 mark, u32 reqid,
			 xfrm_address_t *addr);
void latch_identify(struct latch_net *ln, const struct latch_sa_key *key, u32 reqid,
		    const struct latch_sa *sa, struct latch_identity *identity);

#endif /* LATCH_PEER_IDENTITY_H */
