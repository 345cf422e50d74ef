/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_TAGGED_H
#define LATCH_PACKET_TAGGED_H

#include <linux/time.h>
#include <linux/udp.h>
#include <net/sock.h>

struct latch;
struct latch_net;
struct sk_buff;
struct sock;

/* encap_type of sockets that get tags; the kernel asks only whether it is 0 */
#define LATCH_UDP_TAGGED	100

/*
 * Does a datagram say to whom it may go? The number is where SCM_TXTIME puts the time to send it:
 * that is the only control message of an unprivileged sender whose value comes as far as here.
 * The kernel's clock for such times is CLOCK_REALTIME on a socket that has not asked for them.
 */
static __always_inline bool latch_tagged_demands(const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	return unlikely(skb->tstamp) && sk && sk_fullsock(sk) &&
	       sk->sk_protocol == IPPROTO_UDP &&
	       READ_ONCE(udp_sk(sk)->encap_type) == LATCH_UDP_TAGGED &&
	       sk->sk_clockid == CLOCK_REALTIME;
}

unsigned int latch_tagged_send(struct latch_net *ln, struct sk_buff *skb);

int latch_tagged_on(struct latch *l, struct sock *sk);
void latch_tagged_off(struct latch *l, struct sock *sk);

#endif /* LATCH_PACKET_TAGGED_H */
