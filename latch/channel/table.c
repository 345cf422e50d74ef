// SPDX-License-Identifier: GPL-2.0
/*
 * Latches by flow and by socket.
 */
#include <linux/hash.h>
#include <linux/random.h>

#include "base/net.h"
#include "base/work.h"
#include "channel/latch.h"
#include "channel/skcache.h"
#include "channel/table.h"
#include "core/flow.h"

struct rhashtable latch_flows;
static struct rhashtable latch_socks;

struct latch_flow_key {
	struct latch_net *ln;
	struct latch_flow flow;
};

/* Drawn when the module is loaded. */
u64 latch_secret[LATCH_SECRETS] __ro_after_init;

/*
 * So that flows seldom meet in one chain, and that neither table is resized again and again
 * where connections come and go.
 */
#define LATCH_FLOWS_MIN	8192
#define LATCH_SOCKS_MIN	1024

static __always_inline u32 latch_flow_hash(const void *data, u32 len, u32 seed)
{
	const struct latch_flow_key *key = data;
	const struct latch_flow *f = &key->flow;

	return latch_hash(key->ln, f->local.w, f->remote.w, f->ports, f->family == AF_INET, seed);
}

static u32 latch_flow_obj_hash(const void *data, u32 len, u32 seed)
{
	const struct latch *l = data;

	return latch_flow_hash(&l->ln, len, seed);
}

static int latch_flow_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct latch_flow_key *key = arg->key;
	const struct latch *l = obj;

	return l->ln != key->ln || !latch_flow_equal(&l->flow, &key->flow);
}

static const struct rhashtable_params latch_flow_params = {
	.key_len = sizeof(struct latch_flow_key),
	.head_offset = offsetof(struct latch, flow_node),
	.hashfn = latch_flow_hash,
	.obj_hashfn = latch_flow_obj_hash,
	.obj_cmpfn = latch_flow_cmp,
	.min_size = LATCH_FLOWS_MIN,
	.automatic_shrinking = true,
};

/* Where a socket lies is nothing that a remote host chooses. */
static __always_inline u32 latch_sock_hash(const void *data, u32 len, u32 seed)
{
	return hash_ptr(*(void *const *)data, 32);
}

static __always_inline int latch_sock_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct latch *l = obj;

	return l->sk != *(struct sock *const *)arg->key;
}

static const struct rhashtable_params latch_sock_params = {
	.key_len = sizeof(struct sock *),
	.key_offset = offsetof(struct latch, sk),
	.head_offset = offsetof(struct latch, sock_node),
	.hashfn = latch_sock_hash,
	.obj_cmpfn = latch_sock_cmp,
	.min_size = LATCH_SOCKS_MIN,
	.automatic_shrinking = true,
};

/* rhashtable_lookup(), in whichever table. */
static __always_inline struct latch *latch_lookup_any(const struct latch_lookup_key *w)
{
	struct bucket_table *tbl = rht_dereference_rcu(latch_flows.tbl, &latch_flows);
	struct latch *l;
	u32 index;

	do {
		index = latch_lookup_index(w, tbl);
		l = latch_walk(w, rht_bucket(tbl, index), tbl, index);
		if (l)
			return l;
		smp_rmb(); /* pairs with the table's resizing */
		tbl = rht_dereference_rcu(tbl->future_tbl, &latch_flows);
	} while (tbl);
	return NULL;
}

/**
 * latch_find4_any() - latch_find4() in whichever table
 * @ln:     the namespace
 * @local:  local address
 * @remote: remote address
 * @ports:  as in struct latch_flow
 * @kind:   as there
 *
 * Context: RCU read side. Return: the latch or NULL.
 */
struct latch *latch_find4_any(const struct latch_net *ln, u32 local, u32 remote, u32 ports,
			      u32 kind)
{
	const struct latch_lookup_key w = {
		.ln = ln, .local = &local, .remote = &remote, .ports = ports, .kind = kind,
		.ip4 = true,
	};

	return latch_lookup_any(&w);
}

