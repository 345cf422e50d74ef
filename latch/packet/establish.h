/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_ESTABLISH_H
#define LATCH_PACKET_ESTABLISH_H

struct latch;
struct latch_flow;
struct latch_pkt;
struct latch_verdict;
struct sock;

struct latch_verdict latch_first_sa(struct latch *l, const struct latch_pkt *p);
u8 latch_err_reason(int err);
struct latch_verdict latch_first(struct latch *l, struct latch_pkt *p,
				 const struct latch_flow *f, struct sock *sk);

#endif /* LATCH_PACKET_ESTABLISH_H */
