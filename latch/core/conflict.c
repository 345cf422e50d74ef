// SPDX-License-Identifier: GPL-2.0
/*
 * The set of a latch's conflicts (RFC 5660 2.2-6 to 2.2-10, 2-23).
 */
#include "conflict.h"

/* What an operator has to know comes first. */
#define REASON_ORDER(X)							\
	X(DPD) X(ADMIN) X(CLOSED) X(BROKEN) X(LOST) X(NO_MEM) X(LIMIT)	\
	X(HEADER) X(CLEAR) X(AMBIGUOUS) X(PEER) X(LOCAL)		\
	X(UNIDENTIFIED) X(NO_BINDING) X(PENDING) X(PROTO) X(MODE)	\
	X(ENCR) X(KEY_LEN) X(INTEG) X(ICV) X(REPLAY) X(ESN) X(REQUEST)	\
	X(POLICY_OUT) X(POLICY_IN) X(LARVAL) X(NO_SA) X(ICMP)	\
	X(RELEASED)

#define REASON_NUMBER(name)	LATCH_REASON_ ## name,
#define REASON_BIT(name)	| LATCH_R(name)
#define REASON_ALL		(((u32)2 << LATCH_REASON_NO_SA) - 2)

static const u8 reason_order[] = { REASON_ORDER(REASON_NUMBER) };

/* All of them, and as many as there are: each is there once. */
static_assert((0 REASON_ORDER(REASON_BIT)) == REASON_ALL,
	      "a reason is missing in the order");
static_assert(sizeof(reason_order) == LATCH_N_REASONS - 1,
	      "a reason is twice in the order");

/* A dead peer stays dead (RFC 5660 2-23); the rest is what there is now. */
u32 latch_conflict_update(u32 old, u32 seen)
{
	return seen | (old & LATCH_CONFLICT_STICKY);
}

/*
 * The first conflict breaks a latch (RFC 5660 2.2-6, 2.2-7), only the end of the
 * last one restores it (2.2-10).
 */
bool latch_conflict_event(u32 old, u32 now, u8 *event)
{
	if (!old == !now)
		return false;
	*event = now ? LATCH_EV_CONFLICT : LATCH_EV_CLEAR;
	return true;
}

bool latch_conflict_may_end(u32 set)
{
	return set && !(set & ~LATCH_CONFLICT_PASSING);
}

u8 latch_reason_first(u32 set)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reason_order); i++) {
		if (set & (u32)BIT(reason_order[i]))
			return reason_order[i];
	}
	return LATCH_REASON_NONE;
}
