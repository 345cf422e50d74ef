/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peer records: who a peer is and how it proved that, each there once (RFC 5660 2.6-1).
 */
#ifndef LATCH_PEER_PEER_H
#define LATCH_PEER_PEER_H

#include <linux/refcount.h>
#include <linux/rhashtable-types.h>

struct latch_net;

/* The parts of latch_peer.data */
enum latch_peer_part {
	LATCH_PEER_ID,
	LATCH_PEER_CERT,
	LATCH_PEER_ANCHOR,
	LATCH_PEER_KEY,
	LATCH_PEER_PARTS
};

/**
 * struct latch_peer - an interned identity (2.6-1), immutable
 * @ident: digest of what makes two records the same peer: ID, kind of proof, and trust
 *         anchor, or raw key where there is no certificate
 * @name:  digest of the ID alone, for demands
 * @ref:   bindings, latches, and one for being in the table
 * @binds: bindings that name it; under genl_lock
 * @with_bindings: it goes with the last of these; under genl_lock
 * @data:  ID, certificate, trust anchor and key, one after the other
 */
struct latch_peer {
	struct rhash_head	node;
	struct latch_net	*ln;
	u8			digest[32];
	refcount_t		ref;
	u32			id;
	u32			binds;
	u64			ident[2];
	u64			name[2];
	u8			id_type;
	u8			auth;
	bool			with_bindings;
	u16			len[LATCH_PEER_PARTS];
	struct rcu_head		rcu;
	u8			data[];
};

int latch_peer_name(u8 type, const void *value, u16 len, u64 name[2]);
const void *latch_peer_data(const struct latch_peer *p, unsigned int part, u16 *len);
struct latch_peer *latch_peer_new(struct latch_net *ln, const struct latch_peer *in,
				  const void *const data[LATCH_PEER_PARTS]);
struct latch_peer *latch_peer_find(struct latch_net *ln, u32 id);
struct latch_peer *latch_peer_from(struct latch_net *ln, unsigned long *id);
struct latch_peer *latch_peer_hold(struct latch_peer *p);
void latch_peer_put(struct latch_peer *p);
int latch_peer_del(struct latch_net *ln, u32 id);
void latch_peer_name_in_binding(struct latch_peer *p);
void latch_peer_unname_in_binding(struct latch_net *ln, struct latch_peer *p);
void latch_peer_clear(struct latch_net *ln);
int latch_peer_init(void);
void latch_peer_exit(void);

#endif /* LATCH_PEER_PEER_H */
