/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_INFO_H
#define LATCH_API_INFO_H

#include <linux/types.h>

struct latch;
struct latch_info;
struct latch_peer;
struct latch_tag;

void latch_fill_tag(const struct latch_tag *t, const struct latch_peer *peer,
		    const struct latch_peer *local, struct latch_info *info);
void latch_fill_info(const struct latch *l, struct latch_info *info);

#endif /* LATCH_API_INFO_H */
