/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hexadecimal digits.
 */
#ifndef LATCH_HEX_LIB_H
#define LATCH_HEX_LIB_H

int hex_byte(const char *digits);

#endif /* LATCH_HEX_LIB_H */
