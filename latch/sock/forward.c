// SPDX-License-Identifier: GPL-2.0
/*
 * The life of latches of flows that this host forwards (RFC 5660 2.5-1). No socket ends them, so
 * they end some time after their last packet.
 *
 * Conntrack knows of the same flows, but a latch does not hang on its entries: it need not be
 * loaded, may be told not to track a flow, and lets entries go early where it has many or an
 * administrator says so. A flow whose latch goes with the entry would be latched anew, with whoever
 * has the address by then. It tells one module only of entries that end, and its functions would
 * make this module depend on it.
 *
 * Who holds what. The list has no reference of its own: latch_unlink() takes a latch out of it
 * under the latch's lock. Packets write @seen without a lock; the worker, in process context, adds
 * up what they wrote in @used under the latch's lock. Each latch pins the module.
 */
#include <linux/module.h>
#include <linux/ratelimit.h>

#include "base/net.h"
#include "base/work.h"
#include "channel/latch.h"
#include "channel/report.h"
#include "core/fsm.h"
#include "core/types.h"
#include "sock/forward.h"
#include "sock/unlink.h"
#include "xfrm/spd.h"

/* How long packets may still come of a connection that is over, in seconds. */
#define LATCH_FORWARD_LATE	60
/* Once a second so many latches are looked at, or this part of them. */
#define LATCH_FORWARD_SOME	64
#define LATCH_FORWARD_PART	32
/* Answers to what is dropped: in a second, and in a row about one flow. */
#define LATCH_FORWARD_RATE	1000
#define LATCH_FORWARD_GAP	(HZ / 10)

/**
 * latch_forward_setup() - nothing is forwarded yet
 * @ln: a namespace that begins
 *
 * Context: process.
 */
void latch_forward_setup(struct latch_net *ln)
{
	spin_lock_init(&ln->forward.lock);
	INIT_LIST_HEAD(&ln->forward.all);
	ratelimit_state_init(&ln->forward.rate, HZ, LATCH_FORWARD_RATE);
	ratelimit_set_flags(&ln->forward.rate, RATELIMIT_MSG_ON_RELEASE);
	INIT_DELAYED_WORK(&ln->forward.work, latch_forward_work);
}

/**
 * latch_forward_new() - a latch for one side of a flow that this host forwards
 * @ln: the namespace
 *
 * Context: any.
 * Return: the latch, numbered, in no table; ERR_PTR(-ENOMEM); ERR_PTR(-ENOBUFS) at the limit;
 * ERR_PTR(-EBUSY) while the module goes.
 */
struct latch *latch_forward_new(struct latch_net *ln)
{
	struct latch *l = latch_alloc(ln, NULL, GFP_ATOMIC);
	int err;

	if (!l)
		return ERR_PTR(-ENOMEM);
	l->automatic = 1;
	l->forwarded = 1;
	l->pinned = try_module_get(THIS_MODULE);
	err = l->pinned ? latch_list(l) : -EBUSY;
	if (err) {
		latch_unlink(l);
		return ERR_PTR(err);
	}
	return l;
}

/**
 * latch_forward_add() - packets find the latch of a forwarded flow, which is to end some time
 * @l: the latch, whose lock is held
 *
 * Context: BH off.
 */
void latch_forward_add(struct latch *l)
{
	struct latch_net *ln = l->ln;

	lockdep_assert_held(&l->lock);
	l->used = ktime_get_seconds();
	WRITE_ONCE(l->seen, l->used);
	spin_lock(&ln->forward.lock);
	list_add_tail(&l->pending_link, &ln->forward.all);
	ln->forward.n++;
	spin_unlock(&ln->forward.lock);
	if (!delayed_work_pending(&ln->forward.work))
		latch_work_delay(ln, &ln->forward.work, HZ);
}

/**
 * latch_forward_del() - the latch of a forwarded flow goes
 * @l: any latch, whose lock is held
 *
 * Context: BH off. Does nothing to one that is not in the list.
 */
void latch_forward_del(struct latch *l)
{
	struct latch_net *ln = l->ln;

	lockdep_assert_held(&l->lock);
	if (!l->forwarded || list_empty(&l->pending_link))
		return;
	spin_lock(&ln->forward.lock);
	list_del_init(&l->pending_link);
	ln->forward.n--;
	spin_unlock(&ln->forward.lock);
}

/**
 * latch_forward_any() - is there a flow that is forwarded and latched?
 * @ln: the namespace
 *
 * Context: any.
 */
bool latch_forward_any(const struct latch_net *ln)
{
	return READ_ONCE(ln->forward.n);
}

/**
 * latch_forward_unpin() - the module need not stay for a forwarded flow that was closed
 * @l: any latch, held
 *
 * Its packets are dropped for as long as the module is there.
 *
 * Context: process, @l->lock not held.
 */
void latch_forward_unpin(struct latch *l)
{
	bool unpin;

	spin_lock_bh(&l->lock);
	unpin = l->forwarded && l->unpin && l->pinned && l->state == LATCH_STATE_CLOSED;
	if (unpin)
		l->pinned = 0;
	spin_unlock_bh(&l->lock);
	if (unpin)
		module_put(THIS_MODULE);
}