/**
 * latch_find6_any() - latch_find6() in whichever table
 * @ln:     the namespace
 * @local:  local address, four words
 * @remote: remote address
 * @ports:  as in struct latch_flow
 * @kind:   as there
 *
 * Context: RCU read side. Return: the latch or NULL.
 */
struct latch *latch_find6_any(const struct latch_net *ln, const u32 *local,
			      const u32 *remote, u32 ports, u32 kind)
{
	const struct latch_lookup_key w = {
		.ln = ln, .local = local, .remote = remote, .ports = ports, .kind = kind,
	};

	return latch_lookup_any(&w);
}

/**
 * latch_find() - FIND_LATCH (2.3-8)
 * @ln: the namespace
 * @f:  the 5-tuple
 *
 * Context: RCU read side. Takes no lock. Return: the latch or NULL.
 */
struct latch *latch_find(const struct latch_net *ln, const struct latch_flow *f)
{
	return f->family == AF_INET ?
	       latch_find4(ln, f->local.w[0], f->remote.w[0], f->ports, f->kind) :
	       latch_find6(ln, f->local.w, f->remote.w, f->ports, f->kind);
}

/**
 * latch_find_sk() - the latch of a socket
 * @sk: the socket
 *
 * Context: RCU read side. Return: the latch, in whatever state, or NULL.
 */
struct latch *latch_find_sk(const struct sock *sk)
{
	struct latch *l = latch_sk_cached(sk);

	return l ?: rhashtable_lookup(&latch_socks, &sk, latch_sock_params);
}

/**
 * latch_hash_flow() - let packets find a latch
 * @l: a latch that is in no table of flows
 * @f: its 5-tuple
 *
 * Context: any. Return: 0, -EEXIST, -ENOMEM.
 */
int latch_hash_flow(struct latch *l, const struct latch_flow *f)
{
	int err;

	l->flow = *f;
	err = rhashtable_lookup_insert_key(&latch_flows, &l->ln, &l->flow_node,
					   latch_flow_params);
	if (err)
		return err == -EEXIST ? err : -ENOMEM;
	WRITE_ONCE(l->hashed, true);
	return 0;
}

/**
 * latch_hash_twin() - let packets find a latch whose 5-tuple another one has already
 * @l:   a latch of a UDP socket, in no table of flows, whose flow is set
 * @old: the other one, of another UDP socket
 *
 * A datagram that comes in then has to be matched by its socket.
 *
 * Context: any. Return: 0 or -ENOMEM.
 */
int latch_hash_twin(struct latch *l, struct latch *old)
{
	WRITE_ONCE(l->special, l->special | LATCH_TWIN);
	WRITE_ONCE(old->special, READ_ONCE(old->special) | LATCH_TWIN);
	if (rhashtable_insert_fast(&latch_flows, &l->flow_node, latch_flow_params))
		return -ENOMEM;
	WRITE_ONCE(l->hashed, true);
	return 0;
}

/**
 * latch_flow_replace() - packets find another latch under the same 5-tuple
 * @old: the latch that they find now, whose lock is held
 * @new: the one that they shall find; nobody else sees it yet
 *
 * Context: any. Return: 0 or a negative errno, and nothing has changed.
 */
int latch_flow_replace(struct latch *old, struct latch *new)
{
	int err;

	lockdep_assert_held(&old->lock);
	err = rhashtable_replace_fast(&latch_flows, &old->flow_node, &new->flow_node,
				      latch_flow_params);
	if (err)
		return err;
	WRITE_ONCE(old->noted, 0);
	WRITE_ONCE(old->hashed, false);
	WRITE_ONCE(new->hashed, true);
	return 0;
}

/**
 * latch_unhash_flow() - packets do not find a latch any more
 * @l: the latch, whose lock is held
 *
 * Context: BH off.
 */
