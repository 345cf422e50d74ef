// SPDX-License-Identifier: GPL-2.0
/*
 * How a latch ends, and how a socket gets the next one.
 */
#include <net/sock.h>

#include "base/net.h"
#include "channel/dest.h"
#include "channel/id.h"
#include "channel/label.h"
#include "channel/latch.h"
#include "channel/own.h"
#include "channel/table.h"
#include "core/fsm.h"
#include "sock/forward.h"
#include "sock/halfopen.h"
#include "sock/owner.h"
#include "sock/ownpol.h"
#include "sock/sctp.h"
#include "sock/unlink.h"

/* The socket of a latch goes: so do the latches of its destinations. */
static void latch_unlink_dests(struct latch *parent)
{
	struct latch *l;

	while ((l = latch_dests_next(parent))) {
		spin_lock_bh(&l->lock);
		latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_RELEASED);
		spin_unlock_bh(&l->lock);
		latch_unlink(l);
		latch_put(l);
	}
}

/**
 * latch_unlink() - take a latch out of all tables and drop their reference
 * @l: the latch; the caller holds it, or is under RCU
 *
 * Context: any, @l->lock not held. Once only for each latch; later calls do nothing.
 */
void latch_unlink(struct latch *l)
{
	struct sock *kept = NULL;
	bool dests;

	spin_lock_bh(&l->lock);
	if (l->unlinked) {
		spin_unlock_bh(&l->lock);
		return;
	}
	l->unlinked = 1;
	latch_retire(l);
	if (l->kept)
		kept = l->sk;
	/* else the socket's destructor still needs it, and calls this again */
	if (l->chained && l->sk && !latch_owner_unchain(l)) {
		l->unlinked = 0;
		spin_unlock_bh(&l->lock);
		return;
	}
	/* one that latch_renew() has replaced has no socket */
	dests = l->sk && l->has_dests;
	latch_dest_leave(l);
	if (l->sctp)
		latch_sctp_leave(l);
	latch_unhash_sk(l);
	latch_halfopen_del(l);
	latch_forward_del(l);
	if (l->tagging)
		latch_label_unuser(l->ln);
	l->tagging = 0;
	spin_unlock_bh(&l->lock);
	if (dests)
		latch_unlink_dests(l);
	if (kept)
		sock_put(kept);
	latch_put(l);
}

/* Is it broken, does it silence its socket, or has that tags or destinations? */
static bool latch_release_stays(const struct latch *l)
{
	u8 state = READ_ONCE(l->state);

	return l->tagging || (!l->forwarded && l->has_dests) || state == LATCH_STATE_BROKEN ||
	       (state == LATCH_STATE_CLOSED && (READ_ONCE(l->hashed) || l->dest));
}

/**
 * latch_release() - an administrator lets a latch go; its socket goes on without
 * @l: the latch; the caller holds it, or is under RCU
 *
 * One that is broken stays, as does one that was closed and silences its socket, and one whose
 * socket gets tags or has destinations: nothing is to come of this that did not pass before, and
 * what an administrator's rules wrote must not pass for a tag. The latch of one destination may go.
 *
 * A policy that was made for it goes first: if the SPD would have the flow go on in clear text, the
 * latch is broken by that.
 *
 * Context: process, @l->lock not held. Return: 0; -EBUSY where it stays; -EAGAIN where it stays as
 * long as the socket is in use, since the policy cannot go then.
 */
int latch_release(struct latch *l)
{
	int err = 0;

	if (latch_release_stays(l))
		return -EBUSY;
	if (latch_ownpol_off(l))
		return -EAGAIN;
	spin_lock_bh(&l->lock);
	if (latch_release_stays(l))
		err = -EBUSY;
	else if (l->own_given)
		err = -EAGAIN;
	else
		latch_transition(l, LATCH_EV_RELEASE, LATCH_REASON_RELEASED);
	spin_unlock_bh(&l->lock);
	if (!err)
		latch_unlink(l);
	return err;
}

/*
 * Both latches' locks are held. What the socket asked for goes over from @l to @new, and the
 * socket's destructor, unless @l holds the socket instead.
 */
static void latch_renew_inherit(struct latch *new, struct latch *l)
{
	new->mode = l->mode;
	new->disposition = l->disposition;
	new->alerts = l->alerts;
	latch_own_inherit(new, l);
	new->automatic = l->automatic;
	new->demand = l->demand;
	new->tagging = l->tagging;
	if (!l->kept) {
		new->destruct = l->destruct;
		new->chained = l->chained;
		new->pinned = l->pinned;
	}
	l->demand = NULL;
	l->tagging = 0;
	l->chained = 0;
	l->pinned = 0;
	l->kept = false;
	latch_no_more(l);
	WRITE_ONCE(l->sk, NULL);
}

/**
 * latch_renew() - a socket whose latch is over gets a new one
 * @l:   a latch in CLOSED that no packet finds any more; the caller is under RCU
 *       and keeps the socket from being freed
 * @gfp: GFP_KERNEL or GFP_ATOMIC
 *
 * Parameters never change (2-19), so the old latch stays as it is for who still
 * reads it; what the socket asked for goes over to the new one.
 *
 * Context: as @gfp says. Return: the new latch, listed, in NONE; ERR_PTR(-ENOMEM),
 * ERR_PTR(-ENOBUFS) at the limit, ERR_PTR(-EEXIST) where somebody else was quicker,
 * ERR_PTR(-EBUSY) while the module goes.
 */
struct latch *latch_renew(struct latch *l, gfp_t gfp)
{
	struct latch *new = latch_alloc(l->ln, l->sk, gfp);
	struct sock *kept;
	int err;

	if (!new)
		return ERR_PTR(-ENOMEM);
	err = latch_list(new);
	spin_lock_bh(&l->lock);
	spin_lock_nested(&new->lock, SINGLE_DEPTH_NESTING);
	new->sk = l->sk;
	/* packets find them by the one or by the other */
	new->dests = latch_dests_hold(l->dests);
	new->has_dests = l->has_dests;
	kept = l->kept ? l->sk : NULL;
	if (!err && kept)
		err = latch_owner_chain(new, kept);
	if (!err && (l->unlinked || !l->sk || l->hashed || latch_sk_replace(l, new)))
		err = -EEXIST;
	if (err) {
		if (new->chained && latch_owner_unchain(new))
			latch_owner_unpin(new);
		new->sk = NULL;
		spin_unlock(&new->lock);
		spin_unlock_bh(&l->lock);
		latch_unlink(new);
		return ERR_PTR(err);
	}
	latch_renew_inherit(new, l);
	spin_unlock(&new->lock);
	spin_unlock_bh(&l->lock);
	latch_unlink(l);
	if (kept)
		sock_put(kept);
	if (new->mode == LATCH_MODE_REQUIRE) {
		spin_lock_bh(&new->lock);
		latch_lookup_inc(new);
		latch_transition(new, LATCH_EV_REQUIRE, LATCH_REASON_NONE);
		spin_unlock_bh(&new->lock);
	}
	return new;
}

/**
 * latch_unlink_all() - let every latch of a namespace go
 * @ln: the namespace; none is made any more
 *
 * Context: process.
 */
void latch_unlink_all(struct latch_net *ln)
{
	struct latch *l;

	rcu_read_lock();
	latch_for_each(ln, l)
		latch_unlink(l);
	rcu_read_unlock();
}
