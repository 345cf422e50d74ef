/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_REUSE_H
#define LATCH_CHANNEL_REUSE_H

struct latch;
struct latch_pkt;
struct latch_sa;
struct latch_identity;

bool latch_group_again(struct latch *l, const struct latch_pkt *p);
bool latch_group_known(const struct latch_sa *sa, struct latch_identity *identity);
void latch_group_note(struct latch *l, const struct latch_pkt *p);
void latch_reuse_init(void);

#endif /* LATCH_CHANNEL_REUSE_H */
