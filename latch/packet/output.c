// SPDX-License-Identifier: GPL-2.0
/*
 * The packet path, outbound (RFC 5660 2.4-1, 2-8, 2-10): POST_ROUTING asks whose packet it
 * is and whether it may pass, before the packet is transformed.
 */
#include <linux/netfilter.h>
#include <net/addrconf.h>

#include "base/net.h"
#include "channel/dest.h"
#include "channel/latch.h"
#include "channel/skcache.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/types.h"
#include "packet/again.h"
#include "packet/balanced.h"
#include "packet/bridged.h"
#include "packet/create.h"
#include "packet/dest.h"
#include "packet/enforce.h"
#include "packet/fastpath.h"
#include "packet/forward.h"
#include "packet/hooks.h"
#include "packet/live.h"
#include "packet/oneway.h"
#include "packet/output.h"
#include "packet/parse.h"
#include "packet/plain.h"
#include "packet/reassemble.h"
#include "packet/sctp.h"
#include "packet/tagged.h"
#include "packet/watch.h"
#include "sock/owner.h"
#include "xfrm/spd.h"

/*
 * The socket that a packet is from. Transports, and lightweight tunnels, hand the socket on
 * to the hook; a tunnel device hands on its own, while the packet keeps the one whose data
 * it carries, which was asked for when that data passed here on its way to the device.
 */
static inline struct sock *latch_sender(const struct latch_net *ln, const struct sk_buff *skb,
					const struct nf_hook_state *st)
{
	struct sock *sk = skb->sk;

	if (!sk || sk != st->sk || !sk_fullsock(sk) || !net_eq(sock_net(sk), ln->net) ||
	    (sk->sk_protocol != IPPROTO_TCP && sk->sk_protocol != IPPROTO_UDP))
		return NULL;
	return sk;
}

/*
 * A RST is the last of a flow, and tells the peer that the connection is over: without it the
 * peer of a broken latch would wait for minutes (5.5-1). It says nothing else, so it may leave
 * under what was latched though the latch is broken.
 */
static bool latch_output_last(const struct latch *l, const struct sk_buff *skb,
			      const struct latch_hdr *h)
{
	return READ_ONCE(l->state) == LATCH_STATE_BROKEN && h->kind == LATCH_PKT_FLOW &&
	       h->flow.proto == IPPROTO_TCP && latch_tcp_is_rst(skb, h->thoff);
}

/* A packet of a flow that has a latch; what can never pass is dropped the first time. */
static unsigned int latch_output_enforce(struct latch *l, struct sk_buff *skb,
					 const struct latch_hdr *h,
					 const struct nf_hook_state *st)
{
	bool last = latch_output_last(l, skb, h);

	if (latch_comes_again(l->ln, skb, st->out) &&
	    (last || READ_ONCE(l->state) == LATCH_STATE_ESTABLISHED))
		return NF_ACCEPT;
	if (last)
		return latch_enforce_only(l, skb, LATCH_DIR_OUT, true, LATCH_REASON_BROKEN);
	return latch_enforce(l, skb, LATCH_DIR_OUT);
}

/*
 * What a TCP socket says when its connection is over, a RST, may leave as the flow might have,
 * and not at all where an administrator has closed the latch.
 */
static unsigned int latch_output_over(struct latch *l, struct sk_buff *skb,
				      const struct nf_hook_state *st)
{
	u8 reason = READ_ONCE(l->reason);
	bool latched = reason != LATCH_REASON_ADMIN;

	if (latched && latch_comes_again(l->ln, skb, st->out))
		return NF_ACCEPT;
	return latch_enforce_only(l, skb, LATCH_DIR_OUT, latched,
				  !latched ? LATCH_REASON_CLOSED :
				  reason == LATCH_REASON_RELEASED ? LATCH_REASON_CLEAR :
								    LATCH_REASON_BROKEN);
}

/*
 * Did a latched UDP socket send this to somebody else than its peer, or has somebody changed
 * the header of a datagram of the flow? Where nobody could, and it has no options that do,
 * the header is what the socket wrote. Where NAT did, the parser has undone it. Else
 * LOCAL_OUT has to have seen it first; until the hook is there, it is the flow's.
 */
