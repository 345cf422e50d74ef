/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Congruence: every pair of a universe of tags, by every rule, in both
 * directions, against params_ref.h and against what must hold whatever the
 * algorithms are.
 */
#ifndef LATCH_TESTS_PARAMS_CASES_H
#define LATCH_TESTS_PARAMS_CASES_H

#include "params_ref.h"
#include "harness.h"

#define QOP_RULES	(LATCH_QOP_SET + 2)	/* and an unknown one, which is exact */

/* --- the universe -------------------------------------------------------------- */

#define X(p, e, eb, i, ib, icv) \
	{ .proto = (p), .encr = (e), .encr_bits = (eb), .integ = (i), .integ_bits = (ib), \
	  .icv_bits = (icv) }

/* What SAs look like: IKEv2 numbers and key lengths. */
static const struct latch_transform x_gcm128 = X(REF_ESP, 20, 128, 0, 0, 128);
static const struct latch_transform x_gcm256 = X(REF_ESP, 20, 256, 0, 0, 128);
static const struct latch_transform x_aes_sha1 = X(REF_ESP, 12, 128, 2, 160, 96);
static const struct latch_transform x_aes_sha256 = X(REF_ESP, 12, 256, 12, 256, 128);
static const struct latch_transform x_aes_sha512 = X(REF_ESP, 12, 256, 14, 512, 256);
static const struct latch_transform x_3des_md5 = X(REF_ESP, 3, 192, 1, 128, 96);
static const struct latch_transform x_null_sha256 = X(REF_ESP, 11, 0, 12, 256, 128);
static const struct latch_transform x_gmac256 = X(REF_ESP, 21, 256, 0, 0, 128);
static const struct latch_transform x_chacha = X(REF_ESP, 28, 256, 0, 0, 128);
static const struct latch_transform x_aes_only = X(REF_ESP, 12, 128, 0, 0, 0);
static const struct latch_transform x_ah_sha1 = X(REF_AH, 0, 0, 2, 160, 96);
static const struct latch_transform x_ah_sha256 = X(REF_AH, 0, 0, 12, 256, 128);

static const struct latch_transform * const usual[] = {
	&x_gcm128, &x_gcm256, &x_aes_sha1, &x_aes_sha256, &x_aes_sha512, &x_3des_md5,
	&x_null_sha256, &x_gmac256, &x_chacha, &x_aes_only, &x_ah_sha1, &x_ah_sha256,
};

#define N_USUAL	ARRAY_SIZE(usual)

#define PEER_A	{ 0xa1, 0xa2 }
#define PEER_B	{ 0xa1, 0xb2 }		/* equal in one half */
#define HERE_A	{ 0xc1, 0xc2 }
#define HERE_B	{ 0xd1, 0xc2 }

static const struct latch_ident id_a = { LATCH_IDENT_NAMED, PEER_A, HERE_A, 0 };

/* Each one is another identity; those up to N_EQUAL may be latched. */
static const struct latch_ident idents[] = {
	{ LATCH_IDENT_NAMED, PEER_A, HERE_A, 0 },
	{ LATCH_IDENT_NAMED, PEER_B, HERE_A, 0 },
	{ LATCH_IDENT_NAMED, { 0xb1, 0xa2 }, HERE_A, 0 },
	{ LATCH_IDENT_NAMED, PEER_A, HERE_B, 0 },
	{ LATCH_IDENT_NAMED, PEER_A, { 0xc1, 0xd2 }, 0 },
	{ LATCH_IDENT_NAMED, PEER_A, { 0, 0 }, 0 },
	{ LATCH_IDENT_NAMED, PEER_B, HERE_B, 0 },
	{ LATCH_IDENT_PINNED, { 0xa1, 0 }, { 0, 0 }, 0 },
	{ LATCH_IDENT_PINNED, { 7, 0 }, { 0, 0 }, 0 },
	{ LATCH_IDENT_PINNED, { (u64)1 << 40, 0 }, { 0, 0 }, 0 },
	{ LATCH_IDENT_PENDING, { 0, 0 }, { 0, 0 }, 0 },
	{ LATCH_IDENT_AMBIGUOUS, { 0, 0 }, { 0, 0 }, 0 },
	{ LATCH_IDENT_MIXED, { 0, 0 }, { 0, 0 }, 0 },
	{ LATCH_IDENT_PENDING, PEER_A, HERE_A, 0 },
	{ LATCH_IDENT_AMBIGUOUS, PEER_A, HERE_A, 0 },
	{ LATCH_IDENT_MIXED, PEER_A, HERE_A, 0 },
	{ LATCH_IDENT_UNKNOWN + 1, PEER_A, HERE_A, 0 },
};

#define N_EQUAL	10

/* Demands whose sets of suites are congruent under LATCH_QOP_SET. */
static const struct latch_want sets[] = {
	{ .n_suites = 0, .suites = { { .encr = 12 } } },
	{ .n_suites = 1, .suites = { { .encr = 20 }, { .encr = 12 } } },
	{ .n_suites = 2, .suites = { { .encr = 12, .integ = 12 }, { .integ = 2 } } },
	{ .n_suites = 3, .suites = { { .encr = 11 }, { .encr_bits = 256, .icv_bits = 128 },
				     { .encr = 21 } } },
	{ .n_suites = 2, .suites = { { 0 }, { .encr = 12, .encr_bits = 128 } } },
	{ .n_suites = 255, .suites = { [7] = { .encr = 28 } } },
};

/* A tag of one transformation, and what is not used is not to be looked at. */
static struct latch_tag tag_of(const struct latch_transform *x)
{
	struct latch_tag t = { .n = 1, .x = { *x, x_aes_only }, .id = id_a };

	t.x[1].mode = 1;
	return t;
}

/* Latched from a tag in one direction and, as far as possible, in the other. */
static struct latch_params latched(const struct latch_tag *t, u8 rule, u8 dir)
{
	struct latch_params p;

	latch_params_set(&p, t, rule, dir);
	return p;
}

static struct latch_params latched_exact(const struct latch_tag *t)
{
	return latched(t, LATCH_QOP_EXACT, LATCH_DIR_IN);
}

/* --- comparisons of one pair ----------------------------------------------------- */

