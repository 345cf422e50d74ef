/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is latched and when an SA is congruent with it (RFC 5660 2-2 to 2-7).
 */
#ifndef LATCH_CORE_PARAMS_H
#define LATCH_CORE_PARAMS_H

#include "tag.h"
#include "types.h"

struct latch_want;

/* latch_params.rule: which suites besides the first are congruent */
enum latch_qop_rule {
	LATCH_QOP_EXACT,	/* the latched suite only */
	LATCH_QOP_FLOOR,	/* any that is no weaker */
	LATCH_QOP_SET,		/* any of latch_want.suites */
};

/**
 * struct latch_params - the latched parameters, never changed once established
 *                       but for what the first packet of a direction adds
 * @tag:         the first SA: protocols, modes, suite, identities; in @tag.x the
 *               replay window is that of the inbound SA
 * @rule:        enum latch_qop_rule
 * @have_replay: an inbound SA was seen, so the replay windows are latched
 * @pinned:      serial numbers of the SAs that it began with by LATCH_DIR_*, 0 not yet; only
 *               where it was latched to these very SAs, LATCH_IDENT_PINNED
 * @adopted:     serial number of the last SA that was there when the peer of a latch that was
 *               LATCH_IDENT_UNKNOWN became known, else 0
 */
struct latch_params {
	struct latch_tag tag;
	u8	rule;
	bool	have_replay;
	u64	pinned[LATCH_DIRS];
	u64	adopted;
};

/**
 * latch_params_set() - latch the first SA or bundle of a flow
 * @p:    parameters to fill
 * @t:    the first protected packet's tag; @t->n is not 0
 * @rule: enum latch_qop_rule
 * @dir:  LATCH_DIR_* of that packet
 *
 * An inbound tag fixes the replay windows, an outbound one leaves them open
 * (zero in the copy) for latch_params_add().
 */
void latch_params_set(struct latch_params *p, const struct latch_tag *t, u8 rule, u8 dir);

/**
 * latch_params_open() - latch the protection only, where nobody says who the peer is
 * @p: parameters that were just set
 *
 * Nothing changes where the peer is known.
 */
void latch_params_open(struct latch_params *p);

/**
 * latch_params_add() - add what another SA tells
 * @p:    latched parameters
 * @t:    a tag that latch_params_cmp() found congruent
 * @dir:  LATCH_DIR_* of it
 * @last: serial number of the last SA that there is
 *
 * Fixes the replay windows with the first inbound tag, the pinned SA of @dir where identities
 * are PINNED and the tag's serial is not 0, and the identities where somebody has said
 * whose the SA is: of UNKNOWN by the first SA that is NAMED, of PINNED by the very SA that was
 * pinned. Does nothing where these are fixed (2-19).
 *
 * Return: true where @p changed.
 */
bool latch_params_add(struct latch_params *p, const struct latch_tag *t, u8 dir, u64 last);

/**
 * latch_params_begins() - could these parameters have begun so?
 * @p:     latched parameters
 * @first: what latch_params_set() makes of a tag
 * @dir:   LATCH_DIR_* of it
 *
 * Return: true where latch_params_add() can have made @p of @first.
 */
bool latch_params_begins(const struct latch_params *p, const struct latch_params *first,
			 u8 dir);

/**
 * latch_params_cmp() - is a tag congruent with what is latched? (2-7, 2-10, 2-11)
 * @p:    latched parameters
 * @want: the socket's demand, for the set of suites; may be NULL
 * @t:    tag of a packet, an SA or a bundle; @t->n == 0 is an unprotected packet
 * @dir:  LATCH_DIR_*
 *
 * Compared: number and order of protocols, modes, identities, suites as @p->rule
 * says, ESN, and inbound the replay windows (>= latched). An outbound SA's
 * replay window says nothing and is not compared.
 *
 * Identities: PENDING, AMBIGUOUS and MIXED never match and give PENDING,
 * AMBIGUOUS and PEER. PINNED against PINNED matches where @p->pinned[@dir] is 0
 * or the tag's serial, else UNIDENTIFIED; PINNED against NAMED is UNIDENTIFIED
 * (tag PINNED) or PEER (tag NAMED). NAMED against NAMED: PEER where the peers'
 * digests differ, LOCAL where the local ones differ (also where only one is
 * known).
 *
 * Suites: EXACT: latch_suite_exact(). FLOOR: latch_suite_floor().
 * SET: any of @want's suites for each ESP or AH transformation, else ENCR; so
 * nothing is congruent without @want. Whatever the rule, confidentiality and
 * integrity may not be lost.
 *
 * With another number of transformations (PROTO) those that both have are
 * compared all the same.
 *
 * Return: set of LATCH_R() bits, 0 where congruent. CLEAR where @t->n is 0.
 */
u32 latch_params_cmp(const struct latch_params *p, const struct latch_want *want,
		     const struct latch_tag *t, u8 dir);

#endif /* LATCH_CORE_PARAMS_H */
