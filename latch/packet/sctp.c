// SPDX-License-Identifier: GPL-2.0
/*
 * Packets of SCTP (RFC 5660 5.4-1). The client latches what its INIT goes out by. The server
 * keeps nothing of an INIT, as SCTP does not; it latches what the COOKIE ECHO came under, and so
 * whoever has the cookie. A path that is added later must prove the same peer.
 */
#include <linux/sctp.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "base/mib.h"
#include "base/net.h"
#include "base/sctp.h"
#include "channel/latch.h"
#include "channel/pkt.h"
#include "channel/report.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/fsm.h"
#include "core/types.h"
#include "core/verdict.h"
#include "packet/again.h"
#include "packet/chunks.h"
#include "packet/classify.h"
#include "packet/create.h"
#include "packet/enforce.h"
#include "packet/establish.h"
#include "packet/live.h"
#include "packet/oneway.h"
#include "packet/parse.h"
#include "packet/plain.h"
#include "packet/sctp.h"
#include "packet/watch.h"
#include "sock/halfopen.h"
#include "sock/sctp.h"
#include "sock/unlink.h"

/*
 * SCTP answers a COOKIE ECHO: there is an association now, or none will come of it. Where it does
 * not answer, nobody knows yet.
 */
static void latch_sctp_answered(struct latch *l, u8 type)
{
	if (type != SCTP_CID_COOKIE_ACK && type != SCTP_CID_ABORT && type != SCTP_CID_ERROR)
		return;
	spin_lock_bh(&l->lock);
	latch_halfopen_grown(l);
	spin_unlock_bh(&l->lock);
}

/* An association that ends soon takes its latch along soon. */
static void latch_sctp_hear(struct latch *l, u8 type)
{
	if (type == SCTP_CID_ABORT || type == SCTP_CID_SHUTDOWN_ACK ||
	    type == SCTP_CID_SHUTDOWN_COMPLETE)
		WRITE_ONCE(l->expires, jiffies);
}

static int latch_sctp_iif(const struct sk_buff *skb, const struct latch_flow *f)
{
	return f->family == AF_INET ? inet_iif(skb) : inet6_iif(skb);
}

/* The association is over, and what begins now is another one. */
static void latch_sctp_forget(struct latch *l)
{
	spin_lock_bh(&l->lock);
	latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_RELEASED);
	spin_unlock_bh(&l->lock);
	latch_unlink(l);
}

/* Does a socket that may have a latch leave flows alone that nothing else is asked for? */
static bool latch_sctp_free(const struct latch_net *ln, const struct latch *parent,
			    const struct latch_pkt *p)
{
	if (parent && latch_exempt(parent))
		return true;
	if (parent && !latch_unasked(parent))
		return false;
	return !READ_ONCE(ln->conf.auto_mode) ||
	       (p->tag.n && p->tag.id.kind == LATCH_IDENT_PINNED &&
		READ_ONCE(ln->conf.unidentified) == LATCH_UNIDENT_NONE);
}

/* A latch for a path, with what @parent asks for: the socket's latch, or that of another path. */
static struct latch *latch_sctp_new(struct latch_net *ln, const struct sock *sk,
				    const struct latch *parent, int dif)
{
	struct latch *l = latch_sctp_alloc(ln, sk, GFP_ATOMIC);
	int err;

	if (!l)
		return ERR_PTR(-ENOMEM);
	l->dif = dif;
	if (parent)
		latch_ask_as(l, parent);
	err = latch_list(l);
	if (!err)
		return l;
	latch_unlink(l);
	return ERR_PTR(err);
}

/* Where a latch comes from. @share: of the half-open ones, negative for none of them. */
struct latch_sctp_birth {
	struct latch		*parent;
	const struct sock	*sk;
	int			dif;
	int			share;
	u32			tag;
};

