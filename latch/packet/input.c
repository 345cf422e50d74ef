// SPDX-License-Identifier: GPL-2.0
/*
 * The packet path, inbound (RFC 5660 2.4-1, 2-9, 2-11): LOCAL_IN asks whose packet it is
 * and whether it may pass.
 */
#include <linux/netfilter.h>

#include "base/net.h"
#include "channel/dest.h"
#include "channel/latch.h"
#include "channel/skcache.h"
#include "channel/table.h"
#include "core/types.h"
#include "packet/create.h"
#include "packet/encap.h"
#include "packet/enforce.h"
#include "packet/fastpath.h"
#include "packet/input.h"
#include "packet/live.h"
#include "packet/parse.h"
#include "packet/plain.h"
#include "packet/reassemble.h"
#include "packet/sctp.h"
#include "packet/watch.h"
#include "sock/owner.h"
#include "sock/udp.h"
#include "sock/unlink.h"

/*
 * The transport need not look for the socket again, which saves it 170 instructions. It
 * looks where it would not take the one that has the latch, because that is bound to a
 * device. TCP drops the reference; UDP, whose sockets are freed after a grace period, needs
 * none, but a closed one must not be given: false where it is closed, or cannot be found.
 */
static __always_inline bool latch_give_sk(struct latch *l, struct sk_buff *skb, u8 pf, u8 proto,
					  u16 l3)
{
	struct sock *sk;

	if (skb->sk)
		return true;
	sk = READ_ONCE(l->sk);
	if (proto == IPPROTO_UDP) {
		if (!latch_udp_open(l, skb, sk, pf) || latch_udp_reconnected(l, sk))
			return false;
		if (!sk->sk_bound_dev_if) {
			skb->sk = sk;
			skb->destructor = sock_pfree;
		}
		return true;
	}
	/* memory of TCP sockets stays that of a TCP socket for as long as we are here */
	if (!sk || READ_ONCE(sk->sk_bound_dev_if) || l3 ||
	    !refcount_inc_not_zero(&sk->sk_refcnt))
		return true;
	if (READ_ONCE(l->sk) != sk || sk->sk_state == TCP_CLOSE) {
		sock_put(sk);
		return true;
	}
	skb->sk = sk;
	skb->destructor = sock_edemux;
	return true;
}

/**
 * latch_input_lookup() - the latch of the flow that an inbound packet's headers name
 * @ln:  the namespace
 * @skb: the packet
 * @h:   its headers
 *
 * A SYN may open the 5-tuple of a connection in TIME_WAIT anew; whether it does is TCP's
 * decision, so the latch of TIME_WAIT stays. Where two UDP sockets have the flow, the one
 * that gets the packet has to be found.
 *
 * Context: RCU read side. Return: the latch or NULL.
 */
struct latch *latch_input_lookup(struct latch_net *ln, struct sk_buff *skb,
				 const struct latch_hdr *h)
{
	struct latch *l = latch_find_live(ln, &h->flow);

	if (!l || READ_ONCE(l->special) & LATCH_TWIN)
		return NULL;
	if (READ_ONCE(l->special) & LATCH_TIMEWAIT && latch_tcp_is_syn(skb, h->thoff))
		return NULL;
	return l;
}

/**
 * latch_input_icmp() - an ICMP error about a flow
 * @ln:  the namespace
 * @skb: the error
 * @h:   the headers of the packet that it quotes
 *
 * It can end a connection attempt, a UDP exchange, or shrink the path MTU: about a latched
 * flow it counts only under the flow's own protection (6.5-1). What comes over the loopback
 * device this host has sent itself, as an XFRM interface does where a packet is too long for
 * its SA.
 *
 * Context: RCU read side, BH off. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_input_icmp(struct latch_net *ln, struct sk_buff *skb,
			      const struct latch_hdr *h)
{
	struct latch *l;

	if (skb->dev->flags & IFF_LOOPBACK)
		return NF_ACCEPT;
	l = latch_find_live(ln, &h->flow);
	if (!l) {
		l = latch_demand_for(ln, skb, h);
		/* about a destination latch_dest_icmp() decides */
		if (!l || READ_ONCE(l->mode) != LATCH_MODE_REQUIRE || latch_dest_find(l, &h->flow))
			return NF_ACCEPT;
	}
	return latch_enforce_only(l, skb, LATCH_DIR_IN,
				  READ_ONCE(l->state) == LATCH_STATE_ESTABLISHED,
				  LATCH_REASON_ICMP);
}

