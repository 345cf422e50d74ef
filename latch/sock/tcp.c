// SPDX-License-Identifier: GPL-2.0
/*
 * What is TCP's own: listeners, children and the ends of connections (RFC 5660 2.3-1, 2.3-15,
 * 2.3-17, 5.1-1). A connection's state changes come by the tracepoint inet_sock_set_state,
 * with the socket locked, in any context.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/tracepoint.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>
#include <trace/events/sock.h>

#include "base/net.h"
#include "channel/id.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/fsm.h"
#include "core/types.h"
#include "sock/alert.h"
#include "sock/halfopen.h"
#include "sock/owner.h"
#include "sock/sctp.h"
#include "sock/tcp.h"
#include "sock/timewait.h"
#include "sock/unlink.h"
#include "xfrm/sockpol.h"

static struct tracepoint *latch_tp;
static DEFINE_MUTEX(latch_tp_mutex);
static unsigned int latch_tp_users;

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

/* The listener of a flow's local end; not held. A program that picks one is not asked again. */
static struct sock *latch_tcp_parent(struct latch_net *ln, const struct latch_flow *f, int dif)
{
	struct inet_hashinfo *hashinfo = ln->net->ipv4.tcp_death_row.hashinfo;
	__be16 sport = (__force __be16)f->rport;
	u16 hnum = ntohs((__force __be16)f->lport);

#if IS_ENABLED(CONFIG_IPV6)
	if (f->family == AF_INET6)
		return inet6_lookup_listener(ln->net, hashinfo, NULL, 0,
					     (const struct in6_addr *)&f->remote, sport,
					     (const struct in6_addr *)&f->local, hnum, dif, 0);
#endif
	return __inet_lookup_listener(ln->net, hashinfo, NULL, 0,
				      (__force __be32)f->remote.w[0], sport,
				      (__force __be32)f->local.w[0], hnum, dif, 0);
}

/* Under the latch's lock: a listener of its socket (2.3-1). */
static void latch_tcp_listen(struct latch *l, struct sock *sk)
{
	memset(&l->flow, 0, sizeof(l->flow));
	l->flow.proto = IPPROTO_TCP;
	l->flow.lport = (__force u16)inet_sk(sk)->inet_sport ?: (__force u16)htons(sk->sk_num);
	l->flow.family = sk->sk_family;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		memcpy(l->flow.local.b, &sk->sk_v6_rcv_saddr, 16);
	else
#endif
		memcpy(l->flow.local.b, &sk->sk_rcv_saddr, 4);
	WRITE_ONCE(l->listener, true);
	l->counted = 1;
	atomic_inc(&l->ln->gauge.listeners);
	latch_transition(l, LATCH_EV_LISTEN, LATCH_REASON_NONE);
}

/**
 * latch_tcp_listener() - the latch of a listening socket, made where it has none
 * @sk: TCP socket in LISTEN
 *
 * Context: RCU read side, any. Return: the latch, NULL without memory.
 */
struct latch *latch_tcp_listener(struct sock *sk)
{
	struct latch_net *ln = latch_pernet(sock_net(sk));
	struct latch *l = latch_find_sk(sk);
	int err;

	if (l || !ln)
		return l;
	l = latch_alloc(ln, sk, GFP_ATOMIC);
	if (!l)
		return NULL;
	l->automatic = 1;
	err = latch_id_assign(l);
	spin_lock_bh(&l->lock);
	err = err ?: latch_hash_sk(l, sk);
	if (!err)
		latch_tcp_listen(l, sk);
	spin_unlock_bh(&l->lock);
	if (!err)
		return l;
	latch_unlink(l);
	return latch_find_sk(sk);
}

/*
 * The socket starts to listen. What it asked for before goes over to the
 * listener; the chained destructor must go before the first child is cloned, as must a policy that
 * the module made for an earlier connection.
 */
static void latch_tcp_listens(struct latch_net *ln, struct sock *sk)
{
	struct latch *l = latch_find_sk(sk);

	latch_sockpol_strip(sk, 0);
	if (!l) {
		if (latch_net_active(ln))
			latch_tcp_listener(sk);
		return;
	}
	if (READ_ONCE(l->state) == LATCH_STATE_CLOSED)
		l = latch_renew(l, GFP_ATOMIC);
	if (IS_ERR(l))
		return;
	spin_lock_bh(&l->lock);
	if (!latch_owner_unchain(l))
		pr_warn_once("latch: a listener's destructor is chained by others\n");
	latch_retire(l);
	if (latch_id_assign(l))
		pr_warn_once("latch: no memory to number a listener\n");
	latch_tcp_listen(l, sk);
	spin_unlock_bh(&l->lock);
}

