/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_TAGGED_H
#define LATCH_PACKET_TAGGED_H

#include <linux/time.h>
#include <linux/udp.h>
#include <net/sock.h>

#include "packet/datagram.h"

struct latch;
struct latch_net;
struct sk_buff;
struct sock;

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
	       latch_datagrams_for(sk, LATCH_UDP_TAGGED) &&
	       sk->sk_clockid == CLOCK_REALTIME;
}

void latch_tagged_rcv(struct latch_net *ln, struct sk_buff *skb);
unsigned int latch_tagged_send(struct latch_net *ln, struct sk_buff *skb);

int latch_tagged_on(struct latch *l, struct sock *sk);
void latch_tagged_off(struct latch *l, struct sock *sk);

#endif /* LATCH_PACKET_TAGGED_H */
