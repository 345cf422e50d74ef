/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the module share.
 */
#ifndef LATCH_H
#define LATCH_H

#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/refcount.h>
#include <linux/list_nulls.h>
#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/xfrm.h>

#include "core/conflict.h"
#include "core/flow.h"
#include "core/fsm.h"
#include "core/params.h"
#include "core/verdict.h"
#include "sacache.h"

/**
 * DOC: locks, contexts and lifetimes
 *
 * The packet path (hooks.c) runs in softirq or in the sender's context, under
 * RCU. For a packet of a latched flow whose SA was judged before it takes no
 * lock, allocates nothing and writes nothing: it reads the table of sockets or
 * that of flows, the latch's state, and of its group the SAs that were judged and
 * the generations that these had then. The first packet of a flow, the first under
 * a new SA, and a dropped one do more.
 *
 * Key manager call-backs (km.c) come in any context, also under x->lock: they
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
 *	      ln->embryo_lock	latches whose socket is not born yet, or gone
 *	      ln->act_lock	latches whose owner is to be told
 *	      ln->sheets	numbers (the lock of the xarray)
 *
 * All of the last eight are taken with BH off. ln->hook_mutex, which the worker and
 * setsockopt() take with none of these held, is for switching hooks and tracepoint.
 * x->lock and the XFRM locks are never taken with one of ours held, and ours never
 * call into XFRM but for the walks of the worker, which hold none of ours.
 *
 * A latch is referenced by the tables (one reference for all of them, dropped
 * by latch_unlink()), by ln->act and by whoever looked it up and left the RCU
 * section. It pins the module while it is chained into its socket's destructor.
 * SA copies, paths, peers and claims are freed after a grace period.
 */

struct latch;
struct latch_bind_key;
struct latch_group;
struct latch_net;
struct latch_sheet;

/* km.c: what the worker has to do */
#define LATCH_WORK_SPD		0	/* read the SPD again */
#define LATCH_WORK_SAD		1	/* read the SAD again */
#define LATCH_WORK_ALL		2	/* judge every latch */
#define LATCH_WORK_PATHS	3	/* judge the latches of ln->dirty paths */
#define LATCH_WORK_TELL		4	/* tell the owners on ln->act */
#define LATCH_WORK_NOW		5	/* somebody waits: put nothing off */

/* Event counters, after the fixed gauges in latch_stat */
enum latch_mib_event {
	LATCH_MIB_CREATED,
	LATCH_MIB_BROKEN,
	LATCH_MIB_RESTORED,
	LATCH_MIB_CLOSED,
	LATCH_MIB_REFUSED,
	LATCH_MIB_EVENTS
};

/* Peers share what half-open latches there may be by a hash of who they are. */
#define LATCH_SHARES	256

struct latch_mib {
	u64	event[LATCH_MIB_EVENTS];
	u64	drop[LATCH_DIRS][LATCH_N_REASONS];
};

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
 * @heard:     TCP's state changes are heard of; under @hook_mutex
 * @marked:    an SA or policy with a mark was seen, so flows may differ by it
 * @dying:     no more work is queued
 * @manager:   a key manager binds this namespace's SAs
 * @manager_since: serial number of the last SA that was there before it
 * @n_wanting: sockets that packets have to be matched with by looking the socket up: those
 *             with a demand whose flow is not in the table yet, those that were restored,
 *             those bound to a group
 * @mib:       per-CPU counters
 * @auto_mode: net.latch.auto, and so on for the other sysctls
 * @sheets:    every latch by number, see number.c; under its own lock
 * @sheet:     where the next number comes from, NULL a new one; under the same lock
 * @next_sheet: that one's place in @sheets, if it is free
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
 * @embryos:   latches that wait for their socket; under @embryo_lock, as @ghosts
 * @n_embryos: how many of them, by the peer that they are for
 * @ghosts:    latches that stand for TIME_WAIT, in the order in which they began to
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
	bool			heard;
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

	struct xarray		sheets;
	struct latch_sheet	*sheet;
	u32			next_sheet;
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

	spinlock_t		embryo_lock;
	atomic_t		n_embryos[LATCH_SHARES];
	struct list_head	embryos;
	struct list_head	ghosts;
	struct delayed_work	embryo_work;

	spinlock_t		act_lock;
	struct list_head	act;

	unsigned long		todo;
	struct mutex		hook_mutex;
	struct nf_hook_ops	hooks[4];
	struct nf_hook_ops	apart_hooks[2];
	struct nf_hook_ops	mark_hooks[2];
	struct work_struct	work;
	struct delayed_work	later_work;
	struct delayed_work	pending_work;
	struct delayed_work	reap_work;
};

