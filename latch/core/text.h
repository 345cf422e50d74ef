/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ASCII text of identities and patterns.
 */
#ifndef LATCH_CORE_TEXT_H
#define LATCH_CORE_TEXT_H

#include "der.h"
#include "types.h"

/* So many bytes, from there on. */
static inline struct latch_bytes latch_bytes_of(const void *p, u32 n)
{
	return (struct latch_bytes){ .p = p, .n = n };
}

/**
 * latch_lower() - a letter of ASCII in lower case
 * @c: any byte
 *
 * Return: the letter, or @c where that is none.
 */
u8 latch_lower(u8 c);

/**
 * latch_is_digit() - a digit of ASCII?
 * @c: any byte
 *
 * Return: true where it is.
 */
bool latch_is_digit(u8 c);

/**
 * latch_is_letter() - a letter of ASCII?
 * @c: any byte
 *
 * Return: true where it is.
 */
bool latch_is_letter(u8 c);

/**
 * latch_text_equal() - do two texts differ in the case of their letters at most?
 * @a: one
 * @b: the other one
 *
 * Return: true where they do not differ otherwise.
 */
bool latch_text_equal(struct latch_bytes a, struct latch_bytes b);

#endif /* LATCH_CORE_TEXT_H */
