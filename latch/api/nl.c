// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family "latch": doit and dumpit of the specification in
 * Documentation/netlink/specs/latch.yaml, from which genl.[ch] are generated.
 * All need CAP_NET_ADMIN in the user namespace of the network namespace.
 */
#include <linux/module.h>
#include <net/genetlink.h>

#include "api/genl.c"
#include "api/genl.h"
#include "api/nl.h"
#include "base/net.h"
#include "base/work.h"
#include "core/types.h"
#include "xfrm/spd.h"

/**
 * latch_nl_net() - the namespace of a request, up to date
 * @skb: the request, or what a dump fills
 *
 * Context: process. Return: the namespace's part.
 */
struct latch_net *latch_nl_net(const struct sk_buff *skb)
{
	struct latch_net *ln = latch_pernet(sock_net(skb->sk));

	latch_spd_check_defaults(ln);
	latch_work_sync(ln);
	return ln;
}

/**
 * latch_nl_reply() - start an answer
 * @info: the request
 * @cmd:  LATCH_CMD_*
 * @size: bytes of attributes
 * @hdr:  where the header goes, for latch_nl_send()
 *
 * Context: process. Return: the message, NULL without memory.
 */
struct sk_buff *latch_nl_reply(struct genl_info *info, u8 cmd, size_t size, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(size, GFP_KERNEL);

	if (!skb)
		return NULL;
	*hdr = genlmsg_put_reply(skb, info, &latch_family, 0, cmd);
	if (*hdr)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

/**
 * latch_nl_send() - end and send an answer, or drop it
 * @skb:  the answer; gone after this
 * @hdr:  from latch_nl_reply()
 * @err:  negative errno of what filled it
 * @info: the request
 *
 * Context: process. Return: @err, or what sending says.
 */
int latch_nl_send(struct sk_buff *skb, void *hdr, int err, struct genl_info *info)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

/**
 * latch_nl_dump_put() - start one message of a dump
 * @skb: what the dump fills
 * @cb:  the dump
 * @cmd: LATCH_CMD_*
 *
 * Context: process. Return: its header, NULL without room.
 */
void *latch_nl_dump_put(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &latch_family, NLM_F_MULTI, cmd);
}

/* The generated groups and operations, but for what the generator leaves out. */
static struct genl_multicast_group latch_mcgrps[ARRAY_SIZE(latch_nl_mcgrps)] __ro_after_init;
static struct genl_ops latch_ops[ARRAY_SIZE(latch_nl_ops)] __ro_after_init;

struct genl_family latch_family __ro_after_init = {
	.name		= LATCH_GENL_NAME,
	.version	= LATCH_GENL_VERSION,
	.netnsok	= true,
	.module		= THIS_MODULE,
	.ops		= latch_ops,
	.n_ops		= ARRAY_SIZE(latch_ops),
	.resv_start_op	= 1,
	.mcgrps		= latch_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(latch_mcgrps),
};

/**
 * latch_netlink_init() - offer the family
 *
 * Return: 0 or a negative errno.
 */
int __init latch_netlink_init(void)
{
	unsigned int i;

	memcpy(latch_ops, latch_nl_ops, sizeof(latch_ops));
	for (i = 0; i < ARRAY_SIZE(latch_ops); i++)
		if (latch_ops[i].cmd == LATCH_CMD_PEER_GET)
			latch_ops[i].start = latch_nl_peer_get_start;
	memcpy(latch_mcgrps, latch_nl_mcgrps, sizeof(latch_mcgrps));
	/* the flows and peers of all users are nobody's but the administrator's */
	latch_mcgrps[LATCH_NLGRP_EVENTS].flags = GENL_MCAST_CAP_NET_ADMIN;
	return genl_register_family(&latch_family);
}

/**
 * latch_netlink_exit() - take it back; no request is under way after this
 */
void latch_netlink_exit(void)
{
	genl_unregister_family(&latch_family);
}