static bool latch_elsewhere(const struct latch *l, const struct sk_buff *skb, u8 pf,
			    const struct latch_hdr *h)
{
	if (h->kind != LATCH_PKT_FLOW || latch_flow_same_tuple(&h->flow, &l->flow))
		return false;
	if (latch_cb(skb, pf))
		return true;
	if (!latch_watch_marking(l->ln)) {
		if (h->plain && latch_hooks_alone(l->ln, pf))
			return true;
		latch_watch_mark_sent(l->ln);
	}
	return false;
}

/* Does the latch of a packet's socket speak for this packet of it? */
static bool latch_output_owned(struct latch *l, struct sock *sk, const struct sk_buff *skb,
			       u8 pf, const struct latch_hdr *h)
{
	latch_owner_stale(l, sk);
	return READ_ONCE(l->hashed) && !latch_exempt(l) &&
	       (sk->sk_protocol != IPPROTO_UDP || !latch_elsewhere(l, skb, pf, h));
}

/* A packet that a socket sent, and that no latch of the socket checks. */
static unsigned int latch_output_unowned(struct latch_net *ln, struct sk_buff *skb,
					 struct sock *sk, struct latch *l,
					 const struct latch_hdr *h,
					 const struct nf_hook_state *st)
{
	if (l && latch_exempt(l))
		return NF_ACCEPT;
	if (l && sk->sk_protocol == IPPROTO_TCP && sk->sk_state == TCP_CLOSE &&
	    READ_ONCE(l->state) == LATCH_STATE_CLOSED && READ_ONCE(l->group))
		return latch_output_over(l, skb, st);
	if (latch_comes_again(ln, skb, st->out))
		return NF_ACCEPT;
	return latch_create_out(ln, skb, sk, l, h);
}

/*
 * A socket that has no latch sends under an SA, in a flow that another socket has: it gets a
 * latch of its own. In clear it does not get past the other one's.
 */
static bool latch_output_twin(const struct latch *l, const struct sk_buff *skb,
			      const struct sock *sk)
{
	return sk && sk->sk_protocol == IPPROTO_UDP && l->flow.proto == IPPROTO_UDP &&
	       READ_ONCE(l->sk) != sk && dst_xfrm(skb_dst(skb));
}

/*
 * TCP that answers a SYN by a cookie gives the SYN-ACK no socket, and knows nothing of the
 * connection until its ACK comes: until then nothing but the latch does.
 */
static void latch_output_cookie(struct latch *l, const struct sk_buff *skb,
				const struct latch_hdr *h)
{
	if (skb->sk || !READ_ONCE(l->pending) || !latch_tcp_is_synack(skb, h->thoff))
		return;
	spin_lock_bh(&l->lock);
	if (l->half_open)
		WRITE_ONCE(l->special, l->special | LATCH_COOKIE);
	spin_unlock_bh(&l->lock);
}

static unsigned int latch_output_flow(struct latch_net *ln, struct sk_buff *skb,
				      struct sock *sk, struct latch *own,
				      const struct latch_hdr *h, const struct nf_hook_state *st)
{
	struct latch *l;

	if (h->flow.proto == IPPROTO_SCTP)
		return latch_sctp_out(ln, skb, h, st);
	l = latch_find_live(ln, &h->flow);
	if (l && !latch_output_twin(l, skb, sk)) {
		latch_output_cookie(l, skb, h);
		if (!latch_comes_again(ln, skb, st->out) && latch_one_way_out(l, skb, h))
			return NF_ACCEPT;
		return latch_output_enforce(l, skb, h, st);
	}
	return sk ? latch_output_unowned(ln, skb, sk, own, h, st) : latch_sctp_wrapped(ln, skb, st);
}

/* Does policy demand protection of what comes in of a flow of this host? */
static bool latch_protected_in(struct latch_net *ln, const struct latch_flow *f)
{
	const struct latch_pol *pol;

	if (!READ_ONCE(ln->conf.auto_mode))
		return false;
	if (f->family == AF_INET ?
	    inet_addr_type(ln->net, (__force __be32)f->local.w[0]) != RTN_LOCAL :
	    !ipv6_chk_addr(ln->net, (const struct in6_addr *)&f->local, NULL, 0))
		return false;
	pol = latch_spd_find(ln, f, LATCH_DIR_IN, 0, 0);
	return pol && pol->action == XFRM_POLICY_ALLOW && pol->n_tmpl;
}

