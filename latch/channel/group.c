// SPDX-License-Identifier: GPL-2.0
/*
 * Groups: what latches have in common is kept once. Connections between the same
 * hosts under the same SAs have the same parameters (RFC 5660 2-2), identities,
 * outer addresses and paths, and an event about an SA finds them all by that.
 *
 * What a group says never changes: a latch for which it does goes to another one.
 * Packets are checked against it, and events check it once for all of its latches, where
 * no selector of an SA tells one of them from another.
 */
#include <linux/rculist_nulls.h>

#include "base/net.h"
#include "base/sacache.h"
#include "channel/demand.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "core/flow.h"
#include "core/types.h"
#include "linux/net.h"
#include "peer/peer.h"
#include "xfrm/path.h"
#include "xfrm/sad.h"

static struct rhashtable latch_groups;

static const struct rhashtable_params latch_group_params = {
	.key_len = sizeof(struct latch_common),
	.key_offset = offsetof(struct latch_group, c),
	.head_offset = offsetof(struct latch_group, node),
	.automatic_shrinking = true,
};

static void latch_group_free(struct latch_group *g)
{
	int dir, i;

	spin_lock_bh(&g->c.ln->groups.lock);
	list_del(&g->all);
	spin_unlock_bh(&g->c.ln->groups.lock);
	for (dir = 0; dir < LATCH_DIRS; dir++)
		for (i = 0; i < LATCH_LINKS; i++)
			latch_path_leave(&g->link[dir][i], g->c.path[dir][i]);
	latch_peer_put(g->c.peer);
	latch_peer_put(g->c.local);
	latch_demand_put(g->c.demand);
	kfree_rcu(g, rcu);
}

/**
 * latch_group_uncache() - no SA is known to be congruent for a group
 * @g: the group, whose lock is held, or which nobody knows yet
 *
 * Context: any.
 */
void latch_group_uncache(struct latch_group *g)
{
	int dir;

	for (dir = 0; dir < LATCH_DIRS; dir++)
		latch_sacache_clear(&g->cache[dir]);
}

/**
 * latch_common_hop() - what was seen of one of the SAs that protect a flow
 * @c:   what its latch has in common with others
 * @i:   which one of @c->params.tag.x
 * @hop: to fill
 *
 * Context: any.
 */
void latch_common_hop(const struct latch_common *c, unsigned int i, struct latch_hop *hop)
{
	if (i + 1 < c->params.tag.n) {
		*hop = c->inner[i];
		return;
	}
	hop->local = c->outer_local;
	hop->remote = c->outer_remote;
	hop->reqid[LATCH_DIR_IN] = c->reqid[LATCH_DIR_IN];
	hop->reqid[LATCH_DIR_OUT] = c->reqid[LATCH_DIR_OUT];
	hop->family = c->outer_family;
	hop->mode = c->params.tag.x[i].mode;
	hop->seen = c->seen;
}

/**
 * latch_common_set_reqid() - one of the SAs that protect a flow will have this reqid
 * @c:     what its latch has in common with others
 * @i:     which one of @c->params.tag.x
 * @dir:   LATCH_DIR_*
 * @reqid: the reqid
 *
 * Context: any.
 */
void latch_common_set_reqid(struct latch_common *c, unsigned int i, u8 dir, u32 reqid)
{
	if (i + 1 < c->params.tag.n)
		c->inner[i].reqid[dir] = reqid;
	else
		c->reqid[dir] = reqid;
}

/**
 * latch_common_moves() - is a flow protected by SAs whose ends MOBIKE moves alone?
 * @c: what its latch has in common with others
 *
 * In transport mode the flow's addresses are those of its SAs.
 *
 * Context: any. Return: true where one of them is a tunnel.
 */
bool latch_common_moves(const struct latch_common *c)
{
	int i;

	for (i = 0; i < c->params.tag.n; i++)
		if (c->params.tag.x[i].mode != XFRM_MODE_TRANSPORT)
			return true;
	return c->comp.family && c->comp.mode != XFRM_MODE_TRANSPORT;
}

/* A group with one reference, in its paths; the caller holds what @c names. */
static struct latch_group *latch_group_alloc(const struct latch_common *c)
{
	struct latch_group *g;
	int dir, i;

