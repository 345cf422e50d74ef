// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/latch.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "genl.h"

#include <uapi/linux/latch_netlink.h>

/* LATCH_CMD_PEER_NEW - do */
const struct nla_policy latch_peer_new_nl_policy[LATCH_A_PEER_WITH_BINDINGS + 1] = {
	[LATCH_A_PEER_ID_TYPE] = { .type = NLA_U8, },
	[LATCH_A_PEER_ID_VALUE] = { .type = NLA_BINARY, },
	[LATCH_A_PEER_AUTH] = { .type = NLA_U8, },
	[LATCH_A_PEER_CERT] = { .type = NLA_BINARY, },
	[LATCH_A_PEER_ANCHOR] = { .type = NLA_BINARY, },
	[LATCH_A_PEER_KEY] = { .type = NLA_BINARY, },
	[LATCH_A_PEER_WITH_BINDINGS] = { .type = NLA_FLAG, },
};

/* LATCH_CMD_PEER_DEL - do */
const struct nla_policy latch_peer_del_nl_policy[LATCH_A_PEER_ID + 1] = {
	[LATCH_A_PEER_ID] = { .type = NLA_U32, },
};

/* LATCH_CMD_PEER_GET - do */
const struct nla_policy latch_peer_get_nl_policy[LATCH_A_PEER_ID + 1] = {
	[LATCH_A_PEER_ID] = { .type = NLA_U32, },
};

/* LATCH_CMD_BINDING_NEW - do */
const struct nla_policy latch_binding_new_nl_policy[LATCH_A_BINDING_NATT_ADDR + 1] = {
	[LATCH_A_BINDING_FAMILY] = { .type = NLA_U16, },
	[LATCH_A_BINDING_DST] = { .type = NLA_BINARY, },
	[LATCH_A_BINDING_PROTO] = { .type = NLA_U8, },
	[LATCH_A_BINDING_SPI] = { .type = NLA_U32, },
	[LATCH_A_BINDING_MARK] = { .type = NLA_U32, },
	[LATCH_A_BINDING_MARK_MASK] = { .type = NLA_U32, },
	[LATCH_A_BINDING_REQID] = { .type = NLA_U32, },
	[LATCH_A_BINDING_PEER] = { .type = NLA_U32, },
	[LATCH_A_BINDING_LOCAL] = { .type = NLA_U32, },
	[LATCH_A_BINDING_WITH_SA] = { .type = NLA_FLAG, },
	[LATCH_A_BINDING_EXCLUSIVE] = { .type = NLA_FLAG, },
	[LATCH_A_BINDING_REPLACE] = { .type = NLA_FLAG, },
	[LATCH_A_BINDING_NATT_ADDR] = { .type = NLA_BINARY, },
};

/* LATCH_CMD_BINDING_DEL - do */
const struct nla_policy latch_binding_del_nl_policy[LATCH_A_BINDING_LOCAL + 1] = {
	[LATCH_A_BINDING_FAMILY] = { .type = NLA_U16, },
	[LATCH_A_BINDING_DST] = { .type = NLA_BINARY, },
	[LATCH_A_BINDING_PROTO] = { .type = NLA_U8, },
	[LATCH_A_BINDING_SPI] = { .type = NLA_U32, },
	[LATCH_A_BINDING_MARK] = { .type = NLA_U32, },
	[LATCH_A_BINDING_MARK_MASK] = { .type = NLA_U32, },
	[LATCH_A_BINDING_REQID] = { .type = NLA_U32, },
	[LATCH_A_BINDING_PEER] = { .type = NLA_U32, },
	[LATCH_A_BINDING_LOCAL] = { .type = NLA_U32, },
};

