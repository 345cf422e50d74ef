/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_SOCKOPT_H
#define LATCH_API_SOCKOPT_H

struct latch;
struct latch_net;
struct sock;

struct latch *latch_for_request(struct latch_net *ln, struct sock *sk);
int latch_sockopt_init(void);
void latch_sockopt_exit(void);

#endif /* LATCH_API_SOCKOPT_H */
