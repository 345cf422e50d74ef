/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_OWNER_H
#define LATCH_SOCK_OWNER_H

struct latch;
struct latch_flow;
struct latch_net;
struct sock;

bool latch_sk_flow(const struct sock *sk, struct latch_flow *f);
int latch_owner_chain(struct latch *l, struct sock *sk);
int latch_owner_attach(struct latch *l, struct sock *sk);
void latch_owner_policies(struct latch *l, struct sock *sk);
void latch_owner_latched(struct latch *l, struct sock *sk);
bool latch_owner_unchain(struct latch *l);
void latch_owner_unpin(struct latch *l);
void latch_owner_detach(struct latch *l);
struct latch *latch_owner_fresh(struct latch_net *ln, struct sock *sk, struct latch *l);
void latch_owner_left(struct latch *l);
void latch_owner_stale(struct latch *l, const struct sock *sk);
struct latch *latch_owner_get(struct sock *sk);

#endif /* LATCH_SOCK_OWNER_H */
