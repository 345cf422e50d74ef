// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a latch: made, moved from state to state, let go.
 */
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/tcp.h>

#include "api/nl_latch.h"
#include "base/mib.h"
#include "base/net.h"
#include "base/sctp.h"
#include "base/work.h"
#include "channel/demand.h"
#include "channel/dest.h"
#include "channel/group.h"
#include "channel/id.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "channel/report.h"
#include "channel/table.h"
#include "channel/trace.h"
#include "core/fsm.h"
#include "core/params.h"

/* What every packet reads is in two cache lines, and a page has room for 18 latches, not 16. */
#define LATCH_ALIGN	32

static struct kmem_cache *latch_cache;

/* Memory of a latch counts where the memory of its socket does. */
static struct latch *latch_cache_alloc(const struct sock *sk, gfp_t gfp)
{
#ifdef CONFIG_MEMCG
	if (sk && sk->sk_memcg) {
		struct mem_cgroup *old = set_active_memcg(sk->sk_memcg);
		struct latch *l = kmem_cache_zalloc(latch_cache, gfp | __GFP_NOWARN);

		set_active_memcg(old);
		return l;
	}
#endif
	return kmem_cache_zalloc(latch_cache, gfp | __GFP_NOWARN);
}

/**
 * latch_alloc() - a new latch in state NONE
 * @ln:  the namespace
 * @sk:  the socket whose memory it counts as, NULL none
 * @gfp: GFP_KERNEL or GFP_ATOMIC
 *
 * Context: as @gfp says.
 * Return: the latch with the tables' reference, in no table; NULL without memory.
 */
struct latch *latch_alloc(struct latch_net *ln, const struct sock *sk, gfp_t gfp)
{
	struct latch *l = latch_cache_alloc(sk, gfp);

	if (!l)
		return NULL;
	l->ln = ln;
	spin_lock_init(&l->lock);
	refcount_set(&l->ref, 1);
	INIT_LIST_HEAD(&l->report);
	INIT_LIST_HEAD(&l->pending_link);
	INIT_LIST_HEAD(&l->own_link);
	return l;
}

/**
 * latch_list() - number a latch and count it against the limit
 * @l: a latch that nobody else sees yet; not a listener's
 *
 * Context: any.
 * Return: 0; -ENOBUFS where max_latches are there; -ENOMEM.
 */
int latch_list(struct latch *l)
{
	struct latch_net *ln = l->ln;
	int err = -ENOBUFS;

	if (atomic_inc_return(&ln->gauge.latches) <= READ_ONCE(ln->conf.max_latches))
		err = latch_id_assign(l);
	if (err)
		atomic_dec(&ln->gauge.latches);
	else
		l->listed = 1;
	return err;
}

/**
 * latch_ask_as() - a connection asks for what its listener does
 * @l:      a latch that nobody else sees yet
 * @parent: the listener's; under RCU
 *
 * Context: any.
 */
void latch_ask_as(struct latch *l, const struct latch *parent)
{
	l->automatic = parent->automatic;
	l->mode = parent->mode;
	l->disposition = parent->disposition;
	l->alerts = READ_ONCE(parent->alerts) & LATCH_ALERTS_ON;
	l->own_asked = parent->own_asked;
	if (parent->demand && refcount_inc_not_zero(&parent->demand->ref))
		l->demand = parent->demand;
}

/**
 * latch_no_more() - the socket of a connection that is over has said all that it had to say
 * @l: its latch, whose lock is held
 *
 * Context: any.
 */
void latch_no_more(struct latch *l)
{
	struct latch_net *ln = l->ln;

	lockdep_assert_held(&l->lock);
	if (!l->over)
		return;
	l->over = 0;
	atomic_dec(&ln->gauge.over);
	if (!latch_net_needed(ln))
		latch_work_queue(ln, LATCH_WORK_WAKE);
}

