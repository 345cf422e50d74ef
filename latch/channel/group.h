/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_GROUP_H
#define LATCH_CHANNEL_GROUP_H

#include <linux/list_nulls.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>

#include "base/net.h"
#include "base/sacache.h"
#include "channel/latch.h"
#include "core/flow.h"
#include "core/params.h"
#include "core/types.h"
#include "xfrm/path.h"

struct latch_demand;
struct latch_net;
struct latch_peer;

#define LATCH_LINKS	2

/**
 * struct latch_hop - one SA of a flow's packets, as it was seen; not latched
 * @local:  its end here
 * @remote: its other end
 * @reqid:  by direction
 * @family: of the ends; 0 none was seen
 * @mode:   XFRM_MODE_*
 * @seen:   BIT(direction): that of this direction was seen
 */
struct latch_hop {
	xfrm_address_t	local;
	xfrm_address_t	remote;
	u32		reqid[LATCH_DIRS];
	u16		family;
	u8		mode;
	u8		seen;
};

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
 * @seen:       BIT(direction): a packet came; else @mark and @if_id of this direction are
 *              taken from the other one
 * @unexplained: BIT(direction): the copy of the SPD does not say what the kernel did, so it is
 *              not asked
 * @forwarded:  this host forwards the flow
 * @inner:      the SAs of @params.tag but the outermost one
 * @comp:       that of IPComp, where it is the innermost one of all
 * @outer_local: and the rest: what was seen of the outermost SA, not latched
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
	struct latch_hop	inner[LATCH_MAX_TRANSFORMS - 1];
	struct latch_hop	comp;
	xfrm_address_t		outer_local;
	xfrm_address_t		outer_remote;
	xfrm_address_t		natt_oa;
	u32			reqid[LATCH_DIRS];
	u32			mark[LATCH_DIRS];
	u32			if_id[LATCH_DIRS];
	__be16			natt_lport;
	__be16			natt_rport;
	u16			outer_family;
	u8			natt;
	u8			ipcomp;
	u8			sockpol;
	u8			in_protected;
	u8			seen;
	u8			unexplained;
	u8			forwarded;
};

#define LATCH_POL_SEEN	U32_MAX

/**
 * struct latch_group - latches that have the same in common
 * @cache:   SAs that were found congruent for them, by direction
 * @ref:     latches, SA copies, and who walks it
 * @lock:    writers of @latches, @cache, @found, @spd, @like
 * @c:       what they have in common, immutable
 * @found:   what the latest check found
 * @spd:     a copy of the SPD by which the policies of @c govern all flows with the
 *           addresses and protocol of @like; 0 none
 * @like:    the flow that joined last
 * @latches: latches that events find by it, RCU
 * @all:     in ln->groups.all
 * @link:    membership in @c.path
 */
struct latch_group {
	struct latch_sacache	cache[LATCH_DIRS];
	struct rhash_head	node;
	struct latch_common	c;
	refcount_t		ref;
	spinlock_t		lock;
	struct latch_found	found;
	u32			spd;
	struct latch_flow	like;
	struct hlist_nulls_head	latches;
	struct list_head	all;
	struct latch_link	link[LATCH_DIRS][LATCH_LINKS];
	struct rcu_head		rcu;
};

/* Has somebody said who the peer of its latches is? */
static inline bool latch_peer_known(const struct latch_group *g)
{
	return g->c.params.tag.id.kind == LATCH_IDENT_NAMED;
}

/* What the list of a group ends with, so that a walk knows whose list it was on. */
static inline unsigned long latch_group_nulls(const struct latch_group *g)
{
	return (unsigned long)g >> 1;
}

void latch_common_hop(const struct latch_common *c, unsigned int i, struct latch_hop *hop);
void latch_common_set_reqid(struct latch_common *c, unsigned int i, u8 dir, u32 reqid);
bool latch_common_moves(const struct latch_common *c);
void latch_group_uncache(struct latch_group *g);
struct latch_group *latch_group_hold(struct latch_group *g);
void latch_group_put(struct latch_group *g);
void latch_group_gauge(struct latch *l, const struct latch_group *g);
void latch_group_leave(struct latch *l);
int latch_group_set(struct latch *l, const struct latch_common *c, u32 conflicts, bool uniform);
void latch_group_queue_eval(const struct latch_group *g);
bool latch_group_flow(struct latch_group *g, struct latch_flow *f);
struct latch_group *latch_group_next(struct latch_net *ln, struct latch_group *g);
int latch_group_init(void);
void latch_group_exit(void);

/*
 * Is only the protection latched of a flow of which nobody says who the peer is? A socket that
 * asked for something is latched to its very SAs instead, see latch_params_cmp().
 */
static inline bool latch_protects(const struct latch *l)
{
	return READ_ONCE(l->ln->conf.unidentified) == LATCH_UNIDENT_PROTECT && latch_unasked(l);
}

/* Under the latch's lock, or where nobody knows it yet. */
static inline void latch_set_noted(struct latch *l, u8 dirs)
{
	if (l->flow.proto == IPPROTO_TCP)
		dirs |= dirs << LATCH_DIRS;
	WRITE_ONCE(l->noted, l->noted | dirs);
}

/* A latch, whose lock is held, is one of its group's list now. */
static inline void latch_group_count(struct latch *l, const struct latch_group *g)
{
	if (l->joined)
		return;
	l->joined = 1;
	if (unlikely(g->c.unexplained || !latch_peer_known(g)))
		latch_group_gauge(l, g);
}

#endif /* LATCH_CHANNEL_GROUP_H */
