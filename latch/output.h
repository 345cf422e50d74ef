/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_OUTPUT_H
#define LATCH_OUTPUT_H

#include "latch.h"

unsigned int latch_output4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);
unsigned int latch_output6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);
unsigned int latch_local_out4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);
unsigned int latch_local_out6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);

#endif /* LATCH_OUTPUT_H */
