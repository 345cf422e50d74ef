/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_OUTPUT_H
#define LATCH_PACKET_OUTPUT_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

struct nf_hook_state;
struct sk_buff;

unsigned int latch_output4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);
unsigned int latch_output6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);
unsigned int latch_local_out4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);
unsigned int latch_local_out6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);

#endif /* LATCH_PACKET_OUTPUT_H */
