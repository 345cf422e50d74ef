// SPDX-License-Identifier: GPL-2.0
/*
 * A latch as user space sees it: struct latch_info.
 */
#include "api/info.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/report.h"
#include "core/params.h"
#include "core/suite.h"
#include "core/tag.h"
#include "core/types.h"
#include "peer/identity.h"
#include "peer/peer.h"
#include "xfrm/sad.h"
#include "xfrm/sockpol.h"

/**
 * latch_fill_tag() - what protects packets, and who is behind that
 * @t:     the tag of one of them
 * @peer:  record of the peer, NULL none
 * @local: record of the local identity, NULL none
 * @info:  to fill; its other fields stay
 *
 * Context: any; the records are held, or under RCU.
 */
void latch_fill_tag(const struct latch_tag *t, const struct latch_peer *peer,
		    const struct latch_peer *local, struct latch_info *info)
{
	info->protection = latch_tag_protection(t);
	info->n_transforms = t->n;
	memcpy(info->transforms, t->x, sizeof(info->transforms));
	if (t->id.kind == LATCH_IDENT_NAMED)
		info->flags |= LATCH_F_PEER_IDENTIFIED;
	if (t->flags & LATCH_TAG_ESN)
		info->flags |= LATCH_F_ESN;
	if (peer) {
		info->peer = peer->id;
		info->peer_id_type = peer->id_type;
		info->auth_method = peer->auth;
	}
	if (local) {
		info->local = local->id;
		info->local_id_type = local->id_type;
	}
}

/* What the key manager told of the peer's address behind its NAT with a binding of an SA. */
static bool latch_fill_natt_told(const struct latch_common *c, u8 dir, __be32 spi,
				 xfrm_address_t *addr)
{
	const struct latch_tag *t = &c->params.tag;
	struct latch_sa_key key = {
		.ln = c->ln, .spi = spi, .family = c->outer_family, .proto = t->x[t->n - 1].proto,
	};

	key.daddr = dir == LATCH_DIR_IN ? c->outer_local : c->outer_remote;
	return latch_identify_natt(&key, c->mark[dir], c->reqid[dir], addr);
}

/* A key manager knows better than an SA, in which it may have had nowhere to say it. */
static void latch_fill_natt(const struct latch_common *c, struct latch_info *info)
{
	xfrm_address_t addr = c->natt_oa;

	if (!c->natt)
		return;
	rcu_read_lock();
	if (!latch_fill_natt_told(c, LATCH_DIR_IN, info->spi_in, &addr))
		latch_fill_natt_told(c, LATCH_DIR_OUT, info->spi_out, &addr);
	rcu_read_unlock();
	info->flags |= LATCH_F_NATT;
	info->natt_local_port = c->natt_lport;
	info->natt_remote_port = c->natt_rport;
	memcpy(info->natt_remote_addr, &addr, sizeof(info->natt_remote_addr));
}

static void latch_fill_params(const struct latch *l, struct latch_info *info)
{
	const struct latch_common *c = &l->group->c;
	const struct latch_params *p = &c->params;

	latch_fill_tag(&p->tag, c->peer, c->local, info);
	if (p->tag.id.kind == LATCH_IDENT_UNKNOWN)
		info->flags |= LATCH_F_PEER_UNKNOWN;
	if (c->unexplained)
		info->flags |= LATCH_F_UNEXPLAINED;
	if (p->rule != LATCH_QOP_EXACT)
		info->flags |= LATCH_F_QOP_INDETERMINATE;
	if (c->ipcomp)
		info->flags |= LATCH_F_IPCOMP;
	info->outer_family = c->outer_family;
	memcpy(info->outer_local_addr, &c->outer_local, 16);
	memcpy(info->outer_remote_addr, &c->outer_remote, 16);
	info->spi_in = READ_ONCE(l->group->cache[LATCH_DIR_IN].last_spi);
	info->spi_out = READ_ONCE(l->group->cache[LATCH_DIR_OUT].last_spi);
	latch_fill_natt(c, info);
}

/**
 * latch_fill_info() - INQUIRE_LATCH (2.3-9)
 * @l:    the latch, whose lock is held
 * @info: to fill, zeroed by the caller
 */
void latch_fill_info(const struct latch *l, struct latch_info *info)
{
	lockdep_assert_held(&l->lock);
	info->state = l->special & LATCH_TIMEWAIT ? LATCH_STATE_CLOSED : l->state;
	info->reason = l->reason;
	info->mode = l->mode;
	info->id = l->id;
	info->conflicts = l->conflicts;
	info->in_drops = (u32)atomic_read(&l->drops[LATCH_DIR_IN]);
	info->out_drops = (u32)atomic_read(&l->drops[LATCH_DIR_OUT]);
	info->breaks = l->breaks;
	info->disposition = latch_disposition(l);
	if (l->automatic)
		info->flags |= LATCH_F_AUTO;
	if (l->own_given && l->sk && latch_sockpol_made(l->sk, l->id))
		info->flags |= LATCH_F_OWN_POLICY;
	info->own_none = l->own_none;
	if (l->forwarded)
		info->flags |= LATCH_F_FORWARDED;
	if (l->put_off)
		info->flags |= LATCH_F_PENDING;
	if (!l->flow.family)
		return;
	info->family = l->flow.family;
	info->proto = l->flow.proto;
	info->local_port = (__force __be16)l->flow.lport;
	info->remote_port = (__force __be16)l->flow.rport;
	memcpy(info->local_addr, &l->flow.local, 16);
	memcpy(info->remote_addr, &l->flow.remote, 16);
	if (l->group && l->adopted)
		info->flags |= LATCH_F_ADOPTED;
	if (l->group)
		latch_fill_params(l, info);
}