/* LATCH_CMD_BINDING_GET - do */
const struct nla_policy latch_binding_get_nl_policy[LATCH_A_BINDING_REQID + 1] = {
	[LATCH_A_BINDING_FAMILY] = { .type = NLA_U16, },
	[LATCH_A_BINDING_DST] = { .type = NLA_BINARY, },
	[LATCH_A_BINDING_PROTO] = { .type = NLA_U8, },
	[LATCH_A_BINDING_SPI] = { .type = NLA_U32, },
	[LATCH_A_BINDING_MARK] = { .type = NLA_U32, },
	[LATCH_A_BINDING_MARK_MASK] = { .type = NLA_U32, },
	[LATCH_A_BINDING_REQID] = { .type = NLA_U32, },
};

/* LATCH_CMD_CONN_GET - do */
const struct nla_policy latch_conn_get_nl_policy[LATCH_A_CONN_ID + 1] = {
	[LATCH_A_CONN_ID] = { .type = NLA_U64, },
};

/* LATCH_CMD_CONN_CLOSE - do */
const struct nla_policy latch_conn_close_nl_policy[LATCH_A_CONN_ID + 1] = {
	[LATCH_A_CONN_ID] = { .type = NLA_U64, },
};

/* LATCH_CMD_CONN_FLUSH - do */
const struct nla_policy latch_conn_flush_nl_policy[LATCH_A_CONN_PEER + 1] = {
	[LATCH_A_CONN_PEER] = { .type = NLA_U32, },
};

/* LATCH_CMD_MANAGER_SET - do */
const struct nla_policy latch_manager_set_nl_policy[LATCH_A_MANAGER_DEAD_PEER + 1] = {
	[LATCH_A_MANAGER_ACTIVE] = { .type = NLA_U8, },
	[LATCH_A_MANAGER_DEAD_PEER] = { .type = NLA_U32, },
};

/* LATCH_CMD_CONN_RELEASE - do */
const struct nla_policy latch_conn_release_nl_policy[LATCH_A_CONN_ID + 1] = {
	[LATCH_A_CONN_ID] = { .type = NLA_U64, },
};

/* LATCH_CMD_CONN_OWN_POLICY_OFF - do */
const struct nla_policy latch_conn_own_policy_off_nl_policy[LATCH_A_CONN_ID + 1] = {
	[LATCH_A_CONN_ID] = { .type = NLA_U64, },
};

/* LATCH_CMD_POLICY_NEW - do */
const struct nla_policy latch_policy_new_nl_policy[LATCH_A_POLICY_TMPL_REQID + 1] = {
	[LATCH_A_POLICY_ACTION] = NLA_POLICY_RANGE(NLA_U8, 1, 1),
	[LATCH_A_POLICY_BEFORE] = { .type = NLA_U32, },
	[LATCH_A_POLICY_PROTO] = { .type = NLA_U8, },
	[LATCH_A_POLICY_LOCAL] = { .type = NLA_BINARY, },
	[LATCH_A_POLICY_LOCAL_LEN] = { .type = NLA_U8, },
	[LATCH_A_POLICY_REMOTE] = { .type = NLA_BINARY, },
	[LATCH_A_POLICY_REMOTE_LEN] = { .type = NLA_U8, },
	[LATCH_A_POLICY_LOCAL_PORT] = { .type = NLA_U16, },
	[LATCH_A_POLICY_REMOTE_PORT] = { .type = NLA_U16, },
	[LATCH_A_POLICY_TMPL_PROTO] = { .type = NLA_U8, },
	[LATCH_A_POLICY_TMPL_MODE] = { .type = NLA_U8, },
	[LATCH_A_POLICY_TMPL_LOCAL] = { .type = NLA_BINARY, },
	[LATCH_A_POLICY_TMPL_REMOTE] = { .type = NLA_BINARY, },
	[LATCH_A_POLICY_TMPL_REQID] = { .type = NLA_U32, },
};

/* LATCH_CMD_POLICY_DEL - do */
const struct nla_policy latch_policy_del_nl_policy[LATCH_A_POLICY_ID + 1] = {
	[LATCH_A_POLICY_ID] = { .type = NLA_U32, },
};

/* LATCH_CMD_POLICY_GET - do */
const struct nla_policy latch_policy_get_nl_policy[LATCH_A_POLICY_ID + 1] = {
	[LATCH_A_POLICY_ID] = { .type = NLA_U32, },
};

