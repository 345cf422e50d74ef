// SPDX-License-Identifier: GPL-2.0
/*
 * Optional protection (RFC 5660 3.1-1, 3.1-3, 2.3-4): a socket demands a channel where the SPD
 * would let its flow go in clear, and takes what an administrator offers (channel/offer.c).
 *
 * The first packet, which would leave in clear, is dropped as where nothing is offered, and has
 * sock/ownpol.c's work come here with the socket locked. Here the socket gets a policy of its own
 * in both directions, for the exact 5-tuple and with the offer's template, and its route is looked
 * up once, which has the kernel ask key managers for SAs (ACQUIRE). TCP sends its SYN again after
 * a second; then there is an SA, or the kernel drops it, too. The first packet under the SA is
 * latched as any other is, by a policy that is there already.
 *
 * Not in setsockopt(): the port is not known then, so that the ACQUIRE would name none; and
 * connect() looks up its route before it sends, and fails with EAGAIN by a policy of the socket's
 * that finds no SA.
 *
 * An SA has to come as soon as the kernel expects one of the ACQUIRE, net.core.xfrm_acq_expires.
 * Then the policy goes, and the owner is told.
 *
 * A listener takes none: it begins nothing, and its SYN-ACKs go by the SPD. Whoever serves needs
 * the policy that its own key manager makes with the SAs.
 */
#include <net/ip6_route.h>
#include <net/route.h>
#include <net/tcp.h>

#include "base/mib.h"
#include "base/net.h"
#include "base/work.h"
#include "channel/latch.h"
#include "channel/offer.h"
#include "channel/own.h"
#include "channel/report.h"
#include "core/flow.h"
#include "core/types.h"
#include "sock/offer.h"
#include "sock/owner.h"
#include "xfrm/sockpol.h"
#include "xfrm/spd.h"

/* Does the SPD let the flow pass in clear? */
static bool latch_offer_clear(struct latch_net *ln, const struct latch_flow *f, u8 dir, u32 mark)
{
	int xdir = dir == LATCH_DIR_IN ? XFRM_POLICY_IN : XFRM_POLICY_OUT;
	const struct latch_pol *pol;
	bool clear;

	rcu_read_lock();
	pol = latch_spd_find(ln, f, dir, 0, mark);
	if (pol)
		clear = pol->action == XFRM_POLICY_ALLOW && !pol->n_tmpl;
	else
		clear = READ_ONCE(ln->net->xfrm.policy_default[xdir]) != XFRM_USERPOLICY_BLOCK;
	rcu_read_unlock();
	return clear;
}

static int latch_offer_set(const struct latch *l, struct sock *sk, const struct latch_flow *f,
			   const struct latch_tmpl *tmpl, u8 dir)
{
	struct latch_sockpol p = {
		.dir = dir == LATCH_DIR_IN ? XFRM_POLICY_IN : XFRM_POLICY_OUT,
		.owner = l->id,
		.n = 1,
		.tmpl = { *tmpl },
	};

	latch_sockpol_selector(f, dir, &p.sel);
	if (tmpl->mode == XFRM_MODE_TRANSPORT)
		p.tmpl[0].family = f->family;
	if (dir == LATCH_DIR_IN)
		swap(p.tmpl[0].saddr, p.tmpl[0].daddr);
	return latch_sockpol_set(sk, &p);
}

static void latch_offer_route4(struct sock *sk, const struct latch_flow *f)
{
	struct flowi4 fl4;
	struct rtable *rt;

	rt = ip_route_output_ports(sock_net(sk), &fl4, sk, (__force __be32)f->remote.w[0],
				   (__force __be32)f->local.w[0], (__force __be16)f->rport,
				   (__force __be16)f->lport, f->proto, 0, sk->sk_bound_dev_if);
	if (!IS_ERR(rt))
		ip_rt_put(rt);
}

#if IS_ENABLED(CONFIG_IPV6)
static void latch_offer_route6(struct sock *sk, const struct latch_flow *f)
{
	struct flowi6 fl6 = {
		.flowi6_proto = f->proto,
		.flowi6_oif = sk->sk_bound_dev_if,
		.flowi6_mark = READ_ONCE(sk->sk_mark),
		.flowi6_uid = sk->sk_uid,
		.fl6_sport = (__force __be16)f->lport,
		.fl6_dport = (__force __be16)f->rport,
	};
	struct dst_entry *dst;

	memcpy(&fl6.saddr, &f->local, sizeof(fl6.saddr));
	memcpy(&fl6.daddr, &f->remote, sizeof(fl6.daddr));
	dst = ip6_dst_lookup_flow(sock_net(sk), sk, &fl6, NULL);
	if (!IS_ERR(dst))
		dst_release(dst);
}
#endif

