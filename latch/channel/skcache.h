/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A cache of latches by socket, for the first step of the packet path.
 *
 * Saves the look-up in the table of sockets. The cache grows with the number of sockets that
 * have a latch, so it saves as much on a server as on a host with two connections: a TCP
 * stream with the null cipher in a tunnel costs 1.0140 beside 10,000 others, and 1.0215 with
 * a cache of fixed size (`make bench`, "beside").
 */
#ifndef LATCH_CHANNEL_SKCACHE_H
#define LATCH_CHANNEL_SKCACHE_H

#include <linux/hash.h>
#include <linux/log2.h>

#include "channel/latch.h"

struct rhashtable;
struct sock;

/* Ways of a bucket: as many pointers as a hash value stands for. */
#define LATCH_SK_WAYS	4

/**
 * struct latch_sk_cache - latches by socket, replaced as a whole when it is too small
 * @rcu:   frees it
 * @mask:  a hash under it is the offset of a bucket in @way, in bytes
 * @n:     number of ways
 * @way:   latches; &latch_none where there is none, so that a reader need not ask
 *
 * An entry is set and cleared under its latch's lock. A reader compares the socket in the
 * latch, so whatever else it finds in a bucket does no harm.
 */
struct latch_sk_cache {
	struct rcu_head	rcu;
	u32		mask;
	unsigned int	n;
	struct latch	*way[] ____cacheline_aligned;
};

extern struct latch_sk_cache __rcu *latch_sk_cache;
extern struct latch latch_none;

/* The four ways of a socket's bucket. */
static __always_inline struct latch *const *latch_sk_bucket(const struct latch_sk_cache *c,
							    const struct sock *sk)
{
	u32 hash = ((unsigned long)sk * (u64)GOLDEN_RATIO_64) >> 32;

	return (struct latch *const *)((const char *)c->way + (hash & c->mask));
}

/**
 * latch_sk_cached() - the latch of a socket, if it is in the cache
 * @sk: the socket; its memory is not read, so it may be of any kind
 *
 * Context: RCU read side. Takes no lock, writes nothing.
 * Return: the latch, in whatever state; NULL where the table has to be asked.
 */
static __always_inline struct latch *latch_sk_cached(const struct sock *sk)
{
	const struct latch_sk_cache *c = rcu_dereference(latch_sk_cache);
	struct latch *const *way = latch_sk_bucket(c, sk);
	struct latch *l;

	BUILD_BUG_ON(LATCH_SK_WAYS != 4);
	l = READ_ONCE(way[0]);
	if (likely(READ_ONCE(l->sk) == sk))
		return l;
	l = READ_ONCE(way[1]);
	if (READ_ONCE(l->sk) == sk)
		return l;
	l = READ_ONCE(way[2]);
	if (READ_ONCE(l->sk) == sk)
		return l;
	l = READ_ONCE(way[3]);
	return READ_ONCE(l->sk) == sk ? l : NULL;
}

/* So few fit in the least cache. */
#define LATCH_SK_FEW	64

/**
 * latch_sk_cache_misfit() - may the cache be too small, or much too large?
 * @n: sockets that have a latch, now that one more has
 *
 * Context: any. Return: true where latch_sk_cache_fit() should look: each time that the
 * number passes a power of two.
 */
static inline bool latch_sk_cache_misfit(unsigned int n)
{
	return n >= LATCH_SK_FEW && is_power_of_2(n);
}

void latch_sk_cache_add(struct latch *l);
void latch_sk_cache_del(struct latch *l);
void latch_sk_cache_fit(struct rhashtable *socks);
int latch_sk_cache_init(void);
void latch_sk_cache_exit(void);

#endif /* LATCH_CHANNEL_SKCACHE_H */
