/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_REASSEMBLE_H
#define LATCH_PACKET_REASSEMBLE_H

#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <net/ip.h>
#include <net/xfrm.h>

#include "core/types.h"

struct latch_net;
struct nf_hook_state;
struct sk_buff;

/*
 * A flag in the control block of a packet that neither IPv4 nor IPv6 uses. Inbound: its
 * fragments were kept apart by SA. Outbound: a socket addressed it to somebody else than
 * its peer. The kernel clears it with all the others when the packet changes direction.
 */
#define LATCH_CB	BIT(15)

static __always_inline bool latch_cb(const struct sk_buff *skb, u8 pf)
{
	return (pf == NFPROTO_IPV4 ? IPCB(skb)->flags : IP6CB(skb)->flags) & LATCH_CB;
}

static __always_inline void latch_cb_set(struct sk_buff *skb, u8 pf)
{
	if (pf == NFPROTO_IPV4)
		IPCB(skb)->flags |= LATCH_CB;
	else
		IP6CB(skb)->flags |= LATCH_CB;
}

/* Was a packet put together from fragments? */
static __always_inline bool latch_reassembled(const struct sk_buff *skb, u8 pf)
{
	return unlikely(pf == NFPROTO_IPV4 ? IPCB(skb)->frag_max_size :
					     IP6CB(skb)->frag_max_size);
}

/* ... by us, so that all of them came through the same SAs? */
static inline bool latch_kept_apart(const struct sk_buff *skb, u8 pf)
{
	return latch_cb(skb, pf);
}

/*
 * May the fragments of a packet have come through several SAs? What an SA in transport mode
 * carries was put together before it was authenticated.
 */
static inline bool latch_mixed(const struct sk_buff *skb, u8 pf)
{
	const struct sec_path *sp = skb_sec_path(skb);

	return latch_reassembled(skb, pf) && !latch_kept_apart(skb, pf) && sp && sp->len &&
	       sp->xvec[sp->len - 1]->props.mode != XFRM_MODE_TRANSPORT;
}

void latch_reassemble_init(void);
void latch_reassemble_exit(void);
unsigned int latch_prerouting4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);
unsigned int latch_reassemble6(struct latch_net *ln, struct sk_buff *skb, u8 pf);
unsigned int latch_prerouting6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st);

#endif /* LATCH_PACKET_REASSEMBLE_H */
