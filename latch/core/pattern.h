/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Patterns of identities: who would do as the peer (RFC 5660 2-16; RFC 4301
 * 4.4.3.1).
 */
#ifndef LATCH_CORE_PATTERN_H
#define LATCH_CORE_PATTERN_H

#include "types.h"

/**
 * latch_pattern_ok() - is this a pattern?
 * @pattern: kind of identity, and the pattern's text; its length is in bounds
 *
 * LATCH_ID_FQDN: ``name`` or ``*.name``, any name below.  LATCH_ID_EMAIL: either of
 * these behind ``local@`` or ``*@``.  A name is labels of letters, digits, ``-`` and
 * ``_`` with dots between them.
 *
 * LATCH_ID_DN: ``attribute=value`` with commas between them.  An attribute is one of
 * the names in dn.c, in any case, or a dotted OID.  A value is text as in RFC
 * 4514, not in its ``#`` form; one ``*`` may be in front of it, or be all of it.
 * ``\*`` is an asterisk.  Spaces round attributes and values do not count.
 *
 * Return: false where it is none of that; there are no patterns of other kinds.
 */
bool latch_pattern_ok(const struct latch_id *pattern);

/**
 * latch_pattern_match() - does an identity fit a pattern?
 * @pattern: one that latch_pattern_ok() accepts
 * @type:    LATCH_ID_* of the identity
 * @id:      the identity as IKE carries it
 * @len:     its bytes
 *
 * ASCII letters of either case are equal, but not in the local part of an e-mail
 * address.  ``*`` stands for at least one byte and never for parts of two labels
 * above the name, of two RDNs, or of both sides of ``@``.  In a DN each RDN has to
 * fit another component of the pattern, in whatever order, and none may be left over
 * on either side; an RDN of several attributes fits none.  Values fit when they are
 * UTF8String, or of a type whose bytes are the same for ASCII, and have no NUL.
 *
 * Return: true where it does; false for anything that is not plain.
 */
bool latch_pattern_match(const struct latch_id *pattern, u8 type, const void *id, u16 len);

#endif /* LATCH_CORE_PATTERN_H */
