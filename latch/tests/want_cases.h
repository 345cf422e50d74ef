/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a socket asked for against what an SA gives.
 */
#ifndef LATCH_TESTS_WANT_CASES_H
#define LATCH_TESTS_WANT_CASES_H

#include "params_cases.h"

#define N_WANTS		(8 * 4 * 4 * ARRAY_SIZE(sets) * 4)

/* Every protection, encapsulation, key length, set of suites, identities. */
static struct latch_want want_nth(unsigned int i)
{
	static const u16 bits[] = { 0, 128, 192, 257 };
	struct latch_want w = sets[i % ARRAY_SIZE(sets)];

	i /= ARRAY_SIZE(sets);
	w.protection = i & 7;
	w.encap = i >> 3 & 3;
	w.min_key_bits = bits[i >> 5 & 3];
	w.have_peer = i & 128;
	w.have_local = i & 256;
	memcpy(w.peer, id_a.peer, sizeof(w.peer));
	memcpy(w.local, id_a.local, sizeof(w.local));
	return w;
}

static void expect_want(struct tally *t, const struct latch_want *w,
			const struct latch_tag *tag, unsigned int i, unsigned int j)
{
	u8 dir;

	for (dir = 0; dir < LATCH_DIRS; dir++)
		EXPECT(t, latch_want_cmp(w, tag, dir) == ref_want_cmp(w, tag, dir),
		       "%u of %u, direction %u: %#x, not %#x", i, j, dir,
		       latch_want_cmp(w, tag, dir), ref_want_cmp(w, tag, dir));
}

static void want_every_tag(struct tally *t)
{
	unsigned int i, j;

	for (i = 0; i < N_WANTS; i += STEP_TAGS) {
		struct latch_want w = want_nth(i);

		for (j = 0; j < N_TAGS; j += STEP_TAGS) {
			struct latch_tag tag = tag_nth(j);

			expect_want(t, &w, &tag, i, j);
		}
		breathe();
	}
}

static void want_every_chain(struct tally *t)
{
	unsigned int i, j;

	for (i = 0; i < N_WANTS; i += STEP_CHAINS) {
		struct latch_want w = want_nth(i);

		for (j = 0; j < N_CHAINS; j += STEP_CHAINS) {
			struct latch_tag tag = chain_nth(j);

			expect_want(t, &w, &tag, i, j);
		}
		breathe();
	}
}

static void want_every_ident(struct tally *t)
{
	unsigned int i, j, k;

	for (i = 0; i < ARRAY_SIZE(idents); i++)
		for (j = 0; j < ARRAY_SIZE(idents); j++)
			for (k = 0; k < 8; k++) {
				struct latch_tag tag = tag_of(&x_gcm128);
				struct latch_want w = {
					.have_peer = k & 1,
					.have_local = k & 2,
					.min_key_bits = k & 4 ? 256 : 0,
				};

				memcpy(w.peer, idents[i].peer, sizeof(w.peer));
				memcpy(w.local, idents[i].local, sizeof(w.local));
				tag.id = idents[j];
				expect_want(t, &w, &tag, i, j);
			}
}

/* --- by hand, for who reads the clause ---------------------------------------- */

static u32 want_cmp(struct latch_want w, const struct latch_transform *x)
{
	struct latch_tag tag = tag_of(x);

	return latch_want_cmp(&w, &tag, LATCH_DIR_IN);
}

#define WANT(...)	((struct latch_want){ __VA_ARGS__ })

static void want_protection(struct tally *t)
{
	struct latch_transform window = x_gcm128;
	struct latch_tag tag = tag_of(&x_gcm128);
	struct latch_want w = { .protection = LATCH_PROT_REPLAY };

	window.replay_window = 32;
	EXPECT(t, !want_cmp(WANT(.protection = 7), &window), "all there");
	EXPECT(t, want_cmp(WANT(.protection = LATCH_PROT_CONF), &x_null_sha256) ==
	       LATCH_R(REQUEST), "NULL");
	EXPECT(t, want_cmp(WANT(.protection = LATCH_PROT_INTEG), &x_aes_only) ==
	       LATCH_R(REQUEST), "no integrity");
	EXPECT(t, latch_want_cmp(&w, &tag, LATCH_DIR_IN) == LATCH_R(REQUEST),
	       "no window inbound");
	EXPECT(t, !latch_want_cmp(&w, &tag, LATCH_DIR_OUT), "unknown outbound");
	w.protection = 0x80;
	EXPECT(t, latch_want_cmp(&w, &tag, LATCH_DIR_OUT) == LATCH_R(REQUEST),
	       "an unknown demand is not met");
}

