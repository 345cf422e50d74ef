/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_TCP_H
#define LATCH_SOCK_TCP_H

struct latch;
struct latch_flow;
struct latch_net;
struct sock;

struct sock *latch_tcp_find(struct latch_net *ln, const struct latch_flow *f, int dif,
			    int sdif);
struct latch *latch_tcp_listener(struct sock *sk);
int latch_tcp_watch(void);
void latch_tcp_unwatch(void);
void latch_tcp_adopt(struct latch_net *ln, struct sock *sk);
int latch_tcp_init(void);
void latch_tcp_exit(void);

#endif /* LATCH_SOCK_TCP_H */