/*
 * An ICMP error that this host sends quotes what came in. It must not carry out in clear
 * what came in under protection; the socket may be gone by now, and its latch too.
 */
static unsigned int latch_output_icmp(struct latch_net *ln, struct sk_buff *skb,
				      const struct latch_hdr *h, const struct nf_hook_state *st)
{
	struct latch *l = latch_find_live(ln, &h->flow) ?: latch_forward_quoted(ln, &h->flow);
	bool again = latch_comes_again(ln, skb, st->out);

	if (l && again && READ_ONCE(l->state) == LATCH_STATE_ESTABLISHED)
		return NF_ACCEPT;
	if (l)
		return latch_enforce_only(l, skb, LATCH_DIR_OUT,
					  READ_ONCE(l->state) == LATCH_STATE_ESTABLISHED,
					  LATCH_REASON_ICMP);
	if (!skb->sk || again || dst_xfrm(skb_dst(skb)) || !latch_protected_in(ln, &h->flow))
		return NF_ACCEPT;
	return latch_drop(ln, NULL, skb, LATCH_DIR_OUT, LATCH_REASON_ICMP);
}

/* Does this host only pass the packet on? */
static bool latch_forwarded(const struct sk_buff *skb, u8 pf)
{
	if (latch_bridged(skb))
		return true;
	return pf == NFPROTO_IPV4 ? IPCB(skb)->flags & IPSKB_FORWARDED :
				    IP6CB(skb)->flags & IP6SKB_FORWARDED;
}

/* Tier 3: any packet, from nothing but itself. */
static noinline unsigned int latch_output_full(struct latch_net *ln, struct sk_buff *skb,
					       const struct nf_hook_state *st)
{
	struct sock *sk = latch_sender(ln, skb, st);
	struct latch_hdr h;
	struct latch *l;
	unsigned int ret;

	if (latch_tagged_demands(skb) && !latch_comes_again(ln, skb, st->out)) {
		ret = latch_tagged_send(ln, skb);
		if (ret != NF_ACCEPT)
			return ret;
	}
	latch_parse(ln, skb, st->out, st->pf, LATCH_DIR_OUT, &h);
	if (latch_balanced(skb))
		sk = latch_balanced_sender(ln, skb, st->pf, &h) ?: sk;
	l = sk ? latch_find_sk(sk) : NULL;
	if (l && latch_dest_output(l, sk, skb, &h, st, &ret))
		return ret;
	if (l && latch_output_owned(l, sk, skb, st->pf, &h))
		return latch_output_enforce(l, skb, &h, st);
	switch (h.kind) {
	case LATCH_PKT_FLOW:
		return latch_output_flow(ln, skb, sk, l, &h, st);
	case LATCH_PKT_ICMP:
		return latch_output_icmp(ln, skb, &h, st);
	case LATCH_PKT_OTHER:
		return sk ? latch_output_unowned(ln, skb, sk, l, &h, st) : NF_ACCEPT;
	case LATCH_PKT_UNKNOWN:
		break;
	}
	if (sk)
		return latch_output_unowned(ln, skb, sk, l, &h, st);
	return latch_forwarded(skb, st->pf) ? NF_ACCEPT :
					      latch_drop_unknown(ln, skb, LATCH_DIR_OUT);
}

/*
 * Tier 2 found no latch for a packet, by its flow and by its socket, and one may come of it:
 * what is left to do of tier 3 where nobody has changed the packet's header. @pf is constant.
 */
static __always_inline unsigned int latch_output_new(struct latch_net *ln, struct sk_buff *skb,
						     const struct nf_hook_state *st, u8 pf,
						     u8 proto)
{
	struct latch_hdr h = latch_plain_hdr(skb, st->out, pf, LATCH_DIR_OUT, proto);
	struct sock *sk = latch_sender(ln, skb, st);

	if (!sk || latch_natted(skb))
		return latch_output_full(ln, skb, st);
	if (latch_comes_again(ln, skb, st->out))
		return NF_ACCEPT;
	return latch_create_out(ln, skb, sk, NULL, &h);
}

