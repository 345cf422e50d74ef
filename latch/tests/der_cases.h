/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DER, as it should be and as somebody hostile would send it.
 */
#ifndef LATCH_TESTS_DER_CASES_H
#define LATCH_TESTS_DER_CASES_H

#include "../core/der.h"
#include "harness.h"

/* --- names made of text ------------------------------------------------------ */

/* Bytes that are written from the end to the beginning, as lengths come first. */
struct build {
	u8 buf[1536];
	u32 at;
};

static void build_start(struct build *b)
{
	b->at = sizeof(b->buf);
}

static u32 build_len(const struct build *b)
{
	return sizeof(b->buf) - b->at;
}

static void build_put(struct build *b, const void *p, u32 n)
{
	b->at -= n;
	memcpy(b->buf + b->at, p, n);
}

/* Tag and length of what was written since there were @since bytes. */
static void build_head(struct build *b, u8 tag, u32 since)
{
	u32 n = build_len(b) - since;
	u8 head[4] = { tag };
	u32 len = 1;

	if (n >= 0x100)
		head[len++] = 0x82;
	else if (n >= 0x80)
		head[len++] = 0x81;
	if (n >= 0x100)
		head[len++] = n >> 8;
	head[len++] = n;
	build_put(b, head, len);
}

static void build_ava(struct build *b, struct latch_bytes oid, u8 tag,
		      struct latch_bytes value)
{
	u32 since = build_len(b);

	build_put(b, value.p, value.n);
	build_head(b, tag, since);
	build_put(b, oid.p, oid.n);
	build_head(b, 0x06, build_len(b) - oid.n);
	build_head(b, 0x30, since);
}

static const struct {
	const char *name;
	const char *oid;
} test_attrs[] = {
	{ "CN", "\x55\x04\x03" },
	{ "O", "\x55\x04\x0a" },
	{ "OU", "\x55\x04\x0b" },
	{ "C", "\x55\x04\x06" },
	{ "DC", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19" },
};

/* The attribute in front of a "=", for tests' own texts. */
static struct latch_bytes test_oid(const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(test_attrs); i++) {
		size_t n = strlen(test_attrs[i].name);

		if (!strncmp(text, test_attrs[i].name, n) && text[n] == '=')
			return (struct latch_bytes){ (const u8 *)test_attrs[i].oid,
						      strlen(test_attrs[i].oid) };
	}
	return (struct latch_bytes){ (const u8 *)"\x55", 1 };
}

/*
 * "CN=bob,O=Example" as DER; "+" instead of a comma puts two into one RDN, ";" begins
 * an RDN whose value is of another string type.
 */
static void build_name(struct build *b, const char *text, u8 tag)
{
	u32 end = strlen(text), i, since = 0;

	build_start(b);
	for (i = end; i-- > 0;) {
		bool begins = !i || strchr(",;+", text[i - 1]);
		const char *value;

		if (!begins)
			continue;
		value = strchr(text + i, '=') + 1;
		build_ava(b, test_oid(text + i), i && text[i - 1] == ';' ? 19 : tag,
			  (struct latch_bytes){ (const u8 *)value, text + end - value });
		end = i ? i - 1 : 0;
		if (i && text[i - 1] == '+')
			continue;
		build_head(b, 0x31, since);
		since = build_len(b);
	}
	build_head(b, 0x30, 0);
}

/* --- what is taken is plain DER ------------------------------------------------ */

/* Input at the very end, so that sanitizers see who reads behind it. */
static u8 arena[65536 + 16];

static u8 *in_arena(const void *p, u32 n)
{
	u8 *at = arena + sizeof(arena) - n;

	memmove(at, p, n);
	return at;
}

static bool inside(struct latch_bytes part, const u8 *p, u32 n)
{
	return part.p >= p && part.n <= n && part.p - p <= (long)(n - part.n);
}

#define AVAS_MAX	128

/*
 * Walks a name. Where it is taken, the same bytes come out when what was found is
 * written as DER: so there is one form only, and every byte of it was seen.
 */
