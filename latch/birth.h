/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_BIRTH_H
#define LATCH_BIRTH_H

#include "latch.h"

/* hooks.c */
void latch_note(struct latch *l, const struct latch_pkt *p);
u32 latch_diff(struct latch *l, const struct latch_pkt *p);
struct latch_verdict latch_born(struct latch *l, const struct latch_pkt *p);
unsigned int latch_drop(struct latch_net *ln, struct latch *l, struct sk_buff *skb,
			u8 dir, u8 reason);

/* birth.c */
bool latch_resets(const struct sk_buff *skb, int thoff);
bool latch_opens(const struct sk_buff *skb, int thoff);
unsigned int latch_birth_in(struct latch_net *ln, struct sk_buff *skb,
			    const struct latch_flow *f, int thoff);
unsigned int latch_birth_out(struct latch_net *ln, struct sk_buff *skb,
			     const struct latch_flow *f, int thoff);

#endif /* LATCH_BIRTH_H */
