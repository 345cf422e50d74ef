// SPDX-License-Identifier: GPL-2.0
/*
 * The latches of a namespace by number, as they are listed and closed.
 *
 * Numbers are given in turn, a block of them at a time. A block is there from its first
 * number until the last latch in it is gone, so that a connection pays for neither an
 * allocation nor a tree.
 */
#include <linux/xarray.h>

#include "base/net.h"
#include "channel/id.h"
#include "channel/latch.h"

/* With this many a block fills 512 bytes. */
#define LATCH_ID_BLOCK	60

/**
 * struct latch_id_block - numbers that follow one another
 * @rcu:   to free it
 * @first: the first of them
 * @given: how many were given; under ln->ids.all' lock, as @used
 * @used:  how many latches are in it
 * @slot:  they, by number; RCU
 */
struct latch_id_block {
	struct rcu_head		rcu;
	u32			first;
	u16			given;
	u16			used;
	struct latch __rcu	*slot[LATCH_ID_BLOCK];
};

static u32 latch_id_block_of(u32 id)
{
	return (id - 1) / LATCH_ID_BLOCK;
}

/*
 * The next block of which no number is in use, NULL without memory. The number after
 * the last of all is 1 again.
 */
static struct latch_id_block *latch_id_block_new(struct latch_net *ln)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	struct latch_id_block *s = kzalloc(sizeof(*s), gfp | __GFP_ACCOUNT);
	int err;

	BUILD_BUG_ON(sizeof(*s) > 512);
	if (!s)
		return NULL;
	do {
		err = __xa_insert(&ln->ids.all, ln->ids.next_block, s, gfp);
		s->first = ln->ids.next_block * LATCH_ID_BLOCK + 1;
		ln->ids.next_block = (ln->ids.next_block + 1) % (U32_MAX / LATCH_ID_BLOCK);
	} while (err == -EBUSY);
	if (!err)
		return s;
	kfree(s);
	return NULL;
}

/**
 * latch_id_assign() - give a latch its number, by which it is listed
 * @l: a latch that nobody else sees yet
 *
 * Context: any. Return: 0 or -ENOMEM.
 */
int latch_id_assign(struct latch *l)
{
	struct latch_net *ln = l->ln;
	struct latch_id_block *s;

	xa_lock_bh(&ln->ids.all);
	if (!ln->ids.block)
		ln->ids.block = latch_id_block_new(ln);
	s = ln->ids.block;
	if (s) {
		l->id = s->first + s->given;
		l->has_id = 1;
		rcu_assign_pointer(s->slot[s->given++], l);
		s->used++;
		if (s->given == LATCH_ID_BLOCK)
			ln->ids.block = NULL;
	}
	xa_unlock_bh(&ln->ids.all);
	return s ? 0 : -ENOMEM;
}

/**
 * latch_id_release() - nobody lists a latch any more
 * @l: the latch, whose lock is held
 *
 * Context: BH off.
 */
void latch_id_release(struct latch *l)
{
	struct latch_net *ln = l->ln;
	struct latch_id_block *s;

	lockdep_assert_held(&l->lock);
	if (!l->has_id)
		return;
	l->has_id = 0;
	xa_lock(&ln->ids.all);
	s = ln->ids.block;
	if (!s || l->id - s->first >= LATCH_ID_BLOCK)
		s = xa_load(&ln->ids.all, latch_id_block_of(l->id));
	RCU_INIT_POINTER(s->slot[l->id - s->first], NULL);
	if (!--s->used && s != ln->ids.block) {
		__xa_erase(&ln->ids.all, latch_id_block_of(l->id));
		kfree_rcu(s, rcu);
	}
	xa_unlock(&ln->ids.all);
}

/**
 * latch_id_find() - the latch that has a number
 * @ln: the namespace
 * @id: the number
 *
 * Context: RCU read side. Return: the latch or NULL.
 */
struct latch *latch_id_find(struct latch_net *ln, u64 id)
{
	struct latch_id_block *s;

	if (!id || id > U32_MAX)
		return NULL;
	s = xa_load(&ln->ids.all, latch_id_block_of(id));
	return s ? rcu_dereference(s->slot[id - s->first]) : NULL;
}

/**
 * latch_id_next() - the latches of a namespace one after the other
 * @ln:   the namespace
 * @last: the number of the one before, 0 none; set to that of the latch found
 *
 * Context: RCU read side, which may be left between two calls.
 * Return: the latch with the least number that is greater than @last, or NULL.
 */
struct latch *latch_id_next(struct latch_net *ln, u64 *last)
{
	unsigned long index = *last / LATCH_ID_BLOCK;
	struct latch_id_block *s;
	struct latch *l;
	u32 i;

	xa_for_each_start(&ln->ids.all, index, s, index) {
		for (i = *last >= s->first ? *last - s->first + 1 : 0; i < LATCH_ID_BLOCK; i++) {
			l = rcu_dereference(s->slot[i]);
			if (l) {
				*last = s->first + i;
				return l;
			}
		}
	}
	return NULL;
}

/**
 * latch_id_exit() - free what is left without latches
 * @ln: the namespace, which ends
 */
void latch_id_exit(struct latch_net *ln)
{
	kfree(ln->ids.block);
	xa_destroy(&ln->ids.all);
}
