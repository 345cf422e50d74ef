// SPDX-License-Identifier: GPL-2.0
/*
 * Which latches are to have a policy of their own, or to have it no more (RFC 5660 2.3-14): what
 * is asked for, and the queue of sock/ownpol.c, which takes the sockets' locks.
 */
#include <linux/jiffies.h>
#include <net/sock.h>
#include <uapi/linux/xfrm.h>

#include "api/nl_latch.h"
#include "base/net.h"
#include "base/work.h"
#include "channel/group.h"
#include "channel/id.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "core/types.h"

/**
 * latch_own_wanted() - is a flow to have a policy of its own?
 * @l: its latch, whose lock is held
 *
 * What the socket asked for comes before net.latch.own_policy, and what an administrator took
 * away does not come back. One that was given stays when the sysctl changes, and one of an offer as
 * long as the socket does not ask for something else.
 *
 * Context: any. Return: true where it is.
 */
bool latch_own_wanted(const struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (l->own_off || (l->own_asked == LATCH_OWN_NO && !l->own_offer))
		return false;
	return l->own_given || l->own_asked == LATCH_OWN_YES ||
	       READ_ONCE(l->ln->conf.own_policy) != LATCH_OWNPOL_NO;
}

/* Does it have to last before it gets one? */
static bool latch_own_waits(const struct latch *l)
{
	return !l->own_given && l->own_asked != LATCH_OWN_YES &&
	       READ_ONCE(l->ln->conf.own_policy) == LATCH_OWNPOL_LASTING;
}

static unsigned long latch_own_wait(const struct latch_net *ln)
{
	if (READ_ONCE(ln->conf.own_policy) != LATCH_OWNPOL_LASTING)
		return 0;
	return msecs_to_jiffies(READ_ONCE(ln->conf.own_policy_after_ms));
}

static void latch_own_queue(struct latch *l, bool wait)
{
	struct latch_net *ln = l->ln;
	bool queued;

	spin_lock(&ln->own.lock);
	queued = !list_empty(&l->own_link);
	if (!queued && wait)
		l->since = jiffies;
	if (queued && !wait)
		list_move_tail(&l->own_link, &ln->own.now);
	else if (!queued && latch_hold(l))
		list_add_tail(&l->own_link, wait ? &ln->own.wait : &ln->own.now);
	spin_unlock(&ln->own.lock);
	if (!wait)
		latch_work_delay_anew(ln, &ln->own.work, 0);
	else if (!delayed_work_pending(&ln->own.work))
		latch_work_delay(ln, &ln->own.work, latch_own_wait(ln) + 1);
}

/* Returns whether it was in the queue. The caller holds the latch, or is under RCU. */
static bool latch_own_unqueue(struct latch *l)
{
	struct latch_net *ln = l->ln;
	bool queued;

	if (list_empty_careful(&l->own_link))
		return false;
	spin_lock(&ln->own.lock);
	queued = !list_empty(&l->own_link);
	list_del_init(&l->own_link);
	spin_unlock(&ln->own.lock);
	if (queued)
		latch_put(l);
	return queued;
}

/**
 * latch_own_stop() - a flow that waits for a policy of its own does not last: its latch broke
 * @l: the latch, whose lock is held
 *
 * It waits anew when it is established again.
 *
 * Context: any.
 */
void latch_own_stop(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (!l->own_given)
		latch_own_unqueue(l);
}

/**
 * latch_own_recheck() - a latch may be one that gets a policy of its own now, or loses it
 * @l: the latch, whose lock is held
 *
 * It was established, got its socket, was asked for something else, or more is known of its SAs.
 *
 * Context: any.
 */
void latch_own_recheck(struct latch *l)
{
	bool wanted = latch_own_wanted(l);

	if (!l->sk || l->listener || wanted == l->own_given)
		return;
	if (!wanted || l->state == LATCH_STATE_ESTABLISHED)
		latch_own_queue(l, latch_own_waits(l));
}

/**
 * latch_own_seek() - a socket's first packet would leave in clear: may an offer protect the flow?
 * @l:      the socket's latch, whose lock is held
 * @reason: LATCH_REASON_* that the packet is dropped for
 *
 * Context: any. Return: true where sock/offer.c finds out, and refuses the flow if there is none.
 */
bool latch_own_seek(struct latch *l, u8 reason)
{
	lockdep_assert_held(&l->lock);
	if (!l->own_ask_offer || l->own_off || !l->sk || reason != LATCH_REASON_LARVAL)
		return false;
	l->own_seek = 1;
	latch_own_queue(l, false);
	return true;
}

/**
 * latch_own_larval() - is there something to do about an offer?
 * @l: the latch, whose lock is held
 *
 * Context: any. Return: true where its flow has no SA yet, and it takes offers.
 */
