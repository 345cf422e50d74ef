// SPDX-License-Identifier: GPL-2.0
/*
 * Tags of datagrams (RFC 5660 2.4-3, 5.3-1): what a UDP socket gets has the number of its tag in
 * skb->mark, which SO_RCVMARK hands to the application.
 *
 * A hook in LOCAL_IN would be too early: the kernel's own policy check, which comes after it,
 * goes by the mark, and which of several sockets gets a multicast datagram is not known there.
 */
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <net/sock.h>

#include "base/mib.h"
#include "base/net.h"
#include "channel/label.h"
#include "channel/latch.h"
#include "channel/pkt.h"
#include "core/conflict.h"
#include "core/params.h"
#include "core/types.h"
#include "packet/classify.h"
#include "packet/datagram.h"
#include "packet/plain.h"
#include "packet/reassemble.h"
#include "packet/tagged.h"
#include "packet/watch.h"
#include "sock/udp.h"
#include "xfrm/sad.h"

/* What latch_label_known() does not know. */
static noinline u32 latch_tag_full(struct latch_net *ln, struct sk_buff *skb, u8 pf)
{
	struct latch_pkt p = {};

	if (latch_mixed(skb, pf)) {
		latch_watch_keep_apart(ln);
		return LATCH_TAG_UNKNOWN;
	}
	if (!latch_classify_in(ln, skb, &p))
		return LATCH_TAG_UNKNOWN;
	if (!p.tag.n)
		return LATCH_TAG_CLEAR;
	/* only what comes out of a tunnel can be a fragment */
	if (p.tag.x[0].mode != XFRM_MODE_TRANSPORT)
		latch_watch_keep_apart(ln);
	return latch_label_number(ln, &p);
}

static u32 latch_tag(struct latch_net *ln, struct sk_buff *skb)
{
	u8 pf = skb->protocol == htons(ETH_P_IP) ? NFPROTO_IPV4 : NFPROTO_IPV6;
	const struct xfrm_state *x = latch_only_sa(skb, LATCH_DIR_IN);
	const struct latch_sa *sa;
	u32 number = 0;

	if (!secpath_exists(skb))
		return LATCH_TAG_CLEAR;
	sa = x && !latch_reassembled(skb, pf) && !latch_sad_lost(ln) ? latch_sad_find_ptr(x) : NULL;
	if (sa)
		number = latch_label_known(sa);
	return number ?: latch_tag_full(ln, skb, pf);
}

/**
 * latch_tagged_rcv() - a datagram for a socket that gets tags gets its number
 * @ln:  the namespace, NULL where it ends
 * @skb: the datagram
 *
 * Context: RCU read side, BH off.
 */
void latch_tagged_rcv(struct latch_net *ln, struct sk_buff *skb)
{
	skb->mark = ln ? latch_tag(ln, skb) : LATCH_TAG_UNKNOWN;
	if (ln && skb->mark == LATCH_TAG_UNKNOWN)
		latch_mib_event(ln, LATCH_MIB_TAG_UNKNOWN);
}

/* Why a datagram may not go to the peer that a number stands for: set of LATCH_R() bits. */
static u32 latch_tagged_mismatch(struct latch_net *ln, struct sk_buff *skb, u64 number)
{
	const struct latch_label *b;
	struct latch_params params;
	struct latch_pkt p = {};

	if (!latch_classify_out(ln, skb, &p))
		return LATCH_R(HEADER);
	if (!p.tag.n)
		return LATCH_R(CLEAR);
	if (latch_sad_lost(ln))
		return LATCH_R(LOST);
	b = number < LATCH_TAG_UNKNOWN ? latch_label_find(ln, number) : NULL;
	/* which SA leads back to a peer that nobody has named cannot be told */
	if (!b || b->key.tag.id.kind != LATCH_IDENT_NAMED)
		return LATCH_R(UNIDENTIFIED);
	latch_params_set(&params, &b->key.tag, LATCH_QOP_EXACT, LATCH_DIR_IN);
	return latch_params_cmp(&params, NULL, &p.tag, LATCH_DIR_OUT);
}

/**
 * latch_tagged_send() - a datagram says by the number of a tag to whom it may go (5.3-1)
 * @ln:  the namespace
 * @skb: the datagram, for which latch_tagged_demands() is true, with the SAs that it will have
 *
 * Context: RCU read side.
 * Return: NF_ACCEPT, and the number is gone from it; else a verdict that has sendmsg() fail.
 */
unsigned int latch_tagged_send(struct latch_net *ln, struct sk_buff *skb)
{
	u32 diff = latch_tagged_mismatch(ln, skb, skb->tstamp);
	u8 reason = latch_reason_first(diff);
	int err = reason == LATCH_REASON_CLEAR ? -ENOKEY : -EKEYREJECTED;

	skb->tstamp = 0;
	if (!diff)
		return NF_ACCEPT;
	latch_mib_drop(ln, LATCH_DIR_OUT, reason);
	return NF_DROP_ERR(err);
}

/**
 * latch_tagged_on() - a UDP socket gets tags from now on
 * @l:  its latch
 * @sk: the socket, locked
 *
 * What it has not read yet has no tag, but perhaps a mark that an administrator's rules wrote.
 *
 * Context: process. Return: 0; -EBUSY where it has unread data, or is a tunnel's.
 */
int latch_tagged_on(struct latch *l, struct sock *sk)
{
	if (latch_datagrams_for(sk, LATCH_UDP_TAGGED))
		return 0;
	if (!latch_datagrams_on(sk, LATCH_UDP_TAGGED))
		return -EBUSY;
	if (inet_sk(sk)->inet_num) {
		/* a datagram may be on its way past the hook that was not there */
		synchronize_net();
		if (latch_udp_unread(sk)) {
			latch_datagrams_off(sk, LATCH_UDP_TAGGED);
			return -EBUSY;
		}
	}
	sock_set_flag(sk, SOCK_RCVMARK);
	sock_set_flag(sk, SOCK_TXTIME);
	spin_lock_bh(&l->lock);
	l->tagging = 1;
	spin_unlock_bh(&l->lock);
	latch_label_user(l->ln);
	return 0;
}

/**
 * latch_tagged_off() - a UDP socket gets no more tags
 * @l:  its latch
 * @sk: the socket, locked
 *
 * Context: process.
 */
void latch_tagged_off(struct latch *l, struct sock *sk)
{
	bool was;

	spin_lock_bh(&l->lock);
	was = l->tagging;
	l->tagging = 0;
	spin_unlock_bh(&l->lock);
	if (!was)
		return;
	sock_reset_flag(sk, SOCK_RCVMARK);
	/* not where the socket has asked for it since */
	if (sk->sk_clockid == CLOCK_REALTIME)
		sock_reset_flag(sk, SOCK_TXTIME);
	latch_datagrams_off(sk, LATCH_UDP_TAGGED);
	latch_label_unuser(l->ln);
}
