/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is hashed for a channel binding: the same at both ends, another one for any
 * other pair of ends.
 */
#ifndef LATCH_TESTS_BINDING_CASES_H
#define LATCH_TESTS_BINDING_CASES_H

#include "../core/chanbind.h"
#include "der_cases.h"

/* The example of Documentation/networking/latch-ike.rst; keys stand for their digests. */
static const u8 example_dn[] = {
	0x30, 0x2d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x06, 0x13,
	0x02, 0x58, 0x58, 0x31, 0x10, 0x30, 0x0e, 0x06, 0x03, 0x55, 0x04, 0x0a,
	0x0c, 0x07, 0x45, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x31, 0x0c, 0x30,
	0x0a, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x03, 0x62, 0x6f, 0x62,
};

static const u8 example_key_a[] = {
	0x06, 0xe3, 0xfd, 0x8f, 0xda, 0x29, 0xbb, 0x60, 0xab, 0x59, 0x55, 0x7d,
	0xe6, 0x1e, 0xdb, 0x0a, 0xec, 0xdb, 0x23, 0x11, 0x34, 0xbe, 0x30, 0xe7,
	0x5b, 0x45, 0x5f, 0x8e, 0x1b, 0x79, 0x2f, 0xa9,
};

static const u8 example_key_b[] = {
	0xde, 0xb2, 0xde, 0xd3, 0x9d, 0xc2, 0x6f, 0xce, 0x0e, 0x60, 0x85, 0xb6,
	0xfc, 0x34, 0xbf, 0x6b, 0x59, 0x41, 0x91, 0x3b, 0xbf, 0xe2, 0xea, 0x61,
	0x41, 0x13, 0xcf, 0xf9, 0xe0, 0x04, 0xc1, 0x70,
};

static const u8 example_names[] = {
	0x69, 0x70, 0x73, 0x65, 0x63, 0x2d, 0x6c, 0x61, 0x74, 0x63, 0x68, 0x2d,
	0x6e, 0x61, 0x6d, 0x65, 0x73, 0x00, 0x02, 0x00, 0x0d, 0x61, 0x6c, 0x69,
	0x63, 0x65, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x09, 0x00,
	0x27, 0x01, 0x0c, 0x00, 0x03, 0x55, 0x04, 0x06, 0x00, 0x02, 0x58, 0x58,
	0x01, 0x0c, 0x00, 0x03, 0x55, 0x04, 0x0a, 0x00, 0x07, 0x45, 0x78, 0x61,
	0x6d, 0x70, 0x6c, 0x65, 0x01, 0x0c, 0x00, 0x03, 0x55, 0x04, 0x03, 0x00,
	0x03, 0x62, 0x6f, 0x62,
};

static const u8 example_keys[] = {
	0x69, 0x70, 0x73, 0x65, 0x63, 0x2d, 0x6c, 0x61, 0x74, 0x63, 0x68, 0x2d,
	0x6b, 0x65, 0x79, 0x73, 0x00, 0x02, 0x00, 0x0d, 0x61, 0x6c, 0x69, 0x63,
	0x65, 0x2e, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x00, 0x20, 0x06,
	0xe3, 0xfd, 0x8f, 0xda, 0x29, 0xbb, 0x60, 0xab, 0x59, 0x55, 0x7d, 0xe6,
	0x1e, 0xdb, 0x0a, 0xec, 0xdb, 0x23, 0x11, 0x34, 0xbe, 0x30, 0xe7, 0x5b,
	0x45, 0x5f, 0x8e, 0x1b, 0x79, 0x2f, 0xa9, 0x09, 0x00, 0x27, 0x01, 0x0c,
	0x00, 0x03, 0x55, 0x04, 0x06, 0x00, 0x02, 0x58, 0x58, 0x01, 0x0c, 0x00,
	0x03, 0x55, 0x04, 0x0a, 0x00, 0x07, 0x45, 0x78, 0x61, 0x6d, 0x70, 0x6c,
	0x65, 0x01, 0x0c, 0x00, 0x03, 0x55, 0x04, 0x03, 0x00, 0x03, 0x62, 0x6f,
	0x62, 0x00, 0x20, 0xde, 0xb2, 0xde, 0xd3, 0x9d, 0xc2, 0x6f, 0xce, 0x0e,
	0x60, 0x85, 0xb6, 0xfc, 0x34, 0xbf, 0x6b, 0x59, 0x41, 0x91, 0x3b, 0xbf,
	0xe2, 0xea, 0x61, 0x41, 0x13, 0xcf, 0xf9, 0xe0, 0x04, 0xc1, 0x70,
};

static struct latch_end end_of(u8 type, const void *id, u32 n, u8 key)
{
	struct latch_end end = { .type = type, .id = { id, n } };

	memset(end.key, key, sizeof(end.key));
	return end;
}

