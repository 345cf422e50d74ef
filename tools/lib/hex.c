// SPDX-License-Identifier: GPL-2.0
/*
 * See hex.h.
 */
#include "hex.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/**
 * hex_byte() - read a byte that is written as two hexadecimal digits
 * @digits: at least two characters, or one that is a NUL; upper or lower case
 *
 * Return: the byte, 0 to 255; -1 where one of the two is no digit.
 */
int hex_byte(const char *digits)
{
	int hi = digit(digits[0]);
	int lo = hi < 0 ? -1 : digit(digits[1]);

	return lo < 0 ? -1 : hi << 4 | lo;
}
