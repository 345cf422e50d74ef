/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names in one form, so that bytes can be compared where names are meant.
 */
#ifndef LATCH_CORE_NAME_H
#define LATCH_CORE_NAME_H

#include "der.h"

/**
 * latch_put16() - append a number
 * @out: where to
 * @n:   the number, 65535 at most
 *
 * Return: what is behind its two bytes, of which the high one is first.
 */
u8 *latch_put16(u8 *out, u32 n);

/**
 * latch_put_bytes() - append bytes
 * @out: where to
 * @p:   the bytes
 * @n:   how many
 *
 * Return: what is behind them.
 */
u8 *latch_put_bytes(u8 *out, const void *p, u32 n);

/**
 * latch_put_part() - append bytes with their length before them, so that nothing can be read
 *                    in two ways
 * @out: where to
 * @s:   the bytes, 65535 at most
 *
 * Return: what is behind them.
 */
u8 *latch_put_part(u8 *out, struct latch_bytes s);

/**
 * latch_put_lower() - append text in lower case, as far as it is ASCII
 * @out: where to
 * @s:   the text
 *
 * Return: what is behind it.
 */
u8 *latch_put_lower(u8 *out, struct latch_bytes s);

/**
 * latch_put_dn() - append a distinguished name in the one form that equal ones have
 * @out:  where to; as many bytes as the name has are enough
 * @name: a Name in DER
 *
 * Attributes and values in their order, without regard to the type of string where the same
 * bytes mean the same.
 *
 * Return: what is behind it; NULL where it is no Name.
 */
u8 *latch_put_dn(u8 *out, struct latch_bytes name);

/**
 * latch_name_text() - an ID in the one form that equal ones have
 * @type: LATCH_ID_*
 * @id:   the ID as IKE carries it
 * @out:  where to; as many bytes as the ID has are enough
 *
 * Names of the DNS, also in e-mail addresses, are the same in upper and lower case.
 *
 * Return: how many bytes; 0 where the ID says nothing, or is of a type or in a form that has
 * only its bytes.
 */
u32 latch_name_text(u8 type, struct latch_bytes id, u8 *out);

/**
 * latch_anchor_text() - what makes a certification authority the same
 * @cert: its certificate
 * @out:  where to; as many bytes as the certificate has are enough
 *
 * That is its name and its key: a certificate that it gave itself later is the same one's.
 *
 * Return: how many bytes; 0 where this is no certificate with a name.
 */
u32 latch_anchor_text(struct latch_bytes cert, u8 *out);

#endif /* LATCH_CORE_NAME_H */
