// SPDX-License-Identifier: GPL-2.0
/*
 * What follows from an event for the latches that are there (RFC 5660 2.2-6 to 2.2-10): from a
 * path to its groups, from a group to its latches, and from what is found to their state.
 */
#include <linux/rculist_nulls.h>

#include "base/net.h"
#include "base/sacache.h"
#include "base/work.h"
#include "channel/eval.h"
#include "channel/group.h"
#include "channel/id.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "channel/reeval.h"
#include "channel/report.h"
#include "core/conflict.h"
#include "core/flow.h"
#include "core/tag.h"
#include "core/types.h"
#include "peer/bind.h"
#include "xfrm/path.h"
#include "xfrm/sad.h"
#include "xfrm/spd.h"

/**
 * latch_settle() - a latch has these conflicts now
 * @l:         a latch, lock held
 * @conflicts: set of LATCH_R() bits, as latch_eval() finds them
 *
 * Context: any. Does nothing to one that is not established or broken.
 */
void latch_settle(struct latch *l, u32 conflicts)
{
	u32 now = latch_conflict_update(l->conflicts, conflicts);
	bool changed;
	u8 event;

	lockdep_assert_held(&l->lock);
	if (l->unlinked || (l->state != LATCH_STATE_ESTABLISHED && l->state != LATCH_STATE_BROKEN))
		return;
	changed = latch_conflict_event(l->conflicts, now, &event);
	l->conflicts = now;
	if (changed)
		latch_transition(l, event, latch_reason_first(now));
	else
		latch_report_now(l);
}

/**
 * latch_resettle() - check a latch for what it has in common with others now
 * @l:      a latch that was established, lock held
 * @common: that
 * @relink: see latch_eval()
 *
 * Context: RCU read side.
 */
void latch_resettle(struct latch *l, struct latch_common *common, bool relink)
{
	bool known = latch_peer_known(l->group);
	u32 conflicts = latch_eval(l, common, relink);

	if (!known && latch_peer_known(l->group))
		latch_identified(l);
	latch_settle(l, conflicts);
	if (conflicts & LATCH_R(NO_MEM))
		latch_work_retry(l->ln, LATCH_WORK_ALL);
}

/**
 * latch_reeval() - bring a latch's conflicts up to date (2.2-6 to 2.2-10)
 * @l:      the latch
 * @relink: see latch_eval()
 *
 * Context: RCU read side; takes @l->lock.
 */
void latch_reeval(struct latch *l, bool relink)
{
	struct latch_common common;

	spin_lock_bh(&l->lock);
	if (!l->unlinked && l->joined && (l->state == LATCH_STATE_ESTABLISHED ||
					  l->state == LATCH_STATE_BROKEN)) {
		common = l->group->c;
		latch_own_look(l, &common);
		latch_resettle(l, &common, relink);
	}
	spin_unlock_bh(&l->lock);
}

/**
 * latch_reeval_all() - bring every latch of a namespace up to date
 * @ln: the namespace
 *
 * Context: process.
 */
