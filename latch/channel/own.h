/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_CHANNEL_OWN_H
#define LATCH_CHANNEL_OWN_H

#include <linux/types.h>

/* latch.own_asked */
#define LATCH_OWN_UNASKED	0
#define LATCH_OWN_NO		1
#define LATCH_OWN_YES		2

struct latch;
struct latch_net;
struct list_head;

bool latch_own_wanted(const struct latch *l);
void latch_own_check(struct latch *l);
void latch_own_again(struct latch *l);
void latch_own_given(struct latch *l);
void latch_own_taken(struct latch *l);
void latch_own_end(struct latch *l);
void latch_own_inherit(struct latch *to, const struct latch *from);
void latch_own_all(struct latch_net *ln);
void latch_own_migrated(struct latch_net *ln);
void latch_own_renew(struct latch_net *ln);
long latch_own_due(struct latch_net *ln, struct list_head *todo);
struct latch *latch_own_next(struct latch_net *ln, struct list_head *todo);
void latch_own_later(struct latch_net *ln, unsigned long delay);
void latch_own_clear(struct latch_net *ln);

#endif /* LATCH_CHANNEL_OWN_H */
