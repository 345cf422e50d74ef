// SPDX-License-Identifier: GPL-2.0
/*
 * What is SCTP's own (RFC 5660 5.4-1, 2.2-1, 5.5-2). Each path of an association has a latch
 * without socket, which waits for the association's end as a half-open one waits for its socket.
 * A socket that asks for something has a latch of its own, which is in LISTENER: associations
 * inherit from it. Sockets are not chained into: accept() would copy the destructor.
 */
#include <linux/rculist.h>
#include <net/l3mdev.h>
#include <net/sock.h>

#include "base/net.h"
#include "base/sctp.h"
#include "channel/id.h"
#include "channel/latch.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/fsm.h"
#include "core/types.h"
#include "sock/halfopen.h"
#include "sock/sctp.h"
#include "sock/unlink.h"

/* How often SCTP is asked whether it still has a path. */
#define LATCH_SCTP_LOOK		(4 * HZ)

/*
 * So often it is asked, once a second, for the association of a COOKIE ECHO that it has not
 * answered: that may wait for the lock of its socket for as long as its cookie is good. After so
 * few, another peer's may take the flow.
 */
#define LATCH_SCTP_WAITS	130
#define LATCH_SCTP_YIELDS	2

/**
 * latch_sctp_alloc() - a latch for SCTP, which pins ipsec_latch_sctp until it is freed
 * @ln:  the namespace
 * @sk:  the socket whose memory it counts as, NULL none
 * @gfp: GFP_KERNEL or GFP_ATOMIC
 *
 * Context: RCU read side, and as @gfp says. Return: the latch; NULL without memory, or while that
 * module goes.
 */
struct latch *latch_sctp_alloc(struct latch_net *ln, const struct sock *sk, gfp_t gfp)
{
	struct latch *l = latch_alloc(ln, sk, gfp);

	if (!l)
		return NULL;
	l->flow.proto = IPPROTO_SCTP;
	l->automatic = 1;
	/* SCTP looks routes up without its socket, whose policies so do not count */
	l->own_off = 1;
	if (latch_sctp_pin()) {
		l->sctp = 1;
		atomic_inc(&ln->sctp.n);
		return l;
	}
	latch_unlink(l);
	return NULL;
}

/* Under the latch's lock: its socket, and whoever asks for associations to come, find it. */
static int latch_sctp_enter(struct latch *l, struct sock *sk)
{
	struct latch_net *ln = l->ln;
	int err = latch_hash_sk(l, sk);

	if (err)
		return err;
	l->flow.family = sk->sk_family;
	WRITE_ONCE(l->listener, true);
	l->counted = 1;
	atomic_inc(&ln->gauge.listeners);
	latch_transition(l, LATCH_EV_LISTEN, LATCH_REASON_NONE);
	spin_lock(&ln->sctp.lock);
	list_add_tail_rcu(&l->dest_link, &ln->sctp.socks);
	spin_unlock(&ln->sctp.lock);
	return 0;
}

/**
 * latch_sctp_socket() - the latch in which a socket's request is kept, made where it has none
 * @ln: the namespace
 * @sk: SCTP socket, locked
 *
 * Context: RCU read side. Return: the latch; ERR_PTR(-ENOMEM), ERR_PTR(-EEXIST).
 */
struct latch *latch_sctp_socket(struct latch_net *ln, struct sock *sk)
{
	struct latch *l = latch_find_sk(sk);
	int err;

	if (l)
		return l;
	l = latch_sctp_alloc(ln, sk, GFP_ATOMIC);
	if (!l)
		return ERR_PTR(-ENOMEM);
	err = latch_id_assign(l);
	spin_lock_bh(&l->lock);
	err = err ?: latch_sctp_enter(l, sk);
	spin_unlock_bh(&l->lock);
	if (!err)
		return l;
	latch_unlink(l);
	return ERR_PTR(err);
}

/**
 * latch_sctp_any() - is anything of SCTP latched, or to be?
 * @ln: the namespace
 *
 * Context: any. Return: true for latches of paths and of sockets.
 */
bool latch_sctp_any(const struct latch_net *ln)
{
	return atomic_read(&ln->sctp.n);
}

/**
 * latch_sctp_leave() - a latch of SCTP goes; no association to come finds that of a socket any more
 * @l: the latch, whose lock is held
 */
void latch_sctp_leave(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	atomic_dec(&l->ln->sctp.n);
	if (!l->sk)
		return;
	spin_lock(&l->ln->sctp.lock);
	list_del_rcu(&l->dest_link);
	spin_unlock(&l->ln->sctp.lock);
}

/**
 * latch_sctp_parent() - the latch of the socket that an association of a flow would belong to
 * @ln: the namespace
 * @f:  the flow of a packet that belongs to no association
 *
 * Several sockets may be bound to one address and port. Which one SCTP takes is not known here, so
 * the one that demands most speaks for all.
 *
 * Context: RCU read side. Return: the latch; NULL where no such socket has asked for anything.
 */