/**
 * latch_hold() - one reference more
 * @l: a latch under RCU
 *
 * Return: false where it is on its way out.
 */
bool latch_hold(struct latch *l)
{
	return refcount_inc_not_zero(&l->ref);
}

/* The module is left behind here: latch_exit() waits for all call-backs. */
static void latch_free_rcu(struct rcu_head *rcu)
{
	struct latch *l = container_of(rcu, struct latch, rcu);
	bool pinned = l->pinned, sctp = l->sctp;

	kmem_cache_free(latch_cache, l);
	if (sctp)
		latch_sctp_unpin();
	if (pinned)
		module_put(THIS_MODULE);
}

/**
 * latch_put() - one reference less
 * @l: the latch
 *
 * Context: any.
 */
void latch_put(struct latch *l)
{
	if (!refcount_dec_and_test(&l->ref))
		return;
	WARN_ON_ONCE(l->hashed || l->has_id || l->sk);
	latch_demand_put(l->demand);
	latch_group_put(l->group);
	latch_dests_put(l->dests);
	call_rcu(&l->rcu, latch_free_rcu);
}

/**
 * latch_lookup_inc() - a socket has a demand, but packets cannot find it yet
 * @l: its latch, whose lock is held
 */
void latch_lookup_inc(struct latch *l)
{
	if (l->lookup)
		return;
	l->lookup = 1;
	atomic_inc(&l->ln->n_lookup);
	/* the worker may just be switching the hooks off */
	latch_work_queue(l->ln, LATCH_WORK_WAKE);
}

/**
 * latch_lookup_dec() - packets find it now, or it has none any more
 * @l: the latch, whose lock is held
 */
void latch_lookup_dec(struct latch *l)
{
	if (!l->lookup)
		return;
	l->lookup = 0;
	atomic_dec(&l->ln->n_lookup);
}

/* A listener, or a UDP socket that other addresses lead to, too, is not counted any more. */
static void latch_uncount(struct latch *l)
{
	if (l->counted)
		atomic_dec(&l->ln->gauge.listeners);
	if (l->in_group)
		atomic_dec(&l->ln->n_lookup);
	l->counted = 0;
	l->in_group = 0;
}

/* No event and no list finds a latch any more. */
static void latch_unlist(struct latch *l)
{
	struct latch_net *ln = l->ln;

	latch_report_cancel(l);
	latch_own_end(l);
	latch_group_leave(l);
	latch_id_release(l);
	if (unlikely(l->counted || l->in_group))
		latch_uncount(l);
	if (!l->listed)
		return;
	l->listed = 0;
	atomic_dec(&ln->gauge.latches);
	if (!latch_net_needed(ln))
		latch_work_queue(ln, LATCH_WORK_WAKE);
}

/**
 * latch_retire() - no packet, event or list finds a latch any more
 * @l: the latch, whose lock is held
 *
 * Its socket still does.
 */
void latch_retire(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	latch_unhash_flow(l);
	/* a demand holds for whatever the socket does next */
	if (l->mode == LATCH_MODE_REQUIRE && l->sk && !l->unlinked)
		latch_lookup_inc(l);
	else
		latch_lookup_dec(l);
	latch_unlist(l);
}

static void latch_count_state(struct latch *l, u8 state)
{
	switch (state) {
	case LATCH_STATE_ESTABLISHED:
		latch_mib_event(l->ln, l->breaks ? LATCH_MIB_RESTORED : LATCH_MIB_CREATED);
		break;
	case LATCH_STATE_BROKEN:
		l->breaks++;
		latch_mib_event(l->ln, LATCH_MIB_BROKEN);
		break;
	case LATCH_STATE_CLOSED:
		latch_mib_event(l->ln, LATCH_MIB_CLOSED);
		break;
	}
}

