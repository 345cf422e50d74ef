// SPDX-License-Identifier: GPL-2.0
/*
 * A network device that takes every SA and carries out none, for the case in which SAs go
 * with their device (RFC 5660 2.4-1): "ip link add NAME type latch_offload". Debian's
 * kernels have no netdevsim, which would serve.
 */
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <net/rtnetlink.h>
#include <net/xfrm.h>

static netdev_tx_t latch_offload_xmit(struct sk_buff *skb, struct net_device *dev)
{
	kfree_skb(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops latch_offload_netdev_ops = {
	.ndo_start_xmit	= latch_offload_xmit,
};

static latch_xdo_add(latch_offload_add)
{
	return 0;
}

static void latch_offload_delete(struct xfrm_state *x)
{
}

static bool latch_offload_ok(struct sk_buff *skb, struct xfrm_state *x)
{
	return false;
}

static const struct xfrmdev_ops latch_offload_xfrmdev_ops = {
	.xdo_dev_state_add	= latch_offload_add,
	.xdo_dev_state_delete	= latch_offload_delete,
	.xdo_dev_offload_ok	= latch_offload_ok,
};

static void latch_offload_setup(struct net_device *dev)
{
	ether_setup(dev);
	eth_hw_addr_random(dev);
	dev->netdev_ops = &latch_offload_netdev_ops;
	dev->xfrmdev_ops = &latch_offload_xfrmdev_ops;
	dev->features |= NETIF_F_HW_ESP;
	dev->hw_enc_features |= NETIF_F_HW_ESP;
	dev->needs_free_netdev = true;
}

static struct rtnl_link_ops latch_offload_link_ops = {
	.kind	= "latch_offload",
	.setup	= latch_offload_setup,
};

static int __init latch_offload_init(void)
{
	return rtnl_link_register(&latch_offload_link_ops);
}

static void __exit latch_offload_exit(void)
{
	rtnl_link_unregister(&latch_offload_link_ops);
}

module_init(latch_offload_init);
module_exit(latch_offload_exit);
MODULE_DESCRIPTION("A device that takes SAs, for the tests of IPsec connection latching");
MODULE_LICENSE("GPL");
