// SPDX-License-Identifier: GPL-2.0
/*
 * The namespace's worker.
 */
#include "base/net.h"
#include "base/work.h"
#include "channel/reeval.h"
#include "channel/table.h"
#include "packet/watch.h"
#include "sock/adopt.h"
#include "sock/alert.h"
#include "sock/tell.h"
#include "worker.h"
#include "xfrm/sad.h"

/**
 * latch_worker_run() - the namespace's worker
 * @work: ln->work.now
 *
 * Brings the copies up to date, checks the latches in doubt, tells owners, and
 * switches the hooks on and off.
 *
 * Context: process.
 */
void latch_worker_run(struct work_struct *work)
{
	struct latch_net *ln = container_of(work, struct latch_net, work.now);
	unsigned long todo = xchg(&ln->work.todo, 0);

	latch_watch_update(ln);
	latch_fit_sk();
	if (test_bit(LATCH_WORK_SAD, &todo) && latch_sad_read(ln))
		latch_work_retry(ln, LATCH_WORK_SAD);
	if (test_bit(LATCH_WORK_SPD, &todo))
		latch_reeval_policies(ln, test_bit(LATCH_WORK_NOW, &todo));
	if (test_bit(LATCH_WORK_ADOPT, &todo)) {
		latch_watch_update(ln);
		latch_adopt(ln);
	}
	latch_reeval_paths(ln);
	if (test_bit(LATCH_WORK_ALL, &todo))
		latch_reeval_all(ln);
	latch_alert_all(ln);
	latch_tell_all(ln);
}
