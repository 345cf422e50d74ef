// SPDX-License-Identifier: GPL-2.0
/*
 * Whose flow a packet's headers name. Where a header can be read in two ways, or the
 * kernel would change it after the hook, the answer is LATCH_PKT_UNKNOWN.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/seg6.h>
#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "base/net.h"
#include "base/sctp.h"
#include "core/flow.h"
#include "core/types.h"
#include "packet/parse.h"

#if IS_ENABLED(CONFIG_NF_CONNTRACK)
#include <net/netfilter/nf_conntrack.h>
#endif

/* So many extension headers are read; RFC 8200 4.1 knows of seven. */
#define LATCH_EXTHDRS	8

/* Both ports of the transport header at @off; false where the packet ends before them. */
static bool latch_parse_ports(const struct sk_buff *skb, int off, u8 dir, struct latch_flow *f)
{
	__be16 buf[2];
	const __be16 *port = skb_header_pointer(skb, off, sizeof(buf), buf);

	if (!port)
		return false;
	f->lport = (__force u16)port[dir == LATCH_DIR_IN];
	f->rport = (__force u16)port[dir == LATCH_DIR_OUT];
	return true;
}

static void latch_parse_addrs4(const struct iphdr *iph, u8 dir, struct latch_flow *f)
{
	memset(f, 0, sizeof(*f));
	f->family = AF_INET;
	f->proto = iph->protocol;
	memcpy(&f->local, dir == LATCH_DIR_IN ? &iph->daddr : &iph->saddr, 4);
	memcpy(&f->remote, dir == LATCH_DIR_IN ? &iph->saddr : &iph->daddr, 4);
}

static void latch_parse_addrs6(const struct ipv6hdr *iph, u8 dir, struct latch_flow *f)
{
	memset(f, 0, sizeof(*f));
	f->family = AF_INET6;
	f->proto = iph->nexthdr;
	memcpy(&f->local, dir == LATCH_DIR_IN ? &iph->daddr : &iph->saddr, 16);
	memcpy(&f->remote, dir == LATCH_DIR_IN ? &iph->saddr : &iph->daddr, 16);
}

/* Only the first fragment of a packet has its ports. */
static bool latch_parse4(const struct sk_buff *skb, u8 dir, struct latch_hdr *h)
{
	int off = skb_network_offset(skb);
	const struct iphdr *iph;
	struct iphdr buf;

	iph = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!iph || iph->ihl < 5 || iph->frag_off & htons(IP_OFFSET) ||
	    (dir == LATCH_DIR_IN && ip_is_fragment(iph)))
		return false;
	latch_parse_addrs4(iph, dir, &h->flow);
	h->plain = iph->ihl == 5;
	h->thoff = off + iph->ihl * 4;
	return true;
}

/*
 * A routing header that is not used up makes the kernel change the destination after the
 * hook. Where the packet then leaves this host it is none of ours.
 */
static bool latch_route_ends(const struct latch_net *ln, const struct sk_buff *skb, int off)
{
	const struct ipv6_sr_hdr *rh;
	const struct in6_addr *addr;
	struct ipv6_sr_hdr buf;
	struct in6_addr abuf;
	int i;

	rh = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!rh)
		return false;
	if (!rh->segments_left)
		return true;
	if (rh->type != IPV6_SRCRT_TYPE_4)
		return false;
	for (i = 0; i < rh->segments_left; i++) {
		addr = skb_header_pointer(skb, off + sizeof(*rh) + i * sizeof(abuf),
					  sizeof(abuf), &abuf);
		if (!addr || ipv6_chk_addr(ln->net, addr, NULL, 0))
			return false;
	}
	return true;
}

/* A home address makes the kernel change the source after the hook (RFC 6275 6.3). */
static bool latch_has_home_address(struct sk_buff *skb, int off, int len)
{
	return !pskb_may_pull(skb, off + len) ||
	       ipv6_find_tlv(skb, off - skb_network_offset(skb), IPV6_TLV_HAO) >= 0;
}

