/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_BASE_MIB_H
#define LATCH_BASE_MIB_H

#include "core/reasons.h"
#include "core/types.h"
#include "core/verdict.h"

struct latch_net;

/* Event counters, after the fixed gauges in latch_stat */
enum latch_mib_event {
	LATCH_MIB_CREATED,
	LATCH_MIB_BROKEN,
	LATCH_MIB_RESTORED,
	LATCH_MIB_CLOSED,
	LATCH_MIB_REFUSED,
	LATCH_MIB_IDENTIFIED,	/* it became known who the peer is */
	LATCH_MIB_ALERTS_LOST,	/* a socket's error queue had no room, or there was no memory */
	LATCH_MIB_OWN_FAILED,	/* a flow could not be given a policy of its own */
	LATCH_MIB_TAG_UNKNOWN,	/* a datagram got LATCH_TAG_UNKNOWN */
	LATCH_MIB_EVENTS
};

struct latch_mib {
	u64	event[LATCH_MIB_EVENTS];
	u64	drop[LATCH_DIRS][LATCH_N_REASONS];
};

void latch_mib_event(struct latch_net *ln, enum latch_mib_event ev);
void latch_mib_drop(struct latch_net *ln, u8 dir, u8 reason);
int latch_mib_init(struct latch_net *ln);
void latch_mib_exit(struct latch_net *ln);

#endif /* LATCH_BASE_MIB_H */
