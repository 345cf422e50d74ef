/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sets of conflicts, the one list of reasons and their order.
 */
#ifndef LATCH_TESTS_CONFLICT_CASES_H
#define LATCH_TESTS_CONFLICT_CASES_H

#include "../core/conflict.h"
#include "../core/reasons.h"
#include "harness.h"

/* As people read them, in the order in which they are reported. */
static const char * const reason_ranking[] = {
	"dpd", "admin", "closed", "broken", "lost", "no-mem", "limit", "header",
	"clear", "ambiguous", "peer", "local", "unidentified", "no-binding",
	"pending", "proto", "mode", "encr", "key-len", "integ", "icv", "replay",
	"esn", "request", "policy-out", "policy-in", "larval", "no-sa", "icmp",
	"released",
};

#define REASON_ROW(name, counter, word)	{ #name, #counter, word, LATCH_REASON_ ## name },

static const struct reason_row {
	const char *name;
	const char *counter;
	const char *word;
	u8 number;
} reason_rows[] = { LATCH_REASONS(REASON_ROW) };

/* Place of a reason in the ranking, and one that is far behind for others. */
static unsigned int ref_rank(u8 reason)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(reason_rows); i++)
		for (j = 0; j < ARRAY_SIZE(reason_ranking); j++)
			if (reason_rows[i].number == reason &&
			    !strcmp(reason_rows[i].word, reason_ranking[j]))
				return j;
	return 1000;
}

/* The one of lower rank, NONE where neither is a reason. */
static u8 ref_first(u8 a, u8 b)
{
	u8 best = ref_rank(a) <= ref_rank(b) ? a : b;

	return ref_rank(best) < 1000 ? best : LATCH_REASON_NONE;
}

static u32 bit(unsigned int n)
{
	return (u32)1 << n;
}

static void reasons_first_of_two(struct tally *t)
{
	u8 a, b;

	for (a = 0; a < 32; a++)
		for (b = 0; b < 32; b++)
			EXPECT(t, latch_reason_first(bit(a) | bit(b)) == ref_first(a, b),
			       "%u and %u: %u, not %u", a, b,
			       latch_reason_first(bit(a) | bit(b)), ref_first(a, b));
	EXPECT(t, latch_reason_first(0) == LATCH_REASON_NONE, "of the empty set");
}

/* Taking the first one out again and again names each once, in order. */
static void reasons_ordered_once(struct tally *t)
{
	u32 set = ~(u32)0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reason_ranking); i++) {
		u8 first = latch_reason_first(set);

		EXPECT(t, ref_rank(first) == i, "%u. is %u", i, first);
		EXPECT(t, set & bit(first), "%u is named twice", first);
		set &= ~bit(first);
	}
	EXPECT(t, latch_reason_first(set) == LATCH_REASON_NONE, "left: %#x", set);
	EXPECT(t, ARRAY_SIZE(reason_ranking) == LATCH_N_REASONS - 1, "%zu ranks",
	       ARRAY_SIZE(reason_ranking));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* NO_MEM, NoMem and no-mem: one word in three kinds of writing? */
static bool same_word(const char *name, const char *counter, const char *word)
{
	bool start = true;

	for (; *name; name++, word++) {
		if (*name == '_' && *word == '-') {
			start = true;
			continue;
		}
		if (lower(*name) != *word || (start ? *name : lower(*name)) != *counter++)
			return false;
		start = false;
	}
	return !*word && !*counter;
}

/* The list has them all, in the order of their numbers, and so in each other's. */
static void reasons_list_total(struct tally *t)
{
	const struct reason_row *r;
	unsigned int i;

	EXPECT(t, ARRAY_SIZE(reason_rows) == LATCH_N_REASONS - 1, "%zu rows",
	       ARRAY_SIZE(reason_rows));
	for (i = 0; i < ARRAY_SIZE(reason_rows); i++) {
		r = &reason_rows[i];
		EXPECT(t, r->number == i + 1, "%s is %u", r->name, r->number);
		EXPECT(t, same_word(r->name, r->counter, r->word), "%s %s %s",
		       r->name, r->counter, r->word);
	}
}

