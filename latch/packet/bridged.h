/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_BRIDGED_H
#define LATCH_PACKET_BRIDGED_H

#include <linux/netfilter_bridge.h>
#include <linux/skbuff.h>

/* Is the packet on its way through a bridge, whose br_netfilter calls the hooks of IP? */
static inline bool latch_bridged(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_get_physoutif(skb);
#else
	return false;
#endif
}

#endif /* LATCH_PACKET_BRIDGED_H */