struct latch_net *latch_pernet(const struct net *net);

/* Keys of tables are compared by words, in line; @len is a multiple of 8 and constant. */
static __always_inline bool latch_words_equal(const void *a, const void *b, size_t len)
{
	const u64 *x = a, *y = b;
	u64 diff = 0;
	size_t i;

	for (i = 0; i < len / sizeof(*x); i++)
		diff |= x[i] ^ y[i];
	return !diff;
}

/**
 * struct latch_path - the SAs between two addresses for one reqid, and the groups
 *                     of latches that they are for
 * @node:    in the table of paths
 * @key:     what it is found by
 * @lock:    writers of the lists
 * @refs:    members; freed after the last
 * @sas:     SA copies, RCU
 * @groups:  links of groups, RCU
 * @dirty:   in ln->dirty
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
 * @xs: the SA itself, only ever compared
 * @group: where the flows that begin under it most likely belong, held; NULL not
 *	   known yet, LATCH_GROUP_DEAD no more to be set; written under sad_lock
 * @gen:   generation of @xs when whoever is behind it was who is behind @group
 */
struct latch_sa {
	struct rhash_head	node;
	struct latch_sa_key	key;
	struct list_head	all;
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
	u32			gen;
	u64			serial;
	unsigned long		born;
	const struct xfrm_state	*xs;
	struct latch_group	*group;
	struct rcu_head		rcu;
};

#define LATCH_GROUP_DEAD	((struct latch_group *)-1L)

/**
 * struct latch_tmpl - one template of a policy, as the flow sees it
 */
struct latch_tmpl {
	xfrm_address_t	daddr;
	xfrm_address_t	saddr;
	__be32		spi;
	u32		reqid;
	u16		family;
	u8		proto;
	u8		mode;
	bool		optional;
};

/**
 * struct latch_pol - copy of what matters of a policy
 * @id:    a number that it keeps as long as it stays what it is, and no other gets
 * @index: the kernel's
 */
struct latch_pol {
	struct latch_sel	sel;
	u32			id;
	u32			index;
	u32			priority;
	u32			pos;
	u32			if_id;
	u32			mark_v;
	u32			mark_m;
	u8			action;
	u8			dir;
	u8			n_tmpl;
	struct latch_tmpl	tmpl[LATCH_MAX_TRANSFORMS];
};

/**
 * struct latch_spd - copy of the SPD
 * @id:    which copy it is, never 0
 * @ports: a selector names ports
 * @n_new: how many policies are not as they were in the copy before
 * @fresh: which, after @pol
 * @index: see spd.c; NULL none
 * @start: where a direction begins in @pol
 * @pol:   sorted by direction and then as the kernel chooses: priority, position
 */
struct latch_spd {
	struct rcu_head		rcu;
	u32			id;
	bool			ports;
	u32			n_new;
	u32			*fresh;
	struct latch_spd_index	*index[LATCH_DIRS];
	u32			start[LATCH_DIRS + 1];
	struct latch_pol	pol[];
};

/* Who is behind an SA, with the records where it is bound. RCU. The caller says where @id is. */
struct latch_who {
	struct latch_ident	*id;
	struct latch_peer	*peer;
	struct latch_peer	*local;
};

/**
 * struct latch_demand - the demand of a socket, shared with the children of a
 *                       listener; immutable
 * @want:    as values, for the core
 * @pattern: type NONE, or what the peer's ID has to fit; @want.peer is then the
 *           digest of the pattern, which stands for all that do
 */
struct latch_demand {
	refcount_t		ref;
	struct rcu_head		rcu;
	struct latch_want	want;
	struct latch_id		pattern;
};

#define LATCH_LINKS	2

/**
 * struct latch_common - what one latch has in common with others
 * @ln:         the namespace
 * @params:     what is latched
 * @peer:       record of the peer, NULL unidentified
 * @local:      record of the local identity, NULL unknown
 * @path:       by direction, for the innermost templates; NULL none
 * @demand:     a demand for one of several suites, which is never looked into; NULL none
 * @pol:        number of the policies that govern the flow, 0 none, LATCH_POL_SEEN
 *              not known
 * @sockpol:    the socket has policies of its own, by BIT(direction)
 * @in_protected: a policy wanted protection of what comes in once
 * @outer_local: and the rest: what was seen of the SAs, not latched
 *
 * Hashed and compared as bytes.
 */
