/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Printing a record, both for its own command and for the monitor.
 */
#ifndef LATCH_SHOW_H
#define LATCH_SHOW_H

#include <libmnl/libmnl.h>

void show_peer(const struct nlmsghdr *nlh);
void show_connection(const struct nlmsghdr *nlh);
void show_identity(const char *prefix, const struct nlattr *type, const struct nlattr *value);

#endif /* LATCH_SHOW_H */
