// SPDX-License-Identifier: GPL-2.0
/*
 * What is UDP's own: there is no event for connect() and close(), and a socket may be found
 * by more than its 5-tuple (RFC 5660 5.2-1, 5.2-2).
 */
#include <linux/if_ether.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <uapi/linux/xfrm.h>

#include "base/net.h"
#include "channel/latch.h"
#include "core/flow.h"
#include "core/types.h"
#include "sock/udp.h"

/**
 * latch_udp_lookup() - the socket that a datagram goes to, the best one of several
 * @ln:   the namespace
 * @f:    the datagram's flow
 * @dif:  device that it came in by
 * @sdif: the L3 slave device, 0 none
 * @skb:  the datagram, for programs that pick from a reuseport group; NULL none
 *
 * Context: RCU read side. Return: the socket, not held, or NULL.
 */
struct sock *latch_udp_lookup(struct latch_net *ln, const struct latch_flow *f, int dif,
			      int sdif, struct sk_buff *skb)
{
	__be16 sport = (__force __be16)f->rport, dport = (__force __be16)f->lport;
	struct udp_table *table = latch_udp_table(ln->net);

	if (f->family == AF_INET)
		return __udp4_lib_lookup(ln->net, (__force __be32)f->remote.w[0], sport,
					 (__force __be32)f->local.w[0], dport, dif, sdif,
					 table, skb);
#if IS_ENABLED(CONFIG_IPV6)
	return __udp6_lib_lookup(ln->net, (const struct in6_addr *)&f->remote, sport,
				 (const struct in6_addr *)&f->local, dport, dif, sdif,
				 table, skb);
#else
	return NULL;
#endif
}

/**
 * latch_udp_unread() - are there datagrams that wait to be read?
 * @sk: UDP socket
 *
 * Clear ones would be read as if latched (2-11).
 *
 * Context: any.
 */
bool latch_udp_unread(const struct sock *sk)
{
	return !skb_queue_empty_lockless(&sk->sk_receive_queue) ||
	       !skb_queue_empty_lockless(&udp_sk(sk)->reader_queue);
}

/* Is a datagram that waits to be read from the remote end of this flow? */
static bool latch_udp_from(const struct sk_buff *skb, const struct latch_flow *f)
{
	bool ip4 = skb->protocol == htons(ETH_P_IP);
	u8 family = ip4 ? AF_INET : AF_INET6;

	if (family != f->family || (__force u16)udp_hdr(skb)->source != f->rport)
		return false;
	return ip4 ? !memcmp(&ip_hdr(skb)->saddr, &f->remote, 4) :
		     !memcmp(&ipv6_hdr(skb)->saddr, &f->remote, 16);
}

static bool latch_udp_queued_from(struct sk_buff_head *queue, const struct latch_flow *f)
{
	struct sk_buff *skb;
	bool found = false;

	spin_lock_bh(&queue->lock);
	skb_queue_walk(queue, skb)
		found |= latch_udp_from(skb, f);
	spin_unlock_bh(&queue->lock);
	return found;
}

/**
 * latch_udp_unread_from() - do datagrams of one sender wait to be read?
 * @sk: UDP socket
 * @f:  a flow; its remote end is the sender
 *
 * Readers move datagrams from the first queue to the second one.
 *
 * Context: process.
 */
bool latch_udp_unread_from(struct sock *sk, const struct latch_flow *f)
{
	return latch_udp_queued_from(&sk->sk_receive_queue, f) ||
	       latch_udp_queued_from(&udp_sk(sk)->reader_queue, f);
}

/**
 * latch_udp_left() - is a flow not its socket's any more?
 * @l: a UDP latch
 *
 * The destructor of a socket takes the latch's lock before the socket's memory goes.
 *
 * Context: any, @l->lock not held. Return: true where the socket is closed, or connected
 * anew.
 */
bool latch_udp_left(struct latch *l)
{
	bool left;

	spin_lock_bh(&l->lock);
	left = l->sk && (sock_flag(l->sk, SOCK_DEAD) ||
			 (l->hashed && latch_udp_reconnected(l, l->sk)));
	spin_unlock_bh(&l->lock);
	return left;
}

/* Bound to an address that is not its own: to a group's, or for broadcasts. */
static bool latch_udp_in_group(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr))
		return !ipv6_addr_equal(&sk->sk_v6_rcv_saddr, &inet6_sk(sk)->saddr);
#endif
	return inet_sk(sk)->inet_rcv_saddr != inet_sk(sk)->inet_saddr;
}

/**
 * latch_udp_latched() - a UDP socket gets its flow latched
 * @l:    the latch, whose lock is held
 * @sk:   its socket, connected
 *
 * Datagrams to a group have another local address than the flow: from now on all are matched
 * by their socket in this namespace, until the latch goes.
 *
 * Context: RCU read side.
 */
void latch_udp_latched(struct latch *l, struct sock *sk)
{
	lockdep_assert_held(&l->lock);
	WRITE_ONCE(sk->sk_txrehash, LATCH_TXREHASH);
	l->txhash = READ_ONCE(sk->sk_txhash);
	l->portaddr = udp_sk(sk)->udp_portaddr_hash;
	if (!l->in_group && latch_udp_in_group(sk)) {
		l->in_group = 1;
		atomic_inc(&l->ln->n_lookup);
	}
}
