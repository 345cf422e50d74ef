/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_WATCH_H
#define LATCH_PACKET_WATCH_H

#include "base/net.h"

/* Are datagrams looked at before anybody changes their header? */
static inline bool latch_watch_marking(const struct latch_net *ln)
{
	return READ_ONCE(ln->watch.marking);
}

/* Are the packets seen that this host forwards? */
static inline bool latch_watch_forwarding(const struct latch_net *ln)
{
	return READ_ONCE(ln->watch.forwarding);
}

bool latch_watch_tcp(struct latch_net *ln, bool on);
int latch_watch_update(struct latch_net *ln);
void latch_watch_keep_apart(struct latch_net *ln);
void latch_watch_mark_sent(struct latch_net *ln);

#endif /* LATCH_PACKET_WATCH_H */