/* The listener is gone; its children have latches of their own (2.2-2). */
static void latch_tcp_unlisten(struct sock *sk)
{
	struct latch *l = latch_find_sk(sk);

	if (!l)
		return;
	spin_lock_bh(&l->lock);
	latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_RELEASED);
	spin_unlock_bh(&l->lock);
	latch_unlink(l);
}

/*
 * A child of a listener that wants to be told, and it has no latch (2.3-15). Who connects to
 * somebody who does the same has a socket already, and is nobody's child.
 */
static void latch_tcp_unlatched(struct latch_net *ln, const struct sock *child,
				const struct latch_flow *f)
{
	int dif = child->sk_bound_dev_if ?: child->sk_rx_dst_ifindex;
	struct latch *parent;
	struct sock *sk;

	if (!latch_alerts_asked(ln) || child->sk_socket)
		return;
	sk = latch_tcp_parent(ln, f, dif);
	parent = sk ? latch_find_sk(sk) : NULL;
	if (parent && READ_ONCE(parent->alerts))
		latch_alert_unlatched(parent, sk, f);
}

/* A child is born: the latch of its SYN gets its socket (2.3-15, 5.1-1). */
static noinline void latch_tcp_child(struct latch_net *ln, struct sock *sk)
{
	struct latch_flow f;
	struct latch *l;

	if (!latch_sk_flow(sk, &f))
		return;
	l = latch_find(ln, &f);
	if (!l) {
		latch_tcp_unlatched(ln, sk, &f);
		return;
	}
	spin_lock_bh(&l->lock);
	if (l->pending && l->state != LATCH_STATE_CLOSED && latch_owner_attach(l, sk))
		latch_halfopen_orphan(l);
	spin_unlock_bh(&l->lock);
}

/**
 * latch_tcp_adopt() - a connection of which no SYN is seen is to be latched
 * @ln: the namespace
 * @sk: TCP socket in ESTABLISHED or later, held or locked by the caller
 *
 * At its first protected segment, in either direction. It was restored here (TCP_REPAIR), or is
 * older than the module.
 *
 * Context: RCU read side.
 */
void latch_tcp_adopt(struct latch_net *ln, struct sock *sk)
{
	struct latch *l = latch_find_sk(sk);
	bool automatic = !l;

	if (!latch_net_active(ln) || (automatic ? !READ_ONCE(ln->conf.auto_mode) : latch_exempt(l)))
		return;
	if (automatic || READ_ONCE(l->state) == LATCH_STATE_CLOSED)
		l = latch_owner_fresh(ln, sk, l);
	if (IS_ERR(l))
		return;
	spin_lock_bh(&l->lock);
	if (automatic)
		l->automatic = 1;
	l->adopted = 1;
	WRITE_ONCE(l->restored, true);
	latch_lookup_inc(l);
	spin_unlock_bh(&l->lock);
}

/*
 * The socket may connect again. A latch that never came to be waits for that, and
 * a demand holds then too.
 */
static void latch_tcp_over(struct latch *l, const struct sock *sk, int old)
{
	lockdep_assert_held(&l->lock);
	if (l->state == LATCH_STATE_NONE || l->state == LATCH_STATE_LARVAL) {
		if (l->restored && l->mode != LATCH_MODE_REQUIRE)
			latch_lookup_dec(l);
		l->restored = false;
		latch_own_end(l);
		return;
	}
	if (latch_timewait_make(l, sk, old))
		return;
	/* the hooks have to be there for the RST that may follow */
	if (!l->over) {
		l->over = 1;
		atomic_inc(&l->ln->gauge.over);
	}
	latch_transition(l, LATCH_EV_RELEASE, l->state == LATCH_STATE_BROKEN ?
			 LATCH_REASON_NONE : LATCH_REASON_RELEASED);
	latch_retire(l);
}

/*
 * Is a socket that is closed done with sending? TCP may close one first and then send a RST;
 * not where nobody has its descriptor, and the peer has acknowledged all of it.
 */
static bool latch_tcp_quiet(const struct sock *sk)
{
	return sock_flag(sk, SOCK_DEAD) && tcp_sk(sk)->snd_una == tcp_sk(sk)->write_seq;
}

/* Does a request stay when a child of it goes? It will have another one. */
static bool latch_tcp_requested(struct latch_net *ln, const struct latch_flow *f,
				const struct sock *child)
{
	bool requested = false;
	struct sock *sk;

	sk = latch_tcp_find(ln, f, child->sk_bound_dev_if, 0);
	if (sk) {
		requested = sk->sk_state == TCP_NEW_SYN_RECV;
		sock_gen_put(sk);
	}
	return requested;
}

