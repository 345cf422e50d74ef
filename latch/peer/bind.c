// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings: which SA belongs to which peer, as a key manager says.
 *
 * Writers are netlink requests and the namespace's end, so one at a time; readers are under
 * RCU.
 */
#include <linux/delay.h>
#include <linux/rtnetlink.h>
#include <net/genetlink.h>

#include "base/net.h"
#include "base/words.h"
#include "core/tag.h"
#include "core/types.h"
#include "peer/bind.h"
#include "peer/claim.h"
#include "peer/peer.h"
#include "xfrm/sad.h"

static struct rhashtable latch_binds;

/* How many bindings there may be for each record that there may be. */
#define LATCH_PEER_BINDINGS	16

/* How long a claim waits for its SA to come. */
#define LATCH_CLAIM_LIFE	(60 * HZ)

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
	.obj_cmpfn = latch_bind_cmp,
	.automatic_shrinking = true,
};

/*
 * Have the bindings taken away whose SA is gone, or does not come, after @delay in jiffies.
 * Not by the module's queue: that is flushed under genl_lock, which this work takes.
 */
static void latch_bind_reap_later(struct latch_net *ln, unsigned long delay)
{
	if (latch_net_dying(ln))
		return;
	if (delay)
		schedule_delayed_work(&ln->bind.reap_work, delay);
	else
		mod_delayed_work(system_wq, &ln->bind.reap_work, 0);
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

/* Under sad.lock: how many SAs does it name? */
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

/* When a claim has waited long enough; never 0. */
static unsigned long latch_bind_due(const struct latch_bind *b)
{
	return b->since + LATCH_CLAIM_LIFE ?: 1;
}

/* Under sad.lock: from now on it goes with its SA. */
static void latch_bind_follow(struct latch_net *ln, struct latch_bind *b)
{
	b->with_sa = true;
	b->n_sas = latch_bind_count(ln, &b->key);
	b->since = jiffies;
	if (b->n_sas || ln->bind.claims_due)
		return;
	ln->bind.claims_due = latch_bind_due(b);
	latch_bind_reap_later(ln, LATCH_CLAIM_LIFE);
}

/* A table that SAs look into when they come: count and entry go together. */
static int latch_bind_insert(struct latch_net *ln, struct latch_bind *b, bool with_sa)
{
	int err;

	spin_lock_bh(latch_sad_lock(ln));
	if (with_sa)
		latch_bind_follow(ln, b);
	err = rhashtable_insert_fast(&latch_binds, &b->node, latch_bind_params);
	spin_unlock_bh(latch_sad_lock(ln));
	return err;
}

static int latch_bind_first(struct latch_net *ln, const struct latch_bind_key *key,
			    const struct latch_claim *claim, bool with_sa)
{
	struct latch_claims *c;
	struct latch_bind *b;
	int err = -ENOMEM;

	if (ln->gauge.bindings >= (u64)READ_ONCE(ln->conf.max_peers) * LATCH_PEER_BINDINGS)
		return -EDQUOT;
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
	err = xa_alloc_cyclic_bh(&ln->bind.all, &b->number, b, XA_LIMIT(1, U32_MAX),
				 &ln->bind.next, GFP_KERNEL_ACCOUNT);
	if (err < 0)
		goto free;
	/* the table is being made anew, and has room after that */
	while ((err = latch_bind_insert(ln, b, with_sa)) == -EBUSY)
		usleep_range(1000, 2000);
	if (err)
		goto erase;
	latch_claim_name(ln, claim);
	ln->gauge.bindings++;
	return 0;
erase:
	xa_erase_bh(&ln->bind.all, b->number);
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

	spin_lock_bh(latch_sad_lock(ln));
	rhashtable_remove_fast(&latch_binds, &b->node, latch_bind_params);
	list_del(&b->reap);
	spin_unlock_bh(latch_sad_lock(ln));
	xa_erase_bh(&ln->bind.all, b->number);
	for (i = 0; i < c->n; i++)
		latch_claim_unname(ln, &c->claim[i]);
	kfree_rcu(c, rcu);
	kfree_rcu(b, rcu);
	ln->gauge.bindings--;
}

static void latch_bind_reap(struct latch_net *ln)
{
	struct latch_bind *b;

	do {
		spin_lock_bh(latch_sad_lock(ln));
		b = list_first_entry_or_null(&ln->bind.gone, struct latch_bind, reap);
		spin_unlock_bh(latch_sad_lock(ln));
		if (b)
			latch_bind_remove(ln, b);
	} while (b);
}

/* Under sad.lock: nobody is bound by it any more. */
static void latch_bind_end(struct latch_net *ln, struct latch_bind *b)
{
	WRITE_ONCE(b->gone, true);
	list_add_tail(&b->reap, &ln->bind.gone);
}

/* Ends it where its SA had time enough to come. */
static void latch_bind_overdue(struct latch_net *ln, struct latch_bind *b)
{
	unsigned long due;

	spin_lock_bh(latch_sad_lock(ln));
	due = latch_bind_due(b);
	if (b->with_sa && !b->gone && !b->n_sas) {
		if (!time_before(jiffies, due))
			latch_bind_end(ln, b);
		else if (!ln->bind.claims_due || time_before(due, ln->bind.claims_due))
			ln->bind.claims_due = due;
	}
	spin_unlock_bh(latch_sad_lock(ln));
}

/* A key manager may die between a claim and its SA. Returns when to look again. */
static unsigned long latch_bind_claims(struct latch_net *ln)
{
	unsigned long due = READ_ONCE(ln->bind.claims_due);
	struct latch_bind *b;
	unsigned long n;

	if (!due || time_before(jiffies, due))
		return due;
	WRITE_ONCE(ln->bind.claims_due, 0);
	xa_for_each(&ln->bind.all, n, b)
		latch_bind_overdue(ln, b);
	return READ_ONCE(ln->bind.claims_due);
}

/**
 * latch_bind_reap_work() - worker: take away the bindings whose SA is gone, or never came
 * @work: ln->bind.reap_work
 *
 * Context: process; takes genl_lock.
 */
void latch_bind_reap_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net,
					    bind.reap_work);
	unsigned long due;

	genl_lock();
	due = latch_bind_claims(ln);
	latch_bind_reap(ln);
	genl_unlock();
	if (due)
		latch_bind_reap_later(ln, max_t(long, due - jiffies, 1));
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
	latch_bind_reap_later(ln, 0);
}

