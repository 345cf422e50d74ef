/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keys of tables, compared by words.
 */
#ifndef LATCH_BASE_WORDS_H
#define LATCH_BASE_WORDS_H

#include <linux/types.h>

/* Keys of tables are compared by words, in line; @len is a multiple of 8 and constant. */
static __always_inline bool latch_words_equal(const void *a, const void *b, size_t len)
{
	const u64 *x = a, *y = b;
	u64 diff = 0;
	size_t i;

	for (i = 0; i < len / sizeof(*x); i++)
		diff |= x[i] ^ y[i];
	return !diff;
}

#endif /* LATCH_BASE_WORDS_H */