struct latch_common {
	struct latch_net	*ln;
	struct latch_params	params;
	struct latch_peer	*peer;
	struct latch_peer	*local;
	struct latch_path	*path[LATCH_DIRS][LATCH_LINKS];
	struct latch_demand	*demand;
	u32			pol[LATCH_DIRS];
	xfrm_address_t		outer_local;
	xfrm_address_t		outer_remote;
	u32			reqid[LATCH_DIRS];
	u32			mark[LATCH_DIRS];
	u32			if_id;
	__be16			natt_lport;
	__be16			natt_rport;
	u16			outer_family;
	u8			natt;
	u8			ipcomp;
	u8			sockpol;
	u8			in_protected;
	u8			pad[2];
};

#define LATCH_POL_SEEN	U32_MAX

/* Membership of a group in a path. */
struct latch_link {
	struct hlist_node	node;
	struct latch_group	*group;
};

/**
 * struct latch_group - latches that have the same in common
 * @cache:   SAs that were found congruent for them, by direction
 * @ref:     latches, SA copies, and who walks it
 * @lock:    writers of @latches, @cache, @conflicts, @uniform, @spd, @like
 * @c:       what they have in common, immutable
 * @conflicts: what the latest judgement found
 * @uniform: that holds for every one of the latches
 * @spd:     a copy of the SPD by which the policies of @c govern all flows with the
 *           addresses and protocol of @like; 0 none
 * @like:    the flow that joined last
 * @latches: latches that events find by it, RCU
 * @all:     in ln->groups
 * @link:    membership in @c.path
 */
struct latch_group {
	struct latch_sacache	cache[LATCH_DIRS];
	struct rhash_head	node;
	struct latch_common	c;
	refcount_t		ref;
	spinlock_t		lock;
	u32			conflicts;
	bool			uniform;
	u32			spd;
	struct latch_flow	like;
	struct hlist_nulls_head	latches;
	struct list_head	all;
	struct latch_link	link[LATCH_DIRS][LATCH_LINKS];
	struct rcu_head		rcu;
};

/* latch.special */
#define LATCH_GHOST	0x01
#define LATCH_COOKIE	0x02
#define LATCH_TWIN	0x04

/* latch.noted */
#define LATCH_NOTED_TCP(dir)	(BIT(dir) << LATCH_DIRS)

/**
 * struct latch - a channel, or the wish for one
 * @flow_node: in the table of flows while @hashed
 * @sock_node:   in the table of sockets while @sk
 * @lock:      everything below but what is said to be otherwise
 * @sk:        the socket; NULL for an embryo and after the socket's end
 * @destruct:  the socket's own destructor, while @chained; else @expires, of an
 *             embryo or ghost
 * @state:     written by latch_step() only, read anywhere
 * @group:     what is latched, shared; NULL nothing yet
 * @member:    in the group's list while @joined
 * @hashed:    in the table of flows; it, @embryo and @listener are read anywhere
 * @special:   it needs more than a look at the SA: LATCH_GHOST, it stands for a
 *             connection in TIME_WAIT; LATCH_COOKIE, TCP answered the SYN with a
 *             cookie and keeps no request; LATCH_TWIN, another UDP socket has the same
 *             5-tuple. Read anywhere
 * @kept:      over, and holds its socket instead of being chained into it
 * @noted:     BIT(direction): it is ESTABLISHED, packets find it, and an SA that its
 *             group has seen is good for its own; LATCH_NOTED_TCP(direction) too for TCP;
 *             read anywhere
 * @missed:    how often in a row TCP was found to have nothing of an embryo
 * @dif:       device that an embryo's SYN came in by, and @sdif its L3 slave, while
 *             it has no socket
 * @portaddr:  where UDP has the socket in its table
 * @txhash:    what connect() drew for a UDP socket
 * @in_group:  counted in n_wanting: a UDP socket bound to a group, or for broadcasts
 * @restored:  of a TCP connection that began elsewhere, and is to be latched at its first
 *             protected segment
 * @half_open: counted in ln->n_embryos, by @share
 * @over:      counted in ln->n_over: its connection is over, and its socket may still say so
 * @bound:     device that the connection in TIME_WAIT is bound to, 0 none
 * @err:       what the socket is to be told, for ln->act
 * @act:       in ln->act, which holds the latch; @rcu after that
 */
