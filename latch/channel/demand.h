/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_DEMAND_H
#define LATCH_CHANNEL_DEMAND_H

#include <linux/refcount.h>
#include <uapi/linux/latch.h>

#include "core/want.h"

/**
 * struct latch_demand - the demand of a socket, shared with the children of a
 *                       listener; immutable
 * @want:    as values, for the core
 * @record:  @want.peer says who is the same peer; else it is the digest of a name
 * @pattern: type NONE, or what the peer's ID has to fit; @want.peer is then the
 *           digest of the pattern, which stands for all that do
 */
struct latch_demand {
	refcount_t		ref;
	struct rcu_head		rcu;
	struct latch_want	want;
	bool			record;
	struct latch_id		pattern;
};

void latch_demand_put(struct latch_demand *d);

#endif /* LATCH_CHANNEL_DEMAND_H */
