// SPDX-License-Identifier: GPL-2.0
/*
 * Who is behind an SA.
 */
#include "base/manager.h"
#include "core/tag.h"
#include "peer/bind.h"
#include "peer/claim.h"
#include "peer/identity.h"
#include "xfrm/sad.h"

static bool latch_identity_bound(const struct latch_bind_key *key, u64 serial,
				 struct latch_identity *identity)
{
	struct latch_bind *b = latch_bind_find(key);
	struct latch_claims *c;

	if (!b || READ_ONCE(b->gone))
		return false;
	c = rcu_dereference(b->claims);
	*identity->id = c->id;
	if (c->id.kind == LATCH_IDENT_NAMED) {
		identity->peer = c->claim[0].peer;
		identity->local = c->claim[0].local;
		identity->id->serial = serial;
	}
	return true;
}

/**
 * latch_identify() - who is behind an SA
 * @ln:    its namespace
 * @key:   what tells it from others
 * @reqid: its reqid
 * @sa:    its copy; NULL where the event of its coming is still under way
 * @identity:   to fill; the records are held by nobody
 *
 * By SA, then by reqid; else nobody, and the SA is equal to itself only, or its
 * identity is still awaited.
 *
 * Context: RCU read side.
 */
void latch_identify(struct latch_net *ln, const struct latch_sa_key *key, u32 reqid,
		    const struct latch_sa *sa, struct latch_identity *identity)
{
	struct latch_bind_key bk = { .sa = *key };
	u64 serial = sa ? sa->serial : 0;

	memset(identity->id, 0, sizeof(*identity->id));
	identity->peer = NULL;
	identity->local = NULL;
	if (latch_identity_bound(&bk, serial, identity))
		return;
	if (reqid) {
		memset(&bk, 0, sizeof(bk));
		bk.sa.ln = ln;
		bk.reqid = reqid;
		if (latch_identity_bound(&bk, serial, identity))
			return;
	}
	if (!sa || (latch_manager_active(ln) && !READ_ONCE(sa->expired) &&
		    sa->serial > latch_manager_since(ln))) {
		identity->id->kind = LATCH_IDENT_PENDING;
		return;
	}
	identity->id->kind = LATCH_IDENT_PINNED;
	identity->id->peer[0] = serial;
}

/* Its address, of all that claim it, where they agree whose it is. */
static bool latch_identity_natt(const struct latch_bind_key *key, u16 family,
				xfrm_address_t *addr)
{
	struct latch_bind *b = latch_bind_find(key);
	const struct latch_claims *c;
	u32 i;

	if (!b || READ_ONCE(b->gone))
		return false;
	c = rcu_dereference(b->claims);
	for (i = 0; i < c->n && c->id.kind == LATCH_IDENT_NAMED; i++) {
		if (c->claim[i].natt_family == family) {
			*addr = c->claim[i].natt;
			return true;
		}
	}
	return false;
}

/**
 * latch_identify_natt() - the peer's own address behind its NAT, as a key manager told it
 * @sa:    the SA; its mark is looked at by @mark
 * @mark:  what its packets are marked with
 * @reqid: its reqid
 * @addr:  to fill
 *
 * By SA, then by reqid.
 *
 * Context: RCU read side. Return: true where somebody told.
 */
bool latch_identify_natt(const struct latch_sa_key *sa, u32 mark, u32 reqid,
			 xfrm_address_t *addr)
{
	struct latch_bind_key bk = { .sa = *sa };

	bk.sa.mark_v = 0;
	bk.sa.mark_m = 0;
	if (latch_identity_natt(&bk, sa->family, addr))
		return true;
	bk.sa.mark_v = mark;
	bk.sa.mark_m = U32_MAX;
	if (mark && latch_identity_natt(&bk, sa->family, addr))
		return true;
	memset(&bk, 0, sizeof(bk));
	bk.sa.ln = sa->ln;
	bk.reqid = reqid;
	return reqid && latch_identity_natt(&bk, sa->family, addr);
}