static bool walk_name(struct tally *t, const void *p, u32 n)
{
	static struct latch_ava avas[AVAS_MAX];
	static struct build b;
	struct latch_name w;
	u32 count = 0, since = 0, i;
	const u8 *at = in_arena(p, n);

	latch_name_open(&w, at, n);
	for (; count < AVAS_MAX && latch_name_next(&w, &avas[count]); count++) {
		EXPECT(t, inside(avas[count].oid, at, n) && inside(avas[count].value, at, n),
		       "outside of %u bytes", n);
	}
	EXPECT(t, count < AVAS_MAX, "%u bytes: no end", n);
	EXPECT(t, !latch_name_next(&w, &avas[AVAS_MAX - 1]), "goes on behind the end");
	if (w.bad || n > 1024)
		return !w.bad;
	EXPECT(t, count && avas[0].first && avas[count - 1].last, "%u bytes: empty", n);
	build_start(&b);
	for (i = count; i-- > 0;) {
		build_ava(&b, avas[i].oid, avas[i].tag, avas[i].value);
		EXPECT(t, avas[i].first == (!i || avas[i - 1].last), "first, last of %u", i);
		if (!avas[i].first)
			continue;
		build_head(&b, 0x31, since);
		since = build_len(&b);
	}
	build_head(&b, 0x30, 0);
	EXPECT(t, build_len(&b) == n && !memcmp(b.buf + b.at, at, n), "%u bytes: not DER", n);
	return true;
}

static const char *const good_names[] = {
	"CN=bob", "C=XX,O=Example,CN=bob.db.example", "CN=a+O=b", "DC=example,DC=db",
	"C=XX;O=Example,OU=,CN=x", "O=a+CN=bb+CN=bc,CN=x",
};

static void der_good_names(struct tally *t)
{
	static struct build b;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good_names); i++) {
		build_name(&b, good_names[i], 12);
		EXPECT(t, walk_name(t, b.buf + b.at, build_len(&b)), "%s", good_names[i]);
	}
	/* CN, 2.5.4.3, is before O, 2.5.4.10 */
	build_name(&b, "O=a+CN=b", 12);
	EXPECT(t, !walk_name(t, b.buf + b.at, build_len(&b)), "not sorted");
	build_name(&b, "CN=a+CN=a", 12);
	EXPECT(t, !walk_name(t, b.buf + b.at, build_len(&b)), "twice the same");
	build_name(&b, "O=b+CN=aa", 12);
	EXPECT(t, walk_name(t, b.buf + b.at, build_len(&b)), "the shorter one first");
}

static const struct {
	const char *what;
	const char *bytes;
	u32 n;
} bad_names[] = {
	{ "nothing", "", 0 },
	{ "a tag", "\x30", 1 },
	{ "no RDN", "\x30\x00", 2 },
	{ "empty RDN", "\x30\x02\x31\x00", 4 },
	{ "empty attribute", "\x30\x04\x31\x02\x30\x00", 6 },
	{ "no value", "\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x03", 11 },
	{ "value without length", "\x30\x0a\x31\x08\x30\x06\x06\x03\x55\x04\x03\x0c", 12 },
	{ "two values",
	  "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x00\x0c\x00", 15 },
	{ "indefinite length",
	  "\x30\x80\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61\x00\x00", 16 },
	{ "length in two bytes where one does",
	  "\x30\x81\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61", 15 },
	{ "length in four bytes",
	  "\x30\x84\x00\x00\x00\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61", 18 },
	{ "length of all bytes that there are", "\x30\xff\x31", 3 },
	{ "something behind it",
	  "\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61\x00", 15 },
	{ "a long tag", "\x3f\x10\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61", 15 },
	{ "constructed value",
	  "\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x2c\x03\x0c\x01\x61", 16 },
	{ "value of tag 0", "\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x00\x01\x61", 14 },
	{ "value of a long tag", "\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x1f\x01\x61", 14 },
	{ "empty OID", "\x30\x09\x31\x07\x30\x05\x06\x00\x0c\x01\x61", 11 },
	{ "OID that does not end",
	  "\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x83\x0c\x01\x61", 14 },
	{ "OID with a number in a longer form",
	  "\x30\x0d\x31\x0b\x30\x09\x06\x04\x55\x04\x80\x03\x0c\x01\x61", 15 },
};

static void der_bad_names(struct tally *t)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_names); i++)
		EXPECT(t, !walk_name(t, bad_names[i].bytes, bad_names[i].n), "%s",
		       bad_names[i].what);
}

/* Every byte with every value, every beginning, every byte left out or twice. */
static void der_every_byte(struct tally *t)
{
	static struct build b;
	static u8 copy[256];
	u32 i, n, value;

	build_name(&b, "C=XX;O=Ex,CN=a+O=b,CN=bob", 12);
	n = build_len(&b);
	memcpy(copy, b.buf + b.at, n);
	EXPECT(t, walk_name(t, copy, n), "as it is");
	for (i = 0; i < n; i++) {
		for (value = 0; value < 256; value++) {
			copy[i] = value;
			walk_name(t, copy, n);
		}
		copy[i] = b.buf[b.at + i];
		EXPECT(t, !walk_name(t, copy, i), "the first %u bytes", i);
		EXPECT(t, !walk_name(t, copy + i + 1, n - i - 1), "without the first %u", i + 1);
		memmove(copy + i, copy + i + 1, n - i - 1);
		walk_name(t, copy, n - 1);
		memcpy(copy, b.buf + b.at, n);
		memmove(copy + i + 1, copy + i, n - i);
		walk_name(t, copy, n + 1);
		memcpy(copy, b.buf + b.at, n);
		breathe();
	}
}

