/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peers that the user calls by name.
 */
#ifndef LATCH_TOOL_PEERNAME_H
#define LATCH_TOOL_PEERNAME_H

#include "args.h"

int peername_resolve(struct arg *args);
void peername_each(void (*cb)(const char *name, const char *start), const char *start);

#endif /* LATCH_TOOL_PEERNAME_H */
