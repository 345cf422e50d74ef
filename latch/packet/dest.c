// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams to and from destinations that have latches of their own (RFC 5660 2.4-3, 5.3-1).
 *
 * What is sent is checked in POST_ROUTING, as what other latches check. What comes in is checked
 * where UDP gives it to the socket: before that, nobody knows for sure which socket it is for.
 */
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/udp.h>
#include <uapi/linux/xfrm.h>

#include "base/net.h"
#include "channel/dest.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/pkt.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/types.h"
#include "core/verdict.h"
#include "packet/again.h"
#include "packet/classify.h"
#include "packet/dest.h"
#include "packet/enforce.h"
#include "packet/parse.h"
#include "packet/plain.h"
#include "packet/reassemble.h"
#include "packet/watch.h"
#include "sock/owner.h"

/* The flow of a datagram by its headers, which lie plain: UDP has read them. */
static void latch_dest_flow(const struct sk_buff *skb, u8 dir, struct latch_flow *f)
{
	const struct udphdr *uh = udp_hdr(skb);
	bool in = dir == LATCH_DIR_IN;

	memset(f, 0, sizeof(*f));
	f->proto = IPPROTO_UDP;
	f->lport = (__force u16)(in ? uh->dest : uh->source);
	f->rport = (__force u16)(in ? uh->source : uh->dest);
	if (ip_hdr(skb)->version == 4) {
		f->family = AF_INET;
		memcpy(&f->local, in ? &ip_hdr(skb)->daddr : &ip_hdr(skb)->saddr, 4);
		memcpy(&f->remote, in ? &ip_hdr(skb)->saddr : &ip_hdr(skb)->daddr, 4);
		return;
	}
	f->family = AF_INET6;
	memcpy(&f->local, in ? &ipv6_hdr(skb)->daddr : &ipv6_hdr(skb)->saddr, 16);
	memcpy(&f->remote, in ? &ipv6_hdr(skb)->saddr : &ipv6_hdr(skb)->daddr, 16);
}

/*
 * The rest of the 5-tuple, until something is latched. The local end is that of the datagram which
 * may be latched: a socket that is bound to no address has none of its own.
 */
static void latch_dest_learn(struct latch *d, struct sock *sk, const struct latch_flow *f)
{
	struct latch_flow own;

	latch_sk_flow(sk, &own);
	spin_lock_bh(&d->lock);
	if (d->dest && !d->group) {
		d->flow.local = f->local;
		d->flow.lport = f->lport;
		d->flow.l3 = own.l3;
		latch_owner_policies(d, sk);
	}
	spin_unlock_bh(&d->lock);
}

/* Only what comes out of a tunnel can be a fragment. */
static void latch_dest_passed(const struct latch *d)
{
	const struct latch_group *g = READ_ONCE(d->group);

	if (g && g->c.params.tag.x[0].mode != XFRM_MODE_TRANSPORT)
		latch_watch_keep_apart(d->ln);
}

/* Was a datagram sent to several hosts or sockets at once? */
static bool latch_dest_to_many(const struct sk_buff *skb)
{
	if (ip_hdr(skb)->version != 4)
		return ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);
	return !skb_rtable(skb) ||
	       skb_rtable(skb)->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST);
}

/* What no SA known good protects. The flow of a group's datagram is not the destination's. */
static noinline bool latch_dest_rcv_full(struct latch *d, struct sock *sk, struct sk_buff *skb,
					 const struct latch_flow *f, u8 pf)
{
	u8 reason = LATCH_REASON_NONE;

	if (latch_mixed(skb, pf)) {
		latch_watch_keep_apart(d->ln);
		reason = LATCH_REASON_HEADER;
	} else if (!READ_ONCE(d->group) && latch_dest_to_many(skb)) {
		reason = LATCH_REASON_LARVAL;
	}
	if (reason != LATCH_REASON_NONE) {
		latch_drop(d->ln, d, skb, LATCH_DIR_IN, reason);
		return false;
	}
	latch_dest_learn(d, sk, f);
	if (latch_enforce(d, skb, LATCH_DIR_IN) != NF_ACCEPT)
		return false;
	latch_dest_passed(d);
	return true;
}

/**
 * latch_dest_rcv() - a datagram for a socket that has destinations
 * @ln:  the namespace, NULL where it ends
 * @sk:  the socket
 * @skb: the datagram, as UDP hands it to the socket
 *
 * Context: RCU read side, BH off. Return: true where the socket gets it; else it is gone.
 */
bool latch_dest_rcv(struct latch_net *ln, struct sock *sk, struct sk_buff *skb)
{
	struct latch *l = ln ? latch_find_sk(sk) : NULL;
	struct latch_flow f;
	struct latch *d;
	u8 pf;

	if (!ln) {
		kfree_skb(skb);
		return false;
	}
	latch_dest_flow(skb, LATCH_DIR_IN, &f);
	d = l ? latch_dest_find(l, &f) : NULL;
	if (!d)
		return true;
	pf = f.family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	if (!latch_reassembled(skb, pf) &&
	    latch_sa_known(d, latch_only_sa(skb, LATCH_DIR_IN), LATCH_DIR_IN, false))
		return true;
	return latch_dest_rcv_full(d, sk, skb, &f, pf);
}

