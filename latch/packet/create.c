// SPDX-License-Identifier: GPL-2.0
/*
 * Packets of flows that have no latch: those that make one (RFC 5660 2.3-2,
 * 2.3-3, 5.1-1, 5.2-1), those that must not pass before one is there (2-8, 2-9),
 * and all the others, which no latch is for.
 */
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <net/udp.h>

#include "base/mib.h"
#include "base/net.h"
#include "channel/dest.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "channel/pkt.h"
#include "channel/report.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/types.h"
#include "core/verdict.h"
#include "packet/classify.h"
#include "packet/create.h"
#include "packet/encap.h"
#include "packet/enforce.h"
#include "packet/establish.h"
#include "packet/oneway.h"
#include "packet/parse.h"
#include "packet/vti.h"
#include "sock/alert.h"
#include "sock/halfopen.h"
#include "sock/owner.h"
#include "sock/tcp.h"
#include "sock/udp.h"
#include "sock/unlink.h"

static unsigned int latch_fate(struct latch_net *ln, struct latch *l, struct sk_buff *skb,
			       u8 dir, struct latch_verdict v)
{
	return v.act == LATCH_PASS ? NF_ACCEPT : latch_drop(ln, l, skb, dir, v.reason);
}

/* A new latch made without a request, numbered, or ERR_PTR. */
static struct latch *latch_auto(struct latch_net *ln, const struct sock *sk)
{
	struct latch *l = latch_alloc(ln, sk, GFP_ATOMIC);
	int err;

	if (!l)
		return ERR_PTR(-ENOMEM);
	l->automatic = 1;
	err = latch_list(l);
	if (err) {
		latch_unlink(l);
		return ERR_PTR(err);
	}
	return l;
}

/* A socket that asked for nothing is not latched where net.latch.auto says so. */
static bool latch_off(const struct latch_net *ln, const struct latch *l)
{
	return !READ_ONCE(ln->conf.auto_mode) && latch_unasked(l);
}

/* ... nor by an SA that nobody is behind, where net.latch.unidentified says so. */
static bool latch_ignored(const struct latch_net *ln, const struct latch *l,
			  const struct latch_pkt *p)
{
	return p->tag.n && p->tag.id.kind == LATCH_IDENT_PINNED &&
	       READ_ONCE(ln->conf.unidentified) == LATCH_UNIDENT_NONE && (!l || latch_unasked(l));
}

/*
 * The latch that a connected socket's first packet is checked against: @l, the socket's, with its
 * request, a fresh one after an earlier connection, or a new one. NULL: none, the packet
 * passes.
 */
static struct latch *latch_of_sock(struct latch_net *ln, struct sock *sk, struct latch *l,
				   bool protected)
{
	if (!l)
		return protected && READ_ONCE(ln->conf.auto_mode) ? latch_auto(ln, sk) : NULL;
	if (latch_exempt(l) || latch_off(ln, l) || READ_ONCE(l->listener))
		return NULL;
	if (READ_ONCE(l->state) != LATCH_STATE_CLOSED)
		return l;
	/* an administrator's close outlasts everything but a new connection */
	if (READ_ONCE(l->hashed))
		return l;
	if (!protected && l->mode != LATCH_MODE_REQUIRE)
		return NULL;
	return latch_renew(l, GFP_ATOMIC);
}

/* Checks the first packet of a connected socket's flow, either way. @l is the socket's latch. */
static unsigned int latch_create_sock(struct latch_net *ln, struct sock *sk, struct latch *l,
				      struct sk_buff *skb, const struct latch_flow *f, u8 dir)
{
	struct latch_pkt p = {};
	struct latch_verdict v;

	if (!latch_classify(ln, skb, dir, &p))
		return latch_drop(ln, NULL, skb, dir, LATCH_REASON_HEADER);
	if (latch_ignored(ln, l, &p) || latch_one_way(ln, l, sk, f, &p))
		return NF_ACCEPT;
	l = latch_of_sock(ln, sk, l, p.tag.n);
	if (!l)
		return NF_ACCEPT;
	if (IS_ERR(l))
		return latch_drop(ln, NULL, skb, dir, latch_err_reason(PTR_ERR(l)));

