/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Patterns of identities: which are one, and what fits them.
 */
#ifndef LATCH_TESTS_PATTERN_CASES_H
#define LATCH_TESTS_PATTERN_CASES_H

#include "../core/pattern.h"
#include "der_cases.h"

static struct latch_id pattern_of(u8 type, const void *text, u32 n)
{
	struct latch_id id = { .type = type, .len = n };

	memcpy(id.value, text, n);
	return id;
}

static bool pattern_ok(u8 type, const char *text)
{
	struct latch_id id = pattern_of(type, text, strlen(text));

	return latch_pattern_ok(&id);
}

/* An ID that is not there to be written to, at the end of the arena. */
static bool pattern_fits(u8 type, const char *text, const void *id, u32 n)
{
	struct latch_id pattern = pattern_of(type, text, strlen(text));

	return latch_pattern_match(&pattern, type, in_arena(id, n), n);
}

static bool text_fits(u8 type, const char *text, const char *id)
{
	return pattern_fits(type, text, id, strlen(id));
}

static bool dn_fits(const char *text, const char *name)
{
	static struct build b;

	build_name(&b, name, 12);
	return pattern_fits(LATCH_ID_DN, text, b.buf + b.at, build_len(&b));
}

/* --- which are patterns ----------------------------------------------------------- */

