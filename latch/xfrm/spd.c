// SPDX-License-Identifier: GPL-2.0
/*
 * A copy of the SPD, since the kernel's own look-up is not for modules. The
 * worker reads it anew after every change; nobody waits for it, because it
 * decides about conflicts only, never about a packet.
 */
#include <linux/mm.h>
#include <linux/sort.h>

#include "base/net.h"
#include "base/work.h"
#include "core/flow.h"
#include "core/types.h"
#include "xfrm/sad.h"
#include "xfrm/spd.h"
#include "xfrm/view.h"

/* Fewer policies than these are not worth an index. */
#define LATCH_SPD_INDEXED	16
#define LATCH_SPD_CLASSES	64
#define LATCH_SPD_NONE		U32_MAX

/**
 * struct latch_spd_class - policies whose selectors' prefixes have the same lengths
 * @family:  that of the selectors
 * @src_len: length of their source prefixes
 * @dst_len: length of their destination prefixes
 * @first:   the first of them
 * @count:   how many they are
 * @at:      its buckets begin here in latch_spd_index.bucket
 * @mask:    the buckets' number less one
 */
struct latch_spd_class {
	u8	family;
	u8	src_len;
	u8	dst_len;
	u32	first;
	u32	count;
	u32	at;
	u32	mask;
};

/**
 * struct latch_spd_index - where to look for the policies of a direction
 * @n:      used entries of @class, sorted by their first policy. Where there are more
 *          kinds of prefixes, the last class is of any length
 * @seed:   of the hash of a pair of prefixes
 * @class:  prefixes of certain lengths
 * @bucket: by class and hash, the number of the first policy
 * @start:  number of the direction's first policy, which is @next[0]
 * @next:   by policy, the next one in its bucket, in order
 *
 * A look-up costs as much as there are classes, not policies.
 */
struct latch_spd_index {
	u32	n;
	u32	seed;
	u32	start;
	struct latch_spd_class class[LATCH_SPD_CLASSES];
	u32	*bucket;
	u32	next[];
};

/**
 * struct latch_spd - copy of the SPD
 * @rcu:   frees it
 * @id:    which copy it is, never 0
 * @ports: a selector names ports
 * @n_new: how many policies are not as they were in the copy before
 * @fresh: which, after @pol
 * @index: see spd.c; NULL none
 * @start: where a direction begins in @pol
 * @pol:   sorted by direction and then as the kernel chooses: priority, position
 */
struct latch_spd {
	struct rcu_head		rcu;
	u32			id;
	bool			ports;
	u32			n_new;
	u32			*fresh;
	struct latch_spd_index	*index[LATCH_SPD_LISTS];
	u32			start[LATCH_SPD_LISTS + 1];
	struct latch_pol	pol[];
};

struct latch_spd_ctx {
	const struct latch_net *ln;
	struct latch_spd *spd;
	u32	n;
	u32	room;
};

/*
 * A policy for a device governs only what comes or goes by it, and which that will be the copy
 * does not know. Flows that it does govern are not explained by the others.
 */
static bool latch_spd_wanted(const struct latch_net *ln, const struct xfrm_policy *xp, int dir)
{
	if (dir == XFRM_POLICY_FWD && !READ_ONCE(ln->spd.forward))
		return false;
	return xp->type == XFRM_POLICY_TYPE_MAIN && !xp->selector.ifindex && dir < XFRM_POLICY_MAX;
}

/* Call-back of the walk, under the policy lock: counts, and copies while there is room. */
static int latch_spd_one(struct xfrm_policy *xp, int dir, int seq, void *data)
{
	struct latch_spd_ctx *c = data;

	if (!latch_spd_wanted(c->ln, xp, dir))
		return 0;
	if (c->n < c->room)
		latch_view_pol(xp, dir, &c->spd->pol[c->n]);
	c->n++;
	return 0;
}