/*
 * TCP knows nothing of a handshake by SYN cookie that the peer resets; the latch
 * that waits for its end goes by the RST, where that comes from the peer.
 */
static unsigned int latch_input_enforce(struct latch *l, struct sk_buff *skb,
					const struct latch_hdr *h)
{
	bool over = READ_ONCE(l->special) & LATCH_COOKIE && READ_ONCE(l->pending) &&
		    latch_tcp_is_rst(skb, h->thoff);
	unsigned int ret = latch_enforce(l, skb, LATCH_DIR_IN);

	if (over && ret == NF_ACCEPT)
		latch_unlink(l);
	return ret;
}

/*
 * The latch of the socket that an inbound packet was given before the hook: by early
 * demultiplexing, or by TPROXY or BPF, which need not ask the header.
 */
static struct latch *latch_input_given(const struct sk_buff *skb, u8 proto)
{
	struct sock *sk = skb->sk;
	struct latch *l;

	if (!sk || !sk_fullsock(sk) || sk->sk_protocol != proto)
		return NULL;
	l = latch_find_sk(sk);
	if (l)
		latch_owner_stale(l, sk);
	return l;
}

/* A segment or datagram: whose is it? */
static unsigned int latch_input_flow(struct latch_net *ln, struct sk_buff *skb,
				     const struct latch_hdr *h)
{
	struct latch *l;

	if (h->flow.proto == IPPROTO_SCTP)
		return latch_sctp_in(ln, skb, h);
	l = latch_input_given(skb, h->flow.proto);
	if (l && latch_exempt(l))
		return NF_ACCEPT;
	if (!l || !READ_ONCE(l->hashed))
		l = latch_input_lookup(ln, skb, h);
	return l ? latch_input_enforce(l, skb, h) : latch_create_in(ln, skb, h);
}

/*
 * Somebody else put this packet together, and may have taken its fragments from several
 * SAs: only of the first one it can be told which. So nothing that is latched gets it, and
 * nothing is latched by it; from the next one on fragments are kept apart.
 */
static unsigned int latch_input_mixed(struct latch_net *ln, struct sk_buff *skb,
				      const struct latch_hdr *h)
{
	struct latch *l = latch_find_live(ln, &h->flow);

	latch_watch_keep_apart(ln);
	if (l)
		return latch_drop(ln, l, skb, LATCH_DIR_IN, LATCH_REASON_HEADER);
	return latch_stray(ln, latch_demand_for(ln, skb, h), skb, LATCH_DIR_IN);
}

/* What is not a flow's: what is still protected comes here again without protection. */
static unsigned int latch_input_other(struct sk_buff *skb, const struct latch_hdr *h)
{
	if (h->flow.proto == IPPROTO_ESP)
		latch_encap_split(skb, h->thoff);
	else if (h->flow.proto == IPPROTO_AH)
		latch_encap_split(skb, h->thoff + offsetof(struct ip_auth_hdr, spi));
	return NF_ACCEPT;
}

/* Tier 3: any packet, from nothing but itself. */
static noinline unsigned int latch_input_full(struct latch_net *ln, struct sk_buff *skb, u8 pf)
{
	struct latch_hdr h;
	unsigned int ret;

	ret = latch_reassemble6(ln, skb, pf);
	if (ret != NF_ACCEPT)
		return ret;
	latch_parse(ln, skb, skb->dev, pf, LATCH_DIR_IN, &h);
	if (h.kind == LATCH_PKT_UNKNOWN)
		return latch_drop_unknown(ln, skb, LATCH_DIR_IN);
	if (h.kind == LATCH_PKT_OTHER)
		return latch_input_other(skb, &h);
	if (latch_mixed(skb, pf))
		return latch_input_mixed(ln, skb, &h);
	return h.kind == LATCH_PKT_FLOW ? latch_input_flow(ln, skb, &h) :
					  latch_input_icmp(ln, skb, &h);
}

/*
 * Tier 2 found no latch for the flow of a packet that has no socket, and a latch may come of
 * it: what is left to do of tier 3.
 */
static noinline unsigned int latch_input_new4(struct latch_net *ln, struct sk_buff *skb,
					      u8 proto)
{
	struct latch_hdr h = latch_plain_hdr(skb, skb->dev, NFPROTO_IPV4, LATCH_DIR_IN, proto);

	return latch_create_in(ln, skb, &h);
}

static noinline unsigned int latch_input_new6(struct latch_net *ln, struct sk_buff *skb,
					      u8 proto)
{
	struct latch_hdr h = latch_plain_hdr(skb, skb->dev, NFPROTO_IPV6, LATCH_DIR_IN, proto);

	return latch_create_in(ln, skb, &h);
}

