/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Labels: tags that have a number, which each datagram carries to an application that asked
 * for tags (RFC 5660 2.4-3, 5.3-1).
 */
#ifndef LATCH_CHANNEL_LABEL_H
#define LATCH_CHANNEL_LABEL_H

#include <linux/rhashtable-types.h>

#include "base/net.h"
#include "base/sacache.h"
#include "core/tag.h"
#include "xfrm/sad.h"

struct latch_peer;
struct latch_pkt;

/**
 * struct latch_label_key - what the packets of a label have in common
 * @ln:    the namespace
 * @peer:  record of the peer, held; NULL where nobody has said who that is
 * @local: record of the local identity, held; NULL unknown
 * @tag:   as latch_tag_copy() makes it
 *
 * Hashed and compared as bytes.
 */
struct latch_label_key {
	struct latch_net	*ln;
	struct latch_peer	*peer;
	struct latch_peer	*local;
	struct latch_tag	tag;
};

/**
 * struct latch_label - a tag with its number, immutable but for what is said to be otherwise
 * @node:   in the table of labels
 * @key:    what it stands for
 * @number: never given again in its namespace
 * @n_sas:  SA copies that have it at hand; under ln->labels.lock
 * @gone:   out of all tables; under ln->labels.lock
 * @idle:   in ln->labels.idle while @n_sas is 0; under ln->labels.lock
 */
struct latch_label {
	struct rhash_head	node;
	struct latch_label_key	key;
	u32			number;
	u32			n_sas;
	bool			gone;
	struct list_head	idle;
	struct rcu_head		rcu;
};

/**
 * latch_label_known() - the number of a packet's tag, if one like it came lately
 * @sa: the copy of its only SA
 *
 * Context: RCU read side. Takes no lock, writes nothing.
 * Return: the number; 0 where the packet has to be looked at in full.
 */
static inline u32 latch_label_known(const struct latch_sa *sa)
{
	const struct latch_label *b;

	if (READ_ONCE(sa->label_gen) != latch_sacache_gen(&sa->key.ln->gens, sa->xs))
		return 0;
	smp_rmb(); /* pairs with latch_label_remember() */
	b = READ_ONCE(sa->label);
	return b && b != LATCH_LABEL_DEAD ? b->number : 0;
}

u32 latch_label_number(struct latch_net *ln, const struct latch_pkt *p);
const struct latch_label *latch_label_find(struct latch_net *ln, u32 number);
void latch_label_user(struct latch_net *ln);
void latch_label_unuser(struct latch_net *ln);
void latch_label_clear(struct latch_net *ln);
int latch_label_init(void);
void latch_label_exit(void);

#endif /* LATCH_CHANNEL_LABEL_H */
