/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_BALANCED_H
#define LATCH_PACKET_BALANCED_H

#include <linux/skbuff.h>

struct latch_hdr;
struct latch_net;
struct sock;

/* Has IPVS said where the packet goes? Its changes of headers are not conntrack's. */
static __always_inline bool latch_balanced(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_IP_VS)
	return skb->ipvs_property;
#else
	return false;
#endif
}

struct sock *latch_balanced_sender(struct latch_net *ln, const struct sk_buff *skb, u8 pf,
				   struct latch_hdr *h);

#endif /* LATCH_PACKET_BALANCED_H */
