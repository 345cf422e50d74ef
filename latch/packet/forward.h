/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_FORWARD_H
#define LATCH_PACKET_FORWARD_H

#include <linux/types.h>

struct latch;
struct latch_flow;
struct latch_net;
struct nf_hook_state;
struct sk_buff;

unsigned int latch_forward4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);
unsigned int latch_forward6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);
bool latch_forward_out(struct latch_net *ln, struct sk_buff *skb, const struct nf_hook_state *st,
		       unsigned int *ret);
struct latch *latch_forward_quoted(struct latch_net *ln, const struct latch_flow *f);

#endif /* LATCH_PACKET_FORWARD_H */
