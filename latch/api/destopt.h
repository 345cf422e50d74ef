/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_DESTOPT_H
#define LATCH_API_DESTOPT_H

#include <linux/sockptr.h>

struct latch_net;
struct sock;

int latch_dest_set(struct latch_net *ln, struct sock *sk, sockptr_t arg, unsigned int len);
int latch_dest_get(struct sock *sk, void __user *user, int *len);

#endif /* LATCH_API_DESTOPT_H */