/* Lengths of one, two and three bytes, at each level. */
static void der_every_length(struct tally *t)
{
	static struct build b;
	static u8 value[600];
	u32 n;

	for (n = 0; n < sizeof(value); n++) {
		build_start(&b);
		build_ava(&b, test_oid("CN="), 12, (struct latch_bytes){ value, n });
		build_head(&b, 0x31, 0);
		build_head(&b, 0x30, 0);
		EXPECT(t, walk_name(t, b.buf + b.at, build_len(&b)), "a value of %u bytes", n);
		EXPECT(t, !walk_name(t, b.buf + b.at, build_len(&b) - 1), "%u, less one", n);
	}
}

/* What names consist of, in random order and with some bytes changed. */
static void der_random(struct tally *t)
{
	static const u8 likely[] = { 0x30, 0x31, 0x06, 0x0c, 0x13, 0, 1, 2, 3, 5, 7, 9,
				     0x0b, 0x55, 4, 0x7f, 0x80, 0x81, 0x82, 0x83, 0xff };
	static struct build b;
	u32 seed = 5660, round, i, n;
	static u8 copy[256];

	for (round = 0; round < RANDOM_ROUNDS; round++) {
		if (round & 1) {
			n = next_random(&seed) % 40;
			for (i = 0; i < n; i++)
				copy[i] = likely[next_random(&seed) % sizeof(likely)];
		} else {
			build_name(&b, good_names[next_random(&seed) % 4], 12);
			n = build_len(&b);
			memcpy(copy, b.buf + b.at, n);
			for (i = 0; i < 1 + round % 4; i++)
				copy[next_random(&seed) % n] =
					likely[next_random(&seed) % sizeof(likely)];
		}
		walk_name(t, copy, n);
		if (!(round & 255))
			breathe();
	}
}

/* As long as a record's part can be. */
static void der_64k(struct tally *t)
{
	static const u8 head[] = { 0x30, 0x82, 0xff, 0xfb, 0x31, 0x82, 0xff, 0xf7, 0x30, 0x82,
				   0xff, 0xf3, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x82,
				   0xff, 0xea };
	static u8 name[65536];

	memset(name, 'a', sizeof(name));
	memcpy(name, head, sizeof(head));
	EXPECT(t, walk_name(t, name, 65535), "65535 bytes");
	EXPECT(t, !walk_name(t, name, 65536), "something behind it");
	name[20]++;
	EXPECT(t, !walk_name(t, name, 65535), "a value over the end");
	name[20] -= 2;
	EXPECT(t, !walk_name(t, name, 65535), "a value that ends before");
	memset(name, 0x30, sizeof(name));
	EXPECT(t, !walk_name(t, name, 65535), "nothing but beginnings");
	memset(name, 0x80, sizeof(name));
	EXPECT(t, !walk_name(t, name, 65535), "nothing but indefinite lengths");
}

/* --- certificates ---------------------------------------------------------------- */

