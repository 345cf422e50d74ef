/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_ID_H
#define LATCH_CHANNEL_ID_H

#include <linux/types.h>

struct latch;
struct latch_net;

/* Every latch that has a number; under RCU, which the body may leave in between. */
#define latch_for_each(ln, l) \
	for (u64 last_ = 0; ((l) = latch_id_next(ln, &last_));)

int latch_id_assign(struct latch *l);
void latch_id_release(struct latch *l);
struct latch *latch_id_find(struct latch_net *ln, u64 id);
struct latch *latch_id_next(struct latch_net *ln, u64 *last);
void latch_id_exit(struct latch_net *ln);

#endif /* LATCH_CHANNEL_ID_H */
