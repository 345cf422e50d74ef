/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only parser of packet headers but for the plain ones that fastpath.h reads in line.
 */
#ifndef LATCH_PACKET_PARSE_H
#define LATCH_PACKET_PARSE_H

#include <linux/skbuff.h>
#include <net/l3mdev.h>

#include "core/flow.h"

struct latch_net;
struct net_device;
struct sk_buff;

/**
 * enum latch_pkt_kind - what a packet is to a latch
 * @LATCH_PKT_FLOW:	a TCP segment or UDP datagram, or a packet of SCTP while that is latched;
 *			its flow is known
 * @LATCH_PKT_ICMP:	an ICMP error about one; the flow is that of the quoted packet
 * @LATCH_PKT_OTHER:	neither: no latch has such packets. ESP, AH and IPComp are here,
 *			too: the kernel undoes them, and the packet comes again without
 * @LATCH_PKT_UNKNOWN:	it cannot be told which of them
 */
enum latch_pkt_kind {
	LATCH_PKT_FLOW,
	LATCH_PKT_ICMP,
	LATCH_PKT_OTHER,
	LATCH_PKT_UNKNOWN,
};

/**
 * struct latch_hdr - a packet's headers
 * @flow:  the flow, seen from this host
 * @kind:  see above; @flow and @thoff are set for the first two only
 * @plain: nothing is between the IP header and the transport's
 * @thoff: offset of the transport header, or the quoted one, from skb->data
 */
struct latch_hdr {
	struct latch_flow	flow;
	enum latch_pkt_kind	kind;
	bool			plain;
	int			thoff;
};

/*
 * The VRF of a device, as struct latch_flow has it. A packet that comes in has the VRF's
 * own device by the time it gets to LOCAL_IN.
 */
static __always_inline u16 latch_l3(const struct net_device *dev)
{
	if (likely(!netif_is_l3_master(dev) && !netif_is_l3_slave(dev)))
		return 0;
	return l3mdev_master_ifindex_rcu(dev) & ~LATCH_L3_FORWARD;
}

void latch_parse_transport(const struct sk_buff *skb, u8 dir, struct latch_hdr *h);
void latch_parse_wire(struct latch_net *ln, struct sk_buff *skb, const struct net_device *dev,
		      u8 pf, u8 dir, struct latch_hdr *h);
void latch_parse(struct latch_net *ln, struct sk_buff *skb, const struct net_device *dev, u8 pf,
		 u8 dir, struct latch_hdr *h);
bool latch_tcp_is_rst(const struct sk_buff *skb, int thoff);
bool latch_tcp_is_syn(const struct sk_buff *skb, int thoff);
bool latch_tcp_is_synack(const struct sk_buff *skb, int thoff);

#endif /* LATCH_PACKET_PARSE_H */
