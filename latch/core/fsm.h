/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state machine of RFC 5660 section 2.2 as one total table.
 */
#ifndef LATCH_CORE_FSM_H
#define LATCH_CORE_FSM_H

#include "types.h"

enum latch_event {
	LATCH_EV_LISTEN,	/* the socket listens (2.3-1) */
	LATCH_EV_REQUIRE,		/* a channel is demanded, no SA yet (2.3-5) */
	LATCH_EV_SA,		/* first SA, nothing conflicts (2.3-3) */
	LATCH_EV_SA_CONFLICT,	/* first SA, but there are conflicts (2.3-11) */
	LATCH_EV_CONFLICT,	/* conflicts appeared (2.2-6, 2.2-7) */
	LATCH_EV_CLEAR,		/* the last conflict is gone (2.2-10) */
	LATCH_EV_CLOSE,		/* an administrator closes it (2.2-5) */
	LATCH_EV_RELEASE,	/* the owner is gone or disconnects (2.3-6) */
	LATCH_N_EVENTS
};

/* What whoever makes the step has to do. */
#define LATCH_ACT_NOTIFY	0x01	/* tell the listeners of the multicast group */
#define LATCH_ACT_OWNER		0x02	/* carry out the disposition (5.5-1) */
#define LATCH_ACT_RESET		0x04	/* end the transport as if the peer had (2.3-20) */
#define LATCH_ACT_UNLINK	0x08	/* no packet finds it any more */

/**
 * struct latch_step - one cell of the table
 * @next:  state after the event
 * @act:   set of LATCH_ACT_*
 * @valid: the event can happen in this state; else state and nothing is done
 */
struct latch_step {
	u8	next;
	u8	act;
	bool	valid;
};

/**
 * latch_fsm() - one step
 * @state: LATCH_STATE_*
 * @event: enum latch_event
 *
 * NONE: LISTEN -> LISTENER, WANT -> LARVAL, BIND -> ESTABLISHED (notify),
 * BIND_CONFLICT -> BROKEN (notify, owner), RELEASE -> NONE (nothing).
 * LARVAL: BIND, BIND_CONFLICT as NONE; WANT stays; LISTEN -> LISTENER;
 * CLOSE -> CLOSED (notify, reset); RELEASE -> NONE (unlink).
 * LISTENER: only CLOSE and RELEASE -> CLOSED (notify, unlink) (2.2-2).
 * ESTABLISHED: CONFLICT -> BROKEN (notify, owner); CLEAR stays (nothing); CLOSE -> CLOSED
 * (notify, reset); RELEASE -> CLOSED (notify, unlink).
 * BROKEN: CONFLICT stays (nothing); CLEAR -> ESTABLISHED (notify); CLOSE, RELEASE as
 * ESTABLISHED.
 * CLOSED: CLOSE stays; RELEASE -> CLOSED (unlink); absorbs everything else as
 * invalid. Every cell not named is invalid: state stays, no action.
 *
 * Return: the cell; for a state or event out of range an invalid step whose next
 * is @state.
 */
struct latch_step latch_fsm(u8 state, u8 event);

#endif /* LATCH_CORE_FSM_H */
