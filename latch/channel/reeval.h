/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_REEVAL_H
#define LATCH_CHANNEL_REEVAL_H

struct latch;
struct latch_bind_key;
struct latch_common;
struct latch_group;
struct latch_net;

void latch_settle(struct latch *l, u32 conflicts);
void latch_resettle(struct latch *l, struct latch_common *common, bool relink);
void latch_reeval(struct latch *l, bool relink);
void latch_reeval_all(struct latch_net *ln);
void latch_settle_by_group(struct latch *l);
void latch_reeval_group(struct latch_group *g);
void latch_reeval_policy_all(struct latch_net *ln);
void latch_reeval_paths(struct latch_net *ln);
void latch_reeval_policies(struct latch_net *ln, bool at_once);
void latch_reeval_everything(struct latch_net *ln);
void latch_reeval_claimed(struct latch_net *ln, const struct latch_bind_key *key);

#endif /* LATCH_CHANNEL_REEVAL_H */
