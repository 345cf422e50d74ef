/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Demands: what a socket asked for, and whether a tag gives it (RFC 5660 2-16, 2.3-3).
 */
#ifndef LATCH_CORE_WANT_H
#define LATCH_CORE_WANT_H

#include "types.h"

struct latch_tag;

/**
 * struct latch_want - what the socket asked for, as values
 * @protection:   LATCH_PROT_* needed
 * @encap:        LATCH_ENCAP_*
 * @n_suites:     used entries of @suites
 * @min_key_bits: least key length
 * @have_peer:    @peer is demanded
 * @have_local:   @local is demanded
 * @record:       @peer is the digest of what makes a record that peer; else of its name
 * @suites:       acceptable suites
 * @peer:         digest of the peer's identity
 * @local:        digest of the local identity
 */
struct latch_want {
	u8	protection;
	u8	encap;
	u8	n_suites;
	u16	min_key_bits;
	bool	have_peer;
	bool	have_local;
	bool	record;
	struct latch_suite suites[LATCH_MAX_SUITES];
	u64	peer[2];
	u64	local[2];
};

/**
 * latch_want_has_suite() - is a transformation of a suite that a demand names? (2.1-3)
 * @w: the demand, NULL names none
 * @x: the transformation
 *
 * Return: true where it is, and where @x is neither ESP nor AH.
 */
bool latch_want_has_suite(const struct latch_want *w, const struct latch_transform *x);

/**
 * latch_want_cmp() - does a tag give what the socket asked for? (2-16, 2.3-3)
 * @w:   the demand
 * @t:   tag of a packet or SA
 * @dir: LATCH_DIR_*; replay protection can only be checked inbound, so the
 *       demand for it is left out outbound
 *
 * Return: 0, or LATCH_R(REQUEST) where protection, encapsulation, key length or
 * suite is not met; LATCH_R(PEER) or LATCH_R(LOCAL) where an identity was
 * demanded and is another's or is not there (PINNED, AMBIGUOUS, MIXED);
 * LATCH_R(PENDING) where it is awaited, whether one was demanded or not. All
 * that apply. CLEAR where @t->n is 0.
 *
 * Transport encapsulation: every transformation is in that mode; tunnel: one of
 * them is at least; BEET is neither. Key length and suite: of each ESP and AH
 * transformation.
 */
u32 latch_want_cmp(const struct latch_want *w, const struct latch_tag *t, u8 dir);

#endif /* LATCH_CORE_WANT_H */