static void expect_as_ref(struct tally *t, const struct latch_params *p,
			  const struct latch_want *want, const struct latch_tag *tag, u8 dir)
{
	struct ref_cmp c = { p, want, tag, dir };
	u32 got = latch_params_cmp(p, want, tag, dir);
	u32 ref = ref_params_cmp(&c);

	EXPECT(t, got == ref,
	       "%u:%u:%u/%u:%u/%u/%u (rule %u) and %u:%u:%u/%u:%u/%u/%u, direction %u: %#x, not %#x",
	       p->tag.n, p->tag.x[0].proto, p->tag.x[0].encr, p->tag.x[0].encr_bits,
	       p->tag.x[0].integ, p->tag.x[0].integ_bits, p->tag.x[0].icv_bits, p->rule,
	       tag->n, tag->x[0].proto, tag->x[0].encr, tag->x[0].encr_bits,
	       tag->x[0].integ, tag->x[0].integ_bits, tag->x[0].icv_bits, dir, got, ref);
}

/* By every rule, latched by a packet in and by one out, and compared so. */
static void expect_pair(struct tally *t, const struct latch_tag *a, const struct latch_tag *b,
			const struct latch_want *want)
{
	u8 rule, born, dir;

	for (rule = 0; rule < QOP_RULES; rule++)
		for (born = 0; born < LATCH_DIRS; born++) {
			struct latch_params p = latched(a, rule, born);

			for (dir = 0; dir < LATCH_DIRS; dir++)
				expect_as_ref(t, &p, want, b, dir);
		}
}

/* --- algorithms -------------------------------------------------------------- */

static void params_ciphers(struct tally *t)
{
	static const u16 bits[] = { 0, 1, 64, 127, 128, 192, 256, 448, 65535 };
	unsigned int encr, i;
	u32 last, now;

	for (encr = 0; encr <= 65535; encr += encr < 300 ? 1 : 97) {
		int class = ref_cipher(encr);

		EXPECT(t, latch_encr_is_aead(encr) == ref_combined_mode(encr), "%u", encr);
		for (i = 0, last = 0; i < ARRAY_SIZE(bits); i++, last = now) {
			now = latch_encr_strength(encr, bits[i]);
			EXPECT(t, class > 0 ? now > last : now == 0, "%u/%u: %u",
			       encr, bits[i], now);
		}
		breathe();
	}
}

/* Classes first: no key is long enough to make up for a worse class. */
static void params_cipher_classes(struct tally *t)
{
	u16 a, b;

	for (a = 0; a < 40; a++)
		for (b = 0; b < 40; b++) {
			int ca = ref_cipher(a), cb = ref_cipher(b);

			if (ca > cb && ca > 0)
				EXPECT(t, latch_encr_strength(a, 0) >
				       latch_encr_strength(b, 65535), "%u over %u", a, b);
			if (ca == cb)
				EXPECT(t, latch_encr_strength(a, 128) ==
				       latch_encr_strength(b, 128), "%u as %u", a, b);
		}
}

static void params_integ_ranks(struct tally *t)
{
	struct latch_transform x = { .proto = REF_ESP };
	unsigned int encr, integ;

	for (encr = 0; encr < 40; encr++)
		for (integ = 0; integ <= 65535; integ += integ < 300 ? 1 : 997) {
			int rank;

			x.encr = encr;
			x.integ = integ;
			rank = ref_integ_rank(&x);
			EXPECT(t, latch_integ_strength(&x) == (u32)(rank > 0 ? rank : 0),
			       "%u:%u is %u", encr, integ, latch_integ_strength(&x));
		}
}

/* --- type of protection ------------------------------------------------------- */

/* By hand, for who reads the clause. */
static void params_protection_usual(struct tally *t)
{
	const u8 c = LATCH_PROT_CONF, i = LATCH_PROT_INTEG;
	const u8 want[N_USUAL] = { c | i, c | i, c | i, c | i, c | i, c | i, i, i, c | i,
				   c, i, i };
	unsigned int k;

	for (k = 0; k < N_USUAL; k++) {
		struct latch_tag tag = tag_of(usual[k]);

		EXPECT(t, latch_tag_protection(&tag) == want[k], "%u: %#x", k,
		       latch_tag_protection(&tag));
		tag.x[0].replay_window = 32;
		EXPECT(t, latch_tag_protection(&tag) ==
		       (want[k] | (want[k] & i ? LATCH_PROT_REPLAY : 0)),
		       "%u with a window: %#x", k, latch_tag_protection(&tag));
	}
}

static void params_protection_all(struct tally *t)
{
	static const u8 protos[] = { REF_ESP, REF_AH, 108, 0 };
	struct latch_tag tag = { .n = 1 };
	unsigned int k, encr, integ, w;

	for (k = 0; k < ARRAY_SIZE(protos); k++)
		for (encr = 0; encr < 40; encr++)
			for (integ = 0; integ < 20; integ++)
				for (w = 0; w < 2; w++) {
					tag.x[0].proto = protos[k];
					tag.x[0].encr = encr;
					tag.x[0].integ = integ;
					tag.x[0].replay_window = w;
					EXPECT(t, latch_tag_protection(&tag) ==
					       ref_protection(&tag), "%u %u:%u: %#x",
					       protos[k], encr, integ,
					       latch_tag_protection(&tag));
				}
}

/* What any transformation gives; those that are not used give nothing. */
static void params_protection_chain(struct tally *t)
{
	struct latch_tag tag = { .n = 0 };
	unsigned int i, j, n;

	EXPECT(t, latch_tag_protection(&tag) == 0, "nothing");
	for (i = 0; i < N_USUAL; i++)
		for (j = 0; j < N_USUAL; j++)
			for (n = 0; n < 8; n++) {
				struct latch_tag tag = { .n = n };

				tag.x[i % LATCH_MAX_TRANSFORMS] = *usual[i];
				tag.x[j % LATCH_MAX_TRANSFORMS] = *usual[j];
				tag.x[3].replay_window = j % 2;
				EXPECT(t, latch_tag_protection(&tag) == ref_protection(&tag),
				       "%u %u of %u: %#x", i, j, n,
				       latch_tag_protection(&tag));
			}
}

/* --- suites ---------------------------------------------------------------------- */