/* LATCH_CMD_POLICY_FLUSH - do */
const struct nla_policy latch_policy_flush_nl_policy[LATCH_A_POLICY_ACTION + 1] = {
	[LATCH_A_POLICY_ACTION] = NLA_POLICY_RANGE(NLA_U8, 1, 1),
};

/* Ops table for latch */
const struct genl_ops latch_nl_ops[16] = {
	{
		.cmd		= LATCH_CMD_PEER_NEW,
		.doit		= latch_nl_peer_new_doit,
		.policy		= latch_peer_new_nl_policy,
		.maxattr	= LATCH_A_PEER_WITH_BINDINGS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_PEER_DEL,
		.doit		= latch_nl_peer_del_doit,
		.policy		= latch_peer_del_nl_policy,
		.maxattr	= LATCH_A_PEER_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_PEER_GET,
		.doit		= latch_nl_peer_get_doit,
		.dumpit		= latch_nl_peer_get_dumpit,
		.policy		= latch_peer_get_nl_policy,
		.maxattr	= LATCH_A_PEER_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_BINDING_NEW,
		.doit		= latch_nl_binding_new_doit,
		.policy		= latch_binding_new_nl_policy,
		.maxattr	= LATCH_A_BINDING_NATT_ADDR,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_BINDING_DEL,
		.doit		= latch_nl_binding_del_doit,
		.policy		= latch_binding_del_nl_policy,
		.maxattr	= LATCH_A_BINDING_LOCAL,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_BINDING_GET,
		.doit		= latch_nl_binding_get_doit,
		.dumpit		= latch_nl_binding_get_dumpit,
		.policy		= latch_binding_get_nl_policy,
		.maxattr	= LATCH_A_BINDING_REQID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_CONN_GET,
		.doit		= latch_nl_conn_get_doit,
		.dumpit		= latch_nl_conn_get_dumpit,
		.policy		= latch_conn_get_nl_policy,
		.maxattr	= LATCH_A_CONN_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_CONN_CLOSE,
		.doit		= latch_nl_conn_close_doit,
		.policy		= latch_conn_close_nl_policy,
		.maxattr	= LATCH_A_CONN_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_CONN_FLUSH,
		.doit		= latch_nl_conn_flush_doit,
		.policy		= latch_conn_flush_nl_policy,
		.maxattr	= LATCH_A_CONN_PEER,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_MANAGER_SET,
		.doit		= latch_nl_manager_set_doit,
		.policy		= latch_manager_set_nl_policy,
		.maxattr	= LATCH_A_MANAGER_DEAD_PEER,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_CONN_RELEASE,
		.doit		= latch_nl_conn_release_doit,
		.policy		= latch_conn_release_nl_policy,
		.maxattr	= LATCH_A_CONN_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_CONN_OWN_POLICY_OFF,
		.doit		= latch_nl_conn_own_policy_off_doit,
		.policy		= latch_conn_own_policy_off_nl_policy,
		.maxattr	= LATCH_A_CONN_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_POLICY_NEW,
		.doit		= latch_nl_policy_new_doit,
		.policy		= latch_policy_new_nl_policy,
		.maxattr	= LATCH_A_POLICY_TMPL_REQID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_POLICY_DEL,
		.doit		= latch_nl_policy_del_doit,
		.policy		= latch_policy_del_nl_policy,
		.maxattr	= LATCH_A_POLICY_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_POLICY_GET,
		.doit		= latch_nl_policy_get_doit,
		.dumpit		= latch_nl_policy_get_dumpit,
		.policy		= latch_policy_get_nl_policy,
		.maxattr	= LATCH_A_POLICY_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= LATCH_CMD_POLICY_FLUSH,
		.doit		= latch_nl_policy_flush_doit,
		.policy		= latch_policy_flush_nl_policy,
		.maxattr	= LATCH_A_POLICY_ACTION,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};

static const struct genl_multicast_group latch_nl_mcgrps[] = {
	[LATCH_NLGRP_EVENTS] = { "events", },
};
