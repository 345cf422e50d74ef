/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has one number and what has two: tags as labels have them.
 */
#ifndef LATCH_TESTS_TAG_CASES_H
#define LATCH_TESTS_TAG_CASES_H

#include "../core/tag.h"
#include "params_cases.h"

/* Would these packets have one number? */
static bool one_number(const struct latch_tag *a, const struct latch_tag *b)
{
	struct latch_tag x, y;

	/* no byte may be left as it was */
	memset(&x, 0xaa, sizeof(x));
	memset(&y, 0x55, sizeof(y));
	latch_tag_copy(&x, a);
	latch_tag_copy(&y, b);
	return !memcmp(&x, &y, sizeof(x));
}

static bool same_chain(const struct latch_tag *a, const struct latch_tag *b)
{
	return a->n == b->n && a->flags == b->flags && !memcmp(a->x, b->x, a->n * sizeof(a->x[0]));
}

static void tag_every_pair(struct tally *t)
{
	unsigned int i, j;

	for (i = 0; i < N_TAGS; i += STEP_TAGS) {
		struct latch_tag a = tag_nth(i);

		for (j = 0; j < N_TAGS; j += STEP_TAGS) {
			struct latch_tag b = tag_nth(j);
			bool same = latch_ident_equal(&a.id, &b.id) && same_chain(&a, &b);

			EXPECT(t, one_number(&a, &b) == same, "%u and %u", i, j);
		}
		breathe();
	}
}

static void tag_of_any_sa(struct tally *t)
{
	struct latch_tag a = tag_of(&x_gcm128), b = a;

	b.id.serial = 7;
	EXPECT(t, one_number(&a, &b), "two SAs of a named peer");
	b.x[1] = x_ah_sha256;
	EXPECT(t, one_number(&a, &b), "what is behind the last transformation");
	a.id.kind = LATCH_IDENT_PINNED;
	b.id.kind = LATCH_IDENT_PINNED;
	b.id.local[0] = ~a.id.local[0];
	b.id.peer[1] = ~a.id.peer[1];
	EXPECT(t, one_number(&a, &b), "what an SA without peer does not have");
	b.id.peer[0] = ~a.id.peer[0];
	EXPECT(t, !one_number(&a, &b), "two SAs without peer");
}

static void tag_told(struct tally *t)
{
	static const bool told[] = {
		[LATCH_IDENT_PINNED] = true, [LATCH_IDENT_NAMED] = true,
		[LATCH_IDENT_PENDING] = false, [LATCH_IDENT_AMBIGUOUS] = false,
		[LATCH_IDENT_MIXED] = false, [LATCH_IDENT_UNKNOWN] = false,
	};
	unsigned int kind;

	for (kind = 0; kind < ARRAY_SIZE(told); kind++) {
		struct latch_tag a = { .n = 1, .id.kind = kind };

		EXPECT(t, latch_tag_told(&a) == told[kind], "kind %u", kind);
	}
}

static const struct test tag_tests[] = {
	{ "5.3-1_one_number_every_pair", tag_every_pair },
	{ "5.3-1_one_number_for_any_sa_of_a_named_peer", tag_of_any_sa },
	{ "5.3-1_who_can_be_told_apart", tag_told },
};

#endif /* LATCH_TESTS_TAG_CASES_H */
