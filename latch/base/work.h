/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_BASE_WORK_H
#define LATCH_BASE_WORK_H

#include <linux/workqueue.h>

struct latch_net;
struct delayed_work;
struct work_struct;

/* What the worker has to do; it switches hooks and tells owners each time. */
#define LATCH_WORK_SPD		0	/* read the SPD again */
#define LATCH_WORK_SAD		1	/* read the SAD again */
#define LATCH_WORK_ALL		2	/* check every latch */
#define LATCH_WORK_WAKE		3	/* nothing more than that */
#define LATCH_WORK_NOW		4	/* somebody waits: put nothing off */
#define LATCH_WORK_ADOPT	5	/* look for connections that are there already */

void latch_work_queue(struct latch_net *ln, unsigned int what);
void latch_work_later(struct latch_net *ln, unsigned int what, unsigned long delay);
void latch_work_retry(struct latch_net *ln, unsigned int what);
void latch_work_sync(struct latch_net *ln);
void latch_work_delay(struct latch_net *ln, struct delayed_work *work, unsigned long delay);
void latch_work_delay_anew(struct latch_net *ln, struct delayed_work *work, unsigned long delay);
void latch_work_later_run(struct work_struct *work);
int latch_work_init(void);
void latch_work_exit(void);

#endif /* LATCH_BASE_WORK_H */
