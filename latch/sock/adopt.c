// SPDX-License-Identifier: GPL-2.0
/*
 * TCP connections that were there before the module: those that are protected get a latch that
 * waits for their next protected segment in either direction. A connected UDP socket needs none:
 * its next datagram is as good as its first.
 */
#include <net/inet_hashtables.h>
#include <net/rtnetlink.h>
#include <net/tcp.h>
#include <uapi/linux/xfrm.h>

#include "base/net.h"
#include "channel/id.h"
#include "channel/latch.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/types.h"
#include "sock/adopt.h"
#include "sock/owner.h"
#include "sock/tcp.h"
#include "sock/unlink.h"
#include "xfrm/spd.h"

#define LATCH_ADOPT_STATES	(TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | \
				 TCPF_CLOSE_WAIT | TCPF_LAST_ACK | TCPF_CLOSING)

/* Does the route that the socket keeps lead through an SA, or to an XFRM interface? */
static bool latch_adopt_routed(const struct sock *sk)
{
	const struct dst_entry *dst = rcu_dereference(sk->sk_dst_cache);
	const struct rtnl_link_ops *ops;

	if (!dst || dst_xfrm(dst))
		return dst;
	ops = dst->dev->rtnl_link_ops;
	return ops && !strcmp(ops->kind, "xfrm");
}

/* Does policy demand protection of the socket's flow? */
static bool latch_adopt_policed(struct latch_net *ln, const struct sock *sk)
{
	const struct latch_pol *pol;
	struct latch_flow f;

	if (!latch_sk_flow(sk, &f))
		return false;
	pol = latch_spd_find(ln, &f, LATCH_DIR_OUT, 0, READ_ONCE(sk->sk_mark));
	return pol && pol->action == XFRM_POLICY_ALLOW && pol->n_tmpl;
}

static void latch_adopt_sk(struct latch_net *ln, struct sock *sk)
{
	if (!net_eq(sock_net(sk), ln->net) || !sk_fullsock(sk) ||
	    !((1 << READ_ONCE(sk->sk_state)) & LATCH_ADOPT_STATES) || latch_find_sk(sk) ||
	    (!latch_adopt_routed(sk) && !latch_adopt_policed(ln, sk)) ||
	    !refcount_inc_not_zero(&sk->sk_refcnt))
		return;
	latch_tcp_adopt(ln, sk);
	sock_put(sk);
}

/* A chain that ends as another one is begun anew: who has a latch already is left alone. */
static void latch_adopt_chain(struct latch_net *ln, const struct inet_hashinfo *hashinfo,
			      unsigned int slot)
{
	struct hlist_nulls_node *n;
	struct sock *sk;

	do {
		sk_nulls_for_each_rcu(sk, n, &hashinfo->ehash[slot].chain)
			latch_adopt_sk(ln, sk);
	} while (get_nulls_value(n) != slot);
}

/* Those that have sent nothing since need not wait any more. */
static void latch_adopt_no_more(struct latch_net *ln)
{
	struct latch *l;

	latch_for_each(ln, l)
		if (l->adopted && READ_ONCE(l->restored))
			latch_unlink(l);
}

/**
 * latch_adopt() - look for connections that are there, or leave them alone (net.latch.adopt)
 * @ln: the namespace
 *
 * Context: process, the worker only.
 */
void latch_adopt(struct latch_net *ln)
{
	const struct inet_hashinfo *hashinfo = ln->net->ipv4.tcp_death_row.hashinfo;
	unsigned int slot;

	rcu_read_lock();
	if (!READ_ONCE(ln->conf.adopt)) {
		latch_adopt_no_more(ln);
	} else {
		for (slot = 0; slot <= hashinfo->ehash_mask; slot++) {
			latch_adopt_chain(ln, hashinfo, slot);
			if (need_resched()) {
				rcu_read_unlock();
				cond_resched();
				rcu_read_lock();
			}
		}
	}
	rcu_read_unlock();
}
