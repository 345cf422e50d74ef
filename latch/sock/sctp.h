/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_SCTP_H
#define LATCH_SOCK_SCTP_H

#include <linux/types.h>

struct latch;
struct latch_flow;
union latch_addr;
struct latch_net;
struct sock;

struct latch *latch_sctp_alloc(struct latch_net *ln, const struct sock *sk, gfp_t gfp);
struct latch *latch_sctp_socket(struct latch_net *ln, struct sock *sk);
struct latch *latch_sctp_parent(struct latch_net *ln, const struct latch_flow *f);
struct latch *latch_sctp_demand(struct latch_net *ln, const struct latch_flow *f, int dif);
struct latch *latch_sctp_sibling(struct latch_net *ln, const struct latch_flow *f, int dif);
struct latch *latch_sctp_named(struct latch_net *ln, const struct latch_flow *f, u8 family,
			       const union latch_addr *remote, int dif, struct sock **sk);
struct latch *latch_sctp_of_sock(struct sock *sk, s32 id, bool *known);
void latch_sctp_dispose(struct sock *sk, u8 disposition);
bool latch_sctp_any(const struct latch_net *ln);
void latch_sctp_leave(struct latch *l);
void latch_sctp_closed(struct sock *sk);
bool latch_sctp_gone(struct latch *l);
bool latch_sctp_over(struct latch *l);
bool latch_sctp_tell(struct latch *l);

#endif /* LATCH_SOCK_SCTP_H */
