// SPDX-License-Identifier: GPL-2.0
/*
 * Flows that IPsec protects in one direction only. Nothing that holds for both directions can be
 * latched of them (RFC 5660 2.2-7), so they go on without latch, unless their socket asks for
 * something.
 */
#include <net/dst.h>
#include <net/sock.h>

#include "base/net.h"
#include "channel/eval.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/pkt.h"
#include "channel/reuse.h"
#include "core/flow.h"
#include "core/fsm.h"
#include "core/types.h"
#include "packet/oneway.h"
#include "packet/parse.h"
#include "sock/unlink.h"
#include "xfrm/sad.h"

/* Has the socket, or a listener's child will have, a policy of its own for what goes so? */
static bool latch_one_way_own(const struct sock *sk, u8 dir)
{
	int way = dir == LATCH_DIR_IN ? XFRM_POLICY_IN : XFRM_POLICY_OUT;

	return sk && rcu_access_pointer(sk->sk_policy[way]);
}

/**
 * latch_one_way() - is the first packet of a flow to make no latch, as its answer is not protected?
 * @ln: the namespace
 * @l:  latch of the packet's socket, or of the listener; NULL none
 * @sk: that socket; NULL where it is not known, as SCTP's
 * @f:  the flow
 * @p:  the packet
 *
 * A mark that the answer gets may still lead it to an SA. So where marks decide, a SYN that comes
 * in makes a latch: nobody sees it before the SYN-ACK has shown which it is. A UDP socket would
 * have been told that it is latched; it waits for the first datagram that it sends.
 *
 * Context: RCU read side. Return: true where the packet passes, and makes none.
 */
bool latch_one_way(struct latch_net *ln, const struct latch *l, const struct sock *sk,
		   const struct latch_flow *f, const struct latch_pkt *p)
{
	bool heard = f->proto == IPPROTO_UDP && p->dir == LATCH_DIR_IN;

	/* most flows begin as another one did, so this comes first */
	if (!p->tag.n || latch_group_expects(ln, f, p) ||
	    (l && (!latch_unasked(l) || READ_ONCE(l->hashed))) ||
	    READ_ONCE(ln->conf.unidentified) == LATCH_UNIDENT_REFUSE ||
	    latch_one_way_own(sk, !p->dir))
		return false;
	return latch_eval_one_way(ln, f, p, heard);
}

/**
 * latch_one_way_out() - is a half-open latch to go, as its SYN-ACK leaves in clear text?
 * @l:   a latch
 * @skb: a packet of its flow, in POST_ROUTING, that does not come again
 * @h:   its headers
 *
 * So it is where marks decide, the copy of the SPD led to no SA for the SYN-ACK, nothing of the
 * flow was protected in this direction yet, and the listener asked for nothing. The connection
 * goes on without latch.
 *
 * Context: RCU read side, @l->lock not held. Return: true where the latch is gone, and the packet
 * passes.
 */
bool latch_one_way_out(struct latch *l, const struct sk_buff *skb, const struct latch_hdr *h)
{
	const struct latch_common *c;
	bool gone = false;

	if (!READ_ONCE(l->pending) || dst_xfrm(skb_dst(skb)) || !latch_sad_marked(l->ln) ||
	    !latch_tcp_is_synack(skb, h->thoff))
		return false;
	spin_lock_bh(&l->lock);
	c = l->group ? &l->group->c : NULL;
	if (c && l->half_open && l->state == LATCH_STATE_ESTABLISHED && latch_unasked(l) &&
	    !(c->seen & BIT(LATCH_DIR_OUT)) && c->pol[LATCH_DIR_OUT] == LATCH_POL_SEEN &&
	    !c->sockpol && !latch_sad_lost(l->ln)) {
		latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_POLICY_OUT);
		gone = true;
	}
	spin_unlock_bh(&l->lock);
	if (gone)
		latch_unlink(l);
	return gone;
}