/* The next extension header: false where the chain cannot be followed. */
static bool latch_parse_exthdr(struct latch_net *ln, struct sk_buff *skb, u8 dir,
			       struct latch_hdr *h)
{
	const struct frag_hdr *fh;
	const struct ipv6_opt_hdr *oh;
	struct ipv6_opt_hdr obuf;
	struct frag_hdr fbuf;
	int len;
	u8 next;

	h->plain = false;
	if (h->flow.proto == NEXTHDR_FRAGMENT) {
		fh = skb_header_pointer(skb, h->thoff, sizeof(fbuf), &fbuf);
		if (!fh || fh->frag_off & htons(IP6_OFFSET) ||
		    (dir == LATCH_DIR_IN && fh->frag_off & htons(IP6_MF)))
			return false;
		h->flow.proto = fh->nexthdr;
		h->thoff += sizeof(*fh);
		return true;
	}
	oh = skb_header_pointer(skb, h->thoff, sizeof(obuf), &obuf);
	if (!oh)
		return false;
	next = oh->nexthdr;
	len = ipv6_optlen(oh);
	if (dir == LATCH_DIR_IN && h->flow.proto == NEXTHDR_ROUTING &&
	    !latch_route_ends(ln, skb, h->thoff))
		return false;
	if (dir == LATCH_DIR_IN && h->flow.proto == NEXTHDR_DEST &&
	    latch_has_home_address(skb, h->thoff, len))
		return false;
	h->flow.proto = next;
	h->thoff += len;
	return true;
}

static bool latch_parse6(struct latch_net *ln, struct sk_buff *skb, u8 dir,
			 struct latch_hdr *h)
{
	int off = skb_network_offset(skb), i;
	const struct ipv6hdr *iph;
	struct ipv6hdr buf;

	iph = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!iph)
		return false;
	latch_parse_addrs6(iph, dir, &h->flow);
	h->plain = true;
	h->thoff = off + sizeof(*iph);
	for (i = 0; i < LATCH_EXTHDRS; i++) {
		switch (h->flow.proto) {
		case NEXTHDR_HOP:
		case NEXTHDR_ROUTING:
		case NEXTHDR_FRAGMENT:
		case NEXTHDR_DEST:
			if (!latch_parse_exthdr(ln, skb, dir, h))
				return false;
			break;
		default:
			return true;
		}
	}
	return false;
}

static bool latch_icmp_error(u8 family, u8 type)
{
	if (family == AF_INET6)
		return type < ICMPV6_INFOMSG_MASK;
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH ||
	       type == ICMP_REDIRECT || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB;
}

/* Does this protocol have flows that may be latched? */
static bool latch_parse_latched(u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       (proto == IPPROTO_SCTP && latch_sctp_on());
}

/*
 * The packet that an ICMP error quotes, read as the kernel does that looks for its socket:
 * it takes any fragment offset, and skips AH.
 */
static enum latch_pkt_kind latch_parse_quoted(const struct sk_buff *skb, int off, u8 dir,
					      struct latch_hdr *h)
{
	u8 family = h->flow.family;
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	} buf;
	const void *iph;
	__be16 frag;

	h->thoff = off;
	if (family == AF_INET) {
		iph = skb_header_pointer(skb, off, sizeof(buf.v4), &buf.v4);
		if (!iph)
			return LATCH_PKT_UNKNOWN;
		latch_parse_addrs4(iph, dir, &h->flow);
		h->thoff += ((const struct iphdr *)iph)->ihl * 4;
	} else {
		iph = skb_header_pointer(skb, off, sizeof(buf.v6), &buf.v6);
		if (!iph)
			return LATCH_PKT_UNKNOWN;
		latch_parse_addrs6(iph, dir, &h->flow);
		h->thoff = ipv6_skip_exthdr(skb, off + sizeof(buf.v6), &h->flow.proto, &frag);
		if (h->thoff < 0)
			return LATCH_PKT_UNKNOWN;
	}
	if (!latch_parse_latched(h->flow.proto))
		return LATCH_PKT_OTHER;
	return latch_parse_ports(skb, h->thoff, dir, &h->flow) ? LATCH_PKT_ICMP :
								 LATCH_PKT_UNKNOWN;
}

