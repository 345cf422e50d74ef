// SPDX-License-Identifier: GPL-2.0
/*
 * Who is at the other end: peer records, interned (RFC 5660 2.6-1), and the
 * bindings that say which SA belongs to whom.
 *
 * Writers are netlink requests and the namespace's end, so one at a time;
 * readers are under RCU.
 */
#include <crypto/sha2.h>
#include <linux/rtnetlink.h>
#include <net/genetlink.h>

#include "latch.h"

static struct rhashtable latch_peers;	/* by digest, so that a record is there once */
static struct rhashtable latch_binds;

/* How long a claim waits for its SA to come. */
#define LATCH_CLAIM_LIFE	(60 * HZ)

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

/* By SPI and reqid: only SAs of one SPI, to several addresses, meet in one chain. */
static u32 latch_bind_hash(const void *data, u32 len, u32 seed)
{
	const struct latch_bind_key *key = data;

	return jhash_3words((__force u32)key->sa.spi, key->reqid,
			    (__force u32)(key->sa.daddr.a6[0] ^ key->sa.daddr.a6[3]), seed);
}

static int latch_bind_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct latch_bind_key *key = arg->key;
	const struct latch_bind *b = obj;

	return !latch_words_equal(&b->key, key, sizeof(*key));
}

static const struct rhashtable_params latch_bind_params = {
	.key_len = sizeof(struct latch_bind_key),
	.key_offset = offsetof(struct latch_bind, key),
	.head_offset = offsetof(struct latch_bind, node),
	.hashfn = latch_bind_hash,
	.obj_cmpfn = latch_bind_cmp,
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

/**
 * latch_peer_name() - digest of an ID alone, for comparing a demand with a record
 * @type:  LATCH_ID_*
 * @value: the ID
 * @len:   its bytes
 * @name:  where it goes
 *
 * Context: any.
 */
void latch_peer_name(u8 type, const void *value, u16 len, u64 name[2])
{
	struct sha256_state s;

	sha256_init(&s);
	sha256_update(&s, &type, 1);
	latch_hash_part(&s, value, len);
	latch_digest128(&s, name);
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

/*
 * The whole record, the ID alone, and who counts as the same peer: a renewed
 * certificate of the same name under the same trust anchor is the same peer, the
 * same name under another anchor is not.
 */
static void latch_peer_digests(struct latch_peer *p)
{
	const void *id, *anchor, *key;
	u8 head[2] = { p->id_type, p->auth };
	u16 id_len, anchor_len, key_len;
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

	id = latch_peer_data(p, LATCH_PEER_ID, &id_len);
	anchor = latch_peer_data(p, LATCH_PEER_ANCHOR, &anchor_len);
	key = latch_peer_data(p, LATCH_PEER_KEY, &key_len);
	latch_peer_name(p->id_type, id, id_len, p->name);
	sha256_init(&s);
	sha256_update(&s, head, 1);
	latch_hash_part(&s, id, id_len);
	latch_hash_part(&s, anchor, anchor_len);
	latch_hash_part(&s, key, p->len[LATCH_PEER_CERT] ? 0 : key_len);
	latch_digest128(&s, p->ident);
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
	latch_peer_digests(p);
	return p;
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
	if (ln->n_peers >= READ_ONCE(ln->max_peers)) {
		err = -ENOSPC;
		goto free;
	}
	err = xa_alloc_cyclic_bh(&ln->peers, &p->id, p, XA_LIMIT(1, U32_MAX),
				 &ln->next_peer, GFP_KERNEL_ACCOUNT);
	if (err < 0)
		goto free;
	err = rhashtable_insert_fast(&latch_peers, &p->node, latch_peer_params);
	if (err) {
		xa_erase_bh(&ln->peers, p->id);
		goto free;
	}
	ln->n_peers++;
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
	return xa_load(&ln->peers, id);
}

static void latch_peer_free_rcu(struct rcu_head *rcu)
{
	kvfree(container_of(rcu, struct latch_peer, rcu));
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
	xa_erase_bh(&ln->peers, p->id);
	ln->n_peers--;
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

/* Are the two claims for the same pair of identities? */
static bool latch_claim_same(const struct latch_claim *c, const struct latch_claim *other)
{
	if (memcmp(c->peer->ident, other->peer->ident, sizeof(c->peer->ident)) ||
	    !c->local != !other->local)
		return false;
	return !c->local ||
	       !memcmp(c->local->ident, other->local->ident, sizeof(c->local->ident));
}

/* What the claims amount to: one pair of identities, or nobody's. */
static void latch_claims_settle(struct latch_claims *c)
{
	const struct latch_claim *a = &c->claim[0];
	u32 i;

	memset(&c->id, 0, sizeof(c->id));
	c->id.kind = LATCH_IDENT_NAMED;
	memcpy(c->id.peer, a->peer->ident, sizeof(c->id.peer));
	if (a->local)
		memcpy(c->id.local, a->local->ident, sizeof(c->id.local));
	for (i = 1; i < c->n; i++)
		if (!latch_claim_same(a, &c->claim[i]))
			c->id.kind = LATCH_IDENT_AMBIGUOUS;
}

static void latch_peer_name_one(struct latch_peer *p)
{
	if (!p)
		return;
	p->binds++;
	latch_peer_hold(p);
}

/* What a key manager made of a peer's word is not kept longer than its SAs. */
static void latch_peer_unname_one(struct latch_net *ln, struct latch_peer *p)
{
	if (!p)
		return;
	if (!--p->binds && p->with_bindings)
		latch_peer_remove(ln, p);
	latch_peer_put(p);
}

static void latch_claim_name(struct latch_net *ln, const struct latch_claim *c)
{
	ln->bind_seq++;
	latch_peer_name_one(c->peer);
	latch_peer_name_one(c->local);
}

static void latch_claim_unname(struct latch_net *ln, const struct latch_claim *c)
{
	ln->bind_seq++;
	latch_peer_unname_one(ln, c->peer);
	latch_peer_unname_one(ln, c->local);
}

/* Context: genl_lock held, or the namespace's end. */
static struct latch_claims *latch_claims_of(struct latch_bind *b)
{
	return rcu_dereference_protected(b->claims, true);
}

static void latch_claims_replace(struct latch_bind *b, struct latch_claims *new)
{
	struct latch_claims *old = latch_claims_of(b);

	latch_claims_settle(new);
	rcu_assign_pointer(b->claims, new);
	kfree_rcu(old, rcu);
}

/* Under sad_lock: how many SAs does it name? */
static u32 latch_bind_count(struct latch_net *ln, const struct latch_bind_key *key)
{
	u32 n;

	if (key->reqid)
		return latch_sad_count(ln, key->reqid);
	rcu_read_lock();
	n = !!latch_sad_find(&key->sa);
	rcu_read_unlock();
	return n;
}

/* Under sad_lock: from now on it goes with its SA. */
static void latch_bind_follow(struct latch_net *ln, struct latch_bind *b)
{
	b->with_sa = true;
	b->n_sas = latch_bind_count(ln, &b->key);
	b->since = jiffies;
	if (b->n_sas || ln->claims_due)
		return;
	ln->claims_due = jiffies + LATCH_CLAIM_LIFE ?: 1;
	latch_km_reap(ln, LATCH_CLAIM_LIFE);
}

/* A table that SAs look into when they come: count and entry go together. */
static int latch_bind_insert(struct latch_net *ln, struct latch_bind *b, bool with_sa)
{
	int err;

	spin_lock_bh(&ln->sad_lock);
	if (with_sa)
		latch_bind_follow(ln, b);
	err = rhashtable_insert_fast(&latch_binds, &b->node, latch_bind_params);
	spin_unlock_bh(&ln->sad_lock);
	return err;
}

static int latch_bind_first(struct latch_net *ln, const struct latch_bind_key *key,
			    const struct latch_claim *claim, bool with_sa)
{
	struct latch_claims *c;
	struct latch_bind *b;
	int err = -ENOMEM;

	b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!b || !c)
		goto free;
	b->key = *key;
	c->n = 1;
	c->claim[0] = *claim;
	latch_claims_settle(c);
	RCU_INIT_POINTER(b->claims, c);
	INIT_LIST_HEAD(&b->reap);
	err = latch_bind_insert(ln, b, with_sa);
	if (err)
		goto free;
	latch_claim_name(ln, claim);
	ln->n_bindings++;
	return 0;
free:
	kfree(c);
	kfree(b);
	return err;
}

/**
 * latch_bind_find() - the binding of an SA or reqid
 * @key: what it names
 *
 * Context: RCU read side, or genl_lock held. Return: the binding or NULL.
 */
struct latch_bind *latch_bind_find(const struct latch_bind_key *key)
{
	return rhashtable_lookup(&latch_binds, key, latch_bind_params);
}

static void latch_bind_remove(struct latch_net *ln, struct latch_bind *b)
{
	struct latch_claims *c = latch_claims_of(b);
	u32 i;

	spin_lock_bh(&ln->sad_lock);
	rhashtable_remove_fast(&latch_binds, &b->node, latch_bind_params);
	list_del(&b->reap);
	spin_unlock_bh(&ln->sad_lock);
	for (i = 0; i < c->n; i++)
		latch_claim_unname(ln, &c->claim[i]);
	kfree_rcu(c, rcu);
	kfree_rcu(b, rcu);
	ln->n_bindings--;
}

static void latch_bind_reap(struct latch_net *ln)
{
	struct latch_bind *b;

	do {
		spin_lock_bh(&ln->sad_lock);
		b = list_first_entry_or_null(&ln->gone_binds, struct latch_bind, reap);
		spin_unlock_bh(&ln->sad_lock);
		if (b)
			latch_bind_remove(ln, b);
	} while (b);
}

/* Under sad_lock: nobody is bound by it any more. */
static void latch_bind_end(struct latch_net *ln, struct latch_bind *b)
{
	WRITE_ONCE(b->gone, true);
	list_add_tail(&b->reap, &ln->gone_binds);
}

/* Ends it where its SA had time enough to come. */
static void latch_bind_overdue(struct latch_net *ln, struct latch_bind *b)
{
	spin_lock_bh(&ln->sad_lock);
	if (b->with_sa && !b->gone && !b->n_sas) {
		if (!time_before(jiffies, b->since + LATCH_CLAIM_LIFE))
			latch_bind_end(ln, b);
		else
			ln->claims_due = b->since + LATCH_CLAIM_LIFE ?: 1;
	}
	spin_unlock_bh(&ln->sad_lock);
}

/* A key manager may die between a claim and its SA. Returns when to look again. */
static unsigned long latch_bind_claims(struct latch_net *ln)
{
	unsigned long due = READ_ONCE(ln->claims_due);
	struct rhashtable_iter it;
	struct latch_bind *b;

	if (!due || time_before(jiffies, due))
		return due;
	WRITE_ONCE(ln->claims_due, 0);
	latch_bind_walk_enter(&it);
	rhashtable_walk_start(&it);
	while ((b = rhashtable_walk_next(&it)))
		if (!IS_ERR(b) && b->key.sa.ln == ln)
			latch_bind_overdue(ln, b);
	rhashtable_walk_stop(&it);
	rhashtable_walk_exit(&it);
	return READ_ONCE(ln->claims_due);
}

/**
 * latch_bind_reap_work() - worker: take away the bindings whose SA is gone, or never came
 * @work: ln->reap_work
 *
 * Context: process; takes genl_lock.
 */
void latch_bind_reap_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net, reap_work);
	unsigned long due;

	genl_lock();
	due = latch_bind_claims(ln);
	latch_bind_reap(ln);
	genl_unlock();
	if (due)
		latch_km_reap(ln, max_t(long, due - jiffies, 1));
}