/* Made with openssl: Ed25519, CN=bob.db.example. */
static const u8 test_cert[] = {
	0x30, 0x82, 0x01, 0x72, 0x30, 0x82, 0x01, 0x24, 0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01,
	0x01, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x30, 0x38, 0x31, 0x0b, 0x30, 0x09, 0x06,
	0x03, 0x55, 0x04, 0x06, 0x13, 0x02, 0x58, 0x58, 0x31, 0x10, 0x30, 0x0e, 0x06, 0x03, 0x55,
	0x04, 0x0a, 0x0c, 0x07, 0x45, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x31, 0x17, 0x30, 0x15,
	0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x0e, 0x62, 0x6f, 0x62, 0x2e, 0x64, 0x62, 0x2e, 0x65,
	0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x30, 0x1e, 0x17, 0x0d, 0x32, 0x36, 0x31, 0x31, 0x32,
	0x32, 0x30, 0x30, 0x32, 0x31, 0x34, 0x39, 0x5a, 0x17, 0x0d, 0x33, 0x36, 0x31, 0x31, 0x31,
	0x39, 0x30, 0x30, 0x32, 0x31, 0x34, 0x39, 0x5a, 0x30, 0x38, 0x31, 0x0b, 0x30, 0x09, 0x06,
	0x03, 0x55, 0x04, 0x06, 0x13, 0x02, 0x58, 0x58, 0x31, 0x10, 0x30, 0x0e, 0x06, 0x03, 0x55,
	0x04, 0x0a, 0x0c, 0x07, 0x45, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x31, 0x17, 0x30, 0x15,
	0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x0e, 0x62, 0x6f, 0x62, 0x2e, 0x64, 0x62, 0x2e, 0x65,
	0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70,
	0x03, 0x21, 0x00, 0x8e, 0xfd, 0x10, 0x93, 0x06, 0x08, 0xc8, 0x0d, 0x9f, 0xb7, 0x1c, 0xb9,
	0x37, 0xb7, 0x09, 0xcb, 0xb0, 0x55, 0xfa, 0x22, 0xbe, 0xa8, 0x66, 0x7a, 0xc1, 0x9d, 0xf8,
	0x45, 0x32, 0xea, 0xa3, 0x00, 0xa3, 0x53, 0x30, 0x51, 0x30, 0x1d, 0x06, 0x03, 0x55, 0x1d,
	0x0e, 0x04, 0x16, 0x04, 0x14, 0x5f, 0x63, 0xaa, 0x62, 0xc4, 0x22, 0x22, 0x63, 0xee, 0x96,
	0x78, 0xf0, 0xab, 0x52, 0xab, 0xa7, 0x44, 0x7b, 0x08, 0x5b, 0x30, 0x1f, 0x06, 0x03, 0x55,
	0x1d, 0x23, 0x04, 0x18, 0x30, 0x16, 0x80, 0x14, 0x5f, 0x63, 0xaa, 0x62, 0xc4, 0x22, 0x22,
	0x63, 0xee, 0x96, 0x78, 0xf0, 0xab, 0x52, 0xab, 0xa7, 0x44, 0x7b, 0x08, 0x5b, 0x30, 0x0f,
	0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x05, 0x30, 0x03, 0x01, 0x01, 0xff,
	0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x41, 0x00, 0x55, 0x8f, 0xca, 0x76, 0x3c,
	0x89, 0x58, 0x5e, 0xe8, 0x5c, 0xc6, 0xea, 0x0c, 0xfd, 0xe1, 0xf3, 0x8d, 0x94, 0x8e, 0x1f,
	0x20, 0x7b, 0x09, 0xd0, 0x7c, 0xc9, 0x2b, 0xea, 0xe1, 0xc4, 0xd2, 0xe0, 0x22, 0xbb, 0xdd,
	0x55, 0x13, 0x80, 0x8f, 0xc1, 0x90, 0x4a, 0xbc, 0xf3, 0x7d, 0x93, 0x74, 0xea, 0x72, 0xe2,
	0xd5, 0xc8, 0xd6, 0x16, 0x54, 0x50, 0xf8, 0xf7, 0x83, 0xb6, 0xc2, 0x72, 0xd2, 0x04,
};

#define CERT_KEY	171	/* where the key is, and its length */
#define CERT_KEY_LEN	44

static bool cert_key(struct tally *t, const void *p, u32 n)
{
	const u8 *at = in_arena(p, n);
	struct latch_bytes subject, key;

	if (!latch_cert_parts(at, n, &subject, &key))
		return false;
	EXPECT(t, inside(subject, at, n), "%u bytes", n);
	EXPECT(t, inside(key, at, n) && key.n > 2 && key.p[0] == 0x30, "%u bytes", n);
	/* a byte changed or left out in front of it may move it by one */
	EXPECT(t, key.p - at >= CERT_KEY - 1 && key.p - at <= CERT_KEY + 1 &&
	       key.n == CERT_KEY_LEN, "at %ld, %u bytes", (long)(key.p - at), key.n);
	return true;
}

static void der_cert(struct tally *t)
{
	struct latch_bytes subject, key;

	EXPECT(t, cert_key(t, test_cert, sizeof(test_cert)), "as it is");
	EXPECT(t, latch_cert_parts(test_cert, sizeof(test_cert), &subject, &key) &&
	       key.p == test_cert + CERT_KEY && key.n == CERT_KEY_LEN, "where it is");
}