static noinline unsigned int latch_output_new4(struct latch_net *ln, struct sk_buff *skb,
					       const struct nf_hook_state *st, u8 proto)
{
	return latch_output_new(ln, skb, st, NFPROTO_IPV4, proto);
}

static noinline unsigned int latch_output_new6(struct latch_net *ln, struct sk_buff *skb,
					       const struct nf_hook_state *st, u8 proto)
{
	return latch_output_new(ln, skb, st, NFPROTO_IPV6, proto);
}

/* Tier 2. @pf and @proto are constant. */
static __always_inline unsigned int latch_output_plain(struct latch_net *ln, struct sk_buff *skb,
						       const struct nf_hook_state *st,
						       struct latch *l, u8 pf, u8 proto)
{
	if (proto == IPPROTO_UDP && latch_tagged_demands(skb))
		return latch_output_full(ln, skb, st);
	l = latch_plain_out(ln, skb, st->out, l, pf, proto);
	if (l == LATCH_NEED_FULL)
		return latch_output_full(ln, skb, st);
	if (!l) {
		if (latch_unconcerned(ln, skb, st->out, pf, LATCH_DIR_OUT, proto))
			return NF_ACCEPT;
		return pf == NFPROTO_IPV4 ? latch_output_new4(ln, skb, st, proto) :
					    latch_output_new6(ln, skb, st, proto);
	}
	if (latch_sa_known(l, latch_only_sa(skb, LATCH_DIR_OUT), LATCH_DIR_OUT, false))
		return NF_ACCEPT;
	if (READ_ONCE(l->state) == LATCH_STATE_ESTABLISHED && latch_comes_again(ln, skb, st->out))
		return NF_ACCEPT;
	return latch_exempt(l) ? NF_ACCEPT : latch_output_full(ln, skb, st);
}

static noinline unsigned int latch_output_tcp4(struct latch_net *ln, struct sk_buff *skb,
					       const struct nf_hook_state *st, struct latch *l)
{
	return latch_output_plain(ln, skb, st, l, NFPROTO_IPV4, IPPROTO_TCP);
}

static noinline unsigned int latch_output_tcp6(struct latch_net *ln, struct sk_buff *skb,
					       const struct nf_hook_state *st, struct latch *l)
{
	return latch_output_plain(ln, skb, st, l, NFPROTO_IPV6, IPPROTO_TCP);
}

static noinline unsigned int latch_output_udp4(struct latch_net *ln, struct sk_buff *skb,
					       const struct nf_hook_state *st, struct latch *l)
{
	return latch_output_plain(ln, skb, st, l, NFPROTO_IPV4, IPPROTO_UDP);
}

static noinline unsigned int latch_output_udp6(struct latch_net *ln, struct sk_buff *skb,
					       const struct nf_hook_state *st, struct latch *l)
{
	return latch_output_plain(ln, skb, st, l, NFPROTO_IPV6, IPPROTO_UDP);
}

/* What was not transformed yet. @pf is constant. */
static __always_inline unsigned int latch_output(void *priv, struct sk_buff *skb,
						 const struct nf_hook_state *st, u8 pf)
{
	bool ip4 = pf == NFPROTO_IPV4;
	struct latch *l = NULL;
	unsigned int ret;
	u8 proto;

	if (LATCH_FAST && skb->sk) {
		l = latch_sk_cached(skb->sk);
		if (l && likely(latch_fast_ok(l, skb, pf, LATCH_DIR_OUT)))
			return NF_ACCEPT;
	}
	if (!skb->sk && latch_net_forwards(priv) && latch_forward_out(priv, skb, st, &ret))
		return ret;
	if (!LATCH_FAST)
		return latch_output_full(priv, skb, st);
	proto = latch_plain_proto(skb, pf);
	if (proto == IPPROTO_TCP)
		return ip4 ? latch_output_tcp4(priv, skb, st, l) :
			     latch_output_tcp6(priv, skb, st, l);
	if (proto == IPPROTO_UDP)
		return ip4 ? latch_output_udp4(priv, skb, st, l) :
			     latch_output_udp6(priv, skb, st, l);
	return latch_output_full(priv, skb, st);
}

