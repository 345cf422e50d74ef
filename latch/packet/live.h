/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_LIVE_H
#define LATCH_PACKET_LIVE_H

struct latch;
struct latch_flow;
struct latch_net;

struct latch *latch_find_live(struct latch_net *ln, const struct latch_flow *f);

#endif /* LATCH_PACKET_LIVE_H */
