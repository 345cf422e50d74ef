/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_OWNPOL_H
#define LATCH_SOCK_OWNPOL_H

#include <linux/types.h>

struct latch;
struct work_struct;

void latch_ownpol_work(struct work_struct *work);
int latch_ownpol_off(struct latch *l);

#endif /* LATCH_SOCK_OWNPOL_H */
