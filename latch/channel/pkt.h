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
 * @inner: the SAs of @tag but the outermost one, innermost first
 * @outer: the outermost one; NULL where @tag.n is 0
 * @comp:  that of IPComp, where it is the innermost one of all; NULL none
 * @ipcomp: there is one, or what stands for it in a packet that was too small for it
 * @bad:   the SAs cannot be told
 * @mark:  of the packet
 * @dir:   LATCH_DIR_*
 */
struct latch_pkt {
	struct latch_tag	tag;
	struct latch_identity	identity;
	struct latch_sa		*sa;
	const struct xfrm_state	*first;
	u32			gen;
	const struct xfrm_state	*inner[LATCH_MAX_TRANSFORMS - 1];
	const struct xfrm_state	*outer;
	const struct xfrm_state	*comp;
	bool			ipcomp;
	bool			bad;
	u32			mark;
	u8			dir;
};

#endif /* LATCH_CHANNEL_PKT_H */
