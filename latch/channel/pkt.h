/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A packet as a latch sees it; classify.c fills it in.
 */
#ifndef LATCH_CHANNEL_PKT_H
#define LATCH_CHANNEL_PKT_H

#include "core/tag.h"
#include "peer/identity.h"

struct latch_sa;
struct xfrm_state;

/**
 * struct latch_pkt - what protected a packet, with where it came from
 * @tag:   as values, for the core
 * @identity:   records behind the tag
 * @sa:    the copy of the innermost SA, NULL none yet
 * @first: that SA
 * @gen:   its generation, read before anything else of it
 * @n:     SAs, IPComp counted
 */
struct latch_pkt {
	struct latch_tag	tag;
	struct latch_identity	identity;
	struct latch_sa		*sa;
	const struct xfrm_state	*first;
	u32			gen;
	const struct xfrm_state	*outer;
	bool			ipcomp;
	bool			bad;
	u32			mark;
	u8			dir;
};

#endif /* LATCH_CHANNEL_PKT_H */
