/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_OFFER_H
#define LATCH_SOCK_OFFER_H

#include <linux/types.h>

struct latch;
struct sock;

bool latch_offer_work(struct latch *l, struct sock *sk);

#endif /* LATCH_SOCK_OFFER_H */
