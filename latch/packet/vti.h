/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_VTI_H
#define LATCH_PACKET_VTI_H

#include <linux/if_arp.h>
#include <linux/netdevice.h>
#include <net/rtnetlink.h>

/* Inbound packets of VTI carry no sec_path, so a flow over it cannot be latched. */
static inline bool latch_is_vti(const struct net_device *dev)
{
	const struct rtnl_link_ops *ops = dev->rtnl_link_ops;

	if (dev->type != ARPHRD_TUNNEL && dev->type != ARPHRD_TUNNEL6)
		return false;
	return ops && (!strcmp(ops->kind, "vti") || !strcmp(ops->kind, "vti6"));
}

#endif /* LATCH_PACKET_VTI_H */
