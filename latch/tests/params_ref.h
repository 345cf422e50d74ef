/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When a tag is congruent, told once more and as plainly as can be: for each
 * reason one function that says whether it holds.
 */
#ifndef LATCH_TESTS_PARAMS_REF_H
#define LATCH_TESTS_PARAMS_REF_H

#include "../core/params.h"
#include "../core/suite.h"
#include "../core/tag.h"
#include "../core/want.h"

#define REF_ESP	50
#define REF_AH	51

/* A comparison: what is latched, by which rule, and what it is compared with. */
struct ref_cmp {
	const struct latch_params *p;
	const struct latch_want *want;
	const struct latch_tag *t;
	u8 dir;
};

/* --- algorithms ----------------------------------------------------------- */

/* -1 unknown, 0 no encryption, 1 broken, 2 blocks of 64 bits, 3 of 128 */
static int ref_cipher(u16 encr)
{
	switch (encr) {
	case 0: case 11: case 21:
		return 0;
	case 1: case 2: case 9:
		return 1;
	case 3: case 4: case 5: case 6: case 7: case 8:
		return 2;
	case 12: case 13: case 14: case 15: case 16: case 18: case 19: case 20:
	case 23: case 24: case 25: case 26: case 27: case 28:
		return 3;
	default:
		return -1;
	}
}

static bool ref_combined_mode(u16 encr)
{
	switch (encr) {
	case 14: case 15: case 16: case 18: case 19: case 20: case 21:
	case 25: case 26: case 27: case 28:
		return true;
	default:
		return false;
	}
}

/* -1 unknown, 0 none, 1 MD5 and DES, 2 SHA-1, 3 to 5 the others */
static int ref_integ_rank(const struct latch_transform *x)
{
	if (ref_combined_mode(x->encr))
		return 5;
	switch (x->integ) {
	case 0:
		return 0;
	case 1: case 3: case 4: case 6:
		return 1;
	case 2: case 7:
		return 2;
	case 5: case 8: case 12:
		return 3;
	case 13:
		return 4;
	case 9: case 10: case 11: case 14:
		return 5;
	default:
		return -1;
	}
}

/* --- what a chain gives ------------------------------------------------------- */

static bool ref_confidential(const struct latch_tag *t)
{
	unsigned int i;

	for (i = 0; i < t->n && i < LATCH_MAX_TRANSFORMS; i++)
		if (t->x[i].proto == REF_ESP && ref_cipher(t->x[i].encr) != 0)
			return true;
	return false;
}

static bool ref_x_integrity(const struct latch_transform *x)
{
	return x->proto == REF_AH ||
	       (x->proto == REF_ESP && (x->integ != 0 || ref_combined_mode(x->encr)));
}

static bool ref_integrity(const struct latch_tag *t)
{
	unsigned int i;

	for (i = 0; i < t->n && i < LATCH_MAX_TRANSFORMS; i++)
		if (ref_x_integrity(&t->x[i]))
			return true;
	return false;
}

static bool ref_antireplay(const struct latch_tag *t)
{
	unsigned int i;

	for (i = 0; i < t->n && i < LATCH_MAX_TRANSFORMS; i++)
		if (ref_x_integrity(&t->x[i]) && t->x[i].replay_window != 0)
			return true;
	return false;
}

static u8 ref_protection(const struct latch_tag *t)
{
	return (ref_confidential(t) ? LATCH_PROT_CONF : 0) |
	       (ref_integrity(t) ? LATCH_PROT_INTEG : 0) |
	       (ref_antireplay(t) ? LATCH_PROT_REPLAY : 0);
}

/* --- suites --------------------------------------------------------------------- */

static bool ref_suite(const struct latch_suite *s, const struct latch_transform *x)
{
	const u16 want[] = { s->encr, s->encr_bits, s->integ, s->icv_bits };
	const u16 is[] = { x->encr, x->encr_bits, x->integ, x->icv_bits };
	unsigned int i, given = 0;

	for (i = 0; i < 4; i++) {
		given += want[i] != 0;
		if (want[i] != 0 && want[i] != is[i])
			return false;
	}
	return given != 0;
}

static bool ref_in_set(const struct latch_want *w, const struct latch_transform *x)
{
	unsigned int i;

	if (x->proto != REF_ESP && x->proto != REF_AH)
		return true;
	if (!w)
		return false;
	for (i = 0; i < w->n_suites && i < LATCH_MAX_SUITES; i++)
		if (ref_suite(&w->suites[i], x))
			return true;
	return false;
}

/* What nobody ranked is no better than anything else, and nothing than it. */
static bool ref_weaker(int was, int is, bool same)
{
	return !same && (was < 0 || is < 0 || is < was);
}