static const struct {
	u8 type;
	bool ok;
	const char *text;
} patterns[] = {
	{ LATCH_ID_FQDN, true, "*.db.example" },
	{ LATCH_ID_FQDN, true, "*.example" },
	{ LATCH_ID_FQDN, true, "db.example" },
	{ LATCH_ID_FQDN, true, "db" },
	{ LATCH_ID_FQDN, true, "*._tcp.xn--bcher-kva.example" },
	{ LATCH_ID_FQDN, false, "" },
	{ LATCH_ID_FQDN, false, "*" },
	{ LATCH_ID_FQDN, false, "*." },
	{ LATCH_ID_FQDN, false, "." },
	{ LATCH_ID_FQDN, false, ".db.example" },
	{ LATCH_ID_FQDN, false, "*..example" },
	{ LATCH_ID_FQDN, false, "*db.example" },
	{ LATCH_ID_FQDN, false, "**.db.example" },
	{ LATCH_ID_FQDN, false, "*.*.example" },
	{ LATCH_ID_FQDN, false, "a.*.example" },
	{ LATCH_ID_FQDN, false, "db.*" },
	{ LATCH_ID_FQDN, false, "a*.example" },
	{ LATCH_ID_FQDN, false, "*.db..example" },
	{ LATCH_ID_FQDN, false, "*.db.example." },
	{ LATCH_ID_FQDN, false, "*.db.example " },
	{ LATCH_ID_FQDN, false, " *.db.example" },
	{ LATCH_ID_FQDN, false, "*.db@example" },
	{ LATCH_ID_FQDN, false, "*.d\xc3\xa4.example" },
	{ LATCH_ID_EMAIL, true, "*@db.example" },
	{ LATCH_ID_EMAIL, true, "*@*.db.example" },
	{ LATCH_ID_EMAIL, true, "bob@*.db.example" },
	{ LATCH_ID_EMAIL, true, "bob.b+x@db.example" },
	{ LATCH_ID_EMAIL, true, "b\xc3\xa4r@db.example" },
	{ LATCH_ID_EMAIL, false, "" },
	{ LATCH_ID_EMAIL, false, "*" },
	{ LATCH_ID_EMAIL, false, "@" },
	{ LATCH_ID_EMAIL, false, "*@" },
	{ LATCH_ID_EMAIL, false, "@db.example" },
	{ LATCH_ID_EMAIL, false, "*@*" },
	{ LATCH_ID_EMAIL, false, "db.example" },
	{ LATCH_ID_EMAIL, false, "b*@db.example" },
	{ LATCH_ID_EMAIL, false, "**@db.example" },
	{ LATCH_ID_EMAIL, false, "*@db@example" },
	{ LATCH_ID_EMAIL, false, "b b@db.example" },
	{ LATCH_ID_EMAIL, false, "b\tb@db.example" },
	{ LATCH_ID_EMAIL, false, "b\x7f@db.example" },
	{ LATCH_ID_EMAIL, false, "*@db.example " },
	{ LATCH_ID_EMAIL, false, "*@.db.example" },
	{ LATCH_ID_DN, true, "CN=*, O=Example" },
	{ LATCH_ID_DN, true, "CN=bob" },
	{ LATCH_ID_DN, true, "  cn  =  bob  ,o=*" },
	{ LATCH_ID_DN, true, "CN=*.db.example" },
	{ LATCH_ID_DN, true, "CN=a=b" },
	{ LATCH_ID_DN, true, "CN=bob O=x" },	/* one component */
	{ LATCH_ID_DN, true, "CN=\\ \\\"\\#\\+\\,\\;\\<\\=\\>\\\\\\*" },
	{ LATCH_ID_DN, true, "CN=\\c3\\A4, CN=\xc3\xa4" },
	{ LATCH_ID_DN, true, "CN=*\\*" },
	{ LATCH_ID_DN, true, "CN=a#" },
	{ LATCH_ID_DN, true, "CN=* b" },
	{ LATCH_ID_DN, true, "2.5.4.3=bob" },
	{ LATCH_ID_DN, true, "0.0=a,0.39=a,1.39=a,2.40=a,2.4294967295=a,1.2.4294967295=a" },
	{ LATCH_ID_DN, false, "" },
	{ LATCH_ID_DN, false, "*" },
	{ LATCH_ID_DN, false, "CN" },
	{ LATCH_ID_DN, false, "CN=" },
	{ LATCH_ID_DN, false, "CN=  " },
	{ LATCH_ID_DN, false, "=bob" },
	{ LATCH_ID_DN, false, "CN=bob," },
	{ LATCH_ID_DN, false, "CN=bob, " },
	{ LATCH_ID_DN, false, ",CN=bob" },
	{ LATCH_ID_DN, false, "CN=bob,,O=x" },
	{ LATCH_ID_DN, false, "CN=bob, O" },
	{ LATCH_ID_DN, false, "XX=bob" },
	{ LATCH_ID_DN, false, "*=bob" },
	{ LATCH_ID_DN, false, "CNN=bob" },
	{ LATCH_ID_DN, false, "C N=bob" },
	{ LATCH_ID_DN, false, "CN=a*" },
	{ LATCH_ID_DN, false, "CN=a*b" },
	{ LATCH_ID_DN, false, "CN=**" },
	{ LATCH_ID_DN, false, "CN=*a*" },
	{ LATCH_ID_DN, false, "CN=#0c0161" },
	{ LATCH_ID_DN, false, "CN=a+O=b" },
	{ LATCH_ID_DN, false, "CN=a;O=b" },
	{ LATCH_ID_DN, false, "CN=\"a\"" },
	{ LATCH_ID_DN, false, "CN=<a>" },
	{ LATCH_ID_DN, false, "CN=a\\" },
	{ LATCH_ID_DN, false, "CN=a\\4" },
	{ LATCH_ID_DN, false, "CN=a\\4x" },
	{ LATCH_ID_DN, false, "CN=a\\g1" },
	{ LATCH_ID_DN, false, "CN=a\\x" },
	{ LATCH_ID_DN, false, "CN=a\\00" },
	{ LATCH_ID_DN, false, "CN=a\tb" },
	{ LATCH_ID_DN, false, "CN=a\x7f" },
	{ LATCH_ID_DN, false, "OID.2.5.4.3=bob" },
	{ LATCH_ID_DN, false, "2=a" },
	{ LATCH_ID_DN, false, "2.=a" },
	{ LATCH_ID_DN, false, ".2=a" },
	{ LATCH_ID_DN, false, "2.5.=a" },
	{ LATCH_ID_DN, false, "2..5=a" },
	{ LATCH_ID_DN, false, "3.1=a" },
	{ LATCH_ID_DN, false, "0.40=a" },
	{ LATCH_ID_DN, false, "1.40=a" },
	{ LATCH_ID_DN, false, "2.05=a" },
	{ LATCH_ID_DN, false, "02.5=a" },
	{ LATCH_ID_DN, false, "2.5.00=a" },
	{ LATCH_ID_DN, false, "2.5.4294967296=a" },
	{ LATCH_ID_DN, false, "2.5.99999999999999999999999=a" },
	{ LATCH_ID_DN, false, "2.5.-1=a" },
	{ LATCH_ID_DN, false, "2.5.4.3.a=a" },
	{ LATCH_ID_IPV4, false, "*" },
	{ LATCH_ID_IPV6, false, "*" },
	{ LATCH_ID_GN, false, "*.db.example" },
	{ LATCH_ID_KEYID, false, "*" },
	{ LATCH_ID_NULL, false, "*" },
	{ LATCH_ID_NONE, false, "*.db.example" },
	{ 255, false, "*.db.example" },
};

static void pattern_is_one(struct tally *t)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(patterns); i++)
		EXPECT(t, pattern_ok(patterns[i].type, patterns[i].text) == patterns[i].ok,
		       "type %u: %s", patterns[i].type, patterns[i].text);
}

