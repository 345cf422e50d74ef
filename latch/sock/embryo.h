/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_EMBRYO_H
#define LATCH_SOCK_EMBRYO_H

struct latch;
struct latch_net;
struct latch_pkt;
struct work_struct;

void latch_km_embryos(struct latch_net *ln, unsigned long delay);
int latch_embryo_share(struct latch_net *ln, const struct latch_pkt *p);
void latch_embryo_add(struct latch *l, int share);
void latch_embryo_del(struct latch *l);
void latch_embryo_orphan(struct latch *l);
void latch_embryo_work(struct work_struct *work);
void latch_embryo_clear(struct latch_net *ln);

#endif /* LATCH_SOCK_EMBRYO_H */
