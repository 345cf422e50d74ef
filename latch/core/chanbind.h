/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a channel binding is the digest of (RFC 5660 6.4-1, 6.3-1; RFC 5056), as
 * Documentation/networking/latch-ike.rst describes it.
 */
#ifndef LATCH_CORE_CHANBIND_H
#define LATCH_CORE_CHANBIND_H

#include "der.h"

#define LATCH_CHANBIND_KEY	32	/* bytes of a key's SHA-256 */

/**
 * struct latch_end - one end of a channel
 * @type: LATCH_ID_* of its identity
 * @id:   its identity as IKE carries it
 * @key:  SHA-256 of its SubjectPublicKeyInfo
 */
struct latch_end {
	u8	type;
	struct latch_bytes id;
	u8	key[LATCH_CHANBIND_KEY];
};

/**
 * latch_chanbind_room() - how many bytes latch_chanbind_text() needs at most
 * @a: one end
 * @b: the other
 *
 * Return: the number.
 */
u32 latch_chanbind_room(const struct latch_end *a, const struct latch_end *b);

/**
 * latch_chanbind_text() - the bytes to be hashed, the same at both ends
 * @a:    one end
 * @b:    the other; which is which makes no difference
 * @keys: with their keys, else with their names alone
 * @out:  where they go, as many as latch_chanbind_room() says
 *
 * Return: how many; 0 where an identity has no canonical form: it is of an unknown
 * type, says nothing, or is a distinguished name that is not plain DER.
 */
u32 latch_chanbind_text(const struct latch_end *a, const struct latch_end *b, bool keys,
			u8 *out);

#endif /* LATCH_CORE_CHANBIND_H */
