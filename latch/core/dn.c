// SPDX-License-Identifier: GPL-2.0
/*
 * Patterns of distinguished names (RFC 5660 2-16; RFC 4514).
 */
#include "der.h"
#include "dn.h"
#include "text.h"

/* --- attributes ------------------------------------------------------------- */

#define OID_MAX		64	/* bytes of an OID that a pattern can name */

static const struct attr {
	const char *name;
	const char *oid;
	u8 len;
} attrs[] = {
	{ "CN", "\x55\x04\x03", 3 },
	{ "SN", "\x55\x04\x04", 3 },		/* surname, as in RFC 4519 */
	{ "serialNumber", "\x55\x04\x05", 3 },
	{ "C", "\x55\x04\x06", 3 },
	{ "L", "\x55\x04\x07", 3 },
	{ "ST", "\x55\x04\x08", 3 },
	{ "STREET", "\x55\x04\x09", 3 },
	{ "O", "\x55\x04\x0a", 3 },
	{ "OU", "\x55\x04\x0b", 3 },
	{ "T", "\x55\x04\x0c", 3 },
	{ "title", "\x55\x04\x0c", 3 },
	{ "GN", "\x55\x04\x2a", 3 },
	{ "UID", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", 10 },
	{ "DC", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10 },
	{ "E", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9 },
	{ "emailAddress", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9 },
};

/* Takes a decimal number of 32 bits without leading zeros, and the dot behind it. */
static bool take_arc(struct latch_bytes *text, u64 *arc)
{
	u32 i;

	*arc = 0;
	for (i = 0; i < text->n && latch_is_digit(text->p[i]); i++) {
		*arc = *arc * 10 + (text->p[i] - '0');
		if (*arc >> 32)
			return false;
	}
	if (!i || (i > 1 && text->p[0] == '0'))
		return false;
	if (i < text->n) {
		/* a dot, and something behind it */
		if (text->p[i] != '.' || i + 1 == text->n)
			return false;
		i++;
	}
	text->p += i;
	text->n -= i;
	return true;
}

/* Appends a number in groups of seven bits. */
static bool put_arc(u64 arc, u8 oid[OID_MAX], u32 *n)
{
	u32 shift = 0;

	while (arc >> shift >> 7)
		shift += 7;
	for (;; shift -= 7) {
		if (*n == OID_MAX)
			return false;
		oid[(*n)++] = (arc >> shift & 0x7f) | (shift ? 0x80 : 0);
		if (!shift)
			return true;
	}
}

/* Bytes of a dotted OID, 0 where it is none. */
static u32 oid_of_dotted(struct latch_bytes text, u8 oid[OID_MAX])
{
	u64 first, arc;
	u32 n = 0;

	if (!take_arc(&text, &first) || first > 2 || !text.n ||
	    !take_arc(&text, &arc) || (first < 2 && arc >= 40) ||
	    !put_arc(first * 40 + arc, oid, &n))
		return 0;
	while (text.n)
		if (!take_arc(&text, &arc) || !put_arc(arc, oid, &n))
			return 0;
	return n;
}

/* Bytes of an attribute's OID, 0 where it is not known. */
static u32 oid_of(struct latch_bytes name, u8 oid[OID_MAX])
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		if (!latch_text_equal(name, latch_bytes_of(attrs[i].name, strlen(attrs[i].name))))
			continue;
		memcpy(oid, attrs[i].oid, attrs[i].len);
		return attrs[i].len;
	}
	return oid_of_dotted(name, oid);
}

/* --- the pattern's text ------------------------------------------------------- */

#define PARTS_MAX	64	/* the shortest one, "C=*,", is four bytes */

static_assert(LATCH_ID_INLINE < 256, "places in a pattern are bytes");
static_assert(LATCH_ID_INLINE / 4 < PARTS_MAX, "a pattern may have more components");

/**
 * struct part - a component: places in the pattern's text
 * @attr:     where its attribute begins
 * @attr_len: its length
 * @value:    where the value begins, behind the asterisk
 * @n:        bytes of the value without its escapes
 * @star:     an asterisk is in front of it
 */
struct part {
	u8	attr;
	u8	attr_len;
	u8	value;
	u8	n;
	bool	star;
};

struct parts {
	const u8 *text;
	u32	n;
	struct part part[PARTS_MAX];
};

