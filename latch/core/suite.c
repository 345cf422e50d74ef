// SPDX-License-Identifier: GPL-2.0
/*
 * Suites: what the algorithms of a transformation give, and which are weaker than others
 * (RFC 5660 2-2, 2-4).
 */
#include "suite.h"

/* Classes of ciphers, IKEv2 transform type 1, from none to strong. */
enum { ENCR_UNKNOWN, ENCR_NULL, ENCR_BAD, ENCR_BLOCK64, ENCR_BLOCK128 };

static const u8 encr_classes[] = {
	[0]  = ENCR_NULL,	/* none: AH */
	[1]  = ENCR_BAD,	/* DES with 64 bit IV */
	[2]  = ENCR_BAD,	/* DES */
	[3]  = ENCR_BLOCK64,	/* 3DES */
	[4]  = ENCR_BLOCK64,	/* RC5 */
	[5]  = ENCR_BLOCK64,	/* IDEA */
	[6]  = ENCR_BLOCK64,	/* CAST */
	[7]  = ENCR_BLOCK64,	/* Blowfish */
	[8]  = ENCR_BLOCK64,	/* 3IDEA */
	[9]  = ENCR_BAD,	/* DES with 32 bit IV */
	[11] = ENCR_NULL,
	[12] = ENCR_BLOCK128,	/* AES-CBC */
	[13] = ENCR_BLOCK128,	/* AES-CTR */
	[14] = ENCR_BLOCK128,	/* AES-CCM, ICV of 8 bytes */
	[15] = ENCR_BLOCK128,	/* 12 bytes */
	[16] = ENCR_BLOCK128,	/* 16 bytes */
	[18] = ENCR_BLOCK128,	/* AES-GCM, ICV of 8 bytes */
	[19] = ENCR_BLOCK128,	/* 12 bytes */
	[20] = ENCR_BLOCK128,	/* 16 bytes */
	[21] = ENCR_NULL,	/* AES-GMAC: integrity only */
	[23] = ENCR_BLOCK128,	/* Camellia-CBC */
	[24] = ENCR_BLOCK128,	/* Camellia-CTR */
	[25] = ENCR_BLOCK128,	/* Camellia-CCM, ICV of 8 bytes */
	[26] = ENCR_BLOCK128,	/* 12 bytes */
	[27] = ENCR_BLOCK128,	/* 16 bytes */
	[28] = ENCR_BLOCK128,	/* ChaCha20-Poly1305 */
};

/* Ranks of integrity, IKEv2 transform type 3; a number not here is unknown. */
#define INTEG_RANK_COMBINED	5

static const u8 integ_ranks[] = {
	[1]  = 1,			/* HMAC-MD5-96 */
	[2]  = 2,			/* HMAC-SHA1-96 */
	[3]  = 1,			/* DES-MAC */
	[4]  = 1,			/* KPDK-MD5 */
	[5]  = 3,			/* AES-XCBC-96 */
	[6]  = 1,			/* HMAC-MD5-128 */
	[7]  = 2,			/* HMAC-SHA1-160 */
	[8]  = 3,			/* AES-CMAC-96 */
	[9]  = INTEG_RANK_COMBINED,	/* AES-128-GMAC */
	[10] = INTEG_RANK_COMBINED,	/* AES-192-GMAC */
	[11] = INTEG_RANK_COMBINED,	/* AES-256-GMAC */
	[12] = 3,			/* HMAC-SHA2-256-128 */
	[13] = 4,			/* HMAC-SHA2-384-192 */
	[14] = 5,			/* HMAC-SHA2-512-256 */
};

static u8 encr_class(u16 encr)
{
	return encr < ARRAY_SIZE(encr_classes) ? encr_classes[encr] : ENCR_UNKNOWN;
}

/* The class counts first, then the length of the key. */
u32 latch_encr_strength(u16 encr, u16 bits)
{
	u8 class = encr_class(encr);

	return class > ENCR_NULL ? (u32)class << 16 | bits : 0;
}

bool latch_encr_is_aead(u16 encr)
{
	return (encr >= 14 && encr <= 16) || (encr >= 18 && encr <= 21) ||
	       (encr >= 25 && encr <= 28);
}

u32 latch_integ_strength(const struct latch_transform *x)
{
	if (latch_encr_is_aead(x->encr))
		return INTEG_RANK_COMBINED;
	return x->integ < ARRAY_SIZE(integ_ranks) ? integ_ranks[x->integ] : 0;
}

/* An algorithm, but one that has no rank. */
static bool integ_is_unknown(const struct latch_transform *x)
{
	return x->integ && !latch_integ_strength(x);
}