struct latch {
	/* what every packet of the flow reads */
	struct rhash_head	flow_node;
	struct latch_net	*ln;
	struct latch_flow	flow;	/* after @ln: the two are the key */
	struct latch_group	*group;
	u8			state;
	u8			mode;
	u8			reason;
	u8			disposition;
	bool			hashed;
	bool			embryo;
	u8			special;
	bool			listener;
	bool			kept;
	u8			missed;
	u16			portaddr;
	u16			chained:1,
				numbered:1,
				listed:1,
				automatic:1,
				wanting:1,
				joined:1,
				sockpol_in:1,
				sockpol_out:1,
				pinned:1,
				unlinked:1,
				counted:1,
				in_group:1,
				half_open:1,
				over:1;
	bool			restored;
	u8			noted;
	s16			err;
	u32			conflicts;
	spinlock_t		lock;
	struct sock		*sk;
	union {
		struct rhash_head sock_node;
		struct {
			int	dif;
			int	sdif;
		};
	};

	struct hlist_nulls_node	member;
	union {
		void		(*destruct)(struct sock *sk);
		unsigned long	expires;
	};
	struct latch_demand	*demand;
	struct list_head	embryos;
	union {
		struct list_head act;
		struct rcu_head	rcu;
	};
	atomic_t		drops[LATCH_DIRS];
	u32			id;
	union {
		u32		txhash;
		u32		share;
		int		bound;
	};
	u32			breaks;
	refcount_t		ref;
};

/**
 * struct latch_pkt - what protected a packet, with where it came from
 * @tag:   as values, for the core
 * @who:   records behind the tag
 * @sa:    the copy of the innermost SA, NULL none yet
 * @first: that SA
 * @gen:   its generation, read before anything else of it
 * @n:     SAs, IPComp counted
 */
struct latch_pkt {
	struct latch_tag	tag;
	struct latch_who	who;
	struct latch_sa		*sa;
	const struct xfrm_state	*first;
	u32			gen;
	const struct xfrm_state	*outer;
	bool			ipcomp;
	bool			bad;
	u32			mark;
	u8			dir;
};

/* xfrm_view.c: the only reader of XFRM's structures */
bool latch_view_in(struct latch_net *ln, struct sk_buff *skb, struct latch_pkt *p);
bool latch_view_out(struct latch_net *ln, struct sk_buff *skb, struct latch_pkt *p);
int latch_view_sa(const struct xfrm_state *x, struct latch_sa *sa);
void latch_view_sa_key(struct latch_net *ln, const struct xfrm_state *x,
		       struct latch_sa_key *key);
bool latch_view_is(const struct xfrm_state *x, const struct latch_sa *sa);
int latch_view_pol(const struct xfrm_policy *xp, int dir, struct latch_pol *pol);
void latch_view_outer(struct latch_common *c, const struct latch_pkt *p);

/* sad.c: the copy of the SAD, and paths */
int latch_sad_init(void);
void latch_sad_exit(void);
int latch_sad_add(struct latch_net *ln, const struct xfrm_state *x);
void latch_sad_del(struct latch_net *ln, const struct xfrm_state *x);
void latch_sad_flush(struct latch_net *ln, u8 proto);
int latch_sad_read(struct latch_net *ln);
void latch_sad_clear(struct latch_net *ln);
struct latch_sa *latch_sad_find(const struct latch_sa_key *key);
struct latch_sa *latch_sad_near(const struct xfrm_state *x);
struct latch_path *latch_path_find(const struct latch_path_key *key);
struct latch_path *latch_path_get(const struct latch_path_key *key);
void latch_path_join(struct latch_link *link, struct latch_path *path, struct latch_group *g);
void latch_path_leave(struct latch_link *link, struct latch_path *path);
struct latch_path *latch_path_dirty(struct latch_net *ln);
void latch_path_put(struct latch_path *path);
bool latch_sad_overdue(struct latch_net *ln, unsigned long *next);
void latch_sad_claimed(struct latch_net *ln, const struct latch_bind_key *key);
void latch_sad_doubt(struct latch_net *ln, const struct latch_group *g);
u32 latch_sad_count(struct latch_net *ln, u32 reqid);

