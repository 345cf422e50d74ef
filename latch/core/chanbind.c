// SPDX-License-Identifier: GPL-2.0
/*
 * What a channel binding is the digest of (RFC 5660 6.4-1, 6.3-1; RFC 5056).
 */
#include "chanbind.h"

/* Both with the NUL behind them. */
static const char names_label[] = "ipsec-latch-names";
static const char keys_label[] = "ipsec-latch-keys";

#define TAG_UTF8	12

u32 latch_chanbind_room(const struct latch_end *a, const struct latch_end *b)
{
	/* a canonical name is never longer than the name */
	u32 ends = a->id.n + b->id.n + 2 * (3 + 2 + LATCH_CHANBIND_KEY);

	return sizeof(names_label) + ends;
}

static u8 *put16(u8 *out, u32 n)
{
	*out++ = n >> 8;
	*out++ = n;
	return out;
}

static u8 *put(u8 *out, const void *p, u32 n)
{
	memcpy(out, p, n);
	return out + n;
}

/* Length before bytes, so that nothing can be read in two ways. */
static u8 *put_part(u8 *out, struct latch_bytes s)
{
	return put(put16(out, s.n), s.p, s.n);
}

static u8 *put_lower(u8 *out, struct latch_bytes s)
{
	u32 i;

	for (i = 0; i < s.n; i++)
		*out++ = s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + ('a' - 'A') : s.p[i];
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

/* NULL where it is no Name. Six bytes more than OID and value, where DER has eight. */
static u8 *put_dn(u8 *out, struct latch_bytes name)
{
	struct latch_name w;
	struct latch_ava a;

	latch_name_open(&w, name.p, name.n);
	while (latch_name_next(&w, &a)) {
		*out++ = a.first;
		*out++ = string_tag(a.tag);
		out = put_part(out, a.oid);
		out = put_part(out, a.value);
	}
	return w.bad ? NULL : out;
}

static u8 *put_id(u8 *out, const struct latch_end *end)
{
	if (!end->id.n)
		return NULL;
	switch (end->type) {
	case LATCH_ID_DN:
		return put_dn(out, end->id);
	case LATCH_ID_FQDN:
		return put_lower(out, end->id);
	case LATCH_ID_IPV4:
	case LATCH_ID_EMAIL:
	case LATCH_ID_IPV6:
	case LATCH_ID_GN:
	case LATCH_ID_KEYID:
		return put(out, end->id.p, end->id.n);
	default:
		return NULL;
	}
}

static u8 *put_end(u8 *out, const struct latch_end *end, bool keys)
{
	u8 *id = out + 3, *behind = put_id(id, end);

	if (!behind)
		return NULL;
	*out = end->type;
	put16(out + 1, behind - id);
	if (!keys)
		return behind;
	return put_part(behind, (struct latch_bytes){ end->key, LATCH_CHANBIND_KEY });
}

u32 latch_chanbind_text(const struct latch_end *a, const struct latch_end *b, bool keys,
			u8 *out)
{
	const char *label = keys ? keys_label : names_label;
	u8 *first = put(out, label, strlen(label) + 1), *second, *end;

	second = put_end(first, a, keys);
	end = second ? put_end(second, b, keys) : NULL;
	if (!end)
		return 0;
	if (latch_bytes_cmp((struct latch_bytes){ first, second - first },
			    (struct latch_bytes){ second, end - second }) > 0)
		end = put_end(put_end(first, b, keys), a, keys);
	return end - out;
}
