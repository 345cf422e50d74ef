/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The verdict for every state, mode and set of one or two reasons.
 */
#ifndef LATCH_TESTS_VERDICT_CASES_H
#define LATCH_TESTS_VERDICT_CASES_H

#include "../core/verdict.h"
#include "conflict_cases.h"
#include "harness.h"

#define VERDICT_STATES	(LATCH_N_STATES + 2)		/* and two unknown ones */
#define VERDICT_MODES	(LATCH_MODE_BYPASS + 3)

/* --- the rules --------------------------------------------------------------- */

static struct latch_verdict ref_dropped(u8 reason)
{
	struct latch_verdict v = { LATCH_DROP, reason ? reason : LATCH_REASON_HEADER };

	return v;
}

/* @a and @b: numbers of the reasons in the set, or both 0 for the empty set. */
static struct latch_verdict ref_verdict(u8 state, u8 mode, bool fits, u8 a, u8 b)
{
	struct latch_verdict v = { LATCH_PASS, LATCH_REASON_NONE };
	bool clear = !fits && a == LATCH_REASON_CLEAR && b == LATCH_REASON_CLEAR;

	if (state > LATCH_STATE_CLOSED || mode > LATCH_MODE_BYPASS)
		return ref_dropped(LATCH_REASON_HEADER);
	if (mode == LATCH_MODE_OFF || mode == LATCH_MODE_BYPASS)
		return v;
	if (state == LATCH_STATE_BROKEN)
		return ref_dropped(LATCH_REASON_BROKEN);
	if (state == LATCH_STATE_CLOSED)
		return ref_dropped(LATCH_REASON_CLOSED);
	if (fits && state != LATCH_STATE_ESTABLISHED)
		v.act = LATCH_ESTABLISH;
	if (fits)
		return v;
	if (state == LATCH_STATE_ESTABLISHED || !clear)
		return ref_dropped(ref_first(a, b));
	return mode == LATCH_MODE_AUTO ? v : ref_dropped(LATCH_REASON_LARVAL);
}

/* --- the tests ---------------------------------------------------------------- */

static void expect_verdict(struct tally *t, u8 state, u8 mode, bool fits, u8 a, u8 b)
{
	u32 diff = fits ? 0 : bit(a) | bit(b);
	struct latch_verdict v = latch_decide(state, mode, diff);
	struct latch_verdict r = ref_verdict(state, mode, fits, a, b);

	EXPECT(t, v.act == r.act && v.reason == r.reason,
	       "state %u mode %u diff %#x: act %u reason %u, not %u %u",
	       state, mode, diff, v.act, v.reason, r.act, r.reason);
	EXPECT(t, (v.act == LATCH_DROP) == (v.reason != LATCH_REASON_NONE),
	       "state %u mode %u diff %#x: act %u reason %u", state, mode, diff,
	       v.act, v.reason);
}

static void verdict_every(struct tally *t)
{
	u8 state, mode, a, b;

	for (state = 0; state < VERDICT_STATES; state++)
		for (mode = 0; mode < VERDICT_MODES; mode++) {
			expect_verdict(t, state, mode, true, 0, 0);
			for (a = 0; a < 32; a++)
				for (b = a; b < 32; b++)
					expect_verdict(t, state, mode, false, a, b);
			breathe();
		}
}

static void verdict_out_of_range(struct tally *t)
{
	unsigned int state, mode;

	for (state = 0; state <= 255; state++)
		for (mode = 0; mode <= 255; mode++)
			expect_verdict(t, state, mode, true, 0, 0);
}

/* One verdict by hand, where a reader looks for the clause. */
static void expect_is(struct tally *t, u8 state, u8 mode, u32 diff, u8 act, u8 reason)
{
	struct latch_verdict v = latch_decide(state, mode, diff);

	EXPECT(t, v.act == act && v.reason == reason,
	       "state %u mode %u diff %#x: act %u reason %u", state, mode, diff,
	       v.act, v.reason);
}

static void verdict_required_before(struct tally *t)
{
	const u8 require = LATCH_MODE_REQUIRE;
	const u32 clear = LATCH_R(CLEAR);

	expect_is(t, LATCH_STATE_NONE, require, clear, LATCH_DROP, LATCH_REASON_LARVAL);
	expect_is(t, LATCH_STATE_LARVAL, require, clear, LATCH_DROP, LATCH_REASON_LARVAL);
	expect_is(t, LATCH_STATE_LISTENER, require, clear, LATCH_DROP, LATCH_REASON_LARVAL);
	expect_is(t, LATCH_STATE_LARVAL, require, LATCH_R(PEER), LATCH_DROP,
		  LATCH_REASON_PEER);
}