/* NUL in every place, the longest ones, and lengths that are none. */
static void pattern_limits(struct tally *t)
{
	static const char text[] = "CN=*a\\41, O=Example";
	struct latch_id id;
	u32 i;

	for (i = 0; i < sizeof(text); i++) {
		id = pattern_of(LATCH_ID_DN, text, sizeof(text) - 1);
		EXPECT(t, latch_pattern_ok(&id), "as it is");
		id.value[i] = 0;
		id.len += i == id.len;
		EXPECT(t, !latch_pattern_ok(&id), "NUL at %u", i);
	}
	for (i = 0; i < 12; i++) {
		id = pattern_of(LATCH_ID_FQDN, "*.db.example", 12);
		id.value[i] = 0;
		EXPECT(t, !latch_pattern_ok(&id), "FQDN: NUL at %u", i);
		id = pattern_of(LATCH_ID_EMAIL, "bob@example", 11);
		id.value[i] = 0;
		id.len += i == id.len;
		EXPECT(t, !latch_pattern_ok(&id), "EMAIL: NUL at %u", i);
	}
	memset(id.value, 'a', sizeof(id.value));
	id.type = LATCH_ID_FQDN;
	id.len = LATCH_ID_INLINE;
	EXPECT(t, latch_pattern_ok(&id), "longest name");
	id.len = LATCH_ID_INLINE + 1;
	EXPECT(t, !latch_pattern_ok(&id), "longer than there is room");
	id.len = 65535;
	EXPECT(t, !latch_pattern_ok(&id), "longest length");
	memcpy(id.value, "CN=", 3);
	id.type = LATCH_ID_DN;
	id.len = LATCH_ID_INLINE;
	EXPECT(t, latch_pattern_ok(&id), "longest value");
	/* an OID of 63 bytes, and one of 64, and one more */
	memcpy(id.value, "2.5", 3);
	for (i = 3; i < 250; i += 2)
		memcpy(id.value + i, ".1", 2);
	for (i = 62; i <= 64; i++) {
		id.len = 3 + 2 * i + 2;
		memcpy(id.value + 3 + 2 * i, "=a", 2);
		EXPECT(t, latch_pattern_ok(&id) == (i < 64), "OID of %u bytes", i + 1);
		memcpy(id.value + 3 + 2 * i, ".1", 2);
	}
}

/* As many components as there is room for. */
static void pattern_most_components(struct tally *t)
{
	static char text[LATCH_ID_INLINE + 1], name[LATCH_ID_INLINE + 1];
	u32 i;

	for (i = 0; i < 63; i++) {
		memcpy(text + 4 * i, i & 1 ? "C=*," : "O=*,", 4);
		memcpy(name + 4 * i, i & 1 ? "O=x," : "C=x,", 4);
	}
	text[4 * i - 1] = 0;
	name[4 * i - 1] = 0;
	/* 32 of one, 31 of the other: and so not the other way round */
	EXPECT(t, dn_fits(text, text), "63 components");
	EXPECT(t, !dn_fits(text, name), "one of the other kind");
	memcpy(name, text, sizeof(name));
	name[4 * i - 1] = ',';
	EXPECT(t, pattern_ok(LATCH_ID_DN, text), "63 components");
	text[4 * i - 5] = 0;
	EXPECT(t, !dn_fits(text, "O=x"), "too few");
	/* one that ends where the room does: its last is without a comma */
	memset(text, 0, sizeof(text));
	for (i = 0; i < 62; i++)
		memcpy(text + 4 * i, "C=*,", 4);
	memcpy(text + 4 * i, "C=ab", 4);
	EXPECT(t, strlen(text) == LATCH_ID_INLINE && pattern_ok(LATCH_ID_DN, text), "252 bytes");
}

/* --- what fits -------------------------------------------------------------------- */

