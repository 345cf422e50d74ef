/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family "latch".
 */
#ifndef LATCH_NL_H
#define LATCH_NL_H

#include <libmnl/libmnl.h>
#include "latch.h"

/* Room for a record with an identity, a certificate, an anchor and a key. */
#define NL_BUF_SIZE	65536

typedef void (*nl_cb)(const struct nlmsghdr *nlh, void *data);

struct nlmsghdr *nl_begin(uint8_t cmd);
void nl_put(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len);
void nl_put_u8(struct nlmsghdr *nlh, uint16_t type, uint8_t v);
void nl_put_u16(struct nlmsghdr *nlh, uint16_t type, uint16_t v);
void nl_put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t v);
void nl_put_u64(struct nlmsghdr *nlh, uint16_t type, uint64_t v);
int nl_do(struct nlmsghdr *nlh, nl_cb cb, void *data, int forgive);
int nl_dump(uint8_t cmd, nl_cb cb, void *data);
int nl_events(void);
int nl_event(nl_cb cb, void *data);
uint8_t nl_cmd(const struct nlmsghdr *nlh);

void attr_parse(const struct nlmsghdr *nlh, const struct nlattr **tb, uint16_t max);
void attr_parse_nest(const struct nlattr *nest, const struct nlattr **tb, uint16_t max);
uint64_t attr_num(const struct nlattr *attr);

/* extack.c */
void extack_print(const struct nlmsghdr *nlh, int err, size_t head, const struct nlmsghdr *sent);

#endif /* LATCH_NL_H */
