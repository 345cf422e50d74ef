/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_LATCH_H
#define LATCH_CHANNEL_LATCH_H

#include <linux/list_nulls.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <net/sock.h>

#include "core/flow.h"
#include "core/types.h"
#include "core/verdict.h"

/* latch.special */
#define LATCH_TIMEWAIT	0x01
#define LATCH_COOKIE	0x02
#define LATCH_TWIN	0x04

/* latch.alerts */
#define LATCH_ALERTS_ON		0x01
#define LATCH_ALERTS_LOST	0x02

/* latch.noted */
#define LATCH_NOTED_TCP(dir)	(BIT(dir) << LATCH_DIRS)

/**
 * struct latch - a channel, or the wish for one
 * @flow_node: in the table of flows while @hashed
 * @sock_node:   in the table of sockets while @sk
 * @lock:      everything below but what is said to be otherwise
 * @sk:        the socket; NULL while it is half-open, and after the socket's end
 * @destruct:  the socket's own destructor, while @chained; else @expires, while @pending
 * @state:     written by latch_transition(), and before anybody sees the latch; read anywhere
 * @group:     what is latched, shared; NULL nothing yet
 * @member:    in the group's list while @joined
 * @hashed:    in the table of flows; it, @pending and @listener are read anywhere
 * @special:   it needs more than a look at the SA: LATCH_TIMEWAIT, it stands for a connection in
 *             TIME_WAIT; LATCH_COOKIE, TCP answered the SYN with a cookie and keeps no request;
 *             LATCH_TWIN, another UDP socket has the same 5-tuple. Read anywhere
 * @kept:      over, and holds its socket instead of being chained into it
 * @noted:     BIT(direction): it is ESTABLISHED, packets find it, and an SA that its
 *             group has seen is good for its own; LATCH_NOTED_TCP(direction) too for TCP;
 *             read anywhere
 * @alerts:    its socket wants a record of each change: LATCH_ALERTS_ON, and _LOST where the
 *             last one found no room; read anywhere
 * @missed:    how often in a row TCP was found to have nothing of a half-open one
 * @dif:       device that its SYN came in by, and @sdif its L3 slave, while it has no socket
 * @forwarded: this host forwards the flow, and it has no socket; for @way, @seen and @used see
 *             sock/forward.h
 * @portaddr:  where UDP has the socket in its table
 * @txhash:    what connect() drew for a UDP socket; the tag of a client's INIT of SCTP
 * @in_group:  counted in n_lookup: a UDP socket bound to a group, or for broadcasts
 * @restored:  of a TCP connection that began elsewhere, and is to be latched at its first
 *             protected segment
 * @half_open: counted in ln->pending.n_halfopen, by @share
 * @over:      counted in ln->gauge.over: its connection is over, and its socket may still say so
 * @adopted:   its connection was there before it; @put_off: in ln->reports.grace
 * @since:     jiffies when it began to wait, there or in ln->own.wait
 * @own_asked: LATCH_OWN_*: does the socket ask for a policy of the flow's own?
 * @own_given: the socket has one, made for this latch
 * @own_off:   it gets none any more; @own_none: LATCH_OWN_NONE_*, where there can be none
 * @own_renew: it is to lose the one that it has, and may get another one
 * @own_ask_offer: its socket takes an offer where it would send in clear; @own_seek: it would
 *             have, and one is to be looked for; @own_offer: the policy that it has is of one
 * @own_link:  in one of ln->own's lists, which holds the latch
 * @unpin:     it is to be @kept once its owner was told
 * @tagging:   its socket asks for tags, and its datagrams pass latch_tagged_rcv()
 * @dest:      of a destination of @sk: @sock_node is in the table of destinations
 * @sctp:      pins ipsec_latch_sctp; a path's is @pending, a socket's in ln->sctp by @dest_link
 * @dests:     of the socket, while @has_dests, read anywhere; or where @dest_link is, not @pending
 * @bound:     device that the connection in TIME_WAIT is bound to, 0 none
 * @err:       errno that the socket is to be told, for ln->reports
 * @report:    in one of ln->reports, which holds the latch; @rcu after that
 */
struct latch {
	/* what every packet of the flow reads */
	struct rhash_head	flow_node;
	struct latch_net	*ln;
	struct latch_flow	flow;	/* after @ln: the two are the key */
	struct latch_group	*group;
	struct sock		*sk;
	u8			state;
	u8			mode;
	u8			reason;
	u8			disposition;
	bool			hashed;
	bool			pending;
	u8			special;
	bool			listener;
	u8			noted;
	u8			alerts;
	bool			kept;
	bool			restored;
	u32			chained:1,
				has_id:1,
				listed:1,
				automatic:1,
				lookup:1,
				joined:1,
				sockpol_in:1,
				sockpol_out:1,
				pinned:1,
				unlinked:1,
				counted:1,
				in_group:1,
				half_open:1,
				over:1,
				adopted:1,
				put_off:1,
				unpin:1,
				tagging:1,
				own_asked:2,
				own_given:1,
				own_off:1,
				own_renew:1,
				own_ask_offer:1,
				own_offer:1,
				own_seek:1,
				own_none:2,
				dest:1,
				forwarded:1,
				sctp:1;
	union {
		bool		has_dests;
		u8		way;
	};
	u8			err;
	union {
		u16		portaddr;
		u16		seen;
		u8		missed;
	};
	u32			conflicts;
	spinlock_t		lock;
	u32			id;
	union {
		struct rhash_head sock_node;
		struct { int dif, sdif; };
	};

	struct hlist_nulls_node	member;
	union {
		void		(*destruct)(struct sock *sk);
		unsigned long	expires;
		u32		used;
	};
	struct latch_demand	*demand;
	union {
		struct list_head pending_link;	/* in ln->forward, too */
		struct list_head dest_link;
	};
	struct list_head	own_link;
	struct latch_dests	*dests;
	union {
		struct list_head report;
		struct rcu_head	rcu;
	};
	atomic_t		drops[LATCH_DIRS];
	union {
		u32		txhash;
		u32		share;
		int		bound;
	};
	u32			breaks;
	u32			since;
	refcount_t		ref;
};

/* A privileged socket that is to have no latch: nothing of it is checked (2-18, 3.1-2). */
static __always_inline bool latch_exempt(const struct latch *l)
{
	u8 mode = READ_ONCE(l->mode);

	return mode == LATCH_MODE_OFF || mode == LATCH_MODE_BYPASS;
}

/* Did the socket ask for nothing but what net.latch.* gives it? */
static inline bool latch_unasked(const struct latch *l)
{
	return READ_ONCE(l->mode) == LATCH_MODE_AUTO && !READ_ONCE(l->demand);
}

struct latch *latch_alloc(struct latch_net *ln, const struct sock *sk, gfp_t gfp);
int latch_list(struct latch *l);
void latch_ask_as(struct latch *l, const struct latch *parent);
void latch_no_more(struct latch *l);
bool latch_hold(struct latch *l);
void latch_put(struct latch *l);
void latch_lookup_inc(struct latch *l);
void latch_lookup_dec(struct latch *l);
void latch_retire(struct latch *l);
bool latch_transition(struct latch *l, u8 event, u8 reason);
void latch_enter_timewait(struct latch *l);
void latch_identified(struct latch *l);
u8 latch_rule(const struct latch *l);
int latch_init(void);
void latch_exit(void);

#endif /* LATCH_CHANNEL_LATCH_H */
