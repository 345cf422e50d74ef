/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_NL_POLICY_H
#define LATCH_API_NL_POLICY_H

struct genl_info;
struct netlink_callback;
struct sk_buff;

int latch_nl_policy_new_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_policy_del_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_policy_get_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_policy_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int latch_nl_policy_flush_doit(struct sk_buff *skb, struct genl_info *info);

#endif /* LATCH_API_NL_POLICY_H */
