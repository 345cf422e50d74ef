/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_SCTP_H
#define LATCH_PACKET_SCTP_H

struct latch;
struct latch_hdr;
struct latch_net;
struct nf_hook_state;
struct sk_buff;

struct latch *latch_demand_for(struct latch_net *ln, struct sk_buff *skb,
			       const struct latch_hdr *h);
unsigned int latch_sctp_in(struct latch_net *ln, struct sk_buff *skb, const struct latch_hdr *h);
unsigned int latch_sctp_wrapped(struct latch_net *ln, struct sk_buff *skb,
				const struct nf_hook_state *st);
unsigned int latch_sctp_out(struct latch_net *ln, struct sk_buff *skb, const struct latch_hdr *h,
			    const struct nf_hook_state *st);

#endif /* LATCH_PACKET_SCTP_H */
