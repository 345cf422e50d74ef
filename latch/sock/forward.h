/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_FORWARD_H
#define LATCH_SOCK_FORWARD_H

#include <linux/timekeeping.h>

#include "channel/latch.h"

struct latch_net;
struct work_struct;

/*
 * What the latch of a forwarded flow has in the place of what is a socket's:
 *
 * @way:  LATCH_FWD_*, how far the flow has come; written under the latch's lock, read anywhere
 * @seen: the low 16 bits of the second at which a packet came last; written by each packet that
 *        finds another one there
 * @used: the whole of it, as the worker last found it; under the latch's lock
 */
#define LATCH_FWD_FIN(dir)	BIT(dir)	/* a FIN came this way */
#define LATCH_FWD_RST		0x04
#define LATCH_FWD_BEGUN		0x08		/* more than SYNs came */
#define LATCH_FWD_CAME(dir)	(0x10 << (dir))	/* a packet came this way */
#define LATCH_FWD_ANSWERED	(LATCH_FWD_BEGUN | LATCH_FWD_CAME(LATCH_DIR_IN) | \
				 LATCH_FWD_CAME(LATCH_DIR_OUT))

/*
 * A packet of a forwarded flow came. At most one a second writes, in the cache line that each
 * packet reads.
 */
static __always_inline void latch_forward_seen(struct latch *l)
{
	u16 now = ktime_get_seconds();

	if (READ_ONCE(l->seen) != now)
		WRITE_ONCE(l->seen, now);
}

/* Did the ends close the connection, or one of them reset it? */
static inline bool latch_forward_over(const struct latch *l)
{
	u8 both = LATCH_FWD_FIN(LATCH_DIR_IN) | LATCH_FWD_FIN(LATCH_DIR_OUT);
	u8 way = READ_ONCE(l->way);

	return way & LATCH_FWD_RST || (way & both) == both;
}

/*
 * Did both ends speak, and TCP more than SYNs? Where not, it may be that nobody is there, or that
 * one direction takes another way.
 */
static inline bool latch_forward_answered(const struct latch *l)
{
	return (READ_ONCE(l->way) & LATCH_FWD_ANSWERED) == LATCH_FWD_ANSWERED;
}

void latch_forward_setup(struct latch_net *ln);
struct latch *latch_forward_new(struct latch_net *ln);
void latch_forward_add(struct latch *l);
void latch_forward_del(struct latch *l);
void latch_forward_close(struct latch *l);
void latch_forward_unpin(struct latch *l);
bool latch_forward_any(const struct latch_net *ln);
bool latch_forward_may_answer(struct latch *l);
void latch_forward_work(struct work_struct *work);
void latch_forward_prepare(struct latch_net *ln);
void latch_forward_end(struct latch_net *ln);

#endif /* LATCH_SOCK_FORWARD_H */