/* The text, with a look at the bytes behind the room that it may have. */
static u32 binding_text(struct tally *t, const struct latch_end *a, const struct latch_end *b,
			bool keys, u8 *out, u32 size)
{
	u32 room = latch_chanbind_room(a, b), n, i;

	EXPECT(t, room <= size, "%u bytes are more than the test's own %u", room, size);
	if (room > size)
		return 0;
	memset(out, 0xa5, size);
	n = latch_chanbind_text(a, b, keys, out);
	EXPECT(t, n <= room, "%u bytes in room for %u", n, room);
	for (i = room; i < size; i++)
		EXPECT(t, out[i] == 0xa5, "byte %u behind the room is written", i - room);
	return n;
}

static void binding_example(struct tally *t)
{
	struct latch_end a = end_of(LATCH_ID_FQDN, "Alice.Example", 13, 0);
	struct latch_end b = end_of(LATCH_ID_DN, example_dn, sizeof(example_dn), 0);
	u8 out[256];
	u32 n;

	memcpy(a.key, example_key_a, sizeof(a.key));
	memcpy(b.key, example_key_b, sizeof(b.key));
	n = binding_text(t, &a, &b, false, out, sizeof(out));
	EXPECT(t, n == sizeof(example_names) && !memcmp(out, example_names, n), "names");
	n = binding_text(t, &b, &a, false, out, sizeof(out));
	EXPECT(t, n == sizeof(example_names) && !memcmp(out, example_names, n), "the other end");
	n = binding_text(t, &a, &b, true, out, sizeof(out));
	EXPECT(t, n == sizeof(example_keys) && !memcmp(out, example_keys, n), "keys");
	n = binding_text(t, &b, &a, true, out, sizeof(out));
	EXPECT(t, n == sizeof(example_keys) && !memcmp(out, example_keys, n), "the other end");
}

/* --- every pair of ends is another one ---------------------------------------------- */

/*
 * IDs by name; those of the same number are one identity. Some have the bytes of
 * others in other places.
 */
static const struct {
	u8 same;
	u8 type;
	const char *id;		/* of a DN: text for build_name() */
	u8 tag;
} binding_ids[] = {
	{ 0, LATCH_ID_FQDN, "alice", 0 },
	{ 0, LATCH_ID_FQDN, "ALICE", 0 },
	{ 1, LATCH_ID_KEYID, "alice", 0 },
	{ 2, LATCH_ID_KEYID, "ALICE", 0 },
	{ 3, LATCH_ID_EMAIL, "alice", 0 },
	{ 4, LATCH_ID_EMAIL, "Alice", 0 },
	{ 5, LATCH_ID_GN, "alice", 0 },
	{ 6, LATCH_ID_FQDN, "alic", 0 },
	{ 7, LATCH_ID_FQDN, "alicee", 0 },
	{ 8, LATCH_ID_IPV4, "\1\1\1\1", 0 },
	{ 9, LATCH_ID_IPV6, "\1\1\1\1", 0 },
	{ 10, LATCH_ID_DN, "CN=alice", 12 },
	{ 10, LATCH_ID_DN, "CN=alice", 19 },
	{ 10, LATCH_ID_DN, "CN=alice", 18 },
	{ 10, LATCH_ID_DN, "CN=alice", 20 },
	{ 10, LATCH_ID_DN, "CN=alice", 22 },
	{ 10, LATCH_ID_DN, "CN=alice", 26 },
	{ 11, LATCH_ID_DN, "CN=alice", 30 },
	{ 12, LATCH_ID_DN, "CN=alice", 4 },
	{ 13, LATCH_ID_DN, "CN=ALICE", 12 },
	{ 14, LATCH_ID_DN, "O=alice", 12 },
	{ 15, LATCH_ID_DN, "CN=a,O=b", 12 },
	{ 16, LATCH_ID_DN, "CN=a+O=b", 12 },
	{ 17, LATCH_ID_DN, "O=b,CN=a", 12 },
	{ 18, LATCH_ID_DN, "CN=a,O=b,O=c", 12 },
	{ 19, LATCH_ID_DN, "CN=a+O=b,O=c", 12 },
	{ 20, LATCH_ID_DN, "CN=a,O=b+O=c", 12 },
	{ 21, LATCH_ID_DN, "CN=", 12 },
};

#define BINDING_IDS	ARRAY_SIZE(binding_ids)

/* End by number: each ID with two keys. */
static struct latch_end binding_end(u32 i, struct build *b)
{
	const char *id = binding_ids[i / 2].id;
	u8 type = binding_ids[i / 2].type;

	if (type != LATCH_ID_DN)
		return end_of(type, id, strlen(id), i & 1);
	build_name(b, id, binding_ids[i / 2].tag);
	return end_of(type, b->buf + b->at, build_len(b), i & 1);
}

/* What tells the pair of two ends from all others. */
static u32 binding_pair(u32 i, u32 k, bool keys)
{
	u32 a = binding_ids[i / 2].same * 2 + (keys ? i & 1 : 0);
	u32 b = binding_ids[k / 2].same * 2 + (keys ? k & 1 : 0);

	return a < b ? a << 16 | b : b << 16 | a;
}

#define BINDING_PAIRS	(BINDING_IDS * 2 * BINDING_IDS * 2)

static u8 binding_texts[BINDING_PAIRS][176];
static u32 binding_lens[BINDING_PAIRS];

