// SPDX-License-Identifier: GPL-2.0
/*
 * The socket option IP_LATCH (RFC 5660 2-12 to 2-16): copies in and out, checks,
 * privileges. What a socket asks for is kept in its latch.
 */
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/sockptr.h>
#include <net/tcp.h>

#include "api/destopt.h"
#include "api/request.h"
#include "api/sockopt.h"
#include "api/tagopt.h"
#include "api/told.h"
#include "base/net.h"
#include "base/sctp.h"
#include "base/work.h"
#include "channel/demand.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "channel/table.h"
#include "core/fsm.h"
#include "core/want.h"
#include "packet/watch.h"
#include "sock/alert.h"
#include "sock/owner.h"
#include "sock/sctp.h"
#include "sock/tcp.h"
#include "sock/udp.h"
#include "xfrm/sockpol.h"
#include "xfrm/spd.h"

/* A raw socket of the same protocol has nothing of what SCTP's have. */
static bool latch_is_sctp(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_SCTP &&
	       (sk->sk_type == SOCK_STREAM || sk->sk_type == SOCK_SEQPACKET);
}

/* May a socket have latches? One of SCTP needs ipsec_latch_sctp, which stays for this call. */
static bool latch_sock_begin(const struct sock *sk)
{
	if (latch_is_sctp(sk)) {
		latch_sctp_want();
		return latch_sctp_pin();
	}
	return (sk->sk_protocol == IPPROTO_TCP && sk->sk_type == SOCK_STREAM) ||
	       (sk->sk_protocol == IPPROTO_UDP && sk->sk_type == SOCK_DGRAM);
}

static void latch_sock_end(const struct sock *sk)
{
	if (latch_is_sctp(sk))
		latch_sctp_unpin();
}

/* A policy of the socket's own that lets everything pass in clear (3.1-2). */
static int latch_bypass(struct sock *sk)
{
	struct latch_sockpol p = { .dir = XFRM_POLICY_IN, .sel.family = sk->sk_family };
	int err;

	err = latch_sockpol_set(sk, &p);
	if (err)
		return err;
	p.dir = XFRM_POLICY_OUT;
	err = latch_sockpol_set(sk, &p);
	if (err)
		latch_sockpol_clear(sk);
	return err;
}

/* Is a policy of the socket's own the one of latch_bypass()? The socket is locked. */
static bool latch_bypass_set(const struct sock *sk, int dir)
{
	const struct xfrm_policy *pol = rcu_dereference_protected(sk->sk_policy[dir], true);

	return pol && pol->action == XFRM_POLICY_ALLOW && !pol->xfrm_nr;
}

/*
 * What a socket does no longer ask for goes, but not what somebody has set with privilege
 * since.
 */
static int latch_bypass_end(struct sock *sk)
{
	if (!(latch_bypass_set(sk, XFRM_POLICY_IN) && latch_bypass_set(sk, XFRM_POLICY_OUT)) &&
	    !ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	latch_sockpol_clear(sk);
	return 0;
}

/**
 * latch_for_request() - the latch to keep a request in
 * @ln: the namespace
 * @sk: the socket, locked
 *
 * Context: process. Return: the latch, held; ERR_PTR as latch_owner_fresh() says.
 */
struct latch *latch_for_request(struct latch_net *ln, struct sock *sk)
{
	struct latch *l;

	rcu_read_lock();
	if (latch_is_sctp(sk))
		l = latch_sctp_socket(ln, sk);
	else
		l = sk->sk_state == TCP_LISTEN && sk->sk_protocol == IPPROTO_TCP ?
		    latch_tcp_listener(sk) : latch_find_sk(sk);
	if (!IS_ERR_OR_NULL(l))
		latch_owner_stale(l, sk);
	if (!l && sk->sk_protocol == IPPROTO_TCP && sk->sk_state == TCP_LISTEN)
		l = ERR_PTR(-ENOMEM);
	else if (!l || (!IS_ERR(l) && !l->sctp && l->state == LATCH_STATE_CLOSED && !l->hashed))
		l = latch_owner_fresh(ln, sk, l);
	if (!IS_ERR(l))
		latch_hold(l);
	rcu_read_unlock();
	return l;
}

/* What may be asked for at any time */
#define LATCH_REQ_SOFT	(LATCH_REQ_DISPOSITION | LATCH_REQ_OWN_POLICY)

static bool latch_soft(const struct latch_req *req)
{
	return req->mask && !(req->mask & ~LATCH_REQ_SOFT);
}

static void latch_request_soft(struct latch *l, const struct latch_req *req)
{
	lockdep_assert_held(&l->lock);
	if (req->mask & LATCH_REQ_DISPOSITION)
		l->disposition = req->disposition;
	if (!(req->mask & LATCH_REQ_OWN_POLICY))
		return;
	l->own_asked = req->own_policy & LATCH_OWN_POLICY_KEEP ? LATCH_OWN_YES : LATCH_OWN_NO;
	l->own_ask_offer = !!(req->own_policy & LATCH_OWN_POLICY_OFFER);
	if (!l->own_ask_offer)
		l->own_offer = 0;
	latch_own_check(l);
}

static void latch_request_keep(struct latch *l, const struct latch_req *req,
			       struct latch_demand *d)
{
	struct latch_demand *old = l->demand;

	lockdep_assert_held(&l->lock);
	WRITE_ONCE(l->mode, req->mode);
	l->automatic = 0;
	latch_request_soft(l, req);
	l->demand = d;
	latch_demand_put(old);
	if (req->mode == LATCH_MODE_REQUIRE) {
		latch_lookup_inc(l);
		if (!l->listener)
			latch_transition(l, LATCH_EV_REQUIRE, LATCH_REASON_NONE);
		return;
	}
	latch_lookup_dec(l);
	if (l->state == LATCH_STATE_LARVAL)
		latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_NONE);
}

