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
void latch_rejudge(struct latch *l, bool relink);
void latch_rejudge_all(struct latch_net *ln);
void latch_group_tell(struct latch *l);
void latch_group_rejudge(struct latch_group *g);
void latch_group_repolicy_all(struct latch_net *ln);
void latch_km_paths(struct latch_net *ln);
void latch_km_policies(struct latch_net *ln, bool at_once);
void latch_km_changed(struct latch_net *ln);
void latch_km_claimed(struct latch_net *ln, const struct latch_bind_key *key);

#endif /* LATCH_CHANNEL_REEVAL_H */
