/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The set of a latch's conflicts (RFC 5660 2.2-6 to 2.2-10, 2-23).
 */
#ifndef LATCH_CORE_CONFLICT_H
#define LATCH_CORE_CONFLICT_H

#include "types.h"
#include "fsm.h"

/* Conflicts that no event ever clears: a dead peer stays dead (2-23). */
#define LATCH_CONFLICT_STICKY	LATCH_R(DPD)

/*
 * Conflicts that key managers make by themselves and that end soon: policies that are taken away
 * and put back, an SA whose identity comes after it.
 */
#define LATCH_CONFLICT_PASSING	(LATCH_R(POLICY_IN) | LATCH_R(POLICY_OUT) | LATCH_R(UNIDENTIFIED))

/**
 * latch_conflict_update() - the conflicts after the databases were read anew
 * @old:  conflicts before
 * @seen: conflicts found now, PENDING left out by the caller
 *
 * Return: @seen and what is sticky in @old.
 */
u32 latch_conflict_update(u32 old, u32 seen);

/**
 * latch_conflict_event() - the event that a change of the set is
 * @old: conflicts before
 * @now: conflicts now
 * @event: where it stores enum latch_event, if there is one
 *
 * Return: true where there is an event: CONFLICT when the set became non-empty,
 * CLEAR when it became empty.
 */
bool latch_conflict_event(u32 old, u32 now, u8 *event);

/**
 * latch_conflict_may_end() - are these conflicts such as end by themselves?
 * @set: conflicts
 *
 * Return: true where all of them are, and there is one at least.
 */
bool latch_conflict_may_end(u32 set);

/**
 * latch_reason_first() - the one reason to report for a set of them
 * @set: set of LATCH_R() bits
 *
 * The order is that of what an operator has to know first: DPD, ADMIN, CLOSED,
 * BROKEN, LOST, NO_MEM, LIMIT, HEADER, CLEAR, AMBIGUOUS, PEER, LOCAL,
 * UNIDENTIFIED, NO_BINDING, PENDING, PROTO, MODE, ENCR, KEY_LEN, INTEG, ICV,
 * REPLAY, ESN, REQUEST, POLICY_OUT, POLICY_IN, LARVAL, NO_SA, ICMP, RELEASED.
 *
 * Return: LATCH_REASON_*, NONE for the empty set.
 */
u8 latch_reason_first(u32 set);

#endif /* LATCH_CORE_CONFLICT_H */
