// SPDX-License-Identifier: GPL-2.0
/*
 * The module as a key manager in the kernel's sense (RFC 5660 2.3-12, 2.3-13):
 * hears of every change of SAD and SPD, copies it, and has the worker judge the
 * latches that it can touch.
 */
#include "bind.h"
#include "latch.h"

static struct workqueue_struct *latch_wq;

/* How long the worker waits to read again what it could not. */
#define LATCH_RETRY	msecs_to_jiffies(100)

/*
 * For so many times as long as it took to deal with changed policies they are left
 * alone, unless somebody waits; for a second at most.
 */
#define LATCH_SPD_REST	9

/**
 * latch_km_queue() - have the worker do something
 * @ln:   the namespace
 * @what: LATCH_WORK_*
 *
 * Context: any.
 */
void latch_km_queue(struct latch_net *ln, unsigned int what)
{
	if (READ_ONCE(ln->dying))
		return;
	set_bit(what, &ln->todo);
	queue_work(latch_wq, &ln->work);
}

static void latch_km_later(struct latch_net *ln, unsigned int what, unsigned long delay)
{
	set_bit(what, &ln->todo);
	if (!READ_ONCE(ln->dying))
		queue_delayed_work(latch_wq, &ln->later_work, delay);
}

/**
 * latch_km_retry() - have the worker do again what there was no memory for
 * @ln:   the namespace
 * @what: LATCH_WORK_*
 *
 * Context: any.
 */
void latch_km_retry(struct latch_net *ln, unsigned int what)
{
	latch_km_later(ln, what, LATCH_RETRY);
}

/**
 * latch_km_sync() - wait until every event that came before is dealt with
 * @ln: the namespace
 *
 * Context: process, no lock held that the worker takes, lock_sock included.
 */
void latch_km_sync(struct latch_net *ln)
{
	int i;

	/* what a run of the worker queues is dealt with by the next one */
	for (i = 0; i < 4; i++) {
		if (READ_ONCE(ln->todo))
			latch_km_queue(ln, LATCH_WORK_NOW);
		flush_work(&ln->work);
		if (!READ_ONCE(ln->todo))
			break;
	}
}

/* The copy cannot be kept: nothing latched passes until the worker has read. */
static void latch_km_lost(struct latch_net *ln)
{
	WRITE_ONCE(ln->lost, true);
	latch_sacache_void(&ln->gens, NULL);
	latch_km_queue(ln, LATCH_WORK_SAD);
}

static void latch_km_add(struct latch_net *ln, const struct xfrm_state *x)
{
	unsigned long wait;

	if (latch_sad_add(ln, x))
		latch_km_lost(ln);
	if (!READ_ONCE(ln->active))
		latch_km_queue(ln, LATCH_WORK_TELL);
	if (READ_ONCE(ln->manager) && !READ_ONCE(ln->dying)) {
		wait = msecs_to_jiffies(READ_ONCE(ln->identity_wait_ms));
		queue_delayed_work(latch_wq, &ln->pending_work, wait);
	}
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
		latch_km_queue(ln, LATCH_WORK_SAD);
		latch_sacache_void(&ln->gens, NULL);
	}
}

/* Call-back: in any context, also under x->lock. Only copies and queues. */
static int latch_km_notify(struct xfrm_state *x, const struct km_event *c)
{
	struct latch_net *ln = latch_pernet(x ? xs_net(x) : c->net);

	if (!ln || READ_ONCE(ln->dying))
		return 0;
	switch (c->event) {
	case XFRM_MSG_NEWSA:
		latch_km_add(ln, x);
		break;
	case XFRM_MSG_UPDSA:
		latch_km_update(ln, x);
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
		latch_km_queue(ln, LATCH_WORK_SAD);
		break;
	}
	return 0;
}

static int latch_km_notify_policy(struct xfrm_policy *xp, int dir, const struct km_event *c)
{
	struct latch_net *ln = latch_pernet(xp ? xp_net(xp) : c->net);

	if (!ln)
		return 0;
	WRITE_ONCE(ln->spd_stale, true);
	latch_km_queue(ln, LATCH_WORK_SPD);
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
	WRITE_ONCE(ln->spd_stale, true);
	latch_km_queue(ln, LATCH_WORK_SAD);
	latch_km_queue(ln, LATCH_WORK_SPD);
	return 0;
}

/* XFRM calls these two without asking whether they are there. */
static int latch_km_acquire(struct xfrm_state *x, struct xfrm_tmpl *t, struct xfrm_policy *xp)
{
	return -EINVAL;
}

static struct xfrm_policy *latch_km_compile(struct sock *sk, int opt, u8 *data, int len,
					    int *dir)
{
	*dir = -EINVAL;
	return NULL;
}

static struct xfrm_mgr latch_km = {
	.notify		= latch_km_notify,
	.notify_policy	= latch_km_notify_policy,
	.migrate	= latch_km_migrate,
	.acquire	= latch_km_acquire,
	.compile_policy	= latch_km_compile,
};

/*
 * A device that goes takes along the SAs that it was to carry out, and no key manager hears
 * of it.
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
		latch_km_queue(ln, LATCH_WORK_SAD);
	}
	return NOTIFY_DONE;
}

static struct notifier_block latch_km_devices = { .notifier_call = latch_km_device };

static void latch_km_path(struct latch_path *path)
{
	struct latch_link *link;

	rcu_read_lock();
	hlist_for_each_entry_rcu(link, &path->groups, node) {
		/* held, it stays in the list while the walk pauses */
		if (!refcount_inc_not_zero(&link->group->ref))
			continue;
		latch_group_rejudge(link->group);
		latch_group_put(link->group);
	}
	rcu_read_unlock();
}