/* Call @fn for the bindings that name @sa: by SA, and by reqid. */
static void latch_bind_each(const struct latch_sa *sa, void (*fn)(struct latch_bind *b))
{
	struct latch_bind_key key = { .sa = sa->key };
	struct latch_bind *b;

	rcu_read_lock();
	b = latch_bind_find(&key);
	if (b)
		fn(b);
	if (sa->reqid) {
		memset(&key, 0, sizeof(key));
		key.sa.ln = sa->key.ln;
		key.reqid = sa->reqid;
		b = latch_bind_find(&key);
		if (b)
			fn(b);
	}
	rcu_read_unlock();
}

static void latch_bind_more(struct latch_bind *b)
{
	if (b->with_sa && !b->gone)
		b->n_sas++;
}

static void latch_bind_less(struct latch_bind *b)
{
	struct latch_net *ln = b->key.sa.ln;

	if (!b->with_sa || b->gone || !b->n_sas || --b->n_sas)
		return;
	latch_bind_end(ln, b);
	latch_km_reap(ln, 0);
}

/**
 * latch_bind_sa_came() - count an SA for the bindings that name it
 * @sa: the SA
 *
 * Context: any, ln->sad_lock held.
 */
void latch_bind_sa_came(const struct latch_sa *sa)
{
	latch_bind_each(sa, latch_bind_more);
}

