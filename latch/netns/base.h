/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts of a namespace that belong to base/, or to all.
 */
#ifndef LATCH_NETNS_BASE_H
#define LATCH_NETNS_BASE_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/workqueue.h>

/* net.latch.unidentified: what becomes of a flow whose SA nobody is known to be behind. */
enum latch_unidentified {
	LATCH_UNIDENT_PROTECT,	/* its protection is latched, and the peer when it is known */
	LATCH_UNIDENT_PIN,	/* it is latched to its very SAs */
	LATCH_UNIDENT_NONE,	/* it is not latched */
	LATCH_UNIDENT_REFUSE,	/* it does not begin */
};

/* net.latch.own_policy: which flows get a policy of their own that did not ask. */
enum latch_ownpol {
	LATCH_OWNPOL_NO,
	LATCH_OWNPOL_LASTING,	/* those that last for net.latch.own_policy_after_ms */
	LATCH_OWNPOL_ALL,
};

/**
 * struct latch_net_conf - the sysctls net.latch.*, by their names
 *
 * Written by api/sysctl.c, read by all.
 */
struct latch_net_conf {
	u8	auto_mode;
	u8	unidentified;
	u8	adopt;
	u8	qop;
	u8	disposition;
	u8	own_policy;
	u8	forward;
	int	identity_wait_ms;
	int	break_grace_ms;
	int	own_policy_after_ms;
	int	max_latches;
	int	max_peers;
	int	max_tags;
	int	forward_tcp_timeout_s;
	int	forward_timeout_s;
};

/**
 * struct latch_net_work - what is left to the worker; base/work.c
 * @dying: the namespace ends, no more work is queued
 * @todo:  LATCH_WORK_* as bits
 * @now:   the worker
 * @later: has it look at @todo some time later
 */
struct latch_net_work {
	bool			dying;
	unsigned long		todo;
	struct work_struct	now;
	struct delayed_work	later;
};

/**
 * struct latch_net_manager - does a key manager say whose SAs are? base/manager.h
 * @active: one does
 * @since:  serial number of the last SA that was there before it
 */
struct latch_net_manager {
	bool	active;
	u64	since;
};

/**
 * struct latch_net_gauge - how many there are of what
 * @socks:     latches that have a socket, in whatever state, and options being set
 * @latches:   latches, against net.latch.max_latches
 * @listeners: latches in LISTENER
 * @unknown:   latches whose peer is not known
 * @unexplained: latches for which the copy of the SPD is not believed
 * @own:       latches whose socket has a policy made for it
 * @over:      sockets of connections that are over and may still send a RST
 * @peers:     records of peers; under genl_lock
 * @bindings:  bindings; under genl_lock
 * @tags:      tags that have a number; under ln->labels.lock
 *
 * Each connection writes these, so they are not where packets read.
 */
struct latch_net_gauge {
	atomic_t	socks;
	atomic_t	latches;
	atomic_t	listeners;
	atomic_t	unknown;
	atomic_t	unexplained;
	atomic_t	own;
	atomic_t	over;
	u32		peers;
	u32		bindings;
	u32		tags;
};

#endif /* LATCH_NETNS_BASE_H */