static const struct {
	u8 type;
	bool fits;
	const char *pattern;
	const char *id;
} text_fit[] = {
	{ LATCH_ID_FQDN, true, "*.db.example", "a.db.example" },
	{ LATCH_ID_FQDN, true, "*.db.example", "a.b.db.example" },
	{ LATCH_ID_FQDN, true, "*.DB.example", "A.db.EXAMPLE" },
	{ LATCH_ID_FQDN, true, "db.example", "DB.Example" },
	{ LATCH_ID_FQDN, false, "*.db.example", "db.example" },
	{ LATCH_ID_FQDN, false, "*.db.example", ".db.example" },
	{ LATCH_ID_FQDN, false, "*.db.example", "a..db.example" },
	{ LATCH_ID_FQDN, false, "*.db.example", "xdb.example" },
	{ LATCH_ID_FQDN, false, "*.db.example", "a.db.example." },
	{ LATCH_ID_FQDN, false, "*.db.example", "a.db.example.org" },
	{ LATCH_ID_FQDN, false, "*.db.example", "a.db.exampl" },
	{ LATCH_ID_FQDN, false, "*.db.example", "a.dbxexample" },
	{ LATCH_ID_FQDN, false, "*.db.example", "*.db.example" },
	{ LATCH_ID_FQDN, false, "*.db.example", "a b.db.example" },
	{ LATCH_ID_FQDN, false, "*.db.example", "" },
	{ LATCH_ID_FQDN, false, "db.example", "a.db.example" },
	{ LATCH_ID_FQDN, false, "db.example", "db-example" },
	{ LATCH_ID_FQDN, false, "db[example", "db{example" },
	{ LATCH_ID_EMAIL, true, "*@db.example", "bob@db.example" },
	{ LATCH_ID_EMAIL, true, "*@db.example", "*@DB.Example" },
	{ LATCH_ID_EMAIL, true, "*@db.example", "b\xc3\xa4r@db.example" },
	{ LATCH_ID_EMAIL, true, "bob@DB.example", "bob@db.Example" },
	{ LATCH_ID_EMAIL, true, "*@*.db.example", "bob@a.b.db.example" },
	{ LATCH_ID_EMAIL, true, "bob@*.db.example", "bob@a.db.example" },
	{ LATCH_ID_EMAIL, false, "bob@db.example", "Bob@db.example" },
	{ LATCH_ID_EMAIL, false, "bob@db.example", "bobb@db.example" },
	{ LATCH_ID_EMAIL, false, "bob@db.example", "bo@db.example" },
	{ LATCH_ID_EMAIL, false, "*@db.example", "bob@a.db.example" },
	{ LATCH_ID_EMAIL, false, "*@*.db.example", "bob@db.example" },
	{ LATCH_ID_EMAIL, false, "*@db.example", "@db.example" },
	{ LATCH_ID_EMAIL, false, "*@db.example", "db.example" },
	{ LATCH_ID_EMAIL, false, "*@db.example", "bob@evil@db.example" },
	{ LATCH_ID_EMAIL, false, "*@db.example", "bob@evil.example\n@db.example" },
	{ LATCH_ID_EMAIL, false, "*@db.example", "bo b@db.example" },
	{ LATCH_ID_EMAIL, false, "*@db.example", "bob@db.example " },
	{ LATCH_ID_EMAIL, false, "*@db.example", "" },
};

static void pattern_text_fits(struct tally *t)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(text_fit); i++)
		EXPECT(t, text_fits(text_fit[i].type, text_fit[i].pattern, text_fit[i].id) ==
		       text_fit[i].fits, "%s for %s", text_fit[i].pattern, text_fit[i].id);
	EXPECT(t, !pattern_fits(LATCH_ID_FQDN, "*.db.example", "a\0.db.example", 13), "NUL");
	EXPECT(t, !pattern_fits(LATCH_ID_FQDN, "*.db.example", "e.org\0.db.example", 17), "NUL");
	EXPECT(t, !pattern_fits(LATCH_ID_EMAIL, "*@db.example", "b\0b@db.example", 14), "NUL");
	EXPECT(t, !pattern_fits(LATCH_ID_EMAIL, "*@db.example", "b@db.example\0", 13), "NUL");
}