/**
 * latch_bind_sa_went() - the bindings whose last SA this was bind nobody from now on
 * @sa: the SA
 *
 * Not one moment longer: the next SA of the same key may be somebody else's.
 *
 * Context: any, ln->sad_lock held.
 */
void latch_bind_sa_went(const struct latch_sa *sa)
{
	latch_bind_each(sa, latch_bind_less);
}

/* How long a binding that is there lasts: who wants it to stay has it stay. */
static void latch_bind_last(struct latch_net *ln, struct latch_bind *b, u8 flags)
{
	spin_lock_bh(&ln->sad_lock);
	if (!(flags & LATCH_BIND_WITH_SA))
		b->with_sa = false;
	else if (!b->with_sa && flags & LATCH_BIND_REPLACE)
		latch_bind_follow(ln, b);
	spin_unlock_bh(&ln->sad_lock);
}

/* A negative errno, or 1 where there is nothing to do. */
static int latch_claim_refused(const struct latch_claims *c, const struct latch_claim *claim,
			       u8 flags)
{
	bool excl = flags & LATCH_BIND_EXCL;
	u32 i;

	for (i = 0; i < c->n; i++) {
		if (excl && !latch_claim_same(&c->claim[i], claim))
			return -EEXIST;
		if (c->claim[i].peer == claim->peer && c->claim[i].local == claim->local)
			return excl ? 1 : -EEXIST;
	}
	return 0;
}

