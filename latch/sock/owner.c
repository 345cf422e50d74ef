// SPDX-License-Identifier: GPL-2.0
/*
 * The socket that owns a latch: how the two find each other, and end together (RFC 5660 2.3-17,
 * 5.1-1, 5.2-1). How it is told is in tell.c.
 *
 * Connections and UDP sockets have their sk_destruct chained, so that a latch can be
 * read until its socket is freed and not longer. Listeners must not: sk_clone_lock() would copy
 * the chained pointer into children that are not known here.
 */
#include <linux/module.h>
#include <net/inet_common.h>
#include <net/l3mdev.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

#include "base/net.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "channel/report.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/fsm.h"
#include "core/types.h"
#include "sock/halfopen.h"
#include "sock/owner.h"
#include "sock/sctp.h"
#include "sock/tcp.h"
#include "sock/udp.h"
#include "sock/unlink.h"
#include "xfrm/sockpol.h"

/**
 * latch_sk_flow() - the 5-tuple of a connected socket
 * @sk: TCP or UDP socket
 * @f:  to fill; every byte of it is written
 *
 * Context: any. Return: false where the socket is not connected.
 */
bool latch_sk_flow(const struct sock *sk, struct latch_flow *f)
{
	const struct inet_sock *inet = inet_sk(sk);

	memset(f, 0, sizeof(*f));
	if (sk->sk_bound_dev_if)
		f->l3 = l3mdev_master_ifindex_by_index(sock_net(sk), sk->sk_bound_dev_if) &
			~LATCH_L3_FORWARD;
	f->proto = sk->sk_protocol;
	f->lport = (__force u16)inet->inet_sport;
	f->rport = (__force u16)inet->inet_dport;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		f->family = AF_INET6;
		memcpy(f->local.b, &inet6_sk(sk)->saddr, 16);
		memcpy(f->remote.b, &sk->sk_v6_daddr, 16);
		return f->rport && !ipv6_addr_any(&sk->sk_v6_daddr);
	}
#endif
	f->family = AF_INET;
	memcpy(f->local.b, &inet->inet_saddr, 4);
	memcpy(f->remote.b, &inet->inet_daddr, 4);
	return f->rport && inet->inet_daddr;
}

/* What the kernel gives a socket of its kind, where nobody has kept its own destructor. */
static void latch_plain_destruct(struct sock *sk)
{
	if (sk->sk_protocol == IPPROTO_UDP)
		udp_destruct_common(sk);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		inet6_sock_destruct(sk);
		return;
	}
#endif
	inet_sock_destruct(sk);
}

/*
 * The socket is freed. Its own destructor is the last thing called, and the
 * module is left behind by the latch's RCU call-back, which latch_exit() waits
 * for.
 */
static void latch_sk_destruct(struct sock *sk)
{
	void (*destruct)(struct sock *sk) = latch_plain_destruct;
	struct latch *l;

	rcu_read_lock();
	l = latch_find_sk(sk);
	if (l) {
		spin_lock_bh(&l->lock);
		if (l->chained)
			destruct = l->destruct;
		l->chained = 0;
		latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_RELEASED);
		spin_unlock_bh(&l->lock);
		latch_unlink(l);
	}
	rcu_read_unlock();
	destruct(sk);
}

/**
 * latch_owner_chain() - hear of the end of a socket
 * @l:  its latch
 * @sk: the socket, locked by the caller where it is TCP
 *
 * Pins the module until then.
 *
 * Context: any. Return: 0; -EBUSY where the module is on its way out: a hook may still run
 * then, but nothing must point to the module any more.
 */
int latch_owner_chain(struct latch *l, struct sock *sk)
{
	if (!try_module_get(THIS_MODULE))
		return -EBUSY;
	l->pinned = 1;
	l->chained = 1;
	l->destruct = sk->sk_destruct;
	WRITE_ONCE(sk->sk_destruct, latch_sk_destruct);
	return 0;
}

/**
 * latch_owner_attach() - give a latch its socket
 * @l:  a latch without socket, whose lock is held
 * @sk: TCP connection (locked by the caller) or UDP socket
 *
 * Pins the module until the socket is freed.
 *
 * Context: any. Return: 0; -EEXIST where the socket has a latch; -ENOMEM; -EBUSY while the
 * module goes.
 */
int latch_owner_attach(struct latch *l, struct sock *sk)
{
	int err;

	lockdep_assert_held(&l->lock);
	err = latch_hash_sk(l, sk);
	if (err)
		return err;
	err = latch_owner_chain(l, sk);
	if (err) {
		latch_unhash_sk(l);
		return err;
	}
	latch_halfopen_del(l);
	latch_own_check(l);
	return 0;
}

/**
 * latch_owner_policies() - in which directions a socket has policies of its own
 * @l:  its latch, or that of one of its destinations, whose lock is held
 * @sk: the socket
 *
 * The SPD does not govern its flows then.
 *
 * Context: RCU read side.
 */
void latch_owner_policies(struct latch *l, struct sock *sk)
{
	l->sockpol_in = latch_own_governs(l, sk, XFRM_POLICY_IN);
	l->sockpol_out = latch_own_governs(l, sk, XFRM_POLICY_OUT);
}