static enum latch_pkt_kind latch_parse_kind(const struct sk_buff *skb, u8 dir,
					    struct latch_hdr *h)
{
	u8 family = h->flow.family;
	u8 proto = h->flow.proto, buf;
	const u8 *type;

	if (latch_parse_latched(proto))
		return latch_parse_ports(skb, h->thoff, dir, &h->flow) ? LATCH_PKT_FLOW :
									 LATCH_PKT_UNKNOWN;
	if (proto != (family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return LATCH_PKT_OTHER;
	type = skb_header_pointer(skb, h->thoff, 1, &buf);
	if (!type)
		return LATCH_PKT_UNKNOWN;
	if (!latch_icmp_error(family, *type))
		return LATCH_PKT_OTHER;
	/* an error that comes in is about a packet that went out, and the other way round */
	return latch_parse_quoted(skb, h->thoff + sizeof(struct icmphdr), !dir, h);
}

/**
 * latch_parse_transport() - what a transport header says
 * @skb: the packet
 * @dir: LATCH_DIR_*
 * @h:   addresses and protocol of the flow and the header's offset are set; the rest is
 *       filled in
 *
 * Context: any.
 */
void latch_parse_transport(const struct sk_buff *skb, u8 dir, struct latch_hdr *h)
{
	u16 l3 = h->flow.l3;

	h->kind = latch_parse_kind(skb, dir, h);
	h->flow.l3 = l3;
}

/*
 * What goes out was translated by NAT before it came to the hook; sockets and latches know
 * the flow as it was.
 */
static void latch_parse_nat(const struct sk_buff *skb, struct latch_hdr *h)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	const struct nf_conntrack_tuple *t;
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);
	struct latch_flow *f = &h->flow;

	if (!ct || !(ct->status & IPS_NAT_MASK))
		return;
	t = &ct->tuplehash[CTINFO2DIR(ctinfo)].tuple;
	if (t->dst.protonum != f->proto)
		return;
	BUILD_BUG_ON(sizeof(f->local) != sizeof(t->src.u3));
	memcpy(&f->local, &t->src.u3, sizeof(f->local));
	memcpy(&f->remote, &t->dst.u3, sizeof(f->remote));
	f->lport = (__force u16)t->src.u.all;
	f->rport = (__force u16)t->dst.u.all;
#endif
}

/**
 * latch_parse() - what a packet is, and of which flow
 * @ln:  the namespace
 * @skb: the packet; some of it may be pulled into its head
 * @dev: the device that tells its VRF
 * @pf:  NFPROTO_IPV4 or NFPROTO_IPV6
 * @dir: LATCH_DIR_*: it is in LOCAL_IN, or in POST_ROUTING
 * @h:   to fill
 *
 * Context: RCU read side.
 */
void latch_parse(struct latch_net *ln, struct sk_buff *skb, const struct net_device *dev,
		 u8 pf, u8 dir, struct latch_hdr *h)
{
	bool ok = pf == NFPROTO_IPV4 ? latch_parse4(skb, dir, h) :
				       latch_parse6(ln, skb, dir, h);

	h->kind = LATCH_PKT_UNKNOWN;
	if (ok)
		latch_parse_transport(skb, dir, h);
	if (h->kind != LATCH_PKT_FLOW && h->kind != LATCH_PKT_ICMP)
		return;
	if (dir == LATCH_DIR_OUT)
		latch_parse_nat(skb, h);
	h->flow.l3 = latch_l3(dev);
}

