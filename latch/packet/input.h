/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_INPUT_H
#define LATCH_PACKET_INPUT_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

struct latch;
struct latch_hdr;
struct latch_net;
struct nf_hook_state;
struct sk_buff;

struct latch *latch_input_lookup(struct latch_net *ln, struct sk_buff *skb,
				 const struct latch_hdr *h);
unsigned int latch_input_icmp(struct latch_net *ln, struct sk_buff *skb,
			      const struct latch_hdr *h);
unsigned int latch_input4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);
unsigned int latch_input6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);

#endif /* LATCH_PACKET_INPUT_H */