/* spd.c: the copy of the SPD */
int latch_spd_read(struct latch_net *ln);
const struct latch_pol *latch_spd_find(struct latch_net *ln, const struct latch_flow *f,
				       u8 dir, u32 if_id, u32 mark);
bool latch_spd_overtaken(const struct latch_net *ln, const struct latch_pol *pol, u32 limit);
u32 latch_spd_id(const struct latch_net *ln);
u32 latch_spd_portless(const struct latch_net *ln);
void latch_spd_clear(struct latch_net *ln);

/* judge.c: conflicts of a latch */
u32 latch_judge(struct latch *l, struct latch_common *common, bool relink);
bool latch_judge_group(struct latch_group *g, const struct latch_flow *f, u32 *conflicts);
bool latch_judge_policies(const struct latch *l, const struct latch_common *c);
bool latch_judge_unmoved(const struct latch_common *c, const struct latch_flow *f, u32 limit);
bool latch_judge_hosts(const struct latch *l, const struct latch_common *c);
bool latch_judge_again(const struct latch *l, const struct latch_common *c,
		       const struct latch_pkt *p);

/* km.c: events of XFRM, and the worker */
int latch_km_init(void);
void latch_km_exit(void);
void latch_km_queue(struct latch_net *ln, unsigned int what);
void latch_km_work(struct work_struct *work);
void latch_km_later_work(struct work_struct *work);
void latch_km_pending_work(struct work_struct *work);
void latch_km_retry(struct latch_net *ln, unsigned int what);
void latch_km_sync(struct latch_net *ln);
void latch_km_changed(struct latch_net *ln);
void latch_km_claimed(struct latch_net *ln, const struct latch_bind_key *key);
void latch_km_reap(struct latch_net *ln, unsigned long delay);
void latch_km_embryos(struct latch_net *ln, unsigned long delay);
int latch_km_register(void);
void latch_km_unregister(void);

/* latch.c: life of a latch */
int latch_init(void);
void latch_exit(void);
struct latch *latch_find(const struct latch_net *ln, const struct latch_flow *f);
struct latch *latch_find_live(struct latch_net *ln, const struct latch_flow *f);
int latch_hash_twin(struct latch *l, struct latch *old);
struct latch *latch_find_sk(const struct sock *sk);
struct latch *latch_alloc(struct latch_net *ln, const struct sock *sk, gfp_t gfp);
int latch_list(struct latch *l);
int latch_hash_flow(struct latch *l, const struct latch_flow *f);
int latch_flow_replace(struct latch *old, struct latch *new);
int latch_hash_sk(struct latch *l, struct sock *sk);
void latch_unhash_sk(struct latch *l);
void latch_no_more(struct latch *l);
void latch_fit_sk(void);
bool latch_hold(struct latch *l);
void latch_put(struct latch *l);
void latch_retire(struct latch *l);
void latch_unlink(struct latch *l);
bool latch_step(struct latch *l, u8 event, u8 reason);
void latch_linger(struct latch *l);
void latch_rejudge(struct latch *l, bool relink);
void latch_rejudge_all(struct latch_net *ln);
void latch_unlink_all(struct latch_net *ln);
int latch_establish(struct latch *l, const struct latch_pkt *p);
void latch_settle(struct latch *l, u32 conflicts);
void latch_resettle(struct latch *l, struct latch_common *common, bool relink);
void latch_want_more(struct latch *l);
void latch_want_less(struct latch *l);
void latch_demand_put(struct latch_demand *d);
u8 latch_disposition(const struct latch *l);
u8 latch_rule(const struct latch *l);
struct latch *latch_renew(struct latch *l, gfp_t gfp);

/* A privileged socket that is to have no latch: nothing of it is judged (2-18, 3.1-2). */
static __always_inline bool latch_exempt(const struct latch *l)
{
	u8 mode = READ_ONCE(l->mode);

	return mode == LATCH_MODE_OFF || mode == LATCH_MODE_BYPASS;
}

/* number.c: the latches of a namespace by number */
int latch_number(struct latch *l);
void latch_unnumber(struct latch *l);
struct latch *latch_numbered(struct latch_net *ln, u64 id);
struct latch *latch_next(struct latch_net *ln, u64 *last);
void latch_number_exit(struct latch_net *ln);