/* A path's first packet meets its latch, which is made for it. */
static struct latch_verdict latch_sctp_begin(struct latch_net *ln, struct latch_pkt *p,
					     const struct latch_flow *f,
					     const struct latch_sctp_birth *b)
{
	struct latch *l = latch_sctp_new(ln, b->sk, b->parent, b->dif);
	struct latch_verdict v = { .act = LATCH_DROP };
	bool hashed;

	if (IS_ERR(l)) {
		v.reason = latch_err_reason(PTR_ERR(l));
		return v;
	}
	/* only what comes out of a tunnel can be a fragment */
	if (p->tag.n && p->tag.x[0].mode != XFRM_MODE_TRANSPORT)
		latch_watch_keep_apart(ln);
	spin_lock_bh(&l->lock);
	v = latch_first(l, p, f, NULL);
	hashed = l->hashed;
	if (hashed) {
		latch_halfopen_add(l, b->share);
		WRITE_ONCE(l->expires, jiffies);
		if (b->share < 0)
			l->txhash = b->tag;
	}
	spin_unlock_bh(&l->lock);
	if (!hashed)
		latch_unlink(l);
	return v;
}

static unsigned int latch_sctp_fate(struct latch_net *ln, struct latch *l, struct sk_buff *skb,
				    u8 dir, struct latch_verdict v)
{
	return v.act == LATCH_PASS ? NF_ACCEPT : latch_drop(ln, l, skb, dir, v.reason);
}

/* Does a packet that makes no latch have what a latch, or a demand, asks of it? */
static struct latch_verdict latch_sctp_ask_latch(struct latch *l, const struct latch_pkt *p)
{
	struct latch_verdict v;

	spin_lock_bh(&l->lock);
	v = latch_decide(l->group ? LATCH_STATE_ESTABLISHED : LATCH_STATE_LARVAL, l->mode,
			 latch_mismatch(l, p));
	if (l->state == LATCH_STATE_CLOSED && l->group)
		v = (struct latch_verdict){ .act = LATCH_DROP, .reason = LATCH_REASON_CLOSED };
	spin_unlock_bh(&l->lock);
	if (v.act == LATCH_ESTABLISH)
		v.act = LATCH_PASS;
	return v;
}

/*
 * A packet that belongs to no association and begins none, such as INIT and INIT ACK at the
 * server: what the socket demands of a peer, it demands here, too (2-8, 2-9).
 */
static unsigned int latch_sctp_outside(struct latch_net *ln, struct latch *parent,
				       struct sk_buff *skb, u8 dir)
{
	struct latch_pkt p = {};

	if (!parent || READ_ONCE(parent->mode) != LATCH_MODE_REQUIRE)
		return NF_ACCEPT;
	if (!latch_classify(ln, skb, dir, &p))
		return latch_drop(ln, parent, skb, dir, LATCH_REASON_HEADER);
	return latch_sctp_fate(ln, parent, skb, dir, latch_sctp_ask_latch(parent, &p));
}

/*
 * A packet of an association on a path that has no latch. Where another path has one, this one
 * gets it, too, if it proves the same peer, under protection like that; else nothing passes.
 */
static unsigned int latch_sctp_member(struct latch_net *ln, struct sk_buff *skb,
				      const struct latch_hdr *h, u8 dir, struct sock *sk, int dif)
{
	struct latch *sibling = latch_sctp_sibling(ln, &h->flow, dif);
	struct latch_sctp_birth b = { .parent = sibling, .sk = sk, .dif = dif, .share = -1 };
	struct latch_pkt p = {};
	struct latch_verdict v;

	if (!sibling)
		return latch_stray(ln, latch_find_sk(sk), skb, dir);
	if (!latch_classify(ln, skb, dir, &p))
		return latch_drop(ln, sibling, skb, dir, LATCH_REASON_HEADER);
	v = latch_sctp_ask_latch(sibling, &p);
	if (v.act == LATCH_PASS)
		v = latch_sctp_begin(ln, &p, &h->flow, &b);
	return latch_sctp_fate(ln, sibling, skb, dir, v);
}