	g = kzalloc(sizeof(*g), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!g)
		return NULL;
	g->c = *c;
	refcount_set(&g->ref, 1);
	latch_group_uncache(g);
	spin_lock_init(&g->lock);
	INIT_HLIST_NULLS_HEAD(&g->latches, latch_group_nulls(g));
	latch_peer_hold(c->peer);
	latch_peer_hold(c->local);
	if (c->demand)
		refcount_inc(&c->demand->ref);
	for (dir = 0; dir < LATCH_DIRS; dir++)
		for (i = 0; i < LATCH_LINKS; i++)
			latch_path_join(&g->link[dir][i], c->path[dir][i], g, &g->found);
	spin_lock_bh(&c->ln->groups.lock);
	list_add(&g->all, &c->ln->groups.all);
	spin_unlock_bh(&c->ln->groups.lock);
	return g;
}

/**
 * latch_group_hold() - one reference more
 * @g: a group that the caller has a reference of, or NULL
 *
 * Context: any. Return: @g.
 */
struct latch_group *latch_group_hold(struct latch_group *g)
{
	if (g)
		refcount_inc(&g->ref);
	return g;
}

/**
 * latch_group_put() - one reference less
 * @g: the group, or NULL
 *
 * Context: any.
 */
void latch_group_put(struct latch_group *g)
{
	if (!g)
		return;
	/* whoever meets it without a reference waits until it is out of the table */
	local_bh_disable();
	if (refcount_dec_and_test(&g->ref)) {
		rhashtable_remove_fast(&latch_groups, &g->node, latch_group_params);
		latch_group_free(g);
	}
	local_bh_enable();
}

/* The group of @c, held, made where it is not there. It is in its paths before
 * anybody finds it, so that no event misses it.
 */
static struct latch_group *latch_group_get(const struct latch_common *c)
{
	struct latch_group *g, *new = NULL;

	rcu_read_lock();
	for (;;) {
		g = rhashtable_lookup(&latch_groups, c, latch_group_params);
		if (g && refcount_inc_not_zero(&g->ref))
			break;
		if (!new)
			new = latch_group_alloc(c);
		if (!new)
			break;
		g = rhashtable_lookup_get_insert_fast(&latch_groups, &new->node,
						      latch_group_params);
		if (IS_ERR(g)) {
			g = NULL;
			break;
		}
		if (!g) {
			g = new;
			new = NULL;
			break;
		}
		/* somebody was quicker, or it is about to leave the table */
		cpu_relax();
	}
	rcu_read_unlock();
	if (new)
		latch_group_free(new);
	return g;
}

/* Once in a namespace: what its latches are worth. */
static void latch_group_warn(struct latch_net *ln)
{
	if (READ_ONCE(ln->groups.warned))
		return;
	WRITE_ONCE(ln->groups.warned, true);
	net_notice_ratelimited("latch: no key manager says who a peer is: only protection is latched (netns %u)\n",
			       ln->net->ns.inum);
}

/**
 * latch_group_gauge() - a latch of which little is known is one of its group's list now
 * @l: the latch, whose lock is held
 * @g: the group
 *
 * Context: any.
 */
void latch_group_gauge(struct latch *l, const struct latch_group *g)
{
	lockdep_assert_held(&l->lock);
	if (g->c.unexplained)
		atomic_inc(&l->ln->gauge.unexplained);
	if (latch_peer_known(g))
		return;
	atomic_inc(&l->ln->gauge.unknown);
	if (g->c.params.tag.id.kind == LATCH_IDENT_UNKNOWN)
		latch_group_warn(l->ln);
}

/**
 * latch_group_leave() - events do not find a latch any more
 * @l: the latch, whose lock is held; it keeps its group
 */
void latch_group_leave(struct latch *l)
{
	struct latch_group *g = l->group;

	lockdep_assert_held(&l->lock);
	if (!l->joined)
		return;
	spin_lock(&g->lock);
	hlist_nulls_del_rcu(&l->member);
	spin_unlock(&g->lock);
	l->joined = 0;
	if (!latch_peer_known(g))
		atomic_dec(&l->ln->gauge.unknown);
	if (g->c.unexplained)
		atomic_dec(&l->ln->gauge.unexplained);
}

/*
 * A latch comes to a group that the caller holds. Where the group is not checked as
 * the latch was, what holds for one of them does not for the others.
 */
