/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that the module supports. Included before
 * every file by Kbuild; the only place that tests a version.
 */
#ifndef LATCH_COMPAT_H
#define LATCH_COMPAT_H

#include <linux/version.h>
#include <linux/sysctl.h>

/* proc_handler takes a const table since v6.11 (commit 78eb4ea25cd5) */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define latch_ctl_table const struct ctl_table
#else
#define latch_ctl_table struct ctl_table
#endif

/*
 * Sized registration and tables without terminator came with v6.6 (commit
 * 95d4977876ed) and became the only way in v6.11; before, a table ends with an
 * empty entry. Tables here have that entry, and it is not counted.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define latch_register_sysctl(net, path, table, n) \
	register_net_sysctl_sz(net, path, table, n)
#else
#define latch_register_sysctl(net, path, table, n) \
	register_net_sysctl(net, path, table)
#endif

/* Groups have flags of their own since v6.7, in stable kernels too */
#include <net/genetlink.h>
#ifndef GENL_MCAST_CAP_NET_ADMIN
#define GENL_MCAST_CAP_NET_ADMIN GENL_UNS_ADMIN_PERM
#endif

/* A namespace may have a table of UDP sockets of its own since v6.2 (commit 9804985bf27f) */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define latch_udp_table(net)	((net)->ipv4.udp_table)
#else
#define latch_udp_table(net)	(&udp_table)
#endif

/* A device that refuses an SA says why since v6.3 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define latch_xdo_add(name)	int name(struct xfrm_state *x, struct netlink_ext_ack *extack)
#else
#define latch_xdo_add(name)	int name(struct xfrm_state *x)
#endif

#endif /* LATCH_COMPAT_H */