/**
 * latch_owner_latched() - a socket's flow gets its SA
 * @l:  the latch, whose lock is held
 * @sk: the socket
 *
 * Context: RCU read side.
 */
void latch_owner_latched(struct latch *l, struct sock *sk)
{
	latch_owner_policies(l, sk);
	l->restored = false;
	if (sk->sk_protocol == IPPROTO_UDP)
		latch_udp_latched(l, sk);
}

/**
 * latch_owner_unchain() - hear of the end of a socket no more
 * @l: its latch, whose lock is held; the caller holds the socket, or has it locked
 *
 * Context: any. Return: false where somebody chained after us, and the socket has to
 * keep its latch.
 */
bool latch_owner_unchain(struct latch *l)
{
	struct sock *sk = l->sk;

	lockdep_assert_held(&l->lock);
	if (!l->chained)
		return true;
	if (cmpxchg(&sk->sk_destruct, latch_sk_destruct, l->destruct) != latch_sk_destruct)
		return false;
	l->chained = 0;
	return true;
}

/**
 * latch_owner_unpin() - no socket's destructor leads to the module by this latch any more
 * @l: the latch, whose lock is held, and which is not chained any more
 *
 * Context: RCU read side.
 */
void latch_owner_unpin(struct latch *l)
{
	if (l->pinned)
		module_put(THIS_MODULE);
	l->pinned = 0;
}

/**
 * latch_owner_detach() - a latch has no socket any more
 * @l: the latch, whose lock is held, and which is not chained any more
 *
 * Context: BH off, RCU read side: the module is not pinned by it any more.
 */
void latch_owner_detach(struct latch *l)
{
	latch_unhash_sk(l);
	latch_owner_unpin(l);
}

/**
 * latch_owner_fresh() - the latch of a socket that has none, or whose last connection is over
 * @ln: the namespace
 * @sk: the socket, locked by the caller where it is TCP
 * @l:  its latch, in CLOSED, which no packet finds any more; NULL none
 *
 * Context: RCU read side. Return: the latch, in NONE or LARVAL; ERR_PTR as latch_renew() says.
 */
struct latch *latch_owner_fresh(struct latch_net *ln, struct sock *sk, struct latch *l)
{
	int err;

	if (l)
		return latch_renew(l, GFP_ATOMIC);
	l = latch_alloc(ln, sk, GFP_ATOMIC);
	if (!l)
		return ERR_PTR(-ENOMEM);
	err = latch_list(l);
	if (!err) {
		l->flow.proto = sk->sk_protocol;
		spin_lock_bh(&l->lock);
		err = latch_owner_attach(l, sk);
		spin_unlock_bh(&l->lock);
	}
	if (!err)
		return l;
	latch_unlink(l);
	return ERR_PTR(err);
}

/**
 * latch_owner_left() - the flow of a latch is not its socket's any more
 * @l: the latch
 *
 * Context: any, @l->lock not held.
 */
void latch_owner_left(struct latch *l)
{
	spin_lock_bh(&l->lock);
	if (l->hashed) {
		latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_RELEASED);
		latch_retire(l);
	}
	spin_unlock_bh(&l->lock);
}

/**
 * latch_owner_stale() - a UDP socket was disconnected or connected anew (5.2-1)
 * @l:  its latch
 * @sk: the socket
 *
 * There is no event for it, so it is seen at the next packet or option call. The
 * latch goes back to what the socket asked for.
 *
 * Context: RCU read side.
 */
void latch_owner_stale(struct latch *l, const struct sock *sk)
{
	struct latch_flow f;

	if (sk->sk_protocol != IPPROTO_UDP || !READ_ONCE(l->hashed))
		return;
	if (latch_sk_flow(sk, &f) && latch_flow_equal(&f, &l->flow) &&
	    !latch_udp_reconnected(l, sk))
		return;
	latch_owner_left(l);
}

/**
 * latch_owner_get() - the latch of a socket, as the socket is now
 * @sk: TCP or UDP socket; SCTP's is locked by the caller
 *
 * Context: RCU read side. Return: the latch or NULL.
 */
struct latch *latch_owner_get(struct sock *sk)
{
	struct latch_net *ln = latch_pernet(sock_net(sk));
	struct latch_flow f;
	struct latch *l;
	bool known;

	if (sk->sk_protocol == IPPROTO_SCTP)
		return latch_sctp_of_sock(sk, 0, &known);
	if (sk->sk_protocol == IPPROTO_TCP && sk->sk_state == TCP_LISTEN && ln &&
	    latch_net_active(ln) && READ_ONCE(ln->conf.auto_mode))
		return latch_tcp_listener(sk);
	l = latch_find_sk(sk);
	if (l)
		latch_owner_stale(l, sk);
	else if (ln && sk->sk_protocol == IPPROTO_TCP && sk->sk_state == TCP_SYN_RECV &&
		 latch_sk_flow(sk, &f))
		l = latch_find(ln, &f);
	return l;
}
