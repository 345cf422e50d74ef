/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_NL_LATCH_H
#define LATCH_API_NL_LATCH_H

struct latch;
struct latch_net;
struct genl_info;
struct netlink_callback;
struct sk_buff;

void latch_notify(struct latch *l, u8 old);
int latch_nl_conn_get_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_conn_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
struct latch *latch_nl_conn(struct latch_net *ln, struct genl_info *info);

#endif /* LATCH_API_NL_LATCH_H */
