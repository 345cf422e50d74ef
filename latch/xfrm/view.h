/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_XFRM_VIEW_H
#define LATCH_XFRM_VIEW_H

#include <net/xfrm.h>

struct latch_net;
struct latch_pol;
struct latch_sa;
struct latch_sa_key;
struct latch_transform;
struct xfrm_policy;
struct xfrm_state;

static inline void latch_view_addr(xfrm_address_t *to, const xfrm_address_t *from, u16 family)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, from, family == AF_INET ? 4 : 16);
}

int latch_view_x(const struct xfrm_state *x, struct latch_transform *t);
void latch_view_sa_key(struct latch_net *ln, const struct xfrm_state *x,
		       struct latch_sa_key *key);
bool latch_view_is(const struct xfrm_state *x, const struct latch_sa *sa);
int latch_view_sa(const struct xfrm_state *x, struct latch_sa *sa);
int latch_view_pol(const struct xfrm_policy *xp, int dir, struct latch_pol *pol);

#endif /* LATCH_XFRM_VIEW_H */
