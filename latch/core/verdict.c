// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to one packet (RFC 5660 2.4-1).
 */
#include "verdict.h"
#include "conflict.h"

static struct latch_verdict pass(void)
{
	return (struct latch_verdict){ .act = LATCH_PASS };
}

static struct latch_verdict drop(u8 reason)
{
	return (struct latch_verdict){ .act = LATCH_DROP, .reason = reason };
}

/* A set without any known reason is nobody's: the packet was not understood. */
static struct latch_verdict drop_first(u32 diff)
{
	u8 reason = latch_reason_first(diff);

	return drop(reason == LATCH_REASON_NONE ? LATCH_REASON_HEADER : reason);
}

/* Once latched, only what is congruent passes (RFC 5660 2-10, 2-11). */
static struct latch_verdict check_latched(u32 diff)
{
	return diff ? drop_first(diff) : pass();
}

/*
 * The first packet under a fitting SA makes the latch (RFC 5660 2.3-3, 2.3.1-2);
 * where a channel is demanded, nothing goes before it (2-8, 2-9).
 */
static struct latch_verdict check_unlatched(u8 mode, u32 diff)
{
	if (!diff)
		return (struct latch_verdict){ .act = LATCH_ESTABLISH };
	if (diff != LATCH_R(CLEAR))
		return drop_first(diff);
	if (mode == LATCH_MODE_REQUIRE)
		return drop(LATCH_REASON_LARVAL);
	return pass();
}

/* By state; BROKEN and CLOSED are silent (RFC 5660 2.3-18, 2.3-20, 2.3.1-1). */
static struct latch_verdict check(u8 state, u8 mode, u32 diff)
{
	switch (state) {
	case LATCH_STATE_ESTABLISHED:
		return check_latched(diff);
	case LATCH_STATE_BROKEN:
		return drop(LATCH_REASON_BROKEN);
	case LATCH_STATE_CLOSED:
		return drop(LATCH_REASON_CLOSED);
	default:
		return check_unlatched(mode, diff);
	}
}

/* What is not known is not trusted, whatever the other argument is. */
struct latch_verdict latch_decide(u8 state, u8 mode, u32 diff)
{
	if (state >= LATCH_N_STATES)
		return drop(LATCH_REASON_HEADER);

	switch (mode) {
	case LATCH_MODE_AUTO:
	case LATCH_MODE_REQUIRE:
		return check(state, mode, diff);
	case LATCH_MODE_OFF:
	case LATCH_MODE_BYPASS:
		return pass();
	default:
		return drop(LATCH_REASON_HEADER);
	}
}
