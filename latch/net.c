// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces: what each has, from its first SA to its end.
 */
#include <linux/rtnetlink.h>
#include <linux/tracepoint.h>
#include <net/netns/generic.h>

#include "bind.h"
#include "hooks.h"
#include "peer.h"
#include "reassemble.h"

static unsigned int latch_net_id;

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
	       !list_empty(&ln->ghosts);
}

/* Holds as long as the namespace's hooks do: who needs it once needs it again. */
static void latch_net_want(struct latch_net *ln, bool *what)
{
	if (READ_ONCE(*what))
		return;
	WRITE_ONCE(*what, true);
	latch_km_queue(ln, LATCH_WORK_TELL);
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

/* TCP's state changes are heard of, or not. Returns which. */
static bool latch_net_hear(struct latch_net *ln, bool on)
{
	if (on && !ln->heard) {
		ln->heard = !latch_owner_hear();
	} else if (!on && ln->heard) {
		latch_owner_deaf();
		ln->heard = false;
	}
	return ln->heard;
}

/* Under hook_mutex: one of the hooks that are there on demand, and go with the others. */
static void latch_net_demanded(struct latch_net *ln, bool *want, bool *have,
			       int (*turn)(struct latch_net *ln, bool on))
{
	bool on = ln->active && *want;

	if (on != *have)
		WRITE_ONCE(*have, turn(ln, on) ? false : on);
	if (!ln->active)
		WRITE_ONCE(*want, false);
}

/**
 * latch_net_activate() - hooks on while there is something to watch, else off
 * @ln: the namespace
 *
 * So that a namespace without IPsec and latches pays nothing. Failing to switch
 * them on leaves latches unmade, not packets unjudged: one that needs a channel
 * is only there with its hooks. Sockets are watched as long as one has a latch, be
 * it over: it may come to listen.
 *
 * Context: process; takes ln->hook_mutex.
 * Return: 0; -ENOMEM where sockets cannot be watched that are to be.
 */
int latch_net_activate(struct latch_net *ln)
{
	bool need, watch, heard;

	mutex_lock(&ln->hook_mutex);
	need = latch_net_needed(ln) && !READ_ONCE(ln->dying);
	if (need && !ln->active && latch_net_hear(ln, true)) {
		WRITE_ONCE(ln->active, !latch_hooks_register(ln));
	} else if (!need && ln->active) {
		latch_hooks_unregister(ln);
		WRITE_ONCE(ln->active, false);
	}
	latch_net_demanded(ln, &ln->keep_apart, &ln->apart, latch_apart_switch);
	latch_net_demanded(ln, &ln->mark_sent, &ln->marking, latch_mark_switch);
	smp_mb(); /* pairs with latch_unhash_sk(): one of us sees the other's news */
	watch = ln->active || atomic_read(&ln->n_socks);
	heard = latch_net_hear(ln, watch);
	mutex_unlock(&ln->hook_mutex);
	return watch && !heard ? -ENOMEM : 0;
}

static void latch_net_setup(struct latch_net *ln, struct net *net)
{
	ln->net = net;
	latch_sacache_init(&ln->gens);
	xa_init_flags(&ln->sheets, XA_FLAGS_LOCK_BH);
	xa_init_flags(&ln->peers, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	spin_lock_init(&ln->groups_lock);
	spin_lock_init(&ln->sad_lock);
	spin_lock_init(&ln->embryo_lock);
	spin_lock_init(&ln->act_lock);
	mutex_init(&ln->hook_mutex);
	INIT_LIST_HEAD(&ln->groups);
	INIT_LIST_HEAD(&ln->sas);
	INIT_LIST_HEAD(&ln->dirty);
	INIT_LIST_HEAD(&ln->gone_binds);
	INIT_LIST_HEAD(&ln->embryos);
	INIT_LIST_HEAD(&ln->ghosts);
	INIT_LIST_HEAD(&ln->act);
	INIT_WORK(&ln->work, latch_km_work);
	INIT_DELAYED_WORK(&ln->later_work, latch_km_later_work);
	INIT_DELAYED_WORK(&ln->pending_work, latch_km_pending_work);
	INIT_DELAYED_WORK(&ln->embryo_work, latch_embryo_work);
	INIT_DELAYED_WORK(&ln->reap_work, latch_bind_reap_work);
}

static int __net_init latch_net_start(struct net *net)
{
	struct latch_net *ln = net_generic(net, latch_net_id);
	int err;

	latch_net_setup(ln, net);
	err = latch_mib_init(ln);
	if (err)
		return err;
	err = latch_sysctl_init(ln);
	if (err)
		latch_mib_exit(ln);
	return err;
}

/* No packet and no work any more; the caller waits for a grace period. */
static void __net_exit latch_net_drain(struct net *net)
{
	struct latch_net *ln = net_generic(net, latch_net_id);

	WRITE_ONCE(ln->dying, true);
	cancel_delayed_work_sync(&ln->later_work);
	cancel_delayed_work_sync(&ln->pending_work);
	cancel_delayed_work_sync(&ln->embryo_work);
	cancel_work_sync(&ln->work);
	latch_net_activate(ln);
}

static void __net_exit latch_net_stop(struct net *net)
{
	struct latch_net *ln = net_generic(net, latch_net_id);

	/* what queued work between the two has seen dying, or is caught here */
	cancel_delayed_work_sync(&ln->later_work);
	cancel_delayed_work_sync(&ln->pending_work);
	cancel_delayed_work_sync(&ln->embryo_work);
	cancel_work_sync(&ln->work);
	latch_unlink_all(ln);
	latch_embryo_clear(ln);
	latch_owner_work(ln);
	if (ln->heard) {
		latch_net_hear(ln, false);
		/* a call-back that still runs knows the namespace */
		tracepoint_synchronize_unregister();
	}
	latch_sad_clear(ln);
	latch_spd_clear(ln);
	WARN_ON_ONCE(!list_empty(&ln->groups));
	cancel_delayed_work_sync(&ln->reap_work);
	latch_bind_clear(ln);
	latch_peer_clear(ln);
	latch_sysctl_exit(ln);
	latch_mib_exit(ln);
	latch_number_exit(ln);
	/* RCU call-backs of latches and SAs point here */
	rcu_barrier();
}

static struct pernet_operations latch_net_ops = {
	.init		= latch_net_start,
	.pre_exit	= latch_net_drain,
	.exit		= latch_net_stop,
	.id		= &latch_net_id,
	.size		= sizeof(struct latch_net),
};

/**
 * latch_net_init() - enter every namespace, then listen to XFRM and read what is there
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int __init latch_net_init(void)
{
	struct net *net;
	int err;

	err = register_pernet_subsys(&latch_net_ops);
	if (err)
		return err;
	err = latch_km_register();
	if (err) {
		unregister_pernet_subsys(&latch_net_ops);
		return err;
	}
	down_read(&net_rwsem);
	for_each_net(net) {
		struct latch_net *ln = latch_pernet(net);

		if (!ln)
			continue;
		latch_km_queue(ln, LATCH_WORK_SAD);
		latch_km_queue(ln, LATCH_WORK_SPD);
	}
	up_read(&net_rwsem);
	return 0;
}

/**
 * latch_net_exit() - leave every namespace
 */
void latch_net_exit(void)
{
	latch_km_unregister();
	unregister_pernet_subsys(&latch_net_ops);
}