static void conflicts_dpd_is_sticky(struct tally *t)
{
	u8 a, b;

	for (a = 0; a < 32; a++)
		for (b = 0; b < 32; b++) {
			u32 now = latch_conflict_update(bit(a), bit(b));

			EXPECT(t, now == (bit(b) | (a == LATCH_REASON_DPD ? bit(a) : 0)),
			       "%u then %u: %#x", a, b, now);
		}
	EXPECT(t, latch_conflict_update(~(u32)0, 0) == LATCH_R(DPD), "all, then none");
	EXPECT(t, !latch_conflict_update(0, 0), "none, then none");
	EXPECT(t, LATCH_CONFLICT_STICKY == LATCH_R(DPD), "what is sticky");
}

static void expect_event(struct tally *t, u32 old, u32 now, bool want, u8 event)
{
	u8 got = 255;
	bool is = latch_conflict_event(old, now, &got);

	EXPECT(t, is == want && got == (want ? event : 255),
	       "%#x then %#x: %d %u", old, now, is, got);
}

static void conflicts_begin(struct tally *t)
{
	u8 a, b;

	for (a = 0; a < 32; a++)
		for (b = 0; b < 32; b++) {
			expect_event(t, 0, bit(a) | bit(b), true, LATCH_EV_CONFLICT);
			expect_event(t, bit(a), bit(b), false, 0);
			expect_event(t, bit(a), bit(a) | bit(b), false, 0);
		}
}

static void conflicts_end(struct tally *t)
{
	u8 a, b;

	expect_event(t, 0, 0, false, 0);
	for (a = 0; a < 32; a++)
		for (b = 0; b < 32; b++) {
			expect_event(t, bit(a) | bit(b), 0, true, LATCH_EV_CLEAR);
			expect_event(t, bit(a) | bit(b), bit(a), false, 0);
		}
}

/* Policies and an identity that are missing may come back; beside others they do not count. */
static bool may_end(u8 reason)
{
	return reason == LATCH_REASON_POLICY_IN || reason == LATCH_REASON_POLICY_OUT ||
	       reason == LATCH_REASON_UNIDENTIFIED;
}

static void conflicts_may_end(struct tally *t)
{
	u8 a, b;

	EXPECT(t, !latch_conflict_may_end(0), "none");
	for (a = 0; a < 32; a++)
		for (b = 0; b < 32; b++) {
			bool both = may_end(a) && may_end(b);

			EXPECT(t, latch_conflict_may_end(bit(a) | bit(b)) == both,
			       "%u and %u", a, b);
		}
}

/* A life of conflicts: BROKEN exactly while there are some. */
static void conflicts_drive_states(struct tally *t)
{
	u8 state = LATCH_STATE_ESTABLISHED, event;
	u32 old = 0, now, seed = 2119;
	unsigned int i;

	for (i = 0; i < RANDOM_ROUNDS; i++) {
		now = next_random(&seed) & next_random(&seed) & next_random(&seed);
		now = i % 3 ? now & ~LATCH_R(DPD) : 0;
		now = latch_conflict_update(old, now);
		if (latch_conflict_event(old, now, &event))
			state = latch_fsm(state, event).next;
		old = now;
		EXPECT(t, state == (now ? LATCH_STATE_BROKEN : LATCH_STATE_ESTABLISHED),
		       "%#x: state %u", now, state);
	}
}

static const struct test conflict_tests[] = {
	{ "2.2-6_first_conflict_breaks", conflicts_begin },
	{ "2.2-10_last_conflict_gone_restores", conflicts_end },
	{ "2.2-10_broken_while_conflicts", conflicts_drive_states },
	{ "2-23_dead_peer_stays_dead", conflicts_dpd_is_sticky },
	{ "5.5-1_conflicts_that_may_end", conflicts_may_end },
	{ "2.3-10_reason_first_of_two", reasons_first_of_two },
	{ "2.3-10_reason_order_is_total", reasons_ordered_once },
	{ "core_reason_list_is_total", reasons_list_total },
};

#endif /* LATCH_TESTS_CONFLICT_CASES_H */
