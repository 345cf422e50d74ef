/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_ENCAP_H
#define LATCH_PACKET_ENCAP_H

#include <linux/udp.h>
#include <net/ip.h>
#include <net/udp.h>

#include "core/types.h"

struct latch_hdr;
struct latch_net;
struct sk_buff;

/* Encapsulation type of sockets that the kernel's UDP tunnels make, FOU and GUE among them */
#define LATCH_UDP_TUNNEL	1

/* Is there a UDP socket in this kernel that unpacks what it gets? */
static __always_inline bool latch_encap_possible(void)
{
	return static_branch_unlikely(&udp_encap_needed_key) ||
	       static_branch_unlikely(&udpv6_encap_needed_key);
}

/* Does the kernel unpack what a UDP socket gets, and hand it on? */
static inline bool latch_udp_tunnel(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_UDP &&
	       READ_ONCE(udp_sk(sk)->encap_type) == LATCH_UDP_TUNNEL;
}

/*
 * A hash that packets of another SA do not have: SPIs are unique for each destination, and
 * a host has few addresses.
 */
static __always_inline void latch_encap_hash(struct sk_buff *skb, __be32 daddr, __be32 spi)
{
	skb_set_hash(skb, (__force u32)spi + (__force u32)daddr * GOLDEN_RATIO_32,
		     PKT_HASH_TYPE_L3);
}

/* latch_encap_split() for ESP; false where its SPI does not lie plain. */
static __always_inline bool latch_encap_plain(struct sk_buff *skb, u8 pf)
{
	const u8 *h = skb_network_header(skb);
	size_t len = pf == NFPROTO_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	if (h + len + sizeof(__be32) > skb_tail_pointer(skb) ||
	    (pf == NFPROTO_IPV4 && *h != 0x45))
		return false;
	latch_encap_hash(skb, pf == NFPROTO_IPV4 ? ip_hdr(skb)->daddr :
						   ipv6_hdr(skb)->daddr.s6_addr32[3],
			 *(const __be32 *)(h + len));
	return true;
}

void latch_encap_split(struct sk_buff *skb, int off);
unsigned int latch_encap_in(struct latch_net *ln, struct sk_buff *skb,
			    const struct latch_hdr *h);

#endif /* LATCH_PACKET_ENCAP_H */