/* A child died before it was anybody's, or could not get its latch. */
static noinline void latch_tcp_child_died(struct latch_net *ln, struct sock *sk)
{
	struct latch_flow f;
	struct latch *l;

	if (!latch_sk_flow(sk, &f))
		return;
	l = latch_find(ln, &f);
	if (l && READ_ONCE(l->pending) && !latch_tcp_requested(ln, &f, sk))
		latch_unlink(l);
}

/*
 * The connection is over (2.3-17); what is left tells the owner why, where there is one
 * who could ask.
 */
static void latch_tcp_closed(struct latch_net *ln, struct sock *sk, int old)
{
	struct latch *l = latch_find_sk(sk);
	bool gone;

	if (l) {
		/* one of an offer that no SA came for: the socket may connect again at once */
		if (READ_ONCE(l->state) <= LATCH_STATE_LARVAL)
			latch_sockpol_strip(sk, 0);
		spin_lock_bh(&l->lock);
		latch_tcp_over(l, sk, old);
		gone = l->state == LATCH_STATE_CLOSED && latch_tcp_quiet(sk) &&
		       !l->kept && latch_owner_unchain(l);
		if (gone)
			latch_owner_detach(l);
		spin_unlock_bh(&l->lock);
		if (gone)
			latch_unlink(l);
		return;
	}
	if (latch_halfopen_any(ln))
		latch_tcp_child_died(ln, sk);
}

/*
 * Is there anything that this change of state can mean something to? The socket of a
 * latch that is over may start to listen where nothing else is left.
 */
static bool latch_tcp_matters(const struct latch_net *ln, int old, int new)
{
	return new == TCP_LISTEN || old == TCP_LISTEN || latch_net_active(ln) ||
	       atomic_read(&ln->gauge.latches) || latch_alerts_asked(ln);
}

static noinline void latch_tcp_moves(struct sock *sk, int old, int new)
{
	struct latch_net *ln = latch_pernet(sock_net(sk));

	if (!ln || latch_net_dying(ln) || !latch_tcp_matters(ln, old, new))
		return;
	rcu_read_lock();
	if (new == TCP_LISTEN)
		latch_tcp_listens(ln, sk);
	else if (old == TCP_LISTEN)
		latch_tcp_unlisten(sk);
	else if (new == TCP_ESTABLISHED && old == TCP_SYN_SENT)
		latch_tcp_adopt(ln, sk);
	else if (new == TCP_ESTABLISHED)
		latch_tcp_child(ln, sk);
	else
		latch_tcp_closed(ln, sk, old);
	rcu_read_unlock();
}

/* Tracepoint: with the socket locked, preemption off, so under RCU. */
static void latch_tcp_state(void *data, const struct sock *sk, const int old, const int new)
{
	if (sk->sk_protocol == IPPROTO_SCTP && new == TCP_CLOSE)
		latch_sctp_closed((struct sock *)sk);
	if (!(1 << new & (TCPF_CLOSE | TCPF_LISTEN | TCPF_ESTABLISHED)) ||
	    sk->sk_protocol != IPPROTO_TCP)
		return;
	if (new != TCP_ESTABLISHED || old == TCP_SYN_RECV || tcp_sk(sk)->repair)
		latch_tcp_moves((struct sock *)sk, old, new);
}

static void __init latch_tp_match(struct tracepoint *tp, void *data)
{
	if (!strcmp(tp->name, "inet_sock_set_state"))
		latch_tp = tp;
}

/**
 * latch_tcp_watch() - one namespace more needs TCP's state changes
 *
 * A host where no namespace does pays nothing for its connections.
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int latch_tcp_watch(void)
{
	int err = 0;

	mutex_lock(&latch_tp_mutex);
	if (!latch_tp_users)
		err = tracepoint_probe_register(latch_tp, latch_tcp_state, NULL);
	if (!err)
		latch_tp_users++;
	mutex_unlock(&latch_tp_mutex);
	return err;
}

/**
 * latch_tcp_unwatch() - one less
 *
 * Context: process. Call-backs may still run until a grace period is over.
 */
void latch_tcp_unwatch(void)
{
	mutex_lock(&latch_tp_mutex);
	if (!--latch_tp_users)
		tracepoint_probe_unregister(latch_tp, latch_tcp_state, NULL);
	mutex_unlock(&latch_tp_mutex);
}

/**
 * latch_tcp_init() - find the tracepoint
 *
 * Return: 0; -ENOENT in a kernel without tracepoints.
 */
int __init latch_tcp_init(void)
{
	for_each_kernel_tracepoint(latch_tp_match, NULL);
	return latch_tp ? 0 : -ENOENT;
}

/**
 * latch_tcp_exit() - no call-back runs after this; no namespace is left
 */
void latch_tcp_exit(void)
{
	tracepoint_synchronize_unregister();
}