void latch_reeval_all(struct latch_net *ln)
{
	struct latch *l;

	rcu_read_lock();
	latch_for_each(ln, l) {
		latch_reeval(l, true);
		if (need_resched()) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
}

/* Its group has these conflicts; but its socket may have got a policy since. */
static void latch_settle_as(struct latch *l, u32 conflicts)
{
	struct latch_common common;

	if (!conflicts || !latch_own_moved(l)) {
		latch_settle(l, conflicts);
		return;
	}
	common = l->group->c;
	latch_own_look(l, &common);
	latch_resettle(l, &common, false);
}

/**
 * latch_settle_by_group() - a latch hears of its group's conflicts at once
 * @l: the latch, whose lock is held
 *
 * The worker gets to it, too; but no packet passes in the meantime.
 *
 * Context: RCU read side.
 */
void latch_settle_by_group(struct latch *l)
{
	struct latch_group *g = l->group;
	u32 conflicts;

	lockdep_assert_held(&l->lock);
	if (!l->joined)
		return;
	spin_lock(&g->lock);
	conflicts = g->found.uniform ? g->found.conflicts : 0;
	spin_unlock(&g->lock);
	if (conflicts)
		latch_settle_as(l, conflicts);
}

/* Lets others run; false where the latch is not in the group any more after that. */
static bool latch_group_pause(struct latch_group *g, struct latch *l)
{
	bool still;

	if (!latch_hold(l))
		return false;
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
	spin_lock_bh(&l->lock);
	still = l->joined && l->group == g;
	spin_unlock_bh(&l->lock);
	latch_put(l);
	return still;
}

/*
 * Calls @fn for each latch; lets others run in between. @fn may take the latch to another
 * group, so the next one is looked up before.
 */
static void latch_group_each(struct latch_group *g, u32 conflicts,
			     void (*fn)(struct latch *l, struct latch_group *g, u32 conflicts))
{
	struct hlist_nulls_node *n;
	struct latch *l;

again:
	n = rcu_dereference(hlist_nulls_first_rcu(&g->latches));
	while (!is_a_nulls(n)) {
		l = hlist_nulls_entry(n, struct latch, member);
		n = rcu_dereference(hlist_nulls_next_rcu(n));
		fn(l, g, conflicts);
		if (need_resched() && !is_a_nulls(n) &&
		    !latch_group_pause(g, hlist_nulls_entry(n, struct latch, member)))
			goto again;
	}
	/* one that went to another group led to the end of that one's list */
	if (get_nulls_value(n) != latch_group_nulls(g))
		goto again;
}

static void latch_group_settle_one(struct latch *l, struct latch_group *g, u32 conflicts)
{
	spin_lock_bh(&l->lock);
	if (l->joined && l->group == g)
		latch_settle_as(l, conflicts);
	spin_unlock_bh(&l->lock);
}

static void latch_reeval_one(struct latch *l, struct latch_group *g, u32 conflicts)
{
	latch_reeval(l, false);
}

/*
 * One verdict for all latches. From the moment that it is a conflict no packet of
 * any of them is taken for checked. Returns false where they have that verdict.
 */
static bool latch_group_verdict(struct latch_group *g, u32 conflicts)
{
	bool news;

	spin_lock_bh(&g->lock);
	news = !g->found.uniform || g->found.conflicts != conflicts;
	g->found.uniform = true;
	g->found.conflicts = conflicts;
	if (conflicts)
		latch_group_uncache(g);
	spin_unlock_bh(&g->lock);
	return news;
}

/* Changes when an SA comes to or goes from one of the paths. */
static u32 latch_group_seq(const struct latch_group *g)
{
	u32 seq = 0;
	int dir, i;

	for (dir = 0; dir < LATCH_DIRS; dir++)
		for (i = 0; i < LATCH_LINKS; i++)
			if (g->c.path[dir][i])
				seq += READ_ONCE(g->c.path[dir][i]->seq);
	return seq;
}

/**
 * latch_reeval_group() - bring the latches of a group up to date
 * @g: the group, held by the caller
 *
 * Context: process, RCU read side, which it leaves in between.
 */
void latch_reeval_group(struct latch_group *g)
{
	u32 conflicts, seq = latch_group_seq(g);
	struct latch_flow f;

	smp_rmb(); /* pairs with latch_path_changed() */
	if (!latch_group_flow(g, &f) || !latch_eval_group(g, &f, &conflicts)) {
		spin_lock_bh(&g->lock);
		g->found.uniform = false;
		spin_unlock_bh(&g->lock);
		latch_group_each(g, 0, latch_reeval_one);
	} else if (latch_group_verdict(g, conflicts)) {
		latch_group_each(g, conflicts, latch_group_settle_one);
	}
	smp_mb(); /* pairs with latch_path_changed() */
	if (latch_group_seq(g) != seq)
		latch_group_queue_eval(g);
}

static void latch_reeval_policy_one(struct latch *l, struct latch_group *g, u32 conflicts)
{
	bool same;

	spin_lock_bh(&l->lock);
	same = l->joined && l->group == g && !latch_own_moved(l) &&
	       (g->c.sockpol == (BIT(LATCH_DIR_IN) | BIT(LATCH_DIR_OUT)) ||
		(g->c.pol[LATCH_DIR_IN] && g->c.pol[LATCH_DIR_OUT] &&
		 latch_eval_policies(l, &g->c)));
	spin_unlock_bh(&l->lock);
	if (!same)
		latch_reeval(l, true);
}

/* To look at so many new policies takes as long as to check one latch. */
#define LATCH_GROUP_FRESH	16

/**
 * latch_reeval_policy_all() - check the latches that other policies govern now (2.3-13)
 * @ln: the namespace
 *
 * And those that none governs, since the default may be another one.
 *
 * Context: process, the worker only; once for each copy of the SPD.
 */
void latch_reeval_policy_all(struct latch_net *ln)
{
	struct latch_group *g = NULL;
	struct latch_flow f;
	u32 limit;

	while ((g = latch_group_next(ln, g))) {
		rcu_read_lock();
		limit = LATCH_GROUP_FRESH * refcount_read(&g->ref);
		if (latch_group_flow(g, &f) &&
		    (g->c.sockpol || !latch_eval_unmoved(&g->c, &f, limit)))
			latch_group_each(g, 0, latch_reeval_policy_one);
		rcu_read_unlock();
		cond_resched();
	}
}

static void latch_reeval_path(struct latch_path *path)
{
	struct latch_link *link;

	rcu_read_lock();
	hlist_for_each_entry_rcu(link, &path->groups, node) {
		/* held, it stays in the list while the walk pauses */
		if (!refcount_inc_not_zero(&link->group->ref))
			continue;
		latch_reeval_group(link->group);
		latch_group_put(link->group);
	}
	rcu_read_unlock();
}

/**
 * latch_reeval_paths() - check the latches of the paths on which an SA came or went
 * @ln: the namespace
 *
 * Context: process, the worker only.
 */
void latch_reeval_paths(struct latch_net *ln)
{
	struct latch_path *path;

	while ((path = latch_path_dirty(ln))) {
		latch_reeval_path(path);
		latch_path_put(path);
		cond_resched();
	}
}

/*
 * For so many times as long as it took to deal with changed policies they are left
 * alone, unless somebody waits; for a second at most.
 */
#define LATCH_SPD_REST	9

/*
 * Reading all policies for each that changes would be too much where there are many:
 * then what came in the meantime is dealt with at once, later. Policies decide about
 * conflicts, never about a packet.
 */
static bool latch_reeval_put_off(struct latch_net *ln, u64 now)
{
	if (now >= ln->reeval.spd_due)
		return false;
	latch_work_later(ln, LATCH_WORK_SPD, nsecs_to_jiffies(ln->reeval.spd_due - now) + 1);
	return true;
}

/**
 * latch_reeval_policies() - read the SPD again, and check the latches that this can touch
 * @ln:      the namespace
 * @at_once: somebody waits: put nothing off
 *
 * Context: process, the worker only.
 */
void latch_reeval_policies(struct latch_net *ln, bool at_once)
{
	u64 took, start = ktime_get_ns();

	if (!at_once && latch_reeval_put_off(ln, start))
		return;
	if (latch_spd_read(ln)) {
		latch_work_retry(ln, LATCH_WORK_SPD);
		return;
	}
	latch_reeval_policy_all(ln);
	took = ktime_get_ns() - start;
	ln->reeval.spd_due = start + took + min_t(u64, LATCH_SPD_REST * took, NSEC_PER_SEC);
}

/**
 * latch_reeval_everything() - bindings or rules changed, so every latch is in doubt
 * @ln: the namespace
 *
 * Context: process. Returns when all latches were checked.
 */
void latch_reeval_everything(struct latch_net *ln)
{
	latch_sacache_void(&ln->gens, NULL);
	latch_sad_overdue_now(ln);
	latch_work_queue(ln, LATCH_WORK_ALL);
	latch_work_sync(ln);
}

/**
 * latch_reeval_claimed() - the latches of these SAs are checked before this returns
 * @ln:  the namespace
 * @key: the SA or reqid whose binding came, changed or went
 *
 * Context: process, no lock of ours held but genl_lock.
 */
void latch_reeval_claimed(struct latch_net *ln, const struct latch_bind_key *key)
{
	latch_sad_claimed(ln, &key->sa, key->reqid);
	latch_sad_overdue_now(ln);
	latch_work_sync(ln);
}
