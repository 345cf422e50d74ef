/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_JUDGE_H
#define LATCH_CHANNEL_JUDGE_H

struct latch;
struct latch_common;
struct latch_flow;
struct latch_group;
struct latch_pkt;

u32 latch_judge(struct latch *l, struct latch_common *common, bool relink);
bool latch_judge_group(struct latch_group *g, const struct latch_flow *f, u32 *conflicts);
bool latch_judge_policies(const struct latch *l, const struct latch_common *c);
bool latch_judge_unmoved(const struct latch_common *c, const struct latch_flow *f, u32 limit);
bool latch_judge_hosts(const struct latch *l, const struct latch_common *c);
bool latch_judge_again(const struct latch *l, const struct latch_common *c,
		       const struct latch_pkt *p);

#endif /* LATCH_CHANNEL_JUDGE_H */
