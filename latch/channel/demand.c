// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket asks for: shared by a listener and its children, and immutable.
 */
#include <linux/slab.h>

#include "channel/demand.h"

/**
 * latch_demand_put() - one reference less
 * @d: the demand, or NULL
 *
 * Context: any.
 */
void latch_demand_put(struct latch_demand *d)
{
	if (d && refcount_dec_and_test(&d->ref))
		kfree_rcu(d, rcu);
}
