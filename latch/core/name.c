// SPDX-License-Identifier: GPL-2.0
/*
 * Names in one form, so that bytes can be compared where names are meant (RFC 5660 2-5).
 */
#include "name.h"
#include "text.h"

#define TAG_UTF8	12

u8 *latch_put16(u8 *out, u32 n)
{
	*out++ = n >> 8;
	*out++ = n;
	return out;
}

u8 *latch_put_bytes(u8 *out, const void *p, u32 n)
{
	memcpy(out, p, n);
	return out + n;
}

u8 *latch_put_part(u8 *out, struct latch_bytes s)
{
	return latch_put_bytes(latch_put16(out, s.n), s.p, s.n);
}

u8 *latch_put_lower(u8 *out, struct latch_bytes s)
{
	u32 i;

	for (i = 0; i < s.n; i++)
		*out++ = latch_lower(s.p[i]);
	return out;
}

/*
 * An ID that was made of text need not have the string types that a certificate has;
 * types whose bytes mean the same count as one.
 */
static u8 string_tag(u8 tag)
{
	switch (tag) {
	case 18: /* NumericString */
	case 19: /* PrintableString */
	case 20: /* TeletexString */
	case 22: /* IA5String */
	case 26: /* VisibleString */
		return TAG_UTF8;
	default:
		return tag;
	}
}

/* Six bytes more than OID and value, where DER has eight. */
u8 *latch_put_dn(u8 *out, struct latch_bytes name)
{
	struct latch_name w;
	struct latch_ava a;

	latch_name_open(&w, name.p, name.n);
	while (latch_name_next(&w, &a)) {
		*out++ = a.first;
		*out++ = string_tag(a.tag);
		out = latch_put_part(out, a.oid);
		out = latch_put_part(out, a.value);
	}
	return w.bad ? NULL : out;
}

/* The domain is a name of the DNS; who decides about the rest is its owner. */
static u8 *put_email(u8 *out, struct latch_bytes addr)
{
	u32 at = addr.n;

	while (at && addr.p[at - 1] != '@')
		at--;
	if (!at)
		return NULL;
	out = latch_put_bytes(out, addr.p, at);
	return latch_put_lower(out, latch_bytes_of(addr.p + at, addr.n - at));
}

u32 latch_name_text(u8 type, struct latch_bytes id, u8 *out)
{
	u8 *end = NULL;

	if (!id.n)
		return 0;
	switch (type) {
	case LATCH_ID_DN:
		end = latch_put_dn(out, id);
		break;
	case LATCH_ID_FQDN:
		end = latch_put_lower(out, id);
		break;
	case LATCH_ID_EMAIL:
		end = put_email(out, id);
		break;
	}
	return end ? end - out : 0;
}

/* Both with their length: a certificate has more around them than that. */
u32 latch_anchor_text(struct latch_bytes cert, u8 *out)
{
	struct latch_bytes subject, key;
	u8 *end;

	if (!latch_cert_parts(cert.p, cert.n, &subject, &key))
		return 0;
	end = latch_put_dn(out + 2, subject);
	if (!end)
		return 0;
	latch_put16(out, end - out - 2);
	return latch_put_part(end, key) - out;
}
