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
 * latch_net_needed() - is there anything that packets have to be checked for?
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
	       atomic_read(&ln->gauge.latches) || atomic_read(&ln->n_lookup) ||
	       atomic_read(&ln->gauge.over);
}
