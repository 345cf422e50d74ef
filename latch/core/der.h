/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The little of DER (X.690) and X.509 that identities need: a Name, and the public
 * key of a certificate.  Whoever sends them may be hostile: every length is checked
 * against what is there, nothing recurses, and what is not plain DER is refused.
 */
#ifndef LATCH_CORE_DER_H
#define LATCH_CORE_DER_H

#include "types.h"

/**
 * struct latch_bytes - some bytes that belong to somebody else
 * @p: the first
 * @n: how many
 */
struct latch_bytes {
	const u8 *p;
	u32	n;
};

/**
 * struct latch_der - one element
 * @tag:  its tag, of one byte
 * @all:  tag, length and contents
 * @body: contents
 */
struct latch_der {
	u8	tag;
	struct latch_bytes all;
	struct latch_bytes body;
};

/**
 * struct latch_ava - one attribute of a Name
 * @oid:   contents of its OBJECT IDENTIFIER
 * @value: contents of its value
 * @tag:   tag of its value, of a primitive universal type
 * @first: it begins an RDN
 * @last:  it ends an RDN
 */
struct latch_ava {
	struct latch_bytes oid;
	struct latch_bytes value;
	u8	tag;
	bool	first;
	bool	last;
};

/**
 * struct latch_name - a walk through a Name
 * @rdns: RDNs that are still to come
 * @avas: attributes of this RDN that are still to come
 * @prev: the attribute before, in this RDN
 * @bad:  the walk has ended because this is no Name in DER
 */
struct latch_name {
	struct latch_bytes rdns;
	struct latch_bytes avas;
	struct latch_bytes prev;
	bool	bad;
};

/**
 * latch_bytes_cmp() - order of byte strings
 * @a: one
 * @b: another
 *
 * As numbers byte by byte from the first; the beginning of another is before it.
 *
 * Return: less than, equal to or more than 0 as @a is before, equal to or after @b.
 */
int latch_bytes_cmp(struct latch_bytes a, struct latch_bytes b);

/**
 * latch_der_next() - take one element
 * @in: where from; what is behind the element stays
 * @e:  the element
 *
 * Plain DER is a tag of one byte other than 0, and a definite length in the
 * shortest form that is not beyond @in.  Lengths over 65535 are beyond anything here.
 *
 * Return: false where there is no such element; @in is then not to be used any more.
 */
bool latch_der_next(struct latch_bytes *in, struct latch_der *e);

/**
 * latch_name_open() - begin a walk through a Name
 * @w: the walk
 * @p: the Name
 * @n: its bytes; nothing may be behind it
 */
void latch_name_open(struct latch_name *w, const void *p, u32 n);

/**
 * latch_name_next() - the next attribute
 * @w: the walk
 * @a: the attribute
 *
 * A Name that has no RDN, an RDN that is empty or not in the order of DER, a value
 * that is not primitive and of a universal type: none of that is taken.
 *
 * Return: false at the end; @w->bad then says whether it was a good one.
 */
bool latch_name_next(struct latch_name *w, struct latch_ava *a);

/**
 * latch_cert_parts() - whom an X.509 certificate is for
 * @cert:    the certificate
 * @n:       its bytes; nothing may be behind it
 * @subject: the subject, which need not be a Name
 * @key:     the whole SubjectPublicKeyInfo
 *
 * Looks at the certificate's frame only; nothing is verified.
 *
 * Return: false where it is none.
 */
bool latch_cert_parts(const void *cert, u32 n, struct latch_bytes *subject,
		      struct latch_bytes *key);

#endif /* LATCH_CORE_DER_H */
