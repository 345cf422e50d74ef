// SPDX-License-Identifier: GPL-2.0
/*
 * What a UDP socket gets, datagram by datagram (RFC 5660 2.4-3, 5.3-1).
 *
 * encap_rcv is called for each datagram of the very socket, also where several sockets get a
 * copy of it, and after the kernel's own policy check. Sockets that ask for tags or name
 * destinations have one.
 */
#include <net/icmp.h>
#include <net/sock.h>
#include <net/udp_tunnel.h>

#include "base/net.h"
#include "packet/datagram.h"
#include "packet/dest.h"
#include "packet/tagged.h"

/*
 * encap_rcv. Returns whether UDP goes on with the datagram; else it is gone. Destinations come
 * first, as a tag takes the place of the mark. Context: RCU read side, BH off.
 */
static int latch_datagram_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct latch_net *ln = latch_pernet(sock_net(sk));

	if (latch_datagrams_for(sk, LATCH_UDP_DESTS) && !latch_dest_rcv(ln, sk, skb))
		return 0;
	if (latch_datagrams_for(sk, LATCH_UDP_TAGGED))
		latch_tagged_rcv(ln, skb);
	return 1;
}

/*
 * encap_err_lookup: is the socket to hear of an ICMP error? The kernel also asks where it has found
 * the socket by the quoted destination, as tunnels use one port at both ends.
 * Context: RCU read side, BH off.
 */
static int latch_datagram_err_lookup(struct sock *sk, struct sk_buff *skb)
{
	if (udp_hdr(skb)->source != inet_sk(sk)->inet_sport)
		return -ENOENT;
	if (latch_datagrams_for(sk, LATCH_UDP_DESTS) &&
	    !latch_dest_icmp(latch_pernet(sock_net(sk)), sk, skb))
		return -EACCES;
	return 0;
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

static bool latch_datagram_err4(struct sock *sk, struct sk_buff *skb, const struct udphdr *uh,
				int *err)
{
	u32 info;
	bool fatal = latch_icmp_fatal4(icmp_hdr(skb), err, &info);

	if (!latch_recverr4(sk))
		return fatal && sk->sk_state == TCP_ESTABLISHED;
	latch_icmp_error4(sk, skb, *err, uh->dest, info, (u8 *)(uh + 1));
	return true;
}

static bool latch_datagram_err6(struct sock *sk, struct sk_buff *skb, const struct udphdr *uh,
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
static latch_encap_err(latch_datagram_err)
{
	const struct udphdr *uh = latch_encap_err_udp;
	int err;

	if (skb->protocol == htons(ETH_P_IP) ? latch_datagram_err4(sk, skb, uh, &err) :
					       latch_datagram_err6(sk, skb, uh, &err)) {
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
	}
}

static bool latch_datagrams_pass(const struct sock *sk)
{
	return READ_ONCE(udp_sk(sk)->encap_rcv) == latch_datagram_rcv;
}

/**
 * latch_datagrams_free() - does the kernel not unpack what a UDP socket gets?
 * @sk: the socket, locked
 *
 * Context: process. Return: true where the socket's datagrams may pass here.
 */
bool latch_datagrams_free(const struct sock *sk)
{
	const struct udp_sock *up = udp_sk(sk);

	return latch_datagrams_pass(sk) || (!up->encap_type && !up->encap_rcv);
}

/**
 * latch_datagrams_on() - the datagrams of a UDP socket pass here from now on
 * @sk:  the socket, locked
 * @why: LATCH_UDP_TAGGED or LATCH_UDP_DESTS
 *
 * It has a latch, which pins the module until the socket is freed.
 *
 * Context: process. Return: false where the kernel unpacks what the socket gets.
 */
bool latch_datagrams_on(struct sock *sk, u8 why)
{
	struct udp_sock *up = udp_sk(sk);

	if (!latch_datagrams_free(sk))
		return false;
	WRITE_ONCE(up->encap_err_lookup, latch_datagram_err_lookup);
	WRITE_ONCE(up->encap_err_rcv, latch_datagram_err);
	WRITE_ONCE(up->encap_rcv, latch_datagram_rcv);
	WRITE_ONCE(up->encap_type, up->encap_type | why);
	udp_tunnel_encap_enable(sk);
	return true;
}

/**
 * latch_datagrams_off() - they do not pass here for a reason any more
 * @sk:  the socket, locked
 * @why: LATCH_UDP_TAGGED or LATCH_UDP_DESTS
 *
 * Context: process.
 */
void latch_datagrams_off(struct sock *sk, u8 why)
{
	struct udp_sock *up = udp_sk(sk);
	u8 left = up->encap_type & ~(why ^ LATCH_UDP_OURS);

	if (!latch_datagrams_pass(sk))
		return;
	if (left != LATCH_UDP_OURS) {
		WRITE_ONCE(up->encap_type, left);
		return;
	}
	WRITE_ONCE(up->encap_type, 0);
	WRITE_ONCE(up->encap_rcv, NULL);
	WRITE_ONCE(up->encap_err_rcv, NULL);
	WRITE_ONCE(up->encap_err_lookup, NULL);
}