	spin_lock_bh(&l->lock);
	v = latch_first(l, &p, f, sk);
	/* nothing that comes in may cost the application an error (6.5-1) */
	if (v.act != LATCH_PASS && dir == LATCH_DIR_OUT && !latch_own_seek(l, v.reason))
		latch_refuse(l, f, v.reason);
	spin_unlock_bh(&l->lock);
	/* a new one that found no place */
	if (!READ_ONCE(l->sk))
		latch_unlink(l);
	return latch_fate(ln, l, skb, dir, v);
}

/**
 * latch_stray() - a packet of a socket that makes no latch, such as a datagram to elsewhere
 * @ln:  the namespace
 * @l:   the socket's latch, NULL none
 * @skb: the packet
 * @dir: LATCH_DIR_*
 *
 * It passes, but not where the socket demands a channel (2-8, 2-9), latched or not.
 *
 * Context: RCU read side. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_stray(struct latch_net *ln, struct latch *l, struct sk_buff *skb, u8 dir)
{
	if (!l || READ_ONCE(l->mode) != LATCH_MODE_REQUIRE)
		return NF_ACCEPT;
	return latch_drop(ln, l, skb, dir, LATCH_REASON_LARVAL);
}

static bool latch_over_vti(const struct sock *sk)
{
	const struct dst_entry *dst = rcu_dereference(sk->sk_dst_cache);

	return dst && latch_is_vti(dst->dev);
}

/* The socket's own flow, if the packet is of it; a VRF's socket may be bound to none. */
static bool latch_own_flow(const struct sock *sk, const struct latch_flow *f,
			   struct latch_flow *own)
{
	return latch_sk_flow(sk, own) && latch_flow_same_tuple(own, f);
}

/**
 * latch_create_out() - an outbound packet of a socket whose flow has no latch
 * @ln:  the namespace
 * @skb: the packet, in POST_ROUTING, not transformed yet
 * @sk:  the socket
 * @l:   the socket's latch; NULL none
 * @h:   the packet's headers; any kind
 *
 * Context: RCU read side. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_create_out(struct latch_net *ln, struct sk_buff *skb, struct sock *sk,
			      struct latch *l, const struct latch_hdr *h)
{
	bool protected = dst_xfrm(skb_dst(skb));
	bool tcp = sk->sk_protocol == IPPROTO_TCP;
	struct latch_flow own;

	if (h->kind != LATCH_PKT_FLOW || h->flow.proto != sk->sk_protocol ||
	    !latch_own_flow(sk, &h->flow, &own))
		return latch_stray(ln, l, skb, LATCH_DIR_OUT);
	if (tcp && sk->sk_state != TCP_SYN_SENT && !(l && READ_ONCE(l->restored)))
		return latch_stray(ln, l, skb, LATCH_DIR_OUT);
	if (protected && (latch_over_vti(sk) || (!tcp && latch_udp_unread(sk))))
		return latch_stray(ln, l, skb, LATCH_DIR_OUT);
	return latch_create_sock(ln, sk, l, skb, &own, LATCH_DIR_OUT);
}

/* The device that TCP takes a packet to have come in by, and its L3 slave. */
static int latch_iif(const struct sk_buff *skb, const struct latch_flow *f)
{
	return f->family == AF_INET ? inet_iif(skb) : inet6_iif(skb);
}

static int latch_sdif(const struct sk_buff *skb, const struct latch_flow *f)
{
	return f->family == AF_INET ? inet_sdif(skb) : inet6_sdif(skb);
}

/* The socket that somebody gave an inbound packet before the hook, as TPROXY does. */
static struct sock *latch_given_sk(const struct sk_buff *skb, u8 proto)
{
	struct sock *sk = skb->sk;

	return sk && sk_fullsock(sk) && sk->sk_protocol == proto ? sk : NULL;
}

