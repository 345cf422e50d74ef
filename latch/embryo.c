// SPDX-License-Identifier: GPL-2.0
/*
 * Latches born with a SYN, before their socket is (RFC 5660 2.3-2): so that the
 * peer that sent the SYN is the peer of the connection. Their number counts
 * against max_latches, and each goes when TCP has given the request up.
 */
#include <net/tcp.h>

#include "latch.h"

/* A SYN-ACK is sent six times by default, the last wait ends after 63 s. */
#define LATCH_EMBRYO_LIFE	(80 * HZ)

/**
 * latch_embryo_add() - a latch waits for its socket
 * @l: the latch, whose lock is held
 */
void latch_embryo_add(struct latch *l)
{
	struct latch_net *ln = l->ln;

	lockdep_assert_held(&l->lock);
	spin_lock(&ln->embryo_lock);
	l->expires = jiffies + LATCH_EMBRYO_LIFE;
	WRITE_ONCE(l->embryo, true);
	list_add_tail(&l->embryos, &ln->embryos);
	spin_unlock(&ln->embryo_lock);
	latch_km_embryos(ln, LATCH_EMBRYO_LIFE);
}

/**
 * latch_embryo_del() - its socket is there, or it goes
 * @l: the latch, whose lock is held
 */
void latch_embryo_del(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	if (!l->embryo)
		return;
	spin_lock(&l->ln->embryo_lock);
	WRITE_ONCE(l->embryo, false);
	list_del_init(&l->embryos);
	spin_unlock(&l->ln->embryo_lock);
}

/**
 * latch_embryo_orphan() - there was no memory to give a child its latch
 * @l: the latch, whose lock is held
 *
 * The connection must not go on without it, so nothing of it passes any more
 * until TCP gives it up.
 */
void latch_embryo_orphan(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	latch_step(l, LATCH_EV_CLOSE, LATCH_REASON_NO_MEM);
	spin_lock(&l->ln->embryo_lock);
	l->expires = jiffies + MAX_JIFFY_OFFSET / 2;
	list_move_tail(&l->embryos, &l->ln->embryos);
	spin_unlock(&l->ln->embryo_lock);
}

/* The oldest embryo, held, where its time is over; else when that will be. */
static struct latch *latch_embryo_overdue(struct latch_net *ln, unsigned long *next)
{
	struct latch *l;

	*next = 0;
	spin_lock_bh(&ln->embryo_lock);
	l = list_first_entry_or_null(&ln->embryos, struct latch, embryos);
	if (l && time_before(jiffies, l->expires)) {
		*next = l->expires - jiffies + 1;
		l = NULL;
	}
	if (l && !latch_hold(l))
		l = NULL;
	spin_unlock_bh(&ln->embryo_lock);
	return l;
}

/**
 * latch_embryo_work() - let the embryos go whose request must be gone
 * @work: ln->embryo_work
 *
 * Context: process.
 */
void latch_embryo_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net,
					    embryo_work);
	unsigned long next;
	struct latch *l;
	bool gone;

	while ((l = latch_embryo_overdue(ln, &next))) {
		spin_lock_bh(&l->lock);
		gone = l->embryo;
		if (gone && !l->ghost)
			latch_step(l, LATCH_EV_RELEASE, LATCH_REASON_RELEASED);
		spin_unlock_bh(&l->lock);
		if (gone)
			latch_unlink(l);
		latch_put(l);
		cond_resched();
	}
	if (next)
		latch_km_embryos(ln, next);
}