static void der_cert_every_byte(struct tally *t)
{
	static u8 copy[sizeof(test_cert) + 1];
	u32 n = sizeof(test_cert), i, value;

	memcpy(copy, test_cert, n);
	for (i = 0; i < n; i++) {
		for (value = 0; value < 256; value++) {
			copy[i] = value;
			cert_key(t, copy, n);
		}
		copy[i] = test_cert[i];
		EXPECT(t, !cert_key(t, copy, i), "the first %u bytes", i);
		EXPECT(t, !cert_key(t, copy + i + 1, n - i - 1), "without the first %u", i + 1);
		memmove(copy + i, copy + i + 1, n - i - 1);
		EXPECT(t, !cert_key(t, copy, n - 1), "without byte %u", i);
		memcpy(copy, test_cert, n);
		memmove(copy + i + 1, copy + i, n - i);
		EXPECT(t, !cert_key(t, copy, n + 1), "byte %u twice", i);
		memcpy(copy, test_cert, n);
		breathe();
	}
}

static void der_cert_random(struct tally *t)
{
	static u8 copy[sizeof(test_cert)];
	u32 seed = 5280, round, i;

	for (round = 0; round < RANDOM_ROUNDS; round++) {
		memcpy(copy, test_cert, sizeof(copy));
		for (i = 0; i < 1 + round % 8; i++)
			copy[next_random(&seed) % sizeof(copy)] = next_random(&seed);
		cert_key(t, copy, sizeof(copy));
		if (!(round & 255))
			breathe();
	}
}

/* What is a certificate but for one thing. */
static void der_cert_frame(struct tally *t)
{
	static const struct {
		u32 at;
		u8 is, not;
		const char *what;
	} edits[] = {
		{ 0, 0x30, 0x31, "frame" },
		{ 4, 0x30, 0x31, "what is signed" },
		{ 8, 0xa0, 0xa1, "version" },
		{ 13, 0x02, 0x04, "serial number" },
		{ 16, 0x30, 0x31, "algorithm" },
		{ 23, 0x30, 0x31, "issuer" },
		{ 81, 0x30, 0x31, "validity" },
		{ 113, 0x30, 0x31, "subject" },
		{ 171, 0x30, 0x31, "key" },
		{ 173, 0x30, 0x31, "key's algorithm" },
		{ 180, 0x03, 0x04, "key's bits" },
		{ 215, 0xa3, 0x00, "extensions" },
		{ 216, 0x53, 0x54, "end of the extensions" },
		{ 300, 0x30, 0x31, "signature's algorithm" },
		{ 307, 0x03, 0x04, "signature" },
	};
	static u8 copy[sizeof(test_cert) + 2];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(edits); i++) {
		memcpy(copy, test_cert, sizeof(test_cert));
		EXPECT(t, copy[edits[i].at] == edits[i].is, "%s is elsewhere: %#x", edits[i].what,
		       copy[edits[i].at]);
		copy[edits[i].at] = edits[i].not;
		EXPECT(t, !cert_key(t, copy, sizeof(test_cert)), "%s", edits[i].what);
	}
	/* one element more, where the frame has room for it */
	memcpy(copy, test_cert, sizeof(test_cert));
	memcpy(copy + sizeof(test_cert), "\x05", 2);
	EXPECT(t, !cert_key(t, copy, sizeof(copy)), "behind the frame");
	copy[3] += 2;
	EXPECT(t, !cert_key(t, copy, sizeof(copy)), "behind the signature");
}

static void der_order(struct tally *t)
{
	static const char *const rising[] = { "", "a", "aa", "ab", "b", "ba", "\xff" };
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(rising); i++)
		for (k = 0; k < ARRAY_SIZE(rising); k++) {
			struct latch_bytes a = { (const u8 *)rising[i], strlen(rising[i]) };
			struct latch_bytes b = { (const u8 *)rising[k], strlen(rising[k]) };
			int cmp = latch_bytes_cmp(a, b);

			EXPECT(t, (cmp > 0) == (i > k) && (cmp < 0) == (i < k), "%u, %u", i, k);
		}
}

static const struct test der_tests[] = {
	{ "core_der_good_names", der_good_names },
	{ "core_der_bad_names", der_bad_names },
	{ "core_der_every_byte_of_a_name", der_every_byte },
	{ "core_der_every_length", der_every_length },
	{ "core_der_random_names", der_random },
	{ "core_der_64k", der_64k },
	{ "core_der_certificate", der_cert },
	{ "core_der_frame_of_a_certificate", der_cert_frame },
	{ "core_der_every_byte_of_a_certificate", der_cert_every_byte },
	{ "core_der_random_certificates", der_cert_random },
	{ "core_der_order", der_order },
};

#endif /* LATCH_TESTS_DER_CASES_H */
