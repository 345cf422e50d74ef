// SPDX-License-Identifier: GPL-2.0
/*
 * One packet against one latch, in full (RFC 5660 2.4-1): what protects it, whether that
 * is congruent, and what becomes of it.
 */
#include <linux/if_ether.h>
#include <linux/netfilter.h>

#include "base/mib.h"
#include "base/net.h"
#include "channel/demand.h"
#include "channel/eval.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "channel/pkt.h"
#include "channel/reeval.h"
#include "channel/reuse.h"
#include "channel/trace.h"
#include "core/params.h"
#include "core/pattern.h"
#include "core/tag.h"
#include "core/types.h"
#include "core/verdict.h"
#include "core/want.h"
#include "packet/classify.h"
#include "packet/enforce.h"
#include "packet/establish.h"
#include "packet/parse.h"
#include "peer/identity.h"
#include "peer/peer.h"
#include "sock/timewait.h"
#include "xfrm/path.h"
#include "xfrm/sad.h"
#include "xfrm/spd.h"

/*
 * Somebody traces drops: say of which flow the packet is, which a latch that is not in the table
 * of flows, as a listener's, does not know. That of a destination does.
 */
static noinline void latch_drop_trace(struct latch_net *ln, const struct latch *l,
				      struct sk_buff *skb, u8 dir, u8 reason)
{
	u8 pf = skb->protocol == htons(ETH_P_IP) ? NFPROTO_IPV4 : NFPROTO_IPV6;
	bool known = l && (READ_ONCE(l->hashed) || l->dest);
	const struct latch_flow *f = known ? &l->flow : NULL;
	struct latch_hdr h = {};

	if (!f) {
		latch_parse(ln, skb, skb->dev, pf, dir, &h);
		f = h.kind == LATCH_PKT_FLOW ? &h.flow : NULL;
	}
	trace_latch_drop(ln, l, f, skb, dir, reason);
}

/**
 * latch_drop_count() - count why a packet is dropped
 * @ln:     the namespace
 * @l:      its latch; NULL where it has none
 * @skb:    the packet, which the caller drops
 * @dir:    LATCH_DIR_*
 * @reason: LATCH_REASON_*
 *
 * Context: any.
 */
void latch_drop_count(struct latch_net *ln, struct latch *l, struct sk_buff *skb, u8 dir,
		      u8 reason)
{
	latch_mib_drop(ln, dir, reason);
	latch_spd_check_defaults(ln);
	if (trace_latch_drop_enabled())
		latch_drop_trace(ln, l, skb, dir, reason);
	if (l)
		atomic_inc(&l->drops[dir]);
}

/**
 * latch_drop() - drop a packet and count why
 * @ln:     the namespace
 * @l:      its latch; NULL where it has none
 * @skb:    the packet; gone after this
 * @dir:    LATCH_DIR_*
 * @reason: LATCH_REASON_*
 *
 * Context: any. Return: NF_STOLEN.
 */
unsigned int latch_drop(struct latch_net *ln, struct latch *l, struct sk_buff *skb,
			u8 dir, u8 reason)
{
	latch_drop_count(ln, l, skb, dir, reason);
	/* stolen, not dropped: to the sender it is as if it were lost (2.3-19) */
	kfree_skb_reason(skb, SKB_DROP_REASON_XFRM_POLICY);
	return NF_STOLEN;
}

/**
 * latch_guarded() - is anything latched, or to be?
 * @ln: the namespace
 *
 * Context: any. Return: true for latches, demands, and what is left of connections.
 */
bool latch_guarded(const struct latch_net *ln)
{
	return atomic_read(&ln->gauge.latches) || atomic_read(&ln->n_lookup) ||
	       latch_timewait_any(ln);
}

/**
 * latch_drop_unknown() - drop a packet of which it cannot be told whose it is
 * @ln:  the namespace
 * @skb: the packet
 * @dir: LATCH_DIR_*
 *
 * Unless nothing in this namespace is latched, or to be.
 *
 * Context: any. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_drop_unknown(struct latch_net *ln, struct sk_buff *skb, u8 dir)
{
	if (!latch_guarded(ln))
		return NF_ACCEPT;
	return latch_drop(ln, NULL, skb, dir, LATCH_REASON_HEADER);
}

/* The group's cache does not have this packet's SA, or cannot have it. */
static noinline void latch_note_new(struct latch *l, const struct latch_pkt *p)
{
	struct latch_common common = l->group->c;

	latch_common_add(&common, &p->tag, &p->identity, p->dir);
	/* the first packet of a direction shows whether its policy was the right one */
	if (!(common.seen & BIT(p->dir)))
		common.pol[p->dir] = LATCH_POL_SEEN;
	latch_classify_seen(&common, p);
	/* elsewhere, an event that is being dealt with may have missed it */
	if (memcmp(&common, &l->group->c, sizeof(common))) {
		latch_resettle(l, &common, true);
		latch_own_check(l);
	}
	if (l->state != LATCH_STATE_ESTABLISHED)
		return;
	latch_set_noted(l, BIT(p->dir));
	latch_group_note(l, p);
}

