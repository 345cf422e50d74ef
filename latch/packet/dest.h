/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_DEST_H
#define LATCH_PACKET_DEST_H

#include <linux/types.h>

struct latch;
struct latch_hdr;
struct latch_net;
struct nf_hook_state;
struct sk_buff;
struct sock;

bool latch_dest_rcv(struct latch_net *ln, struct sock *sk, struct sk_buff *skb);
bool latch_dest_icmp(struct latch_net *ln, struct sock *sk, struct sk_buff *skb);
bool latch_dest_output(struct latch *l, struct sock *sk, struct sk_buff *skb,
		       const struct latch_hdr *h, const struct nf_hook_state *st,
		       unsigned int *ret);

#endif /* LATCH_PACKET_DEST_H */
