// SPDX-License-Identifier: GPL-2.0
/*
 * Packets of this host that IPVS has sent to one of several servers, or that answer for one
 * (RFC 5660 2.4-1). It changes addresses and ports, mostly without conntrack, and hands on no
 * socket to the hooks, but the packet keeps the one that it is from.
 */
#include <net/inet_sock.h>
#include <net/tcp.h>

#include "base/net.h"
#include "base/words.h"
#include "core/flow.h"
#include "packet/balanced.h"
#include "packet/parse.h"
#include "packet/reassemble.h"
#include "packet/watch.h"
#include "sock/owner.h"

/* The flow of a request, which TCP answers with a SYN-ACK. */
static void latch_request_flow(const struct request_sock *req, struct latch_flow *f)
{
	const struct inet_request_sock *ireq = inet_rsk(req);

	memset(f, 0, sizeof(*f));
	f->family = ireq->ireq_family;
	f->proto = IPPROTO_TCP;
	f->lport = (__force u16)htons(ireq->ir_num);
	f->rport = (__force u16)ireq->ir_rmt_port;
#if IS_ENABLED(CONFIG_IPV6)
	if (f->family == AF_INET6 && !ipv6_addr_v4mapped(&ireq->ir_v6_rmt_addr)) {
		memcpy(f->local.b, &ireq->ir_v6_loc_addr, 16);
		memcpy(f->remote.b, &ireq->ir_v6_rmt_addr, 16);
		return;
	}
#endif
	f->family = AF_INET;
	memcpy(f->local.b, &ireq->ir_loc_addr, 4);
	memcpy(f->remote.b, &ireq->ir_rmt_addr, 4);
}

/*
 * IPVS changes one end of a flow: the other one's where this host is the client, this one's where
 * it is the server. What a tunnel has packed has two other ends.
 */
static bool latch_balanced_same(const struct latch_flow *own, const struct latch_flow *f)
{
	bool here = own->lport == f->lport &&
		    latch_words_equal(&own->local, &f->local, sizeof(f->local));
	bool there = own->rport == f->rport &&
		     latch_words_equal(&own->remote, &f->remote, sizeof(f->remote));

	return own->family == f->family && own->proto == f->proto && (here || there);
}

static void latch_balanced_undo(struct latch_flow *f, const struct latch_flow *own)
{
	f->local = own->local;
	f->remote = own->remote;
	f->ports = own->ports;
}

/*
 * Is a datagram of a connected UDP socket one to its peer? LOCAL_OUT has seen that, before IPVS
 * changed it; until the hook is there it cannot be told.
 */
static bool latch_balanced_to_peer(struct latch_net *ln, const struct sk_buff *skb, u8 pf)
{
	if (latch_watch_marking(ln))
		return !latch_cb(skb, pf);
	latch_watch_mark_sent(ln);
	return false;
}

/**
 * latch_balanced_sender() - whose packet is it that IPVS has changed, or only sent on?
 * @ln:  the namespace
 * @skb: the packet, in POST_ROUTING
 * @pf:  NFPROTO_IPV4 or NFPROTO_IPV6
 * @h:   its headers; the flow becomes that which the socket knows, where that can be told
 *
 * Context: RCU read side. Return: the socket; NULL where the packet has none of its own, or that
 * of a request.
 */
struct sock *latch_balanced_sender(struct latch_net *ln, const struct sk_buff *skb, u8 pf,
				   struct latch_hdr *h)
{
	struct sock *sk = skb->sk;
	struct latch_flow own;

	if (!sk || h->kind != LATCH_PKT_FLOW || !net_eq(sock_net(sk), ln->net))
		return NULL;
	if (sk->sk_state == TCP_NEW_SYN_RECV) {
		latch_request_flow(inet_reqsk(sk), &own);
		if (latch_balanced_same(&own, &h->flow))
			latch_balanced_undo(&h->flow, &own);
		return NULL;
	}
	if (!sk_fullsock(sk) || sk->sk_protocol != h->flow.proto)
		return NULL;
	if (!latch_sk_flow(sk, &own))
		return own.lport == h->flow.lport ? sk : NULL;
	if (!latch_balanced_same(&own, &h->flow))
		return NULL;
	if (h->flow.proto == IPPROTO_TCP || latch_balanced_to_peer(ln, skb, pf))
		latch_balanced_undo(&h->flow, &own);
	return sk;
}
