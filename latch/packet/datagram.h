/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_DATAGRAM_H
#define LATCH_PACKET_DATAGRAM_H

#include <linux/udp.h>

struct sock;

/*
 * encap_type of sockets whose datagrams pass latch_datagram_rcv(), for one reason or for both;
 * the kernel asks only whether it is 0.
 */
#define LATCH_UDP_OURS		0x60
#define LATCH_UDP_TAGGED	(LATCH_UDP_OURS | 0x04)	/* it gets tags */
#define LATCH_UDP_DESTS		(LATCH_UDP_OURS | 0x08)	/* it has destinations with a latch */

/* Do the datagrams of a UDP socket pass here for this reason? */
static __always_inline bool latch_datagrams_for(const struct sock *sk, u8 why)
{
	return (READ_ONCE(udp_sk(sk)->encap_type) & why) == why;
}

bool latch_datagrams_free(const struct sock *sk);
bool latch_datagrams_on(struct sock *sk, u8 why);
void latch_datagrams_off(struct sock *sk, u8 why);

#endif /* LATCH_PACKET_DATAGRAM_H */