/* Every latch that has a number; under RCU, which the body may leave in between. */
#define latch_for_each(ln, l) \
	for (u64 last_ = 0; ((l) = latch_next(ln, &last_));)

/* Under the latch's lock, or where nobody knows it yet. */
static inline void latch_set_noted(struct latch *l, u8 dirs)
{
	if (l->flow.proto == IPPROTO_TCP)
		dirs |= dirs << LATCH_DIRS;
	WRITE_ONCE(l->noted, l->noted | dirs);
}

/* group.c: what latches have in common */
int latch_group_init(void);
void latch_group_exit(void);
struct latch_group *latch_group_hold(struct latch_group *g);
void latch_group_put(struct latch_group *g);
void latch_group_leave(struct latch *l);
int latch_group_set(struct latch *l, const struct latch_common *c, u32 conflicts,
		    bool uniform);
bool latch_group_clean(const struct latch_group *g);
bool latch_group_again(struct latch *l, const struct latch_pkt *p);
bool latch_group_known(const struct latch_sa *sa, struct latch_who *who);
void latch_group_tell(struct latch *l);
void latch_group_note(struct latch *l, const struct latch_pkt *p);
void latch_group_rejudge(struct latch_group *g);
void latch_group_repolicy_all(struct latch_net *ln);
void latch_group_forget(struct latch_sa *sa);

/* embryo.c: latches whose socket is not born yet */
int latch_embryo_share(struct latch_net *ln, const struct latch_pkt *p);
void latch_embryo_add(struct latch *l, int share);
void latch_embryo_del(struct latch *l);
void latch_embryo_orphan(struct latch *l);
void latch_embryo_work(struct work_struct *work);
void latch_embryo_clear(struct latch_net *ln);

/* timewait.c: what is left of a connection */
bool latch_ghost_make(struct latch *l, const struct sock *sk, int old);
bool latch_ghost_work(struct latch_net *ln);
bool latch_ghost_replaced(const struct latch *g);
struct sock *latch_tcp_find(struct latch_net *ln, const struct latch_flow *f, int dif,
			    int sdif);

/* owner.c: the socket that owns a latch */
int latch_owner_init(void);
void latch_owner_exit(void);
int latch_owner_hear(void);
void latch_owner_deaf(void);
bool latch_sk_flow(const struct sock *sk, struct latch_flow *f);
int latch_owner_attach(struct latch *l, struct sock *sk);
int latch_owner_chain(struct latch *l, struct sock *sk);
void latch_owner_latched(struct latch *l, struct sock *sk, u8 mode);
struct latch *latch_owner_fresh(struct latch_net *ln, struct sock *sk, struct latch *l);
bool latch_owner_unchain(struct latch *l);
void latch_owner_unpin(struct latch *l);
void latch_owner_part(struct latch *l);
void latch_owner_tell(struct latch *l, int err);
void latch_owner_work(struct latch_net *ln);
void latch_owner_close(struct latch *l, bool unpin);
struct latch *latch_owner_listener(struct sock *sk);
struct latch *latch_owner_get(struct sock *sk);
void latch_owner_left(struct latch *l);
void latch_owner_stale(struct latch *l, const struct sock *sk);

/* net.c: namespaces */
int latch_net_init(void);
void latch_net_exit(void);
bool latch_net_needed(struct latch_net *ln);
int latch_net_activate(struct latch_net *ln);
void latch_net_keep_apart(struct latch_net *ln);
void latch_net_mark_sent(struct latch_net *ln);
bool latch_net_guarded(const struct latch_net *ln);

/* sysctl.c, mib.c */
int latch_sysctl_init(struct latch_net *ln);
void latch_sysctl_exit(struct latch_net *ln);
int latch_mib_init(struct latch_net *ln);
void latch_mib_exit(struct latch_net *ln);
void latch_mib_event(struct latch_net *ln, enum latch_mib_event ev);
void latch_mib_drop(struct latch_net *ln, u8 dir, u8 reason);

/* binding.c */
int latch_binding(const struct latch_peer *peer, const struct latch_peer *local,
		  u8 out[LATCH_BINDING_SIZE]);

/* sockopt.c */
int latch_sockopt_init(void);
void latch_sockopt_exit(void);
void latch_fill_info(const struct latch *l, struct latch_info *info);

/* netlink.c */
int latch_netlink_init(void);
void latch_netlink_exit(void);
void latch_notify(struct latch *l, u8 old_state);

#endif /* LATCH_H */