static const struct {
	bool fits;
	const char *pattern;
	const char *name;
} dn_fit[] = {
	{ true, "CN=*, O=Example", "O=Example,CN=bob" },
	{ true, "CN=*, O=Example", "CN=bob,O=Example" },
	{ true, "CN=*, O=Example", "CN=bob;O=EXAMPLE" },
	{ true, "o=Example,cn=BOB", "CN=bob,O=Example" },
	{ true, "CN=*.db.example", "CN=a.DB.example" },
	{ true, "CN=*.db.example", "CN=a.b.db.example" },
	{ true, "CN=*b", "CN=ab" },
	{ true, "CN=\\20a\\ ", "CN= a " },
	{ true, "CN= a b ", "CN=a b" },
	{ true, "CN=*, CN=b", "CN=b,CN=a" },
	{ true, "CN=*, CN=b", "CN=a,CN=b" },
	{ true, "CN=*,CN=*b,CN=*ab,CN=xab", "CN=xab,CN=yab,CN=yb,CN=y" },
	{ true, "CN=*,CN=*b,CN=*ab,CN=xab", "CN=y,CN=yb,CN=yab,CN=xab" },
	{ true, "DC=*, DC=db", "DC=db,DC=example" },
	{ true, "2.5.4.3=bob,0.9.2342.19200300.100.1.25=x", "DC=x,CN=bob" },
	{ true, "CN=a\\*", "CN=a*" },
	{ true, "CN=\\*", "CN=*" },
	{ true, "CN=*\\*", "CN=a*" },
	{ false, "CN=\\*", "CN=a" },
	{ false, "CN=*\\*", "CN=a" },
	{ false, "CN=*, O=Example", "CN=bob" },
	{ false, "CN=*, O=Example", "O=Example" },
	{ false, "CN=*, O=Example", "CN=bob,O=Other" },
	{ false, "CN=*, O=Example", "CN=bob,O=Example,OU=x" },
	{ false, "CN=*, O=Example", "CN=bob,O=Example,CN=bob" },
	{ false, "CN=*, O=Example", "CN=bob,O=Example,O=Example" },
	{ false, "CN=*, O=Example", "CN=bob,OU=Example" },
	{ false, "CN=*, O=Example", "CN=bob+O=Example" },
	{ false, "CN=*", "CN=bob+O=Example" },
	{ false, "CN=*, O=*", "CN=bob+O=Example,O=x" },
	{ false, "CN=*", "CN=" },
	{ false, "CN=*b", "CN=b" },
	{ false, "CN=*.db.example", "CN=db.example" },
	{ false, "CN=*.db.example", "CN=.db.example" },
	{ false, "CN=*.db.example", "CN=a.db.example.org" },
	{ false, "CN=*.db.example", "CN=a,CN=.db.example" },
	{ false, "CN=*,CN=*b,CN=*ab,CN=xab", "CN=yab,CN=yab,CN=yb,CN=y" },
	{ false, "CN=b,CN=b", "CN=a,CN=b" },
	{ false, "CN=a", "CN=b" },
	{ false, "CN=a", "CN=aa" },
	{ false, "CN=aa", "CN=a" },
	{ false, "CN=\xc3\xa4", "CN=\xc3\x84" },	/* letters beyond ASCII have one case */
};

static void pattern_dn_fits(struct tally *t)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dn_fit); i++)
		EXPECT(t, dn_fits(dn_fit[i].pattern, dn_fit[i].name) == dn_fit[i].fits,
		       "%s for %s", dn_fit[i].pattern, dn_fit[i].name);
}

static bool value_fits(const char *pattern, u8 tag, const void *value, u32 n)
{
	static struct build b;

	build_start(&b);
	build_ava(&b, test_oid("CN="), tag, (struct latch_bytes){ value, n });
	build_head(&b, 0x31, 0);
	build_head(&b, 0x30, 0);
	return pattern_fits(LATCH_ID_DN, pattern, b.buf + b.at, build_len(&b));
}

/* Any byte as a value: by hex digits, as itself, and behind a backslash. */
static void pattern_every_value(struct tally *t)
{
	u32 c, other;
	char text[32];

	for (c = 0; c < 256; c++) {
		bool special = c && strchr(" \"#+,;<=>\\*", c);
		u8 value[3] = { 'a', c, 'z' };

		snprintf(text, sizeof(text), "CN=a\\%02xz", c);
		EXPECT(t, pattern_ok(LATCH_ID_DN, text) == !!c, "%s", text);
		for (other = 0; c && other < 256; other++) {
			u8 wrong[3] = { 'a', other, 'z' };
			bool same = c == other || ((c ^ other) == 0x20 &&
						   (c | 0x20) >= 'a' && (c | 0x20) <= 'z');

			EXPECT(t, value_fits(text, 12, wrong, 3) == same, "%s for %#x", text,
			       other);
		}
		snprintf(text, sizeof(text), "CN=a\\%cz", c);
		if (c)
			EXPECT(t, pattern_ok(LATCH_ID_DN, text) == special, "%s", text);
		if (special)
			EXPECT(t, value_fits(text, 12, value, 3), "%s", text);
		EXPECT(t, value_fits("CN=*", 12, value, 3) == !!c, "anything for %#x", c);
		EXPECT(t, value_fits("CN=*z", 12, value, 3) == !!c, "any beginning for %#x", c);
	}
	EXPECT(t, !value_fits("CN=a", 12, "a\0", 2), "NUL behind");
	EXPECT(t, !value_fits("CN=*", 12, "\0", 1), "NUL alone");
}

