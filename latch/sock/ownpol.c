// SPDX-License-Identifier: GPL-2.0
/*
 * A policy of the flow's own (RFC 5660 2.3-14, 2.4-2): for the exact 5-tuple, before the SPD, and
 * gone with the latch. xfrm/sockpol.c makes and removes it.
 *
 * Who gives. latch_ownpol_work(), a work of the namespace's that nobody waits for, in process
 * context: the kernel copies what it makes a policy of, and may sleep for that. It takes
 * lock_sock, then the latch's lock, and none of ours while it calls the kernel. A socket that is
 * in use is left for later, as in tell.c. A socket that is closed gets nothing: the kernel has
 * freed its policies, or is about to, and would not free another one. channel/own.c has the queue:
 * latches are put there, in any context, when they are established, when their socket is born,
 * when the SA of the other direction is seen, and when somebody asks. A flow that has no SA yet
 * gets one of an administrator's offer, see offer.c.
 *
 * Who takes. The same work, and latch_ownpol_off() for whoever cannot wait: with the socket's
 * spinlock held and nobody inside. Removing allocates nothing. A socket that starts to listen
 * loses it under the lock that it has anyway, as children would inherit it.
 *
 * Who frees. The kernel: the policy is its own from the moment that the socket has it, names
 * nothing of the module, and goes with the socket where nobody took it before. So neither the end
 * of a namespace nor that of the module waits for it.
 *
 * What it is checked by. l->sockpol_in and l->sockpol_out say that the SPD does not govern the
 * flow, so latch_eval() goes by the SAs that were seen, which is what the policy names: an SA that
 * the kernel can choose by it is a conflict where it is not congruent, and nothing else is.
 *
 * What it does not cover. SYN-ACKs are the listener's, who has none; what TIME_WAIT and closed
 * connections answer leaves by a socket of the kernel's. All of that goes by the SPD, and nothing
 * of it leaves in clear text: the packet path checks it against the latch as before. So it does
 * where the socket's mark is changed later, and the kernel passes over the policy.
 *
 * One template is what is known of a flow: a flow under several SAs at once, through IPComp, or
 * through an XFRM interface, where the kernel does not ask the socket, keeps the SPD.
 */
#include <net/sock.h>

#include "base/mib.h"
#include "base/net.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "channel/reeval.h"
#include "core/flow.h"
#include "core/types.h"
#include "sock/offer.h"
#include "sock/ownpol.h"
#include "xfrm/sad.h"
#include "xfrm/sockpol.h"
#include "xfrm/spd.h"

/* When to look again at sockets that are in use. */
#define LATCH_OWNPOL_AGAIN	(HZ / 10)

/* The socket, held, while it is not being freed. */
static struct sock *latch_ownpol_sk(struct latch *l)
{
	struct sock *sk;

	spin_lock_bh(&l->lock);
	sk = l->sk;
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	spin_unlock_bh(&l->lock);
	return sk;
}

/*
 * Which mark chooses the SAs: that of the policy in use, if the socket has it, too. Where no policy
 * tells, but flows may differ by marks, it is not known.
 */
static int latch_ownpol_mark(const struct latch *l, const struct latch_pol *pol, u8 dir,
			     struct xfrm_mark *mark)
{
	if (pol && pol->mark_m) {
		mark->v = pol->mark_v;
		mark->m = pol->mark_m;
		return (READ_ONCE(l->sk->sk_mark) & mark->m) == mark->v ? 0 : -EOPNOTSUPP;
	}
	return pol || !l->group->c.mark[dir] || !latch_sad_marked(l->ln) ? 0 : -EOPNOTSUPP;
}

static int latch_ownpol_dir(const struct latch *l, u8 dir, struct latch_sockpol *p, u32 *reqid)
{
	const struct latch_common *c = &l->group->c;
	const struct latch_pol *pol = NULL;
	bool in = dir == LATCH_DIR_IN;

	if (c->pol[dir] && c->pol[dir] != LATCH_POL_SEEN)
		pol = latch_spd_find(l->ln, &l->flow, dir, c->if_id[dir], c->mark[dir]);
	if (pol && pol->id != c->pol[dir])
		pol = NULL;
	*reqid = c->reqid[dir];
	/* the first packet of a direction tells, or the policy that it will come by */
	if (!(c->seen & BIT(dir))) {
		if (!pol || pol->n_tmpl != 1 || !pol->tmpl[0].reqid)
			return -EAGAIN;
		*reqid = pol->tmpl[0].reqid;
	}
	p->dir = in ? XFRM_POLICY_IN : XFRM_POLICY_OUT;
	p->owner = l->id;
	latch_sockpol_selector(&l->flow, dir, &p->sel);
	p->tmpl.family = c->outer_family;
	p->tmpl.proto = c->params.tag.x[0].proto;
	p->tmpl.mode = c->params.tag.x[0].mode;
	p->tmpl.reqid = *reqid;
	if (p->tmpl.mode != XFRM_MODE_TRANSPORT) {
		p->tmpl.daddr = in ? c->outer_local : c->outer_remote;
		p->tmpl.saddr = in ? c->outer_remote : c->outer_local;
	}
	return latch_ownpol_mark(l, pol, dir, &p->mark);
}

