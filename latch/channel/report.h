/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_REPORT_H
#define LATCH_CHANNEL_REPORT_H

#include "channel/latch.h"
#include "core/types.h"

struct latch_flow;
struct latch_net;
struct list_head;
struct work_struct;

u8 latch_disposition(const struct latch *l);
int latch_report_errno(const struct latch *l);
void latch_report(struct latch *l, int err);
bool latch_refuse(struct latch *l, const struct latch_flow *f, u8 reason);
void latch_report_break(struct latch *l);
void latch_report_now(struct latch *l);
void latch_report_forget(struct latch *l);
struct latch *latch_report_next(struct latch_net *ln, struct list_head *from, int *err);
void latch_report_again(struct latch *l, int err);
void latch_report_later(struct latch_net *ln, struct list_head *todo);
void latch_report_work(struct work_struct *work);

/* The latch is not broken any more: what was put off is not told. Its lock is held. */
static inline void latch_report_cancel(struct latch *l)
{
	if (unlikely(l->put_off))
		latch_report_forget(l);
}

#endif /* LATCH_CHANNEL_REPORT_H */