bool latch_own_larval(const struct latch *l)
{
	lockdep_assert_held(&l->lock);
	return l->own_ask_offer && !l->own_off && l->state <= LATCH_STATE_LARVAL && !l->unlinked;
}

/* For how long a socket waits for the SA of an offer: as the kernel does for that of an ACQUIRE. */
static u32 latch_own_offer_wait(const struct latch_net *ln)
{
	return READ_ONCE(ln->net->xfrm.sysctl_acq_expires) * HZ;
}

/* For how long it still has to; not positive where that is over. */
static long latch_own_offer_left(const struct latch *l)
{
	return (s32)(l->since + latch_own_offer_wait(l->ln) - (u32)jiffies);
}

/**
 * latch_own_over() - has the socket waited for the SA of an offer for long enough?
 * @l: the latch, whose lock is held
 *
 * Context: any. Return: true where it has.
 */
bool latch_own_over(const struct latch *l)
{
	return latch_own_offer_left(l) <= 0;
}

/**
 * latch_own_offers_work() - latches that have waited for the SA of an offer for long enough
 * @work: ln->own.offers_work
 *
 * They go to the queue of sock/ownpol.c.
 *
 * Context: process.
 */
void latch_own_offers_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net,
					    own.offers_work);
	struct latch *l, *next;
	long left = 0, one;

	spin_lock_bh(&ln->own.lock);
	list_for_each_entry_safe(l, next, &ln->own.offers, own_link) {
		one = latch_own_offer_left(l);
		if (one <= 0)
			list_move_tail(&l->own_link, &ln->own.now);
		else
			left = left ? min(left, one) : one;
	}
	ln->own.offers_due = jiffies + left;
	if (left)
		latch_work_delay_anew(ln, &ln->own.offers_work, left);
	spin_unlock_bh(&ln->own.lock);
	latch_work_delay_anew(ln, &ln->own.work, 0);
}

/**
 * latch_own_await() - a latch that was taken from the queue waits for the SA of an offer
 * @l: the latch, held by the caller
 *
 * Context: process.
 */
void latch_own_await(struct latch *l)
{
	u32 wait = latch_own_offer_wait(l->ln) + 1;
	struct latch_net *ln = l->ln;

	spin_lock_bh(&ln->own.lock);
	if (list_empty(&l->own_link) && latch_hold(l))
		list_add_tail(&l->own_link, &ln->own.offers);
	/* the kernel's setting may be less than it was for the others */
	if (!delayed_work_pending(&ln->own.offers_work) ||
	    (s32)(ln->own.offers_due - (u32)jiffies) > (s32)wait) {
		ln->own.offers_due = jiffies + wait;
		latch_work_delay_anew(ln, &ln->own.offers_work, wait);
	}
	spin_unlock_bh(&ln->own.lock);
}

/**
 * latch_own_again() - a latch that was taken from the queue is to be looked at again, soon
 * @l: the latch; the caller's reference goes
 *
 * Context: process.
 */
void latch_own_again(struct latch *l)
{
	struct latch_net *ln = l->ln;
	bool queued;

	spin_lock_bh(&ln->own.lock);
	queued = !list_empty(&l->own_link);
	if (!queued)
		list_add_tail(&l->own_link, &ln->own.now);
	spin_unlock_bh(&ln->own.lock);
	if (queued)
		latch_put(l);
}

/**
 * latch_own_given() - a latch's socket has the policy, and administrators hear of it (6.2-1)
 * @l: the latch, whose lock is held
 *
 * Context: any.
 */
void latch_own_given(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (!l->own_given)
		atomic_inc(&l->ln->gauge.own);
	l->own_given = 1;
	latch_notify(l, l->state);
}

/* It does not have the policy any more. */
static void latch_own_lost(struct latch *l)
{
	if (l->own_given)
		atomic_dec(&l->ln->gauge.own);
	l->own_given = 0;
	l->own_renew = 0;
	l->own_offer = 0;
}

/**
 * latch_own_taken() - the policy was taken from a latch's socket, and administrators hear of it
 * @l: the latch, whose lock is held
 *
 * Context: any.
 */
void latch_own_taken(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	latch_own_lost(l);
	latch_notify(l, l->state);
}

/**
 * latch_own_never() - a latch's flow can have no policy, and administrators hear of it
 * @l:    the latch, whose lock is held
 * @none: LATCH_OWN_NONE_*: why
 *
 * Context: any.
 */
void latch_own_never(struct latch *l, u8 none)
{
	lockdep_assert_held(&l->lock);
	l->own_off = 1;
	l->own_none = none;
	latch_notify(l, l->state);
}

/**
 * latch_own_drop() - no event finds a latch any more: its policy goes
 * @l: the latch, whose lock is held
 *
 * One whose socket is closed is left to the kernel, which frees policies with the socket.
 *
 * Context: any.
 */
