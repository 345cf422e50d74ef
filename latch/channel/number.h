/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_NUMBER_H
#define LATCH_CHANNEL_NUMBER_H

#include <linux/types.h>

struct latch;
struct latch_net;

/* Every latch that has a number; under RCU, which the body may leave in between. */
#define latch_for_each(ln, l) \
	for (u64 last_ = 0; ((l) = latch_next(ln, &last_));)

int latch_number(struct latch *l);
void latch_unnumber(struct latch *l);
struct latch *latch_numbered(struct latch_net *ln, u64 id);
struct latch *latch_next(struct latch_net *ln, u64 *last);
void latch_number_exit(struct latch_net *ln);

#endif /* LATCH_CHANNEL_NUMBER_H */
