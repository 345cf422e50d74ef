// SPDX-License-Identifier: GPL-2.0
/*
 * Labels: tags that have a number.
 *
 * Packets of one peer under the same protection have one number. The copy of an SA has the
 * label of its packets at hand, so all but the first of them read two words and take no lock.
 * A label stays while an SA has it at hand. After that it waits, so that whoever reads a
 * datagram late can still ask about its number, until another label needs its place.
 */
#include <linux/rhashtable.h>

#include "base/net.h"
#include "channel/label.h"
#include "channel/pkt.h"
#include "core/tag.h"
#include "core/types.h"
#include "peer/peer.h"
#include "xfrm/sad.h"

static struct rhashtable latch_labels;

static const struct rhashtable_params latch_label_params = {
	.key_len = sizeof(struct latch_label_key),
	.key_offset = offsetof(struct latch_label, key),
	.head_offset = offsetof(struct latch_label, node),
	.automatic_shrinking = true,
};

static void latch_label_key(struct latch_label_key *key, struct latch_net *ln,
			    const struct latch_pkt *p)
{
	memset(key, 0, sizeof(*key));
	key->ln = ln;
	key->peer = p->identity.peer;
	key->local = p->identity.local;
	latch_tag_copy(&key->tag, &p->tag);
}

/* Out of all tables; it is in the list of those that wait. */
static void latch_label_free(struct latch_label *b)
{
	struct latch_net *ln = b->key.ln;

	lockdep_assert_held(&ln->labels.lock);
	b->gone = true;
	list_del(&b->idle);
	rhashtable_remove_fast(&latch_labels, &b->node, latch_label_params);
	xa_erase(&ln->labels.all, b->number);
	ln->gauge.tags--;
	latch_peer_put(b->key.peer);
	latch_peer_put(b->key.local);
	kfree_rcu(b, rcu);
}

/* Is there a place for one more? The one that has waited longest gives way. */
static bool latch_label_room(struct latch_net *ln)
{
	lockdep_assert_held(&ln->labels.lock);
	if (ln->labels.last >= LATCH_TAG_UNKNOWN - 1)
		return false;
	if (ln->gauge.tags < READ_ONCE(ln->conf.max_tags))
		return true;
	if (list_empty(&ln->labels.idle))
		return false;
	latch_label_free(list_first_entry(&ln->labels.idle, struct latch_label, idle));
	return ln->gauge.tags < READ_ONCE(ln->conf.max_tags);
}

/* Enters a label whose peers are held. The number is given, whether it is needed or not. */
static int latch_label_enter(struct latch_net *ln, struct latch_label *b)
{
	int err;

	lockdep_assert_held(&ln->labels.lock);
	b->number = ++ln->labels.last;
	err = xa_err(xa_store(&ln->labels.all, b->number, b, GFP_ATOMIC | __GFP_NOWARN));
	if (err)
		return err;
	err = rhashtable_lookup_insert_fast(&latch_labels, &b->node, latch_label_params);
	if (err) {
		xa_erase(&ln->labels.all, b->number);
		return err;
	}
	ln->gauge.tags++;
	list_add_tail(&b->idle, &ln->labels.idle);
	return 0;
}

/* A label of this key, which holds its peers; NULL without memory or place. */
static struct latch_label *latch_label_make(const struct latch_label_key *key)
{
	struct latch_net *ln = key->ln;
	struct latch_label *b, *old;

	lockdep_assert_held(&ln->labels.lock);
	old = rhashtable_lookup(&latch_labels, key, latch_label_params);
	if (old || !latch_label_room(ln))
		return old;
	b = kzalloc(sizeof(*b), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!b)
		return NULL;
	b->key = *key;
	/* a record that is about to go gets no label */
	if (key->peer && !latch_peer_hold(key->peer))
		goto free;
	if (key->local && !latch_peer_hold(key->local))
		goto peer;
	if (!latch_label_enter(ln, b))
		return b;
	latch_peer_put(key->local);
peer:
	latch_peer_put(key->peer);
free:
	kfree(b);
	return NULL;
}

/* The label of a key, an old one or a new one. */
static struct latch_label *latch_label_get(const struct latch_label_key *key)
{
	struct latch_label *b = rhashtable_lookup(&latch_labels, key, latch_label_params);
	struct latch_net *ln = key->ln;

	if (b)
		return b;
	/* a remote host can do no more than have this looked at */
	if (READ_ONCE(ln->gauge.tags) >= READ_ONCE(ln->conf.max_tags) &&
	    list_empty(&ln->labels.idle))
		return NULL;
	spin_lock_bh(&ln->labels.lock);
	b = latch_label_make(key);
	spin_unlock_bh(&ln->labels.lock);
	return b;
}

