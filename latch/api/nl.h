/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_NL_H
#define LATCH_API_NL_H

#include <net/genetlink.h>

#include "api/genl.h"

struct latch_net;
struct genl_info;
struct netlink_callback;
struct sk_buff;

extern struct genl_family latch_family;

/* A refusal names its attribute. */
#define latch_nl_bad(info, attr, err, msg)				\
({									\
	struct genl_info *__info = (info);				\
									\
	NL_SET_ERR_MSG_ATTR(__info->extack, __info->attrs[attr], msg);	\
	(err);								\
})

#define latch_nl_missing(info, msg)					\
({									\
	NL_SET_ERR_MSG((info)->extack, msg " missing");			\
	-EINVAL;							\
})

struct latch_net *latch_nl_net(const struct sk_buff *skb);
struct sk_buff *latch_nl_reply(struct genl_info *info, u8 cmd, size_t size, void **hdr);
int latch_nl_send(struct sk_buff *skb, void *hdr, int err, struct genl_info *info);
void *latch_nl_dump_put(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd);
int latch_netlink_init(void);
void latch_netlink_exit(void);

#endif /* LATCH_API_NL_H */
