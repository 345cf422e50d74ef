/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_DEMAND_H
#define LATCH_CHANNEL_DEMAND_H

#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <uapi/linux/latch.h>

#include "core/want.h"

/**
 * struct latch_demand - the demand of all sockets that ask for the same; immutable
 * @node:    in the table of demands while @shared
 * @shared:  others who ask for the same find it
 * @want:    as values, for the core
 * @pattern: type NONE, or what the peer's ID has to fit; @want.peer is then the
 *           digest of the pattern, which stands for all that do
 *
 * @key, which is @want and @pattern, is hashed and compared as bytes.
 */
struct latch_demand {
	struct rhash_head	node;
	refcount_t		ref;
	bool			shared;
	struct rcu_head		rcu;

	struct_group_tagged(latch_asked, key, struct latch_want want; struct latch_id pattern;);
};

struct latch_demand *latch_demand_get(const struct latch_asked *key);
void latch_demand_put(struct latch_demand *d);
int latch_demand_init(void);
void latch_demand_exit(void);

#endif /* LATCH_CHANNEL_DEMAND_H */
