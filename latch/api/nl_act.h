/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_NL_ACT_H
#define LATCH_API_NL_ACT_H

struct latch_net;
struct latch_peer;

void latch_dead_peer(struct latch_net *ln, const struct latch_peer *p);

#endif /* LATCH_API_NL_ACT_H */
