// SPDX-License-Identifier: GPL-2.0
/*
 * What is latched and when an SA is congruent with it (RFC 5660 2-2 to 2-7).
 */
#include "params.h"
#include "suite.h"
#include "want.h"

static u32 cmp_suite(const struct latch_params *p, const struct latch_want *want,
		     const struct latch_transform *l, const struct latch_transform *x)
{
	switch (p->rule) {
	case LATCH_QOP_FLOOR:
		return latch_suite_floor(l, x);
	case LATCH_QOP_SET:
		return latch_want_has_suite(want, x) ? 0 : LATCH_R(ENCR);
	default:
		return latch_suite_exact(l, x);
	}
}

/*
 * An SA without identity is nobody but itself (RFC 5660 2-6), per direction. What carried the
 * flow before somebody said who the peer is may go on to; what comes after that may not.
 */
static u32 cmp_pinned(const struct latch_params *p, const struct latch_ident *id, u8 dir)
{
	u64 serial = id->peer[0];

	switch (p->tag.id.kind) {
	case LATCH_IDENT_UNKNOWN:
		return 0;
	case LATCH_IDENT_PINNED:
		if (!p->pinned[dir] || p->pinned[dir] == serial)
			return 0;
		break;
	case LATCH_IDENT_NAMED:
		if (serial && (serial <= p->adopted || serial == p->pinned[dir]))
			return 0;
		break;
	}
	return LATCH_R(UNIDENTIFIED);
}

/*
 * Both ends are who they were (RFC 5660 2-5, 2-6). Where that was not known, the first who is
 * named is who it was; where the latch is pinned, only the very SA tells.
 */
static u32 cmp_named(const struct latch_params *p, const struct latch_ident *id, u8 dir)
{
	const struct latch_ident *l = &p->tag.id;
	u32 diff = 0;

	if (l->kind == LATCH_IDENT_UNKNOWN)
		return 0;
	if (l->kind == LATCH_IDENT_PINNED)
		return id->serial && id->serial == p->pinned[dir] ? 0 : LATCH_R(PEER);
	if (l->kind != LATCH_IDENT_NAMED)
		return LATCH_R(PEER);
	if (!latch_digest_equal(l->peer, id->peer))
		diff |= LATCH_R(PEER);
	if (!latch_digest_equal(l->local, id->local))
		diff |= LATCH_R(LOCAL);
	return diff;
}

static u32 cmp_ident(const struct latch_params *p, const struct latch_ident *id, u8 dir)
{
	switch (id->kind) {
	case LATCH_IDENT_PINNED:
		return cmp_pinned(p, id, dir);
	case LATCH_IDENT_NAMED:
		return cmp_named(p, id, dir);
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
	u8 i, n = latch_tag_n(t);
	u32 diff;

	if (!t->n)
		return LATCH_R(CLEAR);

	diff = cmp_ident(p, &t->id, dir) | cmp_protection(p, t);
	if (t->n != p->tag.n || t->n != n)
		diff |= LATCH_R(PROTO);
	if ((t->flags ^ p->tag.flags) & LATCH_TAG_ESN)
		diff |= LATCH_R(ESN);
	if (n > latch_tag_n(&p->tag))
		n = latch_tag_n(&p->tag);
	for (i = 0; i < n; i++)
		diff |= cmp_transform(p, want, t, i, dir);
	return diff;
}

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
	p->tag.id.serial = 0;
	set_replay(p, dir == LATCH_DIR_IN ? t : NULL);
	if (t->id.kind == LATCH_IDENT_PINNED)
		p->pinned[dir] = t->id.peer[0];
}

void latch_params_open(struct latch_params *p)
{
	if (p->tag.id.kind != LATCH_IDENT_PINNED)
		return;
	memset(&p->tag.id, 0, sizeof(p->tag.id));
	p->tag.id.kind = LATCH_IDENT_UNKNOWN;
	memset(p->pinned, 0, sizeof(p->pinned));
}

/* Somebody says who the peer is, for the first time. */
static bool add_ident(struct latch_params *p, const struct latch_ident *id, u8 dir, u64 last)
{
	u32 was = p->tag.id.kind;

	if (id->kind != LATCH_IDENT_NAMED || was == LATCH_IDENT_NAMED || cmp_named(p, id, dir))
		return false;
	if (was == LATCH_IDENT_UNKNOWN)
		p->adopted = last;
	p->tag.id = *id;
	p->tag.id.serial = 0;
	return true;
}

/* Nothing but what was open is ever filled in (RFC 5660 2-19). */
bool latch_params_add(struct latch_params *p, const struct latch_tag *t, u8 dir, u64 last)
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
	return add_ident(p, &t->id, dir, last) || changed;
}

static bool transform_begins(const struct latch_transform *x,
			     const struct latch_transform *first, u8 dir)
{
	return x->proto == first->proto && x->mode == first->mode && x->encr == first->encr &&
	       x->encr_bits == first->encr_bits && x->integ == first->integ &&
	       x->integ_bits == first->integ_bits && x->icv_bits == first->icv_bits &&
	       (dir == LATCH_DIR_OUT || x->replay_window == first->replay_window);
}

/*
 * By pinned[] only: of both directions' SAs the first one's is in the tag. A latch whose peer
 * became known later may be carried by SAs that one which begins now may not.
 */
static bool who_begins(const struct latch_params *p, const struct latch_params *first, u8 dir)
{
	if (first->tag.id.kind == LATCH_IDENT_PINNED)
		return p->tag.id.kind == LATCH_IDENT_PINNED && p->pinned[dir] == first->pinned[dir];
	return latch_ident_equal(&p->tag.id, &first->tag.id) && !p->adopted &&
	       !p->pinned[LATCH_DIR_IN] && !p->pinned[LATCH_DIR_OUT];
}

/* Replay windows are of the inbound SA, whose packet need not be the first. */
bool latch_params_begins(const struct latch_params *p, const struct latch_params *first,
			 u8 dir)
{
	u8 i;

	if (p->tag.n != first->tag.n || p->tag.flags != first->tag.flags ||
	    p->rule != first->rule || !who_begins(p, first, dir))
		return false;
	for (i = 0; i < latch_tag_n(&p->tag); i++)
		if (!transform_begins(&p->tag.x[i], &first->tag.x[i], dir))
			return false;
	return true;
}