/* A COOKIE ECHO for a socket of which @parent, NULL none, says what it asks for. */
static unsigned int latch_sctp_echo(struct latch_net *ln, struct sk_buff *skb,
				    const struct latch_hdr *h, struct latch *parent, int dif)
{
	struct latch_sctp_birth b = { .parent = parent, .dif = dif };
	struct latch_pkt p = {};

	if (!latch_classify(ln, skb, LATCH_DIR_IN, &p))
		return latch_drop(ln, parent, skb, LATCH_DIR_IN, LATCH_REASON_HEADER);
	if (!p.tag.n)
		return latch_stray(ln, parent, skb, LATCH_DIR_IN);
	if (latch_sctp_free(ln, parent, &p) || latch_one_way(ln, parent, NULL, &h->flow, &p))
		return NF_ACCEPT;
	b.share = latch_halfopen_share(ln, &p);
	if (b.share < 0)
		return latch_drop(ln, parent, skb, LATCH_DIR_IN, LATCH_REASON_LIMIT);
	return latch_sctp_fate(ln, parent, skb, LATCH_DIR_IN,
			       latch_sctp_begin(ln, &p, &h->flow, &b));
}

/* A packet that names an association of which its own flow is no path: nothing is latched by it. */
static unsigned int latch_sctp_alien(struct latch_net *ln, struct sk_buff *skb,
				     const struct latch_sctp_inside *in)
{
	struct latch_pkt p = {};

	if (!in->sibling)
		return latch_stray(ln, latch_find_sk(in->sk), skb, LATCH_DIR_IN);
	if (!latch_classify(ln, skb, LATCH_DIR_IN, &p))
		return latch_drop(ln, in->sibling, skb, LATCH_DIR_IN, LATCH_REASON_HEADER);
	return latch_sctp_fate(ln, in->sibling, skb, LATCH_DIR_IN,
			       latch_sctp_ask_latch(in->sibling, &p));
}

/* An inbound packet whose header leads to no latch. */
static unsigned int latch_sctp_in_new(struct latch_net *ln, struct sk_buff *skb,
				      const struct latch_hdr *h)
{
	int dif = latch_sctp_iif(skb, &h->flow);
	struct latch_sctp_inside in = {};
	struct latch_sctp_assoc a;
	struct latch *parent;

	if (!secpath_exists(skb) && !latch_sctp_any(ln))
		return NF_ACCEPT;
	if (latch_sctp_ops()->find(ln->net, &h->flow, dif, &a))
		return latch_sctp_member(ln, skb, h, LATCH_DIR_IN, a.sk, dif);
	latch_sctp_look(ln, skb, h, dif, &in);
	if (in.unread)
		return latch_drop(ln, NULL, skb, LATCH_DIR_IN, LATCH_REASON_HEADER);
	if (in.sk)
		return latch_sctp_alien(ln, skb, &in);
	parent = latch_sctp_parent(ln, &h->flow);
	if (in.echo)
		return latch_sctp_echo(ln, skb, h, parent, dif);
	return latch_sctp_outside(ln, parent, skb, LATCH_DIR_IN);
}

/**
 * latch_demand_for() - the latch of the socket that would get a packet of any protocol
 * @ln:  the namespace
 * @skb: a packet that another one is inside of, or quoted by, or that must not be read further
 * @h:   the inner headers
 *
 * As latch_create_demand() says.
 *
 * Context: RCU read side, BH off. Return: the latch or NULL.
 */
struct latch *latch_demand_for(struct latch_net *ln, struct sk_buff *skb,
			       const struct latch_hdr *h)
{
	if (h->flow.proto != IPPROTO_SCTP)
		return latch_create_demand(ln, skb, h);
	return latch_sctp_any(ln) ? latch_sctp_demand(ln, &h->flow, latch_sctp_iif(skb, &h->flow)) :
				   NULL;
}

