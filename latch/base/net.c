// SPDX-License-Identifier: GPL-2.0
/*
 * What every file asks about a network namespace: the module's part of it, and whether there
 * is anything to watch. How namespaces come and go is in netns.c.
 */
#include <net/netns/generic.h>

#include "base/net.h"
#include "base/work.h"

unsigned int latch_net_id;

/**
 * latch_pernet() - the module's part of a namespace
 * @net: the namespace
 *
 * A namespace that is about to end has none: timers of its SAs may still come
 * after it was freed. Whoever asks is in an RCU section, or keeps the namespace.
 *
 * Context: any. Return: the part or NULL.
 */
struct latch_net *latch_pernet(const struct net *net)
{
	return check_net(net) ? net_generic(net, latch_net_id) : NULL;
}

/**
 * latch_net_needed() - is there anything that packets have to be judged for?
 * @ln: the namespace
 *
 * Asks XFRM itself, so that the hooks are there before the copies are.
 *
 * Context: any. Return: true for SAs, policies, latches, demands, and what may still be sent.
 */
bool latch_net_needed(struct latch_net *ln)
{
	const struct netns_xfrm *xfrm = &ln->net->xfrm;

	return READ_ONCE(xfrm->state_num) ||
	       READ_ONCE(xfrm->policy_count[XFRM_POLICY_IN]) ||
	       READ_ONCE(xfrm->policy_count[XFRM_POLICY_OUT]) ||
	       atomic_read(&ln->n_latches) || atomic_read(&ln->n_wanting) ||
	       atomic_read(&ln->n_over);
}

/**
 * latch_net_guarded() - is anything latched, or to be?
 * @ln: the namespace
 *
 * Context: any. Return: true for latches, demands, and what is left of connections.
 */
bool latch_net_guarded(const struct latch_net *ln)
{
	return atomic_read(&ln->n_latches) || atomic_read(&ln->n_wanting) ||
	       !list_empty(&ln->timewait);
}

/* Holds as long as the namespace's hooks do: who needs it once needs it again. */
static void latch_net_want(struct latch_net *ln, bool *what)
{
	if (READ_ONCE(*what))
		return;
	WRITE_ONCE(*what, true);
	latch_work_queue(ln, LATCH_WORK_WAKE);
}

/**
 * latch_net_keep_apart() - have the worker keep fragments of different SAs apart
 * @ln: the namespace
 *
 * Context: any.
 */
void latch_net_keep_apart(struct latch_net *ln)
{
	latch_net_want(ln, &ln->keep_apart);
}

/**
 * latch_net_mark_sent() - have the worker mark what UDP sockets send elsewhere
 * @ln: the namespace
 *
 * Context: any.
 */
void latch_net_mark_sent(struct latch_net *ln)
{
	latch_net_want(ln, &ln->mark_sent);
}