static void binding_of_every_pair(struct tally *t, bool keys)
{
	static struct build a, b;
	u32 i, k, ends = BINDING_IDS * 2;

	for (i = 0; i < BINDING_PAIRS; i++) {
		struct latch_end x = binding_end(i / ends, &a), y = binding_end(i % ends, &b);

		binding_lens[i] = binding_text(t, &x, &y, keys, binding_texts[i],
					       sizeof(binding_texts[i]));
		EXPECT(t, binding_lens[i], "pair %u has none", i);
	}
	for (i = 0; i < BINDING_PAIRS; i++) {
		for (k = 0; k <= i; k += 1 + (STEP_TAGS - 1) * 2) {
			bool same = binding_pair(i / ends, i % ends, keys) ==
				    binding_pair(k / ends, k % ends, keys);

			EXPECT(t, same == (binding_lens[i] == binding_lens[k] &&
					   !memcmp(binding_texts[i], binding_texts[k],
						   binding_lens[i])),
			       "pairs %u and %u", i, k);
		}
		breathe();
	}
}

static void binding_every_pair(struct tally *t)
{
	binding_of_every_pair(t, false);
	EXPECT(t, !memcmp(binding_texts[0], "ipsec-latch-names", 18), "label");
}

static void binding_every_pair_of_keys(struct tally *t)
{
	binding_of_every_pair(t, true);
	EXPECT(t, !memcmp(binding_texts[0], "ipsec-latch-keys", 17), "label");
}

/* --- no canonical form -------------------------------------------------------------- */

static void binding_none(struct tally *t)
{
	struct latch_end good = end_of(LATCH_ID_FQDN, "bob", 3, 0), bad;
	static struct build b;
	u8 out[256];
	u32 type, i;

	for (type = 0; type < 256; type++) {
		bool known = type == LATCH_ID_IPV4 || type == LATCH_ID_FQDN ||
			     type == LATCH_ID_EMAIL || type == LATCH_ID_IPV6 ||
			     type == LATCH_ID_GN || type == LATCH_ID_KEYID;

		bad = end_of(type, "alice", 5, 0);
		EXPECT(t, !!binding_text(t, &good, &bad, false, out, sizeof(out)) == known,
		       "type %u", type);
		EXPECT(t, !!binding_text(t, &bad, &good, true, out, sizeof(out)) == known,
		       "type %u", type);
		bad.id.n = 0;
		EXPECT(t, !binding_text(t, &good, &bad, false, out, sizeof(out)),
		       "type %u, empty", type);
	}
	build_name(&b, "CN=bob,O=Example", 12);
	for (i = 0; i <= build_len(&b); i++) {
		bad = end_of(LATCH_ID_DN, in_arena(b.buf + b.at, i), i, 0);
		EXPECT(t, !!binding_text(t, &good, &bad, true, out, sizeof(out)) ==
		       (i == build_len(&b)), "the first %u bytes", i);
	}
}

/* Whatever a DN is, its canonical form has room where it had. */
static void binding_random(struct tally *t)
{
	struct latch_end good = end_of(LATCH_ID_FQDN, "bob", 3, 0), end;
	u32 seed = 5056, round, i, n, taken = 0;
	static u8 copy[256], out[512];
	static struct build b;

	for (round = 0; round < RANDOM_ROUNDS; round++) {
		build_name(&b, good_names[round % 4], 12);
		n = build_len(&b);
		memcpy(copy, b.buf + b.at, n);
		for (i = 0; i < round % 4; i++)
			copy[next_random(&seed) % n] = next_random(&seed) % 0x40;
		end = end_of(LATCH_ID_DN, in_arena(copy, n), n, 0);
		taken += !!binding_text(t, &end, &good, true, out, sizeof(out));
		if (!(round & 255))
			breathe();
	}
	EXPECT(t, taken > RANDOM_ROUNDS / 4 && taken < RANDOM_ROUNDS, "%u taken", taken);
}

/* The longest IDs that a record can have. */
static void binding_64k(struct tally *t)
{
	static u8 out[2 * 65536 + 256];
	struct latch_end end;
	u32 n;

	memset(arena, 'A', sizeof(arena));
	end = end_of(LATCH_ID_FQDN, arena, 65535, 1);
	n = latch_chanbind_text(&end, &end, true, out);
	EXPECT(t, n == 17 + 2 * (3 + 65535 + 34), "%u bytes", n);
	EXPECT(t, n <= latch_chanbind_room(&end, &end), "no room");
	EXPECT(t, out[17] == LATCH_ID_FQDN && out[18] == 0xff && out[19] == 0xff &&
	       out[20] == 'a' && out[n - 35] == 'a', "ends");
}

static const struct test binding_tests[] = {
	{ "6.4-1_binding_example", binding_example },
	{ "6.4-1_binding_every_pair_of_names", binding_every_pair },
	{ "6.4-1_binding_every_pair_of_keys", binding_every_pair_of_keys },
	{ "6.4-1_binding_of_nobody", binding_none },
	{ "6.4-1_binding_random_names", binding_random },
	{ "6.4-1_binding_64k", binding_64k },
};

#endif /* LATCH_TESTS_BINDING_CASES_H */
