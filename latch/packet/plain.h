/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be read of a packet in line, where its headers lie plain.
 */
#ifndef LATCH_PACKET_PLAIN_H
#define LATCH_PACKET_PLAIN_H

#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <net/xfrm.h>

#include "base/net.h"
#include "channel/latch.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/types.h"
#include "packet/parse.h"

struct net_device;
struct sk_buff;
struct xfrm_state;

#if IS_ENABLED(CONFIG_NF_CONNTRACK)
#include <net/netfilter/nf_conntrack.h>
#endif

/* Did NAT change the packet's addresses or ports? */
static __always_inline bool latch_natted(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	return ct && (ct->status & IPS_NAT_MASK);
#else
	return false;
#endif
}

/* The only SA of a packet, NULL where there is none or more than one. */
static __always_inline const struct xfrm_state *latch_only_sa(struct sk_buff *skb, u8 dir)
{
	const struct sec_path *sp;
	const struct dst_entry *dst;

	if (dir == LATCH_DIR_IN) {
		if (!secpath_exists(skb))
			return NULL;
		sp = skb_sec_path(skb);
		return sp->len == 1 ? sp->xvec[0] : NULL;
	}
	dst = skb_dst(skb);
	if (!dst || !dst_xfrm(dst) || dst_xfrm(xfrm_dst_child(dst)))
		return NULL;
	return dst_xfrm(dst);
}

/* Length of the IP header where nothing follows it but the transport's. */
static __always_inline size_t latch_plain_len(u8 pf)
{
	return pf == NFPROTO_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

/* Does as much lie plain of what follows the IP header? */
static __always_inline bool latch_plain_has(const struct sk_buff *skb, u8 pf, size_t len)
{
	return skb_network_header(skb) + latch_plain_len(pf) + len <= skb_tail_pointer(skb);
}

/* The protocol of a packet, where its headers lie plain. */
static __always_inline u8 latch_plain_proto(const struct sk_buff *skb, u8 pf)
{
	return pf == NFPROTO_IPV4 ? ip_hdr(skb)->protocol : ipv6_hdr(skb)->nexthdr;
}

/* Do the headers of a datagram or segment, or of its first fragment, lie plain? */
static __always_inline bool latch_plain(const struct sk_buff *skb, u8 pf)
{
	if (pf == NFPROTO_IPV4 &&
	    (ip_hdr(skb)->ihl != 5 || ip_hdr(skb)->frag_off & htons(IP_OFFSET)))
		return false;
	return latch_plain_has(skb, pf, sizeof(u32));
}

/* Both ports of such a packet, as struct latch_flow has them. */
static __always_inline u32 latch_plain_ports(const struct sk_buff *skb, u8 pf, u8 dir)
{
	const void *th = skb_network_header(skb) + latch_plain_len(pf);
	u32 ports = get_unaligned((const u32 *)th);

	return dir == LATCH_DIR_IN ? ror32(ports, 16) : ports;
}

/* The address of such a packet at this end, or at the other. */
static __always_inline const u32 *latch_plain_addr(const struct sk_buff *skb, u8 pf, bool source)
{
	if (pf == NFPROTO_IPV4)
		return (__force const u32 *)(source ? &ip_hdr(skb)->saddr : &ip_hdr(skb)->daddr);
	return (__force const u32 *)(source ? &ipv6_hdr(skb)->saddr : &ipv6_hdr(skb)->daddr);
}

/* The latch of the flow that the header of such a packet names; @l is tried first. */
static __always_inline struct latch *latch_plain_find(struct latch_net *ln,
						      const struct sk_buff *skb, u8 pf, u8 dir,
						      u8 proto, u16 l3, struct latch *l)
{
	const u32 *local = latch_plain_addr(skb, pf, dir == LATCH_DIR_OUT);
	const u32 *remote = latch_plain_addr(skb, pf, dir == LATCH_DIR_IN);
	u32 ports = latch_plain_ports(skb, pf, dir);
	u32 kind = latch_kind(pf == NFPROTO_IPV4 ? AF_INET : AF_INET6, proto, l3);

	if (pf == NFPROTO_IPV4) {
		if (l && latch_is4(l, ln, *local, *remote, ports, kind))
			return l;
		return latch_find4(ln, *local, *remote, ports, kind);
	}
	if (l && latch_is6(l, ln, local, remote, ports, kind))
		return l;
	return latch_find6(ln, local, remote, ports, kind);
}

/* What tier 2 has read of such a packet, as latch_parse() would: NAT has not changed it. */
static __always_inline struct latch_hdr latch_plain_hdr(const struct sk_buff *skb,
							const struct net_device *dev, u8 pf,
							u8 dir, u8 proto)
{
	const u32 *local = latch_plain_addr(skb, pf, dir == LATCH_DIR_OUT);
	const u32 *remote = latch_plain_addr(skb, pf, dir == LATCH_DIR_IN);
	bool ip4 = pf == NFPROTO_IPV4;

	return (struct latch_hdr){
		.flow.local.w = { local[0], ip4 ? 0 : local[1], ip4 ? 0 : local[2],
				  ip4 ? 0 : local[3] },
		.flow.remote.w = { remote[0], ip4 ? 0 : remote[1], ip4 ? 0 : remote[2],
				   ip4 ? 0 : remote[3] },
		.flow.ports = latch_plain_ports(skb, pf, dir),
		.flow.kind = latch_kind(ip4 ? AF_INET : AF_INET6, proto, latch_l3(dev)),
		.kind = LATCH_PKT_FLOW,
		.plain = true,
		.thoff = skb_network_offset(skb) + latch_plain_len(pf),
	};
}

/* Can a segment open a connection? Where it cannot be read, it can. */
static __always_inline bool latch_plain_syn(const struct sk_buff *skb, u8 pf)
{
	size_t len = latch_plain_len(pf);
	const struct tcphdr *th = (const void *)skb_network_header(skb) + len;

	if (!latch_plain_has(skb, pf, sizeof(*th)))
		return true;
	return th->syn && !th->ack;
}

#endif /* LATCH_PACKET_PLAIN_H */
