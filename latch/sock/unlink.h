/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_UNLINK_H
#define LATCH_SOCK_UNLINK_H

struct latch;
struct latch_net;

void latch_unlink(struct latch *l);
int latch_release(struct latch *l);
struct latch *latch_renew(struct latch *l, gfp_t gfp);
void latch_unlink_all(struct latch_net *ln);

#endif /* LATCH_SOCK_UNLINK_H */
