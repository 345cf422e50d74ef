/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts of a namespace that belong to xfrm/: the copies of SPD and SAD.
 */
#ifndef LATCH_NETNS_XFRM_H
#define LATCH_NETNS_XFRM_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xfrm.h>

struct latch_spd;

/**
 * struct latch_net_spd - the copy of the SPD; xfrm/spd.c
 * @copy:     the copy, replaced by the worker; RCU
 * @changes:  how often a policy came or went
 * @read:     how many of these changes it has
 * @defaults: the namespace's default policies when it was made
 * @last_pol: the greatest number that a policy was given; the worker's
 * @last:     the number that the last copy was given; the worker's
 * @forward:  it is to have inbound policies of what is forwarded
 */
struct latch_net_spd {
	struct latch_spd __rcu	*copy;
	atomic_t		changes;
	int			read;
	u8			defaults[XFRM_POLICY_MAX];
	u32			last_pol;
	u32			last;
	bool			forward;
};

/**
 * struct latch_net_sad - the copy of the SAD; xfrm/sad.c, xfrm/path.c
 * @lock:         writers of the copy, and of what goes with it, see latch_sad_lock()
 * @all:          every SA copied, for the sweep
 * @dirty:        paths on which an SA came or went
 * @next_serial:  number of the last SA
 * @seq:          changes when something comes that latches are checked against
 * @losses:       how many events were lost
 * @made_good:    how many of them the SAD was read for since; nothing latched passes while these
 *                differ
 * @marked:       an SA or policy with a mark was seen, so flows may differ by it
 * @anywhere:     an SA was seen whose source is any address
 * @overdue_work: looks for SAs that nobody has claimed in time
 */
struct latch_net_sad {
	spinlock_t		lock;
	struct list_head	all;
	struct list_head	dirty;
	u64			next_serial;
	atomic_t		seq;
	atomic_t		losses;
	int			made_good;
	bool			marked;
	bool			anywhere;
	struct delayed_work	overdue_work;
};

#endif /* LATCH_NETNS_XFRM_H */
