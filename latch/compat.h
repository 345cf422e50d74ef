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

/*
 * How a UDP socket with encap_rcv is told of an ICMP error, and who puts that in the error queue.
 * Since v6.2 (commit b6c66c4324e7) it is told where what was sent begins behind its UDP header,
 * and the latter are exported.
 */
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/ip.h>
#include <net/ipv6.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define latch_encap_err(name)	void name(struct sock *sk, struct sk_buff *skb, int told, \
					  __be16 port, u32 info, u8 *payload)
#define latch_encap_err_udp	((struct udphdr *)(payload - sizeof(struct udphdr)))
#define latch_icmp_error4	ip_icmp_error
#define latch_icmp_error6	ipv6_icmp_error
#else
#define latch_encap_err(name)	void name(struct sock *sk, struct sk_buff *skb, \
					  unsigned int udp_offset)
#define latch_encap_err_udp	((struct udphdr *)(skb->data + udp_offset))

static inline void latch_icmp_queue(struct sock *sk, struct sk_buff *skb, u8 *payload, u16 addr,
				    __be16 port, struct sock_extended_err ee)
{
	struct sk_buff *copy = skb_clone(skb, GFP_ATOMIC);

	if (!copy)
		return;
	SKB_EXT_ERR(copy)->ee = ee;
	SKB_EXT_ERR(copy)->addr_offset = addr;
	SKB_EXT_ERR(copy)->port = port;
	if (skb_pull(copy, payload - copy->data)) {
		skb_reset_transport_header(copy);
		if (!sock_queue_err_skb(sk, copy))
			return;
	}
	kfree_skb(copy);
}

static inline void latch_icmp_error4(struct sock *sk, struct sk_buff *skb, int err, __be16 port,
				     u32 info, u8 *payload)
{
	const struct iphdr *quoted = (void *)(icmp_hdr(skb) + 1);

	latch_icmp_queue(sk, skb, payload, (u8 *)&quoted->daddr - skb_network_header(skb), port,
			 (struct sock_extended_err){ .ee_errno = err,
				.ee_origin = SO_EE_ORIGIN_ICMP, .ee_type = icmp_hdr(skb)->type,
				.ee_code = icmp_hdr(skb)->code, .ee_info = info });
}

static inline void latch_icmp_error6(struct sock *sk, struct sk_buff *skb, int err, __be16 port,
				     u32 info, u8 *payload)
{
	const struct ipv6hdr *quoted = (void *)(icmp6_hdr(skb) + 1);

	latch_icmp_queue(sk, skb, payload, (u8 *)&quoted->daddr - skb_network_header(skb), port,
			 (struct sock_extended_err){ .ee_errno = err,
				.ee_origin = SO_EE_ORIGIN_ICMP6,
				.ee_type = icmp6_hdr(skb)->icmp6_type,
				.ee_code = icmp6_hdr(skb)->icmp6_code, .ee_info = info });
}
#endif

/* Flags of inet sockets are bits since v6.6 (commit 6b5f43ea0815) */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define latch_recverr4(sk)	inet_test_bit(RECVERR, sk)
#define latch_recverr6(sk)	inet6_test_bit(RECVERR6, sk)
#else
#define latch_recverr4(sk)	(inet_sk(sk)->recverr)
#define latch_recverr6(sk)	(inet6_sk(sk)->recverr)
#endif

/* Associations are looked up by a device, too, since v6.2 (commit 0af03170637f) */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define latch_transport_lookup(cb, net, local, remote, arg, dif) \
	sctp_transport_lookup_process(cb, net, local, remote, arg, dif)
#else
#define latch_transport_lookup(cb, net, local, remote, arg, dif) \
	sctp_transport_lookup_process(cb, net, local, remote, arg)
#endif

#endif /* LATCH_COMPAT_H */
