/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_ANSWER_H
#define LATCH_PACKET_ANSWER_H

#include <linux/types.h>

struct latch;
struct latch_hdr;
struct sk_buff;

void latch_answer(struct latch *l, struct sk_buff *skb, const struct latch_hdr *h, u8 pf, u8 dir);

#endif /* LATCH_PACKET_ANSWER_H */