static bool ref_encr_weaker(const struct latch_transform *l, const struct latch_transform *x)
{
	return ref_weaker(ref_cipher(l->encr), ref_cipher(x->encr), l->encr == x->encr);
}

static bool ref_key_shorter(const struct latch_transform *l, const struct latch_transform *x)
{
	bool comparable = ref_cipher(l->encr) > 0 &&
			  ref_cipher(l->encr) == ref_cipher(x->encr);

	return ((comparable || l->encr == x->encr) && x->encr_bits < l->encr_bits) ||
	       (l->integ == x->integ && x->integ_bits < l->integ_bits);
}

static bool ref_integ_weaker(const struct latch_transform *l, const struct latch_transform *x)
{
	int was = ref_integ_rank(l), is = ref_integ_rank(x);

	return l->integ == x->integ ? is < was : ref_weaker(was, is, false);
}

static bool ref_icv_shorter(const struct latch_transform *l, const struct latch_transform *x)
{
	bool combined = ref_combined_mode(x->encr) || x->integ == 9 || x->integ == 10 ||
			x->integ == 11;

	/* no combined mode has more than 128 bits, and that is enough */
	return x->icv_bits < l->icv_bits && !(combined && x->icv_bits >= 128);
}

/* --- the reasons ---------------------------------------------------------------- */

typedef bool (*ref_pair)(const struct ref_cmp *c, const struct latch_transform *l,
			 const struct latch_transform *x);

static bool ref_any(const struct ref_cmp *c, ref_pair differs)
{
	unsigned int i;

	for (i = 0; i < LATCH_MAX_TRANSFORMS && i < c->t->n && i < c->p->tag.n; i++)
		if (differs(c, &c->p->tag.x[i], &c->t->x[i]))
			return true;
	return false;
}

static bool ref_encr_x(const struct ref_cmp *c, const struct latch_transform *l,
		       const struct latch_transform *x)
{
	if (c->p->rule == LATCH_QOP_SET)
		return !ref_in_set(c->want, x);
	if (c->p->rule == LATCH_QOP_FLOOR)
		return ref_encr_weaker(l, x);
	return l->encr != x->encr;
}

static bool ref_key_len_x(const struct ref_cmp *c, const struct latch_transform *l,
			  const struct latch_transform *x)
{
	if (c->p->rule == LATCH_QOP_SET)
		return false;
	if (c->p->rule == LATCH_QOP_FLOOR)
		return ref_key_shorter(l, x);
	return l->encr_bits != x->encr_bits || l->integ_bits != x->integ_bits;
}

static bool ref_integ_x(const struct ref_cmp *c, const struct latch_transform *l,
			const struct latch_transform *x)
{
	if (c->p->rule == LATCH_QOP_SET)
		return false;
	if (c->p->rule == LATCH_QOP_FLOOR)
		return ref_integ_weaker(l, x);
	return l->integ != x->integ;
}

static bool ref_icv_x(const struct ref_cmp *c, const struct latch_transform *l,
		      const struct latch_transform *x)
{
	if (c->p->rule == LATCH_QOP_SET)
		return false;
	if (c->p->rule == LATCH_QOP_FLOOR)
		return ref_icv_shorter(l, x);
	return l->icv_bits != x->icv_bits;
}

static bool ref_mode_x(const struct ref_cmp *c, const struct latch_transform *l,
		       const struct latch_transform *x)
{
	(void)c;
	return l->mode != x->mode;
}

static bool ref_proto_x(const struct ref_cmp *c, const struct latch_transform *l,
			const struct latch_transform *x)
{
	(void)c;
	return l->proto != x->proto;
}

static bool ref_replay_x(const struct ref_cmp *c, const struct latch_transform *l,
			 const struct latch_transform *x)
{
	return c->dir == LATCH_DIR_IN && c->p->have_replay &&
	       x->replay_window < l->replay_window;
}

/* --- identities ---------------------------------------------------------------- */

static bool ref_same(const u64 *a, const u64 *b)
{
	return !memcmp(a, b, 16);
}

static u32 ref_pinned(const struct latch_params *p, u64 serial, u64 pin)
{
	bool same;

	if (p->tag.id.kind == LATCH_IDENT_UNKNOWN)
		return 0;
	if (p->tag.id.kind == LATCH_IDENT_PINNED)
		same = pin == 0 || pin == serial;
	else
		same = p->tag.id.kind == LATCH_IDENT_NAMED && serial != 0 &&
		       (pin == serial || serial <= p->adopted);
	return same ? 0 : LATCH_R(UNIDENTIFIED);
}