/* Every suite of three values a field, zero among them, against all the usual. */
static void params_suite_matches(struct tally *t)
{
	static const u16 encr[] = { 0, 12, 20 }, bits[] = { 0, 128, 256 };
	static const u16 integ[] = { 0, 2, 12 }, icv[] = { 0, 96, 128 };
	unsigned int i, k, matched = 0;

	for (i = 0; i < 81; i++)
		for (k = 0; k < N_USUAL; k++) {
			struct latch_suite s = { encr[i % 3], bits[i / 3 % 3],
						 integ[i / 9 % 3], icv[i / 27] };
			bool is = latch_suite_matches(&s, usual[k]);

			matched += is;
			EXPECT(t, is == ref_suite(&s, usual[k]), "%u/%u:%u/%u and %u: %d",
			       s.encr, s.encr_bits, s.integ, s.icv_bits, k, is);
			EXPECT(t, !is || i, "the empty suite matches %u", k);
		}
	EXPECT(t, matched > 50, "%u matched: the test is none", matched);
}

/* Ciphers and integrity in all combinations, with and without sense. */
static const u16 mix_encr[] = { 0, 2, 3, 11, 12, 13, 16, 20, 21, 28, 999, 1000 };
static const u16 mix_integ[] = { 0, 1, 2, 5, 9, 12, 13, 14, 900, 901 };
static const u16 mix_icv[] = { 64, 128, 256 };

#define N_MIX	(ARRAY_SIZE(mix_encr) * 2 * ARRAY_SIZE(mix_integ) * 2 * ARRAY_SIZE(mix_icv))

static struct latch_transform mixed(unsigned int i)
{
	struct latch_transform x = { .proto = REF_ESP };

	x.encr = mix_encr[i % ARRAY_SIZE(mix_encr)];
	i /= ARRAY_SIZE(mix_encr);
	x.integ = mix_integ[i % ARRAY_SIZE(mix_integ)];
	i /= ARRAY_SIZE(mix_integ);
	x.icv_bits = mix_icv[i % ARRAY_SIZE(mix_icv)];
	i /= ARRAY_SIZE(mix_icv);
	x.encr_bits = i & 1 ? 256 : 128;
	x.integ_bits = i & 2 ? 256 : 160;
	return x;
}

/* What has to hold for the suites of any pair by any rule. */
static void expect_suites(struct tally *t, const struct latch_tag *a, const struct latch_tag *b)
{
	struct latch_params exact = latched(a, LATCH_QOP_EXACT, LATCH_DIR_IN);
	struct latch_params floor = latched(a, LATCH_QOP_FLOOR, LATCH_DIR_IN);
	u32 e = latch_params_cmp(&exact, NULL, b, LATCH_DIR_IN);
	u32 f = latch_params_cmp(&floor, NULL, b, LATCH_DIR_IN);
	u8 lost = latch_tag_protection(a) & ~latch_tag_protection(b);

	EXPECT(t, !e == !memcmp(a->x, b->x, sizeof(a->x)), "exact: %#x", e);
	EXPECT(t, e || !f, "the latched suite is below the floor: %#x", f);
	EXPECT(t, f || !(lost & (LATCH_PROT_CONF | LATCH_PROT_INTEG)),
	       "%u:%u to %u:%u loses %#x", a->x[0].encr, a->x[0].integ,
	       b->x[0].encr, b->x[0].integ, lost);
	expect_as_ref(t, &exact, NULL, b, LATCH_DIR_IN);
	expect_as_ref(t, &floor, NULL, b, LATCH_DIR_IN);
}

static void params_suites_every_pair(struct tally *t)
{
	unsigned int i, j;

	for (i = 0; i < N_MIX; i += STEP_SUITES) {
		struct latch_transform x = mixed(i);
		struct latch_tag a = tag_of(&x);

		for (j = 0; j < N_MIX; j += STEP_SUITES) {
			struct latch_transform y = mixed(j);
			struct latch_tag b = tag_of(&y);

			expect_suites(t, &a, &b);
		}
		breathe();
	}
}

