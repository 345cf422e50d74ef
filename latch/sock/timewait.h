/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_TIMEWAIT_H
#define LATCH_SOCK_TIMEWAIT_H

#include <linux/list.h>

#include "base/net.h"

struct latch;
struct sock;

/* Does any latch stand for TIME_WAIT? */
static inline bool latch_timewait_any(const struct latch_net *ln)
{
	return !list_empty(&ln->pending.timewait);
}

bool latch_timewait_replaced(const struct latch *g);
bool latch_timewait_expire(struct latch_net *ln);
bool latch_timewait_make(struct latch *l, const struct sock *sk, int old);

#endif /* LATCH_SOCK_TIMEWAIT_H */