/**
 * latch_note() - note that a packet's SA was found congruent
 * @l: the latch, whose lock is held
 * @p: the packet
 */
void latch_note(struct latch *l, const struct latch_pkt *p)
{
	lockdep_assert_held(&l->lock);
	if (p->tag.n != 1 || p->ipcomp || !latch_sa_known(l, p->first, p->dir, false))
		latch_note_new(l, p);
}

/*
 * What a peer's name is to a demand: its digest, or, where the demand is a pattern,
 * the pattern's own if it fits. Only the first packets of a flow come here.
 */
static void latch_name_for(const struct latch_demand *d, const struct latch_peer *p,
			   u64 name[2])
{
	const void *id;
	u16 len;

	if (!d->pattern.type) {
		memcpy(name, p->name, sizeof(p->name));
		return;
	}
	id = latch_peer_data(p, LATCH_PEER_ID, &len);
	memcpy(name, d->want.peer, sizeof(d->want.peer));
	if (!latch_pattern_match(&d->pattern, p->id_type, id, len))
		name[0] = ~name[0];
}

/*
 * Is a packet's SA one of those that policy selects for the flow? Asked where nothing else says
 * whose the SA is. Of the paths that the group is in the first is that of the innermost
 * template; an SA from anywhere is in none. Where no policy was read, the reqid that was seen
 * stands for it.
 */
static bool latch_selected(const struct latch_common *c, const struct latch_pkt *p)
{
	const struct latch_path *path = c->path[p->dir][0];
	const struct latch_sa *sa = p->sa;
	struct latch_hop first;

	if (!sa)
		return false;
	if (path && c->pol[p->dir] != LATCH_POL_SEEN)
		return sa->path[0] == path || sa->path[1] == path ||
		       (xfrm_addr_any(&sa->saddr, sa->key.family) && sa->reqid == path->key.reqid &&
			xfrm_addr_equal(&sa->key.daddr, &path->key.daddr, sa->key.family));
	latch_common_hop(c, 0, &first);
	return !(c->seen & BIT(p->dir)) || sa->reqid == first.reqid[p->dir];
}

/* ... of what was latched. */
static noinline u32 latch_mismatch_latched(const struct latch *l, const struct latch_pkt *p)
{
	const struct latch_common *c = &l->group->c;
	struct latch_params params = c->params;
	u32 diff;

	params.rule = latch_rule(l);
	diff = latch_params_cmp(&params, l->demand ? &l->demand->want : NULL, &p->tag, p->dir);
	if (!diff && params.tag.id.kind == LATCH_IDENT_UNKNOWN && !latch_selected(c, p))
		diff = LATCH_R(UNIDENTIFIED);
	return diff;
}

/* ... of a demand, which names a record, or an identity whatever proved it. */
static noinline u32 latch_mismatch_demand(const struct latch_demand *d, const struct latch_pkt *p)
{
	struct latch_tag tag = p->tag;

	if (p->identity.peer && !d->want.record)
		latch_name_for(d, p->identity.peer, tag.id.peer);
	if (p->identity.local)
		memcpy(tag.id.local, p->identity.local->name, sizeof(tag.id.local));
	return latch_want_cmp(&d->want, &tag, p->dir);
}

/**
 * latch_mismatch() - why a packet does not fit a latch
 * @l: the latch, whose lock is held
 * @p: the packet
 *
 * Return: set of LATCH_R() bits.
 */
u32 latch_mismatch(struct latch *l, const struct latch_pkt *p)
{
	u32 diff = 0;

	if (latch_sad_lost(l->ln))
		return LATCH_R(LOST);
	if (!p->tag.n)
		return LATCH_R(CLEAR);
	if (l->group)
		return latch_mismatch_latched(l, p);

	switch (p->tag.id.kind) {
	case LATCH_IDENT_PENDING:
		return LATCH_R(PENDING);
	case LATCH_IDENT_AMBIGUOUS:
		return LATCH_R(AMBIGUOUS);
	case LATCH_IDENT_MIXED:
		return LATCH_R(PEER);
	case LATCH_IDENT_PINNED:
		if (READ_ONCE(l->ln->conf.unidentified) == LATCH_UNIDENT_REFUSE)
			diff = LATCH_R(NO_BINDING);
	}
	return l->demand ? diff | latch_mismatch_demand(l->demand, p) : diff;
}