/* One field at a time: its reason, and no other. */
static void params_exact_reasons(struct tally *t)
{
	unsigned int k;

	for (k = 0; k < N_USUAL; k++) {
		struct latch_tag a = tag_of(usual[k]), b;
		struct latch_params p = latched_exact(&a);

#define DIFFERS(change, reasons)							\
do {											\
	b = a;										\
	change;										\
	EXPECT(t, latch_params_cmp(&p, NULL, &b, LATCH_DIR_IN) == (reasons),		\
	       "%u, %s: %#x", k, #change, latch_params_cmp(&p, NULL, &b, LATCH_DIR_IN)); \
} while (0)
		DIFFERS((void)b, 0);
		DIFFERS(b.x[0].proto ^= 1, LATCH_R(PROTO));
		DIFFERS(b.x[0].mode ^= 1, LATCH_R(MODE));
		DIFFERS(b.x[0].mode = 4, LATCH_R(MODE));
		DIFFERS(b.x[0].encr ^= 1, LATCH_R(ENCR));
		DIFFERS(b.x[0].encr_bits += 64, LATCH_R(KEY_LEN));
		DIFFERS(b.x[0].integ ^= 1, LATCH_R(INTEG));
		DIFFERS(b.x[0].integ_bits += 64, LATCH_R(KEY_LEN));
		DIFFERS(b.x[0].icv_bits += 32, LATCH_R(ICV));
		DIFFERS(b.flags ^= LATCH_TAG_ESN, LATCH_R(ESN));
		DIFFERS(b.flags ^= 0x80, 0);
		DIFFERS(b.x[0].replay_window = 32, 0);
		DIFFERS(b.n = 2, LATCH_R(PROTO));
		DIFFERS(b.n = 0, LATCH_R(CLEAR));
		DIFFERS(b.x[1].proto ^= 1, 0);
		DIFFERS(b.id.peer[1] ^= 1, LATCH_R(PEER));
		DIFFERS(b.id.local[0] ^= 1, LATCH_R(LOCAL));
#undef DIFFERS
	}
}

static u32 floor_cmp(const struct latch_transform *a, const struct latch_transform *b)
{
	struct latch_tag was = tag_of(a), is = tag_of(b);
	struct latch_params p = latched(&was, LATCH_QOP_FLOOR, LATCH_DIR_OUT);

	return latch_params_cmp(&p, NULL, &is, LATCH_DIR_OUT);
}

/* By hand: what an administrator may do to a fleet, and what not. */
static void params_floor_usual(struct tally *t)
{
	struct latch_transform gcm8 = x_gcm256;
	struct latch_transform gmac128 = x_gmac256;

	gcm8.encr = 18;
	gcm8.icv_bits = 64;
	gmac128.encr_bits = 128;
	EXPECT(t, !floor_cmp(&x_3des_md5, &x_aes_sha1), "3DES to AES");
	EXPECT(t, !floor_cmp(&x_aes_sha1, &x_aes_sha256), "SHA-1 to SHA-2");
	EXPECT(t, !floor_cmp(&x_aes_sha1, &x_gcm128), "SHA-1 to GCM");
	EXPECT(t, !floor_cmp(&x_aes_sha512, &x_gcm256), "SHA-2 512 to GCM");
	EXPECT(t, !floor_cmp(&x_gcm128, &x_chacha), "GCM to ChaCha20");
	EXPECT(t, !floor_cmp(&x_gcm256, &x_chacha), "GCM to ChaCha20");
	EXPECT(t, !floor_cmp(&x_null_sha256, &x_gcm128), "NULL to GCM");
	EXPECT(t, !floor_cmp(&x_null_sha256, &x_gmac256), "NULL to GMAC");
	EXPECT(t, !floor_cmp(&x_aes_only, &x_gcm128), "no integrity to GCM");
	EXPECT(t, floor_cmp(&x_gcm256, &x_gcm128) == LATCH_R(KEY_LEN), "shorter key");
	EXPECT(t, floor_cmp(&x_gcm256, &gcm8) == LATCH_R(ICV), "shorter ICV");
	EXPECT(t, floor_cmp(&x_aes_sha512, &gcm8) == LATCH_R(ICV), "HMAC to short ICV");
	EXPECT(t, floor_cmp(&x_gcm256, &x_aes_sha256) == LATCH_R(INTEG), "GCM to SHA-2");
	EXPECT(t, floor_cmp(&x_gcm128, &x_gmac256) == LATCH_R(ENCR), "GCM to GMAC");
	EXPECT(t, floor_cmp(&x_gmac256, &gmac128) == LATCH_R(KEY_LEN), "shorter GMAC key");
	EXPECT(t, floor_cmp(&x_gcm128, &x_null_sha256) ==
	       (LATCH_R(ENCR) | LATCH_R(INTEG)), "GCM to NULL");
	EXPECT(t, floor_cmp(&x_aes_sha1, &x_aes_only) ==
	       (LATCH_R(INTEG) | LATCH_R(ICV)), "integrity lost");
	EXPECT(t, floor_cmp(&x_ah_sha256, &x_ah_sha1) ==
	       (LATCH_R(INTEG) | LATCH_R(ICV)), "AH to SHA-1");
}

/* All of GMAC's key lengths, and every length of an ICV near the 128 bits. */
static void params_floor_icv(struct tally *t)
{
	struct latch_transform was = x_ah_sha256, is = x_ah_sha256;
	u16 a, b, integ;

	was.integ = 14;
	for (integ = 9; integ <= 14; integ++)
		for (a = 120; a < 140; a++)
			for (b = 120; b < 140; b++) {
				u32 less = b < a ? LATCH_R(ICV) : 0;
				u32 want = integ > 11 || b < 128 ? less : 0;

				was.icv_bits = a;
				is.icv_bits = b;
				is.integ = integ;
				EXPECT(t, (floor_cmp(&was, &is) & LATCH_R(ICV)) == want,
				       "%u bits to %u of %u", a, b, integ);
			}
}

/* --- sets of suites ---------------------------------------------------------- */

static void params_sets_every_pair(struct tally *t)
{
	unsigned int i, j, k;
	u32 d;

	for (i = 0; i < N_USUAL; i++)
		for (j = 0; j < N_USUAL; j++)
			for (k = 0; k < ARRAY_SIZE(sets); k++) {
				struct latch_tag a = tag_of(usual[i]), b = tag_of(usual[j]);
				struct latch_params p = latched(&a, LATCH_QOP_SET, 0);
				u8 lost = latch_tag_protection(&a) &
					  ~latch_tag_protection(&b);

				expect_pair(t, &a, &b, &sets[k]);
				d = latch_params_cmp(&p, &sets[k], &b, LATCH_DIR_IN);
				EXPECT(t, d || !lost, "set %u, %u to %u loses %#x",
				       k, i, j, lost);
				EXPECT(t, d || ref_in_set(&sets[k], usual[j]),
				       "set %u does not have %u", k, j);
			}
}

/* No set, no suite; and a set of any member is no reason to lose encryption. */
static void params_sets_by_hand(struct tally *t)
{
	struct latch_tag aes = tag_of(&x_aes_sha256), null = tag_of(&x_null_sha256);
	struct latch_params p = latched(&aes, LATCH_QOP_SET, LATCH_DIR_IN);
	struct latch_want w = { .n_suites = 1, .suites = { { .integ = 12 } } };

	EXPECT(t, latch_params_cmp(&p, &w, &aes, 0) == 0, "itself");
	EXPECT(t, latch_params_cmp(&p, NULL, &aes, 0) == LATCH_R(ENCR), "no set");
	EXPECT(t, latch_params_cmp(&p, &w, &null, 0) == LATCH_R(ENCR), "NULL in the set");
	null.x[0] = x_aes_only;
	w.suites[0] = (struct latch_suite){ .encr = 12 };
	EXPECT(t, latch_params_cmp(&p, &w, &null, 0) == LATCH_R(INTEG), "no integrity");
	null.x[0].proto = 43;
	w.suites[0] = (struct latch_suite){ .encr = 99 };
	EXPECT(t, latch_params_cmp(&p, &w, &null, 0) ==
	       (LATCH_R(PROTO) | LATCH_R(ENCR) | LATCH_R(INTEG)), "neither ESP nor AH");
}

/* What is neither ESP nor AH needs no suite; and a set ends where it does. */
static void params_sets_bounds(struct tally *t)
{
	struct latch_tag aes = tag_of(&x_aes_sha256);
	struct latch_want w = { .n_suites = 255, .suites = { { .encr = 12 } } };
	struct latch_params p;

	aes.n = 2;
	aes.x[1] = (struct latch_transform){ .proto = 43 };
	p = latched(&aes, LATCH_QOP_SET, LATCH_DIR_IN);
	EXPECT(t, !latch_params_cmp(&p, &w, &aes, 0), "a routing header");
	memcpy(w.peer, w.suites, sizeof(w.suites[0]));
	memcpy(w.local, w.suites, sizeof(w.suites[0]));
	w.suites[0].encr = 20;
	EXPECT(t, latch_params_cmp(&p, &w, &aes, 0) == LATCH_R(ENCR), "a digest is no suite");
}

/* --- whole tags ---------------------------------------------------------------- */

#define N_TAGS	(N_USUAL * 3 * 3 * 2 * 3)

/* Every usual suite in each mode, with each window, ESN, and three identities. */
static struct latch_tag tag_nth(unsigned int i)
{
	static const u8 modes[] = { 0, 1, 4 }, ids[] = { 0, 6, 7 };
	static const u32 windows[] = { 0, 32, 128 };
	struct latch_tag t = tag_of(usual[i % N_USUAL]);

	i /= N_USUAL;
	t.x[0].mode = modes[i % 3];
	i /= 3;
	t.x[0].replay_window = windows[i % 3];
	i /= 3;
	t.id = idents[ids[i % 3]];
	i /= 3;
	t.flags = i ? LATCH_TAG_ESN : 0;
	return t;
}

static void params_tags_every_pair(struct tally *t)
{
	unsigned int i, j;

	for (i = 0; i < N_TAGS; i += STEP_TAGS) {
		struct latch_tag a = tag_nth(i);

		for (j = 0; j < N_TAGS; j += STEP_TAGS) {
			struct latch_tag b = tag_nth(j);

			expect_pair(t, &a, &b, &sets[2]);
		}
		breathe();
	}
}

/* What is latched fits itself, by every rule that does not ask for a set. */
static void params_reflexive(struct tally *t)
{
	unsigned int i;
	u8 rule, dir;

	for (i = 0; i < N_TAGS; i++)
		for (rule = 0; rule < QOP_RULES; rule++)
			for (dir = 0; dir < LATCH_DIRS; dir++) {
				struct latch_tag a = tag_nth(i);
				struct latch_params p = latched(&a, rule, dir);
				struct latch_suite s = { a.x[0].encr, 0, a.x[0].integ, 0 };
				struct latch_want w = { .n_suites = 1, .suites = { s } };

				EXPECT(t, !latch_params_cmp(&p, &w, &a, dir) ||
				       (!s.encr && !s.integ), "%u rule %u", i, rule);
				EXPECT(t, !latch_params_add(&p, &a, dir, 9), "%u: added", i);
			}
}

/* Chains of none to four transformations; order and number count. */
#define N_LINKS		4
#define N_CHAINS	(1 + 4 + 16 + 64 + 256)

static struct latch_tag chain_nth(unsigned int i)
{
	struct latch_transform links[N_LINKS] = {
		x_gcm128, x_ah_sha256, x_aes_sha1, x_null_sha256,
	};
	struct latch_tag t = { .id = id_a };
	unsigned int size = 1;

	links[1].replay_window = 64;
	links[2].replay_window = 32;
	links[3].mode = 1;
	for (; i >= size; size *= N_LINKS, t.n++)
		i -= size;
	for (size = 0; size < t.n; size++, i /= N_LINKS)
		t.x[size] = links[i % N_LINKS];
	for (; size < LATCH_MAX_TRANSFORMS; size++)
		t.x[size] = x_3des_md5;		/* not used */
	return t;
}

static void params_chains_every_pair(struct tally *t)
{
	unsigned int i, j;

	for (i = 1; i < N_CHAINS; i += STEP_CHAINS) {
		struct latch_tag a = chain_nth(i);

		for (j = 0; j < N_CHAINS; j += STEP_CHAINS) {
			struct latch_tag b = chain_nth(j);

			expect_pair(t, &a, &b, &sets[1 + i % 3]);
		}
		breathe();
	}
}

/* AH over ESP is not ESP over AH, and one more or less is not the same. */
static void params_chains_by_hand(struct tally *t)
{
	struct latch_tag two = { .n = 2, .x = { x_gcm128, x_ah_sha256 }, .id = id_a };
	struct latch_tag swapped = { .n = 2, .x = { x_ah_sha256, x_gcm128 }, .id = id_a };
	struct latch_tag one = tag_of(&x_gcm128), none = { .id = id_a };
	struct latch_params p = latched_exact(&two);

	EXPECT(t, latch_params_cmp(&p, NULL, &two, 0) == 0, "itself");
	EXPECT(t, latch_params_cmp(&p, NULL, &swapped, 0) & LATCH_R(PROTO), "swapped");
	EXPECT(t, latch_params_cmp(&p, NULL, &one, 0) == LATCH_R(PROTO), "one less");
	p = latched_exact(&one);
	EXPECT(t, latch_params_cmp(&p, NULL, &two, 0) == LATCH_R(PROTO), "one more");
	EXPECT(t, latch_params_cmp(&p, NULL, &none, 0) == LATCH_R(CLEAR), "none");
}

/* A tag that claims more transformations than fit is none of ours. */
static void params_chain_too_long(struct tally *t)
{
	unsigned int n;

	for (n = LATCH_MAX_TRANSFORMS + 1; n < 256; n++) {
		struct latch_tag tag = { .n = n, .id = id_a };
		struct latch_params p = latched_exact(&tag);

		EXPECT(t, latch_params_cmp(&p, NULL, &tag, 0) == LATCH_R(PROTO), "%u", n);
		expect_as_ref(t, &p, NULL, &tag, LATCH_DIR_IN);
	}
}

/* --- replay windows -------------------------------------------------------------- */

static void params_replay(struct tally *t)
{
	static const u32 windows[] = { 0, 1, 32, 33, 64, 128, 4096, 0xffffffff };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(windows); i++)
		for (j = 0; j < ARRAY_SIZE(windows); j++) {
			struct latch_tag a = tag_of(&x_gcm128), b = a;
			struct latch_params in, out;
			u32 want = windows[j] < windows[i] ? LATCH_R(REPLAY) : 0;

			a.x[0].replay_window = windows[i];
			b.x[0].replay_window = windows[j];
			in = latched(&a, LATCH_QOP_FLOOR, LATCH_DIR_IN);
			out = latched(&a, LATCH_QOP_EXACT, LATCH_DIR_OUT);
			EXPECT(t, latch_params_cmp(&in, NULL, &b, LATCH_DIR_IN) == want,
			       "%#x to %#x", windows[i], windows[j]);
			EXPECT(t, !latch_params_cmp(&in, NULL, &b, LATCH_DIR_OUT),
			       "an outbound window");
			EXPECT(t, !latch_params_cmp(&out, NULL, &b, LATCH_DIR_IN),
			       "latched outbound, so no window is known");
		}
}

