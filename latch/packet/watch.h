/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_WATCH_H
#define LATCH_PACKET_WATCH_H

struct latch_net;

bool latch_watch_tcp(struct latch_net *ln, bool on);
int latch_watch_update(struct latch_net *ln);

#endif /* LATCH_PACKET_WATCH_H */