/*
 * A socket may keep a route without IPsec that it found while policy let the flow
 * out in clear: the kernel does not void it when that policy goes.
 */
static void latch_reroute(struct sk_buff *skb, u8 dir, u8 reason)
{
	if (dir == LATCH_DIR_OUT && reason == LATCH_REASON_CLEAR && skb->sk &&
	    sk_fullsock(skb->sk))
		sk_dst_reset(skb->sk);
}

/*
 * A half-open latch may get its SA here, where the identity of the SA that its SYN came
 * under was not known then.
 */
static struct latch_verdict latch_enforce_packet(struct latch *l, const struct latch_pkt *p)
{
	struct latch_verdict v;

	latch_settle_by_group(l);
	v = latch_decide(l->state, l->mode, latch_mismatch(l, p));
	if (v.act == LATCH_ESTABLISH)
		return latch_first_sa(l, p);
	if (v.act == LATCH_PASS && l->state == LATCH_STATE_ESTABLISHED)
		latch_note(l, p);
	return v;
}

/**
 * latch_judge() - may a packet of a flow that has a latch pass?
 * @l:   the latch; any whose flow or socket the packet is of
 * @skb: the packet
 * @dir: LATCH_DIR_*
 *
 * Complete by itself: it does not ask the cache of SAs. Nothing is dropped or counted.
 *
 * Context: RCU read side, @l->lock not held. Return: LATCH_PASS, or LATCH_DROP with a reason.
 */
struct latch_verdict latch_judge(struct latch *l, struct sk_buff *skb, u8 dir)
{
	struct latch_verdict v = { .act = LATCH_DROP, .reason = LATCH_REASON_HEADER };
	struct latch_pkt p = {};

	if (latch_classify(l->ln, skb, dir, &p)) {
		spin_lock_bh(&l->lock);
		v = latch_enforce_packet(l, &p);
		spin_unlock_bh(&l->lock);
	}
	if (v.act != LATCH_PASS)
		latch_reroute(skb, dir, v.reason);
	return v;
}

/**
 * latch_enforce() - a packet of a flow that has a latch
 * @l:   the latch; any whose flow or socket the packet is of
 * @skb: the packet
 * @dir: LATCH_DIR_*
 *
 * Context: RCU read side, @l->lock not held. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_enforce(struct latch *l, struct sk_buff *skb, u8 dir)
{
	struct latch_verdict v = latch_judge(l, skb, dir);

	if (v.act == LATCH_PASS)
		return NF_ACCEPT;
	return latch_drop(l->ln, l, skb, dir, v.reason);
}

/**
 * latch_fits() - does a packet about a latched flow have the protection that was latched?
 * @l: the latch
 * @p: an ICMP error, or what a socket says of a connection that is over
 *
 * Nothing is noted, and no state changes.
 *
 * Context: RCU read side, @l->lock not held. Return: true where it has.
 */
bool latch_fits(struct latch *l, const struct latch_pkt *p)
{
	bool fits;

	spin_lock_bh(&l->lock);
	fits = l->group && !latch_mismatch(l, p);
	spin_unlock_bh(&l->lock);
	return fits;
}

/**
 * latch_enforce_only() - a packet about a latched flow that is not of the flow itself
 * @l:      the latch
 * @skb:    an ICMP error, or what a socket says of a connection that is over
 * @dir:    LATCH_DIR_*
 * @latched: the flow may still speak, under what was latched
 * @reason: LATCH_REASON_* to drop it by
 *
 * Nothing is noted, and no state changes.
 *
 * Context: RCU read side, @l->lock not held. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_enforce_only(struct latch *l, struct sk_buff *skb, u8 dir, bool latched,
				u8 reason)
{
	struct latch_pkt p = {};

	if (!latch_classify(l->ln, skb, dir, &p))
		return latch_drop(l->ln, l, skb, dir, LATCH_REASON_HEADER);
	if (latched && latch_fits(l, &p))
		return NF_ACCEPT;
	return latch_drop(l->ln, l, skb, dir, reason);
}
