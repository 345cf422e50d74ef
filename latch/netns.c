// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces: what each has, from its first SA to its end.
 */
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/tracepoint.h>
#include <net/netns/generic.h>

#include "api/km.h"
#include "api/sysctl.h"
#include "base/mib.h"
#include "base/net.h"
#include "base/sacache.h"
#include "base/work.h"
#include "channel/id.h"
#include "channel/own.h"
#include "channel/label.h"
#include "channel/offer.h"
#include "channel/report.h"
#include "netns.h"
#include "packet/watch.h"
#include "peer/bind.h"
#include "peer/peer.h"
#include "sock/alert.h"
#include "sock/forward.h"
#include "sock/halfopen.h"
#include "sock/ownpol.h"
#include "sock/tell.h"
#include "sock/unlink.h"
#include "worker.h"
#include "xfrm/sad.h"
#include "xfrm/spd.h"

static void latch_net_setup(struct latch_net *ln, struct net *net)
{
	ln->net = net;
	ln->secret = get_random_u64();
	latch_sacache_init(&ln->gens);
	xa_init_flags(&ln->ids.all, XA_FLAGS_LOCK_BH);
	xa_init_flags(&ln->peers.all, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	xa_init_flags(&ln->bind.all, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	xa_init(&ln->labels.all);
	spin_lock_init(&ln->groups.lock);
	spin_lock_init(&ln->labels.lock);
	spin_lock_init(&ln->sad.lock);
	spin_lock_init(&ln->pending.lock);
	spin_lock_init(&ln->reports.lock);
	spin_lock_init(&ln->own.lock);
	spin_lock_init(&ln->sctp.lock);
	mutex_init(&ln->watch.mutex);
	INIT_LIST_HEAD(&ln->groups.all);
	INIT_LIST_HEAD(&ln->labels.idle);
	INIT_LIST_HEAD(&ln->sad.all);
	INIT_LIST_HEAD(&ln->sad.dirty);
	INIT_LIST_HEAD(&ln->bind.gone);
	INIT_LIST_HEAD(&ln->pending.halfopen);
	INIT_LIST_HEAD(&ln->pending.timewait);
	latch_forward_setup(ln);
	skb_queue_head_init(&ln->alerts.queue);
	INIT_LIST_HEAD(&ln->reports.all);
	INIT_LIST_HEAD(&ln->reports.later);
	INIT_LIST_HEAD(&ln->reports.grace);
	INIT_LIST_HEAD(&ln->sctp.socks);
	INIT_LIST_HEAD(&ln->own.now);
	INIT_LIST_HEAD(&ln->own.wait);
	INIT_LIST_HEAD(&ln->own.offers);
	INIT_LIST_HEAD(&ln->offers.all);
	INIT_WORK(&ln->work.now, latch_worker_run);
	INIT_DELAYED_WORK(&ln->work.later, latch_work_later_run);
	INIT_DELAYED_WORK(&ln->sad.overdue_work, latch_sad_overdue_work);
	INIT_DELAYED_WORK(&ln->reports.work, latch_report_work);
	INIT_DELAYED_WORK(&ln->pending.work, latch_halfopen_work);
	INIT_DELAYED_WORK(&ln->bind.reap_work, latch_bind_reap_work);
	INIT_DELAYED_WORK(&ln->tell.work, latch_tell_work);
	INIT_DELAYED_WORK(&ln->own.work, latch_ownpol_work);
	INIT_DELAYED_WORK(&ln->own.offers_work, latch_own_offers_work);
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

	WRITE_ONCE(ln->work.dying, true);
	cancel_delayed_work_sync(&ln->work.later);
	cancel_delayed_work_sync(&ln->sad.overdue_work);
	cancel_delayed_work_sync(&ln->pending.work);
	cancel_delayed_work_sync(&ln->forward.work);
	cancel_delayed_work_sync(&ln->reports.work);
	cancel_work_sync(&ln->work.now);
	cancel_delayed_work_sync(&ln->tell.work);
	cancel_delayed_work_sync(&ln->own.offers_work);
	cancel_delayed_work_sync(&ln->own.work);
	latch_watch_update(ln);
}

static void __net_exit latch_net_stop(struct net *net)
{
	struct latch_net *ln = net_generic(net, latch_net_id);

	/* what queued work between the two has seen dying, or is caught here */
	cancel_delayed_work_sync(&ln->work.later);
	cancel_delayed_work_sync(&ln->sad.overdue_work);
	cancel_delayed_work_sync(&ln->pending.work);
	cancel_delayed_work_sync(&ln->forward.work);
	cancel_delayed_work_sync(&ln->reports.work);
	cancel_work_sync(&ln->work.now);
	cancel_delayed_work_sync(&ln->tell.work);
	cancel_delayed_work_sync(&ln->own.offers_work);
	cancel_delayed_work_sync(&ln->own.work);
	latch_unlink_all(ln);
	latch_halfopen_clear(ln);
	latch_tell_clear(ln);
	latch_alert_clear(ln);
	latch_own_clear(ln);
	latch_offer_flush(ln);
	if (ln->watch.tcp) {
		latch_watch_tcp(ln, false);
		/* a call-back that still runs knows the namespace */
		tracepoint_synchronize_unregister();
	}
	latch_sad_clear(ln);
	latch_label_clear(ln);
	latch_spd_clear(ln);
	WARN_ON_ONCE(!list_empty(&ln->groups.all));
	cancel_delayed_work_sync(&ln->bind.reap_work);
	latch_bind_clear(ln);
	latch_peer_clear(ln);
	latch_sysctl_exit(ln);
	latch_mib_exit(ln);
	latch_id_exit(ln);
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
		latch_spd_set_stale(ln);
		latch_work_queue(ln, LATCH_WORK_SAD);
		latch_work_queue(ln, LATCH_WORK_SPD);
		latch_work_queue(ln, LATCH_WORK_ADOPT);
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
