/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel module, for all threads of charon.
 */
#ifndef CHARON_LATCH_MODULE_H
#define CHARON_LATCH_MODULE_H

#include <stdbool.h>
#include "proof.h"

/* What to do with a claim, see latchnl_claim() and latchnl_keep(). */
enum how { CLAIM, KEEP, UNKEEP };

bool module_open(void);
void module_close(void);
int module_fd(void);
bool module_changed(void);
bool module_announce(void);
int module_claim(const struct latchnl_sa *sa, const struct ends *e, enum how how);
int module_dead(const struct ends *e);
int module_flows(latchnl_flow_cb cb, void *data);

#endif /* CHARON_LATCH_MODULE_H */
