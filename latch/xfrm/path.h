/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_XFRM_PATH_H
#define LATCH_XFRM_PATH_H

#include <linux/rhashtable.h>
#include <net/xfrm.h>

#include "core/types.h"

struct latch_group;
struct latch_net;

/**
 * struct latch_path - the SAs between two addresses for one reqid, and the groups
 *                     of latches that they are for
 * @node:    in the table of paths
 * @key:     what it is found by
 * @lock:    writers of the lists
 * @refs:    members; freed after the last
 * @sas:     SA copies, RCU
 * @groups:  links of groups, RCU
 * @dirty:   in ln->sad.dirty
 * @seq:     changes with @sas
 *
 * The path with @key.any set has the SAs of every reqid between the addresses:
 * a template without reqid accepts them all.
 */
struct latch_path_key {
	struct latch_net *ln;
	xfrm_address_t	daddr;
	xfrm_address_t	saddr;
	u32		reqid;
	u16		family;
	u16		any;
};

struct latch_path {
	struct rhash_head	node;
	struct latch_path_key	key;
	spinlock_t		lock;
	int			refs;
	u32			seq;
	struct hlist_head	sas[2];
	struct hlist_head	groups;
	struct list_head	dirty;
	struct rcu_head		rcu;
};

/**
 * struct latch_found - what the latest check says of the latches of a group
 * @conflicts: set of LATCH_R() bits
 * @uniform:   that holds for every one of them
 */
struct latch_found {
	u32	conflicts;
	bool	uniform;
};

/* Does it say that none of them has a conflict? */
static inline bool latch_found_clean(const struct latch_found *found)
{
	return READ_ONCE(found->uniform) && !READ_ONCE(found->conflicts);
}

/* Membership of a group in a path; @found is the group's. */
struct latch_link {
	struct hlist_node	node;
	struct latch_group	*group;
	const struct latch_found *found;
};

struct latch_path *latch_path_find(const struct latch_path_key *key);
struct latch_path *latch_path_get(const struct latch_path_key *key);
void latch_path_put(struct latch_path *path);
void latch_path_join(struct latch_link *link, struct latch_path *path, struct latch_group *g,
		     const struct latch_found *found);
void latch_path_leave(struct latch_link *link, struct latch_path *path);
void latch_path_mark(struct latch_net *ln, struct latch_path *path);
struct latch_path *latch_path_dirty(struct latch_net *ln);
bool latch_path_changed(struct latch_net *ln, struct latch_path *path, bool came);
int latch_path_init(void);
void latch_path_exit(void);

#endif /* LATCH_XFRM_PATH_H */
