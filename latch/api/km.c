// SPDX-License-Identifier: GPL-2.0
/*
 * The module as a key manager in the kernel's sense (RFC 5660 2.3-12, 2.3-13):
 * hears of every change of SAD and SPD, copies it, and has the worker check the
 * latches that it can touch.
 */
#include <linux/netdevice.h>
#include <net/xfrm.h>

#include "api/km.h"
#include "base/net.h"
#include "base/sacache.h"
#include "base/work.h"
#include "channel/own.h"
#include "xfrm/sad.h"
#include "xfrm/sockpol.h"
#include "xfrm/spd.h"

/* The copy cannot be kept: nothing latched passes until the worker has read. */
static void latch_km_lost(struct latch_net *ln)
{
	latch_sad_set_lost(ln);
	latch_sacache_void(&ln->gens, NULL);
	latch_work_queue(ln, LATCH_WORK_SAD);
}

/*
 * A table that is being made anew has room for the SA in a moment. Until then the SA has no
 * copy and nobody's packets pass under it; latches of other SAs have nothing to fear.
 */
static void latch_km_add(struct latch_net *ln, const struct xfrm_state *x)
{
	int err = latch_sad_add(ln, x);

	if (err == -EBUSY)
		latch_work_queue(ln, LATCH_WORK_SAD);
	else if (err)
		latch_km_lost(ln);
	if (!latch_net_active(ln))
		latch_work_queue(ln, LATCH_WORK_WAKE);
	latch_sad_overdue_later(ln);
}

/*
 * UPDSA comes with the state that user space sent; where one was there already
 * the kernel took over only some of it, so the real one is looked up.
 */
static void latch_km_update(struct latch_net *ln, const struct xfrm_state *x)
{
	struct xfrm_state *y;

	y = xfrm_state_lookup(ln->net, x->mark.v & x->mark.m, &x->id.daddr,
			      x->id.spi, x->id.proto, x->props.family);
	if (y) {
		latch_km_add(ln, y);
		latch_sacache_void(&ln->gens, y);
		xfrm_state_put(y);
	} else {
		latch_work_queue(ln, LATCH_WORK_SAD);
		latch_sacache_void(&ln->gens, NULL);
	}
}

/* Call-back: in any context, also under x->lock. Only copies and queues. */
static int latch_km_notify(struct xfrm_state *x, const struct km_event *c)
{
	struct latch_net *ln = latch_pernet(x ? xs_net(x) : c->net);

	if (!ln || latch_net_dying(ln))
		return 0;
	switch (c->event) {
	case XFRM_MSG_NEWSA:
		latch_km_add(ln, x);
		break;
	case XFRM_MSG_UPDSA:
		latch_km_update(ln, x);
		break;
	case XFRM_MSG_NEWAE:
		/* somebody set replay state, and with it the window, of an SA in use (2-10) */
		if (c->data.aevent & XFRM_AE_CU)
			latch_km_add(ln, x);
		break;
	case XFRM_MSG_EXPIRE:
		if (!c->data.hard)
			break;
		fallthrough;
	case XFRM_MSG_DELSA:
		latch_sad_del(ln, x);
		latch_sacache_void(&ln->gens, x);
		break;
	case XFRM_MSG_FLUSHSA:
		latch_sad_flush(ln, c->data.proto);
		latch_sacache_void(&ln->gens, NULL);
		latch_work_queue(ln, LATCH_WORK_SAD);
		break;
	}
	return 0;
}

static int latch_km_notify_policy(struct xfrm_policy *xp, int dir, const struct km_event *c)
{
	struct latch_net *ln = latch_pernet(xp ? xp_net(xp) : c->net);

	if (!ln)
		return 0;
	latch_spd_set_stale(ln);
	latch_work_queue(ln, LATCH_WORK_SPD);
	return 0;
}

/* MOBIKE: SAs were replaced by others without events of their own. */
static int latch_km_migrate(const struct xfrm_selector *sel, u8 dir, u8 type,
			    const struct xfrm_migrate *m, int num_bundles,
			    const struct xfrm_kmaddress *k, struct net *net,
			    const struct xfrm_encap_tmpl *encap)
{
	struct latch_net *ln = latch_pernet(net);

	if (!ln)
		return 0;
	latch_sacache_void(&ln->gens, NULL);
	latch_spd_set_stale(ln);
	latch_work_queue(ln, LATCH_WORK_SAD);
	latch_work_queue(ln, LATCH_WORK_SPD);
	latch_own_migrated(ln);
	return 0;
}

/* XFRM calls this without asking whether it is there. */
static int latch_km_acquire(struct xfrm_state *x, struct xfrm_tmpl *t, struct xfrm_policy *xp)
{
	return -EINVAL;
}

static struct xfrm_mgr latch_km = {
	.notify		= latch_km_notify,
	.notify_policy	= latch_km_notify_policy,
	.migrate	= latch_km_migrate,
	.acquire	= latch_km_acquire,
	.compile_policy	= latch_sockpol_compile,
};

/*
 * A device that goes takes along the SAs and policies that it was to carry out, and no key
 * manager hears of it.
 */
static int latch_km_device(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct latch_net *ln;

	if ((event != NETDEV_DOWN && event != NETDEV_UNREGISTER) ||
	    !(dev->features & NETIF_F_HW_ESP))
		return NOTIFY_DONE;
	ln = latch_pernet(dev_net(dev));
	if (ln) {
		latch_sacache_void(&ln->gens, NULL);
		latch_work_queue(ln, LATCH_WORK_SAD);
		latch_spd_set_stale(ln);
		latch_work_queue(ln, LATCH_WORK_SPD);
	}
	return NOTIFY_DONE;
}

static struct notifier_block latch_km_devices = { .notifier_call = latch_km_device };

/**
 * latch_km_register() - hear of events from now on
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int __init latch_km_register(void)
{
	int err = register_netdevice_notifier(&latch_km_devices);

	if (!err)
		xfrm_register_km(&latch_km);
	return err;
}

/**
 * latch_km_unregister() - no call-back runs after this
 */
void latch_km_unregister(void)
{
	unregister_netdevice_notifier(&latch_km_devices);
	xfrm_unregister_km(&latch_km);
	synchronize_rcu();
}