static u32 ref_ident(const struct ref_cmp *c)
{
	const struct latch_ident *was = &c->p->tag.id, *is = &c->t->id;
	u64 pin = c->p->pinned[c->dir];
	u32 set = 0;

	if (is->kind == LATCH_IDENT_PENDING)
		return LATCH_R(PENDING);
	if (is->kind == LATCH_IDENT_AMBIGUOUS)
		return LATCH_R(AMBIGUOUS);
	if (is->kind == LATCH_IDENT_PINNED)
		return ref_pinned(c->p, is->peer[0], pin);
	if (is->kind != LATCH_IDENT_NAMED)
		return LATCH_R(PEER);
	if (was->kind == LATCH_IDENT_UNKNOWN ||
	    (was->kind == LATCH_IDENT_PINNED && pin != 0 && pin == is->serial))
		return 0;
	if (was->kind != LATCH_IDENT_NAMED)
		return LATCH_R(PEER);
	if (!ref_same(was->peer, is->peer))
		set = LATCH_R(PEER);
	if (!ref_same(was->local, is->local))
		set |= LATCH_R(LOCAL);
	return set;
}

/* --- all of it ----------------------------------------------------------------- */

static u32 ref_params_cmp(const struct ref_cmp *c)
{
	bool strict = c->p->rule == LATCH_QOP_EXACT;
	u8 lost = strict ? 0 : ref_protection(&c->p->tag) & ~ref_protection(c->t);
	u32 set = 0;

	if (c->t->n == 0)
		return LATCH_R(CLEAR);
	if (c->t->n != c->p->tag.n || c->t->n > LATCH_MAX_TRANSFORMS ||
	    ref_any(c, ref_proto_x))
		set |= LATCH_R(PROTO);
	if (ref_any(c, ref_mode_x))
		set |= LATCH_R(MODE);
	if (ref_any(c, ref_encr_x) || (lost & LATCH_PROT_CONF))
		set |= LATCH_R(ENCR);
	if (ref_any(c, ref_key_len_x))
		set |= LATCH_R(KEY_LEN);
	if (ref_any(c, ref_integ_x) || (lost & LATCH_PROT_INTEG))
		set |= LATCH_R(INTEG);
	if (ref_any(c, ref_icv_x))
		set |= LATCH_R(ICV);
	if (ref_any(c, ref_replay_x))
		set |= LATCH_R(REPLAY);
	if ((c->t->flags & LATCH_TAG_ESN) != (c->p->tag.flags & LATCH_TAG_ESN))
		set |= LATCH_R(ESN);
	return set | ref_ident(c);
}

/* --- what a socket asked for --------------------------------------------------- */

static bool ref_key_long_enough(const struct latch_want *w, const struct latch_transform *x)
{
	bool no_cipher = x->encr == 0 || x->encr == 11;

	if (x->proto != REF_ESP && x->proto != REF_AH)
		return true;
	return w->min_key_bits <= (no_cipher ? x->integ_bits : x->encr_bits);
}

static bool ref_encap(const struct latch_want *w, const struct latch_tag *t)
{
	bool all_transport = t->n <= LATCH_MAX_TRANSFORMS, some_tunnel = false;
	unsigned int i;

	for (i = 0; i < t->n && i < LATCH_MAX_TRANSFORMS; i++) {
		if (t->x[i].mode != 0)
			all_transport = false;
		if (t->x[i].mode == 1)
			some_tunnel = true;
	}
	return w->encap == LATCH_ENCAP_ANY ||
	       (w->encap == LATCH_ENCAP_TRANSPORT && all_transport) ||
	       (w->encap == LATCH_ENCAP_TUNNEL && some_tunnel);
}

static bool ref_request_met(const struct latch_want *w, const struct latch_tag *t, u8 dir)
{
	u8 has = ref_protection(t);
	unsigned int i;

	if (dir == LATCH_DIR_OUT)
		has |= LATCH_PROT_REPLAY;
	if ((w->protection & has) != w->protection || !ref_encap(w, t))
		return false;
	for (i = 0; i < t->n && i < LATCH_MAX_TRANSFORMS; i++) {
		if (!ref_key_long_enough(w, &t->x[i]))
			return false;
		if (w->n_suites != 0 && !ref_in_set(w, &t->x[i]))
			return false;
	}
	return true;
}

static u32 ref_want_cmp(const struct latch_want *w, const struct latch_tag *t, u8 dir)
{
	u32 set = 0;

	if (t->n == 0)
		return LATCH_R(CLEAR);
	if (!ref_request_met(w, t, dir))
		set |= LATCH_R(REQUEST);
	if (t->id.kind == LATCH_IDENT_PENDING)
		return set | LATCH_R(PENDING);
	if (w->have_peer && (t->id.kind != LATCH_IDENT_NAMED || !ref_same(w->peer, t->id.peer)))
		set |= LATCH_R(PEER);
	if (w->have_local && (t->id.kind != LATCH_IDENT_NAMED || !ref_same(w->local, t->id.local)))
		set |= LATCH_R(LOCAL);
	return set;
}

#endif /* LATCH_TESTS_PARAMS_REF_H */
