// SPDX-License-Identifier: GPL-2.0
/*
 * Peer records: who a peer is and how it proved that, each there once (RFC 5660 2.6-1).
 */
#include <crypto/sha2.h>
#include <linux/rhashtable.h>

#include "base/net.h"
#include "core/name.h"
#include "core/types.h"
#include "peer/peer.h"

static struct rhashtable latch_peers;	/* by digest, so that a record is there once */

struct latch_peer_key {
	struct latch_net *ln;
	u8	digest[SHA256_DIGEST_SIZE];
};

static const struct rhashtable_params latch_peer_params = {
	.key_len = sizeof(struct latch_peer_key),
	.key_offset = offsetof(struct latch_peer, ln),
	.head_offset = offsetof(struct latch_peer, node),
	.automatic_shrinking = true,
};

/* Length before value, so that no two lists of values have the same bytes. */
static void latch_hash_part(struct sha256_state *s, const void *data, u16 len)
{
	u8 n[2] = { len >> 8, len };

	sha256_update(s, n, sizeof(n));
	sha256_update(s, data, len);
}

static void latch_digest128(struct sha256_state *s, u64 out[2])
{
	u8 d[SHA256_DIGEST_SIZE];

	sha256_final(s, d);
	memcpy(out, d, 2 * sizeof(out[0]));
}

/* In the form that equal ones have, where there is one (@n is not 0), else as it is. */
static void latch_hash_name(struct sha256_state *s, const void *text, u32 n, const void *value,
			    u16 len)
{
	u8 canonical = n > 0;

	sha256_update(s, &canonical, 1);
	if (n)
		latch_hash_part(s, text, n);
	else
		latch_hash_part(s, value, len);
}

/**
 * latch_peer_name() - digest of an ID alone, for comparing a demand with a record
 * @type:  LATCH_ID_*
 * @value: the ID
 * @len:   its bytes
 * @name:  where it goes
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int latch_peer_name(u8 type, const void *value, u16 len, u64 name[2])
{
	struct latch_bytes id = { value, len };
	struct sha256_state s;
	u8 *text;

	text = kmalloc(len + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	sha256_init(&s);
	sha256_update(&s, &type, 1);
	latch_hash_name(&s, text, latch_name_text(type, id, text), value, len);
	latch_digest128(&s, name);
	kfree(text);
	return 0;
}

/**
 * latch_peer_data() - one part of a record
 * @p:    the record
 * @part: enum latch_peer_part
 * @len:  where its length goes, 0 where the record has none
 *
 * Context: any, @p is held or under RCU. Return: the part.
 */
const void *latch_peer_data(const struct latch_peer *p, unsigned int part, u16 *len)
{
	unsigned int i, at = 0;

	for (i = 0; i < part; i++)
		at += p->len[i];
	*len = p->len[part];
	return p->data + at;
}

/* What kind of proof a method is: which algorithm a key signs with makes no difference. */
static u8 latch_peer_proof(u8 auth)
{
	switch (auth) {
	case LATCH_AUTH_RSA:
	case LATCH_AUTH_DSS:
	case LATCH_AUTH_ECDSA_256:
	case LATCH_AUTH_ECDSA_384:
	case LATCH_AUTH_ECDSA_521:
		return LATCH_AUTH_SIGNATURE;
	default:
		return auth;
	}
}

/*
 * Who counts as the same peer: a renewed certificate of the same name from the same authority
 * is the same peer; the same name from another authority, or proved in another way, is not.
 */