/**
 * latch_dest_icmp() - an ICMP error about what a socket that has destinations sent
 * @ln:  the namespace, NULL where it ends
 * @sk:  the socket
 * @skb: the error; the headers of what it quotes are where the packet's own ones usually are
 *
 * About a destination it counts only under the protection that was latched (6.5-1), or where this
 * host has sent it itself.
 *
 * Context: RCU read side, BH off. Return: true where the socket is to hear of it.
 */
bool latch_dest_icmp(struct latch_net *ln, struct sock *sk, struct sk_buff *skb)
{
	struct latch *l = ln ? latch_find_sk(sk) : NULL;
	struct latch_pkt p = {};
	struct latch_flow f;
	struct latch *d;

	latch_dest_flow(skb, LATCH_DIR_OUT, &f);
	d = l ? latch_dest_find(l, &f) : NULL;
	if (!d || skb->dev->flags & IFF_LOOPBACK)
		return ln;
	if (READ_ONCE(d->state) == LATCH_STATE_ESTABLISHED &&
	    latch_classify_in(ln, skb, &p) && latch_fits(d, &p))
		return true;
	latch_drop_count(ln, d, skb, LATCH_DIR_IN, LATCH_REASON_ICMP);
	return false;
}

/* What sendmsg() says of a datagram that does not leave. */
static int latch_dest_errno(u8 reason)
{
	switch (reason) {
	case LATCH_REASON_CLEAR:
	case LATCH_REASON_LARVAL:
		return -ENOKEY;
	/* that may be over soon */
	case LATCH_REASON_PENDING:
	case LATCH_REASON_LOST:
	case LATCH_REASON_NO_MEM:
		return -EAGAIN;
	}
	return -EKEYREJECTED;
}

/**
 * latch_dest_refuse() - a datagram is not sent, and its sender is told
 * @ln:     the namespace
 * @l:      the latch that it does not meet
 * @skb:    the datagram
 * @reason: LATCH_REASON_*
 *
 * Context: any. Return: a verdict that has sendmsg() fail.
 */
static unsigned int latch_dest_refuse(struct latch_net *ln, struct latch *l, struct sk_buff *skb,
				      u8 reason)
{
	latch_drop_count(ln, l, skb, LATCH_DIR_OUT, reason);
	return NF_DROP_ERR(latch_dest_errno(reason));
}

/**
 * latch_dest_send() - a datagram to a destination that has a latch
 * @d:   the latch of the destination
 * @sk:  the socket that sends it
 * @skb: the datagram, in POST_ROUTING, with the SAs that it will have
 * @h:   its headers, LATCH_PKT_FLOW
 *
 * Context: RCU read side. Return: NF_ACCEPT, or a verdict that has sendmsg() fail.
 */
static unsigned int latch_dest_send(struct latch *d, struct sock *sk, struct sk_buff *skb,
				    const struct latch_hdr *h)
{
	struct latch_verdict v;

	if (latch_sa_known(d, latch_only_sa(skb, LATCH_DIR_OUT), LATCH_DIR_OUT, false))
		return NF_ACCEPT;
	latch_dest_learn(d, sk, &h->flow);
	v = latch_judge(d, skb, LATCH_DIR_OUT);
	if (v.act != LATCH_PASS)
		return latch_dest_refuse(d->ln, d, skb, v.reason);
	latch_dest_passed(d);
	return NF_ACCEPT;
}

/**
 * latch_dest_output() - what a socket sends that has destinations with latches of their own (5.3-1)
 * @l:   the latch of the socket
 * @sk:  the socket
 * @skb: the packet, in POST_ROUTING
 * @h:   its headers
 * @st:  netfilter's
 * @ret: what becomes of it, where this returns true
 *
 * What is sent to the peer of a connected socket has to meet the latch of the connection, too.
 *
 * Context: RCU read side. Return: true where that is all that there is to ask.
 */
bool latch_dest_output(struct latch *l, struct sock *sk, struct sk_buff *skb,
		       const struct latch_hdr *h, const struct nf_hook_state *st,
		       unsigned int *ret)
{
	struct latch *d;
	u8 state;

	if (!READ_ONCE(l->has_dests))
		return false;
	/* options and extension headers may have it go elsewhere */
	if (h->kind != LATCH_PKT_FLOW || !h->plain) {
		*ret = latch_dest_refuse(l->ln, l, skb, LATCH_REASON_HEADER);
		return true;
	}
	d = latch_dest_find(l, &h->flow);
	if (!d)
		return false;
	state = READ_ONCE(d->state);
	if ((state == LATCH_STATE_LARVAL || state == LATCH_STATE_ESTABLISHED) &&
	    latch_comes_again(l->ln, skb, st->out))
		*ret = NF_ACCEPT;
	else
		*ret = latch_dest_send(d, sk, skb, h);
	return *ret != NF_ACCEPT || READ_ONCE(sk->sk_state) != TCP_ESTABLISHED;
}
