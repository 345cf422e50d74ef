// SPDX-License-Identifier: GPL-2.0
/*
 * Fragments for this host, and those that it forwards where it latches what it forwards, are kept
 * apart by the SAs that they came through, so that a packet that is put together came through them
 * as a whole (RFC 5660 2-11). The kernel's own reassembly takes fragments of one packet from
 * whatever SA, or from none, and passes on what the first one came through.
 *
 * The kernel's queues do the work. They are told apart by a number, "user", which is
 * another one for each SA here.
 */
#include <linux/inetdevice.h>
#include <linux/module.h>
#include <linux/netfilter_ipv6.h>
#include <net/addrconf.h>
#include <net/inet_frag.h>
#include <net/ipv6.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>

#include "base/net.h"
#include "core/types.h"
#include "packet/enforce.h"
#include "packet/reassemble.h"
#include "packet/watch.h"
#include "xfrm/sad.h"
#include "xfrm/view.h"

/* Above the numbers that the kernel's own users have. */
#define LATCH_FRAG_USER	BIT(31)

/* IPv6's queues are in a module of their own, which need not be there. */
static int (*latch_frag6_gather)(struct net *net, struct sk_buff *skb, u32 user);

/**
 * latch_reassemble_init() - get hold of IPv6's queues
 *
 * Without them fragments of IPv6 are dropped where something is latched.
 *
 * Context: process.
 */
void __init latch_reassemble_init(void)
{
	latch_frag6_gather = symbol_request(nf_ct_frag6_gather);
	if (!latch_frag6_gather)
		pr_info("latch: no nf_defrag_ipv6: latched flows get no fragments of IPv6\n");
}

/**
 * latch_reassemble_exit() - let go of them; no hook runs any more
 */
void latch_reassemble_exit(void)
{
	if (latch_frag6_gather)
		symbol_put(nf_ct_frag6_gather);
}

/*
 * The number for the SAs that a fragment came through. Serial numbers of SAs are never used
 * again. False where one of the SAs is not known.
 */
static bool latch_frag_user(struct latch_net *ln, struct sk_buff *skb, u32 *user)
{
	const struct sec_path *sp = skb_sec_path(skb);
	struct latch_sa_key key;
	struct latch_sa *sa;
	u32 serials = 0;
	int i;

	for (i = 0; sp && i < sp->len; i++) {
		latch_view_sa_key(ln, sp->xvec[i], &key);
		sa = latch_sad_find(&key);
		if (sa)
			serials = serials * GOLDEN_RATIO_32 + (u32)sa->serial;
		else if (key.proto == IPPROTO_ESP || key.proto == IPPROTO_AH)
			return false;
	}
	*user = LATCH_FRAG_USER | serials;
	return true;
}

/*
 * Fragments that this host passes on may take other ways than this one. Where it latches what it
 * forwards, they have to come this way, as they have for conntrack.
 */
static bool latch_local4(struct net *net, const struct sk_buff *skb)
{
	unsigned int type = inet_addr_type_dev_table(net, skb->dev, ip_hdr(skb)->daddr);

	return type == RTN_LOCAL || type == RTN_MULTICAST || type == RTN_BROADCAST;
}

static bool latch_local6(struct net *net, const struct sk_buff *skb)
{
	const struct in6_addr *daddr = &ipv6_hdr(skb)->daddr;

	return ipv6_addr_is_multicast(daddr) || ipv6_chk_addr(net, daddr, NULL, 0);
}

/**
 * latch_prerouting4() - hook PRE_ROUTING of IPv4, before all others
 * @priv: the namespace
 * @skb:  the packet
 * @st:   netfilter's
 *
 * Context: RCU read side. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_prerouting4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	struct latch_net *ln = priv;
	int err;
	u32 user;

	if (likely(!ip_is_fragment(ip_hdr(skb))) ||
	    (!latch_watch_forwarding(ln) && !latch_local4(ln->net, skb)))
		return NF_ACCEPT;
	if (!latch_frag_user(ln, skb, &user))
		return latch_drop(ln, NULL, skb, LATCH_DIR_IN, LATCH_REASON_HEADER);
	local_bh_disable();
	err = ip_defrag(ln->net, skb, user);
	local_bh_enable();
	if (err)
		return NF_STOLEN;
	latch_cb_set(skb, NFPROTO_IPV4);
	return NF_ACCEPT;
}

static bool latch_is_fragment6(const struct sk_buff *skb)
{
	u8 proto = ipv6_hdr(skb)->nexthdr;
	unsigned int off = 0;

	if (proto == NEXTHDR_FRAGMENT)
		return true;
	return ipv6_ext_hdr(proto) && ipv6_find_hdr(skb, &off, NEXTHDR_FRAGMENT, NULL, NULL) >= 0;
}

/* The transport header lies where it did; the queue leaves it behind the fragment header. */
static unsigned int latch_gather6(struct latch_net *ln, struct sk_buff *skb)
{
	int off = skb_transport_offset(skb), err;
	u32 user;

	if (!latch_frag6_gather)
		return latch_drop_unknown(ln, skb, LATCH_DIR_IN);
	if (!latch_frag_user(ln, skb, &user))
		return latch_drop(ln, NULL, skb, LATCH_DIR_IN, LATCH_REASON_HEADER);
	err = latch_frag6_gather(ln->net, skb, user);
	if (err == -EINPROGRESS)
		return NF_STOLEN;
	if (err)
		return latch_drop(ln, NULL, skb, LATCH_DIR_IN, LATCH_REASON_HEADER);
	skb_set_transport_header(skb, off);
	latch_cb_set(skb, NFPROTO_IPV6);
	return NF_ACCEPT;
}

/**
 * latch_reassemble6() - a packet in LOCAL_IN that may be a fragment
 * @ln:  the namespace
 * @skb: the packet
 * @pf:  NFPROTO_IPV4, whose fragments never get there, or NFPROTO_IPV6, whose do
 *
 * Context: RCU read side, BH off.
 * Return: NF_ACCEPT for what is none, or whole now, or cannot be reassembled, which the
 * caller parses; else NF_STOLEN.
 */
unsigned int latch_reassemble6(struct latch_net *ln, struct sk_buff *skb, u8 pf)
{
	if (pf != NFPROTO_IPV6 || !latch_is_fragment6(skb))
		return NF_ACCEPT;
	return latch_gather6(ln, skb);
}

/**
 * latch_prerouting6() - hook PRE_ROUTING of IPv6, before conntrack reassembles
 * @priv: the namespace
 * @skb:  the packet
 * @st:   netfilter's
 *
 * Context: RCU read side. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_prerouting6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	struct latch_net *ln = priv;

	if (likely(!latch_is_fragment6(skb)) ||
	    (!latch_watch_forwarding(ln) && !latch_local6(ln->net, skb)))
		return NF_ACCEPT;
	return latch_gather6(ln, skb);
}
