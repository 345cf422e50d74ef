/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_CREATE_H
#define LATCH_PACKET_CREATE_H

struct latch;
struct latch_hdr;
struct latch_net;
struct sk_buff;
struct sock;

unsigned int latch_stray(struct latch_net *ln, struct latch *l, struct sk_buff *skb, u8 dir);
unsigned int latch_create_out(struct latch_net *ln, struct sk_buff *skb, struct sock *sk,
			      struct latch *l, const struct latch_hdr *h);
unsigned int latch_create_in(struct latch_net *ln, struct sk_buff *skb,
			     const struct latch_hdr *h);
bool latch_create_tunnel(struct latch_net *ln, struct sk_buff *skb, const struct latch_hdr *h);
struct latch *latch_create_demand(struct latch_net *ln, struct sk_buff *skb,
				  const struct latch_hdr *h);

#endif /* LATCH_PACKET_CREATE_H */
