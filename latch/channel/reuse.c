// SPDX-License-Identifier: GPL-2.0
/*
 * A flow that begins as the last one did under the same SA is checked as that one was: who is
 * behind the SA, and which group the flow belongs to, is kept with the SA's copy.
 */
#include <linux/rculist_nulls.h>

#include "base/net.h"
#include "base/sacache.h"
#include "base/words.h"
#include "channel/eval.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/pkt.h"
#include "channel/reuse.h"
#include "core/flow.h"
#include "core/params.h"
#include "core/tag.h"
#include "core/types.h"
#include "peer/identity.h"
#include "xfrm/path.h"
#include "xfrm/sad.h"
#include "xfrm/spd.h"

/*
 * Is a flow governed by the policies that govern @g->like? By the copy @spd, 0 tells nothing.
 * Without the group's lock the answer is a hint.
 */
static bool latch_group_alike(const struct latch_group *g, const struct latch_flow *f, u32 spd)
{
	return spd && g->spd == spd && g->like.kind == f->kind &&
	       latch_words_equal(&g->like.remote, &f->remote, sizeof(f->remote)) &&
	       latch_words_equal(&g->like.local, &f->local, sizeof(f->local));
}

/* The group that the last flow under a packet's SA came to, held; NULL where it tells nothing. */
static struct latch_group *latch_group_last(const struct latch *l, const struct latch_pkt *p)
{
	struct latch_group *g = p->sa ? READ_ONCE(p->sa->group) : NULL;

	if (!g || g == LATCH_GROUP_DEAD || p->tag.n != 1 || p->ipcomp ||
	    !refcount_inc_not_zero(&g->ref))
		return NULL;
	if (latch_eval_again(l, &g->c, p))
		return g;
	latch_group_put(g);
	return NULL;
}

/**
 * latch_group_expects() - did another flow begin under a packet's SA, and by the same policies?
 * @ln: the namespace
 * @f:  the packet's flow
 * @p:  the packet
 *
 * A hint that costs little: whoever goes by it has to be right without it.
 *
 * Context: RCU read side. Return: true where one did, and there is no newer copy of the SPD.
 */
bool latch_group_expects(const struct latch_net *ln, const struct latch_flow *f,
			 const struct latch_pkt *p)
{
	const struct latch_group *g = p->sa ? READ_ONCE(p->sa->group) : NULL;

	return g && g != LATCH_GROUP_DEAD &&
	       latch_group_alike(g, f, latch_spd_seen_now(ln).portless);
}

/*
 * Under the group's lock: a latch whose flow the group's policies govern by @spd joins, unless
 * there is a newer copy of the SPD than that by now. @alike: @g->like said so.
 */
static bool latch_group_enter(struct latch_group *g, struct latch *l, struct latch_spd_seen spd,
			      bool alike)
{
	bool ok;

	lockdep_assert_held(&g->lock);
	if (!latch_found_clean(&g->found))
		return false;
	hlist_nulls_add_head_rcu(&l->member, &g->latches);
	smp_mb(); /* pairs with latch_spd_publish() */
	ok = latch_spd_id(l->ln) == spd.id;
	if (!ok)
		hlist_nulls_del_rcu(&l->member);
	if (!alike) {
		g->like = l->flow;
		g->spd = ok ? spd.portless : 0;
	}
	return ok;
}

/**
 * latch_group_again() - a flow begins as another one did before
 * @l: its latch, whose lock is held, in no group
 * @p: its first packet, which fits what the socket asked for
 *
 * The group that the last flow under the same SA came to is its, too, where it is
 * governed by the same policies and nothing speaks against any latch of the group:
 * then there is nothing to check.
 *
 * Context: RCU read side. Return: true where @l is in the group now.
 */
