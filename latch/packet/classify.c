// SPDX-License-Identifier: GPL-2.0
/*
 * What protects a packet, and who is behind that, by its SAs and the copies of them.
 */
#include <net/ip.h>
#include <uapi/linux/xfrm.h>

#include "base/net.h"
#include "base/sacache.h"
#include "channel/group.h"
#include "channel/pkt.h"
#include "channel/reuse.h"
#include "core/tag.h"
#include "core/types.h"
#include "packet/classify.h"
#include "peer/identity.h"
#include "xfrm/sad.h"
#include "xfrm/view.h"

/* An SA as one transformation, from its copy where that is of this very SA. */
static bool latch_classify_known(const struct xfrm_state *x, const struct latch_sa *sa,
				 struct latch_transform *t)
{
	if (!sa || sa->xs != x)
		return !latch_view_x(x, t);
	*t = sa->x;
	return t->proto;
}

/* The copy of an SA, and who is behind it, by what tells it from others. */
static noinline struct latch_sa *latch_classify_find(struct latch_net *ln,
						     const struct xfrm_state *x,
						     struct latch_identity *identity)
{
	struct latch_sa_key key;
	struct latch_sa *sa;

	latch_view_sa_key(ln, x, &key);
	sa = latch_sad_find(&key);
	latch_identify(ln, &key, x->props.reqid, sa, identity);
	return sa;
}

/* The copy of an SA, and who is behind it. */
static struct latch_sa *latch_classify_sa(struct latch_net *ln, const struct xfrm_state *x,
					  struct latch_identity *identity)
{
	struct latch_sa *sa = latch_sad_find_ptr(x);

	return sa && latch_group_known(sa, identity) ? sa : latch_classify_find(ln, x, identity);
}

/* One SA more than the innermost one. */
static noinline struct latch_sa *latch_classify_another(struct latch_net *ln, struct latch_pkt *p,
							const struct xfrm_state *x)
{
	struct latch_ident id;
	struct latch_identity identity = { .id = &id };
	struct latch_sa *sa = latch_classify_sa(ln, x, &identity);

	if (id.kind != p->tag.id.kind ||
	    (id.kind == LATCH_IDENT_NAMED && !latch_ident_equal(&id, &p->tag.id)))
		p->tag.id.kind = LATCH_IDENT_MIXED;
	return sa;
}

/* Adds one SA to a packet's tag: transformation, flags and identity. */
static void latch_classify_add(struct latch_net *ln, struct latch_pkt *p,
			       const struct xfrm_state *x)
{
	struct latch_sa *sa;

	if (x->id.proto == IPPROTO_COMP || x->id.proto == IPPROTO_IPIP ||
	    x->id.proto == IPPROTO_IPV6) {
		p->ipcomp = true;
		if (x->id.proto == IPPROTO_COMP && !p->tag.n && !p->comp)
			p->comp = x;
		return;
	}
	if (p->tag.n) {
		sa = latch_classify_another(ln, p, x);
	} else {
		/* first, so that it is void if the copy is found and goes later */
		p->gen = latch_sacache_gen(&ln->gens, x);
		p->first = x;
		p->identity.id = &p->tag.id;
		sa = latch_classify_sa(ln, x, &p->identity);
		p->sa = sa;
	}
	if (p->tag.n == LATCH_MAX_TRANSFORMS ||
	    !latch_classify_known(x, sa, &p->tag.x[p->tag.n])) {
		p->bad = true;
		return;
	}
	if (x->props.flags & XFRM_STATE_ESN)
		p->tag.flags |= LATCH_TAG_ESN;
	if (p->tag.n)
		p->inner[p->tag.n - 1] = p->outer;
	p->tag.n++;
	p->outer = x;
}

/**
 * latch_classify_in() - what protected an inbound packet (2.4-1)
 * @ln:  its namespace
 * @skb: a packet in LOCAL_IN
 * @p:   to fill, all zero before; @p->tag.n is 0 where nothing did
 *
 * Context: RCU read side, BH off.
 * Return: false where the chain of SAs cannot be told.
 */
