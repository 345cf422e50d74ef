// SPDX-License-Identifier: GPL-2.0
/*
 * What the ends of a forwarded flow hear when its latch is broken or closed (RFC 5660 2.5-1,
 * 5.5-1). Nothing was kept of TCP's sequence numbers, so the next packet that is dropped gives
 * them: its sender takes a reset that begins where the packet acknowledges (RFC 5961 3.2), and its
 * receiver one that begins where the packet does.
 *
 * Each reset is a packet of the flow like any other: POST_ROUTING lets it go to a side that has a
 * latch only under an SA that is congruent with that. Towards the broken side there may be none,
 * and it is not sent.
 *
 * Context: softirq or the worker of a device, under RCU; no lock of ours is held.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "base/net.h"
#include "channel/latch.h"
#include "channel/pkt.h"
#include "channel/report.h"
#include "core/types.h"
#include "packet/answer.h"
#include "packet/classify.h"
#include "packet/enforce.h"
#include "packet/parse.h"
#include "sock/forward.h"

/* A segment that is dropped, and who is to be told: its sender, or else its receiver. */
struct latch_answer_to {
	struct sk_buff		*skb;
	const struct tcphdr	*th;
	u32			end;	/* where the segment's data ends */
	bool			sender;
};

static struct sk_buff *latch_answer_alloc(const struct latch_answer_to *a, size_t len)
{
	struct sk_buff *skb = alloc_skb(LL_MAX_HEADER + len + sizeof(struct tcphdr), GFP_ATOMIC);

	if (!skb)
		return NULL;
	skb_reserve(skb, LL_MAX_HEADER);
	skb_reset_network_header(skb);
	skb_put_zero(skb, len);
	skb->mark = a->skb->mark;
	/* routing asks which device the packet would have left by */
	skb_dst_set_noref(skb, skb_dst(a->skb));
	return skb;
}

static struct tcphdr *latch_answer_tcp(const struct latch_answer_to *a, struct sk_buff *skb)
{
	const struct tcphdr *th = a->th;
	struct tcphdr *rst;

	skb_reset_transport_header(skb);
	rst = skb_put_zero(skb, sizeof(*rst));
	rst->source = a->sender ? th->dest : th->source;
	rst->dest = a->sender ? th->source : th->dest;
	rst->doff = sizeof(*rst) / 4;
	rst->rst = 1;
	if (!a->sender) {
		rst->seq = th->seq;
		rst->ack = th->ack;
		rst->ack_seq = th->ack_seq;
	} else if (th->ack) {
		rst->seq = th->ack_seq;
	} else {
		rst->ack = 1;
		rst->ack_seq = htonl(a->end);
	}
	return rst;
}

/* NAT undoes in an answer to the sender what it did to the segment. */
static void latch_answer_attach(const struct latch_answer_to *a, struct sk_buff *skb)
{
	if (a->sender)
		nf_ct_attach(skb, a->skb);
}

