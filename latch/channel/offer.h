/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_OFFER_H
#define LATCH_CHANNEL_OFFER_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/types.h>

#include "core/flow.h"
#include "xfrm/spd.h"

/**
 * struct latch_offer - protection that an administrator offers (RFC 5660 3.1-1)
 * @link:  in the namespace's list; @rcu: after that
 * @id:    its number, which no other policy of the namespace's gets
 * @taken: how often a socket took it
 * @sel:   which flows it is for, as they are outbound: the source is this end
 * @tmpl:  what protects them, as for what goes out
 */
struct latch_offer {
	struct list_head	link;
	struct rcu_head		rcu;
	u32			id;
	atomic_t		taken;
	struct latch_sel	sel;
	struct latch_tmpl	tmpl;
};

struct latch_offer *latch_offer_add(struct latch_net *ln, const struct latch_offer *from,
				    u32 before);
int latch_offer_del(struct latch_net *ln, u32 id);
void latch_offer_flush(struct latch_net *ln);
struct latch_offer *latch_offer_find(struct latch_net *ln, u32 id);
struct latch_offer *latch_offer_nth(struct latch_net *ln, unsigned long n);
u32 latch_offer_seq(const struct latch_net *ln);
bool latch_offer_take(struct latch_net *ln, const struct latch_flow *f, struct latch_tmpl *tmpl);

#endif /* LATCH_CHANNEL_OFFER_H */
