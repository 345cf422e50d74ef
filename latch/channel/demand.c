// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket asks for: shared by all who ask for the same, and immutable.
 */
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "channel/demand.h"

static struct rhashtable latch_demands;

static const struct rhashtable_params latch_demand_params = {
	.key_len = sizeof(struct latch_asked),
	.key_offset = offsetof(struct latch_demand, key),
	.head_offset = offsetof(struct latch_demand, node),
	.automatic_shrinking = true,
};

/**
 * latch_demand_get() - the demand that says this
 * @key: what it says
 *
 * Sockets that ask for the same share one, and with it the groups of their latches. Where
 * the table has no room for it, a socket has one of its own.
 *
 * Context: process. Return: the demand, for latch_demand_put(); ERR_PTR(-ENOMEM).
 */
struct latch_demand *latch_demand_get(const struct latch_asked *key)
{
	struct latch_demand *d, *new;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);
	refcount_set(&new->ref, 1);
	new->key = *key;
	new->shared = true;
	rcu_read_lock();
	for (;;) {
		d = rhashtable_lookup_get_insert_fast(&latch_demands, &new->node,
						      latch_demand_params);
		if (IS_ERR_OR_NULL(d) || refcount_inc_not_zero(&d->ref))
			break;
		/* it is about to leave the table */
		cpu_relax();
	}
	rcu_read_unlock();
	if (IS_ERR(d))
		new->shared = false;
	if (IS_ERR_OR_NULL(d))
		return new;
	kfree(new);
	return d;
}

/**
 * latch_demand_put() - one reference less
 * @d: the demand, or NULL
 *
 * Context: any.
 */
void latch_demand_put(struct latch_demand *d)
{
	if (!d)
		return;
	/* whoever meets it without a reference waits until it is out of the table */
	local_bh_disable();
	if (refcount_dec_and_test(&d->ref)) {
		if (d->shared)
			rhashtable_remove_fast(&latch_demands, &d->node, latch_demand_params);
		kfree_rcu(d, rcu);
	}
	local_bh_enable();
}

/**
 * latch_demand_init() - make the table
 *
 * Return: 0 or -ENOMEM.
 */
int __init latch_demand_init(void)
{
	return rhashtable_init(&latch_demands, &latch_demand_params);
}

/**
 * latch_demand_exit() - free the table, which is empty by then
 */
void latch_demand_exit(void)
{
	rhashtable_destroy(&latch_demands);
}
