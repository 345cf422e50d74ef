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
 * latch_claims_refuse() - may another claim come to these?
 * @c:     the claims that are there
 * @claim: the other one
 * @excl:  not beside a claim for somebody else
 *
 * Context: genl_lock held.
 * Return: 0 it may; 1 it is there already, which is what @excl asks for; -EEXIST it is there,
 * or one for somebody else is and @excl is set.
 */
int latch_claims_refuse(const struct latch_claims *c, const struct latch_claim *claim, bool excl)
{
	u32 i;

	for (i = 0; i < c->n; i++) {
		if (excl && !latch_claim_same(&c->claim[i], claim))
			return -EEXIST;
		if (c->claim[i].peer == claim->peer && c->claim[i].local == claim->local)
			return excl ? 1 : -EEXIST;
	}
	return 0;
}

/**
 * latch_claims_retell() - a claim that is there already is made again
 * @c:     the claims, which nobody else sees yet
 * @claim: the same claim, maybe with another address of the peer behind its NAT
 *
 * Context: any. Return: true where it says something new.
 */
bool latch_claims_retell(struct latch_claims *c, const struct latch_claim *claim)
{
	u32 i;

	for (i = 0; i < c->n; i++)
		if (c->claim[i].peer == claim->peer && c->claim[i].local == claim->local)
			break;
	if (i == c->n || !claim->natt_family ||
	    (c->claim[i].natt_family == claim->natt_family &&
	     !memcmp(&c->claim[i].natt, &claim->natt, sizeof(claim->natt))))
		return false;
	c->claim[i] = *claim;
	return true;
}