/**
 * latch_forward_close() - a forwarded flow is over, and packets find its latch no more
 * @l: the latch, held or under RCU, whose lock is not held
 *
 * Context: any.
 */
void latch_forward_close(struct latch *l)
{
	spin_lock_bh(&l->lock);
	if (!l->unlinked)
		latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_RELEASED);
	spin_unlock_bh(&l->lock);
	latch_unlink(l);
}

/**
 * latch_forward_may_answer() - is the sender of a packet to hear that its flow is broken?
 * @l: the latch that drops it
 *
 * Not where the disposition is to wait, or what it says is put off, and not to each packet. Two
 * resets are what comes of it for TCP, so the connection is taken to be over.
 *
 * Context: any, @l->lock not held.
 */
bool latch_forward_may_answer(struct latch *l)
{
	u32 now = jiffies;
	bool ok;

	spin_lock_bh(&l->lock);
	ok = (l->state == LATCH_STATE_BROKEN || l->state == LATCH_STATE_CLOSED) && !l->put_off &&
	     latch_disposition(l) != LATCH_DISP_WAIT && now - l->since >= LATCH_FORWARD_GAP;
	ok = ok && __ratelimit(&l->ln->forward.rate);
	if (ok)
		l->since = now;
	if (ok && l->flow.proto == IPPROTO_TCP && latch_disposition(l) == LATCH_DISP_RESET)
		WRITE_ONCE(l->way, l->way | LATCH_FWD_RST);
	spin_unlock_bh(&l->lock);
	return ok;
}

/* How long a latch lives without a packet, in seconds. */
static u32 latch_forward_life(const struct latch *l)
{
	const struct latch_net *ln = l->ln;
	u32 life = READ_ONCE(ln->conf.forward_timeout_s);

	if (l->flow.proto != IPPROTO_TCP)
		return life;
	if (latch_forward_over(l))
		return min_t(u32, life, LATCH_FORWARD_LATE);
	return latch_forward_answered(l) && READ_ONCE(l->state) != LATCH_STATE_CLOSED ?
	       READ_ONCE(ln->conf.forward_tcp_timeout_s) : life;
}

/* Under its lock: each latch is looked at long before the low 16 bits begin anew. */
static bool latch_forward_idle(struct latch *l)
{
	u16 seen = READ_ONCE(l->seen), age;
	u32 now = ktime_get_seconds();

	age = now - seen;
	/* a packet may have come since the clock was read */
	if (seen != (u16)l->used)
		l->used = now - (age > U16_MAX - 60 ? 0 : age);
	return now - l->used >= latch_forward_life(l);
}

/* The next latch to be looked at, held. */
static struct latch *latch_forward_next(struct latch_net *ln)
{
	struct latch *l;

	spin_lock_bh(&ln->forward.lock);
	l = list_first_entry_or_null(&ln->forward.all, struct latch, pending_link);
	if (l)
		list_move_tail(&l->pending_link, &ln->forward.all);
	/* latch_unlink() takes it out before the last reference goes */
	if (l && !latch_hold(l))
		l = NULL;
	spin_unlock_bh(&ln->forward.lock);
	return l;
}

/**
 * latch_forward_work() - let the latches of flows go that have been silent for too long
 * @work: ln->forward.work
 *
 * Context: process.
 */
void latch_forward_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net, forward.work);
	u32 n = READ_ONCE(ln->forward.n);
	struct latch *l;
	bool idle;

	n = min(n, max(n / LATCH_FORWARD_PART, (u32)LATCH_FORWARD_SOME));
	for (; n && (l = latch_forward_next(ln)); n--) {
		spin_lock_bh(&l->lock);
		idle = latch_forward_idle(l);
		spin_unlock_bh(&l->lock);
		if (idle)
			latch_forward_close(l);
		latch_put(l);
		cond_resched();
	}
	if (latch_forward_any(ln))
		latch_work_delay(ln, &ln->forward.work, HZ);
}

/**
 * latch_forward_prepare() - net.latch.forward is about to be set
 * @ln: the namespace
 *
 * A latch is checked against the copy of the SPD, so that has inbound policies of what is
 * forwarded before there is one.
 *
 * Context: process; the caller lets nobody else write net.latch.forward.
 */
void latch_forward_prepare(struct latch_net *ln)
{
	latch_spd_set_forward(ln, true);
	latch_work_queue(ln, LATCH_WORK_SPD);
	latch_work_sync(ln);
}

/**
 * latch_forward_end() - net.latch.forward is not set any more
 * @ln: the namespace
 *
 * No packet makes another latch, and those that are there go.
 *
 * Context: process; the caller lets nobody else write net.latch.forward.
 */
void latch_forward_end(struct latch_net *ln)
{
	struct latch *l;

	synchronize_rcu();
	while ((l = latch_forward_next(ln))) {
		latch_forward_close(l);
		latch_put(l);
		cond_resched();
	}
	latch_spd_set_forward(ln, false);
	latch_work_queue(ln, LATCH_WORK_SPD);
}
