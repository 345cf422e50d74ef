// SPDX-License-Identifier: GPL-2.0
/*
 * Where netfilter calls the packet path: last in LOCAL_IN and POST_ROUTING, when everybody
 * else is done with the packet. Where it has to be, also first in PRE_ROUTING or LOCAL_OUT,
 * before anybody has touched it.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>

#include "base/net.h"
#include "core/types.h"
#include "packet/forward.h"
#include "packet/hooks.h"
#include "packet/input.h"
#include "packet/output.h"
#include "packet/reassemble.h"

#define LATCH_HOOK(f, p, n, prio) { .hook = (f), .pf = (p), .hooknum = (n), .priority = (prio) }

static const struct nf_hook_ops latch_hook_ops[] = {
	LATCH_HOOK(latch_input4, NFPROTO_IPV4, NF_INET_LOCAL_IN, INT_MAX),
	LATCH_HOOK(latch_output4, NFPROTO_IPV4, NF_INET_POST_ROUTING, INT_MAX),
#if IS_ENABLED(CONFIG_IPV6)
	LATCH_HOOK(latch_input6, NFPROTO_IPV6, NF_INET_LOCAL_IN, INT_MAX),
	LATCH_HOOK(latch_output6, NFPROTO_IPV6, NF_INET_POST_ROUTING, INT_MAX),
#endif
};

static const struct nf_hook_ops latch_apart_ops[] = {
	LATCH_HOOK(latch_prerouting4, NFPROTO_IPV4, NF_INET_PRE_ROUTING, INT_MIN),
#if IS_ENABLED(CONFIG_IPV6)
	LATCH_HOOK(latch_prerouting6, NFPROTO_IPV6, NF_INET_PRE_ROUTING, INT_MIN),
#endif
};

static const struct nf_hook_ops latch_mark_ops[] = {
	LATCH_HOOK(latch_local_out4, NFPROTO_IPV4, NF_INET_LOCAL_OUT, INT_MIN),
#if IS_ENABLED(CONFIG_IPV6)
	LATCH_HOOK(latch_local_out6, NFPROTO_IPV6, NF_INET_LOCAL_OUT, INT_MIN),
#endif
};

static const struct nf_hook_ops latch_forward_ops[] = {
	LATCH_HOOK(latch_forward4, NFPROTO_IPV4, NF_INET_FORWARD, INT_MAX),
#if IS_ENABLED(CONFIG_IPV6)
	LATCH_HOOK(latch_forward6, NFPROTO_IPV6, NF_INET_FORWARD, INT_MAX),
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
	BUILD_BUG_ON(ARRAY_SIZE(latch_hook_ops) > ARRAY_SIZE(ln->watch.hooks));
	return latch_register(ln, ln->watch.hooks, latch_hook_ops, ARRAY_SIZE(latch_hook_ops));
}

/**
 * latch_hooks_unregister() - and no more
 * @ln: the namespace
 *
 * Context: process. Hooks may still run until a grace period is over.
 */
void latch_hooks_unregister(struct latch_net *ln)
{
	nf_unregister_net_hooks(ln->net, ln->watch.hooks, ARRAY_SIZE(latch_hook_ops));
}

/**
 * latch_apart_switch() - keep fragments apart by SA from now on, or not any more
 * @ln: the namespace, in which it is not so yet
 * @on: which
 *
 * Costs each inbound packet of the namespace a hook more.
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int latch_apart_switch(struct latch_net *ln, bool on)
{
	BUILD_BUG_ON(ARRAY_SIZE(latch_apart_ops) > ARRAY_SIZE(ln->watch.apart_hooks));
	if (on)
		return latch_register(ln, ln->watch.apart_hooks, latch_apart_ops,
				      ARRAY_SIZE(latch_apart_ops));
	nf_unregister_net_hooks(ln->net, ln->watch.apart_hooks, ARRAY_SIZE(latch_apart_ops));
	return 0;
}

/**
 * latch_mark_switch() - mark what UDP sockets send to others than their peer, or not any more
 * @ln: the namespace, in which it is not so yet
 * @on: which
 *
 * Costs each outbound packet of the namespace a hook more.
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int latch_mark_switch(struct latch_net *ln, bool on)
{
	BUILD_BUG_ON(ARRAY_SIZE(latch_mark_ops) > ARRAY_SIZE(ln->watch.mark_hooks));
	if (on)
		return latch_register(ln, ln->watch.mark_hooks, latch_mark_ops,
				      ARRAY_SIZE(latch_mark_ops));
	nf_unregister_net_hooks(ln->net, ln->watch.mark_hooks, ARRAY_SIZE(latch_mark_ops));
	return 0;
}

/**
 * latch_forward_switch() - see what this host forwards from now on, or not any more
 * @ln: the namespace, in which it is not so yet
 * @on: which
 *
 * Costs each packet that is forwarded a hook more.
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int latch_forward_switch(struct latch_net *ln, bool on)
{
	BUILD_BUG_ON(ARRAY_SIZE(latch_forward_ops) > ARRAY_SIZE(ln->watch.forward_hooks));
	if (on)
		return latch_register(ln, ln->watch.forward_hooks, latch_forward_ops,
				      ARRAY_SIZE(latch_forward_ops));
	nf_unregister_net_hooks(ln->net, ln->watch.forward_hooks, ARRAY_SIZE(latch_forward_ops));
	return 0;
}

/*
 * May a hook change a header? Ours do not, nor do those of the security modules, which have
 * places of their own.
 */
static bool latch_hook_changes(const struct latch_net *ln, const struct nf_hook_ops *ops)
{
	if (ops->priv == ln)
		return false;
	return ops->hook_ops_type != NF_HOOK_OP_UNDEFINED ||
	       (ops->priority != NF_IP_PRI_SELINUX_FIRST &&
		ops->priority != NF_IP_PRI_SELINUX_LAST);
}

static bool latch_hooks_change(const struct latch_net *ln, u8 pf, unsigned int hook)
{
	const struct nf_hook_entries *e;
	struct nf_hook_ops **ops;
	int i;

	e = rcu_dereference(*(pf == NFPROTO_IPV4 ? &ln->net->nf.hooks_ipv4[hook] :
						   &ln->net->nf.hooks_ipv6[hook]));
	ops = e ? nf_hook_entries_get_hook_ops(e) : NULL;
	for (i = 0; e && i < e->num_hook_entries; i++)
		if (latch_hook_changes(ln, ops[i]))
			return true;
	return false;
}

/**
 * latch_hooks_alone() - does a packet in POST_ROUTING have the header that its sender wrote?
 * @ln: the namespace
 * @pf: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Context: RCU read side. Return: true where nobody else has a hook that could change it.
 */
bool latch_hooks_alone(const struct latch_net *ln, u8 pf)
{
	return !latch_hooks_change(ln, pf, NF_INET_LOCAL_OUT) &&
	       !latch_hooks_change(ln, pf, NF_INET_POST_ROUTING);
}
