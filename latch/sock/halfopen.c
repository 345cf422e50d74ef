// SPDX-License-Identifier: GPL-2.0
/*
 * Half-open latches: made by a SYN, before their socket is there (RFC 5660 2.3-2): so that the
 * peer that sent the SYN is the peer of the connection. Their number counts
 * against max_latches, and each goes when TCP has given the request up.
 */
#include <linux/hash.h>
#include <net/tcp.h>

#include "base/net.h"
#include "base/work.h"
#include "channel/latch.h"
#include "channel/pkt.h"
#include "channel/table.h"
#include "core/fsm.h"
#include "core/types.h"
#include "peer/peer.h"
#include "sock/halfopen.h"
#include "sock/sctp.h"
#include "sock/tcp.h"
#include "sock/timewait.h"
#include "sock/unlink.h"

/* Longer than a SYN cookie is good for. */
#define LATCH_HALFOPEN_LIFE	(130 * HZ)
#define LATCH_HALFOPEN_TICK	HZ

/**
 * latch_halfopen_later() - look after the latches that wait, again, later
 * @ln:    the namespace
 * @delay: jiffies
 *
 * Context: any.
 */
void latch_halfopen_later(struct latch_net *ln, unsigned long delay)
{
	if (!delayed_work_pending(&ln->pending.work))
		latch_work_delay(ln, &ln->pending.work, delay);
}

/*
 * Which share of the half-open latches a packet's peer has: that of its identity, else that of
 * the address at the other end of the SA. The factors are secret: see latch_hash(). What goes out
 * is forwarded.
 */
static u8 latch_halfopen_hash(const struct latch_pkt *p)
{
	const xfrm_address_t *a = p->dir == LATCH_DIR_IN ? &p->outer->props.saddr :
							   &p->outer->id.daddr;
	u64 sum;

	BUILD_BUG_ON(LATCH_SHARES != 1 << 8);
	if (p->identity.peer)
		return hash_64(p->identity.peer->ident[0], 8);
	sum = latch_secret[1] * (__force u32)a->a6[0];
	if (p->outer->props.family == AF_INET6)
		sum += latch_secret[3] * (__force u32)a->a6[1] +
		       latch_secret[5] * (__force u32)a->a6[2] +
		       latch_secret[7] * (__force u32)a->a6[3];
	return sum >> 56;
}

/**
 * latch_halfopen_share() - may a peer have one more half-open latch?
 * @ln: the namespace
 * @p:  its SYN, or the first packet of a flow that is forwarded; protected
 *
 * A peer may have half as many as there is room for all, so that whatever one of them does
 * leaves room for the others.
 *
 * Context: any.
 * Return: the share that the latch is to be counted in; -ENOBUFS where that has no room.
 */
int latch_halfopen_share(struct latch_net *ln, const struct latch_pkt *p)
{
	int room = READ_ONCE(ln->conf.max_latches) - atomic_read(&ln->gauge.latches);
	u8 share = latch_halfopen_hash(p);

	return atomic_read(&ln->pending.n_halfopen[share]) < max(room / 2, 1) ? share : -ENOBUFS;
}

/**
 * latch_halfopen_count() - a latch that nobody has answered yet is counted in its peer's share
 * @l:     the latch, whose lock is held, and which is not counted
 * @share: what latch_halfopen_share() gave
 *
 * Context: any.
 */
void latch_halfopen_count(struct latch *l, u8 share)
{
	lockdep_assert_held(&l->lock);
	l->half_open = 1;
	l->share = share;
	atomic_inc(&l->ln->pending.n_halfopen[share]);
}

/**
 * latch_halfopen_answered() - a latch is not counted in its peer's share any more
 * @l: any latch, whose lock is held
 *
 * Context: any. Does nothing to one that is not counted.
 */
void latch_halfopen_answered(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (l->half_open)
		atomic_dec(&l->ln->pending.n_halfopen[l->share]);
	l->half_open = 0;
}

/**
 * latch_halfopen_add() - a latch waits for its socket, or for the socket's end
 * @l:     the latch, whose lock is held
 * @share: of a half-open one, as latch_halfopen_share() gave it; negative where its connection
 *         is over
 */
void latch_halfopen_add(struct latch *l, int share)
{
	struct latch_net *ln = l->ln;

	lockdep_assert_held(&l->lock);
	spin_lock(&ln->pending.lock);
	l->expires = jiffies + LATCH_HALFOPEN_LIFE;
	WRITE_ONCE(l->pending, true);
	list_add_tail(&l->pending_link, &ln->pending.halfopen);
	spin_unlock(&ln->pending.lock);
	if (share >= 0)
		latch_halfopen_count(l, share);
	latch_halfopen_later(ln, LATCH_HALFOPEN_TICK);
}

/**
 * latch_halfopen_del() - its socket is there, or it goes
 * @l: the latch, whose lock is held
 */
