/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_XFRM_SPD_H
#define LATCH_XFRM_SPD_H

#include <net/xfrm.h>

#include "base/net.h"
#include "core/flow.h"

/* After LATCH_DIR_IN and LATCH_DIR_OUT: inbound policies of what is forwarded. */
#define LATCH_SPD_FWD	LATCH_DIRS
#define LATCH_SPD_LISTS	(LATCH_DIRS + 1)

/**
 * struct latch_tmpl - one template of a policy, as the flow sees it
 * @outer: in transport mode, but between @saddr and @daddr and not the flow's addresses: behind
 *         a tunnel of IPComp, or as it was seen of the flow's SAs
 */
struct latch_tmpl {
	xfrm_address_t	daddr;
	xfrm_address_t	saddr;
	__be32		spi;
	u32		reqid;
	u16		family;
	u8		proto;
	u8		mode;
	bool		optional;
	bool		outer;
};

/**
 * struct latch_pol - copy of what matters of a policy
 * @id:    a number that it keeps as long as it stays what it is, and no other gets
 * @index: the kernel's
 * @dir:   LATCH_DIR_*, or LATCH_SPD_FWD
 * @ipcomp: it has a template for IPComp, which is not among @tmpl
 */
struct latch_pol {
	struct latch_sel	sel;
	u32			id;
	u32			index;
	u32			priority;
	u32			pos;
	u32			if_id;
	u32			mark_v;
	u32			mark_m;
	u8			action;
	u8			dir;
	u8			n_tmpl;
	bool			ipcomp;
	struct latch_tmpl	tmpl[LATCH_MAX_TRANSFORMS];
};

/**
 * struct latch_spd_seen - which copy of the SPD somebody went by
 * @id:       its number, 0 there is none
 * @portless: the same where no selector names ports, so that addresses and protocol tell
 *            which policy governs a flow; else 0
 */
struct latch_spd_seen {
	u32	id;
	u32	portless;
};

/*
 * Did a policy come or go that the copy does not have? Where not, who looks into the copy after
 * this finds one that was up to date at this moment.
 */
static inline bool latch_spd_stale(const struct latch_net *ln)
{
	int changes = atomic_read(&ln->spd.changes);

	/* pairs with latch_spd_read() */
	return smp_load_acquire(&ln->spd.read) != changes;
}

/* A policy came or went. */
static inline void latch_spd_set_stale(struct latch_net *ln)
{
	atomic_inc(&ln->spd.changes);
}

/* Inbound policies of what is forwarded are to be in the next copy, or not any more. */
static inline void latch_spd_set_forward(struct latch_net *ln, bool on)
{
	WRITE_ONCE(ln->spd.forward, on);
	latch_spd_set_stale(ln);
}

int latch_spd_read(struct latch_net *ln);
void latch_spd_check_defaults(struct latch_net *ln);
const struct latch_pol *latch_spd_find(struct latch_net *ln, const struct latch_flow *f, u8 dir,
				       u32 if_id, u32 mark);
bool latch_spd_overtaken(const struct latch_net *ln, const struct latch_pol *pol, u32 limit);
u32 latch_spd_id(const struct latch_net *ln);
struct latch_spd_seen latch_spd_seen_now(const struct latch_net *ln);
void latch_spd_clear(struct latch_net *ln);

#endif /* LATCH_XFRM_SPD_H */