/* Tier 2: no latch has this packet. */
static __always_inline unsigned int latch_input_none(struct latch_net *ln, struct sk_buff *skb,
						     u8 pf, u8 proto)
{
	if (latch_unconcerned(ln, skb, skb->dev, pf, LATCH_DIR_IN, proto))
		return NF_ACCEPT;
	if (skb->sk)
		return latch_input_full(ln, skb, pf);
	return pf == NFPROTO_IPV4 ? latch_input_new4(ln, skb, proto) :
				    latch_input_new6(ln, skb, proto);
}

/*
 * Tier 2: a packet whose headers lie plain is of the latch of its socket, @l, where it has one
 * already, else of that of its header. @pf and @proto are constant.
 */
static __always_inline unsigned int latch_input_plain(struct latch_net *ln, struct sk_buff *skb,
						      struct latch *l, u8 pf, u8 proto)
{
	u16 l3 = 0;

	if (latch_reassembled(skb, pf) || !latch_plain(skb, pf))
		return latch_input_full(ln, skb, pf);
	if (l) {
		if (!latch_plain_sure(l, skb->sk, proto))
			return latch_input_full(ln, skb, pf);
	} else {
		l3 = latch_l3(skb->dev);
		l = latch_plain_find(ln, skb, pf, LATCH_DIR_IN, proto, l3, NULL);
		if (!l)
			return latch_input_none(ln, skb, pf, proto);
		if (!latch_plain_flow(l, skb, pf))
			return latch_input_full(ln, skb, pf);
	}
	if (latch_sa_known(l, latch_only_sa(skb, LATCH_DIR_IN), LATCH_DIR_IN, false) &&
	    latch_give_sk(l, skb, pf, proto, l3))
		return NF_ACCEPT;
	return latch_exempt(l) ? NF_ACCEPT : latch_input_full(ln, skb, pf);
}

static noinline unsigned int latch_input_tcp4(struct latch_net *ln, struct sk_buff *skb,
					      struct latch *l)
{
	return latch_input_plain(ln, skb, l, NFPROTO_IPV4, IPPROTO_TCP);
}

static noinline unsigned int latch_input_tcp6(struct latch_net *ln, struct sk_buff *skb,
					      struct latch *l)
{
	return latch_input_plain(ln, skb, l, NFPROTO_IPV6, IPPROTO_TCP);
}

static noinline unsigned int latch_input_udp4(struct latch_net *ln, struct sk_buff *skb,
					      struct latch *l)
{
	return latch_input_plain(ln, skb, l, NFPROTO_IPV4, IPPROTO_UDP);
}

static noinline unsigned int latch_input_udp6(struct latch_net *ln, struct sk_buff *skb,
					      struct latch *l)
{
	return latch_input_plain(ln, skb, l, NFPROTO_IPV6, IPPROTO_UDP);
}

/* @pf is constant. */
static __always_inline unsigned int latch_input(void *priv, struct sk_buff *skb, u8 pf)
{
	bool ip4 = pf == NFPROTO_IPV4;
	struct latch *l = NULL;
	u8 proto;

	if (!LATCH_FAST)
		return latch_input_full(priv, skb, pf);
	if (skb->sk) {
		l = latch_sk_cached(skb->sk);
		if (l && likely(latch_fast_ok(l, skb, pf, LATCH_DIR_IN)))
			return NF_ACCEPT;
	}
	proto = latch_plain_proto(skb, pf);
	/* ESP comes again, without ESP */
	if (proto == IPPROTO_ESP && latch_encap_plain(skb, pf))
		return NF_ACCEPT;
	if (proto == IPPROTO_TCP)
		return ip4 ? latch_input_tcp4(priv, skb, l) : latch_input_tcp6(priv, skb, l);
	if (proto == IPPROTO_UDP)
		return ip4 ? latch_input_udp4(priv, skb, l) : latch_input_udp6(priv, skb, l);
	return latch_input_full(priv, skb, pf);
}

/**
 * latch_input4() - hook LOCAL_IN of IPv4
 * @priv: the namespace
 * @skb:  the packet
 * @st:   netfilter's
 *
 * Context: RCU read side, BH off. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_input4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	return latch_input(priv, skb, NFPROTO_IPV4);
}

/**
 * latch_input6() - hook LOCAL_IN of IPv6
 * @priv: the namespace
 * @skb:  the packet
 * @st:   netfilter's
 *
 * Context: RCU read side, BH off. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_input6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	return latch_input(priv, skb, NFPROTO_IPV6);
}
