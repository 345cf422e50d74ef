// SPDX-License-Identifier: GPL-2.0
/*
 * Tags of datagrams (RFC 5660 2.4-3, 5.3-1): what a UDP socket gets has the number of its tag in
 * skb->mark, which SO_RCVMARK hands to the application.
 *
 * A hook in LOCAL_IN would be too early: the kernel's own policy check, which comes after it,
 * goes by the mark, and which of several sockets gets a multicast datagram is not known there.
 * encap_rcv is called for each datagram of the very socket, after that check.
 */
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <net/icmp.h>
#include <net/sock.h>
#include <net/udp_tunnel.h>

#include "base/mib.h"
#include "base/net.h"
#include "channel/label.h"
#include "channel/latch.h"
#include "channel/pkt.h"
#include "core/conflict.h"
#include "core/params.h"
#include "core/types.h"
#include "packet/classify.h"
#include "packet/plain.h"
#include "packet/reassemble.h"
#include "packet/tagged.h"
#include "packet/watch.h"
#include "sock/udp.h"
#include "xfrm/sad.h"

/* What latch_label_known() does not know. */
static noinline u32 latch_tag_full(struct latch_net *ln, struct sk_buff *skb, u8 pf)
{
	struct latch_pkt p = {};

	if (latch_mixed(skb, pf)) {
		latch_watch_keep_apart(ln);
		return LATCH_TAG_UNKNOWN;
	}
	if (!latch_classify_in(ln, skb, &p))
		return LATCH_TAG_UNKNOWN;
	if (!p.tag.n)
		return LATCH_TAG_CLEAR;
	/* only what comes out of a tunnel can be a fragment */
	if (p.tag.x[0].mode != XFRM_MODE_TRANSPORT)
		latch_watch_keep_apart(ln);
	return latch_label_number(ln, &p);
}

static u32 latch_tag(struct latch_net *ln, struct sk_buff *skb)
{
	u8 pf = skb->protocol == htons(ETH_P_IP) ? NFPROTO_IPV4 : NFPROTO_IPV6;
	const struct xfrm_state *x = latch_only_sa(skb, LATCH_DIR_IN);
	const struct latch_sa *sa;
	u32 number = 0;

	if (!secpath_exists(skb))
		return LATCH_TAG_CLEAR;
	sa = x && !latch_reassembled(skb, pf) && !latch_sad_lost(ln) ? latch_sad_find_ptr(x) : NULL;
	if (sa)
		number = latch_label_known(sa);
	return number ?: latch_tag_full(ln, skb, pf);
}

/*
 * encap_rcv of a socket that gets tags: UDP goes on with the datagram. Context: RCU read side,
 * BH off.
 */
static int latch_tagged_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct latch_net *ln = latch_pernet(sock_net(sk));

	skb->mark = ln ? latch_tag(ln, skb) : LATCH_TAG_UNKNOWN;
	if (ln && skb->mark == LATCH_TAG_UNKNOWN)
		latch_mib_event(ln, LATCH_MIB_TAG_UNKNOWN);
	return 1;
}

/* Why a datagram may not go to the peer that a number stands for: set of LATCH_R() bits. */
static u32 latch_tagged_mismatch(struct latch_net *ln, struct sk_buff *skb, u64 number)
{
	const struct latch_label *b;
	struct latch_params params;
	struct latch_pkt p = {};

	if (!latch_classify_out(ln, skb, &p))
		return LATCH_R(HEADER);
	if (!p.tag.n)
		return LATCH_R(CLEAR);
	if (latch_sad_lost(ln))
		return LATCH_R(LOST);
	b = number < LATCH_TAG_UNKNOWN ? latch_label_find(ln, number) : NULL;
	/* which SA leads back to a peer that nobody has named cannot be told */
	if (!b || b->key.tag.id.kind != LATCH_IDENT_NAMED)
		return LATCH_R(UNIDENTIFIED);
	latch_params_set(&params, &b->key.tag, LATCH_QOP_EXACT, LATCH_DIR_IN);
	return latch_params_cmp(&params, NULL, &p.tag, LATCH_DIR_OUT);
}

/**
 * latch_tagged_send() - a datagram says by the number of a tag to whom it may go (5.3-1)
 * @ln:  the namespace
 * @skb: the datagram, for which latch_tagged_demands() is true, with the SAs that it will have
 *
 * Context: RCU read side.
 * Return: NF_ACCEPT, and the number is gone from it; else a verdict that has sendmsg() fail.
 */
unsigned int latch_tagged_send(struct latch_net *ln, struct sk_buff *skb)
{
	u32 diff = latch_tagged_mismatch(ln, skb, skb->tstamp);
	u8 reason = latch_reason_first(diff);
	int err = reason == LATCH_REASON_CLEAR ? -ENOKEY : -EKEYREJECTED;

	skb->tstamp = 0;
	if (!diff)
		return NF_ACCEPT;
	latch_mib_drop(ln, LATCH_DIR_OUT, reason);
	return NF_DROP_ERR(err);
}

