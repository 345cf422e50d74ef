/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flow of a latch.
 */
#ifndef LATCH_TOOL_FLOW_H
#define LATCH_TOOL_FLOW_H

#include <libmnl/libmnl.h>

size_t flow_addr_len(const struct nlattr *family, const struct nlattr *addr);
void flow_brief(const struct nlmsghdr *nlh);

#endif /* LATCH_TOOL_FLOW_H */
