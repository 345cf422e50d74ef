// SPDX-License-Identifier: GPL-2.0
/*
 * The latch that the header of a packet leads to, where its flow is still what was latched.
 */
#include <linux/in.h>

#include "base/net.h"
#include "channel/latch.h"
#include "channel/table.h"
#include "core/flow.h"
#include "packet/live.h"
#include "sock/owner.h"
#include "sock/timewait.h"
#include "sock/udp.h"
#include "sock/unlink.h"

/**
 * latch_find_live() - FIND_LATCH, for a packet whose header is all that is known (2.3-8)
 * @ln: the namespace
 * @f:  the 5-tuple
 *
 * A latch that its flow has left goes: that of a UDP socket which is closed or connected
 * anew, and that of a TIME_WAIT which another connection has replaced. A socket that is bound
 * to no VRF may have flows in any.
 *
 * Context: RCU read side, no latch's lock held. Return: the latch or NULL.
 */
struct latch *latch_find_live(struct latch_net *ln, const struct latch_flow *f)
{
	struct latch *l = latch_find(ln, f);
	struct latch_flow g = *f;

	if (!l && f->l3) {
		g.l3 = 0;
		l = latch_find(ln, &g);
	}
	if (!l)
		return NULL;
	if (f->proto == IPPROTO_UDP && latch_udp_left(l)) {
		latch_owner_left(l);
		return NULL;
	}
	if (READ_ONCE(l->special) & LATCH_TIMEWAIT && latch_timewait_replaced(l)) {
		latch_unlink(l);
		return NULL;
	}
	return l;
}
