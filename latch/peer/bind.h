/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bindings: which SA, or which reqid, belongs to which peer.
 */
#ifndef LATCH_PEER_BIND_H
#define LATCH_PEER_BIND_H

#include <linux/rhashtable.h>
#include <linux/workqueue.h>

#include "base/net.h"
#include "xfrm/sad.h"

struct latch_claim;
struct latch_claims;
struct latch_peer;
struct work_struct;

/**
 * struct latch_bind_key - what a binding names: one SA, or the SAs of a reqid
 * @sa:    the SA; only @sa.ln is used where @reqid is not 0
 * @reqid: 0 for a binding by SA
 */
struct latch_bind_key {
	struct latch_sa_key	sa;
	u32			reqid;
	u32			pad;
};

/**
 * struct latch_bind - whose an SA is, or the SAs of a reqid are
 * @n_sas:   SAs there are that it names, where it is @with_sa; under ln->sad.lock
 * @with_sa: it goes with the last of them, or when none comes; under ln->sad.lock
 * @since:   jiffies when it began to wait for the first
 * @gone:    they are gone, so nobody is bound by it; written under ln->sad.lock
 * @reap:    in ln->bind.gone while @gone
 * @number:  in ln->bind.all
 */
struct latch_bind {
	struct rhash_head	node;
	struct latch_bind_key	key;
	struct latch_claims __rcu *claims;
	struct list_head	reap;
	unsigned long		since;
	u32			number;
	u32			n_sas;
	bool			with_sa;
	bool			gone;
	struct rcu_head		rcu;
};

/* latch_bind_add() */
#define LATCH_BIND_WITH_SA	0x01	/* it goes with its SA */
#define LATCH_BIND_EXCL		0x02	/* not beside a claim for somebody else */
#define LATCH_BIND_REPLACE	0x04	/* WITH_SA or not holds for one there already */

/* Changes with each claim, so that a dump knows that it was interrupted. genl_lock held. */
static inline u32 latch_bind_seq(const struct latch_net *ln)
{
	return ln->bind.seq;
}

struct latch_bind *latch_bind_find(const struct latch_bind_key *key);
void latch_bind_reap_work(struct work_struct *work);
int latch_bind_add(struct latch_net *ln, const struct latch_bind_key *key,
		   const struct latch_claim *claim, u8 flags);
int latch_bind_del(struct latch_net *ln, const struct latch_bind_key *key,
		   const struct latch_peer *peer);
struct latch_bind *latch_bind_from(struct latch_net *ln, unsigned long *number);
void latch_bind_clear(struct latch_net *ln);
int latch_bind_init(void);
void latch_bind_exit(void);

#endif /* LATCH_PEER_BIND_H */
