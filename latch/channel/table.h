/* SPDX-License-Identifier: GPL-2.0 */
/*
 * FIND_LATCH (RFC 5660 2.3-8) in line: a packet that TCP has not found the socket of yet
 * pays for this.
 */
#ifndef LATCH_CHANNEL_TABLE_H
#define LATCH_CHANNEL_TABLE_H

#include <linux/rhashtable.h>

#include "base/net.h"
#include "base/words.h"
#include "channel/latch.h"

struct latch_flow;
struct latch_net;
struct sock;

/* One for each word of addresses. */
#define LATCH_SECRETS	8

extern u64 latch_secret[LATCH_SECRETS];
extern struct rhashtable latch_flows;

/*
 * Each packet pays for this. Multiply and shift with secret factors is strongly
 * universal (Dietzfelbinger 1996): whoever does not know them finds no two flows that
 * meet more often than by chance. The factor of the ports is the namespace's own, so that
 * containers with the same addresses do not meet either. The protocol and the VRF are left
 * out: a factor for them takes three instructions more. The seed is the table's, new when a
 * chain grows too long all the same. IPv4 has one word of each address, the others are zero.
 */
static __always_inline u32 latch_hash(const struct latch_net *ln, const u32 *local,
				      const u32 *remote, u32 ports, bool ip4, u32 seed)
{
	u64 sum = latch_secret[0] * (local[0] ^ seed) + latch_secret[1] * remote[0] +
		  ln->secret * (ports ^ seed);

	if (!ip4) {
		sum += latch_secret[2] * local[1] + latch_secret[3] * remote[1];
		sum += latch_secret[4] * local[2] + latch_secret[5] * remote[2];
		sum += latch_secret[6] * local[3] + latch_secret[7] * remote[3];
	}
	return sum >> 32;
}

/* Is this the latch's flow, of IPv4? As latch_find4() is told it. */
static __always_inline bool latch_is4(const struct latch *l, const struct latch_net *ln,
				      u32 local, u32 remote, u32 ports, u32 kind)
{
	return l->flow.ports == ports && l->flow.remote.w[0] == remote &&
	       l->flow.local.w[0] == local && l->flow.kind == kind && l->ln == ln;
}

/* ... of IPv6, as latch_find6() is told it. */
static __always_inline bool latch_is6(const struct latch *l, const struct latch_net *ln,
				      const u32 *local, const u32 *remote, u32 ports, u32 kind)
{
	return l->flow.ports == ports && latch_words_equal(&l->flow.remote, remote, 16) &&
	       latch_words_equal(&l->flow.local, local, 16) && l->flow.kind == kind &&
	       l->ln == ln;
}

/* What a flow is looked up by. @ip4 is constant: the addresses are one word each, or four. */
struct latch_lookup_key {
	const struct latch_net	*ln;
	const u32		*local;
	const u32		*remote;
	u32			ports;
	u32			kind;
	bool			ip4;
};

static __always_inline bool latch_is(const struct latch *l, const struct latch_lookup_key *w)
{
	return w->ip4 ? latch_is4(l, w->ln, *w->local, *w->remote, w->ports, w->kind) :
			latch_is6(l, w->ln, w->local, w->remote, w->ports, w->kind);
}

static __always_inline u32 latch_lookup_index(const struct latch_lookup_key *w,
					      const struct bucket_table *tbl)
{
	return rht_bucket_index(tbl, latch_hash(w->ln, w->local, w->remote, w->ports, w->ip4,
						tbl->hash_rnd));
}

/* A chain that ends as another one is begun anew: its entry was moved there. */
static __always_inline struct latch *latch_walk(const struct latch_lookup_key *w,
						struct rhash_lock_head __rcu *const *bkt,
						const struct bucket_table *tbl, u32 index)
{
	struct rhash_head *he;
	struct latch *l;

	do {
		rht_for_each_rcu_from(he, rht_ptr_rcu(bkt), tbl, index) {
			l = container_of(he, struct latch, flow_node);
			if (latch_is(l, w))
				return l;
		}
	} while (he != RHT_NULLS_MARKER(bkt));
	return NULL;
}

struct latch *latch_find4_any(const struct latch_net *ln, u32 local, u32 remote, u32 ports,
			      u32 kind);
struct latch *latch_find6_any(const struct latch_net *ln, const u32 *local,
			      const u32 *remote, u32 ports, u32 kind);

/* The same where the table is neither large and sparse nor being resized. */
static __always_inline struct latch *latch_lookup_flat(const struct latch_lookup_key *w,
						       bool *sure)
{
	struct bucket_table *tbl = rht_dereference_rcu(latch_flows.tbl, &latch_flows);
	struct latch *l;
	u32 index;

	*sure = !tbl->nest;
	if (tbl->nest)
		return NULL;
	index = latch_lookup_index(w, tbl);
	l = latch_walk(w, &tbl->buckets[index], tbl, index);
	smp_rmb(); /* pairs with the table's resizing */
	*sure = l || !rcu_access_pointer(tbl->future_tbl);
	return l;
}

/**
 * latch_find4() - FIND_LATCH for IPv4, what a packet pays for (2.3-8)
 * @ln:     the namespace
 * @local:  local address
 * @remote: remote address
 * @ports:  as in struct latch_flow
 * @kind:   as there
 *
 * Context: RCU read side. Takes no lock. Return: the latch or NULL.
 */
static __always_inline struct latch *latch_find4(const struct latch_net *ln, u32 local,
						 u32 remote, u32 ports, u32 kind)
{
	const struct latch_lookup_key w = {
		.ln = ln, .local = &local, .remote = &remote, .ports = ports, .kind = kind,
		.ip4 = true,
	};
	bool sure;
	struct latch *l = latch_lookup_flat(&w, &sure);

	return likely(sure) ? l : latch_find4_any(ln, local, remote, ports, kind);
}

/**
 * latch_find6() - FIND_LATCH for IPv6, what a packet pays for (2.3-8)
 * @ln:     the namespace
 * @local:  local address, four words
 * @remote: remote address
 * @ports:  as in struct latch_flow
 * @kind:   as there
 *
 * Context: RCU read side. Takes no lock. Return: the latch or NULL.
 */
static __always_inline struct latch *latch_find6(const struct latch_net *ln,
						 const u32 *local, const u32 *remote,
						 u32 ports, u32 kind)
{
	const struct latch_lookup_key w = {
		.ln = ln, .local = local, .remote = remote, .ports = ports, .kind = kind,
	};
	bool sure;
	struct latch *l = latch_lookup_flat(&w, &sure);

	return likely(sure) ? l : latch_find6_any(ln, local, remote, ports, kind);
}

struct latch *latch_find(const struct latch_net *ln, const struct latch_flow *f);
struct latch *latch_find_sk(const struct sock *sk);
int latch_hash_flow(struct latch *l, const struct latch_flow *f);
int latch_hash_twin(struct latch *l, struct latch *old);
int latch_flow_replace(struct latch *old, struct latch *new);
void latch_unhash_flow(struct latch *l);
int latch_hash_sk(struct latch *l, struct sock *sk);
void latch_fit_sk(void);
void latch_unhash_sk(struct latch *l);
int latch_sk_replace(struct latch *old, struct latch *new);
int latch_table_init(void);
void latch_table_exit(void);

#endif /* LATCH_CHANNEL_TABLE_H */
