/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_XFRM_SAD_H
#define LATCH_XFRM_SAD_H

#include <linux/rhashtable.h>
#include <net/xfrm.h>

#include "base/net.h"
#include "core/flow.h"
#include "core/tag.h"

struct latch_group;
struct latch_label;
struct latch_path;
struct latch_transform;
struct work_struct;
struct xfrm_state;

/**
 * struct latch_sa_key - how the kernel tells SAs apart
 */
struct latch_sa_key {
	struct latch_net *ln;
	xfrm_address_t	daddr;
	__be32		spi;
	u32		mark_v;
	u32		mark_m;
	u16		family;
	u16		proto;
};

/**
 * struct latch_sa - copy of what matters of an SA, immutable; 256 bytes
 * @serial: never used again, so it is the identity of an SA without binding
 * @born:   jiffies when it was seen first
 * @expired: its wait for an identity is over; written by the worker
 * @bound: its selector names a device
 * @xs: the SA itself, only ever compared
 * @group: where the flows that begin under it most likely belong, held; NULL not
 *	   known yet, LATCH_GROUP_DEAD no more to be set; written under sad.lock
 * @gen:   generation of @xs when whoever is behind it was who is behind @group
 * @label: the tag of packets that have no other SA, with its number; NULL not known yet,
 *	   LATCH_LABEL_DEAD no more to be set; written under sad.lock
 * @label_gen: generation of @xs when it was
 * @all:   in ln->sad.all; under sad.lock
 * @rcu:   to free it, when it is out of that list
 */
struct latch_sa {
	struct rhash_head	node;
	struct latch_sa_key	key;
	union {
		struct list_head	all;
		struct rcu_head		rcu;
	};
	struct hlist_node	member[2];
	struct latch_path	*path[2];
	struct latch_sel	sel;
	struct latch_transform	x;
	xfrm_address_t		saddr;
	u32			reqid;
	u32			if_id;
	u8			tag_flags;
	bool			swept;
	bool			expired;
	bool			bound;
	u32			gen;
	u64			serial;
	unsigned long		born;
	const struct xfrm_state	*xs;
	struct latch_group	*group;
	struct latch_label	*label;
	u32			label_gen;
};

#define LATCH_GROUP_DEAD	((struct latch_group *)-1L)
#define LATCH_LABEL_DEAD	((struct latch_label *)-1L)

/**
 * struct latch_sad_listener - who hears of SAs
 * @came: an SA is about to be entered; NULL does not want to know
 * @went: an SA is about to go, or was not entered after all
 *
 * Called with ln->sad.lock held.
 */
struct latch_sad_listener {
	void (*came)(struct latch_sa *sa);
	void (*went)(struct latch_sa *sa);
};

/* What writers of the copy hold, and whoever changes what goes with it. Taken with BH off. */
static inline spinlock_t *latch_sad_lock(struct latch_net *ln)
{
	return &ln->sad.lock;
}

/* Was an event lost? Nothing latched passes until the SAD was read again. */
static inline bool latch_sad_lost(const struct latch_net *ln)
{
	return atomic_read(&ln->sad.losses) != READ_ONCE(ln->sad.made_good);
}

static inline void latch_sad_set_lost(struct latch_net *ln)
{
	atomic_inc(&ln->sad.losses);
}

/* Was an SA or policy with a mark seen? Flows may differ by it then. */
static inline bool latch_sad_marked(const struct latch_net *ln)
{
	return READ_ONCE(ln->sad.marked);
}

static inline void latch_sad_set_marked(struct latch_net *ln)
{
	if (!READ_ONCE(ln->sad.marked))
		WRITE_ONCE(ln->sad.marked, true);
}

/* Was an SA seen that comes from any address? */
static inline bool latch_sad_anywhere(const struct latch_net *ln)
{
	return READ_ONCE(ln->sad.anywhere);
}

/* Changes when something comes that latches are checked against; read before that is. */
static inline int latch_sad_seq(const struct latch_net *ln)
{
	return atomic_read_acquire(&ln->sad.seq);
}

/* Number of the last SA that came. */
static inline u64 latch_sad_last_serial(const struct latch_net *ln)
{
	return READ_ONCE(ln->sad.next_serial);
}

void latch_sad_listen(const struct latch_sad_listener *listener);
struct latch_sa *latch_sad_find(const struct latch_sa_key *key);
struct latch_sa *latch_sad_find_ptr(const struct xfrm_state *x);
int latch_sad_add(struct latch_net *ln, const struct xfrm_state *x);
void latch_sad_del(struct latch_net *ln, const struct xfrm_state *x);
void latch_sad_flush(struct latch_net *ln, u8 proto);
int latch_sad_read(struct latch_net *ln);
void latch_sad_overdue_work(struct work_struct *work);
void latch_sad_overdue_later(struct latch_net *ln);
void latch_sad_overdue_now(struct latch_net *ln);
void latch_sad_claimed(struct latch_net *ln, const struct latch_sa_key *key, u32 reqid);
u32 latch_sad_count(struct latch_net *ln, u32 reqid);
void latch_sad_clear(struct latch_net *ln);
int latch_sad_init(void);
void latch_sad_exit(void);

#endif /* LATCH_XFRM_SAD_H */