/**
 * latch_bind_add() - claim an SA, or a reqid's SAs, for a peer
 * @ln:    the namespace
 * @key:   what is claimed
 * @peer:  whose it is
 * @local: what we asserted to the peer, NULL unknown
 * @flags: LATCH_BIND_*
 *
 * A second claim for another peer makes the binding ambiguous; with
 * LATCH_BIND_EXCL it is refused, and one that is there already is none. A claim
 * without LATCH_BIND_WITH_SA has the binding stay; only with LATCH_BIND_REPLACE
 * does one with it undo that.
 *
 * Context: process, genl_lock held. The caller has the latches judged.
 * Return: 0, -EEXIST the same claim is there, or LATCH_BIND_EXCL and one for
 * somebody else; -ENOSPC too many claims, -ENOMEM.
 */
int latch_bind_add(struct latch_net *ln, const struct latch_bind_key *key,
		   struct latch_peer *peer, struct latch_peer *local, u8 flags)
{
	struct latch_claim claim = { .peer = peer, .local = local };
	struct latch_claims *c, *new;
	struct latch_bind *b;
	int err;

	latch_bind_reap(ln);
	rcu_read_lock();
	b = latch_bind_find(key);
	rcu_read_unlock();
	if (!b)
		return latch_bind_first(ln, key, &claim, flags & LATCH_BIND_WITH_SA);
	c = latch_claims_of(b);
	err = latch_claim_refused(c, &claim, flags);
	if (err < 0)
		return err;
	latch_bind_last(ln, b, flags);
	if (err)
		return 0;
	if (c->n == LATCH_MAX_CLAIMS)
		return -ENOSPC;
	new = kmemdup(c, sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->claim[new->n++] = claim;
	latch_claim_name(ln, &claim);
	latch_claims_replace(b, new);
	return 0;
}

/**
 * latch_bind_del() - take claims back
 * @ln:   the namespace
 * @key:  what is claimed
 * @peer: the claims for this peer only; NULL all
 *
 * Context: process, genl_lock held. The caller has all latches judged.
 * Return: 0, -ENOENT no such claim, -ENOMEM.
 */
int latch_bind_del(struct latch_net *ln, const struct latch_bind_key *key,
		   const struct latch_peer *peer)
{
	struct latch_claim out[LATCH_MAX_CLAIMS];
	struct latch_claims *c, *new;
	struct latch_bind *b;
	u32 i, n = 0;

	latch_bind_reap(ln);
	rcu_read_lock();
	b = latch_bind_find(key);
	rcu_read_unlock();
	if (!b)
		return -ENOENT;
	c = latch_claims_of(b);
	for (i = 0; i < c->n; i++)
		if (!peer || c->claim[i].peer == peer)
			out[n++] = c->claim[i];
	if (!n)
		return -ENOENT;
	if (n == c->n) {
		latch_bind_remove(ln, b);
		return 0;
	}
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	for (i = 0; i < c->n; i++)
		if (c->claim[i].peer != peer)
			new->claim[new->n++] = c->claim[i];
	latch_claims_replace(b, new);
	/* after: who reads the old claims has their records for so long */
	for (i = 0; i < n; i++)
		latch_claim_unname(ln, &out[i]);
	return 0;
}

/**
 * latch_bind_walk_enter() - start a walk over the bindings of all namespaces
 * @it: the iterator
 *
 * Context: process.
 */
void latch_bind_walk_enter(struct rhashtable_iter *it)
{
	rhashtable_walk_enter(&latch_binds, it);
}

static bool latch_who_bound(const struct latch_bind_key *key, struct latch_who *who)
{
	struct latch_bind *b = latch_bind_find(key);
	struct latch_claims *c;

	if (!b || READ_ONCE(b->gone))
		return false;
	c = rcu_dereference(b->claims);
	*who->id = c->id;
	if (c->id.kind == LATCH_IDENT_NAMED) {
		who->peer = c->claim[0].peer;
		who->local = c->claim[0].local;
	}
	return true;
}

/**
 * latch_who() - who is behind an SA
 * @ln:    its namespace
 * @key:   what tells it from others
 * @reqid: its reqid
 * @sa:    its copy; NULL where the event of its coming is still under way
 * @who:   to fill; the records are held by nobody
 *
 * By SA, then by reqid; else nobody, and the SA is equal to itself only, or its
 * identity is still awaited.
 *
 * Context: RCU read side.
 */
void latch_who(struct latch_net *ln, const struct latch_sa_key *key, u32 reqid,
	       const struct latch_sa *sa, struct latch_who *who)
{
	struct latch_bind_key bk = { .sa = *key };

	memset(who->id, 0, sizeof(*who->id));
	who->peer = NULL;
	who->local = NULL;
	if (latch_who_bound(&bk, who))
		return;
	if (reqid) {
		memset(&bk, 0, sizeof(bk));
		bk.sa.ln = ln;
		bk.reqid = reqid;
		if (latch_who_bound(&bk, who))
			return;
	}
	if (!sa || (READ_ONCE(ln->manager) && !READ_ONCE(sa->expired) &&
		    sa->serial > READ_ONCE(ln->manager_since))) {
		who->id->kind = LATCH_IDENT_PENDING;
		return;
	}
	who->id->kind = LATCH_IDENT_PINNED;
	who->id->peer[0] = sa->serial;
}

static void latch_bind_clear(struct latch_net *ln)
{
	struct rhashtable_iter it;
	struct latch_bind *b;

	latch_bind_walk_enter(&it);
	rhashtable_walk_start(&it);
	while ((b = rhashtable_walk_next(&it)))
		if (!IS_ERR(b) && b->key.sa.ln == ln)
			latch_bind_remove(ln, b);
	rhashtable_walk_stop(&it);
	rhashtable_walk_exit(&it);
}

/**
 * latch_peer_clear() - forget the bindings and records of a namespace
 * @ln: the namespace, which ends
 *
 * Context: process.
 */
void latch_peer_clear(struct latch_net *ln)
{
	struct latch_peer *p;
	unsigned long id;

	/* a walk may miss entries while the table is resized */
	while (ln->n_bindings)
		latch_bind_clear(ln);
	xa_for_each(&ln->peers, id, p)
		latch_peer_remove(ln, p);
	xa_destroy(&ln->peers);
}

/**
 * latch_peerid_init() - make the tables
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_peerid_init(void)
{
	int err;

	err = rhashtable_init(&latch_peers, &latch_peer_params);
	if (err)
		return err;
	err = rhashtable_init(&latch_binds, &latch_bind_params);
	if (err)
		rhashtable_destroy(&latch_peers);
	return err;
}

/**
 * latch_peerid_exit() - free the tables, which are empty by then
 */
void latch_peerid_exit(void)
{
	rhashtable_destroy(&latch_binds);
	rhashtable_destroy(&latch_peers);
}