static void want_encapsulation(struct tally *t)
{
	struct latch_transform x = x_gcm128;

	x.mode = 0;
	EXPECT(t, !want_cmp(WANT(.encap = LATCH_ENCAP_TRANSPORT), &x), "transport");
	EXPECT(t, want_cmp(WANT(.encap = LATCH_ENCAP_TUNNEL), &x), "no tunnel");
	x.mode = 1;
	EXPECT(t, want_cmp(WANT(.encap = LATCH_ENCAP_TRANSPORT), &x), "no transport");
	EXPECT(t, !want_cmp(WANT(.encap = LATCH_ENCAP_TUNNEL), &x), "tunnel");
	EXPECT(t, !want_cmp(WANT(.encap = LATCH_ENCAP_ANY), &x), "any");
	x.mode = 4;
	EXPECT(t, want_cmp(WANT(.encap = LATCH_ENCAP_TRANSPORT), &x), "BEET");
	EXPECT(t, want_cmp(WANT(.encap = LATCH_ENCAP_TUNNEL), &x), "BEET");
}

/* What is neither ESP nor AH has neither key nor suite to be asked for. */
static void want_other_protocols(struct tally *t)
{
	struct latch_tag tag = tag_of(&x_gcm256);
	struct latch_want w = { .n_suites = 1, .suites = { { .encr = 20 } },
				.min_key_bits = 256, .protection = LATCH_PROT_CONF };

	tag.n = 2;
	tag.x[1] = (struct latch_transform){ .proto = 43 };
	EXPECT(t, !latch_want_cmp(&w, &tag, LATCH_DIR_IN), "with a routing header");
	tag.x[1].proto = REF_AH;
	EXPECT(t, latch_want_cmp(&w, &tag, LATCH_DIR_IN) == LATCH_R(REQUEST), "with AH");
}

/* For NULL and AH the key that counts is that of the integrity. */
static void want_key_bits(struct tally *t)
{
	EXPECT(t, !want_cmp(WANT(.min_key_bits = 128), &x_aes_sha1), "as demanded");
	EXPECT(t, want_cmp(WANT(.min_key_bits = 129), &x_aes_sha1) == LATCH_R(REQUEST),
	       "one less");
	EXPECT(t, !want_cmp(WANT(.min_key_bits = 256), &x_null_sha256), "NULL");
	EXPECT(t, want_cmp(WANT(.min_key_bits = 257), &x_null_sha256), "NULL, one less");
	EXPECT(t, !want_cmp(WANT(.min_key_bits = 160), &x_ah_sha1), "AH");
	EXPECT(t, want_cmp(WANT(.min_key_bits = 161), &x_ah_sha1), "AH, one less");
	EXPECT(t, !want_cmp(WANT(.min_key_bits = 256), &x_gmac256), "GMAC has a key");
}

static void want_identities(struct tally *t)
{
	struct latch_want w = { .have_peer = true, .have_local = true,
				.peer = PEER_A, .local = HERE_A };
	struct latch_tag tag = tag_of(&x_gcm128);

	EXPECT(t, !latch_want_cmp(&w, &tag, 0), "the ones demanded");
	tag.id.peer[0]++;
	EXPECT(t, latch_want_cmp(&w, &tag, 0) == LATCH_R(PEER), "another peer");
	tag.id.local[1]++;
	EXPECT(t, latch_want_cmp(&w, &tag, 0) == (LATCH_R(PEER) | LATCH_R(LOCAL)), "both");
	tag.id = id_a;
	tag.id.kind = LATCH_IDENT_PINNED;
	EXPECT(t, latch_want_cmp(&w, &tag, 0) == (LATCH_R(PEER) | LATCH_R(LOCAL)),
	       "unidentified");
	w.have_local = false;
	EXPECT(t, latch_want_cmp(&w, &tag, 0) == LATCH_R(PEER), "only the peer");
	w.have_peer = false;
	EXPECT(t, !latch_want_cmp(&w, &tag, 0), "nobody in particular");
	tag.id.kind = LATCH_IDENT_PENDING;
	EXPECT(t, latch_want_cmp(&w, &tag, 0) == LATCH_R(PENDING), "awaited");
	tag.n = 0;
	EXPECT(t, latch_want_cmp(&w, &tag, 0) == LATCH_R(CLEAR), "unprotected");
}

static const struct test want_tests[] = {
	{ "2-16_wants_every_tag", want_every_tag },
	{ "2-16_wants_every_chain", want_every_chain },
	{ "2-16_wants_every_identity", want_every_ident },
	{ "2-16_protection_demanded", want_protection },
	{ "2-16_encapsulation_demanded", want_encapsulation },
	{ "2-16_key_length_demanded", want_key_bits },
	{ "2-16_other_protocols", want_other_protocols },
	{ "2.3-3_identities_demanded", want_identities },
};

#endif /* LATCH_TESTS_WANT_CASES_H */
