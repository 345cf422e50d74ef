/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_INFO_H
#define LATCH_API_INFO_H

#include <linux/types.h>

struct latch;
struct latch_info;

void latch_fill_info(const struct latch *l, struct latch_info *info);

#endif /* LATCH_API_INFO_H */
