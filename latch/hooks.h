/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_HOOKS_H
#define LATCH_HOOKS_H

#include "latch.h"

int latch_hooks_register(struct latch_net *ln);
void latch_hooks_unregister(struct latch_net *ln);
int latch_udp_hooks_register(struct latch_net *ln);
void latch_udp_hooks_unregister(struct latch_net *ln);

#endif /* LATCH_HOOKS_H */
