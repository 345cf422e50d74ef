/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_TAGOPT_H
#define LATCH_API_TAGOPT_H

#include <linux/latch.h>
#include <linux/sockptr.h>
#include <linux/types.h>

struct latch_net;
struct sock;

/* Is this one of the options that latch_tag_get() answers? */
static inline bool latch_tag_option(int opt)
{
	return opt == IP_LATCH_TAG || opt == IP_LATCH_TAG_INFO || opt == IP_LATCH_TAG_PEER_ID;
}

int latch_tag_set(struct latch_net *ln, struct sock *sk, sockptr_t arg, unsigned int len);
int latch_tag_get(struct latch_net *ln, struct sock *sk, int opt, void __user *user, int *len);

#endif /* LATCH_API_TAGOPT_H */
