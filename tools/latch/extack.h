/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel says about a request that it refuses.
 */
#ifndef LATCH_EXTACK_H
#define LATCH_EXTACK_H

#include <libmnl/libmnl.h>

void extack_print(const struct nlmsghdr *refusal, int err, const struct nlmsghdr *request);

#endif /* LATCH_EXTACK_H */
