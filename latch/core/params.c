// SPDX-License-Identifier: GPL-2.0
/*
 * What is latched and when an SA is congruent with it (RFC 5660 2-2 to 2-7).
 */
#include "params.h"

#define PROTO_ESP	50
#define PROTO_AH	51
#define MODE_TRANSPORT	0
#define MODE_TUNNEL	1

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

/* --- algorithms ---------------------------------------------------------- */

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

/* --- what a transformation gives ----------------------------------------- */

static bool gives_conf(const struct latch_transform *x)
{
	return x->proto == PROTO_ESP && encr_class(x->encr) != ENCR_NULL;
}

static bool gives_integ(const struct latch_transform *x)
{
	if (x->proto == PROTO_AH)
		return true;
	return x->proto == PROTO_ESP && (x->integ || latch_encr_is_aead(x->encr));
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

/* Transformations that can be read: a tag never has more, but if it had ... */
static u8 tag_n(const struct latch_tag *t)
{
	return t->n < LATCH_MAX_TRANSFORMS ? t->n : LATCH_MAX_TRANSFORMS;
}

u8 latch_tag_protection(const struct latch_tag *t)
{
	u8 i, prot = 0;

	for (i = 0; i < tag_n(t); i++)
		prot |= transform_protection(&t->x[i]);
	return prot;
}

/* --- suites -------------------------------------------------------------- */

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

/* Is an ESP or AH transformation of any suite in the set? (RFC 5660 2.1-3) */
static bool want_has_suite(const struct latch_want *w, const struct latch_transform *x)
{
	u8 i;

	if (x->proto != PROTO_ESP && x->proto != PROTO_AH)
		return true;
	for (i = 0; w && i < w->n_suites && i < LATCH_MAX_SUITES; i++) {
		if (latch_suite_matches(&w->suites[i], x))
			return true;
	}
	return false;
}

/* The latched suite and no other: a reason for each field (RFC 5660 2-4). */
static u32 cmp_exact(const struct latch_transform *l, const struct latch_transform *x)
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
static u32 cmp_floor_encr(const struct latch_transform *l, const struct latch_transform *x)
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

static u32 cmp_floor_integ(const struct latch_transform *l, const struct latch_transform *x)
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

static u32 cmp_suite(const struct latch_params *p, const struct latch_want *want,
		     const struct latch_transform *l, const struct latch_transform *x)
{
	switch (p->rule) {
	case LATCH_QOP_FLOOR:
		return cmp_floor_encr(l, x) | cmp_floor_integ(l, x);
	case LATCH_QOP_SET:
		return want_has_suite(want, x) ? 0 : LATCH_R(ENCR);
	default:
		return cmp_exact(l, x);
	}
}

/* --- congruence ---------------------------------------------------------- */

static bool digest_equal(const u64 a[2], const u64 b[2])
{
	return a[0] == b[0] && a[1] == b[1];
}

/* An SA without identity is nobody but itself (RFC 5660 2-6), per direction. */
static u32 cmp_pinned(const struct latch_params *p, const struct latch_ident *id, u8 dir)
{
	if (p->tag.id.kind != LATCH_IDENT_PINNED)
		return LATCH_R(UNIDENTIFIED);
	if (p->pinned[dir] && p->pinned[dir] != id->peer[0])
		return LATCH_R(UNIDENTIFIED);
	return 0;
}

/* Both ends are who they were (RFC 5660 2-5, 2-6). */
static u32 cmp_named(const struct latch_ident *l, const struct latch_ident *id)
{
	u32 diff = 0;

	if (l->kind != LATCH_IDENT_NAMED)
		return LATCH_R(PEER);
	if (!digest_equal(l->peer, id->peer))
		diff |= LATCH_R(PEER);
	if (!digest_equal(l->local, id->local))
		diff |= LATCH_R(LOCAL);
	return diff;
}

static u32 cmp_ident(const struct latch_params *p, const struct latch_ident *id, u8 dir)
{
	switch (id->kind) {
	case LATCH_IDENT_PINNED:
		return cmp_pinned(p, id, dir);
	case LATCH_IDENT_NAMED:
		return cmp_named(&p->tag.id, id);
	case LATCH_IDENT_PENDING:
		return LATCH_R(PENDING);
	case LATCH_IDENT_AMBIGUOUS:
		return LATCH_R(AMBIGUOUS);
	default:
		return LATCH_R(PEER);
	}
}

/*
 * One transformation: protocol, mode, suite, replay window (RFC 5660 2-2 to 2-4).
 * A window that is not latched yet is 0.
 */
static u32 cmp_transform(const struct latch_params *p, const struct latch_want *want,
			 const struct latch_tag *t, u8 i, u8 dir)
{
	const struct latch_transform *l = &p->tag.x[i], *x = &t->x[i];
	u32 diff = cmp_suite(p, want, l, x);

	if (x->proto != l->proto)
		diff |= LATCH_R(PROTO);
	if (x->mode != l->mode)
		diff |= LATCH_R(MODE);
	if (dir == LATCH_DIR_IN && x->replay_window < l->replay_window)
		diff |= LATCH_R(REPLAY);
	return diff;
}

/* A set of suites or a floor never lets the type of protection go (RFC 5660 2-2). */
static u32 cmp_protection(const struct latch_params *p, const struct latch_tag *t)
{
	u8 lost = latch_tag_protection(&p->tag) & ~latch_tag_protection(t);
	u32 diff = 0;

	if (p->rule == LATCH_QOP_EXACT)
		return 0;
	if (lost & LATCH_PROT_CONF)
		diff |= LATCH_R(ENCR);
	if (lost & LATCH_PROT_INTEG)
		diff |= LATCH_R(INTEG);
	return diff;
}

/* RFC 5660 2-7, 2-10, 2-11. */
u32 latch_params_cmp(const struct latch_params *p, const struct latch_want *want,
		     const struct latch_tag *t, u8 dir)
{
	u8 i, n = tag_n(t);
	u32 diff;

	if (!t->n)
		return LATCH_R(CLEAR);

	diff = cmp_ident(p, &t->id, dir) | cmp_protection(p, t);
	if (t->n != p->tag.n || t->n != n)
		diff |= LATCH_R(PROTO);
	if ((t->flags ^ p->tag.flags) & LATCH_TAG_ESN)
		diff |= LATCH_R(ESN);
	if (n > tag_n(&p->tag))
		n = tag_n(&p->tag);
	for (i = 0; i < n; i++)
		diff |= cmp_transform(p, want, t, i, dir);
	return diff;
}

/* --- latching ------------------------------------------------------------ */

static void set_replay(struct latch_params *p, const struct latch_tag *t)
{
	u8 i;

	for (i = 0; i < LATCH_MAX_TRANSFORMS; i++)
		p->tag.x[i].replay_window = t ? t->x[i].replay_window : 0;
	p->have_replay = t;
}

void latch_params_set(struct latch_params *p, const struct latch_tag *t, u8 rule, u8 dir)
{
	memset(p, 0, sizeof(*p));
	p->tag = *t;
	p->rule = rule;
	set_replay(p, dir == LATCH_DIR_IN ? t : NULL);
	if (t->id.kind == LATCH_IDENT_PINNED)
		p->pinned[dir] = t->id.peer[0];
}

/* Nothing but what was open is ever filled in (RFC 5660 2-19). */
bool latch_params_add(struct latch_params *p, const struct latch_tag *t, u8 dir)
{
	bool changed = false;

	if (dir == LATCH_DIR_IN && !p->have_replay) {
		set_replay(p, t);
		changed = true;
	}
	if (p->tag.id.kind == LATCH_IDENT_PINNED && !p->pinned[dir] &&
	    t->id.kind == LATCH_IDENT_PINNED && t->id.peer[0]) {
		p->pinned[dir] = t->id.peer[0];
		changed = true;
	}
	return changed;
}

static bool transform_begins(const struct latch_transform *x,
			     const struct latch_transform *first, u8 dir)
{
	return x->proto == first->proto && x->mode == first->mode && x->encr == first->encr &&
	       x->encr_bits == first->encr_bits && x->integ == first->integ &&
	       x->integ_bits == first->integ_bits && x->icv_bits == first->icv_bits &&
	       (dir == LATCH_DIR_OUT || x->replay_window == first->replay_window);
}

static bool ident_equal(const struct latch_ident *a, const struct latch_ident *b)
{
	return a->kind == b->kind && digest_equal(a->peer, b->peer) &&
	       digest_equal(a->local, b->local);
}

/* By pinned[] only: of both directions' SAs the first one's is in the tag. */
static bool who_begins(const struct latch_params *p, const struct latch_params *first, u8 dir)
{
	if (first->tag.id.kind != LATCH_IDENT_PINNED)
		return ident_equal(&p->tag.id, &first->tag.id);
	return p->tag.id.kind == LATCH_IDENT_PINNED && p->pinned[dir] == first->pinned[dir];
}

/* Replay windows are of the inbound SA, whose packet need not be the first. */
bool latch_params_begins(const struct latch_params *p, const struct latch_params *first,
			 u8 dir)
{
	u8 i;

	if (p->tag.n != first->tag.n || p->tag.flags != first->tag.flags ||
	    p->rule != first->rule || !who_begins(p, first, dir))
		return false;
	for (i = 0; i < tag_n(&p->tag); i++)
		if (!transform_begins(&p->tag.x[i], &first->tag.x[i], dir))
			return false;
	return true;
}

/* --- what the socket asked for ------------------------------------------- */

/* The key that counts: a cipher's, or without one that of the integrity. */
static bool want_key_len(const struct latch_want *w, const struct latch_transform *x)
{
	bool null = encr_class(x->encr) == ENCR_NULL && !latch_encr_is_aead(x->encr);

	if (x->proto != PROTO_ESP && x->proto != PROTO_AH)
		return true;
	return (null ? x->integ_bits : x->encr_bits) >= w->min_key_bits;
}

/* Transport: all of the chain; tunnel: at least one of it. */
static bool want_encap(const struct latch_want *w, const struct latch_tag *t)
{
	u8 i, transport = 0, tunnel = 0;

	for (i = 0; i < tag_n(t); i++) {
		transport += t->x[i].mode == MODE_TRANSPORT;
		tunnel += t->x[i].mode == MODE_TUNNEL;
	}
	switch (w->encap) {
	case LATCH_ENCAP_ANY:
		return true;
	case LATCH_ENCAP_TRANSPORT:
		return transport == t->n;
	case LATCH_ENCAP_TUNNEL:
		return tunnel > 0;
	default:
		return false;
	}
}

static bool want_transforms(const struct latch_want *w, const struct latch_tag *t)
{
	u8 i;

	for (i = 0; i < tag_n(t); i++) {
		if (!want_key_len(w, &t->x[i]))
			return false;
		if (w->n_suites && !want_has_suite(w, &t->x[i]))
			return false;
	}
	return true;
}

static u32 want_ident(const struct latch_want *w, const struct latch_ident *id)
{
	bool named = id->kind == LATCH_IDENT_NAMED;
	u32 diff = 0;

	if (id->kind == LATCH_IDENT_PENDING)
		return LATCH_R(PENDING);
	if (w->have_peer && !(named && digest_equal(w->peer, id->peer)))
		diff |= LATCH_R(PEER);
	if (w->have_local && !(named && digest_equal(w->local, id->local)))
		diff |= LATCH_R(LOCAL);
	return diff;
}

/* RFC 5660 2-16, 2.3-3. */
u32 latch_want_cmp(const struct latch_want *w, const struct latch_tag *t, u8 dir)
{
	u8 need = w->protection;
	u32 diff;

	if (!t->n)
		return LATCH_R(CLEAR);
	if (dir == LATCH_DIR_OUT)
		need &= ~LATCH_PROT_REPLAY;
	diff = want_ident(w, &t->id);
	if ((need & ~latch_tag_protection(t)) || !want_encap(w, t) ||
	    !want_transforms(w, t))
		diff |= LATCH_R(REQUEST);
	return diff;
}
