/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is latched and when an SA is congruent with it (RFC 5660 2-2 to 2-7).
 */
#ifndef LATCH_CORE_PARAMS_H
#define LATCH_CORE_PARAMS_H

#include "types.h"

/* Who is behind an SA. Only NAMED identities ever equal another SA's. */
enum latch_ident_kind {
	LATCH_IDENT_PINNED,	/* no binding: equal to this very SA only */
	LATCH_IDENT_NAMED,	/* bound to a pair of records */
	LATCH_IDENT_PENDING,	/* the key manager still has to say */
	LATCH_IDENT_AMBIGUOUS,	/* claimed for two peers: nobody's */
	LATCH_IDENT_MIXED,	/* the SAs of one bundle belong to different peers */
};

/**
 * struct latch_ident - the two ends of an SA as values
 * @kind:   enum latch_ident_kind
 * @peer:   NAMED: digest of the peer's identity; PINNED: @peer[0] is the serial
 *          number of the SA
 * @local:  NAMED: digest of the local identity, zero where unknown
 */
struct latch_ident {
	u32	kind;
	u64	peer[2];
	u64	local[2];
};

/* latch_tag.flags */
#define LATCH_TAG_ESN		0x01	/* extended sequence numbers */

/**
 * struct latch_tag - what protected a packet, or what an SA or bundle would give
 * @n:      transformations in @x, 0 for an unprotected packet; IPComp left out
 * @flags:  LATCH_TAG_*
 * @x:      the transformations, innermost first
 * @id:     the identities at both ends
 */
struct latch_tag {
	u8	n;
	u8	flags;
	struct latch_transform x[LATCH_MAX_TRANSFORMS];
	struct latch_ident id;
};

/* latch_params.rule: which suites besides the first are congruent */
enum latch_qop_rule {
	LATCH_QOP_EXACT,	/* the latched suite only */
	LATCH_QOP_FLOOR,	/* any that is no weaker */
	LATCH_QOP_SET,		/* any of latch_want.suites */
};

/**
 * struct latch_want - what the socket asked for, as values
 * @protection:   LATCH_PROT_* needed
 * @encap:        LATCH_ENCAP_*
 * @n_suites:     used entries of @suites
 * @min_key_bits: least key length
 * @have_peer:    @peer is demanded
 * @have_local:   @local is demanded
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
	struct latch_suite suites[LATCH_MAX_SUITES];
	u64	peer[2];
	u64	local[2];
};

/**
 * struct latch_params - the latched parameters, never changed once established
 *                       but for what the first packet of a direction adds
 * @tag:         the first SA: protocols, modes, suite, identities; in @tag.x the
 *               replay window is that of the inbound SA
 * @rule:        enum latch_qop_rule
 * @have_replay: an inbound SA was seen, so the replay windows are latched
 * @pinned:      serial numbers of the pinned SAs by LATCH_DIR_*, 0 not yet;
 *               used while @tag.id.kind is LATCH_IDENT_PINNED
 */
struct latch_params {
	struct latch_tag tag;
	u8	rule;
	bool	have_replay;
	u64	pinned[LATCH_DIRS];
};

/**
 * latch_tag_protection() - what a chain of transformations gives
 * @t: the tag
 *
 * ESP with a cipher other than NULL gives confidentiality; AH, ESP with an
 * integrity algorithm and combined-mode ESP give integrity; a replay window on
 * an integrity-protected transformation gives replay protection. With several
 * transformations, what any of them gives. (RFC 5660 2-2)
 *
 * Return: set of LATCH_PROT_*.
 */
u8 latch_tag_protection(const struct latch_tag *t);

/**
 * latch_suite_matches() - is a transformation of this suite?
 * @s: the suite; zero in a field accepts any value
 * @x: the transformation
 *
 * Return: true where every field given in @s equals that of @x. A suite that is
 * all zero matches nothing.
 */
bool latch_suite_matches(const struct latch_suite *s, const struct latch_transform *x);

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
 * latch_params_add() - add what the other direction's first SA tells
 * @p:   latched parameters
 * @t:   a tag that latch_params_cmp() found congruent
 * @dir: LATCH_DIR_* of it
 *
 * Fixes the replay windows with the first inbound tag, and the pinned SA of
 * @dir where identities are PINNED and the tag's serial is not 0. Does nothing
 * where these are fixed (2-19).
 *
 * Return: true where @p changed.
 */
bool latch_params_add(struct latch_params *p, const struct latch_tag *t, u8 dir);

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
 * Suites: EXACT: ENCR, KEY_LEN, INTEG, ICV for each differing field. FLOOR: the
 * same reasons where the tag is weaker in that respect, by latch_encr_strength()
 * and latch_integ_strength(); a combined-mode cipher has integrity of its own.
 * There, key lengths are compared within a class of ciphers, and for integrity
 * within one algorithm; 128 bits of a combined mode's ICV are no less than any
 * HMAC's; and an algorithm without a rank is congruent with itself only, as no
 * one can tell whether another is weaker.
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

/**
 * latch_want_cmp() - does a tag give what the socket asked for? (2-16, 2.3-3)
 * @w:   the demand
 * @t:   tag of a packet or SA
 * @dir: LATCH_DIR_*; replay protection can only be judged inbound, so the
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

/**
 * latch_encr_strength() - rank of a cipher for net.latch.qop=floor
 * @encr: IKEv2 transform type 1 number
 * @bits: key length in bits
 *
 * 0 for none, NULL and NULL with AES-GMAC; broken ciphers (DES) below 64-bit
 * block ciphers (3DES, Blowfish, CAST) below 128-bit block ciphers and ChaCha20;
 * among these by key length only; an unknown number, as those for private use
 * are, ranks 0. Counter modes and CBC of one cipher are equal.
 *
 * Return: rank, higher is stronger.
 */
u32 latch_encr_strength(u16 encr, u16 bits);

/**
 * latch_integ_strength() - rank of integrity for net.latch.qop=floor
 * @x: the transformation; a combined-mode cipher's ICV counts as integrity
 *
 * 0 none or unknown (as the numbers for private use are), 1 MD5 and DES-MAC,
 * 2 SHA-1, 3 AES-XCBC, AES-CMAC and SHA2-256, 4 SHA2-384, 5 SHA2-512. Combined
 * modes and GMAC rank with SHA2-512 (5), so that moving from CBC with any HMAC to
 * AES-GCM is no weakening.
 *
 * Return: rank, higher is stronger.
 */
u32 latch_integ_strength(const struct latch_transform *x);

/**
 * latch_encr_is_aead() - combined-mode cipher?
 * @encr: IKEv2 transform type 1 number
 *
 * Return: true for AES-CCM (14-16), AES-GCM (18-20), NULL with AES-GMAC (21),
 * Camellia-CCM (25-27) and ChaCha20-Poly1305 (28).
 */
bool latch_encr_is_aead(u16 encr);

#endif /* LATCH_CORE_PARAMS_H */
