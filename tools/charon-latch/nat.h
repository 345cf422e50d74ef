/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a peer behind a NAT calls itself.
 */
#ifndef CHARON_LATCH_NAT_H
#define CHARON_LATCH_NAT_H

#include <latchnl.h>

typedef struct ike_sa_t ike_sa_t;

void nat_begin(void);
void nat_end(void);
struct latchnl_blob nat_address(ike_sa_t *ike);

#endif /* CHARON_LATCH_NAT_H */
