// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine of RFC 5660 section 2.2: all of it is one table.
 */
#include "fsm.h"

#define STEP(state, actions)	\
	{ .next = LATCH_STATE_ ## state, .act = (actions), .valid = true }
#define NOTIFY	LATCH_ACT_NOTIFY
#define OWNER	LATCH_ACT_OWNER
#define RESET	LATCH_ACT_RESET
#define UNLINK	LATCH_ACT_UNLINK

/*
 * A cell left out is invalid.  ESTABLISHED and BROKEN go to each other and to
 * CLOSED (RFC 5660 2.2-3), every move to BROKEN tells the owner (2.2-9), nothing
 * but CLOSED follows LISTENER (2.2-2), and nothing follows CLOSED.
 */
static const struct latch_step steps[LATCH_N_STATES][LATCH_N_EVENTS] = {
	[LATCH_STATE_NONE] = {
		[LATCH_EV_LISTEN]	 = STEP(LISTENER, 0),
		[LATCH_EV_REQUIRE]		 = STEP(LARVAL, 0),
		[LATCH_EV_SA]		 = STEP(ESTABLISHED, NOTIFY),
		[LATCH_EV_SA_CONFLICT] = STEP(BROKEN, NOTIFY | OWNER),
		[LATCH_EV_RELEASE]	 = STEP(NONE, 0),
	},
	[LATCH_STATE_LARVAL] = {
		[LATCH_EV_LISTEN]	 = STEP(LISTENER, 0),
		[LATCH_EV_REQUIRE]		 = STEP(LARVAL, 0),
		[LATCH_EV_SA]		 = STEP(ESTABLISHED, NOTIFY),
		[LATCH_EV_SA_CONFLICT] = STEP(BROKEN, NOTIFY | OWNER),
		[LATCH_EV_CLOSE]	 = STEP(CLOSED, NOTIFY | RESET),
		[LATCH_EV_RELEASE]	 = STEP(NONE, UNLINK),
	},
	[LATCH_STATE_LISTENER] = {
		[LATCH_EV_CLOSE]	 = STEP(CLOSED, NOTIFY | UNLINK),
		[LATCH_EV_RELEASE]	 = STEP(CLOSED, NOTIFY | UNLINK),
	},
	[LATCH_STATE_ESTABLISHED] = {
		[LATCH_EV_CONFLICT]	 = STEP(BROKEN, NOTIFY | OWNER),
		[LATCH_EV_CLEAR]	 = STEP(ESTABLISHED, 0),
		[LATCH_EV_CLOSE]	 = STEP(CLOSED, NOTIFY | RESET),
		[LATCH_EV_RELEASE]	 = STEP(CLOSED, NOTIFY | UNLINK),
	},
	[LATCH_STATE_BROKEN] = {
		[LATCH_EV_CONFLICT]	 = STEP(BROKEN, 0),
		[LATCH_EV_CLEAR]	 = STEP(ESTABLISHED, NOTIFY),
		[LATCH_EV_CLOSE]	 = STEP(CLOSED, NOTIFY | RESET),
		[LATCH_EV_RELEASE]	 = STEP(CLOSED, NOTIFY | UNLINK),
	},
	[LATCH_STATE_CLOSED] = {
		[LATCH_EV_CLOSE]	 = STEP(CLOSED, 0),
		[LATCH_EV_RELEASE]	 = STEP(CLOSED, UNLINK),
	},
};

struct latch_step latch_fsm(u8 state, u8 event)
{
	struct latch_step stay = { .next = state };

	if (state >= LATCH_N_STATES || event >= LATCH_N_EVENTS)
		return stay;
	if (!steps[state][event].valid)
		return stay;
	return steps[state][event];
}