/* A window in each place of a chain. */
static void params_replay_chain(struct tally *t)
{
	struct latch_tag a = { .n = LATCH_MAX_TRANSFORMS, .id = id_a }, b;
	struct latch_params p;
	unsigned int i;

	for (i = 0; i < LATCH_MAX_TRANSFORMS; i++) {
		a.x[i] = x_gcm128;
		a.x[i].replay_window = 32;
	}
	p = latched_exact(&a);
	for (i = 0; i < LATCH_MAX_TRANSFORMS; i++) {
		b = a;
		b.x[i].replay_window = 31;
		EXPECT(t, latch_params_cmp(&p, NULL, &b, LATCH_DIR_IN) == LATCH_R(REPLAY),
		       "place %u", i);
	}
}

/* --- identities ------------------------------------------------------------------ */

static void params_idents_every_pair(struct tally *t)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(idents); i++)
		for (j = 0; j < ARRAY_SIZE(idents); j++) {
			struct latch_tag a = tag_of(&x_gcm128), b = a;
			struct latch_params p;

			a.id = idents[i];
			b.id = idents[j];
			expect_pair(t, &a, &b, NULL);
			p = latched_exact(&a);
			EXPECT(t, !latch_params_cmp(&p, NULL, &b, LATCH_DIR_IN) ==
			       (i == j && i < N_EQUAL), "%u and %u", i, j);
		}
}