/* Integrity by GHASH, CBC-MAC or Poly1305, whose ICV is never over 128 bits? */
static bool integ_is_combined(const struct latch_transform *x)
{
	return latch_encr_is_aead(x->encr) || (x->integ >= 9 && x->integ <= 11);
}

static bool gives_conf(const struct latch_transform *x)
{
	return x->proto == LATCH_PROTO_ESP && encr_class(x->encr) != ENCR_NULL;
}

static bool gives_integ(const struct latch_transform *x)
{
	if (x->proto == LATCH_PROTO_AH)
		return true;
	return x->proto == LATCH_PROTO_ESP && (x->integ || latch_encr_is_aead(x->encr));
}

static u8 transform_protection(const struct latch_transform *x)
{
	u8 prot = 0;

	if (gives_conf(x))
		prot |= LATCH_PROT_CONF;
	if (gives_integ(x))
		prot |= LATCH_PROT_INTEG;
	if (gives_integ(x) && x->replay_window)
		prot |= LATCH_PROT_REPLAY;
	return prot;
}

u8 latch_tag_protection(const struct latch_tag *t)
{
	u8 i, prot = 0;

	for (i = 0; i < latch_tag_n(t); i++)
		prot |= transform_protection(&t->x[i]);
	return prot;
}

/* Zero accepts any value. */
static bool field_matches(u16 want, u16 is)
{
	return !want || want == is;
}

bool latch_suite_matches(const struct latch_suite *s, const struct latch_transform *x)
{
	if (!s->encr && !s->encr_bits && !s->integ && !s->icv_bits)
		return false;
	return field_matches(s->encr, x->encr) &&
	       field_matches(s->encr_bits, x->encr_bits) &&
	       field_matches(s->integ, x->integ) &&
	       field_matches(s->icv_bits, x->icv_bits);
}

/* The latched suite and no other: a reason for each field (RFC 5660 2-4). */
u32 latch_suite_exact(const struct latch_transform *l, const struct latch_transform *x)
{
	u32 diff = 0;

	if (x->encr != l->encr)
		diff |= LATCH_R(ENCR);
	if (x->encr_bits != l->encr_bits || x->integ_bits != l->integ_bits)
		diff |= LATCH_R(KEY_LEN);
	if (x->integ != l->integ)
		diff |= LATCH_R(INTEG);
	if (x->icv_bits != l->icv_bits)
		diff |= LATCH_R(ICV);
	return diff;
}

/* An algorithm without a rank is only ever as good as itself. */
static bool encr_is_weaker(u16 was, u16 is)
{
	if (was == is)
		return false;
	return encr_class(was) == ENCR_UNKNOWN || encr_class(is) < encr_class(was);
}

/* Key lengths tell something between ciphers of one class only. */
static u32 floor_encr(const struct latch_transform *l, const struct latch_transform *x)
{
	if (encr_is_weaker(l->encr, x->encr))
		return LATCH_R(ENCR);
	if (x->encr == l->encr && x->encr_bits < l->encr_bits)
		return LATCH_R(KEY_LEN);
	if (latch_encr_strength(x->encr, x->encr_bits) <
	    latch_encr_strength(l->encr, l->encr_bits))
		return LATCH_R(KEY_LEN);
	return 0;
}

/*
 * Least length of the ICV.  The 192 and 256 bits of HMAC-SHA2 are what a
 * combined mode's 128 replace, so that no HMAC forbids to move to AES-GCM.
 */
static u16 floor_icv(const struct latch_transform *l, const struct latch_transform *x)
{
	if (integ_is_combined(x) && l->icv_bits > 128)
		return 128;
	return l->icv_bits;
}

static u32 floor_integ(const struct latch_transform *l, const struct latch_transform *x)
{
	u32 diff = 0;

	if (latch_integ_strength(x) < latch_integ_strength(l))
		diff |= LATCH_R(INTEG);
	if (x->integ != l->integ && (integ_is_unknown(l) || integ_is_unknown(x)))
		diff |= LATCH_R(INTEG);
	if (x->integ == l->integ && x->integ_bits < l->integ_bits)
		diff |= LATCH_R(KEY_LEN);
	if (x->icv_bits < floor_icv(l, x))
		diff |= LATCH_R(ICV);
	return diff;
}

u32 latch_suite_floor(const struct latch_transform *l, const struct latch_transform *x)
{
	return floor_encr(l, x) | floor_integ(l, x);
}

/* The key that counts: a cipher's, or without one that of the integrity. */
u16 latch_suite_key_bits(const struct latch_transform *x)
{
	bool null = encr_class(x->encr) == ENCR_NULL && !latch_encr_is_aead(x->encr);

	return null ? x->integ_bits : x->encr_bits;
}
