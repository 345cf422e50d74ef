/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_NETLINK_H
#define LATCH_NETLINK_H

#include "genl.h"
#include "latch.h"

extern struct genl_family latch_family;

/* netlink.c */
struct latch_net *latch_nl_net(const struct sk_buff *skb);
struct sk_buff *latch_nl_reply(struct genl_info *info, u8 cmd, size_t size, void **hdr);
int latch_nl_send(struct sk_buff *skb, void *hdr, int err, struct genl_info *info);
void *latch_nl_dump_put(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd);

/* netlink_conn.c */
void latch_dead_peer(struct latch_net *ln, const struct latch_peer *p);

#endif /* LATCH_NETLINK_H */
