// SPDX-License-Identifier: GPL-2.0
/*
 * Claims: for whom a key manager claims an SA.
 */
#include "base/net.h"
#include "peer/claim.h"
#include "peer/peer.h"

/**
 * latch_claim_same() - are two claims for the same pair of identities?
 * @c:     one
 * @other: the other one
 *
 * Context: any, while the records are held. Return: true where they are.
 */
bool latch_claim_same(const struct latch_claim *c, const struct latch_claim *other)
{
	if (memcmp(c->peer->ident, other->peer->ident, sizeof(c->peer->ident)) ||
	    !c->local != !other->local)
		return false;
	return !c->local ||
	       !memcmp(c->local->ident, other->local->ident, sizeof(c->local->ident));
}

/**
 * latch_claims_settle() - say what claims amount to: one pair of identities, or nobody's
 * @c: the claims, at least one, that nobody else sees yet
 *
 * Context: any.
 */
void latch_claims_settle(struct latch_claims *c)
{
	const struct latch_claim *a = &c->claim[0];
	u32 i;

	memset(&c->id, 0, sizeof(c->id));
	c->id.kind = LATCH_IDENT_NAMED;
	memcpy(c->id.peer, a->peer->ident, sizeof(c->id.peer));
	if (a->local)
		memcpy(c->id.local, a->local->ident, sizeof(c->id.local));
	for (i = 1; i < c->n; i++)
		if (!latch_claim_same(a, &c->claim[i]))
			c->id.kind = LATCH_IDENT_AMBIGUOUS;
}

/**
 * latch_claim_name() - the records of a claim are named in a binding
 * @ln: the namespace
 * @c:  the claim, which keeps them from now on
 *
 * Context: genl_lock held.
 */
void latch_claim_name(struct latch_net *ln, const struct latch_claim *c)
{
	ln->bind.seq++;
	latch_peer_name_in_binding(c->peer);
	latch_peer_name_in_binding(c->local);
}

/**
 * latch_claim_unname() - ... and not any more
 * @ln: the namespace
 * @c:  the claim; a record that nothing else names goes
 *
 * Context: genl_lock held, or the namespace's end.
 */
void latch_claim_unname(struct latch_net *ln, const struct latch_claim *c)
{
	ln->bind.seq++;
	latch_peer_unname_in_binding(ln, c->peer);
	latch_peer_unname_in_binding(ln, c->local);
}

/**
 * latch_claims_find() - which of these claims is by the same records?
 * @c:     the claims
 * @claim: the other one
 *
 * Context: genl_lock held. Return: its place, @c->n where there is none.
 */
u32 latch_claims_find(const struct latch_claims *c, const struct latch_claim *claim)
{
	u32 i;

	for (i = 0; i < c->n; i++)
		if (c->claim[i].peer == claim->peer && c->claim[i].local == claim->local)
			break;
	return i;
}

/**
 * latch_claim_news() - does a claim that is made again tell another address of the peer?
 * @old:   the claim that is there
 * @claim: the one that is made; what it does not tell stays
 *
 * Context: any. Return: true where it does.
 */
bool latch_claim_news(const struct latch_claim *old, const struct latch_claim *claim)
{
	return claim->natt_family &&
	       (claim->natt_family != old->natt_family ||
		memcmp(&claim->natt, &old->natt, sizeof(claim->natt)));
}

/**
 * latch_claims_refuse() - may another claim come to these?
 * @c:     the claims that are there
 * @claim: the other one
 * @excl:  not beside a claim for somebody else
 *
 * Context: genl_lock held.
 * Return: 0 it may, or is there already, which is what @excl asks for; -EEXIST it is there, or
 * one for somebody else is and @excl is set.
 */
int latch_claims_refuse(const struct latch_claims *c, const struct latch_claim *claim, bool excl)
{
	u32 i;

	for (i = 0; excl && i < c->n; i++)
		if (!latch_claim_same(&c->claim[i], claim))
			return -EEXIST;
	return excl || latch_claims_find(c, claim) == c->n ? 0 : -EEXIST;
}
