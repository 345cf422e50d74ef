/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_DEST_H
#define LATCH_PACKET_DEST_H

#include <linux/types.h>

struct latch;
struct latch_hdr;
struct latch_net;
struct sk_buff;
struct sock;

bool latch_dest_rcv(struct latch_net *ln, struct sock *sk, struct sk_buff *skb);
bool latch_dest_icmp(struct latch_net *ln, struct sock *sk, struct sk_buff *skb);
unsigned int latch_dest_send(struct latch *d, struct sock *sk, struct sk_buff *skb,
			     const struct latch_hdr *h);
unsigned int latch_dest_refuse(struct latch_net *ln, struct latch *l, struct sk_buff *skb,
			       u8 reason);

#endif /* LATCH_PACKET_DEST_H */