static int hex(u8 c)
{
	if (latch_is_digit(c))
		return c - '0';
	c = latch_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a value whose text is well formed; @at goes behind it. */
static u8 unescape(const u8 *text, u32 *at)
{
	u8 c = text[(*at)++];

	if (c != '\\')
		return c;
	c = text[(*at)++];
	if (hex(c) < 0)
		return c;
	return hex(c) << 4 | hex(text[(*at)++]);
}

/* Length of the escape sequence at the beginning, 0 where it is none. */
static u32 escape_len(struct latch_bytes in)
{
	if (in.n < 2)
		return 0;
	/* NUL is in no value that fits, and is what memchr() would find at the end */
	if (in.p[1] && strchr(" \"#+,;<=>\\*", in.p[1]))
		return 2;
	if (in.n < 3 || hex(in.p[1]) < 0 || hex(in.p[2]) < 0)
		return 0;
	return hex(in.p[1]) || hex(in.p[2]) ? 3 : 0;
}

static void drop_spaces(struct latch_bytes *in)
{
	while (in->n && in->p[0] == ' ') {
		in->p++;
		in->n--;
	}
}

/* Takes an attribute and the sign behind it. */
static bool take_attr(struct latch_bytes *in, const u8 *text, struct part *part)
{
	u8 oid[OID_MAX];
	u32 i, n;

	for (i = 0; i < in->n && in->p[i] != '='; i++)
		;
	if (i == in->n)
		return false;
	for (n = i; n && in->p[n - 1] == ' '; n--)
		;
	part->attr = in->p - text;
	part->attr_len = n;
	if (!oid_of(latch_bytes_of(in->p, n), oid))
		return false;
	in->p += i + 1;
	in->n -= i + 1;
	return true;
}

/* Takes a value up to the comma or the end. */
static bool take_value(struct latch_bytes *in, const u8 *text, struct part *part)
{
	u32 spaces = 0, len;

	part->star = in->n && in->p[0] == '*';
	if (part->star) {
		in->p++;
		in->n--;
	} else if (in->n && in->p[0] == '#') {
		return false;
	}
	part->value = in->p - text;
	part->n = 0;
	for (; in->n && in->p[0] != ','; in->p += len, in->n -= len) {
		len = in->p[0] == '\\' ? escape_len(*in) : 1;
		if (!len || in->p[0] < ' ' || in->p[0] == 0x7f ||
		    strchr("\"+;<>*", in->p[0]))
			return false;
		spaces = in->p[0] == ' ' ? spaces + 1 : 0;
		part->n++;
	}
	part->n -= spaces;
	return part->star || part->n;
}

static bool parts_parse(struct latch_bytes in, struct parts *parts)
{
	struct part *part;

	parts->text = in.p;
	for (parts->n = 0; parts->n < PARTS_MAX; in.p++, in.n--) {
		part = &parts->part[parts->n++];
		drop_spaces(&in);
		if (!take_attr(&in, parts->text, part))
			return false;
		drop_spaces(&in);
		if (!take_value(&in, parts->text, part))
			return false;
		if (!in.n)
			return true;
	}
	return false;
}

/* --- matching ---------------------------------------------------------------- */

/* String types in which ASCII is ASCII. */
static bool is_text(u8 tag)
{
	return tag == 12 ||	/* UTF8String */
	       (tag >= 18 && tag <= 20) || /* NumericString, PrintableString, TeletexString */
	       tag == 22 ||	/* IA5String */
	       tag == 26;	/* VisibleString */
}

static bool value_match(const struct parts *parts, const struct part *part,
			struct latch_bytes value)
{
	u32 at = part->value, i;

	/* the asterisk stands for something */
	if (part->star ? value.n <= part->n : value.n != part->n)
		return false;
	if (memchr(value.p, 0, value.n))
		return false;
	for (i = value.n - part->n; i < value.n; i++)
		if (latch_lower(unescape(parts->text, &at)) != latch_lower(value.p[i]))
			return false;
	return true;
}

/* Number of RDNs, PARTS_MAX + 1 where they are too many; 0 where it is no Name. */
static u32 count_rdns(struct latch_bytes name)
{
	struct latch_name w;
	struct latch_ava a;
	u32 n = 0;

	latch_name_open(&w, name.p, name.n);
	while (latch_name_next(&w, &a))
		n += a.first && n <= PARTS_MAX;
	return w.bad ? 0 : n;
}

/* Gives a component the first RDN that fits and is not given away. */
static bool give_rdn(const struct parts *parts, const struct part *part,
		     struct latch_bytes name, u64 *given)
{
	u8 oid[OID_MAX];
	u32 n = oid_of(latch_bytes_of(parts->text + part->attr, part->attr_len), oid);
	struct latch_name w;
	struct latch_ava a;
	u64 bit = 0;

	latch_name_open(&w, name.p, name.n);
	while (latch_name_next(&w, &a)) {
		if (a.first)
			bit = bit ? bit << 1 : 1;
		if (!(*given & bit) && a.first && a.last && is_text(a.tag) &&
		    !latch_bytes_cmp(a.oid, latch_bytes_of(oid, n)) &&
		    value_match(parts, part, a.value)) {
			*given |= bit;
			return true;
		}
	}
	return false;
}

/* A component with a higher one never fits more than one with a lower one does. */
static u32 strictness(const struct part *part)
{
	return part->star ? part->n : LATCH_ID_INLINE + 1;
}

/*
 * What two components fit is either disjoint, or one of them fits all that the other
 * one does: values are equal, end alike, or are anything.  So if the strictest choose
 * first, whatever they choose, each gets one if that can be done at all.
 */
bool latch_dn_match(struct latch_bytes pattern, struct latch_bytes name)
{
	u64 given = 0, served = 0;
	struct parts parts;
	u32 i, k, best;

	if (!parts_parse(pattern, &parts) || count_rdns(name) != parts.n)
		return false;
	for (k = 0; k < parts.n; k++) {
		best = parts.n;
		for (i = 0; i < parts.n; i++)
			if (!(served >> i & 1) &&
			    (best == parts.n || strictness(&parts.part[i]) >
						strictness(&parts.part[best])))
				best = i;
		served |= 1ULL << best;
		if (!give_rdn(&parts, &parts.part[best], name, &given))
			return false;
	}
	return true;
}

bool latch_dn_ok(struct latch_bytes pattern)
{
	struct parts parts;

	return parts_parse(pattern, &parts);
}
