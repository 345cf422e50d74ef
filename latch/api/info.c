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
#include "peer/peer.h"
#include "xfrm/sockpol.h"

static void latch_fill_params(const struct latch *l, struct latch_info *info)
{
	const struct latch_common *c = &l->group->c;
	const struct latch_params *p = &c->params;

	info->protection = latch_tag_protection(&p->tag);
	info->n_transforms = p->tag.n;
	memcpy(info->transforms, p->tag.x, sizeof(info->transforms));
	if (p->tag.id.kind == LATCH_IDENT_NAMED)
		info->flags |= LATCH_F_PEER_IDENTIFIED;
	if (p->tag.id.kind == LATCH_IDENT_UNKNOWN)
		info->flags |= LATCH_F_PEER_UNKNOWN;
	if (c->unexplained)
		info->flags |= LATCH_F_UNEXPLAINED;
	if (p->rule != LATCH_QOP_EXACT)
		info->flags |= LATCH_F_QOP_INDETERMINATE;
	if (c->natt)
		info->flags |= LATCH_F_NATT;
	if (c->ipcomp)
		info->flags |= LATCH_F_IPCOMP;
	if (p->tag.flags & LATCH_TAG_ESN)
		info->flags |= LATCH_F_ESN;
	info->outer_family = c->outer_family;
	memcpy(info->outer_local_addr, &c->outer_local, 16);
	memcpy(info->outer_remote_addr, &c->outer_remote, 16);
	info->natt_local_port = c->natt_lport;
	info->natt_remote_port = c->natt_rport;
	info->spi_in = READ_ONCE(l->group->cache[LATCH_DIR_IN].last_spi);
	info->spi_out = READ_ONCE(l->group->cache[LATCH_DIR_OUT].last_spi);
	if (c->peer) {
		info->peer = c->peer->id;
		info->peer_id_type = c->peer->id_type;
		info->auth_method = c->peer->auth;
	}
	if (c->local) {
		info->local = c->local->id;
		info->local_id_type = c->local->id_type;
	}
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
