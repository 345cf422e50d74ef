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
