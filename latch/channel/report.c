// SPDX-License-Identifier: GPL-2.0
/*
 * How a latch's owner is told that it is broken or closed (RFC 5660 2.2-9, 5.5-1): at once, or
 * some time later, where key managers are known to break a latch for a moment themselves.
 */
#include <linux/jiffies.h>
#include <net/sock.h>

#include "api/nl_latch.h"
#include "base/mib.h"
#include "base/net.h"
#include "base/work.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "channel/report.h"
#include "channel/trace.h"
#include "core/conflict.h"
#include "core/types.h"

/**
 * latch_disposition() - what happens to the owner on a break (5.5-1, 5.5-2)
 * @l: the latch
 *
 * Return: LATCH_DISP_WAIT, _RESET or _UNREACH.
 */
u8 latch_disposition(const struct latch *l)
{
	if (l->disposition != LATCH_DISP_DEFAULT)
		return l->disposition;
	if (l->flow.proto == IPPROTO_UDP && !l->forwarded)
		return LATCH_DISP_WAIT;
	return READ_ONCE(l->ln->conf.disposition);
}

/**
 * latch_report_errno() - the error that the owner is to get on a break
 * @l: the latch
 *
 * Context: any, @l->lock held. Return: negative; 0 for none.
 */
int latch_report_errno(const struct latch *l)
{
	const struct sock *sk = l->sk;

	if (latch_disposition(l) == LATCH_DISP_WAIT)
		return 0;
	/* connect() has not returned yet and tells why (2.3-16) */
	if (sk && sk->sk_protocol == IPPROTO_TCP && sk->sk_state == TCP_SYN_SENT)
		return -EKEYREJECTED;
	return latch_disposition(l) == LATCH_DISP_UNREACH ? -EHOSTUNREACH : -ECONNRESET;
}

/**
 * latch_report() - have the worker tell the owner (2.2-9, 5.5-1)
 * @l:   the latch, whose lock is held
 * @err: error for the socket, negative; 0 does nothing
 *
 * Context: any.
 */
void latch_report(struct latch *l, int err)
{
	struct latch_net *ln = l->ln;

	lockdep_assert_held(&l->lock);
	if (!err)
		return;
	trace_latch_report(l, err);
	spin_lock(&ln->reports.lock);
	l->err = -err;
	if (l->put_off)
		list_move_tail(&l->report, &ln->reports.all);
	else if (list_empty(&l->report) && latch_hold(l))
		list_add_tail(&l->report, &ln->reports.all);
	l->put_off = 0;
	spin_unlock(&ln->reports.lock);
	latch_work_queue(ln, LATCH_WORK_WAKE);
}

/**
 * latch_refuse() - a SYN that cannot be latched as asked fails its connect() at once (2.3-16)
 * @l:      the socket's latch, whose lock is held
 * @f:      the flow that the SYN would have opened
 * @reason: LATCH_REASON_*
 *
 * Context: any. Return: true where it fails now; false where another SYN may do better, or the
 * owner was told already.
 */
bool latch_refuse(struct latch *l, const struct latch_flow *f, u8 reason)
{
	lockdep_assert_held(&l->lock);
	latch_mib_event(l->ln, LATCH_MIB_REFUSED);
	trace_latch_refuse(l, f, reason);
	/* an identity that is still to come, or memory, is worth another SYN */
	if (reason == LATCH_REASON_PENDING || reason == LATCH_REASON_LOST ||
	    reason == LATCH_REASON_NO_MEM || reason == LATCH_REASON_LIMIT)
		return false;
	/* a break was told by latch_transition() */
	if (l->state == LATCH_STATE_BROKEN)
		return false;
	l->reason = reason;
	if (reason == LATCH_REASON_LARVAL || reason == LATCH_REASON_CLEAR ||
	    reason == LATCH_REASON_NO_SA)
		latch_report(l, -ENOKEY);
	else
		latch_report(l, -EKEYREJECTED);
	return true;
}

static unsigned long latch_report_grace(const struct latch_net *ln)
{
	return msecs_to_jiffies(READ_ONCE(ln->conf.break_grace_ms));
}

static void latch_report_spare(struct latch *l)
{
	struct latch_net *ln = l->ln;
	bool first;

	latch_own_stop(l);
	spin_lock(&ln->reports.lock);
	first = list_empty(&ln->reports.grace);
	if (list_empty(&l->report) && latch_hold(l)) {
		l->put_off = 1;
		l->since = jiffies;
		list_add_tail(&l->report, &ln->reports.grace);
	}
	spin_unlock(&ln->reports.lock);
	if (first)
		latch_work_delay_anew(ln, &ln->reports.work, latch_report_grace(ln) + 1);
}

