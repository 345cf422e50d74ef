// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the DER of a distinguished name from its text.
 *
 * The text does not say which types of strings the name has. We choose as strongSwan
 * does when it reads a name: IA5String for e-mail addresses and the like,
 * PrintableString where the value allows it, else UTF8String. The order stays that of
 * the text. Names that differ only in these types have the same text.
 *
 * pluto writes names as RFC 4514 says, with escapes, and an attribute that it has no
 * name for as 2.5.4.99=#0C0141. charon escapes nothing.
 */
#include <string.h>
#include <linux/latch.h>
#include "hex.h"
#include "ident.h"

#define MAX_RDNS	20	/* as strongSwan's reader has it */

enum {
	DER_OID = 0x06,
	DER_UTF8 = 0x0c,
	DER_PRINTABLE = 0x13,
	DER_IA5 = 0x16,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};

/**
 * struct attribute - a type of attribute
 * @name: its name in the text
 * @from: which daemons write that name, IDENT_* as bits: SN is the serial number for
 *        pluto and the surname for charon
 * @ia5:  its value is an IA5String
 * @len:  bytes of @oid
 * @oid:  its object identifier, without tag and length
 */
struct attribute {
	const char *name;
	unsigned char from;
	bool ia5;
	unsigned char len;
	unsigned char oid[12];
};

#define BOTH		(IDENT_PLUTO | IDENT_CHARON)

static const struct attribute attributes[] = {
	{ "CN", BOTH, false, 3, { 0x55, 0x04, 0x03 } },
	{ "S", IDENT_PLUTO, false, 3, { 0x55, 0x04, 0x04 } },
	{ "SN", IDENT_CHARON, false, 3, { 0x55, 0x04, 0x04 } },
	{ "SN", IDENT_PLUTO, false, 3, { 0x55, 0x04, 0x05 } },
	{ "serialNumber", IDENT_CHARON, false, 3, { 0x55, 0x04, 0x05 } },
	{ "C", BOTH, false, 3, { 0x55, 0x04, 0x06 } },
	{ "L", BOTH, false, 3, { 0x55, 0x04, 0x07 } },
	{ "ST", BOTH, false, 3, { 0x55, 0x04, 0x08 } },
	{ "STREET", IDENT_CHARON, false, 3, { 0x55, 0x04, 0x09 } },
	{ "O", BOTH, false, 3, { 0x55, 0x04, 0x0a } },
	{ "OU", BOTH, false, 3, { 0x55, 0x04, 0x0b } },
	{ "T", BOTH, false, 3, { 0x55, 0x04, 0x0c } },
	{ "D", BOTH, false, 3, { 0x55, 0x04, 0x0d } },
	{ "postalAddress", IDENT_CHARON, false, 3, { 0x55, 0x04, 0x10 } },
	{ "postalCode", IDENT_CHARON, false, 3, { 0x55, 0x04, 0x11 } },
	{ "N", BOTH, false, 3, { 0x55, 0x04, 0x29 } },
	{ "G", BOTH, false, 3, { 0x55, 0x04, 0x2a } },
	{ "I", BOTH, false, 3, { 0x55, 0x04, 0x2b } },
	{ "ID", BOTH, false, 3, { 0x55, 0x04, 0x2d } },
	{ "dnQualifier", IDENT_CHARON, false, 3, { 0x55, 0x04, 0x2e } },
	{ "dmdName", IDENT_CHARON, false, 3, { 0x55, 0x04, 0x36 } },
	{ "pseudonym", IDENT_CHARON, false, 3, { 0x55, 0x04, 0x41 } },
	{ "role", BOTH, false, 3, { 0x55, 0x04, 0x48 } },
	{ "E", BOTH, true, 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01 } },
	{ "unstructuredName", BOTH, true, 9,
	  { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x02 } },
	{ "unstructuredAddress", IDENT_CHARON, false, 9,
	  { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x08 } },
	{ "UID", BOTH, false, 10, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01 } },
	{ "DC", BOTH, false, 10, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19 } },
};

/**
 * struct reader - the text, and how far we have read
 * @p:    the next character
 * @end:  after the last one
 * @from: the daemon that wrote it
 */
struct reader {
	const char *p;
	const char *end;
	enum ident_from from;
};

/**
 * struct der - the DER that we write
 * @buf: its bytes so far
 * @len: their number
 * @max: how many fit
 * @bad: some did not fit
 */
struct der {
	uint8_t *buf;
	size_t len;
	size_t max;
	bool bad;
};

static void der_add(struct der *d, const void *data, size_t len)
{
	if (d->bad || len > d->max - d->len) {
		d->bad = true;
		return;
	}
	memcpy(d->buf + d->len, data, len);
	d->len += len;
}