void latch_unhash_flow(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	WRITE_ONCE(l->noted, 0);
	if (l->hashed)
		rhashtable_remove_fast(&latch_flows, &l->flow_node, latch_flow_params);
	WRITE_ONCE(l->hashed, false);
}

/* While a socket has a latch, its namespace hears of TCP's state changes. */
static void latch_sock_more(struct latch_net *ln)
{
	int n = atomic_read(&latch_socks.nelems);

	atomic_inc(&ln->gauge.socks);
	/* the worker may just be switching the hooks off */
	if (!latch_net_active(ln) || latch_sk_cache_misfit(n))
		latch_work_queue(ln, LATCH_WORK_WAKE);
}

/**
 * latch_hash_sk() - let a socket find its latch
 * @l:  a latch without socket, whose lock is held
 * @sk: the socket
 *
 * Context: any. Return: 0, -EEXIST, -ENOMEM.
 */
int latch_hash_sk(struct latch *l, struct sock *sk)
{
	int err;

	lockdep_assert_held(&l->lock);
	l->sk = sk;
	err = rhashtable_lookup_insert_fast(&latch_socks, &l->sock_node, latch_sock_params);
	if (!err) {
		latch_sk_cache_add(l);
		latch_sock_more(l->ln);
		return 0;
	}
	l->sk = NULL;
	return err == -EEXIST ? err : -ENOMEM;
}

/**
 * latch_fit_sk() - bring the cache of latches by socket to the size that is needed
 *
 * Context: process.
 */
void latch_fit_sk(void)
{
	latch_sk_cache_fit(&latch_socks);
}

/**
 * latch_unhash_sk() - a socket has no latch any more
 * @l: its latch, whose lock is held
 *
 * Context: BH off.
 */
void latch_unhash_sk(struct latch *l)
{
	struct latch_net *ln = l->ln;

	lockdep_assert_held(&l->lock);
	if (!l->sk)
		return;
	rhashtable_remove_fast(&latch_socks, &l->sock_node, latch_sock_params);
	latch_sk_cache_del(l);
	WRITE_ONCE(l->sk, NULL);
	if (l->over)
		latch_no_more(l);
	if (atomic_dec_and_test(&ln->gauge.socks) && !latch_net_active(ln))
		latch_work_queue(ln, LATCH_WORK_WAKE);
}

/**
 * latch_sk_replace() - a socket finds another latch
 * @old: the latch that it finds now
 * @new: the one that it shall find, which has the socket already
 *
 * Context: BH off, both latches' locks held. Return: 0 or a negative errno, and nothing has
 * changed.
 */
int latch_sk_replace(struct latch *old, struct latch *new)
{
	int err;

	lockdep_assert_held(&old->lock);
	lockdep_assert_held(&new->lock);
	err = rhashtable_replace_fast(&latch_socks, &old->sock_node, &new->sock_node,
				      latch_sock_params);
	if (!err) {
		latch_sk_cache_del(old);
		latch_sk_cache_add(new);
	}
	return err;
}

/**
 * latch_table_init() - make the tables
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_table_init(void)
{
	int err;

	BUILD_BUG_ON(offsetof(struct latch, flow) - offsetof(struct latch, ln) !=
		     offsetof(struct latch_flow_key, flow));
	get_random_bytes(latch_secret, sizeof(latch_secret));
	err = rhashtable_init(&latch_flows, &latch_flow_params);
	if (err)
		return err;
	err = rhashtable_init(&latch_socks, &latch_sock_params);
	if (err)
		goto flows;
	err = latch_sk_cache_init();
	if (err)
		goto socks;
	return 0;
socks:
	rhashtable_destroy(&latch_socks);
flows:
	rhashtable_destroy(&latch_flows);
	return err;
}

/**
 * latch_table_exit() - free them; no latch is left
 */
void latch_table_exit(void)
{
	latch_sk_cache_exit();
	rhashtable_destroy(&latch_socks);
	rhashtable_destroy(&latch_flows);
}