/**
 * latch_report_break() - a latch broke: the owner is told, now or net.latch.break_grace_ms later
 * @l: the latch, in BROKEN, whose lock is held
 *
 * Policies that are away for a moment, and an identity that comes late, are what key managers
 * do to connections that go on afterwards. Nothing passes meanwhile.
 *
 * Context: any.
 */
void latch_report_break(struct latch *l)
{
	int err = latch_report_errno(l);

	lockdep_assert_held(&l->lock);
	if (err && latch_conflict_may_end(l->conflicts) && latch_report_grace(l->ln))
		latch_report_spare(l);
	else
		latch_report(l, err);
}

/**
 * latch_report_now() - a broken latch has other conflicts than before
 * @l: the latch, in BROKEN, whose lock is held
 *
 * Where these do not end by themselves, what was put off is not any more.
 *
 * Context: any.
 */
void latch_report_now(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (!l->put_off || latch_conflict_may_end(l->conflicts))
		return;
	l->reason = latch_reason_first(l->conflicts);
	latch_report(l, latch_report_errno(l));
	latch_notify(l, l->state);
}

/**
 * latch_report_forget() - the report that was put off is not told
 * @l: the latch, whose lock is held
 *
 * Context: any; the caller holds the latch, or is under RCU.
 */
void latch_report_forget(struct latch *l)
{
	struct latch_net *ln = l->ln;

	lockdep_assert_held(&l->lock);
	spin_lock(&ln->reports.lock);
	l->put_off = 0;
	list_del_init(&l->report);
	spin_unlock(&ln->reports.lock);
	latch_put(l);
}

/**
 * latch_report_next() - the next latch whose owner is to be told
 * @ln:   the namespace
 * @from: those that were put off, from latch_report_later(); NULL the others
 * @err:  what
 *
 * Context: any. Return: the latch, held, or NULL.
 */
struct latch *latch_report_next(struct latch_net *ln, struct list_head *from, int *err)
{
	struct latch *l;

	spin_lock_bh(&ln->reports.lock);
	l = list_first_entry_or_null(from ?: &ln->reports.all, struct latch, report);
	if (l) {
		list_del_init(&l->report);
		*err = -l->err;
	}
	spin_unlock_bh(&ln->reports.lock);
	return l;
}

/**
 * latch_report_again() - the owner of a latch is to be told later
 * @l:   the latch; the caller's reference goes
 * @err: what, negative, unless there is something newer; 0 is nothing
 *
 * Context: any.
 */
void latch_report_again(struct latch *l, int err)
{
	struct latch_net *ln = l->ln;
	bool reported;

	spin_lock_bh(&ln->reports.lock);
	reported = !list_empty(&l->report);
	if (!reported) {
		l->err = -err;
		list_add_tail(&l->report, &ln->reports.later);
	}
	spin_unlock_bh(&ln->reports.lock);
	if (reported)
		latch_put(l);
}

/**
 * latch_report_later() - all whose owners could not be told yet
 * @ln:   the namespace
 * @todo: an empty list, where they go for latch_report_next()
 *
 * Context: any.
 */
void latch_report_later(struct latch_net *ln, struct list_head *todo)
{
	spin_lock_bh(&ln->reports.lock);
	list_splice_init(&ln->reports.later, todo);
	spin_unlock_bh(&ln->reports.lock);
}

/* The first latch whose time is over, held, or NULL; @left: how long the next one has. */
static struct latch *latch_report_due(struct latch_net *ln, long *left)
{
	struct latch *l;

	*left = 0;
	spin_lock_bh(&ln->reports.lock);
	l = list_first_entry_or_null(&ln->reports.grace, struct latch, report);
	if (l) {
		*left = (s32)(l->since + (u32)latch_report_grace(ln) - (u32)jiffies);
		if (*left > 0)
			l = NULL;
		else
			refcount_inc(&l->ref);
	}
	spin_unlock_bh(&ln->reports.lock);
	return l;
}

/**
 * latch_report_work() - tell the owners of latches that were broken for too long
 * @work: ln->reports.work
 *
 * Context: process.
 */
void latch_report_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net, reports.work);
	struct latch *l;
	long left;
	int err;

	while ((l = latch_report_due(ln, &left))) {
		spin_lock_bh(&l->lock);
		if (l->put_off) {
			err = latch_report_errno(l);
			if (err)
				latch_report(l, err);
			else
				latch_report_cancel(l);
			latch_notify(l, l->state);
		}
		spin_unlock_bh(&l->lock);
		latch_put(l);
		cond_resched();
	}
	if (left > 0)
		latch_work_delay(ln, &ln->reports.work, left);
}
