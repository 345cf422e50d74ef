// SPDX-License-Identifier: GPL-2.0
/*
 * Groups: what latches have in common is kept once. Connections between the same
 * hosts under the same SAs have the same parameters (RFC 5660 2-2), identities,
 * outer addresses and paths, and an event about an SA finds them all by that.
 *
 * What a group says never changes: a latch for which it does goes to another one.
 */
#include <linux/rculist_nulls.h>

#include "latch.h"

static struct rhashtable latch_groups;

static const struct rhashtable_params latch_group_params = {
	.key_len = sizeof(struct latch_common),
	.key_offset = offsetof(struct latch_group, c),
	.head_offset = offsetof(struct latch_group, node),
	.automatic_shrinking = true,
};

/* What the list of a group ends with, so that a walk knows whose list it was on. */
static unsigned long latch_group_nulls(const struct latch_group *g)
{
	return (unsigned long)g >> 1;
}

static void latch_group_free(struct latch_group *g)
{
	int dir, i;

	for (dir = 0; dir < LATCH_DIRS; dir++)
		for (i = 0; i < LATCH_LINKS; i++)
			latch_path_leave(&g->link[dir][i], g->c.path[dir][i]);
	latch_peer_put(g->c.peer);
	latch_peer_put(g->c.local);
	kfree_rcu(g, rcu);
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
	spin_lock_init(&g->lock);
	INIT_HLIST_NULLS_HEAD(&g->latches, latch_group_nulls(g));
	latch_peer_hold(c->peer);
	latch_peer_hold(c->local);
	for (dir = 0; dir < LATCH_DIRS; dir++)
		for (i = 0; i < LATCH_LINKS; i++)
			latch_path_join(&g->link[dir][i], c->path[dir][i], g);
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
	if (!g || !refcount_dec_and_test(&g->ref))
		return;
	rhashtable_remove_fast(&latch_groups, &g->node, latch_group_params);
	latch_group_free(g);
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
	spin_lock_bh(&g->lock);
	hlist_nulls_del_rcu(&l->member);
	spin_unlock_bh(&g->lock);
	l->joined = 0;
}

/**
 * latch_group_set() - a latch belongs to the group that says @c
 * @l: the latch, whose lock is held
 * @c: what it is to say; the caller holds the paths
 *
 * Context: RCU read side. Return: 0; -ENOMEM, and the latch stays where it is.
 */
int latch_group_set(struct latch *l, const struct latch_common *c)
{
	struct latch_group *g = l->group;

	lockdep_assert_held(&l->lock);
	if (g && l->joined && !memcmp(&g->c, c, sizeof(*c)))
		return 0;
	g = latch_group_get(c);
	if (!g)
		return -ENOMEM;
	latch_group_leave(l);
	latch_group_put(l->group);
	spin_lock_bh(&g->lock);
	hlist_nulls_add_head_rcu(&l->member, &g->latches);
	spin_unlock_bh(&g->lock);
	l->joined = 1;
	WRITE_ONCE(l->group, g);
	return 0;
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

/**
 * latch_group_rejudge() - bring the latches of a group up to date
 * @g: the group, held by the caller or in a path that is
 *
 * Context: process, RCU read side, which it leaves in between.
 */
void latch_group_rejudge(struct latch_group *g)
{
	struct hlist_nulls_node *n;
	struct latch *l;

again:
	hlist_nulls_for_each_entry_rcu(l, n, &g->latches, member) {
		latch_rejudge(l, false);
		if (need_resched() && !latch_group_pause(g, l))
			goto again;
	}
	/* one that went to another group led to the end of that one's list */
	if (get_nulls_value(n) != latch_group_nulls(g))
		goto again;
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
