// SPDX-License-Identifier: GPL-2.0
/*
 * The little of DER (X.690) and X.509 that identities need (RFC 5660 2-5, 6.4-1).
 */
#include "der.h"

#define TAG_INTEGER	0x02
#define TAG_BITS	0x03
#define TAG_OID		0x06
#define TAG_SEQUENCE	0x30
#define TAG_SET		0x31
#define TAG_VERSION	0xa0

#define TAG_NUMBER	0x1f	/* all ones: the number is in the bytes behind */
#define TAG_NOT_SIMPLE	0xe0	/* class and "constructed" */

int latch_bytes_cmp(struct latch_bytes a, struct latch_bytes b)
{
	int diff = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return diff ?: (a.n > b.n) - (a.n < b.n);
}

static void skip(struct latch_bytes *in, u32 n)
{
	in->p += n;
	in->n -= n;
}

/* Reads a length, definite and in its shortest form. */
static bool take_length(struct latch_bytes *in, u32 *len)
{
	u32 i, n;

	if (!in->n)
		return false;
	*len = in->p[0];
	n = 0;
	if (*len & 0x80) {
		n = *len & 0x7f;
		/* 0 is the indefinite length */
		if (!n || n > 2 || n >= in->n)
			return false;
		for (i = 1, *len = 0; i <= n; i++)
			*len = *len << 8 | in->p[i];
		if (*len < (n == 1 ? 0x80 : 0x100))
			return false;
	}
	skip(in, 1 + n);
	return *len <= in->n;
}

bool latch_der_next(struct latch_bytes *in, struct latch_der *e)
{
	u32 len;

	if (!in->n || !in->p[0] || (in->p[0] & TAG_NUMBER) == TAG_NUMBER)
		return false;
	e->tag = in->p[0];
	e->all.p = in->p;
	skip(in, 1);
	if (!take_length(in, &len))
		return false;
	e->body.p = in->p;
	e->body.n = len;
	skip(in, len);
	e->all.n = in->p - e->all.p;
	return true;
}

/* The next element, which has to be of this kind. */
static bool take(struct latch_bytes *in, u8 tag, struct latch_der *e)
{
	return latch_der_next(in, e) && e->tag == tag;
}

/* The only element, and its contents. */
static bool open_only(struct latch_bytes *in, u8 tag)
{
	struct latch_der e;

	if (!take(in, tag, &e) || in->n)
		return false;
	*in = e.body;
	return true;
}

/* --- Name ---------------------------------------------------------------- */

/* Each number of an OID is in its shortest form, and the last one is whole. */
static bool oid_ok(struct latch_bytes oid)
{
	bool begins = true;
	u32 i;

	for (i = 0; i < oid.n; i++) {
		if (begins && oid.p[i] == 0x80)
			return false;
		begins = !(oid.p[i] & 0x80);
	}
	return oid.n && begins;
}

static bool take_ava(struct latch_bytes *in, struct latch_ava *a, struct latch_bytes *all)
{
	struct latch_der e, oid, value;

	if (!take(in, TAG_SEQUENCE, &e))
		return false;
	*all = e.all;
	if (!take(&e.body, TAG_OID, &oid) || !oid_ok(oid.body) ||
	    !latch_der_next(&e.body, &value) || e.body.n || value.tag & TAG_NOT_SIMPLE)
		return false;
	a->oid = oid.body;
	a->value = value.body;
	a->tag = value.tag;
	return true;
}

void latch_name_open(struct latch_name *w, const void *p, u32 n)
{
	memset(w, 0, sizeof(*w));
	w->rdns.p = p;
	w->rdns.n = n;
	w->bad = !open_only(&w->rdns, TAG_SEQUENCE) || !w->rdns.n;
}

static bool next_ava(struct latch_name *w, struct latch_ava *a)
{
	struct latch_bytes all;
	struct latch_der rdn;

	a->first = !w->avas.n;
	if (a->first) {
		if (!take(&w->rdns, TAG_SET, &rdn))
			return false;
		w->avas = rdn.body;
	}
	if (!take_ava(&w->avas, a, &all))
		return false;
	/* a SET OF is sorted, and no element is in it twice */
	if (!a->first && latch_bytes_cmp(w->prev, all) >= 0)
		return false;
	a->last = !w->avas.n;
	w->prev = all;
	return true;
}

bool latch_name_next(struct latch_name *w, struct latch_ava *a)
{
	if (w->bad || (!w->avas.n && !w->rdns.n))
		return false;
	w->bad = !next_ava(w, a);
	return !w->bad;
}

/* --- certificate ----------------------------------------------------------- */

/* Is this the contents of a SubjectPublicKeyInfo? */
static bool key_ok(struct latch_bytes in)
{
	struct latch_der e;

	return take(&in, TAG_SEQUENCE, &e) && take(&in, TAG_BITS, &e) && !in.n;
}

/* Whatever is behind the key: unique identifiers, extensions. */
static bool rest_ok(struct latch_bytes in)
{
	struct latch_der e;

	while (in.n)
		if (!latch_der_next(&in, &e))
			return false;
	return true;
}

static bool tbs_parts(struct latch_bytes in, struct latch_bytes *subject,
		      struct latch_bytes *key)
{
	static const u8 before[] = {
		TAG_INTEGER,	/* serial number */
		TAG_SEQUENCE,	/* signature algorithm */
		TAG_SEQUENCE,	/* issuer */
		TAG_SEQUENCE,	/* validity */
		TAG_SEQUENCE,	/* subject */
	};
	struct latch_der e;
	u32 i;

	if (in.n && in.p[0] == TAG_VERSION && !latch_der_next(&in, &e))
		return false;
	for (i = 0; i < ARRAY_SIZE(before); i++)
		if (!take(&in, before[i], &e))
			return false;
	*subject = e.all;
	if (!take(&in, TAG_SEQUENCE, &e) || !key_ok(e.body))
		return false;
	*key = e.all;
	return rest_ok(in);
}

bool latch_cert_parts(const void *cert, u32 n, struct latch_bytes *subject,
		      struct latch_bytes *key)
{
	struct latch_bytes in = { cert, n };
	struct latch_der tbs, e;

	return open_only(&in, TAG_SEQUENCE) && take(&in, TAG_SEQUENCE, &tbs) &&
	       take(&in, TAG_SEQUENCE, &e) && take(&in, TAG_BITS, &e) && !in.n &&
	       tbs_parts(tbs.body, subject, key);
}
