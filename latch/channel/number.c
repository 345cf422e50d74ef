// SPDX-License-Identifier: GPL-2.0
/*
 * The latches of a namespace by number, as they are listed and closed.
 *
 * Numbers are given in turn, a sheet of them at a time. A sheet is there from its first
 * number until the last latch on it is gone, so that a connection pays for neither an
 * allocation nor a tree.
 */
#include <linux/xarray.h>

#include "base/net.h"
#include "channel/latch.h"
#include "channel/number.h"

/* With this many a sheet fills 512 bytes. */
#define LATCH_SHEET	60

/**
 * struct latch_sheet - numbers that follow one another
 * @rcu:   to free it
 * @first: the first of them
 * @given: how many were given; under ln->sheets' lock, as @used
 * @used:  how many latches are on it
 * @slot:  they, by number; RCU
 */
struct latch_sheet {
	struct rcu_head		rcu;
	u32			first;
	u16			given;
	u16			used;
	struct latch __rcu	*slot[LATCH_SHEET];
};

static u32 latch_sheet_of(u32 id)
{
	return (id - 1) / LATCH_SHEET;
}

/*
 * The next sheet of which no number is in use, NULL without memory. The number after
 * the last of all is 1 again.
 */
static struct latch_sheet *latch_sheet_new(struct latch_net *ln)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	struct latch_sheet *s = kzalloc(sizeof(*s), gfp | __GFP_ACCOUNT);
	int err;

	BUILD_BUG_ON(sizeof(*s) > 512);
	if (!s)
		return NULL;
	do {
		err = __xa_insert(&ln->sheets, ln->next_sheet, s, gfp);
		s->first = ln->next_sheet * LATCH_SHEET + 1;
		ln->next_sheet = (ln->next_sheet + 1) % (U32_MAX / LATCH_SHEET);
	} while (err == -EBUSY);
	if (!err)
		return s;
	kfree(s);
	return NULL;
}

/**
 * latch_number() - give a latch its number, by which it is listed
 * @l: a latch that nobody else sees yet
 *
 * Context: any. Return: 0 or -ENOMEM.
 */
int latch_number(struct latch *l)
{
	struct latch_net *ln = l->ln;
	struct latch_sheet *s;

	xa_lock_bh(&ln->sheets);
	if (!ln->sheet)
		ln->sheet = latch_sheet_new(ln);
	s = ln->sheet;
	if (s) {
		l->id = s->first + s->given;
		l->numbered = 1;
		rcu_assign_pointer(s->slot[s->given++], l);
		s->used++;
		if (s->given == LATCH_SHEET)
			ln->sheet = NULL;
	}
	xa_unlock_bh(&ln->sheets);
	return s ? 0 : -ENOMEM;
}

/**
 * latch_unnumber() - nobody lists a latch any more
 * @l: the latch, whose lock is held
 *
 * Context: BH off.
 */
void latch_unnumber(struct latch *l)
{
	struct latch_net *ln = l->ln;
	struct latch_sheet *s;

	lockdep_assert_held(&l->lock);
	if (!l->numbered)
		return;
	l->numbered = 0;
	xa_lock(&ln->sheets);
	s = ln->sheet;
	if (!s || l->id - s->first >= LATCH_SHEET)
		s = xa_load(&ln->sheets, latch_sheet_of(l->id));
	RCU_INIT_POINTER(s->slot[l->id - s->first], NULL);
	if (!--s->used && s != ln->sheet) {
		__xa_erase(&ln->sheets, latch_sheet_of(l->id));
		kfree_rcu(s, rcu);
	}
	xa_unlock(&ln->sheets);
}

/**
 * latch_numbered() - the latch that has a number
 * @ln: the namespace
 * @id: the number
 *
 * Context: RCU read side. Return: the latch or NULL.
 */
struct latch *latch_numbered(struct latch_net *ln, u64 id)
{
	struct latch_sheet *s;

	if (!id || id > U32_MAX)
		return NULL;
	s = xa_load(&ln->sheets, latch_sheet_of(id));
	return s ? rcu_dereference(s->slot[id - s->first]) : NULL;
}

/**
 * latch_next() - the latches of a namespace one after the other
 * @ln:   the namespace
 * @last: the number of the one before, 0 none; set to that of the latch found
 *
 * Context: RCU read side, which may be left between two calls.
 * Return: the latch with the least number that is greater than @last, or NULL.
 */
struct latch *latch_next(struct latch_net *ln, u64 *last)
{
	unsigned long index = *last / LATCH_SHEET;
	struct latch_sheet *s;
	struct latch *l;
	u32 i;

	xa_for_each_start(&ln->sheets, index, s, index) {
		for (i = *last >= s->first ? *last - s->first + 1 : 0; i < LATCH_SHEET; i++) {
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
 * latch_number_exit() - free what is left without latches
 * @ln: the namespace, which ends
 */
void latch_number_exit(struct latch_net *ln)
{
	kfree(ln->sheet);
	xa_destroy(&ln->sheets);
}
