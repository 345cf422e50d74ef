/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_OWN_H
#define LATCH_CHANNEL_OWN_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "base/net.h"
#include "channel/latch.h"

struct latch_common;

/* latch.own_asked */
#define LATCH_OWN_UNASKED	0
#define LATCH_OWN_NO		1
#define LATCH_OWN_YES		2

bool latch_own_governs(const struct latch *l, const struct sock *sk, int dir);
bool latch_own_moved(const struct latch *l);
void latch_own_look(struct latch *l, struct latch_common *c);
bool latch_own_wanted(const struct latch *l);
bool latch_own_seek(struct latch *l, u8 reason);
bool latch_own_larval(const struct latch *l);
bool latch_own_over(const struct latch *l);
void latch_own_await(struct latch *l);
void latch_own_offers_work(struct work_struct *work);
void latch_own_recheck(struct latch *l);
void latch_own_stop(struct latch *l);
void latch_own_again(struct latch *l);
void latch_own_given(struct latch *l);
void latch_own_taken(struct latch *l);
void latch_own_never(struct latch *l, u8 none);
void latch_own_drop(struct latch *l);
void latch_own_inherit(struct latch *to, const struct latch *from);
void latch_own_all(struct latch_net *ln);
void latch_own_migrated(struct latch_net *ln);
void latch_own_renew(struct latch_net *ln);
long latch_own_due(struct latch_net *ln, struct list_head *todo);
struct latch *latch_own_next(struct latch_net *ln, struct list_head *todo);
void latch_own_later(struct latch_net *ln, unsigned long delay);
void latch_own_clear(struct latch_net *ln);

/*
 * A latch may be one that gets a policy of its own now, or loses it; its lock is held. Most flows
 * have none and want none, and each latch that begins comes here.
 */
static inline void latch_own_check(struct latch *l)
{
	if (unlikely(l->own_given || l->own_asked == LATCH_OWN_YES ||
		     READ_ONCE(l->ln->conf.own_policy)))
		latch_own_recheck(l);
}

/* No event finds a latch any more: its policy goes. Its lock is held. */
static inline void latch_own_end(struct latch *l)
{
	if (unlikely(l->own_given || !list_empty_careful(&l->own_link)))
		latch_own_drop(l);
}

#endif /* LATCH_CHANNEL_OWN_H */
