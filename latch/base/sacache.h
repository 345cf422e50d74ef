/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_BASE_SACACHE_H
#define LATCH_BASE_SACACHE_H

#include <linux/atomic.h>
#include <linux/hash.h>
#include <net/xfrm.h>

#include "core/types.h"
#include "core/verdict.h"

struct xfrm_state;

#define LATCH_SA_GEN_BITS	6
#define LATCH_SA_GENS		BIT(LATCH_SA_GEN_BITS)

/**
 * struct latch_sa_gens - generations of the SAs of a namespace
 * @gen: one counter for all SAs whose address has the same hash. Its low bits say which
 *       counter it is, so that a value alone tells where to look. Changes when the verdict
 *       about one of these SAs may be another one
 */
struct latch_sa_gens {
	atomic_t	gen[LATCH_SA_GENS];
};

/* A key manager that rekeys has two SAs in use, a bundle of reqids some more. */
#define LATCH_SACACHE	4

/**
 * struct latch_sacache - the SAs of one direction that were found congruent
 * @sa:       the entries, see DOC below
 * @sa.x:     the SA, only ever compared; %LATCH_NO_SA where the entry is empty
 * @sa.gen:   the SA's generation, read before the SA was checked
 * @sa.spi:   the SA's SPI
 * @last_spi: SPI of the SA that was checked last, for reports
 * @next:     which entry is overwritten next
 *
 * One writer at a time, under the group's lock. Readers take no lock.
 */
struct latch_sacache {
	struct {
		const struct xfrm_state	*x;
		u32			gen;
		__be32			spi;
	} sa[LATCH_SACACHE];
	__be32			last_spi;
	u32			next;
};

/* No packet has it: where a packet has no SA, that is NULL. */
#define LATCH_NO_SA	((const struct xfrm_state *)1L)

/**
 * DOC: why a hit can be trusted
 *
 * An entry says: "SA @x, with SPI @spi, was congruent while its generation was @gen".
 *
 * Whoever checks an SA reads the generation first, then what it checks against: the copy of the
 * SA, its identity, the group. Whoever changes any of these changes it first and then
 * increments the generation. So if the generation is still the one that was read, nothing
 * that the check went by has changed since; if the check read something old, the
 * increment follows, and the entry is void from then on.
 *
 * A writer of an entry stores %LATCH_NO_SA in @x, then @gen and @spi, then @x, each with a
 * write barrier between. A reader loads @gen, then @x, with a read barrier between. A
 * reader that sees the new @x may so have seen an older @gen or a newer one, but never one
 * that belongs to an SA stored there before @x: that one was overwritten before @x came,
 * and a reader that loaded it earlier finds %LATCH_NO_SA or the earlier SA in @x.
 * @spi is loaded after @x, which only makes the reader see more.
 *
 * An SA's memory may be reused. The delete event of an SA comes while somebody still
 * holds it, and increments its generation, so a new SA at the same address never meets a
 * good entry. Where the kernel deletes SAs and tells of it later or not at all (flush, a
 * device that goes), the event of the new SA increments the generation too; a packet that
 * comes before that event passes only if the new SA has the SPI of the old one as well.
 *
 * Holding a reference to the SA instead, as the kernel's bundles do, would make the last
 * paragraph unnecessary. But an entry would keep a deleted SA, and the device that it was
 * offloaded to, until somebody found all entries of that SA: with generations nobody has
 * to, which matters where 10,000 tunnels rekey (`make bench`, "rekey").
 */

/**
 * latch_sacache_gen() - the generation of an SA, to be read before the SA is checked
 * @gens: the namespace's
 * @x:    the SA; its memory is not read
 *
 * Context: any. Return: the generation.
 */
static inline u32 latch_sacache_gen(const struct latch_sa_gens *gens,
				    const struct xfrm_state *x)
{
	return atomic_read_acquire(&gens->gen[hash_ptr(x, LATCH_SA_GEN_BITS)]);
}

/* Has nothing happened to this generation's SAs? */
static __always_inline bool latch_sacache_good(const struct latch_sa_gens *gens, u32 gen)
{
	return gen == (u32)atomic_read(&gens->gen[gen % LATCH_SA_GENS]);
}

/* Does an entry say that this SA is congruent? 1, or 0 where no entry does; -1 ask the next. */
static __always_inline int latch_sacache_ask(const struct latch_sacache *c,
					     const struct latch_sa_gens *gens,
					     const struct xfrm_state *x, int i)
{
	if (!latch_sacache_good(gens, READ_ONCE(c->sa[i].gen)))
		return 0;
	smp_rmb(); /* pairs with latch_sacache_add() */
	if (READ_ONCE(c->sa[i].x) != x)
		return -1;
	return READ_ONCE(c->sa[i].spi) == x->id.spi;
}

/**
 * latch_sacache_hit() - is this SA known to be congruent?
 * @c:     the group's cache for the packet's direction
 * @gens:  the namespace's generations
 * @x:     the packet's only SA; NULL where it has none or several, which hits nothing
 * @first: look at the first entry only, where the SA in use normally is
 *
 * Context: RCU read side, so that @x is valid. Takes no lock, writes nothing.
 * Return: true where the packet may pass.
 */
static __always_inline bool latch_sacache_hit(const struct latch_sacache *c,
					      const struct latch_sa_gens *gens,
					      const struct xfrm_state *x, bool first)
{
	int i, hit = latch_sacache_ask(c, gens, x, 0);

	for (i = 1; !first && hit < 0 && i < LATCH_SACACHE; i++)
		hit = latch_sacache_ask(c, gens, x, i);
	return hit > 0;
}

void latch_sacache_init(struct latch_sa_gens *gens);
void latch_sacache_add(struct latch_sacache *c, const struct latch_sa_gens *gens,
		       const struct xfrm_state *x, u32 gen);
void latch_sacache_clear(struct latch_sacache *c);
void latch_sacache_void(struct latch_sa_gens *gens, const struct xfrm_state *x);

void latch_sacache_init(struct latch_sa_gens *gens);
void latch_sacache_add(struct latch_sacache *c, const struct latch_sa_gens *gens,
		       const struct xfrm_state *x, u32 gen);
void latch_sacache_clear(struct latch_sacache *c);
void latch_sacache_void(struct latch_sa_gens *gens, const struct xfrm_state *x);

#endif /* LATCH_BASE_SACACHE_H */
