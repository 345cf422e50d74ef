// SPDX-License-Identifier: GPL-2.0
/*
 * Tags: what protected a packet, and who is behind that, as values.
 */
#include "tag.h"

bool latch_digest_equal(const u64 a[2], const u64 b[2])
{
	return a[0] == b[0] && a[1] == b[1];
}

bool latch_ident_equal(const struct latch_ident *a, const struct latch_ident *b)
{
	return a->kind == b->kind && latch_digest_equal(a->peer, b->peer) &&
	       latch_digest_equal(a->local, b->local);
}

bool latch_tag_told(const struct latch_tag *t)
{
	return t->id.kind == LATCH_IDENT_NAMED || t->id.kind == LATCH_IDENT_PINNED;
}

void latch_tag_copy(struct latch_tag *to, const struct latch_tag *t)
{
	memset(to, 0, sizeof(*to));
	to->n = latch_tag_n(t);
	to->flags = t->flags;
	memcpy(to->x, t->x, to->n * sizeof(t->x[0]));
	to->id.kind = t->id.kind;
	to->id.peer[0] = t->id.peer[0];
	if (t->id.kind != LATCH_IDENT_NAMED)
		return;
	to->id.peer[1] = t->id.peer[1];
	memcpy(to->id.local, t->id.local, sizeof(to->id.local));
}
