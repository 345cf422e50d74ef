/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_ENFORCE_H
#define LATCH_PACKET_ENFORCE_H

#include <linux/skbuff.h>

#include "base/sacache.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "core/types.h"
#include "core/verdict.h"

struct latch_net;
struct latch_pkt;
struct sk_buff;
struct xfrm_state;

/*
 * Is this SA known to be congruent for a latch? Only an ESTABLISHED latch that packets find
 * has its direction in @l->noted. @x is the packet's only SA or NULL, @first see
 * latch_sacache_hit().
 */
static __always_inline bool latch_sa_known(const struct latch *l, const struct xfrm_state *x,
					   u8 dir, bool first)
{
	return READ_ONCE(l->noted) & BIT(dir) &&
	       latch_sacache_hit(&READ_ONCE(l->group)->cache[dir], &l->ln->gens, x, first);
}

void latch_drop_count(struct latch_net *ln, struct latch *l, struct sk_buff *skb, u8 dir,
		      u8 reason);
unsigned int latch_drop(struct latch_net *ln, struct latch *l, struct sk_buff *skb, u8 dir,
			u8 reason);
unsigned int latch_drop_unknown(struct latch_net *ln, struct sk_buff *skb, u8 dir);
void latch_note(struct latch *l, const struct latch_pkt *p);
u32 latch_mismatch(struct latch *l, const struct latch_pkt *p);
struct latch_verdict latch_judge(struct latch *l, struct sk_buff *skb, u8 dir);
unsigned int latch_enforce(struct latch *l, struct sk_buff *skb, u8 dir);
bool latch_fits(struct latch *l, const struct latch_pkt *p);
unsigned int latch_enforce_only(struct latch *l, struct sk_buff *skb, u8 dir, bool latched,
				u8 reason);
bool latch_guarded(const struct latch_net *ln);

#endif /* LATCH_PACKET_ENFORCE_H */
