// SPDX-License-Identifier: GPL-2.0
/*
 * Writers of the cache of latches by socket: see skcache.h.
 */
#include <linux/log2.h>
#include <linux/mm.h>

#include "channel/latch.h"
#include "channel/skcache.h"

#define LATCH_SK_MIN	1024
/* Ways for each latch, of which four are left when the cache is replaced by a larger one. */
#define LATCH_SK_SPARE	8

struct latch_sk_cache __rcu *latch_sk_cache;
struct latch latch_none;
static DEFINE_MUTEX(latch_sk_mutex);

static struct latch_sk_cache *latch_sk_cache_alloc(unsigned int n)
{
	struct latch_sk_cache *c = kvmalloc(struct_size(c, way, n), GFP_KERNEL | __GFP_NOWARN);
	unsigned int i;

	if (!c)
		return NULL;
	c->n = n;
	c->mask = n * sizeof(c->way[0]) - LATCH_SK_WAYS * sizeof(c->way[0]);
	for (i = 0; i < n; i++)
		c->way[i] = &latch_none;
	return c;
}

/*
 * The first way of a latch's bucket that has @from gets @to. The latch's lock, which is a
 * spinlock, keeps a cache that is replaced from being freed.
 */
static __always_inline void latch_sk_cache_swap(const struct latch *l, struct latch *from,
						struct latch *to)
{
	const struct latch_sk_cache *c = rcu_dereference_check(latch_sk_cache,
							       lockdep_is_held(&l->lock));
	struct latch **way = (struct latch **)latch_sk_bucket(c, l->sk);
	int i;

	for (i = 0; i < LATCH_SK_WAYS; i++)
		if (READ_ONCE(way[i]) == from && cmpxchg(&way[i], from, to) == from)
			break;
}

/**
 * latch_sk_cache_add() - a socket has a latch now
 * @l: the latch, with @l->sk set, not in the cache; its lock is held
 *
 * Where the bucket is full the table of sockets finds the latch.
 *
 * Context: any.
 */
void latch_sk_cache_add(struct latch *l)
{
	latch_sk_cache_swap(l, &latch_none, l);
}

/**
 * latch_sk_cache_del() - a socket has none any more
 * @l: the latch, with @l->sk still set, whose lock is held
 *
 * A cache that was replaced meanwhile may still name the latch; its last reader began
 * before this, and the latch is freed after that reader.
 *
 * Context: any.
 */
void latch_sk_cache_del(struct latch *l)
{
	latch_sk_cache_swap(l, l, &latch_none);
}

static unsigned int latch_sk_cache_size(unsigned int n)
{
	return roundup_pow_of_two(max_t(unsigned int, n * LATCH_SK_SPARE, LATCH_SK_MIN));
}

/* A latch that loses its socket at the same time does so under its lock, so it is not added. */
static void latch_sk_cache_fill(struct rhashtable *socks)
{
	struct rhashtable_iter it;
	struct latch *l;

	rhashtable_walk_enter(socks, &it);
	rhashtable_walk_start(&it);
	while ((l = rhashtable_walk_next(&it))) {
		if (IS_ERR(l))
			continue;
		spin_lock_bh(&l->lock);
		if (l->sk) {
			latch_sk_cache_del(l);
			latch_sk_cache_add(l);
		}
		spin_unlock_bh(&l->lock);
	}
	rhashtable_walk_stop(&it);
	rhashtable_walk_exit(&it);
}

/**
 * latch_sk_cache_fit() - replace the cache where it does not fit any more
 * @socks: the table of sockets, for what is to be in the new one
 *
 * Without memory the old one stays: the table finds what it does not.
 *
 * Context: process.
 */
void latch_sk_cache_fit(struct rhashtable *socks)
{
	struct latch_sk_cache *new, *old;
	unsigned int n, have;

	mutex_lock(&latch_sk_mutex);
	n = latch_sk_cache_size(atomic_read(&socks->nelems));
	have = rcu_dereference_protected(latch_sk_cache, lockdep_is_held(&latch_sk_mutex))->n;
	if (n <= have && n >= have / 8)
		goto out;
	new = latch_sk_cache_alloc(n);
	if (!new)
		goto out;
	old = rcu_replace_pointer(latch_sk_cache, new, lockdep_is_held(&latch_sk_mutex));
	latch_sk_cache_fill(socks);
	kvfree_rcu(old, rcu);
out:
	mutex_unlock(&latch_sk_mutex);
}

/**
 * latch_sk_cache_init() - make the first one
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_sk_cache_init(void)
{
	struct latch_sk_cache *c = latch_sk_cache_alloc(LATCH_SK_MIN);

	RCU_INIT_POINTER(latch_sk_cache, c);
	return c ? 0 : -ENOMEM;
}

/**
 * latch_sk_cache_exit() - free it; no latch is left
 */
void latch_sk_cache_exit(void)
{
	kvfree(rcu_dereference_protected(latch_sk_cache, true));
}
