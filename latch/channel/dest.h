/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Destinations: latches of an unconnected UDP socket, one for each remote address and port that
 * the application named (RFC 5660 2.4-3, 5.3-1).
 */
#ifndef LATCH_CHANNEL_DEST_H
#define LATCH_CHANNEL_DEST_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

#include "channel/latch.h"

struct latch_flow;
struct sock;

/* So many destinations may a socket have. */
#define LATCH_DESTS_MAX	1024

/**
 * struct latch_dests - the destinations of a socket
 * @lock: @all, @n
 * @all:  their latches, by latch.dest_link
 * @n:    how many
 * @ref:  the socket's latch, and those in @all
 */
struct latch_dests {
	spinlock_t		lock;
	struct list_head	all;
	unsigned int		n;
	refcount_t		ref;
	struct rcu_head		rcu;
};

struct latch *latch_dest_lookup(const struct latch_dests *d, const struct latch_flow *f);

/**
 * latch_dest_find() - the latch of a destination
 * @l: the latch of the socket
 * @f: a flow; its remote end is looked up
 *
 * Context: RCU read side. Takes no lock. Return: the latch, in whatever state, or NULL.
 */
static inline struct latch *latch_dest_find(const struct latch *l, const struct latch_flow *f)
{
	/* pairs with latch_dest_add() */
	return smp_load_acquire(&l->has_dests) ? latch_dest_lookup(l->dests, f) : NULL;
}

int latch_dest_add(struct latch *parent, struct latch *l, struct sock *sk);
void latch_dest_leave(struct latch *l);
bool latch_dests_end(struct latch *parent);
struct latch *latch_dests_next(struct latch *parent);
struct latch_dests *latch_dests_hold(struct latch_dests *d);
void latch_dests_put(struct latch_dests *d);
int latch_dest_init(void);
void latch_dest_exit(void);

#endif /* LATCH_CHANNEL_DEST_H */