/* Under sad.lock: count an SA for the bindings that name it. */
static void latch_bind_sa_came(struct latch_sa *sa)
{
	latch_bind_each(sa, latch_bind_more);
}

/*
 * Under sad.lock: the bindings whose last SA this was bind nobody from now on, and not one
 * moment longer: the next SA of the same key may be somebody else's.
 */
static void latch_bind_sa_went(struct latch_sa *sa)
{
	latch_bind_each(sa, latch_bind_less);
}

static const struct latch_sad_listener latch_bind_listener = {
	.came	= latch_bind_sa_came,
	.went	= latch_bind_sa_went,
};

/* How long a binding that is there lasts: who wants it to stay has it stay. */
static void latch_bind_last(struct latch_net *ln, struct latch_bind *b, u8 flags)
{
	spin_lock_bh(latch_sad_lock(ln));
	if (!(flags & LATCH_BIND_WITH_SA))
		b->with_sa = false;
	else if (!b->with_sa && flags & LATCH_BIND_REPLACE)
		latch_bind_follow(ln, b);
	spin_unlock_bh(latch_sad_lock(ln));
}

/* A claim more, or one that is there and tells something new. */
static int latch_bind_tell(struct latch_net *ln, struct latch_bind *b,
			   const struct latch_claim *claim)
{
	struct latch_claims *c = latch_claims_of(b), *new;
	u32 at = latch_claims_find(c, claim);

	if (at < c->n && !latch_claim_news(&c->claim[at], claim))
		return 0;
	if (at == LATCH_MAX_CLAIMS)
		return -ENOSPC;
	new = kmemdup(c, sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->claim[at] = *claim;
	if (at < c->n) {
		ln->bind.seq++;
	} else {
		new->n++;
		latch_claim_name(ln, claim);
	}
	latch_claims_replace(b, new);
	return 0;
}

/**
 * latch_bind_add() - claim an SA, or a reqid's SAs, for a peer
 * @ln:    the namespace
 * @key:   what is claimed
 * @claim: whose it is, and what was asserted to the peer
 * @flags: LATCH_BIND_*
 *
 * A second claim for another peer makes the binding ambiguous; with
 * LATCH_BIND_EXCL it is refused, and one that is there already is none, but may tell
 * another address of the peer behind its NAT. A claim
 * without LATCH_BIND_WITH_SA has the binding stay; only with LATCH_BIND_REPLACE
 * does one with it undo that.
 *
 * Context: process, genl_lock held. The caller has the latches checked.
 * Return: 0, -EEXIST the same claim is there, or LATCH_BIND_EXCL and one for
 * somebody else; -ENOSPC too many claims of @key; -EDQUOT too many bindings; -ENOMEM.
 */
int latch_bind_add(struct latch_net *ln, const struct latch_bind_key *key,
		   const struct latch_claim *claim, u8 flags)
{
	struct latch_claims *c;
	struct latch_bind *b;
	int err;

	latch_bind_reap(ln);
	rcu_read_lock();
	b = latch_bind_find(key);
	rcu_read_unlock();
	if (!b)
		return latch_bind_first(ln, key, claim, flags & LATCH_BIND_WITH_SA);
	c = latch_claims_of(b);
	err = latch_claims_refuse(c, claim, flags & LATCH_BIND_EXCL);
	if (err < 0)
		return err;
	latch_bind_last(ln, b, flags);
	return latch_bind_tell(ln, b, claim);
}

/**
 * latch_bind_del() - take claims back
 * @ln:   the namespace
 * @key:  what is claimed
 * @peer: the claims for this peer only; NULL all
 *
 * Context: process, genl_lock held. The caller has all latches checked.
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
 * latch_bind_from() - the first binding from a number on
 * @ln:     the namespace
 * @number: the number, set to the binding's
 *
 * Context: RCU read side, or genl_lock held. Return: the binding or NULL.
 */
struct latch_bind *latch_bind_from(struct latch_net *ln, unsigned long *number)
{
	return xa_find(&ln->bind.all, number, ULONG_MAX, XA_PRESENT);
}

/**
 * latch_bind_clear() - forget the bindings of a namespace
 * @ln: the namespace, which ends
 *
 * Context: process.
 */
void latch_bind_clear(struct latch_net *ln)
{
	struct latch_bind *b;
	unsigned long n;

	xa_for_each(&ln->bind.all, n, b)
		latch_bind_remove(ln, b);
	xa_destroy(&ln->bind.all);
}

/**
 * latch_bind_init() - make the table
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_bind_init(void)
{
	latch_sad_listen(&latch_bind_listener);
	return rhashtable_init(&latch_binds, &latch_bind_params);
}

/**
 * latch_bind_exit() - free the table, which is empty by then
 */
void latch_bind_exit(void)
{
	rhashtable_destroy(&latch_binds);
}
