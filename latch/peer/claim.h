/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Claims: for whom a key manager claims an SA. A binding has one, or several that agree or
 * contradict each other.
 */
#ifndef LATCH_PEER_CLAIM_H
#define LATCH_PEER_CLAIM_H

#include <linux/types.h>
#include <net/xfrm.h>

#include "core/tag.h"

struct latch_net;
struct latch_peer;

/**
 * struct latch_claim - one claim
 * @peer:  whose the SA is
 * @local: what we asserted to the peer, NULL unknown
 * @natt_family: of @natt; 0 not told
 * @natt:  the peer's own address behind its NAT, which nothing depends on
 */
struct latch_claim {
	struct latch_peer	*peer;
	struct latch_peer	*local;
	u16			natt_family;
	xfrm_address_t		natt;
};

#define LATCH_MAX_CLAIMS	8

/**
 * struct latch_claims - all claims for one SA, or for the SAs of one reqid
 * @n:     how many
 * @id:    what they amount to: one pair of identities, or ambiguous
 * @claim: the claims
 *
 * Readers are under RCU; it is replaced, not changed.
 */
struct latch_claims {
	struct rcu_head		rcu;
	u32			n;
	struct latch_ident	id;
	struct latch_claim	claim[LATCH_MAX_CLAIMS];
};

bool latch_claim_same(const struct latch_claim *c, const struct latch_claim *other);
void latch_claim_name(struct latch_net *ln, const struct latch_claim *c);
void latch_claim_unname(struct latch_net *ln, const struct latch_claim *c);
void latch_claims_settle(struct latch_claims *c);
int latch_claims_refuse(const struct latch_claims *c, const struct latch_claim *claim, bool excl);
u32 latch_claims_find(const struct latch_claims *c, const struct latch_claim *claim);
bool latch_claim_news(const struct latch_claim *old, const struct latch_claim *claim);

#endif /* LATCH_PEER_CLAIM_H */