bool latch_group_again(struct latch *l, const struct latch_pkt *p)
{
	struct latch_spd_seen spd = latch_spd_seen_now(l->ln);
	struct latch_group *g;
	bool alike, ok;

	lockdep_assert_held(&l->lock);
	g = l->group ? NULL : latch_group_last(l, p);
	if (!g)
		return false;
	spin_lock(&g->lock);
	alike = latch_group_alike(g, &l->flow, spd.portless);
	ok = alike;
	if (!alike) {
		spin_unlock(&g->lock);
		ok = latch_eval_hosts(l, &g->c) && latch_eval_policies(l, &g->c);
		spin_lock(&g->lock);
	}
	ok = ok && latch_group_enter(g, l, spd, alike);
	spin_unlock(&g->lock);
	if (!ok) {
		latch_group_put(g);
		return false;
	}
	latch_group_count(l, g);
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
	spin_lock(latch_sad_lock(ln));
	if (sa->group != LATCH_GROUP_DEAD && gen == latch_sacache_gen(&ln->gens, sa->xs)) {
		old = sa->group;
		WRITE_ONCE(sa->group, latch_group_hold(g));
		smp_wmb(); /* pairs with latch_group_known() */
		WRITE_ONCE(sa->gen, gen);
	}
	spin_unlock(latch_sad_lock(ln));
	latch_group_put(old);
}

/**
 * latch_group_known() - who is behind an SA, if a flow began under it lately
 * @sa:  its copy
 * @identity: to fill; the records are held by nobody
 *
 * Context: RCU read side.
 * Return: false where nobody knows, or something came since that could change it.
 */
bool latch_group_known(const struct latch_sa *sa, struct latch_identity *identity)
{
	const struct latch_group *g;

	if (READ_ONCE(sa->gen) != latch_sacache_gen(&sa->key.ln->gens, sa->xs))
		return false;
	smp_rmb(); /* pairs with latch_group_remember() */
	g = READ_ONCE(sa->group);
	if (!g || g == LATCH_GROUP_DEAD)
		return false;
	*identity->id = g->c.params.tag.id;
	identity->peer = g->c.peer;
	identity->local = g->c.local;
	/* of the group's two SAs this may be the other one; a latch knows less than its SA tells */
	if (identity->id->kind == LATCH_IDENT_NAMED) {
		identity->id->serial = sa->serial;
	} else {
		identity->id->kind = LATCH_IDENT_PINNED;
		identity->id->peer[0] = sa->serial;
	}
	return true;
}

/* Under sad.lock: an SA is gone. */
static void latch_group_forget(struct latch_sa *sa)
{
	struct latch_group *old = sa->group;

	lockdep_assert_held(latch_sad_lock(sa->key.ln));
	WRITE_ONCE(sa->group, LATCH_GROUP_DEAD);
	latch_group_put(old);
}

/*
 * Would a flow that begins with this packet be latched as the group is? It has no policy of its own
 * yet.
 */
static bool latch_group_begins(const struct latch_group *g, const struct latch_pkt *p)
{
	struct latch_params params;

	if (g->c.sockpol || !p->sa || p->sa->xs != p->first || p->identity.peer != g->c.peer ||
	    p->identity.local != g->c.local)
		return false;
	latch_params_set(&params, &p->tag, g->c.params.rule, p->dir);
	if (g->c.params.tag.id.kind == LATCH_IDENT_UNKNOWN)
		latch_params_open(&params);
	return latch_params_begins(&g->c.params, &params, p->dir);
}

/**
 * latch_group_note() - note that a packet's SA was found congruent
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
	clean = latch_found_clean(&g->found);
	/* a bundle of several SAs is checked each time */
	if (p->tag.n == 1 && !p->ipcomp && (clean || !g->found.uniform) &&
	    p->sa && p->sa->xs == p->first && latch_sacache_good(&ln->gens, p->gen) &&
	    !latch_sad_lost(ln))
		latch_sacache_add(&g->cache[p->dir], &ln->gens, p->first, p->gen);
	spin_unlock(&g->lock);
	if (clean && l->joined && latch_group_begins(g, p))
		latch_group_remember(p->sa, g, p->gen);
}

static const struct latch_sad_listener latch_reuse_listener = { .went = latch_group_forget };

/**
 * latch_reuse_init() - hear of SAs that go
 */
void __init latch_reuse_init(void)
{
	latch_sad_listen(&latch_reuse_listener);
}
