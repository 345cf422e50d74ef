/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_UDP_H
#define LATCH_SOCK_UDP_H

#include <linux/netfilter.h>
#include <linux/udp.h>
#include <net/udp.h>

#include "channel/latch.h"

struct latch_flow;
struct latch_net;
struct sk_buff;
struct sock;

/* No value of SO_TXREHASH: the kernel takes it for "never". */
#define LATCH_TXREHASH	2

/*
 * Was a UDP socket connected anew, or disconnected, since it was latched? Then its latch is
 * over (5.2-1). connect() draws another hash. So may SO_CNX_ADVICE, but not as long as
 * latch_udp_latched() has forbidden it; where the application allows it again, it cannot be
 * told any more who drew the hash, and the latch stays.
 */
static __always_inline bool latch_udp_reconnected(const struct latch *l, const struct sock *sk)
{
	return READ_ONCE(sk->sk_state) != TCP_ESTABLISHED ||
	       (READ_ONCE(sk->sk_txhash) != l->txhash &&
		READ_ONCE(sk->sk_txrehash) == LATCH_TXREHASH);
}

/*
 * Is the socket of a UDP latch still open? A latch outlives its closed socket by a grace
 * period, and may name memory that is free by then, so the socket is looked for where UDP
 * itself finds it, and not read before. A few instructions, where its chain is short.
 */
static __always_inline bool latch_udp_open(const struct latch *l, const struct sk_buff *skb,
					   const struct sock *sk, u8 pf)
{
	const struct udp_hslot *slot = udp_hashslot2(latch_udp_table(l->ln->net), l->portaddr);
	const struct sock *s;

	udp_portaddr_for_each_entry_rcu(s, &slot->head)
		if (s == sk)
			return true;
	return false;
}

struct sock *latch_udp_lookup(struct latch_net *ln, const struct latch_flow *f, int dif,
			      int sdif, struct sk_buff *skb);
bool latch_udp_unread(const struct sock *sk);
bool latch_udp_unread_from(struct sock *sk, const struct latch_flow *f);
bool latch_udp_left(struct latch *l);
void latch_udp_latched(struct latch *l, struct sock *sk);

#endif /* LATCH_SOCK_UDP_H */
