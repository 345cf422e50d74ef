/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of states against the rules it is made from.
 */
#ifndef LATCH_TESTS_FSM_CASES_H
#define LATCH_TESTS_FSM_CASES_H

#include "../core/fsm.h"
#include "harness.h"

/* --- the rules, one function for each question ---------------------------- */

static bool fsm_is(u8 state, u8 a, u8 b)
{
	return state == a || state == b;
}

/* Not a latch of a connection yet. */
static bool fsm_unborn(u8 state)
{
	return fsm_is(state, LATCH_STATE_NONE, LATCH_STATE_LARVAL);
}

static bool fsm_live(u8 state)
{
	return fsm_is(state, LATCH_STATE_ESTABLISHED, LATCH_STATE_BROKEN);
}

static bool ref_fsm_valid(u8 state, u8 event)
{
	switch (event) {
	case LATCH_EV_LISTEN:
	case LATCH_EV_REQUIRE:
	case LATCH_EV_SA:
	case LATCH_EV_SA_CONFLICT:
		return fsm_unborn(state);
	case LATCH_EV_CONFLICT:
	case LATCH_EV_CLEAR:
		return fsm_live(state);
	case LATCH_EV_CLOSE:
		return state != LATCH_STATE_NONE && state <= LATCH_STATE_CLOSED;
	case LATCH_EV_RELEASE:
		return state <= LATCH_STATE_CLOSED;
	default:
		return false;
	}
}

static u8 ref_fsm_next(u8 state, u8 event)
{
	if (!ref_fsm_valid(state, event))
		return state;
	switch (event) {
	case LATCH_EV_LISTEN:
		return LATCH_STATE_LISTENER;
	case LATCH_EV_REQUIRE:
		return LATCH_STATE_LARVAL;
	case LATCH_EV_SA:
	case LATCH_EV_CLEAR:
		return LATCH_STATE_ESTABLISHED;
	case LATCH_EV_SA_CONFLICT:
	case LATCH_EV_CONFLICT:
		return LATCH_STATE_BROKEN;
	case LATCH_EV_RELEASE:
		return fsm_unborn(state) ? LATCH_STATE_NONE : LATCH_STATE_CLOSED;
	default:
		return LATCH_STATE_CLOSED;
	}
}

static u8 ref_fsm_act(u8 state, u8 event)
{
	u8 next = ref_fsm_next(state, event), act = 0;

	if (!ref_fsm_valid(state, event))
		return 0;
	if (next != state && (fsm_live(next) || next == LATCH_STATE_CLOSED))
		act |= LATCH_ACT_NOTIFY;
	if (next != state && next == LATCH_STATE_BROKEN)
		act |= LATCH_ACT_OWNER;
	if (event == LATCH_EV_CLOSE && (fsm_live(state) || state == LATCH_STATE_LARVAL))
		act |= LATCH_ACT_RESET;
	if (event == LATCH_EV_CLOSE && state == LATCH_STATE_LISTENER)
		act |= LATCH_ACT_UNLINK;
	if (event == LATCH_EV_RELEASE && state != LATCH_STATE_NONE)
		act |= LATCH_ACT_UNLINK;
	return act;
}

/* --- the tests -------------------------------------------------------------- */

static void expect_step(struct tally *t, u8 state, u8 event)
{
	struct latch_step s = latch_fsm(state, event);

	EXPECT(t, s.valid == ref_fsm_valid(state, event) &&
	       s.next == ref_fsm_next(state, event) &&
	       s.act == ref_fsm_act(state, event),
	       "state %u event %u: next %u act %#x valid %d, not %u %#x %d",
	       state, event, s.next, s.act, s.valid, ref_fsm_next(state, event),
	       ref_fsm_act(state, event), ref_fsm_valid(state, event));
}

static void fsm_every_cell(struct tally *t)
{
	u8 state, event;

	for (state = 0; state < LATCH_N_STATES; state++)
		for (event = 0; event < LATCH_N_EVENTS; event++)
			expect_step(t, state, event);
}

static void fsm_out_of_range(struct tally *t)
{
	unsigned int state, event;

	for (state = 0; state <= 255; state++)
		for (event = 0; event <= 255; event++)
			expect_step(t, state, event);
}

/* Every event in one state goes to @a or @b, or stays. */
static void expect_next_in(struct tally *t, u8 state, u8 a, u8 b)
{
	u8 event;

	for (event = 0; event < LATCH_N_EVENTS; event++) {
		struct latch_step s = latch_fsm(state, event);

		EXPECT(t, s.next == state || fsm_is(s.next, a, b),
		       "state %u event %u: next %u", state, event, s.next);
		EXPECT(t, s.valid || (s.next == state && !s.act),
		       "state %u event %u: invalid, but next %u act %#x",
		       state, event, s.next, s.act);
	}
}

static void fsm_listener_only_closes(struct tally *t)
{
	expect_next_in(t, LATCH_STATE_LISTENER, LATCH_STATE_CLOSED, LATCH_STATE_CLOSED);
	EXPECT(t, latch_fsm(LATCH_STATE_LISTENER, LATCH_EV_RELEASE).next ==
	       LATCH_STATE_CLOSED, "a listener released");
	EXPECT(t, latch_fsm(LATCH_STATE_LISTENER, LATCH_EV_CLOSE).next ==
	       LATCH_STATE_CLOSED, "a listener closed");
}

static void fsm_established_and_broken(struct tally *t)
{
	expect_next_in(t, LATCH_STATE_ESTABLISHED, LATCH_STATE_BROKEN, LATCH_STATE_CLOSED);
	expect_next_in(t, LATCH_STATE_BROKEN, LATCH_STATE_ESTABLISHED, LATCH_STATE_CLOSED);
}

