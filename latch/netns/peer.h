/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts of a namespace that belong to peer/: records and bindings.
 */
#ifndef LATCH_NETNS_PEER_H
#define LATCH_NETNS_PEER_H

#include <linux/list.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

/**
 * struct latch_net_peers - the records of peers; peer/peer.c
 * @all:  the records by number
 * @next: where the search for a free number begins
 */
struct latch_net_peers {
	struct xarray	all;
	u32		next;
};

/**
 * struct latch_net_bind - the bindings; peer/bind.c, peer/claim.c
 * @all:        the bindings by number; written under genl_lock
 * @next:       where the search for a free number begins
 * @gone:       those whose SA is gone, for @reap_work; under latch_sad_lock()
 * @claims_due: jiffies when to look for claims whose SA never came, 0 there are none; under
 *              latch_sad_lock()
 * @seq:        changes with each claim; under genl_lock
 * @reap_work:  takes away bindings that are over
 */
struct latch_net_bind {
	struct xarray		all;
	u32			next;
	struct list_head	gone;
	unsigned long		claims_due;
	u32			seq;
	struct delayed_work	reap_work;
};

#endif /* LATCH_NETNS_PEER_H */
