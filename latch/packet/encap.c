// SPDX-License-Identifier: GPL-2.0
/*
 * Packets inside of packets, as far as the kernel unpacks them where no hook sees the
 * result (FOU, GUE), or merges the results (GRO behind ESP).
 */
#include <net/gue.h>

#include "base/net.h"
#include "base/sctp.h"
#include "channel/latch.h"
#include "core/types.h"
#include "packet/create.h"
#include "packet/encap.h"
#include "packet/enforce.h"
#include "packet/input.h"
#include "packet/parse.h"
#include "packet/sctp.h"

/* So many UDP tunnels inside of one another are read. */
#define LATCH_ENCAP_DEPTH	3

/**
 * latch_encap_split() - keep GRO from merging what two SAs protected
 * @skb: an ESP or AH packet, alone or in UDP, still protected
 * @off: offset of its SPI from skb->data
 *
 * GRO merges the packets that come out of tunnels without a look at their SAs, and the
 * first one's SA then speaks for all (RFC 5660 2-11). It merges none whose hashes differ,
 * and a packet keeps its hash when the kernel unpacks it.
 *
 * Context: RCU read side.
 */
void latch_encap_split(struct sk_buff *skb, int off)
{
	__be32 buf;
	const __be32 *spi = skb_header_pointer(skb, off, sizeof(buf), &buf);

	if (spi)
		latch_encap_hash(skb, ip_hdr(skb)->version == 4 ? ip_hdr(skb)->daddr :
				 ipv6_hdr(skb)->daddr.s6_addr32[3], *spi);
}

static unsigned int latch_encap_read(struct latch_net *ln, struct sk_buff *skb,
				     const struct latch_hdr *h, int depth);

/* One way to read what a UDP tunnel carries: a transport header at @off. */
static unsigned int latch_encap_try(struct latch_net *ln, struct sk_buff *skb,
				    const struct latch_hdr *outer, u8 proto, int off, int depth)
{
	struct latch_hdr h = *outer;
	struct latch *l;

	h.flow.proto = proto;
	h.thoff = off;
	latch_parse_transport(skb, LATCH_DIR_IN, &h);
	if (h.kind == LATCH_PKT_ICMP)
		return latch_input_icmp(ln, skb, &h);
	if (h.kind != LATCH_PKT_FLOW)
		return NF_ACCEPT;
	l = latch_input_lookup(ln, skb, &h);
	if (l)
		return latch_enforce(l, skb, LATCH_DIR_IN);
	if (proto == IPPROTO_UDP && latch_create_tunnel(ln, skb, &h))
		return latch_encap_read(ln, skb, &h, depth + 1);
	return latch_stray(ln, latch_demand_for(ln, skb, &h), skb, LATCH_DIR_IN);
}

/* GUE names what it carries. In IPv6 that can be an extension header, and so anything. */
static unsigned int latch_encap_gue(struct latch_net *ln, struct sk_buff *skb,
				    const struct latch_hdr *outer, int off, int depth)
{
	const struct guehdr *gue;
	struct guehdr buf;

	gue = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!gue || gue->version || gue->control)
		return NF_ACCEPT;
	if (outer->flow.family == AF_INET6 && ipv6_ext_hdr(gue->proto_ctype) &&
	    gue->proto_ctype != NEXTHDR_AUTH && gue->proto_ctype != NEXTHDR_NONE)
		return latch_drop_unknown(ln, skb, LATCH_DIR_IN);
	return latch_encap_try(ln, skb, outer, gue->proto_ctype,
			       off + sizeof(*gue) + gue->hlen * 4, depth);
}

/* Every way to read it. What is packed so often that nobody sends it is not read. */
static unsigned int latch_encap_read(struct latch_net *ln, struct sk_buff *skb,
				     const struct latch_hdr *h, int depth)
{
	int off = h->thoff + sizeof(struct udphdr);
	u8 icmp = h->flow.family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	unsigned int ret;

	if (depth == LATCH_ENCAP_DEPTH)
		return latch_drop_unknown(ln, skb, LATCH_DIR_IN);
	ret = latch_encap_try(ln, skb, h, IPPROTO_TCP, off, depth);
	if (ret == NF_ACCEPT)
		ret = latch_encap_try(ln, skb, h, IPPROTO_UDP, off, depth);
	if (ret == NF_ACCEPT && latch_sctp_on())
		ret = latch_encap_try(ln, skb, h, IPPROTO_SCTP, off, depth);
	if (ret == NF_ACCEPT)
		ret = latch_encap_try(ln, skb, h, icmp, off, depth);
	return ret == NF_ACCEPT ? latch_encap_gue(ln, skb, h, off, depth) : ret;
}

/**
 * latch_encap_in() - a datagram for a UDP tunnel's socket
 * @ln:  the namespace
 * @skb: the datagram, in LOCAL_IN
 * @h:   its headers
 *
 * FOU and GUE hand a segment to TCP, or a datagram to UDP, without another pass of the
 * hook, as the port of net.sctp.udp_port hands a packet to SCTP; the addresses are those of the
 * outer header. Which tunnel it is the socket does not tell, so every way to read the datagram is
 * tried, and a latched flow that one of them leads to checks it.
 *
 * Context: RCU read side, BH off. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_encap_in(struct latch_net *ln, struct sk_buff *skb,
			    const struct latch_hdr *h)
{
	return latch_guarded(ln) ? latch_encap_read(ln, skb, h, 0) : NF_ACCEPT;
}
