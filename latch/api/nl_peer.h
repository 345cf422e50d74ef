/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_NL_PEER_H
#define LATCH_API_NL_PEER_H

struct latch_net;
struct latch_peer;
struct genl_info;
struct netlink_callback;
struct sk_buff;

int latch_nl_peer_new_doit(struct sk_buff *skb, struct genl_info *info);
struct latch_peer *latch_nl_peer(struct latch_net *ln, struct genl_info *info, int attr);
int latch_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* LATCH_API_NL_PEER_H */
