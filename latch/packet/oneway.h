/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_ONEWAY_H
#define LATCH_PACKET_ONEWAY_H

struct latch;
struct latch_flow;
struct latch_hdr;
struct latch_net;
struct latch_pkt;
struct sk_buff;
struct sock;

bool latch_one_way(struct latch_net *ln, const struct latch *l, const struct sock *sk,
		   const struct latch_flow *f, const struct latch_pkt *p);
bool latch_one_way_out(struct latch *l, const struct sk_buff *skb, const struct latch_hdr *h);

#endif /* LATCH_PACKET_ONEWAY_H */
