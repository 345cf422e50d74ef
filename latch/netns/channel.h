/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts of a namespace that belong to channel/: latches and their groups.
 */
#ifndef LATCH_NETNS_CHANNEL_H
#define LATCH_NETNS_CHANNEL_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

struct latch_id_block;

/**
 * struct latch_net_ids - every latch by number; channel/id.c
 * @all:        the blocks of numbers; its lock is for all of this
 * @block:      where the next number comes from, NULL a new block
 * @next_block: that one's place in @all, if it is free
 */
struct latch_net_ids {
	struct xarray		all;
	struct latch_id_block	*block;
	u32			next_block;
};

/**
 * struct latch_net_groups - the groups of latches; channel/group.c
 * @lock: @all
 * @all:  the groups
 * @warned: it was said that peers are not known
 */
struct latch_net_groups {
	spinlock_t		lock;
	struct list_head	all;
	bool			warned;
};

/**
 * struct latch_net_labels - tags that have a number; channel/label.c
 * @lock: writers of all of this, and of the table of tags
 * @all:  the tags by number; read under RCU
 * @idle: those that no SA has at hand, the one that has waited longest first
 * @last: the last number that was given
 * @users: sockets that ask for tags
 */
struct latch_net_labels {
	spinlock_t		lock;
	struct xarray		all;
	struct list_head	idle;
	u32			last;
	u32			users;
};

/**
 * struct latch_net_reports - latches whose owner is to be told; channel/report.c
 * @lock:  the lists, and what each latch's owner is to be told
 * @all:   the latches, held
 * @later: those whose owner could not be told at once, held
 * @grace: those that may not have to be told, held; in the order in which they broke
 * @work:  looks after @grace
 */
struct latch_net_reports {
	spinlock_t		lock;
	struct list_head	all;
	struct list_head	later;
	struct list_head	grace;
	struct delayed_work	work;
};

/**
 * struct latch_net_own - latches that are to have a policy of their own, or to lose it;
 *                        channel/own.c, sock/ownpol.c
 * @lock:     the lists
 * @now:      those that are due, held
 * @wait:     those that have to last first, held, in the order in which they began to
 * @offers:   those that wait for the SA of an offer, held
 * @migrated: ends of tunnels have moved
 * @work:     gives and takes; nobody waits for it
 * @offers_work: looks after @offers
 * @offers_due: jiffies when it is to
 */
struct latch_net_own {
	spinlock_t		lock;
	struct list_head	now;
	struct list_head	wait;
	struct list_head	offers;
	bool			migrated;
	struct delayed_work	work;
	struct delayed_work	offers_work;
	u32			offers_due;
};

/**
 * struct latch_net_offers - what an administrator offers to sockets; channel/offer.c
 * @all:  the offers in their order; written under genl_lock, read under RCU
 * @n:    how many
 * @last: the last number that was given
 * @seq:  changes with each change
 */
struct latch_net_offers {
	struct list_head	all;
	u32			n;
	u32			last;
	u32			seq;
};

/**
 * struct latch_net_reeval - what the worker knows of its last look at policies;
 *                           channel/reeval.c
 * @spd_due: when the SPD may be read again unless somebody waits, CLOCK_MONOTONIC in ns
 */
struct latch_net_reeval {
	u64	spd_due;
};

#endif /* LATCH_NETNS_CHANNEL_H */