struct latch *latch_sctp_parent(struct latch_net *ln, const struct latch_flow *f)
{
	const struct latch_sctp_ops *ops = latch_sctp_ops();
	struct latch *l, *best = NULL;
	struct sock *sk;

	list_for_each_entry_rcu(l, &ln->sctp.socks, dest_link) {
		sk = READ_ONCE(l->sk);
		if (!sk || !ops->bound(sk, f))
			continue;
		if (READ_ONCE(l->mode) == LATCH_MODE_REQUIRE)
			return l;
		if (!best || !latch_unasked(l))
			best = l;
	}
	return best;
}

/**
 * latch_sctp_demand() - the latch of the socket that would get a packet, if it has one
 * @ln:  the namespace
 * @f:   the packet's flow, which has no latch
 * @dif: device that packets of the flow come in by
 *
 * Context: RCU read side. Return: the latch or NULL.
 */
struct latch *latch_sctp_demand(struct latch_net *ln, const struct latch_flow *f, int dif)
{
	struct latch_sctp_assoc a;

	if (latch_sctp_ops()->find(ln->net, f, dif, &a))
		return latch_find_sk(a.sk);
	return latch_sctp_parent(ln, f);
}

/* Paths are told without their VRF, which is that of the packet or socket that is asked about. */
struct latch_sctp_search {
	struct latch_net	*ln;
	u16			l3;
	const struct latch	*but;
	struct latch		*found;
	bool			good;
};

/* The latch of a path. A socket that is bound to no VRF may have paths in any. */
static struct latch *latch_sctp_path(const struct latch_net *ln, const struct latch_flow *f, u16 l3)
{
	struct latch_flow g = *f;
	struct latch *l;

	g.l3 = l3;
	l = latch_find(ln, &g);
	return l || !l3 ? l : latch_find(ln, f);
}

static u16 latch_sctp_l3(const struct sock *sk)
{
	return sk->sk_bound_dev_if ?
	       l3mdev_master_ifindex_by_index(sock_net(sk), sk->sk_bound_dev_if) : 0;
}

/* Is it latched, and, where that is asked, does data pass on it? */
static bool latch_sctp_latched(const struct latch_flow *f, void *arg)
{
	struct latch_sctp_search *s = arg;
	struct latch *l = latch_sctp_path(s->ln, f, s->l3);

	if (!l || l == s->but || !READ_ONCE(l->group) ||
	    (s->good && READ_ONCE(l->state) != LATCH_STATE_ESTABLISHED))
		return true;
	s->found = l;
	return false;
}

/**
 * latch_sctp_sibling() - the latch of another path of an association
 * @ln:  the namespace
 * @f:   a path
 * @dif: device that packets of it come in by
 *
 * Context: RCU read side. Return: the latch, which has a group; NULL where there is none.
 */
struct latch *latch_sctp_sibling(struct latch_net *ln, const struct latch_flow *f, int dif)
{
	struct latch_sctp_search s = { .ln = ln, .l3 = f->l3 };

	latch_sctp_ops()->paths(ln->net, f, dif, latch_sctp_latched, &s);
	return s.found;
}

/**
 * latch_sctp_named() - the latch of a path of an association that a packet names inside
 * @ln:     the namespace
 * @f:      the packet's flow, which is no path
 * @family: of the remote address that it names
 * @remote: that address
 * @dif:    device that it came in by
 * @sk:     set to the association's socket, or NULL where there is none
 *
 * Context: RCU read side. Return: the latch, which has a group; NULL where there is none.
 */
struct latch *latch_sctp_named(struct latch_net *ln, const struct latch_flow *f, u8 family,
			       const union latch_addr *remote, int dif, struct sock **sk)
{
	struct latch_sctp_search s = { .ln = ln, .l3 = f->l3 };
	struct latch_sctp_assoc a = {};

	latch_sctp_ops()->named(ln->net, f, family, remote, dif, &a, latch_sctp_latched, &s);
	*sk = a.sk;
	return s.found;
}

/**
 * latch_sctp_of_sock() - the latch that tells of a socket: its association's, else its own
 * @sk: SCTP socket, locked
 * @id: number of the association; 0 any
 * @known: set: has the socket this one?
 *
 * The primary path's, where that has one.
 *
 * Context: RCU read side. Return: the latch; NULL where there is none.
 */
struct latch *latch_sctp_of_sock(struct sock *sk, s32 id, bool *known)
{
	struct latch_sctp_search s = {
		.ln = latch_pernet(sock_net(sk)), .l3 = latch_sctp_l3(sk),
	};

