// SPDX-License-Identifier: GPL-2.0
/*
 * What an administrator offers to sockets that ask for protection where the SPD has none for them
 * (RFC 5660 3.1-1): a list in order, of which the first one that is for a flow is taken.
 *
 * It is changed under genl_lock, and read under RCU. Who took an offer has a policy of its own and
 * refers to nothing here, so an offer can go at any time.
 */
#include <linux/slab.h>
#include <uapi/linux/latch_netlink.h>

#include "base/net.h"
#include "channel/offer.h"
#include "core/types.h"

/**
 * latch_offer_find() - an offer by its number
 * @ln: the namespace
 * @id: the number
 *
 * Context: genl_lock held, or RCU read side. Return: the offer or NULL.
 */
struct latch_offer *latch_offer_find(struct latch_net *ln, u32 id)
{
	struct latch_offer *o;

	list_for_each_entry_rcu(o, &ln->offers.all, link, true)
		if (o->id == id)
			return o;
	return NULL;
}

/**
 * latch_offer_nth() - an offer by its place
 * @ln: the namespace
 * @n:  how many come before it
 *
 * Context: RCU read side. Return: the offer or NULL.
 */
struct latch_offer *latch_offer_nth(struct latch_net *ln, unsigned long n)
{
	struct latch_offer *o;

	list_for_each_entry_rcu(o, &ln->offers.all, link)
		if (!n--)
			return o;
	return NULL;
}

/**
 * latch_offer_seq() - a number that changes with each change of the list
 * @ln: the namespace
 *
 * Context: any. Return: the number.
 */
u32 latch_offer_seq(const struct latch_net *ln)
{
	return READ_ONCE(ln->offers.seq);
}

static void latch_offer_changed(struct latch_net *ln, int more)
{
	ln->offers.n += more;
	WRITE_ONCE(ln->offers.seq, ln->offers.seq + 1);
}

/**
 * latch_offer_add() - one more offer
 * @ln:     the namespace
 * @from:   what it is for, and what it offers
 * @before: number of the offer that it is to come before, 0 it is the last one
 *
 * Context: genl_lock held. Return: the offer; ERR_PTR(-ENOENT) none has that number,
 * ERR_PTR(-EDQUOT) too many, ERR_PTR(-ENOMEM).
 */
struct latch_offer *latch_offer_add(struct latch_net *ln, const struct latch_offer *from,
				    u32 before)
{
	struct latch_offer *o, *next = before ? latch_offer_find(ln, before) : NULL;

	if (before && !next)
		return ERR_PTR(-ENOENT);
	/* each number is given once */
	if (ln->offers.n >= LATCH_MAX_POLICIES || ln->offers.last == U32_MAX)
		return ERR_PTR(-EDQUOT);
	o = kmemdup(from, sizeof(*from), GFP_KERNEL_ACCOUNT);
	if (!o)
		return ERR_PTR(-ENOMEM);
	o->id = ++ln->offers.last;
	atomic_set(&o->taken, 0);
	list_add_tail_rcu(&o->link, next ? &next->link : &ln->offers.all);
	latch_offer_changed(ln, 1);
	return o;
}

static void latch_offer_drop(struct latch_net *ln, struct latch_offer *o)
{
	list_del_rcu(&o->link);
	kfree_rcu(o, rcu);
	latch_offer_changed(ln, -1);
}

/**
 * latch_offer_del() - take an offer back
 * @ln: the namespace
 * @id: its number
 *
 * Context: genl_lock held. Return: 0; -ENOENT.
 */
int latch_offer_del(struct latch_net *ln, u32 id)
{
	struct latch_offer *o = latch_offer_find(ln, id);

	if (!o)
		return -ENOENT;
	latch_offer_drop(ln, o);
	return 0;
}

/**
 * latch_offer_flush() - take all offers back
 * @ln: the namespace
 *
 * Context: genl_lock held, or the namespace ends.
 */
void latch_offer_flush(struct latch_net *ln)
{
	struct latch_offer *o, *next;

	list_for_each_entry_safe(o, next, &ln->offers.all, link)
		latch_offer_drop(ln, o);
}

/**
 * latch_offer_take() - take the first offer that is for a flow
 * @ln:   the namespace
 * @f:    the flow
 * @tmpl: becomes what protects it, as for what goes out
 *
 * Context: any. Return: false where there is none.
 */
bool latch_offer_take(struct latch_net *ln, const struct latch_flow *f, struct latch_tmpl *tmpl)
{
	struct latch_offer *o;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(o, &ln->offers.all, link) {
		found = latch_sel_covers(&o->sel, f, LATCH_DIR_OUT);
		if (!found)
			continue;
		atomic_inc(&o->taken);
		*tmpl = o->tmpl;
		break;
	}
	rcu_read_unlock();
	return found;
}