/*
 * The policies of both directions. The socket is locked. -EAGAIN: not before more is known;
 * -EOPNOTSUPP: never; -EALREADY: nothing to do.
 */
static int latch_ownpol_make(struct latch *l, const struct sock *sk,
			     struct latch_sockpol pol[LATCH_DIRS], u32 reqid[LATCH_DIRS])
{
	const struct latch_common *c;
	int err = -EALREADY;

	memset(pol, 0, LATCH_DIRS * sizeof(*pol));
	rcu_read_lock();
	spin_lock_bh(&l->lock);
	if (l->sk == sk && l->state == LATCH_STATE_ESTABLISHED && !l->unlinked && l->joined &&
	    !l->own_given && latch_own_wanted(l)) {
		c = &l->group->c;
		err = c->params.tag.n != 1 || c->ipcomp || c->if_id[LATCH_DIR_IN] ||
		      c->if_id[LATCH_DIR_OUT] ? -EOPNOTSUPP : 0;
		err = err ?: latch_ownpol_dir(l, LATCH_DIR_IN, &pol[LATCH_DIR_IN],
					      &reqid[LATCH_DIR_IN]);
		err = err ?: latch_ownpol_dir(l, LATCH_DIR_OUT, &pol[LATCH_DIR_OUT],
					      &reqid[LATCH_DIR_OUT]);
	}
	spin_unlock_bh(&l->lock);
	rcu_read_unlock();
	return err;
}

/* From now on its policy governs the flow. False where that is not to be any more. */
static bool latch_ownpol_given(struct latch *l, const struct sock *sk, const u32 reqid[LATCH_DIRS])
{
	struct latch_common common;
	bool given;

	rcu_read_lock();
	spin_lock_bh(&l->lock);
	given = l->sk == sk && l->state == LATCH_STATE_ESTABLISHED && !l->unlinked && l->joined &&
		latch_own_wanted(l);
	if (given) {
		latch_own_given(l);
		l->sockpol_in = 1;
		l->sockpol_out = 1;
		common = l->group->c;
		common.reqid[LATCH_DIR_IN] = reqid[LATCH_DIR_IN];
		common.reqid[LATCH_DIR_OUT] = reqid[LATCH_DIR_OUT];
		latch_resettle(l, &common, true);
	}
	spin_unlock_bh(&l->lock);
	rcu_read_unlock();
	return given;
}

/* No more attempts for this latch. */
static void latch_ownpol_failed(struct latch *l)
{
	latch_mib_event(l->ln, LATCH_MIB_OWN_FAILED);
	spin_lock_bh(&l->lock);
	l->own_off = 1;
	spin_unlock_bh(&l->lock);
}

/*
 * May a socket, which is locked, have one? It is not closed, nor about to be, and the application
 * has set none.
 */
static bool latch_ownpol_ready(const struct sock *sk)
{
	if (sock_flag(sk, SOCK_DEAD) || latch_sockpol_others(sk, XFRM_POLICY_IN) ||
	    latch_sockpol_others(sk, XFRM_POLICY_OUT))
		return false;
	return sk->sk_protocol != IPPROTO_TCP ||
	       (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN);
}

/* Returns false to be called again. */
static bool latch_ownpol_give(struct latch *l, struct sock *sk)
{
	struct latch_sockpol pol[LATCH_DIRS];
	u32 reqid[LATCH_DIRS];
	int err;

	err = latch_ownpol_ready(sk) ? latch_ownpol_make(l, sk, pol, reqid) : -EALREADY;
	if (err == -EALREADY || err == -EAGAIN)
		return true;
	err = err ?: latch_sockpol_set(sk, &pol[LATCH_DIR_IN]);
	err = err ?: latch_sockpol_set(sk, &pol[LATCH_DIR_OUT]);
	if (err || !latch_ownpol_given(l, sk, reqid))
		latch_sockpol_strip(sk, 0);
	if (err == -ENOMEM || err == -ENOBUFS) {
		latch_mib_event(l->ln, LATCH_MIB_OWN_FAILED);
		return false;
	}
	if (err)
		latch_ownpol_failed(l);
	return true;
}

