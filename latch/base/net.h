/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_BASE_NET_H
#define LATCH_BASE_NET_H

#include <linux/atomic.h>
#include <linux/netfilter.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/xfrm.h>

#include "base/sacache.h"

/**
 * DOC: locks, contexts and lifetimes
 *
 * The packet path (packet/) runs in softirq or in the sender's context, under
 * RCU. For a packet of a latched flow whose SA was judged before it takes no
 * lock, allocates nothing and writes nothing: it reads the table of sockets or
 * that of flows, the latch's state, and of its group the SAs that were judged and
 * the generations that these had then. The first packet of a flow, the first under
 * a new SA, and a dropped one do more.
 *
 * Key manager call-backs (api/km.c) come in any context, also under x->lock: they
 * take ln->sad_lock and a path's lock, copy what they need with GFP_ATOMIC and
 * queue ln->work. Everything that follows from them happens in that worker.
 *
 * Order of locks, outermost first::
 *
 *	genl_lock		peers, bindings (writers)
 *	  lock_sock		by whoever calls into the transport
 *	    latch->lock		state, conflicts, parameters, links, owner
 *	      group->lock	members and verdict of a group
 *	      ln->sad_lock	the copy of the SAD (writers)
 *	        path->lock	members of a path
 *	      ln->groups_lock	groups
 *	      ln->pending_lock	latches that wait for their socket, or for its end
 *	      ln->report_lock	latches whose owner is to be told
 *	      ln->ids		numbers (the lock of the xarray)
 *
 * All of the last eight are taken with BH off. ln->hook_mutex, which the worker and
 * setsockopt() take with none of these held, is for switching hooks and tracepoint.
 * x->lock and the XFRM locks are never taken with one of ours held, and ours never
 * call into XFRM but for the walks of the worker, which hold none of ours.
 *
 * A latch is referenced by the tables (one reference for all of them, dropped
 * by latch_unlink()), by ln->reports and by whoever looked it up and left the RCU
 * section. It pins the module while it is chained into its socket's destructor.
 * SA copies, paths, peers and claims are freed after a grace period.
 */

struct latch_mib;
struct latch_id_block;
struct latch_spd;
struct net;

/* Peers share what half-open latches there may be by a hash of who they are. */
#define LATCH_SHARES	256

/**
 * struct latch_net - the module's part of a network namespace
 * @net:       the namespace; it outlives this
 * @gens:      generations of SAs, see sacache.h
 * @seq:       changes when something comes that latches are judged by
 * @lost:      an event was lost; nothing latched passes until the SAD was read
 * @active:    hooks are registered; written under @hook_mutex
 * @keep_apart: fragments are to be kept apart by SA
 * @apart:     the hooks for that are registered; under @hook_mutex
 * @mark_sent: datagrams are to be looked at before anybody changes their header
 * @marking:   the hooks for that are registered; written under @hook_mutex
 * @watching_tcp: TCP's state changes are heard of; under @hook_mutex
 * @marked:    an SA or policy with a mark was seen, so flows may differ by it
 * @dying:     no more work is queued
 * @manager:   a key manager binds this namespace's SAs
 * @manager_since: serial number of the last SA that was there before it
 * @n_wanting: sockets that packets have to be matched with by looking the socket up: those
 *             with a demand whose flow is not in the table yet, those that were restored,
 *             those bound to a group
 * @mib:       per-CPU counters
 * @auto_mode: net.latch.auto, and so on for the other sysctls
 * @ids:       every latch by number, see id.c; under its own lock
 * @id_block:  where the next number comes from, NULL a new block; under the same lock
 * @next_id_block: that one's place in @ids, if it is free
 * @n_socks:   latches that have a socket, in whatever state, and options being set; not
 *             where packets read, since each connection writes it
 * @n_latches: how many there are, against @max_latches
 * @n_over:    sockets of connections that are over and may still send a RST
 * @spd:       copy of the SPD, replaced by the worker
 * @spd_due:   when it may be read again unless somebody waits, CLOCK_MONOTONIC in ns; the
 *             worker's
 * @last_pol:  the greatest number that a policy was given; the worker's
 * @last_spd:  the number that the last copy was given; the worker's
 * @groups_lock: @groups
 * @groups:    all of the namespace
 * @sad_lock:  writers of the copy of the SAD
 * @sas:       every SA copied, for the sweep
 * @halfopen:  latches that wait for their socket, or for its end; under @pending_lock, as
 *             @timewait
 * @n_halfopen: how many of them, by the peer that they are for
 * @timewait:  latches that stand for TIME_WAIT, in the order in which they began to
 * @dirty:     paths on which an SA came or went, under @sad_lock
 * @gone_binds: bindings whose SA is gone, for @reap_work; under @sad_lock
 * @claims_due: jiffies when to look for claims whose SA never came, 0 there are none;
 *             under @sad_lock
 */
struct latch_net {
	struct net		*net;
	struct latch_sa_gens	gens;
	atomic_t		seq;
	bool			lost;
	bool			spd_stale;
	bool			active;
	bool			keep_apart;
	bool			apart;
	bool			mark_sent;
	bool			marking;
	bool			watching_tcp;
	bool			marked;
	bool			dying;
	bool			manager;
	u64			manager_since;
	atomic_t		n_wanting;
	struct latch_mib __percpu *mib;

	u8			auto_mode;
	u8			require_identity;
	u8			qop;
	u8			disposition;
	int			identity_wait_ms;
	int			max_latches;
	int			max_peers;
	struct ctl_table_header	*sysctl;
	struct ctl_table	*sysctl_table;

	struct xarray		ids;
	struct latch_id_block	*id_block;
	u32			next_id_block;
	atomic_t		n_socks;
	atomic_t		n_latches;
	atomic_t		n_listeners;
	atomic_t		n_over;

	struct latch_spd __rcu	*spd;
	u32			last_pol;
	u32			last_spd;
	u64			spd_due;
	spinlock_t		groups_lock;
	struct list_head	groups;
	spinlock_t		sad_lock;
	struct list_head	sas;
	struct list_head	dirty;
	struct list_head	gone_binds;
	unsigned long		claims_due;
	u64			next_serial;

	struct xarray		peers;
	u32			next_peer;
	u32			n_peers;
	u32			n_bindings;
	u32			bind_seq;

	spinlock_t		pending_lock;
	atomic_t		n_halfopen[LATCH_SHARES];
	struct list_head	halfopen;
	struct list_head	timewait;
	struct delayed_work	pending_work;

	spinlock_t		report_lock;
	struct list_head	reports;

	unsigned long		todo;
	struct mutex		hook_mutex;
	struct nf_hook_ops	hooks[4];
	struct nf_hook_ops	apart_hooks[2];
	struct nf_hook_ops	mark_hooks[2];
	struct work_struct	work;
	struct delayed_work	later_work;
	struct delayed_work	overdue_work;
	struct delayed_work	reap_work;
};

extern unsigned int latch_net_id;

struct latch_net *latch_pernet(const struct net *net);
bool latch_net_needed(struct latch_net *ln);
bool latch_net_guarded(const struct latch_net *ln);
void latch_net_keep_apart(struct latch_net *ln);
void latch_net_mark_sent(struct latch_net *ln);

#endif /* LATCH_BASE_NET_H */