/* Every combination of what is pinned either way, and the SA's serial number. */
static void params_pinned_states(struct tally *t)
{
	struct latch_tag a = tag_of(&x_gcm128);
	struct latch_params p;
	u64 in, out, serial;
	u8 dir;

	a.id = (struct latch_ident){ LATCH_IDENT_PINNED, { 1, 0 }, { 0, 0 }, 0 };
	for (in = 0; in < 4; in++)
		for (out = 0; out < 4; out++)
			for (serial = 0; serial < 4; serial++)
				for (dir = 0; dir < LATCH_DIRS; dir++) {
					p = latched_exact(&a);
					p.pinned[LATCH_DIR_IN] = in;
					p.pinned[LATCH_DIR_OUT] = out;
					a.id.peer[0] = serial;
					expect_as_ref(t, &p, NULL, &a, dir);
				}
}

/* An SA without identity is equal to nothing else, not even to its successor. */
static void params_pinned_by_hand(struct tally *t)
{
	struct latch_tag a = tag_of(&x_gcm128), b = a, named = a;
	struct latch_params p;

	a.id = (struct latch_ident){ LATCH_IDENT_PINNED, { 7, 0 }, { 0, 0 }, 0 };
	b.id = (struct latch_ident){ LATCH_IDENT_PINNED, { 8, 0 }, { 0, 0 }, 0 };
	p = latched(&a, LATCH_QOP_EXACT, LATCH_DIR_OUT);
	EXPECT(t, !latch_params_cmp(&p, NULL, &a, LATCH_DIR_OUT), "itself");
	EXPECT(t, latch_params_cmp(&p, NULL, &b, LATCH_DIR_OUT) == LATCH_R(UNIDENTIFIED),
	       "its successor");
	EXPECT(t, !latch_params_cmp(&p, NULL, &b, LATCH_DIR_IN), "the first one inbound");
	EXPECT(t, latch_params_add(&p, &b, LATCH_DIR_IN, 9), "is added");
	EXPECT(t, latch_params_cmp(&p, NULL, &a, LATCH_DIR_IN) == LATCH_R(UNIDENTIFIED),
	       "a second one inbound");
	EXPECT(t, latch_params_cmp(&p, NULL, &named, LATCH_DIR_OUT) == LATCH_R(PEER),
	       "named, latched was a pinned one");
	p = latched_exact(&named);
	EXPECT(t, latch_params_cmp(&p, NULL, &a, LATCH_DIR_IN) == LATCH_R(UNIDENTIFIED),
	       "pinned, latched was a named one");
}

/* Every state that a latch's identity can be in, against each that an SA's can. */
static void params_ident_states(struct tally *t)
{
	static const u32 kinds[] = { LATCH_IDENT_PINNED, LATCH_IDENT_NAMED, LATCH_IDENT_UNKNOWN };
	struct latch_tag a = tag_of(&x_gcm128), b = a;
	unsigned int i, j, pin, adopted, serial;
	struct latch_params p;
	u8 dir;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		for (j = 0; j < ARRAY_SIZE(idents) * 4 * 4 * 4; j++)
			for (dir = 0; dir < LATCH_DIRS; dir++) {
				pin = j % 4;
				adopted = j / 4 % 4;
				serial = j / 16 % 4;
				p = latched_exact(&a);
				p.tag.id.kind = kinds[i];
				p.pinned[dir] = pin;
				p.adopted = adopted;
				b.id = idents[j / 64];
				b.id.serial = serial;
				if (b.id.kind == LATCH_IDENT_PINNED)
					b.id.peer[0] = serial;
				expect_as_ref(t, &p, NULL, &b, dir);
			}
}

/* The protection is latched, any SA carries it that nobody is known to be behind. */
static void params_unknown_by_hand(struct tally *t)
{
	struct latch_tag a = tag_of(&x_gcm128), b = a, weaker = a, alice = a, bob = a;
	struct latch_params p;

	a.id = (struct latch_ident){ LATCH_IDENT_PINNED, { 7, 0 }, { 0, 0 }, 0 };
	b.id = (struct latch_ident){ LATCH_IDENT_PINNED, { 8, 0 }, { 0, 0 }, 0 };
	weaker.id = b.id;
	weaker.x[0].encr_bits = 64;
	bob.id = idents[6];
	p = latched_exact(&a);
	latch_params_open(&p);
	EXPECT(t, !latch_params_cmp(&p, NULL, &b, LATCH_DIR_IN), "its successor");
	EXPECT(t, latch_params_cmp(&p, NULL, &weaker, LATCH_DIR_IN) == LATCH_R(KEY_LEN),
	       "a weaker one");
	EXPECT(t, !latch_params_cmp(&p, NULL, &alice, LATCH_DIR_IN), "the first who is named");
	EXPECT(t, latch_params_add(&p, &alice, LATCH_DIR_IN, 8), "is who it is");
	EXPECT(t, p.tag.id.kind == LATCH_IDENT_NAMED && p.adopted == 8, "from now on");
	EXPECT(t, latch_params_cmp(&p, NULL, &bob, LATCH_DIR_OUT) & LATCH_R(PEER),
	       "and nobody else");
	EXPECT(t, !latch_params_add(&p, &bob, LATCH_DIR_OUT, 9), "not even later");
	EXPECT(t, !latch_params_cmp(&p, NULL, &b, LATCH_DIR_OUT), "what was there before");
	b.id.peer[0] = 9;
	EXPECT(t, latch_params_cmp(&p, NULL, &b, LATCH_DIR_OUT) == LATCH_R(UNIDENTIFIED),
	       "what came after");
	p = latched_exact(&alice);
	latch_params_open(&p);
	EXPECT(t, latch_params_cmp(&p, NULL, &bob, LATCH_DIR_OUT) & LATCH_R(PEER),
	       "known from the first");
}

