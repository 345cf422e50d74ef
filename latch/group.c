// SPDX-License-Identifier: GPL-2.0
/*
 * Groups: what latches have in common is kept once. Connections between the same
 * hosts under the same SAs have the same parameters (RFC 5660 2-2), identities,
 * outer addresses and paths, and an event about an SA finds them all by that.
 *
 * What a group says never changes: a latch for which it does goes to another one.
 * Packets are judged by it, and events judge it once for all of its latches, where
 * no selector of an SA tells one of them from another.
 */
#include <linux/rculist_nulls.h>

#include "latch.h"
#include "peer.h"

static struct rhashtable latch_groups;

/* By what most often differs; nothing that a remote host chooses is in it. */
static u32 latch_group_hash(const void *data, u32 len, u32 seed)
{
	const struct latch_common *c = data;

	return jhash_3words(hash32_ptr(c->path[LATCH_DIR_IN][0]) ^ c->pol[LATCH_DIR_IN],
			    hash32_ptr(c->path[LATCH_DIR_OUT][0]) ^ c->pol[LATCH_DIR_OUT],
			    hash32_ptr(c->peer) ^ (u32)c->params.pinned[LATCH_DIR_IN], seed);
}

static const struct rhashtable_params latch_group_params = {
	.key_len = sizeof(struct latch_common),
	.key_offset = offsetof(struct latch_group, c),
	.head_offset = offsetof(struct latch_group, node),
	.hashfn = latch_group_hash,
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

	spin_lock_bh(&g->c.ln->groups_lock);
	list_del(&g->all);
	spin_unlock_bh(&g->c.ln->groups_lock);
	for (dir = 0; dir < LATCH_DIRS; dir++)
		for (i = 0; i < LATCH_LINKS; i++)
			latch_path_leave(&g->link[dir][i], g->c.path[dir][i]);
	latch_peer_put(g->c.peer);
	latch_peer_put(g->c.local);
	latch_demand_put(g->c.demand);
	kfree_rcu(g, rcu);
}

static void latch_group_uncache(struct latch_group *g)
{
	int dir;

	for (dir = 0; dir < LATCH_DIRS; dir++)
		latch_sacache_clear(&g->cache[dir]);
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
			latch_path_join(&g->link[dir][i], c->path[dir][i], g);
	spin_lock_bh(&c->ln->groups_lock);
	list_add(&g->all, &c->ln->groups);
	spin_unlock_bh(&c->ln->groups_lock);
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
}

/*
 * A latch comes to a group that the caller holds. Where the group is not judged as
 * the latch was, what holds for one of them does not for the others.
 */