/* Looks up the flow's route once: without an SA for it the kernel asks for one. */
static void latch_offer_acquire(struct sock *sk, const struct latch_flow *f)
{
	if (f->family == AF_INET)
		latch_offer_route4(sk, f);
#if IS_ENABLED(CONFIG_IPV6)
	else
		latch_offer_route6(sk, f);
#endif
}

/* The policy is there, and an SA has to come in time. */
static void latch_offer_given(struct latch *l)
{
	spin_lock_bh(&l->lock);
	l->own_offer = 1;
	l->since = jiffies;
	latch_own_given(l);
	spin_unlock_bh(&l->lock);
	latch_own_await(l);
}

/* No protection comes of it. */
static void latch_offer_fail(struct latch *l, const struct latch_flow *f, u8 reason)
{
	spin_lock_bh(&l->lock);
	if (l->own_given)
		latch_own_taken(l);
	latch_refuse(l, f, reason);
	spin_unlock_bh(&l->lock);
}

/* Whoever has set policies of its own on the socket has made up its mind. */
static bool latch_offer_free(const struct sock *sk)
{
	return !latch_sockpol_others(sk, XFRM_POLICY_IN) &&
	       !latch_sockpol_others(sk, XFRM_POLICY_OUT);
}

/* A packet would have left in clear. Returns false to be called again. */
static bool latch_offer_begin(struct latch *l, struct sock *sk, const struct latch_flow *f)
{
	struct latch_net *ln = l->ln;
	struct latch_tmpl tmpl;
	int err;

	if (latch_spd_stale(ln))
		return false;
	/* by now the SPD has something for it, and the next packet goes by that */
	if (!latch_offer_clear(ln, f, LATCH_DIR_OUT, READ_ONCE(sk->sk_mark))) {
		sk_dst_reset(sk);
		return true;
	}
	/* nor is anything weaker accepted than without the offer */
	if (!latch_offer_clear(ln, f, LATCH_DIR_IN, 0) || !latch_offer_free(sk) ||
	    !latch_offer_take(ln, f, &tmpl)) {
		latch_offer_fail(l, f, LATCH_REASON_LARVAL);
		return true;
	}
	err = latch_offer_set(l, sk, f, &tmpl, LATCH_DIR_IN) ?:
	      latch_offer_set(l, sk, f, &tmpl, LATCH_DIR_OUT);
	if (!err) {
		latch_offer_given(l);
		latch_offer_acquire(sk, f);
		return true;
	}
	latch_sockpol_strip(sk, 0);
	latch_mib_event(ln, LATCH_MIB_OWN_FAILED);
	if (err == -ENOMEM || err == -ENOBUFS)
		return false;
	latch_offer_fail(l, f, LATCH_REASON_LARVAL);
	return true;
}

/**
 * latch_offer_work() - an offer for a socket whose flow has no SA yet, or the end of its wait
 * @l:  the socket's latch, held, for which latch_own_larval() was true
 * @sk: the socket, locked
 *
 * Context: process. Return: false to be called again.
 */
bool latch_offer_work(struct latch *l, struct sock *sk)
{
	struct latch_flow f;
	bool sought, over;

	spin_lock_bh(&l->lock);
	sought = l->own_seek;
	l->own_seek = 0;
	over = l->own_offer && latch_own_over(l);
	spin_unlock_bh(&l->lock);
	/* the connection, or the attempt to make one, is over */
	if (sock_flag(sk, SOCK_DEAD) || !latch_sk_flow(sk, &f) ||
	    (sk->sk_protocol == IPPROTO_TCP && sk->sk_state != TCP_SYN_SENT))
		return true;
	if (sought) {
		if (latch_offer_begin(l, sk, &f))
			return true;
		spin_lock_bh(&l->lock);
		l->own_seek = 1;
		spin_unlock_bh(&l->lock);
		return false;
	}
	if (over) {
		latch_sockpol_strip(sk, 0);
		latch_offer_fail(l, &f, LATCH_REASON_NO_SA);
	} else if (l->own_offer) {
		latch_own_await(l);
	}
	return true;
}
