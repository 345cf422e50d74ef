// SPDX-License-Identifier: GPL-2.0
/*
 * ASCII text of identities and patterns.
 */
#include "text.h"

u8 latch_lower(u8 c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool latch_is_digit(u8 c)
{
	return c >= '0' && c <= '9';
}

bool latch_is_letter(u8 c)
{
	return latch_lower(c) >= 'a' && latch_lower(c) <= 'z';
}

bool latch_text_equal(struct latch_bytes a, struct latch_bytes b)
{
	u32 i;

	if (a.n != b.n)
		return false;
	for (i = 0; i < a.n; i++)
		if (latch_lower(a.p[i]) != latch_lower(b.p[i]))
			return false;
	return true;
}
