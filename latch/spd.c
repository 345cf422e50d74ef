// SPDX-License-Identifier: GPL-2.0
/*
 * A copy of the SPD, since the kernel's own look-up is not for modules. The
 * worker reads it anew after every change; nobody waits for it, because it
 * decides about conflicts only, never about a packet.
 */
#include <linux/mm.h>
#include <linux/sort.h>

#include "latch.h"

struct latch_spd_ctx {
	struct latch_spd *spd;
	u32	n;
	u32	room;
};

static bool latch_spd_wanted(const struct xfrm_policy *xp, int dir)
{
	return xp->type == XFRM_POLICY_TYPE_MAIN &&
	       (dir == XFRM_POLICY_IN || dir == XFRM_POLICY_OUT);
}

/* Call-back of the walk, under the policy lock: counts, and copies while there is room. */
static int latch_spd_one(struct xfrm_policy *xp, int dir, int seq, void *data)
{
	struct latch_spd_ctx *c = data;

	if (!latch_spd_wanted(xp, dir))
		return 0;
	if (c->n < c->room)
		latch_view_pol(xp, dir, &c->spd->pol[c->n]);
	c->n++;
	return 0;
}

static void latch_spd_walk(struct net *net, struct latch_spd_ctx *c)
{
	struct xfrm_policy_walk walk;

	c->n = 0;
	xfrm_policy_walk_init(&walk, XFRM_POLICY_TYPE_ANY);
	xfrm_policy_walk(net, &walk, latch_spd_one, c);
	xfrm_policy_walk_done(&walk, net);
}

/* The kernel takes the least priority value, and of equals the oldest. */
static int latch_spd_cmp(const void *a, const void *b)
{
	const struct latch_pol *p = a, *q = b;

	if (p->dir != q->dir)
		return p->dir < q->dir ? -1 : 1;
	if (p->priority != q->priority)
		return p->priority < q->priority ? -1 : 1;
	if (p->pos != q->pos)
		return p->pos < q->pos ? -1 : 1;
	if (p->index != q->index)
		return p->index < q->index ? -1 : 1;
	return 0;
}

/* A policy that is as it was keeps its number. Both copies are sorted. */
static void latch_spd_number(struct latch_net *ln, struct latch_spd *spd, u32 n)
{
	const struct latch_spd *old = rcu_dereference_protected(ln->spd, true);
	u32 i, j = 0, m = old ? old->start[LATCH_DIRS] : 0;
	struct latch_pol *pol;

	for (i = 0; i < n; i++) {
		pol = &spd->pol[i];
		while (j < m && latch_spd_cmp(&old->pol[j], pol) < 0)
			j++;
		pol->id = j < m ? old->pol[j].id : 0;
		if (j < m && !memcmp(&old->pol[j], pol, sizeof(*pol)))
			continue;
		pol->id = ++ln->last_pol;
	}
}

static void latch_spd_free_rcu(struct rcu_head *rcu)
{
	kvfree(container_of(rcu, struct latch_spd, rcu));
}

static void latch_spd_publish(struct latch_net *ln, struct latch_spd *spd)
{
	struct latch_spd *old;

	/* one writer: the worker, or the namespace's end after it */
	old = rcu_replace_pointer(ln->spd, spd, true);
	if (old)
		call_rcu(&old->rcu, latch_spd_free_rcu);
}

/**
 * latch_spd_read() - copy the SPD anew
 * @ln: the namespace
 *
 * Context: process, the namespace's worker only.
 * Return: 0; -ENOMEM, and the old copy stays; -EAGAIN where policies came faster
 * than they were read.
 */
int latch_spd_read(struct latch_net *ln)
{
	struct latch_spd_ctx c = {};
	u32 i, dir;

	latch_spd_walk(ln->net, &c);
	c.room = c.n + c.n / 8;
	c.spd = kvzalloc(struct_size(c.spd, pol, c.room), GFP_KERNEL_ACCOUNT);
	if (!c.spd)
		return -ENOMEM;
	latch_spd_walk(ln->net, &c);
	if (c.n > c.room) {
		kvfree(c.spd);
		return -EAGAIN;
	}

	sort(c.spd->pol, c.n, sizeof(c.spd->pol[0]), latch_spd_cmp, NULL);
	for (i = 0, dir = 0; dir < LATCH_DIRS; dir++) {
		c.spd->start[dir] = i;
		for (; i < c.n && c.spd->pol[i].dir == dir; i++)
			if (c.spd->pol[i].mark_m)
				WRITE_ONCE(ln->marked, true);
	}
	c.spd->start[LATCH_DIRS] = i;
	latch_spd_number(ln, c.spd, c.n);
	latch_spd_publish(ln, c.spd);
	return 0;
}

/**
 * latch_spd_find() - the policy that the kernel would choose for a flow
 * @ln:    the namespace
 * @f:     the flow
 * @dir:   LATCH_DIR_*
 * @if_id: XFRM interface, 0 none
 * @mark:  mark of the flow's packets
 *
 * Context: RCU read side.
 * Return: the policy, NULL where there is none.
 */
const struct latch_pol *latch_spd_find(struct latch_net *ln, const struct latch_flow *f,
				       u8 dir, u32 if_id, u32 mark)
{
	const struct latch_spd *spd = rcu_dereference(ln->spd);
	const struct latch_pol *pol;
	u32 i;

	if (!spd)
		return NULL;
	for (i = spd->start[dir]; i < spd->start[dir + 1]; i++) {
		pol = &spd->pol[i];
		if (pol->if_id == if_id && (mark & pol->mark_m) == pol->mark_v &&
		    pol->sel.family == f->family &&
		    latch_sel_covers(&pol->sel, f, dir))
			return pol;
	}
	return NULL;
}

/**
 * latch_spd_clear() - free the copy
 * @ln: the namespace, whose worker has ended
 *
 * Context: process.
 */
void latch_spd_clear(struct latch_net *ln)
{
	latch_spd_publish(ln, NULL);
}
