/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_EVAL_H
#define LATCH_CHANNEL_EVAL_H

struct latch;
struct latch_common;
struct latch_flow;
struct latch_group;
struct latch_identity;
struct latch_net;
struct latch_pkt;
struct latch_tag;

void latch_common_add(struct latch_common *c, const struct latch_tag *t,
		      const struct latch_identity *who, u8 dir);
u32 latch_eval(struct latch *l, struct latch_common *common, bool relink);
bool latch_eval_group(struct latch_group *g, const struct latch_flow *f, u32 *conflicts);
bool latch_eval_policies(const struct latch *l, const struct latch_common *c);
bool latch_eval_unmoved(const struct latch_common *c, const struct latch_flow *f, u32 limit);
bool latch_eval_hosts(const struct latch *l, const struct latch_common *c);
bool latch_eval_again(const struct latch *l, const struct latch_common *c,
		      const struct latch_pkt *p);
bool latch_eval_one_way(struct latch_net *ln, const struct latch_flow *f,
			const struct latch_pkt *p, bool wait);

#endif /* LATCH_CHANNEL_EVAL_H */