bool latch_classify_in(struct latch_net *ln, struct sk_buff *skb, struct latch_pkt *p)
{
	const struct sec_path *sp = skb_sec_path(skb);
	int i;

	p->dir = LATCH_DIR_IN;
	p->mark = skb->mark;
	for (i = sp ? sp->len - 1 : -1; i >= 0; i--)
		latch_classify_add(ln, p, sp->xvec[i]);
	return !p->bad;
}

/**
 * latch_classify_out() - what will protect an outbound packet (2.4-1)
 * @ln:  its namespace
 * @skb: a packet in POST_ROUTING that was not transformed yet
 * @p:   to fill, all zero before; @p->tag.n is 0 where nothing will
 *
 * Context: RCU read side.
 * Return: false where the chain of SAs cannot be told.
 */
bool latch_classify_out(struct latch_net *ln, struct sk_buff *skb, struct latch_pkt *p)
{
	const struct dst_entry *dst = skb_dst(skb);

	p->dir = LATCH_DIR_OUT;
	p->mark = skb->mark;
	for (; dst && dst_xfrm(dst); dst = xfrm_dst_child(dst))
		latch_classify_add(ln, p, dst_xfrm(dst));
	return !p->bad;
}

/**
 * latch_classify() - what protects a packet
 * @ln:  the namespace
 * @skb: the packet, in LOCAL_IN or in POST_ROUTING
 * @dir: which of them, LATCH_DIR_*
 * @p:   to fill, all zero before
 *
 * Context: RCU read side. Return: false where the chain of SAs cannot be told.
 */
bool latch_classify(struct latch_net *ln, struct sk_buff *skb, u8 dir, struct latch_pkt *p)
{
	return dir == LATCH_DIR_IN ? latch_classify_in(ln, skb, p) : latch_classify_out(ln, skb, p);
}

static void latch_classify_hop(struct latch_hop *hop, const struct xfrm_state *x, u8 dir)
{
	bool in = dir == LATCH_DIR_IN;

	hop->family = x->props.family;
	hop->mode = x->props.mode;
	hop->seen |= BIT(dir);
	hop->reqid[dir] = x->props.reqid;
	latch_view_addr(in ? &hop->local : &hop->remote, &x->id.daddr, hop->family);
	latch_view_addr(in ? &hop->remote : &hop->local, &x->props.saddr, hop->family);
}

/* The SAs inside of the outermost one. Most packets have none. */
static void latch_classify_inner(struct latch_common *c, const struct latch_pkt *p)
{
	int i;

	for (i = 0; i + 1 < p->tag.n; i++)
		latch_classify_hop(&c->inner[i], p->inner[i], p->dir);
	if (p->comp)
		latch_classify_hop(&c->comp, p->comp, p->dir);
}

/**
 * latch_classify_seen() - note reqids, addresses and ports of a packet's SAs
 * @c: where
 * @p: a packet that fits the latch
 *
 * None of these is latched. Those of the outermost SA are what RFC 5660 2-14 and 2-15 report; a
 * policy of the flow's own names all of them (2.3-14).
 *
 * Context: RCU read side.
 */
void latch_classify_seen(struct latch_common *c, const struct latch_pkt *p)
{
	const struct xfrm_state *x = p->outer;
	bool in = p->dir == LATCH_DIR_IN;

	c->outer_family = x->props.family;
	latch_view_addr(in ? &c->outer_local : &c->outer_remote, &x->id.daddr,
			x->props.family);
	latch_view_addr(in ? &c->outer_remote : &c->outer_local, &x->props.saddr,
			x->props.family);
	c->reqid[p->dir] = x->props.reqid;
	c->if_id[p->dir] = x->if_id;
	c->seen |= BIT(p->dir);
	c->mark[p->dir] = p->mark;
	c->ipcomp |= p->ipcomp;
	latch_classify_inner(c, p);
	c->natt = !!x->encap;
	if (in)
		memset(&c->natt_oa, 0, sizeof(c->natt_oa));
	if (x->encap) {
		if (in)
			latch_view_addr(&c->natt_oa, &x->encap->encap_oa, x->props.family);
		c->natt_lport = in ? x->encap->encap_dport : x->encap->encap_sport;
		c->natt_rport = in ? x->encap->encap_sport : x->encap->encap_dport;
	}
}
