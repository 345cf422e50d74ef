/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_HALFOPEN_H
#define LATCH_SOCK_HALFOPEN_H

#include <linux/list.h>

#include "base/net.h"

struct latch;
struct latch_pkt;
struct work_struct;

/* Does any latch wait for its socket, or for its end? */
static inline bool latch_halfopen_any(const struct latch_net *ln)
{
	return !list_empty(&ln->pending.halfopen);
}

void latch_halfopen_later(struct latch_net *ln, unsigned long delay);
int latch_halfopen_share(struct latch_net *ln, const struct latch_pkt *p);
void latch_halfopen_count(struct latch *l, u8 share);
void latch_halfopen_answered(struct latch *l);
void latch_halfopen_add(struct latch *l, int share);
void latch_halfopen_del(struct latch *l);
void latch_halfopen_grown(struct latch *l);
void latch_halfopen_orphan(struct latch *l);
void latch_halfopen_work(struct work_struct *work);
void latch_halfopen_clear(struct latch_net *ln);

#endif /* LATCH_SOCK_HALFOPEN_H */