/* Put tag and length before all bytes since @start. */
static void der_wrap(struct der *d, size_t start, uint8_t tag)
{
	size_t len = d->len - start, n;
	uint8_t head[4] = { tag };

	if (len < 0x80) {
		head[1] = len;
		n = 2;
	} else if (len < 0x100) {
		head[1] = 0x81;
		head[2] = len;
		n = 3;
	} else {
		head[1] = 0x82;
		head[2] = len >> 8;
		head[3] = len;
		n = 4;
	}
	der_add(d, head, n);
	if (d->bad)
		return;
	memmove(d->buf + start + n, d->buf + start, len);
	memcpy(d->buf + start, head, n);
}

/* Read two hexadecimal digits, without going on. Returns their byte, or -1. */
static int next_byte(const struct reader *r)
{
	return r->end - r->p < 2 ? -1 : hex_byte(r->p);
}

/* --- types of attributes -------------------------------------------------------- */

/* Add a number of an object identifier, in base 128. */
static void add_arc(struct der *d, unsigned long v)
{
	uint8_t out[5];
	int n = sizeof(out);

	out[--n] = v & 0x7f;
	while (v >>= 7)
		out[--n] = 0x80 | (v & 0x7f);
	der_add(d, out + n, sizeof(out) - n);
}

/*
 * Read one number of a dotted object identifier and go on to what follows it.
 * Returns NULL, or what is wrong.
 */
static const char *read_arc(const char **p, const char *end, unsigned long *v)
{
	const char *s = *p;

	if (s == end || *s < '0' || *s > '9')
		return "an attribute that is neither a known name nor a number";
	if (*s == '0' && s + 1 < end && s[1] != '.')
		return "a number with a leading zero";
	for (*v = 0; s < end && *s >= '0' && *s <= '9'; s++) {
		*v = 10 * *v + (*s - '0');
		if (*v >> 28)
			return "an object identifier that is too large";
	}
	*p = s;
	return NULL;
}

/* 2.5.4.99: pluto writes an attribute that it has no name for by its number. */
static const char *dotted_oid(struct der *d, const char *name, size_t len)
{
	const char *p = name, *end = name + len, *why;
	unsigned long v = 0, first = 0;
	int arcs = 0;

	for (;; p++) {
		why = read_arc(&p, end, &v);
		if (why)
			return why;
		if (arcs == 0)
			first = v;
		else
			add_arc(d, arcs == 1 ? 40 * first + v : v);
		arcs++;
		if (p == end)
			break;
		if (*p != '.' || (arcs == 1 && first > 2))
			return "a malformed object identifier";
	}
	return arcs > 2 ? NULL : "a malformed object identifier";
}

