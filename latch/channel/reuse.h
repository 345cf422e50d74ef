/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_REUSE_H
#define LATCH_CHANNEL_REUSE_H

struct latch;
struct latch_flow;
struct latch_identity;
struct latch_net;
struct latch_pkt;
struct latch_sa;

bool latch_group_expects(const struct latch_net *ln, const struct latch_flow *f,
			 const struct latch_pkt *p);
bool latch_group_again(struct latch *l, const struct latch_pkt *p);
bool latch_group_known(const struct latch_sa *sa, struct latch_identity *identity);
void latch_group_note(struct latch *l, const struct latch_pkt *p);
void latch_reuse_init(void);

#endif /* LATCH_CHANNEL_REUSE_H */