/* The listener that TCP will find for this segment; not held. */
static struct sock *latch_listener(struct latch_net *ln, struct sk_buff *skb,
				   const struct latch_hdr *h)
{
	struct inet_hashinfo *hashinfo = ln->net->ipv4.tcp_death_row.hashinfo;
	int off = h->thoff - skb_network_offset(skb), doff;
	struct sock *sk = latch_given_sk(skb, IPPROTO_TCP);
	const struct latch_flow *f = &h->flow;
	struct tcphdr *th;

	if (sk)
		return sk->sk_state == TCP_LISTEN ? sk : NULL;
	if (!pskb_may_pull(skb, h->thoff + sizeof(*th)))
		return NULL;
	th = (struct tcphdr *)(skb->data + h->thoff);
	doff = __tcp_hdrlen(th);
	/* a program that picks from a reuseport group expects the segment here */
	__skb_pull(skb, off);
	if (f->family == AF_INET)
		sk = __inet_lookup_listener(ln->net, hashinfo, skb, doff,
					    ip_hdr(skb)->saddr, th->source,
					    ip_hdr(skb)->daddr, ntohs(th->dest),
					    latch_iif(skb, f), latch_sdif(skb, f));
#if IS_ENABLED(CONFIG_IPV6)
	else
		sk = inet6_lookup_listener(ln->net, hashinfo, skb, doff,
					   &ipv6_hdr(skb)->saddr, th->source,
					   &ipv6_hdr(skb)->daddr, ntohs(th->dest),
					   latch_iif(skb, f), latch_sdif(skb, f));
#endif
	__skb_push(skb, off);
	return sk;
}

/*
 * TCP need not look for the listener again, which saves it 150 instructions; where it has
 * something under the 5-tuple already, which comes first, it looks for that.
 */
static void latch_give_listener(struct latch_net *ln, struct sk_buff *skb,
				const struct latch_flow *f, struct sock *listener)
{
	struct sock *sk;

	/* it has no reference, and needs none */
	if (skb->sk || !sock_flag(listener, SOCK_RCU_FREE))
		return;
	sk = latch_tcp_find(ln, f, latch_iif(skb, f), latch_sdif(skb, f));
	if (sk) {
		sock_gen_put(sk);
		return;
	}
	skb->sk = listener;
	skb->destructor = sock_pfree;
}

/* A half-open latch with what the listener asked for, or ERR_PTR. */
static struct latch *latch_inherit(struct latch_net *ln, struct latch *parent,
				   const struct sock *sk, const struct sk_buff *skb,
				   const struct latch_flow *f)
{
	struct latch *l = latch_auto(ln, sk);

	if (IS_ERR(l))
		return l;
	l->dif = latch_iif(skb, f);
	l->sdif = latch_sdif(skb, f);
	latch_ask_as(l, parent);
	return l;
}

/* A protected SYN that a listener is to answer. */
static unsigned int latch_create_halfopen(struct latch_net *ln, struct sk_buff *skb,
					  const struct latch_flow *f, struct sock *sk,
					  struct latch *parent, struct latch_pkt *p)
{
	int share = latch_halfopen_share(ln, p);
	struct latch_verdict v;
	struct latch *l;

	if (share < 0)
		return latch_drop(ln, parent, skb, LATCH_DIR_IN, LATCH_REASON_LIMIT);
	l = latch_inherit(ln, parent, sk, skb, f);
	if (IS_ERR(l))
		return latch_drop(ln, parent, skb, LATCH_DIR_IN, latch_err_reason(PTR_ERR(l)));
	spin_lock(&l->lock);
	v = latch_first(l, p, f, NULL);
	if (l->hashed)
		latch_halfopen_add(l, share);
	else
		latch_mib_event(ln, LATCH_MIB_REFUSED);
	spin_unlock(&l->lock);
	if (!READ_ONCE(l->hashed)) {
		latch_unlink(l);
		l = parent;
	} else if (READ_ONCE(parent->alerts)) {
		latch_alert_child(parent, sk, l);
	}
	return latch_fate(ln, l, skb, LATCH_DIR_IN, v);
}

