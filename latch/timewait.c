// SPDX-License-Identifier: GPL-2.0
/*
 * TIME_WAIT: the socket is gone, but TCP still answers for it. What was latched
 * goes on for these answers, as a latch without socket that nobody lists and no
 * event moves, until TIME_WAIT must be over or a SYN opens the 5-tuple again
 * (RFC 5660 2-10: nothing is sent under other protection).
 */
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>

#include "latch.h"

/**
 * latch_tcp_find() - what TCP has in its table of connections under a flow
 * @ln:   the namespace
 * @f:    the flow
 * @dif:  device that its packets come in by
 * @sdif: the L3 slave device, 0 none
 *
 * Context: RCU read side.
 * Return: a connection, a request or a TIME_WAIT, for sock_gen_put(); or NULL.
 */
struct sock *latch_tcp_find(struct latch_net *ln, const struct latch_flow *f, int dif,
			    int sdif)
{
	struct inet_hashinfo *hashinfo = ln->net->ipv4.tcp_death_row.hashinfo;
	__be16 sport = (__force __be16)f->rport;
	u16 hnum = ntohs((__force __be16)f->lport);

#if IS_ENABLED(CONFIG_IPV6)
	if (f->family == AF_INET6)
		return __inet6_lookup_established(ln->net, hashinfo,
						  (const struct in6_addr *)&f->remote, sport,
						  (const struct in6_addr *)&f->local, hnum,
						  dif, sdif);
#endif
	return __inet_lookup_established(ln->net, hashinfo, (__force __be32)f->remote.w[0], sport,
					 (__force __be32)f->local.w[0], hnum, dif, sdif);
}

static struct latch *latch_ghost_alloc(const struct latch *l)
{
	struct latch *g = latch_alloc(l->ln, NULL, GFP_ATOMIC);

	if (!g)
		return NULL;
	g->special = LATCH_GHOST;
	g->state = l->state;
	g->mode = l->mode;
	g->reason = l->reason;
	g->flow = l->flow;
	g->group = latch_group_hold(l->group);
	return g;
}

/**
 * latch_ghost_make() - a connection goes over to TIME_WAIT, where it does
 * @l:  its latch, whose lock is held, still found by its flow
 * @sk: its socket
 *
 * Without memory there is no TIME_WAIT: it must not answer unjudged.
 *
 * Context: BH off.
 */
void latch_ghost_make(struct latch *l, const struct sock *sk)
{
	struct latch *g;
	struct sock *tw;

	lockdep_assert_held(&l->lock);
	if (!l->hashed || l->state == LATCH_STATE_CLOSED)
		return;
	tw = latch_tcp_find(l->ln, &l->flow, sk->sk_bound_dev_if, 0);
	if (!tw)
		return;
	if (tw->sk_state != TCP_TIME_WAIT) {
		sock_gen_put(tw);
		return;
	}
	g = latch_ghost_alloc(l);
	if (g && !latch_flow_replace(l, g)) {
		spin_lock_nested(&g->lock, SINGLE_DEPTH_NESTING);
		latch_embryo_add(g);
		spin_unlock(&g->lock);
		sock_gen_put(tw);
		return;
	}
	if (g)
		latch_put(g);
	inet_twsk_deschedule_put(inet_twsk(tw));
}
