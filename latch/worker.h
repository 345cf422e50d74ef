/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_WORKER_H
#define LATCH_WORKER_H

#include <linux/workqueue.h>

struct work_struct;

void latch_worker_run(struct work_struct *work);

#endif /* LATCH_WORKER_H */