/* A claim for the very SA says who a pinned latch's peer was all along. */
static void params_pinned_is_named(struct tally *t)
{
	struct latch_tag a = tag_of(&x_gcm128), named = a, other = a;
	struct latch_params p;

	a.id = (struct latch_ident){ LATCH_IDENT_PINNED, { 7, 0 }, { 0, 0 }, 0 };
	named.id.serial = 7;
	other.id.serial = 8;
	p = latched(&a, LATCH_QOP_EXACT, LATCH_DIR_IN);
	a.id.peer[0] = 5;
	latch_params_add(&p, &a, LATCH_DIR_OUT, 9);
	EXPECT(t, latch_params_cmp(&p, NULL, &other, LATCH_DIR_IN) == LATCH_R(PEER), "another SA");
	EXPECT(t, !latch_params_add(&p, &other, LATCH_DIR_IN, 9), "says nothing");
	EXPECT(t, latch_params_cmp(&p, NULL, &named, LATCH_DIR_OUT) == LATCH_R(PEER),
	       "the other way");
	EXPECT(t, !latch_params_cmp(&p, NULL, &named, LATCH_DIR_IN), "the very SA");
	EXPECT(t, latch_params_add(&p, &named, LATCH_DIR_IN, 9), "says it");
	EXPECT(t, !latch_params_cmp(&p, NULL, &other, LATCH_DIR_IN), "the same peer");
	EXPECT(t, !latch_params_cmp(&p, NULL, &a, LATCH_DIR_OUT), "the pinned one out");
	a.id.peer[0] = 6;
	EXPECT(t, latch_params_cmp(&p, NULL, &a, LATCH_DIR_OUT) == LATCH_R(UNIDENTIFIED),
	       "and no other");
}

/* --- latching ------------------------------------------------------------------ */

static bool tag_equal(const struct latch_tag *a, const struct latch_tag *b)
{
	return a->n == b->n && a->flags == b->flags &&
	       !memcmp(a->x, b->x, sizeof(a->x)) && a->id.kind == b->id.kind &&
	       ref_same(a->id.peer, b->id.peer) && ref_same(a->id.local, b->id.local);
}

static void params_set_from_tag(struct tally *t)
{
	struct latch_params p;
	unsigned int i, k;
	u8 dir, rule;

	for (i = 0; i < N_TAGS; i++)
		for (dir = 0; dir < LATCH_DIRS; dir++) {
			struct latch_tag a = tag_nth(i), want = a;
			bool in = dir == LATCH_DIR_IN;
			u64 pin = a.id.kind == LATCH_IDENT_PINNED ? a.id.peer[0] : 0;

			rule = i % QOP_RULES;
			for (k = 0; k < LATCH_MAX_TRANSFORMS && !in; k++)
				want.x[k].replay_window = 0;
			memset(&p, 0xff, sizeof(p));
			latch_params_set(&p, &a, rule, dir);
			EXPECT(t, tag_equal(&p.tag, &want), "%u direction %u: tag", i, dir);
			EXPECT(t, p.rule == rule && p.have_replay == in, "%u: rule %u %d",
			       i, p.rule, p.have_replay);
			EXPECT(t, p.pinned[dir] == pin && !p.pinned[!dir],
			       "%u direction %u: pinned", i, dir);
		}
}

/* Only what was open changes, and only once (2-19). */
static void params_add_once(struct tally *t)
{
	unsigned int i, j;

	for (i = 0; i < N_TAGS; i += STEP_TAGS) {
		for (j = 0; j < N_TAGS; j += STEP_TAGS) {
			u8 born = i & 1, dir = j & 1;
			struct latch_tag a = tag_nth(i), b = tag_nth(j);
			struct latch_params p = latched(&a, 0, born), want = p;
			bool both = a.id.kind == LATCH_IDENT_PINNED &&
				    b.id.kind == LATCH_IDENT_PINNED;
			bool changes = dir != born && (dir == LATCH_DIR_IN || both);

			if (changes && dir == LATCH_DIR_IN) {
				want.tag.x[0].replay_window = b.x[0].replay_window;
				want.have_replay = true;
			}
			if (changes && both)
				want.pinned[dir] = b.id.peer[0];
			EXPECT(t, latch_params_add(&p, &b, dir, 9) == changes,
			       "%u then %u", i, j);
			EXPECT(t, tag_equal(&p.tag, &want.tag) && p.rule == want.rule &&
			       p.have_replay == want.have_replay &&
			       !memcmp(p.pinned, want.pinned, sizeof(p.pinned)),
			       "%u then %u: other than what was open", i, j);
			EXPECT(t, !latch_params_add(&p, &b, dir, 9), "%u then %u, twice", i, j);
		}
		breathe();
	}
}

/* All four windows are taken; a serial number of 0 pins nothing. */
static void params_add_details(struct tally *t)
{
	struct latch_tag a = { .n = LATCH_MAX_TRANSFORMS, .id = id_a }, b;
	struct latch_params p;
	unsigned int i;

	for (i = 0; i < LATCH_MAX_TRANSFORMS; i++)
		a.x[i].replay_window = 10 + i;
	p = latched(&a, LATCH_QOP_EXACT, LATCH_DIR_OUT);
	EXPECT(t, latch_params_add(&p, &a, LATCH_DIR_IN, 9), "windows");
	EXPECT(t, tag_equal(&p.tag, &a) && p.have_replay, "all of them");
	b = a;
	b.id = (struct latch_ident){ LATCH_IDENT_PINNED, { 5, 0 }, { 0, 0 }, 0 };
	p = latched(&b, LATCH_QOP_EXACT, LATCH_DIR_IN);
	b.id.peer[0] = 0;
	EXPECT(t, !latch_params_add(&p, &b, LATCH_DIR_OUT, 9) && !p.pinned[1], "serial 0");
	EXPECT(t, !latch_params_add(&p, &a, LATCH_DIR_OUT, 9) && !p.pinned[1], "a named one");
}