static void latch_km_paths(struct latch_net *ln)
{
	struct latch_path *path;

	while ((path = latch_path_dirty(ln))) {
		latch_km_path(path);
		latch_path_put(path);
		cond_resched();
	}
}

/*
 * Reading all policies for each that changes would be too much where there are many:
 * then what came in the meantime is dealt with at once, later. Policies decide about
 * conflicts, never about a packet.
 */
static bool latch_km_put_off(struct latch_net *ln, u64 now)
{
	if (now >= ln->spd_due)
		return false;
	latch_km_later(ln, LATCH_WORK_SPD, nsecs_to_jiffies(ln->spd_due - now) + 1);
	return true;
}

static void latch_km_policies(struct latch_net *ln, bool at_once)
{
	u64 took, start = ktime_get_ns();

	if (!at_once && latch_km_put_off(ln, start))
		return;
	WRITE_ONCE(ln->spd_stale, false);
	if (latch_spd_read(ln)) {
		WRITE_ONCE(ln->spd_stale, true);
		latch_km_retry(ln, LATCH_WORK_SPD);
		return;
	}
	latch_group_repolicy_all(ln);
	took = ktime_get_ns() - start;
	ln->spd_due = start + took + min_t(u64, LATCH_SPD_REST * took, NSEC_PER_SEC);
}

/**
 * latch_km_work() - the namespace's worker
 * @work: ln->work
 *
 * Brings the copies up to date, judges the latches in doubt, tells owners, and
 * switches the hooks on and off.
 *
 * Context: process.
 */
void latch_km_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(work, struct latch_net, work);
	unsigned long todo = xchg(&ln->todo, 0);

	latch_net_activate(ln);
	latch_fit_sk();
	if (test_bit(LATCH_WORK_SAD, &todo)) {
		if (latch_sad_read(ln))
			latch_km_retry(ln, LATCH_WORK_SAD);
		else
			WRITE_ONCE(ln->lost, false);
	}
	if (test_bit(LATCH_WORK_SPD, &todo))
		latch_km_policies(ln, test_bit(LATCH_WORK_NOW, &todo));
	latch_km_paths(ln);
	if (test_bit(LATCH_WORK_ALL, &todo))
		latch_rejudge_all(ln);
	latch_owner_work(ln);
}

/**
 * latch_km_later_work() - what the worker put off is due
 * @work: ln->later_work
 *
 * Context: process.
 */
void latch_km_later_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net, later_work);

	if (READ_ONCE(ln->todo) && !READ_ONCE(ln->dying))
		queue_work(latch_wq, &ln->work);
}

/**
 * latch_km_pending_work() - the wait for an identity is over
 * @work: ln->pending_work
 *
 * Context: process.
 */
void latch_km_pending_work(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net,
					    pending_work);
	unsigned long next;

	if (!READ_ONCE(ln->manager))
		return;
	if (latch_sad_overdue(ln, &next) && !READ_ONCE(ln->dying))
		queue_delayed_work(latch_wq, &ln->pending_work, next + 1);
}

/**
 * latch_km_changed() - bindings or rules changed, so every latch is in doubt
 * @ln: the namespace
 *
 * Context: process. Returns when all latches were judged.
 */
void latch_km_changed(struct latch_net *ln)
{
	latch_sacache_void(&ln->gens, NULL);
	if (READ_ONCE(ln->manager) && !READ_ONCE(ln->dying))
		mod_delayed_work(latch_wq, &ln->pending_work, 0);
	latch_km_queue(ln, LATCH_WORK_ALL);
	latch_km_sync(ln);
}

/**
 * latch_km_claimed() - the latches of these SAs are judged before this returns
 * @ln:  the namespace
 * @key: the SA or reqid whose binding came, changed or went
 *
 * Context: process, no lock of ours held but genl_lock.
 */
void latch_km_claimed(struct latch_net *ln, const struct latch_bind_key *key)
{
	latch_sad_claimed(ln, key);
	if (READ_ONCE(ln->manager) && !READ_ONCE(ln->dying))
		mod_delayed_work(latch_wq, &ln->pending_work, 0);
	latch_km_sync(ln);
}

/**
 * latch_km_reap() - have the bindings taken away whose SA is gone, or does not come
 * @ln:    the namespace
 * @delay: jiffies until then
 *
 * Not by our own queue: it is flushed under genl_lock, which this work takes.
 *
 * Context: any.
 */
void latch_km_reap(struct latch_net *ln, unsigned long delay)
{
	if (READ_ONCE(ln->dying))
		return;
	if (delay)
		schedule_delayed_work(&ln->reap_work, delay);
	else
		mod_delayed_work(system_wq, &ln->reap_work, 0);
}

/**
 * latch_km_embryos() - look after the embryos again later
 * @ln:    the namespace
 * @delay: jiffies
 *
 * Context: any.
 */
void latch_km_embryos(struct latch_net *ln, unsigned long delay)
{
	if (!delayed_work_pending(&ln->embryo_work) && !READ_ONCE(ln->dying))
		queue_delayed_work(latch_wq, &ln->embryo_work, delay);
}

/**
 * latch_km_init() - start to listen to XFRM
 *
 * Context: process, before any namespace is set up, so that no event is missed.
 * Return: 0 or -ENOMEM.
 */
int __init latch_km_init(void)
{
	latch_wq = alloc_workqueue("latch", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	return latch_wq ? 0 : -ENOMEM;
}

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

/**
 * latch_km_exit() - end the workers
 */
void latch_km_exit(void)
{
	destroy_workqueue(latch_wq);
}
