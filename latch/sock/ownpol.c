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
 * What it names. A template for each SA of the flow's packets, innermost first, as these were seen.
 * IPComp is one more, which inbound need not be used: a packet that is too small goes without.
 *
 * Who gets none, and keeps the SPD; l->own_none says why. A flow through an XFRM interface: the
 * kernel routes it to the interface without IPsec, and xfrmi_xmit2() looks for a policy with the
 * interface's if_id by xfrm_lookup_with_ifid() for no socket at all. A flow whose socket does not
 * have the mark that leads to its SAs. And one whose IPComp is not the innermost SA.
 */
#include <net/sock.h>

#include "base/mib.h"
#include "base/net.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "channel/reeval.h"
#include "core/flow.h"
#include "core/tag.h"
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

/* One template more, for an SA that was seen. */
static struct latch_tmpl *latch_ownpol_tmpl(struct latch_sockpol *p, const struct latch_hop *hop,
					    u8 proto, u8 dir)
{
	struct latch_tmpl *t = &p->tmpl[p->n++];
	bool in = dir == LATCH_DIR_IN;

	t->proto = proto;
	t->mode = hop->mode;
	t->family = hop->family;
	t->reqid = hop->reqid[dir];
	if (t->mode != XFRM_MODE_TRANSPORT) {
		t->daddr = in ? hop->local : hop->remote;
		t->saddr = in ? hop->remote : hop->local;
	}
	return t;
}

/*
 * IPComp, where it is used. In what comes in by an SA of whatever reqid, since it protects nothing,
 * and what is outside of it is named. All packets that go out show it, and not all that come in.
 */
static int latch_ownpol_ipcomp(const struct latch_common *c, const struct latch_pol *pol, u8 dir,
			       struct latch_sockpol *p)
{
	bool out_seen = c->seen & BIT(LATCH_DIR_OUT);
	struct latch_tmpl *t;

	if (!c->comp.family) {
		if (!c->ipcomp)
			return pol && pol->ipcomp ? -EAGAIN : 0;
		return out_seen ? LATCH_OWN_NONE_SAS : -EAGAIN;
	}
	if (dir == LATCH_DIR_OUT && !(c->comp.seen & BIT(dir)))
		return out_seen ? 0 : -EAGAIN;
	t = latch_ownpol_tmpl(p, &c->comp, IPPROTO_COMP, dir);
	if (dir == LATCH_DIR_IN) {
		t->optional = true;
		t->reqid = 0;
	}
	return 0;
}

/* The templates of one direction. Its first packet tells, or the policy that it will come by. */
static int latch_ownpol_tmpls(const struct latch_common *c, const struct latch_pol *pol, u8 dir,
			      struct latch_sockpol *p)
{
	const struct latch_tag *tag = &c->params.tag;
	bool seen = c->seen & BIT(dir);
	struct latch_tmpl *t;
	struct latch_hop hop;
	int i, err;

	err = latch_ownpol_ipcomp(c, pol, dir, p);
	if (err)
		return err;
	if (!seen && (!pol || pol->n_tmpl != tag->n))
		return -EAGAIN;
	for (i = 0; i < latch_tag_n(tag); i++) {
		latch_common_hop(c, i, &hop);
		t = latch_ownpol_tmpl(p, &hop, tag->x[i].proto, dir);
		if (seen)
			continue;
		t->reqid = pol->tmpl[i].reqid;
		if (!t->reqid)
			return -EAGAIN;
	}
	return 0;
}

static int latch_ownpol_dir(const struct latch *l, u8 dir, struct latch_sockpol *p)
{
	const struct latch_common *c = &l->group->c;
	const struct latch_pol *pol = NULL;
	int err;

	if (c->if_id[dir])
		return LATCH_OWN_NONE_INTERFACE;
	if (c->pol[dir] && c->pol[dir] != LATCH_POL_SEEN)
		pol = latch_spd_find(l->ln, &l->flow, dir, c->if_id[dir], c->mark[dir]);
	if (pol && pol->id != c->pol[dir])
		pol = NULL;
	err = latch_ownpol_tmpls(c, pol, dir, p);
	if (err)
		return err;
	p->dir = dir == LATCH_DIR_IN ? XFRM_POLICY_IN : XFRM_POLICY_OUT;
	p->owner = l->id;
	latch_sockpol_selector(&l->flow, dir, &p->sel);
	return latch_ownpol_mark(l, pol, dir, &p->mark) ? LATCH_OWN_NONE_MARK : 0;
}

/*
 * The policies of both directions. The socket is locked. -EAGAIN: not before more is known;
 * -EALREADY: nothing to do; LATCH_OWN_NONE_*: never.
 */
static int latch_ownpol_make(struct latch *l, const struct sock *sk,
			     struct latch_sockpol pol[LATCH_DIRS])
{
	int err = -EALREADY;

	memset(pol, 0, LATCH_DIRS * sizeof(*pol));
	rcu_read_lock();
	spin_lock_bh(&l->lock);
	if (l->sk == sk && l->state == LATCH_STATE_ESTABLISHED && !l->unlinked && l->joined &&
	    !l->own_given && latch_own_wanted(l))
		err = latch_ownpol_dir(l, LATCH_DIR_IN, &pol[LATCH_DIR_IN]) ?:
		      latch_ownpol_dir(l, LATCH_DIR_OUT, &pol[LATCH_DIR_OUT]);
	spin_unlock_bh(&l->lock);
	rcu_read_unlock();
	return err;
}

/* What the policy names is what the flow is checked by. */
static void latch_ownpol_named(struct latch_common *c, const struct latch_sockpol *p, u8 dir)
{
	int i, skip = p->n - c->params.tag.n;

	for (i = 0; i < c->params.tag.n; i++)
		latch_common_set_reqid(c, i, dir, p->tmpl[skip + i].reqid);
}

/* From now on its policy governs the flow. False where that is not to be any more. */
static bool latch_ownpol_given(struct latch *l, const struct sock *sk,
			       const struct latch_sockpol pol[LATCH_DIRS])
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
		latch_ownpol_named(&common, &pol[LATCH_DIR_IN], LATCH_DIR_IN);
		latch_ownpol_named(&common, &pol[LATCH_DIR_OUT], LATCH_DIR_OUT);
		latch_resettle(l, &common, true);
	}
	spin_unlock_bh(&l->lock);
	rcu_read_unlock();
	return given;
}

/* No more attempts for this latch, for the reason @none, LATCH_OWN_NONE_*. */
static void latch_ownpol_failed(struct latch *l, u8 none)
{
	latch_mib_event(l->ln, LATCH_MIB_OWN_FAILED);
	spin_lock_bh(&l->lock);
	latch_own_never(l, none);
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
	int err;

	err = latch_ownpol_ready(sk) ? latch_ownpol_make(l, sk, pol) : -EALREADY;
	if (err == -EALREADY || err == -EAGAIN)
		return true;
	err = err ?: latch_sockpol_set(sk, &pol[LATCH_DIR_IN]);
	err = err ?: latch_sockpol_set(sk, &pol[LATCH_DIR_OUT]);
	if (err || !latch_ownpol_given(l, sk, pol))
		latch_sockpol_strip(sk, 0);
	if (err == -ENOMEM || err == -ENOBUFS) {
		latch_mib_event(l->ln, LATCH_MIB_OWN_FAILED);
		return false;
	}
	if (err)
		latch_ownpol_failed(l, err > 0 ? err : LATCH_OWN_NONE_SAS);
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