/**
 * latch_transition() - an event changes a latch's state; nothing else does
 * @l:      the latch, whose lock is held
 * @event:  enum latch_event
 * @reason: LATCH_REASON_* of a break or close, else NONE and the old one stays
 *
 * Counts, tells the multicast group (2.3-10) and has the owner told (2.2-9).
 *
 * Context: any.
 * Return: false where the event cannot happen in this state.
 */
bool latch_transition(struct latch *l, u8 event, u8 reason)
{
	struct latch_step step = latch_fsm(l->state, event);
	u8 old = l->state;

	lockdep_assert_held(&l->lock);
	if (!step.valid)
		return false;
	if (reason != LATCH_REASON_NONE && step.next != old)
		l->reason = reason;
	if (step.next != LATCH_STATE_ESTABLISHED)
		WRITE_ONCE(l->noted, 0);
	WRITE_ONCE(l->state, step.next);
	if (step.next != old) {
		latch_count_state(l, step.next);
		trace_latch_state(l, old, step.next);
	}
	if (step.next != LATCH_STATE_BROKEN)
		latch_report_cancel(l);
	if (step.next == LATCH_STATE_ESTABLISHED && step.next != old)
		latch_own_check(l);
	if (step.act & LATCH_ACT_OWNER)
		latch_report_break(l);
	if (step.act & LATCH_ACT_NOTIFY)
		latch_notify(l, old);
	/* UDP is silenced, not told (2.3-20) */
	if (step.act & LATCH_ACT_RESET && l->flow.proto != IPPROTO_UDP)
		latch_report(l, -ECONNRESET);
	return true;
}

/**
 * latch_enter_timewait() - a connection is over, but packets go on to find its latch
 * @l: the latch, ESTABLISHED or BROKEN, whose lock is held; its socket is about to go
 *
 * To whoever asks, and to the counters, it is CLOSED; for the packets of TIME_WAIT its
 * state is what it was, and no event moves it.
 *
 * Context: BH off.
 */
void latch_enter_timewait(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (l->state == LATCH_STATE_ESTABLISHED)
		l->reason = LATCH_REASON_RELEASED;
	WRITE_ONCE(l->special, LATCH_TIMEWAIT);
	latch_count_state(l, LATCH_STATE_CLOSED);
	trace_latch_state(l, l->state, LATCH_STATE_CLOSED);
	latch_notify(l, l->state);
	latch_unlist(l);
}

/**
 * latch_identified() - it became known who the peer of a latch is
 * @l: the latch, whose lock is held
 *
 * Once for each latch, as that is not changed afterwards (2-19).
 *
 * Context: any.
 */
void latch_identified(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	latch_mib_event(l->ln, LATCH_MIB_IDENTIFIED);
	trace_latch_state(l, l->state, l->state);
	latch_notify(l, l->state);
}

/**
 * latch_rule() - which suites are congruent now
 * @l: the latch, whose lock is held
 *
 * What is latched stays; but net.latch.qop says for connections that are there
 * already, too, whether a stronger suite may follow, so that a fleet can be
 * moved to one. A set that the socket gave stays.
 *
 * Return: enum latch_qop_rule.
 */
u8 latch_rule(const struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (l->demand && l->demand->want.n_suites)
		return LATCH_QOP_SET;
	return READ_ONCE(l->ln->conf.qop);
}

/**
 * latch_init() - make cache and tables
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_init(void)
{
	int err = latch_table_init();

	if (err)
		return err;
	latch_cache = kmem_cache_create("latch", sizeof(struct latch), LATCH_ALIGN,
					SLAB_ACCOUNT, NULL);
	if (latch_cache)
		return 0;
	latch_table_exit();
	return -ENOMEM;
}

/**
 * latch_exit() - free them; no latch is left
 */
void latch_exit(void)
{
	rcu_barrier();
#ifdef CONFIG_TASKS_RCU
	/* a task may have been preempted on its last steps in latch_sk_destruct() */
	synchronize_rcu_tasks();
#endif
	latch_table_exit();
	kmem_cache_destroy(latch_cache);
}
