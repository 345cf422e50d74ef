/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_AGAIN_H
#define LATCH_PACKET_AGAIN_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/dst.h>
#include <net/rtnetlink.h>

#include "base/net.h"

/*
 * A packet goes in clear to an XFRM interface, whose SAs are in this namespace, or to a VRF,
 * and comes here once more with the SA that it is to have.
 */
static inline bool latch_comes_again(const struct latch_net *ln, const struct sk_buff *skb,
				     const struct net_device *out)
{
	const struct rtnl_link_ops *ops = out->rtnl_link_ops;

	if (dst_xfrm(skb_dst(skb)))
		return false;
	if (netif_is_l3_master(out))
		return true;
	return ops && !strcmp(ops->kind, "xfrm") && ops->get_link_net &&
	       net_eq(ops->get_link_net(out), ln->net);
}

#endif /* LATCH_PACKET_AGAIN_H */
