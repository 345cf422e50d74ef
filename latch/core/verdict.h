/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What happens to one packet (RFC 5660 2.4-1, 2-8 to 2-11, 2.3-18, 2.3-20).
 */
#ifndef LATCH_CORE_VERDICT_H
#define LATCH_CORE_VERDICT_H

#include "types.h"

enum latch_act {
	LATCH_PASS,
	LATCH_DROP,
	LATCH_ESTABLISH,	/* latch this packet's SA, then pass it */
};

/**
 * struct latch_verdict - the fate of a packet
 * @act:    enum latch_act
 * @reason: LATCH_REASON_*, NONE unless dropped
 */
struct latch_verdict {
	u8	act;
	u8	reason;
};

/**
 * latch_decide() - check one packet
 * @state: LATCH_STATE_* of its latch
 * @mode:  LATCH_MODE_* of the socket
 * @diff:  set of reasons why its tag does not fit: latch_params_cmp() in
 *         ESTABLISHED, latch_want_cmp() in NONE and LARVAL; LATCH_R(CLEAR) for
 *         an unprotected packet
 *
 * OFF and BYPASS pass everything. CLOSED and BROKEN drop everything under these
 * names (2.3.1-1: also packets under suitable SAs). ESTABLISHED passes what does
 * not differ. NONE and LARVAL: a protected packet that fits is a BIRTH; what
 * does not fit is dropped under its first reason, but an unprotected one (CLEAR
 * and nothing else) passes in AUTO and is dropped as LARVAL in REQUIRE (2-8,
 * 2-9). LISTENER is checked as LARVAL: the packet is that of a connection to be
 * born. Unknown states (in any mode), unknown modes and sets without a known
 * reason drop as HEADER.
 *
 * Return: the verdict.
 */
struct latch_verdict latch_decide(u8 state, u8 mode, u32 diff);

#endif /* LATCH_CORE_VERDICT_H */