/*
 * What comes in was translated by NAT before it came to FORWARD; to the side that it comes from
 * it is what it was.
 */
static void latch_parse_nat_in(const struct sk_buff *skb, struct latch_flow *f)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	const struct nf_conntrack_tuple *t;
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (!ct || !(ct->status & IPS_NAT_MASK))
		return;
	t = &ct->tuplehash[CTINFO2DIR(ctinfo)].tuple;
	if (t->dst.protonum != f->proto)
		return;
	memcpy(&f->remote, &t->src.u3, sizeof(f->remote));
	memcpy(&f->local, &t->dst.u3, sizeof(f->local));
	if (!f->ports)
		return;
	f->rport = (__force u16)t->src.u.all;
	f->lport = (__force u16)t->dst.u.all;
#endif
}

/**
 * latch_parse_wire() - what a packet is that this host forwards, to the side that @dir is about
 * @ln:  the namespace
 * @skb: the packet; some of it may be pulled into its head
 * @dev: the device that tells its VRF
 * @pf:  NFPROTO_IPV4 or NFPROTO_IPV6
 * @dir: LATCH_DIR_*: it is in FORWARD, or in POST_ROUTING
 * @h:   to fill; LATCH_PKT_OTHER it is never
 *
 * A protocol without ports is a flow by its addresses.
 *
 * Context: RCU read side.
 */
void latch_parse_wire(struct latch_net *ln, struct sk_buff *skb, const struct net_device *dev,
		      u8 pf, u8 dir, struct latch_hdr *h)
{
	bool ok = pf == NFPROTO_IPV4 ? latch_parse4(skb, dir, h) :
				       latch_parse6(ln, skb, dir, h);
	int thoff = h->thoff;

	h->kind = LATCH_PKT_UNKNOWN;
	if (!ok)
		return;
	h->kind = latch_parse_kind(skb, dir, h);
	if (h->kind == LATCH_PKT_OTHER) {
		h->kind = h->thoff == thoff ? LATCH_PKT_FLOW : LATCH_PKT_ICMP;
		h->flow.ports = 0;
	}
	if (dir == LATCH_DIR_IN)
		latch_parse_nat_in(skb, &h->flow);
	h->flow.l3 = latch_l3(dev) | LATCH_L3_FORWARD;
}

static const struct tcphdr *latch_tcp_header(const struct sk_buff *skb, int thoff,
					     struct tcphdr *buf)
{
	return skb_header_pointer(skb, thoff, sizeof(*buf), buf);
}

/**
 * latch_tcp_is_rst() - does a segment end its connection at once?
 * @skb:   the packet
 * @thoff: its TCP header
 *
 * Context: any. Return: true for RST.
 */
bool latch_tcp_is_rst(const struct sk_buff *skb, int thoff)
{
	struct tcphdr buf;
	const struct tcphdr *th = latch_tcp_header(skb, thoff, &buf);

	return th && th->rst;
}

/**
 * latch_tcp_is_syn() - is a segment one that only a listener can answer?
 * @skb:   the packet
 * @thoff: its TCP header
 *
 * Context: any. Return: true for SYN without ACK.
 */
bool latch_tcp_is_syn(const struct sk_buff *skb, int thoff)
{
	struct tcphdr buf;
	const struct tcphdr *th = latch_tcp_header(skb, thoff, &buf);

	return th && th->syn && !th->ack;
}

/**
 * latch_tcp_is_synack() - does a segment answer a SYN?
 * @skb:   the packet
 * @thoff: its TCP header
 *
 * Context: any. Return: true for SYN with ACK.
 */
bool latch_tcp_is_synack(const struct sk_buff *skb, int thoff)
{
	struct tcphdr buf;
	const struct tcphdr *th = latch_tcp_header(skb, thoff, &buf);

	return th && th->syn && th->ack;
}