static const struct attribute *find_attribute(const char *name, size_t len, enum ident_from from)
{
	size_t i;

	for (i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
		if (attributes[i].from & from && strlen(attributes[i].name) == len &&
		    !memcmp(attributes[i].name, name, len))
			return &attributes[i];
	return NULL;
}

/*
 * Read "TYPE=". @ber: set where the value is in hexadecimal; @ia5: set where it is to be
 * an IA5String. Returns NULL, or what is wrong.
 */
static const char *read_type(struct reader *r, struct der *d, bool *ber, bool *ia5)
{
	const char *name = r->p, *eq = memchr(r->p, '=', r->end - r->p), *why = NULL;
	const struct attribute *a;
	size_t start = d->len;

	if (!eq || eq == name)
		return "a part without \"=\"";
	r->p = eq + 1;
	a = find_attribute(name, eq - name, r->from);
	*ber = !a;
	*ia5 = a && a->ia5;
	if (a)
		der_add(d, a->oid, a->len);
	else if (r->from == IDENT_PLUTO)
		why = dotted_oid(d, name, eq - name);
	else
		why = "an attribute of unknown type";
	der_wrap(d, start, DER_OID);
	return why;
}

/* --- values ------------------------------------------------------------------------ */

static bool is_printable_string(const uint8_t *s, size_t len)
{
	static const char set[] =
		" '()+,-./0123456789:=?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	while (len--)
		if (!*s || !strchr(set, *s++))
			return false;
	return true;
}

/* How many bytes follow @c in its UTF-8 sequence?  -1 where none begins with it. */
static int utf8_more(uint8_t c)
{
	if (c < 0x80)
		return 0;
	if (c >= 0xc2 && c < 0xe0)
		return 1;
	if (c >= 0xe0 && c < 0xf0)
		return 2;
	if (c >= 0xf0 && c < 0xf5)
		return 3;
	return -1;
}

/* Is this UTF-8 in its shortest form, without surrogates (RFC 3629) and without NUL? */
static bool is_utf8(const uint8_t *s, size_t len)
{
	const uint8_t *end = s + len;
	int more;

	while (s < end) {
		more = utf8_more(*s);
		if (!*s || more < 0 || end - s <= more)
			return false;
		if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
		    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
			return false;
		for (s++; more--; s++)
			if ((*s & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static bool is_ascii(const uint8_t *s, size_t len)
{
	while (len--)
		if (*s++ & 0x80)
			return false;
	return true;
}

/* Is this one value of definite length with tag and length, and nothing after it? */
static bool is_one_value(const uint8_t *s, size_t len)
{
	size_t head = 2, n;

	if (len < 2 || (s[0] & 0x1f) == 0x1f)
		return false;
	n = s[1];
	if (n == 0x81 && len > 2) {
		n = s[2];
		head = 3;
		if (n < 0x80)
			return false;
	} else if (n == 0x82 && len > 3) {
		n = s[2] << 8 | s[3];
		head = 4;
		if (n < 0x100)
			return false;
	} else if (n & 0x80) {
		return false;
	}
	return len == head + n;
}

/* Read "#0C0141" up to the next separator. Returns NULL, or what is wrong. */
static const char *read_ber(struct reader *r, struct der *d)
{
	size_t start = d->len;
	uint8_t byte;
	int v;

	if (r->p == r->end || *r->p != '#')
		return "an attribute of unknown type without \"#\"";
	for (r->p++; r->p < r->end && *r->p != ','; r->p += 2) {
		v = next_byte(r);
		if (v < 0)
			return "digits that are not hexadecimal";
		byte = v;
		der_add(d, &byte, 1);
	}
	if (!d->bad && !is_one_value(d->buf + start, d->len - start))
		return "a value that is not DER";
	return NULL;
}

/* Read an escape such as "\," or "\2C" (RFC 4514 2.4). Returns NULL, or what is wrong. */
static const char *read_escape(struct reader *r, struct der *d)
{
	uint8_t byte;
	int v;

	r->p++;
	v = next_byte(r);
	if (v >= 0) {
		byte = v;
		r->p += 2;
	} else if (r->p < r->end && strchr(" \"#+,;<=>\\", *r->p)) {
		byte = *r->p++;
	} else {
		return "a backslash before nothing that needs it";
	}
	der_add(d, &byte, 1);
	return NULL;
}

/* Read the characters of a value up to the separator. Returns NULL, or what is wrong. */
static const char *read_chars(struct reader *r, struct der *d)
{
	bool escapes = r->from == IDENT_PLUTO;
	const char *why;

	while (r->p < r->end) {
		if (escapes && *r->p == '\\') {
			why = read_escape(r, d);
			if (why)
				return why;
			continue;
		}
		if (*r->p == ',' && (escapes || (r->end - r->p > 1 && r->p[1] == ' ')))
			break;
		if (escapes && strchr("\"+;<>=#", *r->p))
			return "a character that should have been escaped";
		der_add(d, r->p++, 1);
	}
	return d->bad ? "more bytes than IKE identities have" : NULL;
}

/* Read a value and wrap it as a string. Returns NULL, or what is wrong. */
static const char *read_string(struct reader *r, struct der *d, bool ia5)
{
	size_t start = d->len, len;
	const uint8_t *value;
	const char *why;
	uint8_t tag;

	why = read_chars(r, d);
	if (why)
		return why;
	value = d->buf + start;
	len = d->len - start;
	if (!is_utf8(value, len))
		return "a value that is not UTF-8";
	if (ia5 && !is_ascii(value, len))
		return "a value that is not ASCII";
	tag = ia5 ? DER_IA5 : is_printable_string(value, len) ? DER_PRINTABLE : DER_UTF8;
	der_wrap(d, start, tag);
	return NULL;
}

/* Read one part, "TYPE=VALUE". Returns NULL, or what is wrong. */
static const char *read_rdn(struct reader *r, struct der *d)
{
	size_t start = d->len;
	const char *why;
	bool ber, ia5;

	why = read_type(r, d, &ber, &ia5);
	if (!why)
		why = ber ? read_ber(r, d) : read_string(r, d, ia5);
	der_wrap(d, start, DER_SEQUENCE);
	der_wrap(d, start, DER_SET);
	return why;
}

/**
 * dn_from_text() - make the DER of a distinguished name
 * @id:   set to it
 * @text: printable ASCII, "C=CH, O=x, CN=y"
 * @len:  its bytes
 * @from: the daemon that wrote it
 *
 * Return: NULL, or what is wrong with the text.
 */
const char *dn_from_text(struct ident *id, const char *text, size_t len, enum ident_from from)
{
	struct der d = { .buf = id->value, .max = sizeof(id->value) };
	struct reader r = { .p = text, .end = text + len, .from = from };
	const char *why;
	int n = 0;

	for (;;) {
		if (++n > MAX_RDNS)
			return "more parts than strongSwan takes";
		why = read_rdn(&r, &d);
		if (why)
			return why;
		if (r.p == r.end)
			break;
		/* the readers stop at a comma only */
		if (r.end - r.p < 3 || r.p[1] != ' ')
			return "a separator that is not comma and space";
		r.p += 2;
	}
	der_wrap(&d, 0, DER_SEQUENCE);
	if (d.bad)
		return "more bytes than IKE identities have";
	id->type = LATCH_ID_DN;
	id->len = d.len;
	return NULL;
}