static void latch_group_join(struct latch *l, struct latch_group *g, u32 conflicts,
			     bool uniform)
{
	spin_lock(&g->lock);
	if (hlist_nulls_empty(&g->latches)) {
		g->uniform = uniform;
		g->conflicts = conflicts;
	} else if (g->conflicts != conflicts || !uniform) {
		g->uniform = false;
	}
	if (!l->joined)
		hlist_nulls_add_head_rcu(&l->member, &g->latches);
	spin_unlock(&g->lock);
	l->joined = 1;
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
 * latch_group_clean() - has no latch of a group a conflict?
 * @g: the group
 *
 * Context: any. Return: true where the latest judgement says so of all of them.
 */
bool latch_group_clean(const struct latch_group *g)
{
	return READ_ONCE(g->uniform) && !READ_ONCE(g->conflicts);
}

/*
 * Under the group's lock: is a flow governed by the same policies as @g->like? By the
 * copy of the SPD @spd, where 0 tells nothing.
 */
static bool latch_group_alike(const struct latch_group *g, const struct latch_flow *f, u32 spd)
{
	return spd && g->spd == spd && g->like.kind == f->kind &&
	       latch_words_equal(&g->like.remote, &f->remote, sizeof(f->remote)) &&
	       latch_words_equal(&g->like.local, &f->local, sizeof(f->local));
}

/**
 * latch_group_again() - a flow begins as another one did before
 * @l: its latch, whose lock is held, in no group
 * @p: its first packet, which fits what the socket asked for
 *
 * The group that the last flow under the same SA came to is its, too, where it is
 * governed by the same policies and nothing speaks against any latch of the group:
 * then there is nothing to judge.
 *
 * Context: RCU read side. Return: true where @l is in the group now.
 */
bool latch_group_again(struct latch *l, const struct latch_pkt *p)
{
	struct latch_group *g = p->sa ? READ_ONCE(p->sa->group) : NULL;
	u32 spd = latch_spd_portless(l->ln), id = latch_spd_id(l->ln);
	bool ok, alike;

	lockdep_assert_held(&l->lock);
	if (!g || g == LATCH_GROUP_DEAD || l->group || p->tag.n != 1 || p->ipcomp ||
	    !refcount_inc_not_zero(&g->ref))
		return false;
	ok = latch_judge_again(l, &g->c, p);
	spin_lock(&g->lock);
	alike = ok && latch_group_alike(g, &l->flow, spd);
	if (ok && !alike) {
		spin_unlock(&g->lock);
		ok = latch_judge_hosts(l, &g->c) && latch_judge_policies(l, &g->c);
		spin_lock(&g->lock);
	}
	ok = ok && latch_group_clean(g);
	if (ok) {
		hlist_nulls_add_head_rcu(&l->member, &g->latches);
		smp_mb(); /* pairs with latch_spd_publish() */
		ok = latch_spd_id(l->ln) == id;
		if (!ok)
			hlist_nulls_del_rcu(&l->member);
		g->like = l->flow;
		g->spd = ok ? spd : 0;
	}
	spin_unlock(&g->lock);
	if (!ok) {
		latch_group_put(g);
		return false;
	}
	l->joined = 1;
	/* what packets read of it was written before; they depend on the pointer */
	smp_store_release(&l->group, g);
	latch_set_noted(l, BIT(LATCH_DIR_IN) | BIT(LATCH_DIR_OUT));
	return true;
}

/*
 * Flows that begin under this SA most likely belong to @g, and behind it is who is behind
 * @g, as long as its generation is @gen.
 */
static void latch_group_remember(struct latch_sa *sa, struct latch_group *g, u32 gen)
{
	struct latch_net *ln = g->c.ln;
	struct latch_group *old = NULL;

	if (READ_ONCE(sa->group) == g && READ_ONCE(sa->gen) == gen)
		return;
	spin_lock(&ln->sad_lock);
	if (sa->group != LATCH_GROUP_DEAD && gen == latch_sacache_gen(&ln->gens, sa->xs)) {
		old = sa->group;
		WRITE_ONCE(sa->group, latch_group_hold(g));
		smp_wmb(); /* pairs with latch_group_known() */
		WRITE_ONCE(sa->gen, gen);
	}
	spin_unlock(&ln->sad_lock);
	latch_group_put(old);
}

/**
 * latch_group_known() - who is behind an SA, if a flow began under it lately
 * @sa:  its copy
 * @who: to fill; the records are held by nobody
 *
 * Context: RCU read side.
 * Return: false where nobody knows, or something came since that could change it.
 */
bool latch_group_known(const struct latch_sa *sa, struct latch_who *who)
{
	const struct latch_group *g;

	if (READ_ONCE(sa->gen) != latch_sacache_gen(&sa->key.ln->gens, sa->xs))
		return false;
	smp_rmb(); /* pairs with latch_group_remember() */
	g = READ_ONCE(sa->group);
	if (!g || g == LATCH_GROUP_DEAD)
		return false;
	*who->id = g->c.params.tag.id;
	who->peer = g->c.peer;
	who->local = g->c.local;
	/* of the group's two SAs this may be the other one */
	if (who->id->kind == LATCH_IDENT_PINNED)
		who->id->peer[0] = sa->serial;
	return true;
}

/**
 * latch_group_forget() - an SA is gone
 * @sa: its copy
 *
 * Context: sad_lock held.
 */
void latch_group_forget(struct latch_sa *sa)
{
	struct latch_group *old = sa->group;

	lockdep_assert_held(&sa->key.ln->sad_lock);
	WRITE_ONCE(sa->group, LATCH_GROUP_DEAD);
	latch_group_put(old);
}

/* Would a flow that begins with this packet be latched as the group is? */
static bool latch_group_begins(const struct latch_group *g, const struct latch_pkt *p)
{
	struct latch_params params;

	if (!p->sa || p->sa->xs != p->first || p->who.peer != g->c.peer ||
	    p->who.local != g->c.local)
		return false;
	latch_params_set(&params, &p->tag, g->c.params.rule, p->dir);
	return latch_params_begins(&g->c.params, &params, p->dir);
}

/**
 * latch_group_note() - note that a packet's SA was judged congruent
 * @l: the packet's latch, ESTABLISHED, whose lock is held
 * @p: the packet
 *
 * A packet may still come under an SA that is gone: of that nothing is noted.
 *
 * Context: RCU read side.
 */
void latch_group_note(struct latch *l, const struct latch_pkt *p)
{
	struct latch_net *ln = l->ln;
	struct latch_group *g = l->group;
	bool clean;

	lockdep_assert_held(&l->lock);
	spin_lock(&g->lock);
	WRITE_ONCE(g->cache[p->dir].last_spi, p->first->id.spi);
	clean = latch_group_clean(g);
	/* a bundle of several SAs is judged each time */
	if (p->tag.n == 1 && !p->ipcomp && (clean || !g->uniform) &&
	    p->sa && p->sa->xs == p->first && latch_sacache_good(&ln->gens, p->gen) &&
	    !READ_ONCE(ln->lost))
		latch_sacache_add(&g->cache[p->dir], &ln->gens, p->first, p->gen);
	spin_unlock(&g->lock);
	if (clean && l->joined && latch_group_begins(g, p))
		latch_group_remember(p->sa, g, p->gen);
}

/**
 * latch_group_tell() - a latch hears of its group's conflicts at once
 * @l: the latch, whose lock is held
 *
 * The worker gets to it, too; but no packet passes in the meantime.
 *
 * Context: any.
 */
void latch_group_tell(struct latch *l)
{
	struct latch_group *g = l->group;
	u32 conflicts;

	lockdep_assert_held(&l->lock);
	if (!l->joined)
		return;
	spin_lock(&g->lock);
	conflicts = g->uniform ? g->conflicts : 0;
	spin_unlock(&g->lock);
	if (conflicts)
		latch_settle(l, conflicts);
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
		latch_settle(l, conflicts);
	spin_unlock_bh(&l->lock);
}

static void latch_group_rejudge_one(struct latch *l, struct latch_group *g, u32 conflicts)
{
	latch_rejudge(l, false);
}

/* The flow of any latch of a group; false where it has none. */
static bool latch_group_flow(struct latch_group *g, struct latch_flow *f)
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

/*
 * One verdict for all latches. From the moment that it is a conflict no packet of
 * any of them is taken for judged. Returns false where they have that verdict.
 */
static bool latch_group_verdict(struct latch_group *g, u32 conflicts)
{
	bool news;

	spin_lock_bh(&g->lock);
	news = !g->uniform || g->conflicts != conflicts;
	g->uniform = true;
	g->conflicts = conflicts;
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
 * latch_group_rejudge() - bring the latches of a group up to date
 * @g: the group, held by the caller
 *
 * Context: process, RCU read side, which it leaves in between.
 */
void latch_group_rejudge(struct latch_group *g)
{
	u32 conflicts, seq = latch_group_seq(g);
	struct latch_flow f;

	smp_rmb(); /* pairs with latch_path_changed() */
	if (!latch_group_flow(g, &f) || !latch_judge_group(g, &f, &conflicts)) {
		spin_lock_bh(&g->lock);
		g->uniform = false;
		spin_unlock_bh(&g->lock);
		latch_group_each(g, 0, latch_group_rejudge_one);
	} else if (latch_group_verdict(g, conflicts)) {
		latch_group_each(g, conflicts, latch_group_settle_one);
	}
	smp_mb(); /* pairs with latch_path_changed() */
	if (latch_group_seq(g) != seq)
		latch_sad_doubt(g->c.ln, g);
}

static void latch_group_repolicy_one(struct latch *l, struct latch_group *g, u32 conflicts)
{
	bool same;

	spin_lock_bh(&l->lock);
	same = l->joined && l->group == g && g->c.pol[LATCH_DIR_IN] && g->c.pol[LATCH_DIR_OUT] &&
	       latch_judge_policies(l, &g->c);
	spin_unlock_bh(&l->lock);
	if (!same)
		latch_rejudge(l, true);
}

/* The group after @g, which is let go; held. NULL is before the first and after the last. */
static struct latch_group *latch_group_next(struct latch_net *ln, struct latch_group *g)
{
	struct latch_group *next = g ?: list_entry(&ln->groups, struct latch_group, all);

	spin_lock_bh(&ln->groups_lock);
	list_for_each_entry_continue(next, &ln->groups, all)
		if (refcount_inc_not_zero(&next->ref))
			break;
	spin_unlock_bh(&ln->groups_lock);
	latch_group_put(g);
	return list_entry_is_head(next, &ln->groups, all) ? NULL : next;
}

/* To look at so many new policies takes as long as to judge one latch. */
#define LATCH_GROUP_FRESH	16

/**
 * latch_group_repolicy_all() - judge the latches that other policies govern now (2.3-13)
 * @ln: the namespace
 *
 * And those that none governs, since the default may be another one.
 *
 * Context: process, the worker only; once for each copy of the SPD.
 */
void latch_group_repolicy_all(struct latch_net *ln)
{
	struct latch_group *g = NULL;
	struct latch_flow f;
	u32 limit;

	while ((g = latch_group_next(ln, g))) {
		rcu_read_lock();
		limit = LATCH_GROUP_FRESH * refcount_read(&g->ref);
		if (latch_group_flow(g, &f) && !latch_judge_unmoved(&g->c, &f, limit))
			latch_group_each(g, 0, latch_group_repolicy_one);
		rcu_read_unlock();
		cond_resched();
	}
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
