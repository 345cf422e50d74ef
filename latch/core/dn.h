/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Patterns of distinguished names (RFC 5660 2-16; RFC 4514).
 */
#ifndef LATCH_CORE_DN_H
#define LATCH_CORE_DN_H

#include "types.h"

struct latch_bytes;

/**
 * latch_dn_ok() - is this a pattern of distinguished names?
 * @pattern: its text, %LATCH_ID_INLINE bytes at most; latch_pattern_ok() says what it may be
 *
 * Return: false where it is none.
 */
bool latch_dn_ok(struct latch_bytes pattern);

/**
 * latch_dn_match() - does a name fit a pattern?
 * @pattern: one that latch_dn_ok() accepts
 * @name:    a Name in DER, as IKE carries it; anything may be in it
 *
 * Return: true where it does, as latch_pattern_match() says.
 */
bool latch_dn_match(struct latch_bytes pattern, struct latch_bytes name);

#endif /* LATCH_CORE_DN_H */