/* A SYN for a listener, with no latch of its 5-tuple (2.3-2, 2.3-15). */
static unsigned int latch_create_syn(struct latch_net *ln, struct sk_buff *skb,
				     const struct latch_flow *f, struct sock *sk)
{
	struct latch_pkt p = {};
	struct latch *parent;

	if (!latch_classify(ln, skb, LATCH_DIR_IN, &p))
		return latch_drop(ln, NULL, skb, LATCH_DIR_IN, LATCH_REASON_HEADER);
	parent = latch_find_sk(sk);
	if (!parent && p.tag.n && READ_ONCE(ln->conf.auto_mode))
		parent = latch_tcp_listener(sk);
	if (!parent) {
		if (!p.tag.n || !READ_ONCE(ln->conf.auto_mode))
			return NF_ACCEPT;
		return latch_drop(ln, NULL, skb, LATCH_DIR_IN, LATCH_REASON_NO_MEM);
	}
	if (!p.tag.n)
		return latch_stray(ln, parent, skb, LATCH_DIR_IN);
	if (latch_exempt(parent) || latch_off(ln, parent) || latch_ignored(ln, parent, &p) ||
	    latch_one_way(ln, parent, sk, f, &p))
		return NF_ACCEPT;
	return latch_create_halfopen(ln, skb, f, sk, parent, &p);
}

/* The socket that UDP will find for this datagram, the best one of several; not held. */
static struct sock *latch_udp_sk(struct latch_net *ln, struct sk_buff *skb,
				 const struct latch_hdr *h)
{
	int off = h->thoff - skb_network_offset(skb);
	struct sock *sk = latch_given_sk(skb, IPPROTO_UDP);
	const struct latch_flow *f = &h->flow;

	if (sk || !pskb_may_pull(skb, h->thoff + sizeof(struct udphdr)))
		return sk;
	/* a program that picks from a reuseport group expects the datagram here */
	__skb_pull(skb, off);
	sk = latch_udp_lookup(ln, f, latch_iif(skb, f), latch_sdif(skb, f), skb);
	__skb_push(skb, off);
	return sk;
}

/*
 * A datagram whose header leads to no latch. Its socket may have one all the same: it may be
 * bound to a group, or share its 5-tuple, or be in a VRF, or somebody else chose it.
 */
static unsigned int latch_create_udp(struct latch_net *ln, struct sk_buff *skb,
				     const struct latch_hdr *h)
{
	struct sock *sk = latch_udp_sk(ln, skb, h);
	struct latch_flow own;
	struct latch *l;

	if (!sk)
		return NF_ACCEPT;
	if (READ_ONCE(udp_sk(sk)->encap_type) == UDP_ENCAP_ESPINUDP)
		latch_encap_split(skb, h->thoff + sizeof(struct udphdr));
	else if (latch_udp_tunnel(sk))
		return latch_encap_in(ln, skb, h);
	l = latch_find_sk(sk);
	if (l)
		latch_owner_stale(l, sk);
	if (l && READ_ONCE(l->hashed) && !latch_exempt(l))
		return latch_enforce(l, skb, LATCH_DIR_IN);
	if (!latch_own_flow(sk, &h->flow, &own) || latch_udp_unread(sk)) {
		/* latch_dest_rcv() looks at it */
		if (l && latch_dest_find(l, &h->flow))
			return NF_ACCEPT;
		return latch_stray(ln, l, skb, LATCH_DIR_IN);
	}
	return latch_create_sock(ln, sk, l, skb, &own, LATCH_DIR_IN);
}

/* The latch that speaks for what TCP has in its table of connections: a request's listener's. */
static struct latch *latch_of_connection(struct sock *sk)
{
	if (sk->sk_state == TCP_TIME_WAIT)
		return NULL;
	if (sk->sk_state == TCP_NEW_SYN_RECV)
		sk = READ_ONCE(inet_reqsk(sk)->rsk_listener);
	return sk ? latch_find_sk(sk) : NULL;
}

/*
 * A segment in the middle of a flow without latch. It passes, but not to a listener
 * that demands a channel: an ACK may open a connection too (SYN cookies).
 */
