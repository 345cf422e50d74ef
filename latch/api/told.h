/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_TOLD_H
#define LATCH_API_TOLD_H

#include <linux/compiler_types.h>

struct sock;

int latch_told(struct sock *sk, int opt, void __user *user, int *len);
int latch_told_assoc(struct sock *sk, void __user *user, int *len);

#endif /* LATCH_API_TOLD_H */