static void latch_spd_walk(struct latch_spd_ctx *c)
{
	struct net *net = c->ln->net;
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

static int latch_spd_cmp_at(const void *a, const void *b, const void *priv)
{
	const struct latch_pol *pol = priv;

	return latch_spd_cmp(&pol[*(const u32 *)a], &pol[*(const u32 *)b]);
}

/* Policies are long, so numbers are sorted, then each policy is moved once. */
static void latch_spd_sort(struct latch_pol *pol, u32 *at, u32 n)
{
	struct latch_pol first;
	u32 i, to, from;

	for (i = 0; i < n; i++)
		at[i] = i;
	sort_r(at, n, sizeof(*at), latch_spd_cmp_at, NULL, pol);
	for (i = 0; i < n; i++) {
		first = pol[i];
		for (to = i; at[to] != i; to = from) {
			from = at[to];
			pol[to] = pol[from];
			at[to] = to;
		}
		pol[to] = first;
		at[to] = to;
	}
}

/* A policy that is as it was keeps its number. Both copies are sorted. */
static void latch_spd_number(struct latch_net *ln, struct latch_spd *spd, u32 n)
{
	const struct latch_spd *old = rcu_dereference_protected(ln->spd.copy, true);
	u32 i, j = 0, m = old ? old->start[LATCH_SPD_LISTS] : 0;
	struct latch_pol *pol;

	for (i = 0; i < n; i++) {
		pol = &spd->pol[i];
		while (j < m && latch_spd_cmp(&old->pol[j], pol) < 0)
			j++;
		pol->id = j < m ? old->pol[j].id : 0;
		if (j < m && !memcmp(&old->pol[j], pol, sizeof(*pol)))
			continue;
		pol->id = ++ln->spd.last_pol;
		spd->fresh[spd->n_new++] = i;
	}
}

static struct latch_spd_class *latch_spd_get_class(struct latch_spd_index *ix,
						   const struct latch_sel *sel)
{
	struct latch_spd_class *c;

	for (c = ix->class; c < ix->class + ix->n; c++)
		if (c->family == sel->family && c->src_len == sel->src_len &&
		    c->dst_len == sel->dst_len)
			return c;
	return ix->n == LATCH_SPD_CLASSES ? c - 1 : c;
}

static u32 *latch_spd_bucket(const struct latch_spd_index *ix, const struct latch_spd_class *c,
			     const union latch_addr *src, const union latch_addr *dst)
{
	union latch_addr net[2] = {
		latch_addr_prefix(src, c->src_len), latch_addr_prefix(dst, c->dst_len),
	};
	u32 hash;

	if (c->family == AF_INET)
		hash = jhash_2words(net[0].w[0], net[1].w[0], ix->seed);
	else
		hash = jhash2(net[0].w, 4, jhash2(net[1].w, 4, ix->seed));
	return &ix->bucket[c->at + (hash & c->mask)];
}

/* Counts the classes of the policies, gives each its buckets, then fills these. */
static void latch_spd_classify(struct latch_spd_index *ix, const struct latch_pol *pol, u32 n)
{
	struct latch_spd_class *c;
	u32 i, at = 0, *bucket;

	for (i = 0; i < n; i++) {
		c = latch_spd_get_class(ix, &pol[i].sel);
		if (c == ix->class + ix->n) {
			ix->n++;
			c->family = pol[i].sel.family;
			c->src_len = ix->n < LATCH_SPD_CLASSES ? pol[i].sel.src_len : 0;
			c->dst_len = ix->n < LATCH_SPD_CLASSES ? pol[i].sel.dst_len : 0;
			c->first = ix->start + i;
		}
		c->count++;
	}
	for (c = ix->class; c < ix->class + ix->n; c++) {
		c->at = at;
		c->mask = roundup_pow_of_two(c->count) - 1;
		at += c->mask + 1;
	}
	memset(ix->bucket, 0xff, at * sizeof(*ix->bucket));
	for (i = n; i--;) {
		c = latch_spd_get_class(ix, &pol[i].sel);
		bucket = latch_spd_bucket(ix, c, &pol[i].sel.src, &pol[i].sel.dst);
		ix->next[i] = *bucket;
		*bucket = ix->start + i;
	}
}

/* Without memory there is none, and the policies are looked at one by one. */
static void latch_spd_make_index(struct latch_spd *spd, u8 dir)
{
	u32 start = spd->start[dir], n = spd->start[dir + 1] - start;
	struct latch_spd_index *ix;

	if (n < LATCH_SPD_INDEXED)
		return;
	/* each class rounds its buckets up to less than twice its policies */
	ix = kvzalloc(struct_size(ix, next, 3 * (size_t)n), GFP_KERNEL_ACCOUNT);
	if (!ix)
		return;
	ix->bucket = ix->next + n;
	ix->start = start;
	ix->seed = get_random_u32();
	latch_spd_classify(ix, spd->pol + start, n);
	spd->index[dir] = ix;
}

static void latch_spd_free(struct latch_spd *spd)
{
	int dir;

	for (dir = 0; dir < LATCH_SPD_LISTS; dir++)
		kvfree(spd->index[dir]);
	kvfree(spd);
}

static void latch_spd_free_rcu(struct rcu_head *rcu)
{
	latch_spd_free(container_of(rcu, struct latch_spd, rcu));
}

static void latch_spd_publish(struct latch_net *ln, struct latch_spd *spd)
{
	struct latch_spd *old;

	/* one writer: the worker, or the namespace's end after it */
	old = rcu_replace_pointer(ln->spd.copy, spd, true);
	smp_mb(); /* whoever joins a group sees this copy, or is seen in the group */
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
	int changes = atomic_read(&ln->spd.changes);
	struct latch_spd_ctx c = { .ln = ln };
	size_t size;
	u32 i, dir;

	smp_rmb(); /* each of these changes was made before it was counted */
	for (i = 0; i < XFRM_POLICY_MAX; i++)
		WRITE_ONCE(ln->spd.defaults[i], READ_ONCE(ln->net->xfrm.policy_default[i]));
	latch_spd_walk(&c);
	c.room = c.n + c.n / 8;
	size = struct_size(c.spd, pol, c.room);
	c.spd = kvzalloc(size + array_size(c.room, sizeof(*c.spd->fresh)), GFP_KERNEL_ACCOUNT);
	if (!c.spd)
		return -ENOMEM;
	c.spd->fresh = (void *)c.spd + size;
	latch_spd_walk(&c);
	if (c.n > c.room) {
		kvfree(c.spd);
		return -EAGAIN;
	}

	latch_spd_sort(c.spd->pol, c.spd->fresh, c.n);
	for (i = 0, dir = 0; dir < LATCH_SPD_LISTS; dir++) {
		c.spd->start[dir] = i;
		for (; i < c.n && c.spd->pol[i].dir == dir; i++) {
			if (c.spd->pol[i].mark_m)
				latch_sad_set_marked(ln);
			if (c.spd->pol[i].sel.sport_mask || c.spd->pol[i].sel.dport_mask)
				c.spd->ports = true;
		}
	}
	c.spd->start[LATCH_SPD_LISTS] = i;
	c.spd->id = ++ln->spd.last ?: ++ln->spd.last;
	latch_spd_number(ln, c.spd, c.n);
	for (dir = 0; dir < LATCH_SPD_LISTS; dir++)
		latch_spd_make_index(c.spd, dir);
	latch_spd_publish(ln, c.spd);
	/* whoever sees that these changes are read finds the copy; pairs with latch_spd_stale() */
	smp_store_release(&ln->spd.read, changes);
	return 0;
}

/**
 * latch_spd_check_defaults() - have the SPD read again where a default policy has changed
 * @ln: the namespace
 *
 * XFRM tells nobody of that (XFRM_MSG_SETDEFAULT), so whoever drops a packet or is asked about
 * latches looks.
 *
 * Context: any.
 */
void latch_spd_check_defaults(struct latch_net *ln)
{
	u32 i;

	for (i = 0; i < XFRM_POLICY_MAX; i++)
		if (READ_ONCE(ln->spd.defaults[i]) != READ_ONCE(ln->net->xfrm.policy_default[i])) {
			latch_work_queue(ln, LATCH_WORK_SPD);
			return;
		}
}

static bool latch_spd_fits(const struct latch_pol *pol, const struct latch_flow *f, u8 dir,
			   u32 if_id, u32 mark)
{
	return pol->if_id == if_id && (mark & pol->mark_m) == pol->mark_v &&
	       pol->sel.family == f->family && latch_sel_covers(&pol->sel, f, dir);
}

/* The policies that govern a flow in one direction. */
static u8 latch_spd_list(const struct latch_flow *f, u8 dir)
{
	return dir == LATCH_DIR_IN && latch_flow_forwarded(f) ? LATCH_SPD_FWD : dir;
}

/* Of each class the first that fits; of these the first. */
static u32 latch_spd_search(const struct latch_spd *spd, const struct latch_flow *f, u8 dir,
			    u32 if_id, u32 mark)
{
	const struct latch_spd_index *ix = spd->index[latch_spd_list(f, dir)];
	const union latch_addr *src = dir == LATCH_DIR_IN ? &f->remote : &f->local;
	const union latch_addr *dst = dir == LATCH_DIR_IN ? &f->local : &f->remote;
	const struct latch_spd_class *c;
	u32 i, best = LATCH_SPD_NONE;

	for (c = ix->class; c < ix->class + ix->n && c->first < best; c++) {
		if (c->family != f->family && c < ix->class + LATCH_SPD_CLASSES - 1)
			continue;
		for (i = *latch_spd_bucket(ix, c, src, dst); i < best; i = ix->next[i - ix->start])
			if (latch_spd_fits(&spd->pol[i], f, dir, if_id, mark)) {
				best = i;
				break;
			}
	}
	return best;
}

/**
 * latch_spd_find() - the policy that the kernel would choose for a flow, forwarded or not
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
	const struct latch_spd *spd = rcu_dereference(ln->spd.copy);
	u8 list = latch_spd_list(f, dir);
	u32 i;

	if (!spd)
		return NULL;
	if (spd->index[list]) {
		i = latch_spd_search(spd, f, dir, if_id, mark);
		return i == LATCH_SPD_NONE ? NULL : &spd->pol[i];
	}
	for (i = spd->start[list]; i < spd->start[list + 1]; i++)
		if (latch_spd_fits(&spd->pol[i], f, dir, if_id, mark))
			return &spd->pol[i];
	return NULL;
}

/**
 * latch_spd_overtaken() - may a policy that is new govern flows that another one did?
 * @ln:    the namespace
 * @pol:   the other one, of the latest copy
 * @limit: more new ones are not worth looking at
 *
 * Context: RCU read side, the worker only.
 * Return: true where one comes before it that covers some of the same flows, or where
 * that was not looked at.
 */
bool latch_spd_overtaken(const struct latch_net *ln, const struct latch_pol *pol, u32 limit)
{
	const struct latch_spd *spd = rcu_dereference(ln->spd.copy);
	const struct latch_pol *other;
	u32 i;

	if (spd->n_new > limit)
		return true;
	for (i = 0; i < spd->n_new; i++) {
		other = &spd->pol[spd->fresh[i]];
		if (other->dir == pol->dir && other < pol &&
		    latch_sel_overlaps(&other->sel, &pol->sel))
			return true;
	}
	return false;
}

/**
 * latch_spd_id() - which copy of the SPD is the latest
 * @ln: the namespace
 *
 * Context: RCU read side. Return: its number, 0 where there is none.
 */
u32 latch_spd_id(const struct latch_net *ln)
{
	const struct latch_spd *spd = rcu_dereference(ln->spd.copy);

	return spd ? spd->id : 0;
}

/**
 * latch_spd_seen_now() - the latest copy of the SPD, and whether ports matter in it
 * @ln: the namespace
 *
 * Context: RCU read side. Return: which one, all zero where there is none.
 */
struct latch_spd_seen latch_spd_seen_now(const struct latch_net *ln)
{
	const struct latch_spd *spd = rcu_dereference(ln->spd.copy);
	struct latch_spd_seen seen = {};

	if (spd) {
		seen.id = spd->id;
		seen.portless = spd->ports ? 0 : spd->id;
	}
	return seen;
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
