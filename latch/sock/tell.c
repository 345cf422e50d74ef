// SPDX-License-Identifier: GPL-2.0
/*
 * How the owner of a latch is told (RFC 5660 2.2-9, 2.3-20, 5.5-1).
 *
 * Whoever ends a TCP connection needs the socket's lock, and a task may keep that for as long as
 * it likes: it may sleep in a page fault while it has the lock. So this is a work that nobody
 * waits for, and it leaves alone a socket that is in use and looks at it again later.
 */
#include <linux/module.h>
#include <net/tcp.h>

#include "base/net.h"
#include "channel/latch.h"
#include "channel/report.h"
#include "core/fsm.h"
#include "core/types.h"
#include "sock/forward.h"
#include "sock/halfopen.h"
#include "sock/owner.h"
#include "sock/ownpol.h"
#include "sock/sctp.h"
#include "sock/tcp.h"
#include "sock/tell.h"
#include "sock/unlink.h"

/* A queue of its own: a work may have to wait for a socket after all. */
static struct workqueue_struct *latch_tell_wq;

/* When to look again at sockets that are in use. */
#define LATCH_TELL_AGAIN	(HZ / 10)

static void latch_tell_later(struct latch_net *ln, unsigned long delay)
{
	if (!latch_net_dying(ln))
		mod_delayed_work(latch_tell_wq, &ln->tell.work, delay);
}

/* The socket, held, while it is not being freed. */
static struct sock *latch_tell_sk(struct latch *l)
{
	struct sock *sk;

	spin_lock_bh(&l->lock);
	sk = l->sk;
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	spin_unlock_bh(&l->lock);
	return sk;
}

static bool latch_tell_in_use(struct sock *sk)
{
	bool used;

	local_bh_disable();
	bh_lock_sock(sk);
	used = sock_owned_by_user(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
	return used;
}

/*
 * A half-open latch's owner is the listener, which hears of nothing: its request goes, so
 * that the peer's next SYN can begin anew (2.3-17). Returns false to be called again.
 */
static bool latch_tell_request(struct latch *l, int err)
{
	struct sock *sk;
	bool used;

	rcu_read_lock();
	sk = latch_tcp_find(l->ln, &l->flow, l->dif, l->sdif);
	rcu_read_unlock();
	/* the request, or the child that it has become meanwhile, which has no latch */
	used = sk && sk_fullsock(sk) && latch_tell_in_use(sk);
	if (sk && !used && sk->sk_state != TCP_TIME_WAIT)
		tcp_abort(sk, err);
	if (sk)
		sock_gen_put(sk);
	if (used)
		return false;
	spin_lock_bh(&l->lock);
	latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_NONE);
	spin_unlock_bh(&l->lock);
	latch_unlink(l);
	return true;
}

/*
 * A TCP socket whose latch is over still tells so, but the module must be free to
 * go: instead of pinning it by the socket's destructor the latch holds the socket
 * until that is closed, which the worker looks for. Returns false to be called again.
 */
static bool latch_tell_keep(struct latch *l, struct sock *sk)
{
	bool used;

	local_bh_disable();
	bh_lock_sock(sk);
	used = sock_owned_by_user(sk);
	spin_lock(&l->lock);
	if (!used && l->unpin && l->state == LATCH_STATE_CLOSED && l->chained &&
	    latch_owner_unchain(l)) {
		sock_hold(sk);
		l->kept = true;
		l->pinned = 0;
		latch_halfopen_add(l, -1);
		module_put(THIS_MODULE);
	}
	used = used && l->unpin;
	spin_unlock(&l->lock);
	bh_unlock_sock(sk);
	local_bh_enable();
	return !used;
}

/*
 * TCP ends as if the peer had reset it. Somebody may take the lock after all before tcp_abort()
 * does: then the other owners of the namespace wait, too, and nobody else. Returns false to be
 * called again.
 */
static bool latch_tell_tcp(struct latch *l, struct sock *sk, int err)
{
	if (err && latch_tell_in_use(sk))
		return false;
	if (err && sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN)
		tcp_abort(sk, err);
	return latch_tell_keep(l, sk);
}