/**
 * latch_sctp_in() - an inbound packet of SCTP
 * @ln:  the namespace
 * @skb: the packet, in LOCAL_IN
 * @h:   its headers, LATCH_PKT_FLOW
 *
 * Every chunk of it is checked, as all of them are under one SA. What begins an association may
 * find the latch of the one before, which SCTP does not know any more.
 *
 * Context: RCU read side, BH off. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_sctp_in(struct latch_net *ln, struct sk_buff *skb, const struct latch_hdr *h)
{
	struct latch *l = latch_find_live(ln, &h->flow);
	u8 type = latch_sctp_type(skb, h->thoff);
	struct latch_verdict v;

	if (!l)
		return latch_sctp_in_new(ln, skb, h);
	latch_sctp_hear(l, type);
	if (latch_sa_known(l, latch_only_sa(skb, LATCH_DIR_IN), LATCH_DIR_IN, false))
		return NF_ACCEPT;
	v = latch_judge(l, skb, LATCH_DIR_IN);
	if (v.act == LATCH_PASS)
		return NF_ACCEPT;
	if ((type == SCTP_CID_INIT || type == SCTP_CID_COOKIE_ECHO) && latch_sctp_gone(l)) {
		latch_sctp_forget(l);
		return latch_sctp_in_new(ln, skb, h);
	}
	return latch_drop(ln, l, skb, LATCH_DIR_IN, v.reason);
}

/* The socket that sends a packet, where that is one of SCTP, and not a raw one. */
static struct sock *latch_sctp_sender(const struct latch_net *ln, const struct sk_buff *skb,
				      const struct nf_hook_state *st)
{
	struct sock *sk = skb->sk;

	if (!sk || sk != st->sk || !sk_fullsock(sk) || !net_eq(sock_net(sk), ln->net))
		return NULL;
	return sk->sk_protocol == IPPROTO_SCTP && sk->sk_type != SOCK_RAW ? sk : NULL;
}

/*
 * connect() is not to wait for an answer to what never leaves (2.3-16). Only where a task has the
 * socket does whoever sends not have its spinlock.
 */
static void latch_sctp_refuse(struct latch_net *ln, struct sock *sk, struct latch *parent,
			      const struct latch_flow *f, int dif, u8 reason)
{
	bool over;

	spin_lock_bh(&parent->lock);
	over = latch_refuse(parent, f, reason);
	spin_unlock_bh(&parent->lock);
	if (!over || !sock_owned_by_user_nocheck(sk))
		return;
	local_bh_disable();
	latch_sctp_ops()->abort(ln->net, f, dif);
	local_bh_enable();
}

/* An INIT: what it goes out by is latched (2.3-3), or it does not go. */
static unsigned int latch_sctp_init(struct latch_net *ln, struct sk_buff *skb,
				    const struct latch_hdr *h, struct sock *sk,
				    struct latch *parent, int dif)
{
	struct latch_sctp_birth b = {
		.parent = parent, .sk = sk, .dif = dif, .share = -1,
		.tag = latch_sctp_tag(skb, h->thoff),
	};
	struct latch_verdict v = { .act = LATCH_DROP, .reason = LATCH_REASON_LARVAL };
	struct latch_pkt p = {};

	if (!latch_classify(ln, skb, LATCH_DIR_OUT, &p))
		return latch_drop(ln, parent, skb, LATCH_DIR_OUT, LATCH_REASON_HEADER);
	if (latch_sctp_free(ln, parent, &p) || latch_one_way(ln, parent, sk, &h->flow, &p))
		return NF_ACCEPT;
	if (!p.tag.n && (!parent || READ_ONCE(parent->mode) != LATCH_MODE_REQUIRE))
		return NF_ACCEPT;
	if (p.tag.n)
		v = latch_sctp_begin(ln, &p, &h->flow, &b);
	if (v.act == LATCH_PASS)
		return NF_ACCEPT;
	if (parent)
		latch_sctp_refuse(ln, sk, parent, &h->flow, dif, v.reason);
	return latch_drop(ln, parent, skb, LATCH_DIR_OUT, v.reason);
}