/**
 * latch_output4() - hook POST_ROUTING of IPv4
 * @priv: the namespace
 * @skb:  the packet; one that is transformed was checked before
 * @st:   netfilter's
 *
 * Context: RCU read side. Return: NF_ACCEPT or NF_STOLEN; NF_DROP with an error for sendmsg().
 */
unsigned int latch_output4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	if (IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED)
		return NF_ACCEPT;
	return latch_output(priv, skb, st, NFPROTO_IPV4);
}

/**
 * latch_output6() - hook POST_ROUTING of IPv6
 * @priv: the namespace
 * @skb:  the packet; one that is transformed was checked before
 * @st:   netfilter's
 *
 * Context: RCU read side. Return: NF_ACCEPT or NF_STOLEN; NF_DROP with an error for sendmsg().
 */
unsigned int latch_output6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	if (IP6CB(skb)->flags & IP6SKB_XFRM_TRANSFORMED)
		return NF_ACCEPT;
	return latch_output(priv, skb, st, NFPROTO_IPV6);
}

/* The connected UDP socket that a datagram is from, as long as its header is as it was sent. */
static const struct inet_sock *latch_udp_sender(const struct sk_buff *skb,
						const struct nf_hook_state *st, size_t len)
{
	const struct sock *sk = skb->sk;

	if (!sk || sk != st->sk || !sk_fullsock(sk) || sk->sk_protocol != IPPROTO_UDP ||
	    skb_network_offset(skb) + len + sizeof(struct udphdr) > skb_headlen(skb))
		return NULL;
	return inet_sk(sk);
}

static const struct udphdr *latch_udp_header(const struct sk_buff *skb, size_t len)
{
	return (const void *)(skb_network_header(skb) + len);
}

/**
 * latch_local_out4() - hook LOCAL_OUT of IPv4, before anybody changes a header
 * @priv: the namespace
 * @skb:  the packet
 * @st:   netfilter's
 *
 * Marks a datagram whose socket addressed it to somebody else than its peer. One with
 * options may go somewhere else than its header says, and is not marked.
 *
 * Context: RCU read side. Return: NF_ACCEPT.
 */
unsigned int latch_local_out4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	const struct iphdr *iph = ip_hdr(skb);
	const struct inet_sock *inet;

	if (iph->protocol != IPPROTO_UDP || iph->ihl != 5)
		return NF_ACCEPT;
	inet = latch_udp_sender(skb, st, sizeof(*iph));
	if (inet && (iph->daddr != inet->inet_daddr || iph->saddr != inet->inet_saddr ||
		     latch_udp_header(skb, sizeof(*iph))->dest != inet->inet_dport))
		latch_cb_set(skb, NFPROTO_IPV4);
	return NF_ACCEPT;
}

/**
 * latch_local_out6() - hook LOCAL_OUT of IPv6, before anybody changes a header
 * @priv: the namespace
 * @skb:  the packet
 * @st:   netfilter's
 *
 * As latch_local_out4(); extension headers are to IPv6 what options are to IPv4.
 *
 * Context: RCU read side. Return: NF_ACCEPT.
 */
unsigned int latch_local_out6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	const struct ipv6hdr *iph = ipv6_hdr(skb);
	const struct inet_sock *inet;

	if (iph->nexthdr != IPPROTO_UDP)
		return NF_ACCEPT;
	inet = latch_udp_sender(skb, st, sizeof(*iph));
	if (inet && (!ipv6_addr_equal(&iph->daddr, &inet->sk.sk_v6_daddr) ||
		     !ipv6_addr_equal(&iph->saddr, &inet6_sk(&inet->sk)->saddr) ||
		     latch_udp_header(skb, sizeof(*iph))->dest != inet->inet_dport))
		latch_cb_set(skb, NFPROTO_IPV6);
	return NF_ACCEPT;
}