/* Equal but for what latch_params_add() fills in. */
static bool ref_begins(const struct latch_tag *a, const struct latch_tag *b, u8 dir)
{
	struct latch_tag first = *b;

	if (dir == LATCH_DIR_OUT)
		first.x[0].replay_window = a->x[0].replay_window;
	return tag_equal(a, &first);
}

/* Whatever came later: a flow begins as another when its first tag is the same. */
static void params_begins_every_pair(struct tally *t)
{
	unsigned int i, j, k, begun = 0;

	for (i = 0; i < N_TAGS; i += STEP_TAGS) {
		for (j = 0; j < N_TAGS; j += STEP_TAGS)
			for (k = 0; k < 4; k++) {
				u8 dir = k & 1;
				struct latch_tag a = tag_nth(i), b = tag_nth(j);
				struct latch_params p = latched(&a, 0, dir);
				struct latch_params first = latched(&b, k >> 1, dir);
				bool same = k < 2 && ref_begins(&a, &b, dir);

				begun += same;
				EXPECT(t, latch_params_begins(&p, &first, dir) == same,
				       "%u and %u, %u", i, j, k);
				latch_params_add(&p, &a, !dir, 9);
				EXPECT(t, latch_params_begins(&p, &first, dir) == same,
				       "%u and %u, %u, added to", i, j, k);
			}
		breathe();
	}
	EXPECT(t, begun, "none: the test is none");
}

/* Several transformations, and an SA that the other direction's flow was pinned by. */
static void params_begins_by_hand(struct tally *t)
{
	struct latch_tag a = { .n = 2, .id = id_a }, b = a;
	struct latch_params p = latched(&a, 0, LATCH_DIR_IN), q;

	b.n = 1;
	q = latched(&b, 0, LATCH_DIR_IN);
	EXPECT(t, !latch_params_begins(&p, &q, LATCH_DIR_IN), "one of two");
	b = a;
	b.x[1].encr_bits = 256;
	q = latched(&b, 0, LATCH_DIR_IN);
	EXPECT(t, !latch_params_begins(&p, &q, LATCH_DIR_IN), "the second one");
	b = a;
	b.id.peer[1]++;
	q = latched(&b, 0, LATCH_DIR_IN);
	EXPECT(t, !latch_params_begins(&p, &q, LATCH_DIR_IN), "somebody else");
	b = a;
	b.id.local[0]++;
	q = latched(&b, 0, LATCH_DIR_IN);
	EXPECT(t, !latch_params_begins(&p, &q, LATCH_DIR_IN), "as somebody else");
	a = (struct latch_tag){ .n = 1, .id = { LATCH_IDENT_PINNED, { 5, 0 }, { 0, 0 }, 0 } };
	b = a;
	b.id.peer[0] = 6;
	p = latched(&a, 0, LATCH_DIR_OUT);
	q = latched(&b, 0, LATCH_DIR_IN);
	EXPECT(t, !latch_params_begins(&p, &q, LATCH_DIR_IN), "not pinned yet");
	latch_params_add(&p, &b, LATCH_DIR_IN, 9);
	EXPECT(t, latch_params_begins(&p, &q, LATCH_DIR_IN), "pinned");
	q = latched(&a, 0, LATCH_DIR_IN);
	EXPECT(t, !latch_params_begins(&p, &q, LATCH_DIR_IN), "pinned to another");
	latch_params_open(&p);
	latch_params_open(&q);
	EXPECT(t, latch_params_begins(&p, &q, LATCH_DIR_IN), "both unknown");
	b.id = id_a;
	q = latched(&b, 0, LATCH_DIR_IN);
	latch_params_add(&p, &b, LATCH_DIR_IN, 9);
	p.tag.x[0].replay_window = 0;
	EXPECT(t, !latch_params_begins(&p, &q, LATCH_DIR_IN), "not known from the first");
	p.adopted = 0;
	EXPECT(t, latch_params_begins(&p, &q, LATCH_DIR_IN), "known from the first");
}

static const struct test params_tests[] = {
	{ "2-7_begins_every_pair", params_begins_every_pair },
	{ "2-7_begins_by_hand", params_begins_by_hand },
	{ "2-2_protection_of_usual_suites", params_protection_usual },
	{ "2-2_protection_of_all", params_protection_all },
	{ "2-2_protection_of_chains", params_protection_chain },
	{ "2-2_chains_every_pair", params_chains_every_pair },
	{ "2-2_number_and_order_of_protocols", params_chains_by_hand },
	{ "2-2_chain_too_long", params_chain_too_long },
	{ "2-4_cipher_strength", params_ciphers },
	{ "2-4_cipher_classes", params_cipher_classes },
	{ "2-4_integrity_strength", params_integ_ranks },
	{ "2-4_suite_matches", params_suite_matches },
	{ "2-4_suites_every_pair", params_suites_every_pair },
	{ "2-4_exact_reason_per_field", params_exact_reasons },
	{ "2-4_floor_stronger_only", params_floor_usual },
	{ "2-4_floor_icv", params_floor_icv },
	{ "2-4_replay_window", params_replay },
	{ "2-4_replay_window_in_chain", params_replay_chain },
	{ "2-6_identities_every_pair", params_idents_every_pair },
	{ "2-6_pinned_states", params_pinned_states },
	{ "2-6_unidentified_is_itself_only", params_pinned_by_hand },
	{ "2-6_identity_states", params_ident_states },
	{ "2-6_unknown_peer_is_the_first_who_is_named", params_unknown_by_hand },
	{ "2-6_pinned_peer_is_named_later", params_pinned_is_named },
	{ "2-7_tags_every_pair", params_tags_every_pair },
	{ "2-7_congruent_with_itself", params_reflexive },
	{ "2-19_latched_from_first_packet", params_set_from_tag },
	{ "2-19_open_fields_filled_once", params_add_once },
	{ "2-19_open_fields_in_chain", params_add_details },
	{ "2.1-3_sets_every_pair", params_sets_every_pair },
	{ "2.1-3_set_keeps_protection", params_sets_by_hand },
	{ "2.1-3_set_bounds", params_sets_bounds },
};

#endif /* LATCH_TESTS_PARAMS_CASES_H */
