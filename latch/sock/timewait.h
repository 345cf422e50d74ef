/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_TIMEWAIT_H
#define LATCH_SOCK_TIMEWAIT_H

struct latch;
struct latch_net;
struct sock;

bool latch_timewait_replaced(const struct latch *g);
bool latch_timewait_expire(struct latch_net *ln);
bool latch_timewait_make(struct latch *l, const struct sock *sk, int old);

#endif /* LATCH_SOCK_TIMEWAIT_H */