/*
 * The SPD governs the flow again. What the latch's group says of policies is what it began with, or
 * nothing, so that one that is not there now is a conflict.
 */
static void latch_ownpol_taken(struct latch *l, struct sock *sk)
{
	struct latch_common common;

	lockdep_assert_held(&l->lock);
	latch_own_taken(l);
	l->sockpol_in = latch_sockpol_others(sk, XFRM_POLICY_IN);
	l->sockpol_out = latch_sockpol_others(sk, XFRM_POLICY_OUT);
	if (l->unlinked || !l->joined)
		return;
	common = l->group->c;
	common.pol[LATCH_DIR_IN] = 0;
	common.pol[LATCH_DIR_OUT] = 0;
	latch_resettle(l, &common, true);
}

/*
 * The socket is locked, so that nobody destroys it, or closed. What an earlier connection of it
 * has left goes, too. Returns whether the latch had one.
 */
static bool latch_ownpol_remove(struct latch *l, struct sock *sk)
{
	bool had;

	if (sock_flag(sk, SOCK_DEAD))
		return false;
	latch_sockpol_strip(sk, 0);
	rcu_read_lock();
	spin_lock_bh(&l->lock);
	had = l->sk == sk && l->own_given;
	if (had)
		latch_ownpol_taken(l, sk);
	spin_unlock_bh(&l->lock);
	rcu_read_unlock();
	return had;
}

/* At once, or not at all: false where the socket is in use. */
static bool latch_ownpol_take(struct latch *l)
{
	struct sock *sk = latch_ownpol_sk(l);
	bool used;

	if (!sk)
		return true;
	local_bh_disable();
	bh_lock_sock(sk);
	used = sock_owned_by_user(sk);
	if (!used)
		latch_ownpol_remove(l, sk);
	bh_unlock_sock(sk);
	local_bh_enable();
	sock_put(sk);
	return !used;
}

/**
 * latch_ownpol_off() - an administrator takes a latch's own policy away (6.2-1)
 * @l: the latch, held by the caller
 *
 * It gets no other one. A socket that is in use keeps it until it is not.
 *
 * Context: process. Return: 0; -EBUSY where the socket is in use.
 */
int latch_ownpol_off(struct latch *l)
{
	bool given;

	spin_lock_bh(&l->lock);
	l->own_off = 1;
	given = l->own_given;
	spin_unlock_bh(&l->lock);
	if (!given || latch_ownpol_take(l))
		return 0;
	spin_lock_bh(&l->lock);
	latch_own_check(l);
	spin_unlock_bh(&l->lock);
	return -EBUSY;
}

static bool latch_ownpol_in_use(struct sock *sk)
{
	bool used;

	local_bh_disable();
	bh_lock_sock(sk);
	used = sock_owned_by_user(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
	return used;
}

/* Returns false to be called again. */
static bool latch_ownpol_one(struct latch *l, struct sock *sk)
{
	bool larval, stays, done = true;

	lock_sock(sk);
	spin_lock_bh(&l->lock);
	larval = latch_own_larval(l);
	stays = latch_own_wanted(l) && l->own_given && !l->own_renew;
	spin_unlock_bh(&l->lock);
	if (larval)
		done = latch_offer_work(l, sk);
	else if (!stays)
		done = latch_ownpol_remove(l, sk) || latch_ownpol_give(l, sk);
	release_sock(sk);
	return done;
}

/**
 * latch_ownpol_work() - give latches policies of their own, and take them away
 * @work: ln->own.work
 *
 * Context: process; takes lock_sock.
 */
void latch_ownpol_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net, own.work);
	LIST_HEAD(todo);
	struct latch *l;
	struct sock *sk;
	long left;
	bool done;

	latch_own_renew(ln);
	left = latch_own_due(ln, &todo);
	while ((l = latch_own_next(ln, &todo))) {
		sk = latch_ownpol_sk(l);
		done = !sk || (!latch_ownpol_in_use(sk) && latch_ownpol_one(l, sk));
		if (sk)
			sock_put(sk);
		if (done) {
			latch_put(l);
		} else {
			latch_own_again(l);
			left = left ? min_t(long, left, LATCH_OWNPOL_AGAIN) : LATCH_OWNPOL_AGAIN;
		}
		cond_resched();
	}
	if (left > 0)
		latch_own_later(ln, left);
}