static void verdict_auto_clear(struct tally *t)
{
	const u8 state[] = { LATCH_STATE_NONE, LATCH_STATE_LARVAL, LATCH_STATE_LISTENER };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(state); i++) {
		expect_is(t, state[i], LATCH_MODE_AUTO, LATCH_R(CLEAR), LATCH_PASS,
			  LATCH_REASON_NONE);
		expect_is(t, state[i], LATCH_MODE_AUTO, LATCH_R(CLEAR) | LATCH_R(HEADER),
			  LATCH_DROP, LATCH_REASON_HEADER);
		expect_is(t, state[i], LATCH_MODE_AUTO, 0, LATCH_ESTABLISH, LATCH_REASON_NONE);
	}
}

/* Whatever is unprotected or differs in anything is dropped (both directions). */
static void verdict_established(struct tally *t)
{
	u32 seed = 4301, diff;
	unsigned int i;

	for (i = 0; i < 32; i++)
		EXPECT(t, latch_decide(LATCH_STATE_ESTABLISHED, LATCH_MODE_AUTO,
				       bit(i)).act == LATCH_DROP, "reason %u", i);
	for (i = 0; i < RANDOM_ROUNDS; i++) {
		diff = next_random(&seed);
		EXPECT(t, latch_decide(LATCH_STATE_ESTABLISHED, i % 2, diff).act ==
		       LATCH_DROP, "%#x", diff);
	}
	expect_is(t, LATCH_STATE_ESTABLISHED, LATCH_MODE_AUTO, LATCH_R(CLEAR),
		  LATCH_DROP, LATCH_REASON_CLEAR);
	expect_is(t, LATCH_STATE_ESTABLISHED, LATCH_MODE_REQUIRE, 0, LATCH_PASS,
		  LATCH_REASON_NONE);
}

/* Nothing passes, suitable or not. */
static void expect_silent(struct tally *t, u8 state, u8 reason)
{
	unsigned int i;

	for (i = 0; i < 32; i++) {
		expect_is(t, state, LATCH_MODE_AUTO, bit(i), LATCH_DROP, reason);
		expect_is(t, state, LATCH_MODE_REQUIRE, bit(i), LATCH_DROP, reason);
	}
	expect_is(t, state, LATCH_MODE_AUTO, 0, LATCH_DROP, reason);
	expect_is(t, state, LATCH_MODE_REQUIRE, 0, LATCH_DROP, reason);
}

static void verdict_broken(struct tally *t)
{
	expect_silent(t, LATCH_STATE_BROKEN, LATCH_REASON_BROKEN);
}

static void verdict_closed(struct tally *t)
{
	expect_silent(t, LATCH_STATE_CLOSED, LATCH_REASON_CLOSED);
}

static void verdict_opted_out(struct tally *t)
{
	unsigned int i;
	u8 state;

	for (state = 0; state < LATCH_N_STATES; state++)
		for (i = 0; i < 32; i++) {
			expect_is(t, state, LATCH_MODE_OFF, bit(i), LATCH_PASS,
				  LATCH_REASON_NONE);
			expect_is(t, state, LATCH_MODE_BYPASS, bit(i), LATCH_PASS,
				  LATCH_REASON_NONE);
		}
	for (i = 0; i < 32; i++)
		expect_is(t, LATCH_N_STATES, LATCH_MODE_OFF, bit(i), LATCH_DROP,
			  LATCH_REASON_HEADER);
}

static const struct test verdict_tests[] = {
	{ "2.4-1_every_verdict", verdict_every },
	{ "2.4-1_unknown_state_or_mode_drops", verdict_out_of_range },
	{ "2-8_nothing_before_required_channel", verdict_required_before },
	{ "2-10_established_passes_congruent_only", verdict_established },
	{ "2-17_auto_passes_clear_before_latch", verdict_auto_clear },
	{ "2-18_opted_out_passes", verdict_opted_out },
	{ "2.3.1-1_broken_drops_all", verdict_broken },
	{ "2.3-20_closed_drops_all", verdict_closed },
};

#endif /* LATCH_TESTS_VERDICT_CASES_H */