/* Data that came before the channel cannot be checked any more (2-9). Destinations are checked. */
static bool latch_too_late(const struct sock *sk, const struct latch *l, u8 mode)
{
	if (l && (READ_ONCE(l->hashed) || (l->has_dests && mode >= LATCH_MODE_OFF)))
		return true;
	if (latch_is_sctp(sk))
		return latch_sctp_ops()->busy(sk);
	if (sk->sk_protocol == IPPROTO_TCP)
		return sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN;
	return latch_udp_unread(sk);
}

/* Associations are latched without their socket, and have to be told, too. */
static void latch_request_only_soft(struct latch *l, struct sock *sk, const struct latch_req *req)
{
	rcu_read_lock();
	if (l->sctp)
		latch_sctp_dispose(sk, req->disposition);
	spin_lock_bh(&l->lock);
	latch_request_soft(l, req);
	spin_unlock_bh(&l->lock);
	rcu_read_unlock();
}

static int latch_request(struct latch_net *ln, struct sock *sk, const struct latch_req *req,
			 struct latch_demand *d)
{
	bool bypass = req->mode == LATCH_MODE_BYPASS;
	struct latch *l;
	int err = 0;

	rcu_read_lock();
	l = latch_find_sk(sk);
	if (l)
		latch_owner_stale(l, sk);
	if (!latch_soft(req) && latch_too_late(sk, l, req->mode))
		err = -EBUSY;
	rcu_read_unlock();
	if (err || latch_req_listens(sk, req))
		return err ?: -EOPNOTSUPP;

	l = latch_for_request(ln, sk);
	if (IS_ERR(l))
		return PTR_ERR(l);
	if (latch_soft(req)) {
		latch_request_only_soft(l, sk, req);
		goto out;
	}
	if (bypass && l->mode != LATCH_MODE_BYPASS)
		err = latch_bypass(sk);
	else if (!bypass && l->mode == LATCH_MODE_BYPASS)
		err = latch_bypass_end(sk);
	if (!err) {
		spin_lock_bh(&l->lock);
		latch_request_keep(l, req, d);
		spin_unlock_bh(&l->lock);
	}
out:
	latch_put(l);
	return err == -ENOBUFS ? -ENOSPC : err;
}

static int latch_alerts_ask(struct latch_net *ln, struct sock *sk, bool on)
{
	struct latch *l;

	rcu_read_lock();
	l = latch_find_sk(sk);
	rcu_read_unlock();
	if (!l && !on)
		return 0;
	l = latch_for_request(ln, sk);
	if (IS_ERR(l))
		return PTR_ERR(l) == -ENOBUFS ? -ENOSPC : PTR_ERR(l);
	latch_alert_ask(l, on);
	latch_put(l);
	return 0;
}

/* IP_LATCH_ALERTS: at any time, and a listener's children inherit it (2.3-10). */
static int latch_set_alerts(struct latch_net *ln, struct sock *sk, sockptr_t arg, unsigned int len)
{
	int on, err;

	if (len < sizeof(on))
		return -EINVAL;
	if (copy_from_sockptr(&on, arg, sizeof(on)))
		return -EFAULT;
	if (on != 0 && on != 1)
		return -EINVAL;
	/* as in latch_set() */
	atomic_inc(&ln->gauge.socks);
	err = latch_watch_update(ln);
	if (!err) {
		lock_sock(sk);
		err = latch_alerts_ask(ln, sk, on);
		release_sock(sk);
	}
	atomic_dec(&ln->gauge.socks);
	latch_watch_update(ln);
	return err;
}