static void fsm_born_established_or_broken(struct tally *t)
{
	static const u8 unborn[] = { LATCH_STATE_NONE, LATCH_STATE_LARVAL };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unborn); i++) {
		EXPECT(t, latch_fsm(unborn[i], LATCH_EV_SA).next ==
		       LATCH_STATE_ESTABLISHED, "from %u", unborn[i]);
		EXPECT(t, latch_fsm(unborn[i], LATCH_EV_SA_CONFLICT).next ==
		       LATCH_STATE_BROKEN, "from %u", unborn[i]);
		EXPECT(t, !latch_fsm(unborn[i], LATCH_EV_CLEAR).valid &&
		       !latch_fsm(unborn[i], LATCH_EV_CONFLICT).valid,
		       "from %u: conflicts without a latch", unborn[i]);
	}
}

static void fsm_closed_absorbs(struct tally *t)
{
	expect_next_in(t, LATCH_STATE_CLOSED, LATCH_STATE_CLOSED, LATCH_STATE_CLOSED);
	EXPECT(t, latch_fsm(LATCH_STATE_CLOSED, LATCH_EV_RELEASE).act == LATCH_ACT_UNLINK,
	       "the owner was told, but it is still found");
}

static void fsm_close_from_all(struct tally *t)
{
	u8 state;

	for (state = LATCH_STATE_LARVAL; state < LATCH_N_STATES; state++)
		EXPECT(t, latch_fsm(state, LATCH_EV_CLOSE).next == LATCH_STATE_CLOSED &&
		       latch_fsm(state, LATCH_EV_CLOSE).valid, "from %u", state);
}

static void fsm_broken_tells(struct tally *t)
{
	const u8 must = LATCH_ACT_OWNER | LATCH_ACT_NOTIFY;
	u8 state, event;

	for (state = 0; state < LATCH_N_STATES; state++)
		for (event = 0; event < LATCH_N_EVENTS; event++) {
			struct latch_step s = latch_fsm(state, event);
			bool broke = s.next == LATCH_STATE_BROKEN && s.next != state;

			EXPECT(t, (s.act & must) == must || !broke,
			       "state %u event %u act %#x", state, event, s.act);
			EXPECT(t, !(s.act & LATCH_ACT_OWNER) || broke,
			       "state %u event %u: the owner hears nothing new",
			       state, event);
		}
}

static void fsm_cleared(struct tally *t)
{
	struct latch_step s = latch_fsm(LATCH_STATE_BROKEN, LATCH_EV_CLEAR);

	EXPECT(t, s.next == LATCH_STATE_ESTABLISHED && s.act == LATCH_ACT_NOTIFY,
	       "next %u act %#x", s.next, s.act);
}

static void fsm_admin_resets(struct tally *t)
{
	static const u8 states[] = {
		LATCH_STATE_LARVAL, LATCH_STATE_ESTABLISHED, LATCH_STATE_BROKEN,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		struct latch_step s = latch_fsm(states[i], LATCH_EV_CLOSE);

		EXPECT(t, s.act & LATCH_ACT_RESET, "from %u", states[i]);
		EXPECT(t, !(s.act & LATCH_ACT_UNLINK),
		       "from %u: found no more, so its packets would pass", states[i]);
	}
}

/* What is released is found no more, except where there was nothing to find. */
static void fsm_release_unlinks(struct tally *t)
{
	u8 state;

	for (state = 0; state < LATCH_N_STATES; state++) {
		struct latch_step s = latch_fsm(state, LATCH_EV_RELEASE);

		EXPECT(t, s.valid && !!(s.act & LATCH_ACT_UNLINK) == !!state,
		       "from %u: act %#x valid %d", state, s.act, s.valid);
	}
}

/* Long lives: what has once closed stays so, and each step is the rules'. */
static void fsm_random_lives(struct tally *t)
{
	u32 seed = 5660;
	u8 state = LATCH_STATE_NONE, want = LATCH_STATE_NONE;
	unsigned int i;

	for (i = 0; i < RANDOM_ROUNDS; i++) {
		u8 event = next_random(&seed) % (LATCH_N_EVENTS + 1);

		if (i % 40 == 0) {
			state = LATCH_STATE_NONE;
			want = LATCH_STATE_NONE;
		}
		expect_step(t, state, event);
		state = latch_fsm(state, event).next;
		want = ref_fsm_next(want, event);
		EXPECT(t, state == want, "step %u event %u: state %u, not %u",
		       i, event, state, want);
	}
}

static const struct test fsm_tests[] = {
	{ "2.2-1_every_state_and_event", fsm_every_cell },
	{ "2.2-1_out_of_range_stays", fsm_out_of_range },
	{ "2.2-1_random_lives", fsm_random_lives },
	{ "2.2-2_listener_only_closes", fsm_listener_only_closes },
	{ "2.2-3_established_broken_closed", fsm_established_and_broken },
	{ "2.2-3_born_established_or_broken", fsm_born_established_or_broken },
	{ "2.2-4_closed_absorbs", fsm_closed_absorbs },
	{ "2.2-5_admin_closes_any_latch", fsm_close_from_all },
	{ "2.2-9_broken_tells_owner", fsm_broken_tells },
	{ "2.2-10_clear_restores", fsm_cleared },
	{ "2.3-6_release_unlinks", fsm_release_unlinks },
	{ "2.3-20_admin_close_resets", fsm_admin_resets },
};

#endif /* LATCH_TESTS_FSM_CASES_H */