static bool latch_tell_one(struct latch *l, int err)
{
	struct sock *sk = latch_tell_sk(l);
	bool told = true;

	if (sk) {
		told = sk->sk_protocol != IPPROTO_TCP || latch_tell_tcp(l, sk, err);
		sock_put(sk);
	} else if (err && READ_ONCE(l->pending) && !l->kept && !READ_ONCE(l->special)) {
		told = l->sctp ? latch_sctp_tell(l) : latch_tell_request(l, err);
	}
	latch_forward_unpin(l);
	return told;
}

/**
 * latch_tell_work() - tell the owners that take a lock to be told
 * @work: ln->tell.work
 *
 * Context: process; may take lock_sock.
 */
void latch_tell_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net, tell.work);
	bool again = false;
	LIST_HEAD(todo);
	struct latch *l;
	int err;

	latch_report_later(ln, &todo);
	while ((l = latch_report_next(ln, &todo, &err))) {
		if (latch_tell_one(l, -err)) {
			latch_put(l);
		} else {
			latch_report_again(l, err);
			again = true;
		}
		cond_resched();
	}
	if (again)
		latch_tell_later(ln, LATCH_TELL_AGAIN);
}

/**
 * latch_tell_all() - tell the owners that are to be told
 * @ln: the namespace
 *
 * A UDP socket gets the error, without being locked as it does from ICMP, and stays as it is, so
 * that its flow goes on being dropped. The others are told soon.
 *
 * Context: process; takes no socket's lock.
 */
void latch_tell_all(struct latch_net *ln)
{
	bool later = false;
	struct latch *l;
	struct sock *sk;
	int err;

	while ((l = latch_report_next(ln, NULL, &err))) {
		sk = latch_tell_sk(l);
		if (sk && sk->sk_protocol == IPPROTO_UDP) {
			WRITE_ONCE(sk->sk_err, -err);
			sk_error_report(sk);
			latch_put(l);
		} else {
			latch_report_again(l, err);
			later = true;
		}
		if (sk)
			sock_put(sk);
		cond_resched();
	}
	if (later)
		latch_tell_later(ln, 0);
}

/**
 * latch_tell_close() - an administrator closes a latch (2.2-5, 2.3-20)
 * @l:     the latch, held by the caller
 * @unpin: the module is to be free to go
 *
 * No packet passes any more when this returns; the owner is told soon.
 *
 * Context: process; takes no socket's lock.
 */
void latch_tell_close(struct latch *l, bool unpin)
{
	spin_lock_bh(&l->lock);
	l->unpin |= unpin;
	latch_transition(l, LATCH_EV_CLOSE, LATCH_REASON_ADMIN);
	spin_unlock_bh(&l->lock);
	if (unpin && latch_hold(l)) {
		latch_report_again(l, 0);
		latch_tell_later(l->ln, 0);
	}
	/* TCP loses it with its connection: its RST goes the way of what was latched */
	if (l->flow.proto == IPPROTO_UDP)
		latch_ownpol_off(l);
	latch_tell_all(l->ln);
}

/**
 * latch_tell_clear() - nobody is left to be told
 * @ln: the namespace, which ends; its latches are unlinked
 *
 * Context: process.
 */
void latch_tell_clear(struct latch_net *ln)
{
	LIST_HEAD(todo);
	struct latch *l;
	int err;

	latch_report_later(ln, &todo);
	while ((l = latch_report_next(ln, NULL, &err) ?: latch_report_next(ln, &todo, &err)))
		latch_put(l);
}

/**
 * latch_tell_init() - make the queue of all namespaces
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int __init latch_tell_init(void)
{
	latch_tell_wq = alloc_workqueue("latch_tell", WQ_UNBOUND, 0);
	return latch_tell_wq ? 0 : -ENOMEM;
}

/**
 * latch_tell_exit() - end the queue; no namespace is left
 */
void latch_tell_exit(void)
{
	destroy_workqueue(latch_tell_wq);
}
