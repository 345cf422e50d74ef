// SPDX-License-Identifier: GPL-2.0
/*
 * Where netfilter calls the packet path: last in LOCAL_IN and POST_ROUTING, when everybody
 * else is done with the packet. Where UDP is latched, or fragments come, also first in
 * PRE_ROUTING and LOCAL_OUT, before anybody has touched it.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>

#include "hooks.h"
#include "input.h"
#include "output.h"
#include "reassemble.h"

#define LATCH_HOOK(f, p, n, prio) { .hook = (f), .pf = (p), .hooknum = (n), .priority = (prio) }

static const struct nf_hook_ops latch_hook_ops[] = {
	LATCH_HOOK(latch_input4, NFPROTO_IPV4, NF_INET_LOCAL_IN, INT_MAX),
	LATCH_HOOK(latch_output4, NFPROTO_IPV4, NF_INET_POST_ROUTING, INT_MAX),
#if IS_ENABLED(CONFIG_IPV6)
	LATCH_HOOK(latch_input6, NFPROTO_IPV6, NF_INET_LOCAL_IN, INT_MAX),
	LATCH_HOOK(latch_output6, NFPROTO_IPV6, NF_INET_POST_ROUTING, INT_MAX),
#endif
};

static const struct nf_hook_ops latch_udp_hook_ops[] = {
	LATCH_HOOK(latch_prerouting4, NFPROTO_IPV4, NF_INET_PRE_ROUTING, INT_MIN),
	LATCH_HOOK(latch_local_out4, NFPROTO_IPV4, NF_INET_LOCAL_OUT, INT_MIN),
#if IS_ENABLED(CONFIG_IPV6)
	LATCH_HOOK(latch_prerouting6, NFPROTO_IPV6, NF_INET_PRE_ROUTING, INT_MIN),
	LATCH_HOOK(latch_local_out6, NFPROTO_IPV6, NF_INET_LOCAL_OUT, INT_MIN),
#endif
};

static int latch_register(struct latch_net *ln, struct nf_hook_ops *to,
			  const struct nf_hook_ops *ops, int n)
{
	int i, err;

	memcpy(to, ops, n * sizeof(*ops));
	for (i = 0; i < n; i++)
		to[i].priv = ln;
	err = nf_register_net_hooks(ln->net, to, n);
	if (err)
		pr_warn_ratelimited("latch: cannot register hooks: %d\n", err);
	return err;
}

/**
 * latch_hooks_register() - see the packets of a namespace
 * @ln: the namespace
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int latch_hooks_register(struct latch_net *ln)
{
	BUILD_BUG_ON(ARRAY_SIZE(latch_hook_ops) > ARRAY_SIZE(ln->hooks));
	return latch_register(ln, ln->hooks, latch_hook_ops, ARRAY_SIZE(latch_hook_ops));
}

/**
 * latch_hooks_unregister() - and no more
 * @ln: the namespace
 *
 * Context: process. Hooks may still run until a grace period is over.
 */
void latch_hooks_unregister(struct latch_net *ln)
{
	nf_unregister_net_hooks(ln->net, ln->hooks, ARRAY_SIZE(latch_hook_ops));
}

/**
 * latch_udp_hooks_register() - see packets before anybody has touched them
 * @ln: the namespace
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int latch_udp_hooks_register(struct latch_net *ln)
{
	BUILD_BUG_ON(ARRAY_SIZE(latch_udp_hook_ops) > ARRAY_SIZE(ln->udp_hooks));
	return latch_register(ln, ln->udp_hooks, latch_udp_hook_ops,
			      ARRAY_SIZE(latch_udp_hook_ops));
}

/**
 * latch_udp_hooks_unregister() - and no more
 * @ln: the namespace
 *
 * Context: process. Hooks may still run until a grace period is over.
 */
void latch_udp_hooks_unregister(struct latch_net *ln)
{
	nf_unregister_net_hooks(ln->net, ln->udp_hooks, ARRAY_SIZE(latch_udp_hook_ops));
}