/* What an ICMP error says of a datagram that was sent; false where that may be temporary. */
static bool latch_icmp_fatal4(const struct icmphdr *h, int *err, u32 *info)
{
	bool known = h->type == ICMP_DEST_UNREACH && h->code <= NR_ICMP_UNREACH;

	*err = h->type == ICMP_PARAMETERPROB ? EPROTO :
	       known ? icmp_err_convert[h->code].errno : EHOSTUNREACH;
	*info = h->type == ICMP_PARAMETERPROB ? ntohl(h->un.gateway) >> 24 : 0;
	if (known && h->code == ICMP_FRAG_NEEDED) {
		*err = EMSGSIZE;
		*info = ntohs(h->un.frag.mtu);
		return true;
	}
	return known ? icmp_err_convert[h->code].fatal : h->type == ICMP_PARAMETERPROB;
}

static bool latch_tagged_err4(struct sock *sk, struct sk_buff *skb, const struct udphdr *uh,
			      int *err)
{
	u32 info;
	bool fatal = latch_icmp_fatal4(icmp_hdr(skb), err, &info);

	if (!latch_recverr4(sk))
		return fatal && sk->sk_state == TCP_ESTABLISHED;
	latch_icmp_error4(sk, skb, *err, uh->dest, info, (u8 *)(uh + 1));
	return true;
}

static bool latch_tagged_err6(struct sock *sk, struct sk_buff *skb, const struct udphdr *uh,
			      int *err)
{
#if IS_ENABLED(CONFIG_IPV6)
	const struct icmp6hdr *h = icmp6_hdr(skb);
	bool fatal = icmpv6_err_convert(h->icmp6_type, h->icmp6_code, err);

	if (h->icmp6_type == ICMPV6_PKT_TOOBIG &&
	    inet6_sk(sk)->pmtudisc != IPV6_PMTUDISC_DONT)
		fatal = true;
	if (!latch_recverr6(sk))
		return fatal && sk->sk_state == TCP_ESTABLISHED;
	latch_icmp_error6(sk, skb, *err, uh->dest, ntohl(h->icmp6_mtu), (u8 *)(uh + 1));
	return true;
#else
	return false;
#endif
}

/*
 * encap_err_rcv: the kernel takes the socket for a tunnel's, which is not told of ICMP errors,
 * so this tells it. Context: RCU read side, BH off.
 */
static latch_encap_err(latch_tagged_err)
{
	const struct udphdr *uh = latch_encap_err_udp;
	int err;

	if (skb->protocol == htons(ETH_P_IP) ? latch_tagged_err4(sk, skb, uh, &err) :
					       latch_tagged_err6(sk, skb, uh, &err)) {
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
	}
}

static bool latch_tagged(const struct sock *sk)
{
	return READ_ONCE(udp_sk(sk)->encap_rcv) == latch_tagged_rcv;
}

static void latch_tagged_undo(struct sock *sk)
{
	WRITE_ONCE(udp_sk(sk)->encap_type, 0);
	WRITE_ONCE(udp_sk(sk)->encap_rcv, NULL);
	WRITE_ONCE(udp_sk(sk)->encap_err_rcv, NULL);
}

/**
 * latch_tagged_on() - a UDP socket gets tags from now on
 * @l:  its latch
 * @sk: the socket, locked
 *
 * What it has not read yet has no tag, but perhaps a mark that an administrator's rules wrote.
 *
 * Context: process. Return: 0; -EBUSY where it has unread data, or is a tunnel's.
 */
int latch_tagged_on(struct latch *l, struct sock *sk)
{
	struct udp_sock *up = udp_sk(sk);

	if (latch_tagged(sk))
		return 0;
	if (up->encap_type || up->encap_rcv)
		return -EBUSY;
	WRITE_ONCE(up->encap_err_rcv, latch_tagged_err);
	WRITE_ONCE(up->encap_rcv, latch_tagged_rcv);
	WRITE_ONCE(up->encap_type, LATCH_UDP_TAGGED);
	udp_tunnel_encap_enable(sk);
	if (inet_sk(sk)->inet_num) {
		/* a datagram may be on its way past the hook that was not there */
		synchronize_net();
		if (latch_udp_unread(sk)) {
			latch_tagged_undo(sk);
			return -EBUSY;
		}
	}
	sock_set_flag(sk, SOCK_RCVMARK);
	sock_set_flag(sk, SOCK_TXTIME);
	spin_lock_bh(&l->lock);
	l->tagging = 1;
	spin_unlock_bh(&l->lock);
	latch_label_user(l->ln);
	return 0;
}

/**
 * latch_tagged_off() - a UDP socket gets no more tags
 * @l:  its latch
 * @sk: the socket, locked
 *
 * Context: process.
 */
void latch_tagged_off(struct latch *l, struct sock *sk)
{
	bool was;

	spin_lock_bh(&l->lock);
	was = l->tagging;
	l->tagging = 0;
	spin_unlock_bh(&l->lock);
	if (!was)
		return;
	sock_reset_flag(sk, SOCK_RCVMARK);
	/* not where the socket has asked for it since */
	if (sk->sk_clockid == CLOCK_REALTIME)
		sock_reset_flag(sk, SOCK_TXTIME);
	if (latch_tagged(sk))
		latch_tagged_undo(sk);
	latch_label_unuser(l->ln);
}
