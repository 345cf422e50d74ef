// SPDX-License-Identifier: GPL-2.0
/*
 * SAs whose identity is awaited, or comes: the latches that they could carry are checked.
 */
#include "base/manager.h"
#include "base/net.h"
#include "base/sacache.h"
#include "base/work.h"
#include "xfrm/path.h"
#include "xfrm/sad.h"

/* Under sad.lock: who is behind it may be somebody else now. */
static void latch_sa_mark(struct latch_net *ln, struct latch_sa *sa)
{
	latch_sacache_void(&ln->gens, sa->xs);
	atomic_inc(&ln->sad.seq);
	latch_path_mark(ln, sa->path[0]);
	latch_path_mark(ln, sa->path[1]);
}

/* Ends the wait of SAs whose identity did not come. Returns true where some still wait. */
static bool latch_claimed_overdue(struct latch_net *ln, unsigned long *next)
{
	unsigned long wait = msecs_to_jiffies(READ_ONCE(ln->conf.identity_wait_ms));
	bool more = false;
	struct latch_sa *sa;

	*next = wait;
	spin_lock_bh(&ln->sad.lock);
	list_for_each_entry(sa, &ln->sad.all, all) {
		if (sa->expired)
			continue;
		if (time_before(jiffies, sa->born + wait)) {
			*next = min(*next, sa->born + wait - jiffies);
			more = true;
			continue;
		}
		WRITE_ONCE(sa->expired, true);
		latch_sa_mark(ln, sa);
	}
	spin_unlock_bh(&ln->sad.lock);
	return more;
}

/**
 * latch_sad_overdue_work() - the wait for an identity is over
 * @work: ln->sad.overdue_work
 *
 * Context: process.
 */
void latch_sad_overdue_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net,
					    sad.overdue_work);
	unsigned long next;

	if (!latch_manager_active(ln))
		return;
	if (latch_claimed_overdue(ln, &next))
		latch_work_delay(ln, &ln->sad.overdue_work, next + 1);
}

/**
 * latch_sad_overdue_later() - an SA came that the key manager may claim in its time
 * @ln: the namespace
 *
 * Context: any.
 */
void latch_sad_overdue_later(struct latch_net *ln)
{
	if (latch_manager_active(ln))
		latch_work_delay(ln, &ln->sad.overdue_work,
				 msecs_to_jiffies(READ_ONCE(ln->conf.identity_wait_ms)));
}

/**
 * latch_sad_overdue_now() - look at once whether one is overdue
 * @ln: the namespace
 *
 * Context: any.
 */
void latch_sad_overdue_now(struct latch_net *ln)
{
	if (latch_manager_active(ln))
		latch_work_delay_anew(ln, &ln->sad.overdue_work, 0);
}

/**
 * latch_sad_claimed() - have the latches of an SA checked, or of a reqid's
 * @ln:    the namespace
 * @key:   the SA, where @reqid is 0
 * @reqid: the reqid
 *
 * An SA that is not there yet has its latches checked when it comes.
 *
 * Context: process; takes ln->sad.lock.
 */
void latch_sad_claimed(struct latch_net *ln, const struct latch_sa_key *key, u32 reqid)
{
	struct latch_sa *sa;

	spin_lock_bh(&ln->sad.lock);
	if (reqid) {
		list_for_each_entry(sa, &ln->sad.all, all)
			if (sa->reqid == reqid)
				latch_sa_mark(ln, sa);
	} else {
		rcu_read_lock();
		sa = latch_sad_find(key);
		if (sa)
			latch_sa_mark(ln, sa);
		rcu_read_unlock();
	}
	spin_unlock_bh(&ln->sad.lock);
}
