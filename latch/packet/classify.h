/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_CLASSIFY_H
#define LATCH_PACKET_CLASSIFY_H

struct latch_common;
struct latch_net;
struct latch_pkt;
struct sk_buff;

bool latch_classify_in(struct latch_net *ln, struct sk_buff *skb, struct latch_pkt *p);
bool latch_classify_out(struct latch_net *ln, struct sk_buff *skb, struct latch_pkt *p);
bool latch_classify(struct latch_net *ln, struct sk_buff *skb, u8 dir, struct latch_pkt *p);
void latch_classify_seen(struct latch_common *c, const struct latch_pkt *p);

#endif /* LATCH_PACKET_CLASSIFY_H */