static int latch_peer_ident(struct latch_peer *p)
{
	u8 proof = latch_peer_proof(p->auth);
	struct sha256_state s;
	const void *value;
	u8 *text;
	u16 len;

	value = latch_peer_data(p, LATCH_PEER_ANCHOR, &len);
	text = kvmalloc(len + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	sha256_init(&s);
	sha256_update(&s, (u8 *)p->name, sizeof(p->name));
	sha256_update(&s, &proof, 1);
	latch_hash_name(&s, text, latch_anchor_text((struct latch_bytes){ value, len }, text),
			value, len);
	value = latch_peer_data(p, LATCH_PEER_KEY, &len);
	latch_hash_part(&s, value, p->len[LATCH_PEER_CERT] ? 0 : len);
	latch_digest128(&s, p->ident);
	kvfree(text);
	return 0;
}

/* The whole record, the ID alone, and who counts as the same peer. */
static int latch_peer_digests(struct latch_peer *p)
{
	u8 head[2] = { p->id_type, p->auth };
	struct sha256_state s;
	const void *part;
	unsigned int i;
	u16 len;

	sha256_init(&s);
	sha256_update(&s, head, sizeof(head));
	for (i = 0; i < LATCH_PEER_PARTS; i++) {
		part = latch_peer_data(p, i, &len);
		latch_hash_part(&s, part, len);
	}
	sha256_final(&s, p->digest);

	part = latch_peer_data(p, LATCH_PEER_ID, &len);
	return latch_peer_name(p->id_type, part, len, p->name) ?: latch_peer_ident(p);
}

static struct latch_peer *latch_peer_build(const struct latch_peer *in,
					   const void *const data[LATCH_PEER_PARTS])
{
	struct latch_peer *p;
	size_t size = 0;
	int i;

	for (i = 0; i < LATCH_PEER_PARTS; i++)
		size += in->len[i];
	p = kvzalloc(struct_size(p, data, size), GFP_KERNEL_ACCOUNT);
	if (!p)
		return NULL;
	p->id_type = in->id_type;
	p->auth = in->auth;
	p->with_bindings = in->with_bindings;
	for (i = 0, size = 0; i < LATCH_PEER_PARTS; i++) {
		p->len[i] = in->len[i];
		if (in->len[i])
			memcpy(p->data + size, data[i], in->len[i]);
		size += in->len[i];
	}
	refcount_set(&p->ref, 1);
	if (!latch_peer_digests(p))
		return p;
	kvfree(p);
	return NULL;
}

/**
 * latch_peer_new() - intern a record (2.6-1)
 * @ln:   the namespace
 * @in:   type, method, with_bindings and lengths; the rest is not looked at
 * @data: the parts by enum latch_peer_part
 *
 * Context: process, genl_lock held.
 * Return: the record, old or new, not held for the caller; ERR_PTR(-ENOSPC)
 * where max_peers are there, -ENOMEM.
 */
struct latch_peer *latch_peer_new(struct latch_net *ln, const struct latch_peer *in,
				  const void *const data[LATCH_PEER_PARTS])
{
	struct latch_peer *p, *old;
	int err;

	p = latch_peer_build(in, data);
	if (!p)
		return ERR_PTR(-ENOMEM);
	p->ln = ln;
	rcu_read_lock();
	old = rhashtable_lookup(&latch_peers, &p->ln, latch_peer_params);
	rcu_read_unlock();
	if (old) {
		old->with_bindings &= p->with_bindings;
		kvfree(p);
		return old;
	}
	if (ln->gauge.peers >= READ_ONCE(ln->conf.max_peers)) {
		err = -ENOSPC;
		goto free;
	}
	err = xa_alloc_cyclic_bh(&ln->peers.all, &p->id, p, XA_LIMIT(1, U32_MAX),
				 &ln->peers.next, GFP_KERNEL_ACCOUNT);
	if (err < 0)
		goto free;
	err = rhashtable_insert_fast(&latch_peers, &p->node, latch_peer_params);
	if (err) {
		xa_erase_bh(&ln->peers.all, p->id);
		goto free;
	}
	ln->gauge.peers++;
	return p;
free:
	kvfree(p);
	return ERR_PTR(err);
}

/**
 * latch_peer_find() - a record by its number
 * @ln: the namespace
 * @id: the number
 *
 * Context: RCU read side, or genl_lock held. Return: the record or NULL.
 */
struct latch_peer *latch_peer_find(struct latch_net *ln, u32 id)
{
	return xa_load(&ln->peers.all, id);
}

static void latch_peer_free_rcu(struct rcu_head *rcu)
{
	kvfree(container_of(rcu, struct latch_peer, rcu));
}

/**
 * latch_peer_from() - the first record from a number on
 * @ln: the namespace
 * @id: the number, set to the record's
 *
 * Context: RCU read side. Return: the record or NULL.
 */
struct latch_peer *latch_peer_from(struct latch_net *ln, unsigned long *id)
{
	return xa_find(&ln->peers.all, id, ULONG_MAX, XA_PRESENT);
}

/**
 * latch_peer_hold() - one reference more
 * @p: a record under RCU, or NULL
 *
 * Context: any. Return: @p, or NULL where it is on its way out.
 */
struct latch_peer *latch_peer_hold(struct latch_peer *p)
{
	return p && refcount_inc_not_zero(&p->ref) ? p : NULL;
}

/**
 * latch_peer_put() - one reference less
 * @p: the record, or NULL
 *
 * Context: any.
 */
void latch_peer_put(struct latch_peer *p)
{
	if (p && refcount_dec_and_test(&p->ref))
		call_rcu(&p->rcu, latch_peer_free_rcu);
}

static void latch_peer_remove(struct latch_net *ln, struct latch_peer *p)
{
	rhashtable_remove_fast(&latch_peers, &p->node, latch_peer_params);
	xa_erase_bh(&ln->peers.all, p->id);
	ln->gauge.peers--;
	latch_peer_put(p);
}

/**
 * latch_peer_del() - forget a record
 * @ln: the namespace
 * @id: its number
 *
 * Latches of that peer keep it for themselves.
 *
 * Context: process, genl_lock held.
 * Return: 0, -ENOENT, -EBUSY while a binding names it.
 */
int latch_peer_del(struct latch_net *ln, u32 id)
{
	struct latch_peer *p = latch_peer_find(ln, id);

	if (!p)
		return -ENOENT;
	if (p->binds)
		return -EBUSY;
	latch_peer_remove(ln, p);
	return 0;
}

/**
 * latch_peer_name_in_binding() - one more binding names a record
 * @p: the record, or NULL
 *
 * Context: process, genl_lock held.
 */
void latch_peer_name_in_binding(struct latch_peer *p)
{
	if (!p)
		return;
	p->binds++;
	latch_peer_hold(p);
}

/**
 * latch_peer_unname_in_binding() - one binding less names a record
 * @ln: the namespace
 * @p:  the record, or NULL
 *
 * A record that a key manager made of a peer's word goes with the last of its SAs.
 *
 * Context: process, genl_lock held, or the namespace's end.
 */
void latch_peer_unname_in_binding(struct latch_net *ln, struct latch_peer *p)
{
	if (!p)
		return;
	if (!--p->binds && p->with_bindings)
		latch_peer_remove(ln, p);
	latch_peer_put(p);
}

/**
 * latch_peer_clear() - forget the records of a namespace
 * @ln: the namespace, which ends, without bindings
 *
 * Context: process.
 */
void latch_peer_clear(struct latch_net *ln)
{
	struct latch_peer *p;
	unsigned long id;

	xa_for_each(&ln->peers.all, id, p)
		latch_peer_remove(ln, p);
	xa_destroy(&ln->peers.all);
}

/**
 * latch_peer_init() - make the table
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_peer_init(void)
{
	return rhashtable_init(&latch_peers, &latch_peer_params);
}

/**
 * latch_peer_exit() - free the table, which is empty by then
 */
void latch_peer_exit(void)
{
	rhashtable_destroy(&latch_peers);
}