static void latch_group_join(struct latch *l, struct latch_group *g, u32 conflicts,
			     bool uniform)
{
	spin_lock(&g->lock);
	if (hlist_nulls_empty(&g->latches)) {
		g->found.uniform = uniform;
		g->found.conflicts = conflicts;
	} else if (g->found.conflicts != conflicts || !uniform) {
		g->found.uniform = false;
	}
	if (!l->joined)
		hlist_nulls_add_head_rcu(&l->member, &g->latches);
	spin_unlock(&g->lock);
	latch_group_count(l, g);
	/* what packets read of it was written before; they depend on the pointer */
	smp_store_release(&l->group, g);
}

/* A new group reports the SPIs of the one that its first latch comes from. */
static void latch_group_inherit(struct latch_group *g, const struct latch_group *from)
{
	int dir;

	for (dir = 0; from && dir < LATCH_DIRS; dir++)
		if (!g->cache[dir].last_spi)
			WRITE_ONCE(g->cache[dir].last_spi, READ_ONCE(from->cache[dir].last_spi));
}

/**
 * latch_group_set() - a latch belongs to the group that says @c
 * @l:         the latch, whose lock is held
 * @c:         what it is to say; the caller holds what that names
 * @conflicts: what the latch was found to have
 * @uniform:   so has every other of the group
 *
 * Context: RCU read side. Return: 0; -ENOMEM, and the latch stays where it is.
 */
int latch_group_set(struct latch *l, const struct latch_common *c, u32 conflicts,
		    bool uniform)
{
	struct latch_group *g = l->group, *old;

	lockdep_assert_held(&l->lock);
	if (g && l->joined && !memcmp(&g->c, c, sizeof(*c))) {
		latch_group_join(l, g, conflicts, uniform);
		return 0;
	}
	g = latch_group_get(c);
	if (!g)
		return -ENOMEM;
	old = l->group;
	latch_group_leave(l);
	latch_group_inherit(g, old);
	latch_group_join(l, g, conflicts, uniform);
	latch_group_put(old);
	return 0;
}

/**
 * latch_group_queue_eval() - have the latches of a group checked
 * @g: the group, held
 *
 * Context: any; takes the namespace's sad.lock.
 */
void latch_group_queue_eval(const struct latch_group *g)
{
	struct latch_net *ln = g->c.ln;
	int dir, i;

	spin_lock_bh(latch_sad_lock(ln));
	for (dir = 0; dir < LATCH_DIRS; dir++)
		for (i = 0; i < LATCH_LINKS; i++)
			if (g->c.path[dir][i])
				latch_path_mark(ln, g->c.path[dir][i]);
	spin_unlock_bh(latch_sad_lock(ln));
}

/**
 * latch_group_flow() - the flow of any latch of a group
 * @g: the group
 * @f: to fill
 *
 * Context: any. Return: false where it has no latch.
 */
bool latch_group_flow(struct latch_group *g, struct latch_flow *f)
{
	struct latch *l = NULL;

	spin_lock_bh(&g->lock);
	if (!hlist_nulls_empty(&g->latches)) {
		l = hlist_nulls_entry(g->latches.first, struct latch, member);
		*f = l->flow;
	}
	spin_unlock_bh(&g->lock);
	return l;
}

/**
 * latch_group_next() - the groups of a namespace, one after the other
 * @ln: the namespace
 * @g:  a group, which is let go; NULL before the first
 *
 * Context: any. Return: the next one, held, or NULL after the last.
 */
struct latch_group *latch_group_next(struct latch_net *ln, struct latch_group *g)
{
	struct latch_group *next = g ?: list_entry(&ln->groups.all, struct latch_group, all);

	spin_lock_bh(&ln->groups.lock);
	list_for_each_entry_continue(next, &ln->groups.all, all)
		if (refcount_inc_not_zero(&next->ref))
			break;
	spin_unlock_bh(&ln->groups.lock);
	latch_group_put(g);
	return list_entry_is_head(next, &ln->groups.all, all) ? NULL : next;
}

/**
 * latch_group_init() - make the table
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_group_init(void)
{
	return rhashtable_init(&latch_groups, &latch_group_params);
}

/**
 * latch_group_exit() - free the table, which is empty by then
 */
void latch_group_exit(void)
{
	rhashtable_destroy(&latch_groups);
}