	if (!s.ln)
		return NULL;
	*known = latch_sctp_ops()->sock_paths(sk, id, latch_sctp_latched, &s);
	return s.found || id ? s.found : latch_find_sk(sk);
}

struct latch_sctp_set {
	struct latch_net	*ln;
	u16			l3;
	u8			disposition;
};

static bool latch_sctp_set_one(const struct latch_flow *f, void *arg)
{
	struct latch_sctp_set *set = arg;
	struct latch *l = latch_sctp_path(set->ln, f, set->l3);

	if (!l)
		return true;
	spin_lock_bh(&l->lock);
	l->disposition = set->disposition;
	spin_unlock_bh(&l->lock);
	return true;
}

/**
 * latch_sctp_dispose() - what becomes of a socket's associations when a latch of theirs breaks
 * @sk:          SCTP socket, locked
 * @disposition: LATCH_DISP_*
 *
 * Context: RCU read side.
 */
void latch_sctp_dispose(struct sock *sk, u8 disposition)
{
	struct latch_sctp_set set = {
		.ln = latch_pernet(sock_net(sk)), .l3 = latch_sctp_l3(sk),
		.disposition = disposition,
	};

	latch_sctp_ops()->sock_paths(sk, 0, latch_sctp_set_one, &set);
}

/**
 * latch_sctp_closed() - a socket of SCTP may be at its end (2.3-17)
 * @sk: the socket, in the tracepoint inet_sock_set_state
 *
 * Its associations end by themselves, each in its own time.
 *
 * Context: any.
 */
void latch_sctp_closed(struct sock *sk)
{
	struct latch *l;

	rcu_read_lock();
	l = latch_find_sk(sk);
	/* only where the socket has a latch is there somebody to ask for sure */
	if (l && l->sctp && latch_sctp_ops()->over(sk)) {
		spin_lock_bh(&l->lock);
		latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_RELEASED);
		spin_unlock_bh(&l->lock);
		latch_unlink(l);
	}
	rcu_read_unlock();
}

/**
 * latch_sctp_gone() - is the association of a path over?
 * @l: the path's latch
 *
 * That of a COOKIE ECHO may still wait for the lock of its socket.
 *
 * Context: RCU read side, @l->lock not held.
 */
bool latch_sctp_gone(struct latch *l)
{
	bool young;

	spin_lock_bh(&l->lock);
	young = l->half_open && l->missed < LATCH_SCTP_YIELDS;
	spin_unlock_bh(&l->lock);
	return !young && !latch_sctp_ops()->find(l->ln->net, &l->flow, l->dif, NULL);
}

/**
 * latch_sctp_over() - has SCTP given up a path, or never begun it?
 * @l: the path's latch, whose lock is held
 *
 * SCTP is not asked about each latch each second, but where a packet has said that it ends the
 * association, and where there was none the last time.
 *
 * Context: process. Return: true where the latch is to go.
 */
bool latch_sctp_over(struct latch *l)
{
	bool there;

	lockdep_assert_held(&l->lock);
	if (time_before(jiffies, READ_ONCE(l->expires)))
		return false;
	rcu_read_lock();
	there = latch_sctp_ops()->find(l->ln->net, &l->flow, l->dif, NULL);
	rcu_read_unlock();
	if (!there)
		return !l->half_open || ++l->missed > LATCH_SCTP_WAITS;
	l->missed = 0;
	WRITE_ONCE(l->expires, jiffies + LATCH_SCTP_LOOK);
	latch_halfopen_grown(l);
	return false;
}

/* May the association go on without this path? That is what SCTP has several for (5.5-2). */
static bool latch_sctp_spared(struct latch *l)
{
	struct latch_sctp_search s = {
		.ln = l->ln, .l3 = l->flow.l3, .but = l, .good = true,
	};

	if (READ_ONCE(l->disposition) == LATCH_DISP_RESET)
		return false;
	latch_sctp_ops()->paths(l->ln->net, &l->flow, l->dif, latch_sctp_latched, &s);
	return s.found;
}

/**
 * latch_sctp_tell() - the latch of a path is broken or closed: end its association
 * @l: the latch, held
 *
 * As if the peer had aborted it, so that this waits for nobody: SCTP queues it where the socket is
 * in use. Where the association has another path whose latch stands, this one is out of use, as
 * nothing passes, and SCTP itself takes the other one (5.4-1, 5.5-2).
 *
 * Context: process. Return: true, as there is nothing left to do.
 */
bool latch_sctp_tell(struct latch *l)
{
	rcu_read_lock();
	if (!latch_sctp_spared(l)) {
		local_bh_disable();
		latch_sctp_ops()->abort(l->ln->net, &l->flow, l->dif);
		local_bh_enable();
	}
	rcu_read_unlock();
	WRITE_ONCE(l->expires, jiffies);
	return true;
}