static int latch_set_option(struct latch_net *ln, struct sock *sk, int opt, sockptr_t arg,
			    unsigned int len)
{
	struct latch_demand *d;
	struct latch_req req;
	int err;

	if (opt == IP_LATCH_TAG)
		return latch_tag_set(ln, sk, arg, len);
	if (opt == IP_LATCH_ALERTS)
		return latch_is_sctp(sk) ? -EOPNOTSUPP : latch_set_alerts(ln, sk, arg, len);
	if (opt == IP_LATCH_DEST)
		return latch_dest_set(ln, sk, arg, len);
	err = latch_req_copy(&req, arg, 0, len);
	if (err)
		return err;
	if (!latch_req_ok(&req))
		return -EINVAL;
	if (latch_is_sctp(sk) && (req.own_policy || req.mode == LATCH_MODE_BYPASS))
		return -EOPNOTSUPP;
	if (req.mode >= LATCH_MODE_OFF &&
	    !ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	d = latch_demand_new(ln, &req);
	if (IS_ERR(d))
		return PTR_ERR(d);

	/* whatever the socket does once it has a latch must be heard of */
	atomic_inc(&ln->gauge.socks);
	err = latch_watch_update(ln);
	if (!err) {
		lock_sock(sk);
		err = latch_request(ln, sk, &req, d);
		release_sock(sk);
	}
	atomic_dec(&ln->gauge.socks);
	if (err)
		latch_demand_put(d);
	/* a demand counts from now on, so the hooks must be there */
	latch_watch_update(ln);
	return err;
}

static int latch_set(struct sock *sk, int opt, sockptr_t arg, unsigned int len)
{
	int err;

	if (opt != IP_LATCH && opt != IP_LATCH_TAG && opt != IP_LATCH_DEST &&
	    opt != IP_LATCH_ALERTS)
		return -ENOPROTOOPT;
	if (!latch_sock_begin(sk))
		return -EOPNOTSUPP;
	err = latch_set_option(latch_pernet(sock_net(sk)), sk, opt, arg, len);
	latch_sock_end(sk);
	return err;
}

static int latch_get_alerts(struct sock *sk, void __user *user, int *len)
{
	struct latch *l;
	int on = 0;

	if (*len < (int)sizeof(on))
		return -EINVAL;
	rcu_read_lock();
	l = latch_find_sk(sk);
	if (l)
		on = READ_ONCE(l->alerts) & LATCH_ALERTS_ON;
	rcu_read_unlock();
	*len = sizeof(on);
	return copy_to_user(user, &on, sizeof(on)) ? -EFAULT : 0;
}

static int latch_get_option(struct latch_net *ln, struct sock *sk, int opt, void __user *user,
			    int *len)
{
	int err;

	if (*len < 0)
		return -EINVAL;
	if (opt == IP_LATCH_ALERTS)
		return latch_get_alerts(sk, user, len);
	/* an application asks about a number while datagrams wait: nobody waits for the worker */
	if (latch_tag_option(opt))
		return latch_tag_get(ln, sk, opt, user, len);
	latch_spd_check_defaults(ln);
	latch_work_sync(ln);
	if (opt == IP_LATCH_DEST)
		return latch_dest_get(sk, user, len);
	if (!latch_is_sctp(sk))
		return opt == IP_LATCH_ASSOC ? -EOPNOTSUPP : latch_told(sk, opt, user, len);
	/* nothing else keeps the socket's associations in place */
	lock_sock(sk);
	err = opt == IP_LATCH_ASSOC ? latch_told_assoc(sk, user, len) :
				      latch_told(sk, opt, user, len);
	release_sock(sk);
	return err;
}

static int latch_get(struct sock *sk, int opt, void __user *user, int *len)
{
	int err;

	if (opt > IP_LATCH_LOCAL_ID && !latch_tag_option(opt) && opt < IP_LATCH_DEST)
		return -ENOPROTOOPT;
	if (!latch_sock_begin(sk))
		return -EOPNOTSUPP;
	err = latch_get_option(latch_pernet(sock_net(sk)), sk, opt, user, len);
	latch_sock_end(sk);
	return err;
}

#define LATCH_SOCKOPT(family) {			\
	.pf		= (family),		\
	.set_optmin	= IP_LATCH,		\
	.set_optmax	= IP_LATCH_LAST + 1,	\
	.set		= latch_set,		\
	.get_optmin	= IP_LATCH,		\
	.get_optmax	= IP_LATCH_LAST + 1,	\
	.get		= latch_get,		\
	.owner		= THIS_MODULE,		\
}

static struct nf_sockopt_ops latch_sockopt4 = LATCH_SOCKOPT(PF_INET);
static struct nf_sockopt_ops latch_sockopt6 = LATCH_SOCKOPT(PF_INET6);

/**
 * latch_sockopt_init() - offer the option
 *
 * Return: 0, or -EBUSY where another module has one of the numbers.
 */
int __init latch_sockopt_init(void)
{
	int err = nf_register_sockopt(&latch_sockopt4);

	if (err)
		return err;
	err = nf_register_sockopt(&latch_sockopt6);
	if (err)
		nf_unregister_sockopt(&latch_sockopt4);
	return err;
}

/**
 * latch_sockopt_exit() - take it back; no call is under way after this
 */
void latch_sockopt_exit(void)
{
	nf_unregister_sockopt(&latch_sockopt6);
	nf_unregister_sockopt(&latch_sockopt4);
}
