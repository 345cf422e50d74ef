/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tags: what protected a packet, and who is behind that, as values.
 */
#ifndef LATCH_CORE_TAG_H
#define LATCH_CORE_TAG_H

#include "types.h"

/* Who is behind an SA. Only NAMED identities ever equal another SA's. */
enum latch_ident_kind {
	LATCH_IDENT_PINNED,	/* no binding: equal to this very SA only */
	LATCH_IDENT_NAMED,	/* bound to a pair of records */
	LATCH_IDENT_PENDING,	/* the key manager still has to say */
	LATCH_IDENT_AMBIGUOUS,	/* claimed for two peers: nobody's */
	LATCH_IDENT_MIXED,	/* the SAs of one bundle belong to different peers */
	LATCH_IDENT_UNKNOWN,	/* of a latch only: nobody has said yet who the peer is */
};

/**
 * struct latch_ident - the two ends of an SA as values
 * @kind:   enum latch_ident_kind
 * @peer:   NAMED: digest of the peer's identity; PINNED: @peer[0] is the serial
 *          number of the SA
 * @local:  NAMED: digest of the local identity, zero where unknown
 * @serial: NAMED: serial number of the SA, 0 where it is not known; of a latch always 0
 */
struct latch_ident {
	u32	kind;
	u64	peer[2];
	u64	local[2];
	u64	serial;
};

/**
 * latch_digest_equal() - are two digests the same identity's?
 * @a: one
 * @b: the other one
 *
 * Return: true where they are.
 */
bool latch_digest_equal(const u64 a[2], const u64 b[2]);

/**
 * latch_ident_equal() - are two SAs, or an SA and a latch, the same two ends'?
 * @a: one
 * @b: the other one
 *
 * Return: true where they are.
 */
bool latch_ident_equal(const struct latch_ident *a, const struct latch_ident *b);

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

/**
 * latch_tag_told() - can it be told who is behind a tag from who is behind another one?
 * @t: the tag of a packet
 *
 * Return: true for a peer that somebody has named, and for an SA that nobody is bound to, which
 * is equal to itself; false where the identity is still to come, or is nobody's.
 */
bool latch_tag_told(const struct latch_tag *t);

/**
 * latch_tag_copy() - what the tags of all packets of a peer under the same protection have in
 *                    common
 * @to: to fill; every byte of it is written
 * @t:  the tag of one of them
 *
 * Leaves out which of a named peer's SAs it was.
 */
void latch_tag_copy(struct latch_tag *to, const struct latch_tag *t);

/* Transformations that can be read: a tag never has more, but if it had ... */
static inline u8 latch_tag_n(const struct latch_tag *t)
{
	return t->n < LATCH_MAX_TRANSFORMS ? t->n : LATCH_MAX_TRANSFORMS;
}

#endif /* LATCH_CORE_TAG_H */
