/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records that the kernel sends, printed as a list.
 */
#ifndef LATCH_LIST_H
#define LATCH_LIST_H

#include "nl.h"

int list_all(uint8_t cmd, nl_cb show, const void *data);
int list_answer(struct nlmsghdr *nlh, nl_cb show, const void *data);

#endif /* LATCH_LIST_H */