/* An SA copy has a label less at hand. Without a socket that could ask, the label goes. */
static void latch_label_put(struct latch_label *b)
{
	struct latch_net *ln = b->key.ln;

	lockdep_assert_held(&ln->labels.lock);
	if (--b->n_sas)
		return;
	list_add_tail(&b->idle, &ln->labels.idle);
	if (!ln->labels.users)
		latch_label_free(b);
}

/* Packets that have no SA but this one have this label, as long as its generation is @gen. */
static void latch_label_remember(struct latch_sa *sa, struct latch_label *b, u32 gen)
{
	struct latch_net *ln = sa->key.ln;
	struct latch_label *old;

	spin_lock_bh(latch_sad_lock(ln));
	spin_lock(&ln->labels.lock);
	old = sa->label;
	if (!b->gone && old != LATCH_LABEL_DEAD && gen == latch_sacache_gen(&ln->gens, sa->xs)) {
		if (!b->n_sas++)
			list_del(&b->idle);
		WRITE_ONCE(sa->label, b);
		smp_wmb(); /* pairs with latch_label_known() */
		WRITE_ONCE(sa->label_gen, gen);
		if (old)
			latch_label_put(old);
	}
	spin_unlock(&ln->labels.lock);
	spin_unlock_bh(latch_sad_lock(ln));
}

/**
 * latch_label_number() - the number of a packet's tag
 * @ln: the namespace
 * @p:  the packet, under at least one SA
 *
 * Makes a label for the first of its kind. Where there is no place for one, or nobody can tell
 * who is behind the packet, that is what the number says.
 *
 * Context: RCU read side; takes locks for the first packet of an SA.
 * Return: the number, or LATCH_TAG_UNKNOWN.
 */
u32 latch_label_number(struct latch_net *ln, const struct latch_pkt *p)
{
	struct latch_label_key key;
	struct latch_label *b;

	if (!latch_tag_told(&p->tag) || latch_sad_lost(ln))
		return LATCH_TAG_UNKNOWN;
	latch_label_key(&key, ln, p);
	b = latch_label_get(&key);
	if (!b)
		return LATCH_TAG_UNKNOWN;
	if (p->tag.n == 1 && !p->ipcomp && p->sa && p->sa->xs == p->first)
		latch_label_remember(p->sa, b, p->gen);
	return b->number;
}

/**
 * latch_label_find() - the label that has a number
 * @ln:     the namespace
 * @number: the number
 *
 * Context: RCU read side. Return: the label or NULL.
 */
const struct latch_label *latch_label_find(struct latch_net *ln, u32 number)
{
	return xa_load(&ln->labels.all, number);
}

/* Under sad.lock: an SA is gone. */
static void latch_label_forget(struct latch_sa *sa)
{
	struct latch_net *ln = sa->key.ln;
	struct latch_label *old = sa->label;

	lockdep_assert_held(latch_sad_lock(ln));
	WRITE_ONCE(sa->label, LATCH_LABEL_DEAD);
	if (!old || old == LATCH_LABEL_DEAD)
		return;
	spin_lock(&ln->labels.lock);
	latch_label_put(old);
	spin_unlock(&ln->labels.lock);
}

/**
 * latch_label_user() - one socket more asks for tags
 * @ln: the namespace
 *
 * Context: any.
 */
void latch_label_user(struct latch_net *ln)
{
	spin_lock_bh(&ln->labels.lock);
	ln->labels.users++;
	spin_unlock_bh(&ln->labels.lock);
}

static void latch_label_free_idle(struct latch_net *ln)
{
	struct latch_label *b, *next;

	lockdep_assert_held(&ln->labels.lock);
	list_for_each_entry_safe(b, next, &ln->labels.idle, idle)
		latch_label_free(b);
}

/**
 * latch_label_unuser() - one socket less asks for tags
 * @ln: the namespace
 *
 * After the last one nobody is left who could ask about a label that waits.
 *
 * Context: any.
 */
void latch_label_unuser(struct latch_net *ln)
{
	spin_lock_bh(&ln->labels.lock);
	if (!--ln->labels.users)
		latch_label_free_idle(ln);
	spin_unlock_bh(&ln->labels.lock);
}

/**
 * latch_label_clear() - forget the labels of a namespace
 * @ln: the namespace, which ends, without copies of SAs
 *
 * Context: process.
 */
void latch_label_clear(struct latch_net *ln)
{
	spin_lock_bh(&ln->labels.lock);
	latch_label_free_idle(ln);
	spin_unlock_bh(&ln->labels.lock);
	xa_destroy(&ln->labels.all);
}

static const struct latch_sad_listener latch_label_listener = { .went = latch_label_forget };

/**
 * latch_label_init() - make the table, and hear of SAs that go
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_label_init(void)
{
	latch_sad_listen(&latch_label_listener);
	return rhashtable_init(&latch_labels, &latch_label_params);
}

/**
 * latch_label_exit() - free the table, which is empty by then
 */
void latch_label_exit(void)
{
	rhashtable_destroy(&latch_labels);
}
