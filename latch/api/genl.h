/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/latch.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_LATCH_GEN_H
#define _LINUX_LATCH_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/latch_netlink.h>

extern const struct nla_policy latch_peer_new_nl_policy[LATCH_A_PEER_WITH_BINDINGS + 1];

extern const struct nla_policy latch_peer_del_nl_policy[LATCH_A_PEER_ID + 1];

extern const struct nla_policy latch_peer_get_nl_policy[LATCH_A_PEER_ID + 1];

extern const struct nla_policy latch_binding_new_nl_policy[LATCH_A_BINDING_NATT_ADDR + 1];

extern const struct nla_policy latch_binding_del_nl_policy[LATCH_A_BINDING_LOCAL + 1];

extern const struct nla_policy latch_binding_get_nl_policy[LATCH_A_BINDING_REQID + 1];

extern const struct nla_policy latch_conn_get_nl_policy[LATCH_A_CONN_ID + 1];

extern const struct nla_policy latch_conn_close_nl_policy[LATCH_A_CONN_ID + 1];

extern const struct nla_policy latch_conn_flush_nl_policy[LATCH_A_CONN_PEER + 1];

extern const struct nla_policy latch_manager_set_nl_policy[LATCH_A_MANAGER_DEAD_PEER + 1];

extern const struct nla_policy latch_conn_release_nl_policy[LATCH_A_CONN_ID + 1];

extern const struct nla_policy latch_conn_own_policy_off_nl_policy[LATCH_A_CONN_ID + 1];

extern const struct nla_policy latch_policy_new_nl_policy[LATCH_A_POLICY_TMPL_REQID + 1];

extern const struct nla_policy latch_policy_del_nl_policy[LATCH_A_POLICY_ID + 1];

extern const struct nla_policy latch_policy_get_nl_policy[LATCH_A_POLICY_ID + 1];

extern const struct nla_policy latch_policy_flush_nl_policy[LATCH_A_POLICY_ACTION + 1];

/* Ops table for latch */
extern const struct genl_ops latch_nl_ops[16];

int latch_nl_peer_get_start(struct netlink_callback *cb);

int latch_nl_peer_new_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int latch_nl_binding_new_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_binding_del_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_binding_get_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_binding_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int latch_nl_conn_get_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_conn_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int latch_nl_conn_close_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_conn_flush_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_manager_set_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_conn_release_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_conn_own_policy_off_doit(struct sk_buff *skb,
				      struct genl_info *info);
int latch_nl_policy_new_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_policy_del_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_policy_get_doit(struct sk_buff *skb, struct genl_info *info);
int latch_nl_policy_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int latch_nl_policy_flush_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	LATCH_NLGRP_EVENTS,
};

#endif /* _LINUX_LATCH_GEN_H */
