/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests to the generic netlink family "latch".
 */
#ifndef LATCH_NL_H
#define LATCH_NL_H

#include "latch.h"
#include "netlink.h"

typedef netlink_cb nl_cb;

struct nlmsghdr *nl_begin(uint8_t cmd);
void nl_put(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len);
void nl_put_u8(struct nlmsghdr *nlh, uint16_t type, uint8_t v);
void nl_put_u16(struct nlmsghdr *nlh, uint16_t type, uint16_t v);
void nl_put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t v);
void nl_put_u64(struct nlmsghdr *nlh, uint16_t type, uint64_t v);
int nl_do(struct nlmsghdr *nlh, nl_cb cb, void *data, int forgive);
int nl_scan(uint8_t cmd, nl_cb cb, void (*again)(void *data), void *data);
int nl_dump(uint8_t cmd, nl_cb cb, void *data);
int nl_events(void);
int nl_event(nl_cb cb, void *data);

#endif /* LATCH_NL_H */