/* Types in which ASCII is what it seems; not BMPString, nor what is no string. */
static void pattern_every_type(struct tally *t)
{
	u32 tag;

	for (tag = 1; tag < 31; tag++) {
		bool text = tag == 12 || tag == 18 || tag == 19 || tag == 20 || tag == 22 ||
			    tag == 26;

		EXPECT(t, value_fits("CN=*", tag, "bob", 3) == text, "* for type %u", tag);
		EXPECT(t, value_fits("CN=bob", tag, "bob", 3) == text, "bob for type %u", tag);
	}
}

/* Each name of an attribute is that OID and no other. */
static void pattern_every_attribute(struct tally *t)
{
	static const struct {
		const char *name, *dotted, *bytes;
	} known[] = {
		{ "CN", "2.5.4.3", "\x55\x04\x03" },
		{ "SN", "2.5.4.4", "\x55\x04\x04" },
		{ "serialNumber", "2.5.4.5", "\x55\x04\x05" },
		{ "C", "2.5.4.6", "\x55\x04\x06" },
		{ "L", "2.5.4.7", "\x55\x04\x07" },
		{ "ST", "2.5.4.8", "\x55\x04\x08" },
		{ "STREET", "2.5.4.9", "\x55\x04\x09" },
		{ "O", "2.5.4.10", "\x55\x04\x0a" },
		{ "OU", "2.5.4.11", "\x55\x04\x0b" },
		{ "T", "2.5.4.12", "\x55\x04\x0c" },
		{ "title", "2.5.4.12", "\x55\x04\x0c" },
		{ "GN", "2.5.4.42", "\x55\x04\x2a" },
		{ "UID", "0.9.2342.19200300.100.1.1", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01" },
		{ "DC", "0.9.2342.19200300.100.1.25", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19" },
		{ "E", "1.2.840.113549.1.9.1", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01" },
		{ "emailaddress", "1.2.840.113549.1.9.1", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01" },
		{ "2.4294967295", "2.4294967295", "\x90\x80\x80\x80\x4f" },
		{ "2.999.127.129", "2.999.127.129", "\x88\x37\x7f\x81\x01" },
	};
	static struct build b;
	char text[64];
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		struct latch_bytes oid = { (const u8 *)known[i].bytes, strlen(known[i].bytes) };

		build_start(&b);
		build_ava(&b, oid, 12, (struct latch_bytes){ (const u8 *)"x", 1 });
		build_head(&b, 0x31, 0);
		build_head(&b, 0x30, 0);
		for (k = 0; k < ARRAY_SIZE(known); k++) {
			bool same = !strcmp(known[i].bytes, known[k].bytes);

			snprintf(text, sizeof(text), "%s=x", known[k].name);
			EXPECT(t, pattern_fits(LATCH_ID_DN, text, b.buf + b.at,
					       build_len(&b)) == same, "%s, %s", text,
			       known[i].name);
			snprintf(text, sizeof(text), "%s=*", known[k].dotted);
			EXPECT(t, pattern_fits(LATCH_ID_DN, text, b.buf + b.at,
					       build_len(&b)) == same, "%s, %s", text,
			       known[i].name);
		}
	}
}

/* A pattern is for IDs of its own type only. */
static void pattern_every_kind(struct tally *t)
{
	static struct build b;
	struct latch_id id = pattern_of(LATCH_ID_FQDN, "*.db.example", 12);
	u32 type;

	build_name(&b, "CN=bob", 12);
	for (type = 0; type < 256; type++) {
		id.type = LATCH_ID_FQDN;
		EXPECT(t, latch_pattern_match(&id, type, "a.db.example", 12) ==
		       (type == LATCH_ID_FQDN), "FQDN for type %u", type);
		id.type = type;
		EXPECT(t, type == LATCH_ID_FQDN ||
		       (!latch_pattern_match(&id, type, "a.db.example", 12) &&
			!latch_pattern_match(&id, LATCH_ID_FQDN, "a.db.example", 12)),
		       "type %u", type);
	}
	id = pattern_of(LATCH_ID_DN, "CN=*", 4);
	EXPECT(t, latch_pattern_match(&id, LATCH_ID_DN, b.buf + b.at, build_len(&b)), "DN");
	EXPECT(t, !latch_pattern_match(&id, LATCH_ID_GN, b.buf + b.at, build_len(&b)), "GN");
	EXPECT(t, !latch_pattern_match(&id, LATCH_ID_DN, "CN=bob", 6), "a DN as text");
	EXPECT(t, !latch_pattern_match(&id, LATCH_ID_DN, b.buf + b.at, build_len(&b) - 1), "cut");
	EXPECT(t, !latch_pattern_match(&id, LATCH_ID_DN, "", 0), "nothing");
	/* what fits, and then something that is no RDN */
	build_start(&b);
	build_put(&b, "\x31", 2);
	build_ava(&b, test_oid("CN="), 12, (struct latch_bytes){ (const u8 *)"bob", 3 });
	build_head(&b, 0x31, 2);
	build_head(&b, 0x30, 0);
	EXPECT(t, !latch_pattern_match(&id, LATCH_ID_DN, b.buf + b.at, build_len(&b)), "tail");
}

/* --- against a slow and simple reading of the rules --------------------------------- */

#define REF_MAX	4

/* An attribute, whether an asterisk is in front, and the letters behind it. */
struct ref_part {
	char attr[3];
	bool star;
	char text[4];
};

static bool ref_fits(const struct ref_part *part, const struct ref_part *rdn)
{
	size_t n = strlen(rdn->text), want = strlen(part->text);

	if (strcmp(part->attr, rdn->attr))
		return false;
	if (!part->star)
		return !strcmp(part->text, rdn->text);
	return n > want && !strcmp(rdn->text + n - want, part->text);
}

/* Is there any way to give each component another RDN? All are tried. */
static bool ref_match(const struct ref_part *part, u32 n, const struct ref_part *rdn, u32 m)
{
	u32 order, i, place, used, all = 1;

	if (n != m)
		return false;
	for (i = 0; i < n; i++)
		all *= n;
	for (order = 0; order < all; order++) {
		u32 rest = order;

		for (i = 0, used = 0; i < n; i++, rest /= n) {
			place = rest % n;
			if (used & 1 << place || !ref_fits(&part[i], &rdn[place]))
				break;
			used |= 1 << place;
		}
		if (i == n)
			return true;
	}
	return false;
}

static struct ref_part ref_rdn(u32 *seed)
{
	struct ref_part rdn = { .star = false };
	u32 i, n = 1 + next_random(seed) % 3;

	memcpy(rdn.attr, next_random(seed) % 4 ? "CN" : "O\0", 3);
	for (i = 0; i < n; i++)
		rdn.text[i] = 'a' + (next_random(seed) & 1);
	return rdn;
}

/* A component: an RDN, with its first letters replaced more often than not. */
static struct ref_part ref_part(u32 *seed, struct ref_part rdn)
{
	u32 cut = next_random(seed) % (strlen(rdn.text) + 2);

	if (!cut)
		return rdn;
	rdn.star = true;
	memmove(rdn.text, rdn.text + cut - 1, strlen(rdn.text + cut - 1) + 1);
	return rdn;
}

static void ref_write(char *text, size_t room, const struct ref_part *part, u32 n)
{
	u32 i, at = 0;

	for (i = 0; i < n; i++)
		at += snprintf(text + at, room - at, "%s%s=%s%s", i ? "," : "", part[i].attr,
			       part[i].star ? "*" : "", part[i].text);
}

static void pattern_against_reference(struct tally *t)
{
	struct ref_part part[REF_MAX], rdn[REF_MAX];
	char pattern[64], name[64];
	u32 seed = 4301, round, fitted = 0, i, n, m;

	for (round = 0; round < RANDOM_ROUNDS; round++) {
		n = 1 + next_random(&seed) % REF_MAX;
		m = next_random(&seed) % 8 ? n : 1 + next_random(&seed) % REF_MAX;
		for (i = 0; i < REF_MAX; i++) {
			rdn[i] = ref_rdn(&seed);
			part[i] = ref_part(&seed, ref_rdn(&seed));
		}
		/* at random they seldom fit */
		for (i = 0; i < n && m == n && round & 1; i++)
			part[i] = ref_part(&seed, rdn[(i + round) % n]);
		ref_write(pattern, sizeof(pattern), part, n);
		ref_write(name, sizeof(name), rdn, m);
		EXPECT(t, pattern_ok(LATCH_ID_DN, pattern), "%s", pattern);
		EXPECT(t, dn_fits(pattern, name) == ref_match(part, n, rdn, m), "%s for %s",
		       pattern, name);
		fitted += ref_match(part, n, rdn, m);
		if (!(round & 255))
			breathe();
	}
	EXPECT(t, fitted > RANDOM_ROUNDS / 20 && fitted < RANDOM_ROUNDS * 19 / 20,
	       "%u of %u fitted: too few of one kind to show anything", fitted, RANDOM_ROUNDS);
}

/*
 * Texts of no sense. What is behind a text makes no difference, so nothing is read
 * there; and whatever it is, the matcher comes to an end.
 */
static void pattern_random(struct tally *t)
{
	static const char *const words[] = {
		"*", "*", ".", "@", ",", "=", "CN=", "O=", "=*", ",CN=*", "2.5.4.3=", "a", "b",
		"\\", "\\41", "\\,", " ", "#", "+", "db.example", "\xc3", "0", "2.", "\t",
	};
	static const u8 types[] = { LATCH_ID_FQDN, LATCH_ID_EMAIL, LATCH_ID_DN };
	static const char *const ids[] = { "a.db.example", "b@db.example" };
	static struct build b;
	u32 seed = 4514, round, i, k, taken = 0;
	struct latch_id one, other;

	build_name(&b, "CN=ab,CN=b;O=a", 12);
	for (round = 0; round < RANDOM_ROUNDS; round++) {
		char text[128];
		u32 at = 0;

		for (i = next_random(&seed) % 8; i < 8; i++)
			at += snprintf(text + at, sizeof(text) - at, "%s",
				       words[next_random(&seed) % ARRAY_SIZE(words)]);
		if (round & 1)
			text[next_random(&seed) % at] = next_random(&seed);
		one = pattern_of(types[round % 3], text, at);
		other = one;
		memset(other.value + at, "*,A.="[round % 5], sizeof(other.value) - at);
		EXPECT(t, latch_pattern_ok(&one) == latch_pattern_ok(&other), "%.*s", (int)at,
		       text);
		taken += latch_pattern_ok(&one);
		for (k = 0; k < ARRAY_SIZE(types); k++) {
			const void *id = k < 2 ? ids[k] : (const char *)b.buf + b.at;
			u32 n = k < 2 ? strlen(ids[k]) : build_len(&b);
			const u8 *p = in_arena(id, n);

			EXPECT(t, latch_pattern_match(&one, types[k], p, n) ==
			       latch_pattern_match(&other, types[k], p, n), "%.*s", (int)at,
			       text);
		}
		if (!(round & 255))
			breathe();
	}
	EXPECT(t, taken > RANDOM_ROUNDS / 100, "only %u of %u were patterns", taken, RANDOM_ROUNDS);
}

/* A pattern that fits a name fits no name with one byte changed that matters. */
static void pattern_every_byte(struct tally *t)
{
	static const char pattern[] = "C=xx, O=*mple, CN=a.db.example";
	static const char text[] = "C=XX,O=Example,CN=a.db.example";
	static struct build b;
	static u8 copy[128];
	u32 i, value, n;

	build_name(&b, text, 12);
	n = build_len(&b);
	memcpy(copy, b.buf + b.at, n);
	EXPECT(t, pattern_fits(LATCH_ID_DN, pattern, copy, n), "as it is");
	for (i = 0; i < n; i++) {
		for (value = 0; value < 256; value++) {
			u8 was = b.buf[b.at + i];
			bool fits, letter = (was | 0x20) >= 'a' && (was | 0x20) <= 'z';

			copy[i] = value;
			fits = pattern_fits(LATCH_ID_DN, pattern, copy, n);
			if (value == was || !fits)
				continue;
			/* "Exa", a string type, the other case; an attribute's bytes are none */
			EXPECT(t, (was == 12 && strchr("\x12\x13\x14\x16\x1a", value)) ||
			       (letter && (value ^ was) == 0x20) ||
			       (!memcmp(b.buf + b.at + i, "Example", 7) ||
				!memcmp(b.buf + b.at + i - 1, "Example", 7) ||
				!memcmp(b.buf + b.at + i - 2, "Example", 7)),
			       "byte %u: %#x for %#x", i, value, was);
		}
		copy[i] = b.buf[b.at + i];
		breathe();
	}
}

static const struct test pattern_tests[] = {
	{ "2-16_pattern_or_not", pattern_is_one },
	{ "2-16_pattern_limits", pattern_limits },
	{ "2-16_pattern_most_components", pattern_most_components },
	{ "2-16_pattern_of_text", pattern_text_fits },
	{ "2-16_pattern_of_dn", pattern_dn_fits },
	{ "2-16_pattern_every_value", pattern_every_value },
	{ "2-16_pattern_every_string_type", pattern_every_type },
	{ "2-16_pattern_every_attribute", pattern_every_attribute },
	{ "2-16_pattern_every_kind", pattern_every_kind },
	{ "2-16_pattern_every_byte", pattern_every_byte },
	{ "2-16_pattern_against_reference", pattern_against_reference },
	{ "2-16_pattern_random", pattern_random },
};

#endif /* LATCH_TESTS_PATTERN_CASES_H */
