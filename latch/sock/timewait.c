// SPDX-License-Identifier: GPL-2.0
/*
 * TIME_WAIT: the socket is gone, but TCP still answers for it. What was latched
 * goes on for these answers, as a latch without socket that nobody lists and no
 * event moves, until TIME_WAIT is over or a SYN opens the 5-tuple again
 * (RFC 5660 2-10: nothing is sent under other protection).
 */
#include <net/inet_hashtables.h>
#include <net/tcp.h>

#include "base/net.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/table.h"
#include "sock/halfopen.h"
#include "sock/owner.h"
#include "sock/tcp.h"
#include "sock/timewait.h"
#include "sock/unlink.h"

/* TCP's timer may be late by some seconds; segments that come make it begin anew. */
#define LATCH_TIMEWAIT_LIFE	(TCP_TIMEWAIT_LEN + 5 * HZ)

/* Under its lock: to the end of those that wait, and be looked at when it gets there. */
static void latch_timewait_add(struct latch *g, const struct sock *sk)
{
	struct latch_net *ln = g->ln;

	lockdep_assert_held(&g->lock);
	g->bound = sk->sk_bound_dev_if;
	spin_lock(&ln->pending.lock);
	g->expires = jiffies + LATCH_TIMEWAIT_LIFE;
	WRITE_ONCE(g->pending, true);
	list_add_tail(&g->pending_link, &ln->pending.timewait);
	spin_unlock(&ln->pending.lock);
	latch_halfopen_later(ln, HZ);
}

/* The next one whose time is over, held, and put off until it would be over again. */
static struct latch *latch_timewait_due(struct latch_net *ln)
{
	struct latch *g;

	spin_lock_bh(&ln->pending.lock);
	g = list_first_entry_or_null(&ln->pending.timewait, struct latch, pending_link);
	if (g && (time_before(jiffies, g->expires) || !latch_hold(g)))
		g = NULL;
	if (g) {
		g->expires = jiffies + LATCH_TIMEWAIT_LIFE;
		list_move_tail(&g->pending_link, &ln->pending.timewait);
	}
	spin_unlock_bh(&ln->pending.lock);
	return g;
}

static bool latch_timewait_over(const struct latch *g)
{
	bool over = true;
	struct sock *tw;

	rcu_read_lock();
	tw = latch_tcp_find(g->ln, &g->flow, g->bound, 0);
	if (tw) {
		over = tw->sk_state != TCP_TIME_WAIT;
		sock_gen_put(tw);
	}
	rcu_read_unlock();
	return over;
}

/**
 * latch_timewait_replaced() - has another connection the 5-tuple of a TIME_WAIT by now?
 * @g: the latch of the TIME_WAIT
 *
 * Where TCP has nothing there, the latch still speaks for what TCP says of the flow.
 *
 * Context: RCU read side.
 */
bool latch_timewait_replaced(const struct latch *g)
{
	struct sock *sk = latch_tcp_find(g->ln, &g->flow, g->bound, 0);
	bool replaced = sk && sk->sk_state != TCP_TIME_WAIT;

	if (sk)
		sock_gen_put(sk);
	return replaced;
}

/**
 * latch_timewait_expire() - let those go whose TIME_WAIT is over
 * @ln: the namespace
 *
 * Context: process. Return: true where there are more.
 */
bool latch_timewait_expire(struct latch_net *ln)
{
	struct latch *g;

	while ((g = latch_timewait_due(ln))) {
		if (latch_timewait_over(g))
			latch_unlink(g);
		latch_put(g);
		cond_resched();
	}
	return !list_empty(&ln->pending.timewait);
}

static struct latch *latch_timewait_alloc(const struct latch *l)
{
	struct latch *g = latch_alloc(l->ln, NULL, GFP_ATOMIC);

	if (!g)
		return NULL;
	g->special = LATCH_TIMEWAIT;
	g->state = l->state;
	g->mode = l->mode;
	g->reason = l->reason;
	g->flow = l->flow;
	g->group = latch_group_hold(l->group);
	return g;
}

/* A copy goes on, while the socket keeps the latch. False without memory. */
static bool latch_timewait_leave(struct latch *l, const struct sock *sk)
{
	struct latch *g = latch_timewait_alloc(l);

	if (!g)
		return false;
	if (latch_flow_replace(l, g)) {
		latch_put(g);
		return false;
	}
	spin_lock_nested(&g->lock, SINGLE_DEPTH_NESTING);
	latch_timewait_add(g, sk);
	spin_unlock(&g->lock);
	return true;
}

/* The latch itself goes on, where its socket is closed and nobody can ask for it. */
static bool latch_timewait_become(struct latch *l, const struct sock *sk)
{
	if (!sock_flag(sk, SOCK_DEAD) || !latch_owner_unchain(l))
		return false;
	latch_enter_timewait(l);
	latch_owner_detach(l);
	latch_timewait_add(l, sk);
	return true;
}

/**
 * latch_timewait_make() - a connection goes over to TIME_WAIT, where it does
 * @l:   its latch, whose lock is held, still found by its flow
 * @sk:  its socket
 * @old: the state that this was in before
 *
 * Without memory there is no TIME_WAIT: it must not answer unchecked.
 *
 * Context: BH off. Return: true where @l itself stands for TIME_WAIT now.
 */
bool latch_timewait_make(struct latch *l, const struct sock *sk, int old)
{
	struct sock *tw;
	bool self;

	lockdep_assert_held(&l->lock);
	if (!l->hashed || l->state == LATCH_STATE_CLOSED ||
	    (old != TCP_FIN_WAIT1 && old != TCP_FIN_WAIT2 && old != TCP_CLOSING))
		return false;
	/* what ends from here without an error does so in TIME_WAIT */
	if (!READ_ONCE(sk->sk_err) && latch_timewait_become(l, sk))
		return true;
	tw = latch_tcp_find(l->ln, &l->flow, sk->sk_bound_dev_if, 0);
	if (!tw)
		return false;
	if (tw->sk_state != TCP_TIME_WAIT) {
		sock_gen_put(tw);
		return false;
	}
	self = latch_timewait_become(l, sk);
	if (self || latch_timewait_leave(l, sk))
		sock_gen_put(tw);
	else
		inet_twsk_deschedule_put(inet_twsk(tw));
	return self;
}
