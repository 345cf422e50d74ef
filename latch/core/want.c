// SPDX-License-Identifier: GPL-2.0
/*
 * Demands: what a socket asked for, and whether a tag gives it (RFC 5660 2-16, 2.3-3).
 */
#include "suite.h"
#include "tag.h"
#include "want.h"

#define MODE_TRANSPORT	0
#define MODE_TUNNEL	1

/* Is an ESP or AH transformation of any suite in the set? (RFC 5660 2.1-3) */
bool latch_want_has_suite(const struct latch_want *w, const struct latch_transform *x)
{
	u8 i;

	if (x->proto != LATCH_PROTO_ESP && x->proto != LATCH_PROTO_AH)
		return true;
	for (i = 0; w && i < w->n_suites && i < LATCH_MAX_SUITES; i++) {
		if (latch_suite_matches(&w->suites[i], x))
			return true;
	}
	return false;
}

static bool want_key_len(const struct latch_want *w, const struct latch_transform *x)
{
	if (x->proto != LATCH_PROTO_ESP && x->proto != LATCH_PROTO_AH)
		return true;
	return latch_suite_key_bits(x) >= w->min_key_bits;
}

/* Transport: all of the chain; tunnel: at least one of it. */
static bool want_encap(const struct latch_want *w, const struct latch_tag *t)
{
	u8 i, transport = 0, tunnel = 0;

	for (i = 0; i < latch_tag_n(t); i++) {
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

	for (i = 0; i < latch_tag_n(t); i++) {
		if (!want_key_len(w, &t->x[i]))
			return false;
		if (w->n_suites && !latch_want_has_suite(w, &t->x[i]))
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
	if (w->have_peer && !(named && latch_digest_equal(w->peer, id->peer)))
		diff |= LATCH_R(PEER);
	if (w->have_local && !(named && latch_digest_equal(w->local, id->local)))
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