/* An outbound packet of a socket, on a path that has no latch. */
static unsigned int latch_sctp_out_new(struct latch_net *ln, struct sk_buff *skb,
				       const struct latch_hdr *h, const struct nf_hook_state *st)
{
	struct sock *sk = latch_sctp_sender(ln, skb, st);
	struct latch_sctp_assoc a;
	struct latch *parent;
	int dif;

	if (!sk || latch_comes_again(ln, skb, st->out) ||
	    (!dst_xfrm(skb_dst(skb)) && !latch_sctp_any(ln)))
		return NF_ACCEPT;
	parent = latch_find_sk(sk);
	if (parent && latch_exempt(parent))
		return NF_ACCEPT;
	dif = READ_ONCE(sk->sk_bound_dev_if) ?: st->out->ifindex;
	/* one that is sent to another address than the last has to prove the same peer */
	if (latch_sctp_type(skb, h->thoff) == SCTP_CID_INIT &&
	    !latch_sctp_sibling(ln, &h->flow, dif))
		return latch_sctp_init(ln, skb, h, sk, parent, dif);
	if (latch_sctp_ops()->find(ln->net, &h->flow, dif, &a))
		return latch_sctp_member(ln, skb, h, LATCH_DIR_OUT, a.sk, dif);
	return latch_sctp_outside(ln, parent, skb, LATCH_DIR_OUT);
}

/**
 * latch_sctp_wrapped() - a UDP datagram in which a socket of SCTP may send (RFC 6951)
 * @ln:  the namespace
 * @skb: the datagram, in POST_ROUTING, which is of no latch
 * @st:  netfilter's
 *
 * Nothing of that is latched, so a socket that demands a channel does not send so (2-8).
 *
 * Context: RCU read side. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_sctp_wrapped(struct latch_net *ln, struct sk_buff *skb,
				const struct nf_hook_state *st)
{
	struct sock *sk = latch_sctp_sender(ln, skb, st);

	return latch_stray(ln, sk ? latch_find_sk(sk) : NULL, skb, LATCH_DIR_OUT);
}

/*
 * Does a packet begin an association under a 5-tuple whose latch is that of an earlier one? SCTP
 * begins none where it has one, so the tag of its INIT is enough to tell.
 */
static bool latch_sctp_anew(const struct latch *l, const struct sk_buff *skb,
			    const struct latch_hdr *h)
{
	return latch_sctp_type(skb, h->thoff) == SCTP_CID_INIT &&
	       READ_ONCE(l->txhash) != latch_sctp_tag(skb, h->thoff);
}

/**
 * latch_sctp_out() - an outbound packet of SCTP
 * @ln:  the namespace
 * @skb: the packet, in POST_ROUTING, not transformed yet
 * @h:   its headers, LATCH_PKT_FLOW
 * @st:  netfilter's
 *
 * An ABORT is the last of an association, and says nothing else: it may leave under what was
 * latched though the latch is broken (5.5-1).
 *
 * Context: RCU read side. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_sctp_out(struct latch_net *ln, struct sk_buff *skb, const struct latch_hdr *h,
			    const struct nf_hook_state *st)
{
	struct latch *l = latch_find_live(ln, &h->flow);
	u8 type = latch_sctp_type(skb, h->thoff), state;
	bool last;

	if (l && latch_sctp_anew(l, skb, h) && latch_sctp_sender(ln, skb, st)) {
		latch_sctp_forget(l);
		l = NULL;
	}
	if (!l)
		return latch_sctp_out_new(ln, skb, h, st);
	latch_sctp_hear(l, type);
	latch_sctp_answered(l, type);
	if (latch_sa_known(l, latch_only_sa(skb, LATCH_DIR_OUT), LATCH_DIR_OUT, false))
		return NF_ACCEPT;
	state = READ_ONCE(l->state);
	last = state == LATCH_STATE_BROKEN && type == SCTP_CID_ABORT;
	if (latch_comes_again(ln, skb, st->out) && (last || state == LATCH_STATE_ESTABLISHED))
		return NF_ACCEPT;
	if (last)
		return latch_enforce_only(l, skb, LATCH_DIR_OUT, true, LATCH_REASON_BROKEN);
	return latch_enforce(l, skb, LATCH_DIR_OUT);
}