static void latch_answer_rst4(struct net *net, const struct latch_answer_to *a)
{
	struct sk_buff *skb = latch_answer_alloc(a, sizeof(struct iphdr));
	const struct iphdr *old = ip_hdr(a->skb);
	struct tcphdr *rst;
	struct iphdr *iph;

	if (!skb)
		return;
	iph = ip_hdr(skb);
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->frag_off = htons(IP_DF);
	iph->protocol = IPPROTO_TCP;
	iph->ttl = ip4_dst_hoplimit(skb_dst(skb));
	iph->saddr = a->sender ? old->daddr : old->saddr;
	iph->daddr = a->sender ? old->saddr : old->daddr;
	skb->protocol = htons(ETH_P_IP);
	rst = latch_answer_tcp(a, skb);
	rst->check = ~tcp_v4_check(sizeof(*rst), iph->saddr, iph->daddr, 0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = (unsigned char *)rst - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
	if (ip_route_me_harder(net, NULL, skb, RTN_UNSPEC)) {
		kfree_skb(skb);
		return;
	}
	latch_answer_attach(a, skb);
	ip_local_out(net, NULL, skb);
}

static void latch_answer_rst6(struct net *net, const struct latch_answer_to *a)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct sk_buff *skb = latch_answer_alloc(a, sizeof(struct ipv6hdr));
	const struct ipv6hdr *old = ipv6_hdr(a->skb);
	struct ipv6hdr *iph;
	struct tcphdr *rst;

	if (!skb)
		return;
	iph = ipv6_hdr(skb);
	ip6_flow_hdr(iph, 0, 0);
	iph->nexthdr = IPPROTO_TCP;
	iph->hop_limit = ip6_dst_hoplimit(skb_dst(skb));
	iph->saddr = a->sender ? old->daddr : old->saddr;
	iph->daddr = a->sender ? old->saddr : old->daddr;
	skb->protocol = htons(ETH_P_IPV6);
	rst = latch_answer_tcp(a, skb);
	rst->check = csum_ipv6_magic(&iph->saddr, &iph->daddr, sizeof(*rst), IPPROTO_TCP,
				     csum_partial(rst, sizeof(*rst), 0));
	if (ip6_route_me_harder(net, NULL, skb)) {
		kfree_skb(skb);
		return;
	}
	latch_answer_attach(a, skb);
	ip6_local_out(net, NULL, skb);
#endif
}

static void latch_answer_reset(struct net *net, struct sk_buff *skb, int thoff, u8 pf)
{
	struct latch_answer_to a = { .skb = skb };
	struct tcphdr buf;
	int i;

	a.th = skb_header_pointer(skb, thoff, sizeof(buf), &buf);
	if (!a.th || a.th->rst)
		return;
	a.end = ntohl(a.th->seq) + a.th->syn + a.th->fin + skb->len - thoff - __tcp_hdrlen(a.th);
	for (i = 0; i < 2; i++) {
		a.sender = !i;
		if (pf == NFPROTO_IPV4)
			latch_answer_rst4(net, &a);
		else
			latch_answer_rst6(net, &a);
	}
}

/* The kernel limits the rate of these itself, too, and answers no ICMP error. */
static void latch_answer_unreach(struct sk_buff *skb, u8 pf)
{
	if (pf == NFPROTO_IPV4)
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0);
	else
		icmpv6_ndo_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADM_PROHIBITED, 0);
}

/* Does a packet come from the peer that was latched? Nobody else is told anything. */
static bool latch_answer_known(struct latch *l, struct sk_buff *skb, u8 dir)
{
	struct latch_pkt p = {};

	if (dir == LATCH_DIR_OUT)
		return true;
	return latch_classify(l->ln, skb, dir, &p) && latch_fits(l, &p);
}

/**
 * latch_answer() - tell the ends of a forwarded flow that its latch is broken or closed
 * @l:   the latch that drops the packet
 * @skb: the packet, in FORWARD or POST_ROUTING; the caller drops it after this
 * @h:   its headers, LATCH_PKT_FLOW
 * @pf:  NFPROTO_IPV4 or NFPROTO_IPV6
 * @dir: LATCH_DIR_*, as @l sees it
 *
 * As the disposition says: RST to both ends of TCP, ICMP (administratively prohibited) to the
 * sender of anything else, and of TCP where it is `unreach`; that only if it is on the other side.
 * Nothing for `wait`.
 *
 * Context: RCU read side, @l->lock not held.
 */
void latch_answer(struct latch *l, struct sk_buff *skb, const struct latch_hdr *h, u8 pf, u8 dir)
{
	bool tcp = h->flow.proto == IPPROTO_TCP;

	if ((tcp && latch_tcp_is_rst(skb, h->thoff)) || !latch_answer_known(l, skb, dir) ||
	    !latch_forward_may_answer(l))
		return;
	if (tcp && latch_disposition(l) == LATCH_DISP_RESET)
		latch_answer_reset(l->ln->net, skb, h->thoff, pf);
	else if (dir == LATCH_DIR_OUT)
		latch_answer_unreach(skb, pf);
}