static unsigned int latch_create_segment(struct latch_net *ln, struct sk_buff *skb,
					 const struct latch_hdr *h)
{
	const struct latch_flow *f = &h->flow;
	struct sock *sk = latch_given_sk(skb, IPPROTO_TCP);
	struct sock *found = NULL;
	unsigned int ret;
	struct latch *l;

	if (!sk) {
		found = latch_tcp_find(ln, f, latch_iif(skb, f), latch_sdif(skb, f));
		sk = found ?: latch_listener(ln, skb, h);
	}
	if (!sk)
		return NF_ACCEPT;
	l = latch_of_connection(sk);
	if (l && READ_ONCE(l->hashed) && !latch_exempt(l))
		ret = latch_enforce(l, skb, LATCH_DIR_IN);
	else if (l && READ_ONCE(l->restored))
		ret = latch_create_sock(ln, sk, l, skb, &h->flow, LATCH_DIR_IN);
	else
		ret = latch_stray(ln, l, skb, LATCH_DIR_IN);
	if (found)
		sock_gen_put(found);
	return ret;
}

/**
 * latch_create_in() - an inbound packet whose header leads to no latch
 * @ln:  the namespace
 * @skb: the packet, in LOCAL_IN
 * @h:   its headers, LATCH_PKT_FLOW
 *
 * Context: RCU read side, BH off. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_create_in(struct latch_net *ln, struct sk_buff *skb,
			     const struct latch_hdr *h)
{
	unsigned int ret;
	struct sock *sk;

	if (h->flow.proto == IPPROTO_UDP)
		return latch_create_udp(ln, skb, h);
	if (!latch_tcp_is_syn(skb, h->thoff))
		return latch_create_segment(ln, skb, h);
	sk = latch_listener(ln, skb, h);
	if (!sk)
		return NF_ACCEPT;
	ret = latch_create_syn(ln, skb, &h->flow, sk);
	if (ret == NF_ACCEPT)
		latch_give_listener(ln, skb, &h->flow, sk);
	return ret;
}

/**
 * latch_create_tunnel() - is a datagram inside of another one for a UDP tunnel?
 * @ln:  the namespace
 * @skb: the packet
 * @h:   the inner headers, LATCH_PKT_FLOW
 *
 * Context: RCU read side, BH off. Return: true where the kernel will unpack it, too.
 */
bool latch_create_tunnel(struct latch_net *ln, struct sk_buff *skb, const struct latch_hdr *h)
{
	const struct latch_flow *f = &h->flow;
	struct sock *sk;

	sk = latch_udp_lookup(ln, f, latch_iif(skb, f), latch_sdif(skb, f), NULL);
	return sk && latch_udp_tunnel(sk);
}

/**
 * latch_create_demand() - the latch of the socket that would get a packet, if it has one
 * @ln:  the namespace
 * @skb: a packet that another one is inside of, or quoted by
 * @h:   the inner headers
 *
 * Asked only where a socket demands a channel that it does not have yet.
 *
 * Context: RCU read side, BH off. Return: the latch or NULL.
 */
struct latch *latch_create_demand(struct latch_net *ln, struct sk_buff *skb,
				  const struct latch_hdr *h)
{
	const struct latch_flow *f = &h->flow;
	struct latch *l = NULL;
	struct sock *sk;

	if (!atomic_read(&ln->n_lookup))
		return NULL;
	if (f->proto == IPPROTO_UDP) {
		sk = latch_udp_lookup(ln, f, latch_iif(skb, f), latch_sdif(skb, f), NULL);
		return sk ? latch_find_sk(sk) : NULL;
	}
	sk = latch_tcp_find(ln, f, latch_iif(skb, f), latch_sdif(skb, f));
	if (sk) {
		l = latch_of_connection(sk);
		sock_gen_put(sk);
		return l;
	}
	sk = h->kind == LATCH_PKT_FLOW ? latch_listener(ln, skb, h) : NULL;
	return sk ? latch_find_sk(sk) : NULL;
}
