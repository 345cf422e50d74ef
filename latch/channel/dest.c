// SPDX-License-Identifier: GPL-2.0
/*
 * Destinations of UDP sockets, by socket and remote end.
 *
 * A socket may send from any of its host's addresses, so the local one is no part of the key:
 * what goes to a destination has to meet its latch wherever it goes from.
 */
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "channel/dest.h"
#include "channel/latch.h"
#include "core/flow.h"

static struct rhashtable latch_dest_table;

/* Hashed and compared as bytes. */
struct latch_dest_key {
	const struct latch_dests *of;
	union latch_addr	remote;
	u16			rport;
	u16			family;
	u32			zero;
};

static struct latch_dest_key latch_dest_key(const struct latch_dests *d,
					    const struct latch_flow *f)
{
	struct latch_dest_key key;

	memset(&key, 0, sizeof(key));
	key.of = d;
	key.remote = f->remote;
	key.rport = f->rport;
	key.family = f->family;
	return key;
}

static u32 latch_dest_hash(const void *data, u32 len, u32 seed)
{
	return jhash(data, sizeof(struct latch_dest_key), seed);
}

static u32 latch_dest_obj_hash(const void *data, u32 len, u32 seed)
{
	const struct latch *l = data;
	struct latch_dest_key key = latch_dest_key(l->dests, &l->flow);

	return latch_dest_hash(&key, len, seed);
}

static int latch_dest_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct latch *l = obj;
	struct latch_dest_key key = latch_dest_key(l->dests, &l->flow);

	return memcmp(&key, arg->key, sizeof(key));
}

static const struct rhashtable_params latch_dest_params = {
	.key_len = sizeof(struct latch_dest_key),
	.head_offset = offsetof(struct latch, sock_node),
	.hashfn = latch_dest_hash,
	.obj_hashfn = latch_dest_obj_hash,
	.obj_cmpfn = latch_dest_cmp,
	.automatic_shrinking = true,
};

/**
 * latch_dest_lookup() - latch_dest_find() in the table
 * @d: the destinations of the socket
 * @f: a flow; its remote end is looked up
 *
 * Context: RCU read side. Return: the latch or NULL.
 */
struct latch *latch_dest_lookup(const struct latch_dests *d, const struct latch_flow *f)
{
	struct latch_dest_key key = latch_dest_key(d, f);

	return rhashtable_lookup(&latch_dest_table, &key, latch_dest_params);
}

/**
 * latch_dests_hold() - one reference more
 * @d: destinations that somebody holds, or NULL
 *
 * Context: any. Return: @d.
 */
struct latch_dests *latch_dests_hold(struct latch_dests *d)
{
	if (d)
		refcount_inc(&d->ref);
	return d;
}

/**
 * latch_dests_put() - one reference less
 * @d: the destinations, or NULL
 *
 * Context: any.
 */
void latch_dests_put(struct latch_dests *d)
{
	if (d && refcount_dec_and_test(&d->ref))
		kfree_rcu(d, rcu);
}

/* The destinations of a socket; made with the first one, and kept until the socket goes. */
static struct latch_dests *latch_dests_get(struct latch *parent)
{
	struct latch_dests *d = parent->dests;

	lockdep_assert_held(&parent->lock);
	if (d)
		return d;
	d = kzalloc(sizeof(*d), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!d)
		return NULL;
	spin_lock_init(&d->lock);
	INIT_LIST_HEAD(&d->all);
	refcount_set(&d->ref, 1);
	parent->dests = d;
	return d;
}

/**
 * latch_dest_add() - a socket gets one destination more
 * @parent: the latch of the socket, whose lock is held
 * @l:      the latch of the destination, in no table, whose lock is held, too; its flow has the
 *          remote end
 * @sk:     the socket
 *
 * Packets find it when this returns.
 *
 * Context: BH off. Return: 0; -EEXIST there is one; -ENOSPC there are LATCH_DESTS_MAX; -ENOMEM.
 */
int latch_dest_add(struct latch *parent, struct latch *l, struct sock *sk)
{
	struct latch_dests *d = latch_dests_get(parent);
	struct latch_dest_key key;
	int err;

	lockdep_assert_held(&l->lock);
	if (!d)
		return -ENOMEM;
	key = latch_dest_key(d, &l->flow);
	l->dests = latch_dests_hold(d);
	spin_lock(&d->lock);
	err = d->n < LATCH_DESTS_MAX ? 0 : -ENOSPC;
	if (!err)
		err = rhashtable_lookup_insert_key(&latch_dest_table, &key, &l->sock_node,
						   latch_dest_params);
	if (!err) {
		list_add_tail(&l->dest_link, &d->all);
		d->n++;
	}
	spin_unlock(&d->lock);
	if (err)
		return err == -EEXIST || err == -ENOSPC ? err : -ENOMEM;
	l->dest = 1;
	l->sk = sk;
	smp_store_release(&parent->has_dests, true); /* pairs with latch_dest_find() */
	return 0;
}

/**
 * latch_dest_leave() - a socket has one destination less
 * @l: its latch, whose lock is held
 *
 * Nobody reads the socket by it any more when this returns, so the socket may go.
 *
 * Context: BH off.
 */
void latch_dest_leave(struct latch *l)
{
	struct latch_dests *d = l->dests;

	lockdep_assert_held(&l->lock);
	if (!l->dest)
		return;
	spin_lock(&d->lock);
	rhashtable_remove_fast(&latch_dest_table, &l->sock_node, latch_dest_params);
	list_del_init(&l->dest_link);
	d->n--;
	spin_unlock(&d->lock);
	l->dest = 0;
	WRITE_ONCE(l->sk, NULL);
}

/**
 * latch_dests_end() - the last destination of a socket may be gone
 * @parent: the latch of the socket, which is locked
 *
 * Context: process. Return: true where there is none: packets look for none any more.
 */
bool latch_dests_end(struct latch *parent)
{
	bool none;

	spin_lock_bh(&parent->lock);
	none = !parent->dests || !READ_ONCE(parent->dests->n);
	if (none)
		WRITE_ONCE(parent->has_dests, false);
	spin_unlock_bh(&parent->lock);
	return none;
}

/**
 * latch_dests_next() - one of the destinations of a socket
 * @parent: the latch of the socket
 *
 * Context: any. Return: its latch, held; NULL where there is none.
 */
struct latch *latch_dests_next(struct latch *parent)
{
	struct latch_dests *d = parent->dests;
	struct latch *l;

	if (!d)
		return NULL;
	spin_lock_bh(&d->lock);
	l = list_first_entry_or_null(&d->all, struct latch, dest_link);
	/* it has the tables' reference as long as it is in the list */
	if (l)
		refcount_inc(&l->ref);
	spin_unlock_bh(&d->lock);
	return l;
}

/**
 * latch_dest_init() - make the table
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_dest_init(void)
{
	return rhashtable_init(&latch_dest_table, &latch_dest_params);
}

/**
 * latch_dest_exit() - free the table, which is empty by then
 */
void latch_dest_exit(void)
{
	rhashtable_destroy(&latch_dest_table);
}