void latch_own_drop(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (l->own_given && l->sk && !sock_flag(l->sk, SOCK_DEAD)) {
		latch_own_lost(l);
		latch_own_queue(l, false);
		return;
	}
	latch_own_lost(l);
	latch_own_unqueue(l);
}

/**
 * latch_own_inherit() - a socket's next latch takes over what was asked for
 * @to:   the next latch, which has the socket
 * @from: the last one
 *
 * And what is left to do: the policy of the last one may still be there.
 *
 * Context: any; both latches' locks are held.
 */
void latch_own_inherit(struct latch *to, const struct latch *from)
{
	to->own_asked = from->own_asked;
	to->own_ask_offer = from->own_ask_offer;
	if (to->sk && !list_empty_careful(&from->own_link))
		latch_own_queue(to, false);
}

/**
 * latch_own_all() - what is wanted has changed for all flows
 * @ln: the namespace
 *
 * Context: process.
 */
void latch_own_all(struct latch_net *ln)
{
	struct latch *l;

	rcu_read_lock();
	latch_for_each(ln, l) {
		spin_lock_bh(&l->lock);
		if (!l->unlinked)
			latch_own_check(l);
		spin_unlock_bh(&l->lock);
		if (need_resched()) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
	latch_work_delay_anew(ln, &ln->own.work, 0);
}

/**
 * latch_own_migrated() - the ends of tunnels have moved (MOBIKE)
 * @ln: the namespace
 *
 * Context: any.
 */
void latch_own_migrated(struct latch_net *ln)
{
	WRITE_ONCE(ln->own.migrated, true);
	latch_work_delay_anew(ln, &ln->own.work, 0);
}

static void latch_own_renew_one(struct latch *l)
{
	spin_lock_bh(&l->lock);
	if (l->own_given && l->group && latch_common_moves(&l->group->c)) {
		l->own_renew = 1;
		latch_own_queue(l, false);
	}
	spin_unlock_bh(&l->lock);
}

/**
 * latch_own_renew() - policies that name the ends of tunnels go where these have moved
 * @ln: the namespace
 *
 * The SPD, which has moved with them, governs the flow until a packet shows the new ends.
 *
 * Context: process, the work of sock/ownpol.c only.
 */
void latch_own_renew(struct latch_net *ln)
{
	struct latch *l;

	if (!READ_ONCE(ln->own.migrated))
		return;
	WRITE_ONCE(ln->own.migrated, false);
	rcu_read_lock();
	latch_for_each(ln, l)
		latch_own_renew_one(l);
	rcu_read_unlock();
}

/**
 * latch_own_due() - those latches of the queue whose time has come
 * @ln:   the namespace
 * @todo: an empty list, where they go for latch_own_next()
 *
 * Context: process. Return: jiffies until the next ones are due, 0 where none waits.
 */
long latch_own_due(struct latch_net *ln, struct list_head *todo)
{
	long left = 0, wait = latch_own_wait(ln);
	struct latch *l, *next;

	spin_lock_bh(&ln->own.lock);
	list_splice_init(&ln->own.now, todo);
	/* in the order in which they began to wait */
	list_for_each_entry_safe(l, next, &ln->own.wait, own_link) {
		left = (s32)(l->since + (u32)wait - (u32)jiffies);
		if (left > 0)
			break;
		list_move_tail(&l->own_link, todo);
		left = 0;
	}
	spin_unlock_bh(&ln->own.lock);
	return left;
}

/**
 * latch_own_next() - the next latch to look at
 * @ln:   the namespace
 * @todo: from latch_own_due()
 *
 * Context: process. Return: the latch, held, or NULL.
 */
struct latch *latch_own_next(struct latch_net *ln, struct list_head *todo)
{
	struct latch *l;

	spin_lock_bh(&ln->own.lock);
	l = list_first_entry_or_null(todo, struct latch, own_link);
	if (l)
		list_del_init(&l->own_link);
	spin_unlock_bh(&ln->own.lock);
	return l;
}

/**
 * latch_own_later() - have the queue looked at later
 * @ln:    the namespace
 * @delay: jiffies
 *
 * Context: any.
 */
void latch_own_later(struct latch_net *ln, unsigned long delay)
{
	latch_work_delay(ln, &ln->own.work, delay);
}

/**
 * latch_own_clear() - let the queue go
 * @ln: the namespace, which ends; its latches are unlinked
 *
 * Context: process.
 */
void latch_own_clear(struct latch_net *ln)
{
	LIST_HEAD(todo);
	struct latch *l;

	spin_lock_bh(&ln->own.lock);
	list_splice_init(&ln->own.now, &todo);
	list_splice_init(&ln->own.wait, &todo);
	list_splice_init(&ln->own.offers, &todo);
	spin_unlock_bh(&ln->own.lock);
	while ((l = latch_own_next(ln, &todo)))
		latch_put(l);
}
