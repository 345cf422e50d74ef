// SPDX-License-Identifier: GPL-2.0
/*
 * Writers of the cache of congruent SAs: see sacache.h.
 */
#include "base/sacache.h"

/**
 * latch_sacache_init() - generations of a namespace that is new
 * @gens: to set up
 */
void latch_sacache_init(struct latch_sa_gens *gens)
{
	int i;

	for (i = 0; i < LATCH_SA_GENS; i++)
		atomic_set(&gens->gen[i], i);
}

/**
 * latch_sacache_add() - an SA was found congruent
 * @c:    the group's cache for the SA's direction
 * @gens: the namespace's generations
 * @x:    the SA
 * @gen:  its generation before it was checked
 *
 * Takes the first entry that is empty or void, else overwrites them in turn.
 *
 * Context: RCU read side, the group's lock held.
 */
void latch_sacache_add(struct latch_sacache *c, const struct latch_sa_gens *gens,
		       const struct xfrm_state *x, u32 gen)
{
	int i;

	for (i = 0; i < LATCH_SACACHE; i++)
		if (c->sa[i].x == x)
			WRITE_ONCE(c->sa[i].x, LATCH_NO_SA);
	for (i = 0; i < LATCH_SACACHE; i++)
		if (c->sa[i].x == LATCH_NO_SA || !latch_sacache_good(gens, c->sa[i].gen))
			break;
	if (i == LATCH_SACACHE)
		i = c->next++ % LATCH_SACACHE;
	WRITE_ONCE(c->sa[i].x, LATCH_NO_SA);
	smp_wmb(); /* pairs with latch_sacache_hit() */
	WRITE_ONCE(c->sa[i].gen, gen);
	WRITE_ONCE(c->sa[i].spi, x->id.spi);
	smp_wmb(); /* pairs with latch_sacache_hit() */
	WRITE_ONCE(c->sa[i].x, x);
}

/**
 * latch_sacache_clear() - no SA is known to be congruent any more
 * @c: the cache of a direction
 *
 * Context: the group's lock held, or nobody else sees the group yet.
 */
void latch_sacache_clear(struct latch_sacache *c)
{
	int i;

	for (i = 0; i < LATCH_SACACHE; i++)
		WRITE_ONCE(c->sa[i].x, LATCH_NO_SA);
}

/**
 * latch_sacache_void() - the verdict about an SA may be another one from now on
 * @gens: the namespace's generations
 * @x:    the SA; NULL for all of them
 *
 * What has changed must have been stored before this is called.
 *
 * Context: any.
 */
void latch_sacache_void(struct latch_sa_gens *gens, const struct xfrm_state *x)
{
	int i;

	smp_mb__before_atomic(); /* pairs with latch_sacache_gen() */
	if (x) {
		atomic_add(LATCH_SA_GENS, &gens->gen[hash_ptr(x, LATCH_SA_GEN_BITS)]);
		return;
	}
	for (i = 0; i < LATCH_SA_GENS; i++)
		atomic_add(LATCH_SA_GENS, &gens->gen[i]);
}
