/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_CHANBIND_H
#define LATCH_API_CHANBIND_H

#include <linux/latch.h>

struct latch_peer;

int latch_chanbind(const struct latch_peer *peer, const struct latch_peer *local,
		   u8 out[LATCH_BINDING_SIZE]);

#endif /* LATCH_API_CHANBIND_H */
