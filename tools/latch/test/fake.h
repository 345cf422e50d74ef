/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two parts of the made-up kernel have in common.
 */
#ifndef LATCH_TOOL_FAKE_H
#define LATCH_TOOL_FAKE_H

#include <stdbool.h>
#include <libmnl/libmnl.h>

/* fake.c */
bool fake_scene(const char *word);
struct nlmsghdr *fake_entry(const struct nlmsghdr *to, uint16_t type);
void fake_done(const struct nlmsghdr *nlh);

/* fakexfrm.c */
void fake_list(const struct nlmsghdr *to, int bus);

#endif /* LATCH_TOOL_FAKE_H */
