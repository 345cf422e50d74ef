/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_BASE_NET_H
#define LATCH_BASE_NET_H

#include <linux/atomic.h>
#include <net/net_namespace.h>

#include "base/sacache.h"
#include "netns/api.h"
#include "netns/base.h"
#include "netns/channel.h"
#include "netns/packet.h"
#include "netns/peer.h"
#include "netns/sock.h"
#include "netns/xfrm.h"

/**
 * DOC: locks, contexts and lifetimes
 *
 * The packet path (packet/) runs in softirq or in the sender's context, under
 * RCU. For a packet of a latched flow whose SA was checked before it takes no
 * lock, allocates nothing and writes nothing: it reads the table of sockets or
 * that of flows, the latch's state, and of its group the SAs that were checked and
 * the generations that these had then. The first packet of a flow, the first under
 * a new SA, and a dropped one do more.
 *
 * Key manager call-backs (api/km.c) come in any context, also under x->lock: they
 * take ln->sad.lock and a path's lock, copy what they need with GFP_ATOMIC and
 * queue ln->work.now. Everything that follows from them happens in that worker.
 *
 * Order of locks, outermost first::
 *
 *	genl_lock		peers, bindings (writers)
 *	  lock_sock		by whoever calls into the transport
 *	    latch->lock		state, conflicts, parameters, links, owner
 *	      group->lock	members and verdict of a group
 *	      ln->sad.lock	the copy of the SAD (writers)
 *	        path->lock	members of a path
 *	        ln->labels.lock	tags that have a number
 *	      dests->lock	the destinations of a socket
 *	      ln->groups.lock	groups
 *	      ln->forward.lock	latches of flows that are forwarded
 *	      ln->pending.lock	latches that wait for their socket, or for its end
 *	      ln->reports.lock	latches whose owner is to be told
 *	      ln->sctp.lock	sockets of SCTP that ask for something
 *	      ln->own.lock	latches that are to have a policy of their own, or to lose it
 *	      ln->ids.all		numbers (the lock of the xarray)
 *
 * All of the last eleven are taken with BH off. ln->watch.mutex, which the worker and
 * setsockopt() take with none of these held, is for switching hooks and tracepoint.
 * x->lock and the XFRM locks are never taken with one of ours held, and ours never
 * call into XFRM but for the walks of the worker, and to give a socket a policy or take it away
 * (sock/ownpol.c), which hold none of ours.
 *
 * A latch is referenced by the tables (one reference for all of them, dropped
 * by latch_unlink()), by ln->reports and by whoever looked it up and left the RCU
 * section. It pins the module while it is chained into its socket's destructor.
 * SA copies, paths, peers and claims are freed after a grace period.
 */

struct latch_mib;
struct net;

/**
 * struct latch_net - the module's part of a network namespace
 * @net:       the namespace; it outlives this
 * @secret:    drawn when the namespace begins, for the hash of its flows
 * @gens:      generations of SAs, see sacache.h
 * @n_lookup: sockets that packets have to be matched with by looking the socket up: those
 *             with a demand whose flow is not in the table yet, those that were restored,
 *             those bound to a group
 * @mib:       per-CPU counters
 * @conf:      and the rest: parts that belong to those whom tools/testing/style/floors names;
 *             who else has to know something asks them. They are in netns/
 */
struct latch_net {
	struct net			*net;
	u64				secret;
	struct latch_sa_gens		gens;
	atomic_t			n_lookup;
	struct latch_mib __percpu	*mib;
	struct latch_net_conf		conf;
	struct latch_net_manager	manager;
	struct latch_net_watch		watch;
	struct latch_net_gauge		gauge;
	struct latch_net_work		work;
	struct latch_net_spd		spd;
	struct latch_net_sad		sad;
	struct latch_net_peers		peers;
	struct latch_net_bind		bind;
	struct latch_net_ids		ids;
	struct latch_net_groups		groups;
	struct latch_net_labels		labels;
	struct latch_net_reports	reports;
	struct latch_net_own		own;
	struct latch_net_offers		offers;
	struct latch_net_reeval		reeval;
	struct latch_net_pending	pending;
	struct latch_net_tell		tell;
	struct latch_net_alerts		alerts;
	struct latch_net_forward	forward;
	struct latch_net_sctp		sctp;
	struct latch_net_sysctl		sysctl;
};

extern unsigned int latch_net_id;

struct latch_net *latch_pernet(const struct net *net);
bool latch_net_needed(struct latch_net *ln);

/* Does the namespace end? No work is queued then. */
static inline bool latch_net_dying(const struct latch_net *ln)
{
	return READ_ONCE(ln->work.dying);
}

/* Are flows latched that this host forwards? */
static inline bool latch_net_forwards(const struct latch_net *ln)
{
	return unlikely(READ_ONCE(ln->conf.forward));
}

/* Are the hooks there? */
static inline bool latch_net_active(const struct latch_net *ln)
{
	return READ_ONCE(ln->watch.active);
}

#endif /* LATCH_BASE_NET_H */