void latch_halfopen_del(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	latch_halfopen_answered(l);
	if (!l->pending)
		return;
	spin_lock(&l->ln->pending.lock);
	WRITE_ONCE(l->pending, false);
	list_del_init(&l->pending_link);
	spin_unlock(&l->ln->pending.lock);
}

/**
 * latch_halfopen_grown() - what a half-open latch of SCTP waited for is there
 * @l: the latch, whose lock is held
 *
 * It goes on to wait, for the end of its association.
 */
void latch_halfopen_grown(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (l->half_open)
		atomic_dec(&l->ln->pending.n_halfopen[l->share]);
	l->half_open = 0;
}

/**
 * latch_halfopen_orphan() - there was no memory to give a child its latch
 * @l: the latch, whose lock is held
 *
 * The connection must not go on without it, so nothing of it passes any more
 * until TCP gives it up.
 */
void latch_halfopen_orphan(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	latch_transition(l, LATCH_EV_CLOSE, LATCH_REASON_NO_MEM);
	/* its socket has none, so every packet has to be looked at by its header */
	latch_lookup_inc(l);
	spin_lock(&l->ln->pending.lock);
	l->expires = jiffies + MAX_JIFFY_OFFSET / 2;
	spin_unlock(&l->ln->pending.lock);
}

/* Is there a connection, or a request that a listener still stands behind? */
static bool latch_halfopen_alive(const struct latch *l)
{
	bool alive = false;
	struct sock *sk;

	rcu_read_lock();
	sk = latch_tcp_find(l->ln, &l->flow, l->dif, l->sdif);
	if (sk) {
		alive = sk->sk_state != TCP_NEW_SYN_RECV ||
			inet_sk_state_load(inet_reqsk(sk)->rsk_listener) == TCP_LISTEN;
		sock_gen_put(sk);
	}
	rcu_read_unlock();
	return alive;
}

/* Has TCP given it up? What holds no cookie is in its table, as request or child. */
static bool latch_halfopen_over(struct latch *l)
{
	if (l->sctp)
		return latch_sctp_over(l);
	/* not half-open, but over: goes when its socket is closed or used anew */
	if (l->kept)
		return sock_flag(l->sk, SOCK_DEAD) || l->sk->sk_state != TCP_CLOSE;
	/* a request that is still there keeps its latch, however long */
	if (!time_before(jiffies, l->expires) && (l->special || !latch_halfopen_alive(l)))
		return true;
	if (l->special || l->state == LATCH_STATE_CLOSED ||
	    time_before(jiffies, l->expires - LATCH_HALFOPEN_LIFE + LATCH_HALFOPEN_TICK))
		return false;
	l->missed = latch_halfopen_alive(l) ? 0 : l->missed + 1;
	/* a request is out of the table for a moment when its child comes in */
	return l->missed > 1;
}

/* Takes the next one off @todo, back to where it belongs; held. */
static struct latch *latch_halfopen_next(struct latch_net *ln, struct list_head *todo)
{
	struct latch *l;

	spin_lock_bh(&ln->pending.lock);
	do {
		l = list_first_entry_or_null(todo, struct latch, pending_link);
		if (l)
			list_move_tail(&l->pending_link, &ln->pending.halfopen);
	} while (l && !latch_hold(l));
	spin_unlock_bh(&ln->pending.lock);
	return l;
}

/**
 * latch_halfopen_work() - let go what TCP has given up (2.3-17)
 * @work: ln->pending.work
 *
 * Context: process.
 */
void latch_halfopen_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net,
					    pending.work);
	LIST_HEAD(todo);
	struct latch *l;
	bool gone;

	spin_lock_bh(&ln->pending.lock);
	list_splice_init(&ln->pending.halfopen, &todo);
	spin_unlock_bh(&ln->pending.lock);

	while ((l = latch_halfopen_next(ln, &todo))) {
		spin_lock_bh(&l->lock);
		gone = l->pending && latch_halfopen_over(l);
		if (gone && !l->kept)
			latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_RELEASED);
		spin_unlock_bh(&l->lock);
		if (gone)
			latch_unlink(l);
		latch_put(l);
		cond_resched();
	}
	if (latch_timewait_expire(ln) || !list_empty(&ln->pending.halfopen))
		latch_halfopen_later(ln, LATCH_HALFOPEN_TICK);
}

static struct latch *latch_halfopen_first(struct latch_net *ln, struct list_head *list)
{
	struct latch *l;

	spin_lock_bh(&ln->pending.lock);
	l = list_first_entry_or_null(list, struct latch, pending_link);
	if (l && !latch_hold(l))
		l = NULL;
	spin_unlock_bh(&ln->pending.lock);
	return l;
}

/**
 * latch_halfopen_clear() - let all go that have no number to be found by
 * @ln: the namespace, which ends
 *
 * Context: process.
 */
void latch_halfopen_clear(struct latch_net *ln)
{
	struct latch *l;

	while ((l = latch_halfopen_first(ln, &ln->pending.halfopen) ?:
		    latch_halfopen_first(ln, &ln->pending.timewait))) {
		latch_unlink(l);
		latch_put(l);
	}
}
