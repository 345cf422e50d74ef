// SPDX-License-Identifier: GPL-2.0
/*
 * The work of a namespace that is not done where it comes up: what the worker is to do, and
 * when. What the worker does is in worker.c; this file knows nothing of it.
 */
#include <linux/capability.h>
#include <linux/workqueue.h>

#include "base/net.h"
#include "base/work.h"

static struct workqueue_struct *latch_wq;

/* How long the worker waits to read again what it could not. */
#define LATCH_RETRY	msecs_to_jiffies(100)

/**
 * latch_work_queue() - have the worker do something
 * @ln:   the namespace
 * @what: LATCH_WORK_*
 *
 * Context: any.
 */
void latch_work_queue(struct latch_net *ln, unsigned int what)
{
	if (READ_ONCE(ln->work.dying))
		return;
	set_bit(what, &ln->work.todo);
	queue_work(latch_wq, &ln->work.now);
}

/**
 * latch_work_later() - have the worker do something some time later
 * @ln:    the namespace
 * @what:  LATCH_WORK_*
 * @delay: jiffies
 *
 * Context: any.
 */
void latch_work_later(struct latch_net *ln, unsigned int what, unsigned long delay)
{
	set_bit(what, &ln->work.todo);
	if (!READ_ONCE(ln->work.dying))
		queue_delayed_work(latch_wq, &ln->work.later, delay);
}

/**
 * latch_work_retry() - have the worker do again what there was no memory for
 * @ln:   the namespace
 * @what: LATCH_WORK_*
 *
 * Context: any.
 */
void latch_work_retry(struct latch_net *ln, unsigned int what)
{
	latch_work_later(ln, what, LATCH_RETRY);
}

/**
 * latch_work_sync() - wait until every event that came before is dealt with
 * @ln: the namespace
 *
 * What was put off, since dealing with it takes long, is not hurried for those who have no
 * privilege: they could have the worker do nothing else.
 *
 * Context: process, no lock held that the worker takes, lock_sock included.
 */
void latch_work_sync(struct latch_net *ln)
{
	bool hurry = ns_capable_noaudit(ln->net->user_ns, CAP_NET_ADMIN);
	int i;

	/* what a run of the worker queues is dealt with by the next one */
	for (i = 0; i < 4; i++) {
		if (hurry && READ_ONCE(ln->work.todo))
			latch_work_queue(ln, LATCH_WORK_NOW);
		flush_work(&ln->work.now);
		if (!READ_ONCE(ln->work.todo))
			break;
	}
}

/**
 * latch_work_delay() - queue a work of the namespace's, unless the namespace ends
 * @ln:    the namespace
 * @work:  one of its delayed works
 * @delay: jiffies
 *
 * Context: any.
 */
void latch_work_delay(struct latch_net *ln, struct delayed_work *work, unsigned long delay)
{
	if (!READ_ONCE(ln->work.dying))
		queue_delayed_work(latch_wq, work, delay);
}

/**
 * latch_work_delay_anew() - as latch_work_delay(), also where it is queued for another time
 * @ln:    the namespace
 * @work:  one of its delayed works
 * @delay: jiffies
 *
 * Context: any.
 */
void latch_work_delay_anew(struct latch_net *ln, struct delayed_work *work, unsigned long delay)
{
	if (!READ_ONCE(ln->work.dying))
		mod_delayed_work(latch_wq, work, delay);
}

/**
 * latch_work_later_run() - what the worker put off is due
 * @work: ln->work.later
 *
 * Context: process.
 */
void latch_work_later_run(struct work_struct *work)
{
	struct latch_net *ln = container_of(to_delayed_work(work), struct latch_net, work.later);

	if (READ_ONCE(ln->work.todo) && !READ_ONCE(ln->work.dying))
		queue_work(latch_wq, &ln->work.now);
}

/**
 * latch_work_init() - make the queue of all namespaces
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int __init latch_work_init(void)
{
	latch_wq = alloc_workqueue("latch", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	return latch_wq ? 0 : -ENOMEM;
}

/**
 * latch_work_exit() - end the queue; no namespace is left
 */
void latch_work_exit(void)
{
	destroy_workqueue(latch_wq);
}
