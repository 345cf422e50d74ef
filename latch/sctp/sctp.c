// SPDX-License-Identifier: GPL-2.0
/*
 * ipsec_latch_sctp: what ipsec_latch asks of SCTP (RFC 5660 5.4-1). Only this file knows SCTP's
 * structures, by what the sctp module exports and by what its public headers say.
 */
#include <linux/module.h>
#include <net/ip6_route.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/sctp/sctp.h>

#include "base/sctp.h"
#include "core/flow.h"

/* One end of a flow as SCTP has it. */
static void latch_sctp_addr(union sctp_addr *to, u8 family, const union latch_addr *addr, u16 port)
{
	memset(to, 0, sizeof(*to));
	to->sa.sa_family = family;
	if (family == AF_INET) {
		to->v4.sin_port = (__force __be16)port;
		memcpy(&to->v4.sin_addr, addr, sizeof(to->v4.sin_addr));
	} else {
		to->v6.sin6_port = (__force __be16)port;
		memcpy(&to->v6.sin6_addr, addr, sizeof(to->v6.sin6_addr));
	}
}

static void latch_sctp_addr_of(union latch_addr *to, const union sctp_addr *addr)
{
	memset(to, 0, sizeof(*to));
	if (addr->sa.sa_family == AF_INET)
		memcpy(to, &addr->v4.sin_addr, sizeof(addr->v4.sin_addr));
	else
		memcpy(to, &addr->v6.sin6_addr, sizeof(addr->v6.sin6_addr));
}

/* What the call-back of sctp_transport_lookup_process() is told, and tells. */
struct latch_sctp_ask {
	struct latch_sctp_assoc	*a;
	latch_sctp_path_t	each;
	void			*arg;
	u32			vtag;
	int			bound;
};

static bool latch_sctp_ask_of(struct net *net, const struct latch_flow *f, u8 family,
			      const union latch_addr *addr, int dif, sctp_callback_t cb,
			      struct latch_sctp_ask *ask)
{
	union sctp_addr local, remote;

	latch_sctp_addr(&local, f->family, &f->local, f->lport);
	latch_sctp_addr(&remote, family, addr, f->rport);
	if (latch_transport_lookup(cb, net, &local, &remote, ask, dif) != -ENOENT)
		return true;
	/* a socket that is bound to no device, where net.sctp.l3mdev_accept is off */
	return dif && latch_transport_lookup(cb, net, &local, &remote, ask, 0) != -ENOENT;
}

static bool latch_sctp_ask(struct net *net, const struct latch_flow *f, int dif,
			   sctp_callback_t cb, struct latch_sctp_ask *ask)
{
	return latch_sctp_ask_of(net, f, f->family, &f->remote, dif, cb, ask);
}

static int latch_sctp_found(struct sctp_endpoint *ep, struct sctp_transport *t, void *p)
{
	struct latch_sctp_ask *ask = p;

	/* one that is over before accept() stays for that to tell of it */
	if (READ_ONCE(t->asoc->state) == SCTP_STATE_CLOSED)
		return -ENOENT;
	if (ask->a) {
		ask->a->sk = t->asoc->base.sk;
		ask->a->id = t->asoc->assoc_id;
	}
	return 0;
}

static bool latch_sctp_find(struct net *net, const struct latch_flow *f, int dif,
			    struct latch_sctp_assoc *a)
{
	struct latch_sctp_ask ask = { .a = a };

	return latch_sctp_ask(net, f, dif, latch_sctp_found, &ask);
}

/* Each local address to one remote one; false where the walk is over. */
static bool latch_sctp_from(const struct sctp_association *asoc, const struct sctp_transport *t,
			    struct latch_sctp_ask *ask)
{
	const struct sctp_sockaddr_entry *e;
	struct latch_flow f = {
		.lport = (__force u16)htons(asoc->base.bind_addr.port),
		.rport = (__force u16)t->ipaddr.v4.sin_port,
		.family = t->ipaddr.sa.sa_family,
		.proto = IPPROTO_SCTP,
	};

	latch_sctp_addr_of(&f.remote, &t->ipaddr);
	list_for_each_entry_rcu(e, &asoc->base.bind_addr.address_list, list) {
		if (e->a.sa.sa_family != f.family)
			continue;
		latch_sctp_addr_of(&f.local, &e->a);
		if (!ask->each(&f, ask->arg))
			return false;
	}
	return true;
}

/* The primary path first. */
static void latch_sctp_each(const struct sctp_association *asoc, struct latch_sctp_ask *ask)
{
	const struct sctp_transport *t, *first = READ_ONCE(asoc->peer.primary_path);

	rcu_read_lock();
	if (first && !latch_sctp_from(asoc, first, ask))
		goto out;
	list_for_each_entry_rcu(t, &asoc->peer.transport_addr_list, transports)
		if (t != first && !latch_sctp_from(asoc, t, ask))
			break;
out:
	rcu_read_unlock();
}

static int latch_sctp_walk(struct sctp_endpoint *ep, struct sctp_transport *t, void *p)
{
	latch_sctp_each(t->asoc, p);
	return 0;
}

static bool latch_sctp_paths(struct net *net, const struct latch_flow *f, int dif,
			     latch_sctp_path_t each, void *arg)
{
	struct latch_sctp_ask ask = { .each = each, .arg = arg };

	return latch_sctp_ask(net, f, dif, latch_sctp_walk, &ask);
}

static int latch_sctp_found_walk(struct sctp_endpoint *ep, struct sctp_transport *t, void *p)
{
	int err = latch_sctp_found(ep, t, p);

	return err ?: latch_sctp_walk(ep, t, p);
}

static bool latch_sctp_named(struct net *net, const struct latch_flow *f, u8 family,
			     const union latch_addr *remote, int dif, struct latch_sctp_assoc *a,
			     latch_sctp_path_t each, void *arg)
{
	struct latch_sctp_ask ask = { .a = a, .each = each, .arg = arg };

	return latch_sctp_ask_of(net, f, family, remote, dif, latch_sctp_found_walk, &ask);
}

static bool latch_sctp_sock_paths(struct sock *sk, s32 id, latch_sctp_path_t each, void *arg)
{
	struct latch_sctp_ask ask = { .each = each, .arg = arg };
	struct sctp_association *asoc;
	bool found = false;

	list_for_each_entry(asoc, &sctp_sk(sk)->ep->asocs, asocs) {
		if (id && asoc->assoc_id != id)
			continue;
		latch_sctp_each(asoc, &ask);
		found = true;
	}
	return found;
}

/* Where an endpoint is bound to no address, it is bound to the unspecified one. */
static bool latch_sctp_bound_to(const struct sctp_sockaddr_entry *e, const struct latch_flow *f)
{
	union latch_addr addr;

	latch_sctp_addr_of(&addr, &e->a);
	if (!addr.q[0] && !addr.q[1])
		return true;
	return e->a.sa.sa_family == f->family && !memcmp(&addr, &f->local, sizeof(addr));
}

static bool latch_sctp_bound(const struct sock *sk, const struct latch_flow *f)
{
	const struct sctp_endpoint *ep = READ_ONCE(sctp_sk(sk)->ep);
	const struct sctp_sockaddr_entry *e;

	if (!ep || htons(READ_ONCE(ep->base.bind_addr.port)) != (__force __be16)f->lport)
		return false;
	list_for_each_entry_rcu(e, &ep->base.bind_addr.address_list, list)
		if (latch_sctp_bound_to(e, f))
			return true;
	return false;
}

static bool latch_sctp_busy(const struct sock *sk)
{
	return !list_empty(&sctp_sk(sk)->ep->asocs);
}

/* sctp_endpoint_free() says so before it changes the state; nobody else does. */
static bool latch_sctp_over(const struct sock *sk)
{
	const struct sctp_endpoint *ep = sctp_sk(sk)->ep;

	return !ep || ep->base.dead;
}

static int latch_sctp_vtag(struct sctp_endpoint *ep, struct sctp_transport *t, void *p)
{
	struct latch_sctp_ask *ask = p;

	ask->vtag = t->asoc->c.my_vtag;
	ask->bound = READ_ONCE(t->asoc->base.sk->sk_bound_dev_if);
	return 0;
}

/* A packet with nothing in it but ABORT, as the peer would send it. */
struct latch_sctp_abort {
	struct sctphdr		head;
	struct sctp_chunkhdr	chunk;
} __packed;

static void latch_sctp_fill4(struct sk_buff *skb, const struct latch_flow *f)
{
	struct iphdr *iph = skb_push(skb, sizeof(*iph));

	memset(iph, 0, sizeof(*iph));
	iph->version = 4;
	iph->ihl = 5;
	iph->ttl = 64;
	iph->protocol = IPPROTO_SCTP;
	iph->tot_len = htons(skb->len);
	memcpy(&iph->saddr, &f->remote, sizeof(iph->saddr));
	memcpy(&iph->daddr, &f->local, sizeof(iph->daddr));
	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IP);
	/* it never was on a link, so no SA can have protected it */
	IPCB(skb)->flags |= IPSKB_NOPOLICY;
	IPCB(skb)->iif = skb->skb_iif;
}

#if IS_ENABLED(CONFIG_IPV6)
static void latch_sctp_fill6(struct sk_buff *skb, const struct latch_flow *f)
{
	struct ipv6hdr *iph = skb_push(skb, sizeof(*iph));

	memset(iph, 0, sizeof(*iph));
	iph->version = 6;
	iph->hop_limit = 64;
	iph->nexthdr = IPPROTO_SCTP;
	iph->payload_len = htons(skb->len - sizeof(*iph));
	memcpy(&iph->saddr, &f->remote, sizeof(iph->saddr));
	memcpy(&iph->daddr, &f->local, sizeof(iph->daddr));
	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IPV6);
	IP6CB(skb)->iif = skb->skb_iif;
}
#endif

/* The route of what comes in; XFRM's policies are not asked of it. */
static struct dst_entry *latch_sctp_dst(struct net *net, u8 family)
{
	struct rtable *rt;

#if IS_ENABLED(CONFIG_IPV6)
	if (family == AF_INET6) {
		struct rt6_info *rt6 = ip6_dst_alloc(net, net->loopback_dev,
						     DST_NOPOLICY | DST_NOCOUNT);

		return rt6 ? &rt6->dst : NULL;
	}
#endif
	rt = rt_dst_alloc(net->loopback_dev, RTCF_LOCAL, RTN_LOCAL, true);
	return rt ? &rt->dst : NULL;
}

static struct sk_buff *latch_sctp_abort_skb(struct net *net, const struct latch_flow *f, int bound,
					    u32 vtag)
{
	struct latch_sctp_abort *a;
	struct net_device *dev;
	struct dst_entry *dst;
	struct sk_buff *skb;

	dev = bound ? dev_get_by_index_rcu(net, bound) : net->loopback_dev;
	skb = alloc_skb(MAX_HEADER + sizeof(struct ipv6hdr) + sizeof(*a), GFP_ATOMIC);
	dst = latch_sctp_dst(net, f->family);
	if (!dev || !skb || !dst) {
		kfree_skb(skb);
		if (dst)
			dst_release(dst);
		return NULL;
	}
	skb_dst_set(skb, dst);
	skb_reserve(skb, MAX_HEADER + sizeof(struct ipv6hdr));
	skb->dev = dev;
	skb->skb_iif = dev->ifindex;
	skb->pkt_type = PACKET_HOST;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	a = skb_put_zero(skb, sizeof(*a));
	a->head.source = (__force __be16)f->rport;
	a->head.dest = (__force __be16)f->lport;
	a->head.vtag = htonl(vtag);
	a->chunk.type = SCTP_CID_ABORT;
	a->chunk.length = htons(sizeof(a->chunk));
	skb_reset_transport_header(skb);
	return skb;
}

/* As TCP's reset: SCTP takes it for what the peer said, and queues it where the socket is used. */
static void latch_sctp_end(struct net *net, const struct latch_flow *f, int dif)
{
	struct latch_sctp_ask ask = {};
	struct sk_buff *skb;

	if (!latch_sctp_ask(net, f, dif, latch_sctp_vtag, &ask))
		return;
	skb = latch_sctp_abort_skb(net, f, ask.bound, ask.vtag);
	if (!skb)
		return;
#if IS_ENABLED(CONFIG_IPV6)
	if (f->family == AF_INET6) {
		const struct inet6_protocol *p6 = rcu_dereference(inet6_protos[IPPROTO_SCTP]);

		latch_sctp_fill6(skb, f);
		__skb_pull(skb, skb_transport_offset(skb));
		if (p6)
			p6->handler(skb);
		else
			kfree_skb(skb);
		return;
	}
#endif
	latch_sctp_fill4(skb, f);
	__skb_pull(skb, skb_transport_offset(skb));
	if (rcu_access_pointer(inet_protos[IPPROTO_SCTP]))
		rcu_dereference(inet_protos[IPPROTO_SCTP])->handler(skb);
	else
		kfree_skb(skb);
}

static const struct latch_sctp_ops latch_sctp_own = {
	.owner		= THIS_MODULE,
	.find		= latch_sctp_find,
	.paths		= latch_sctp_paths,
	.named		= latch_sctp_named,
	.sock_paths	= latch_sctp_sock_paths,
	.bound		= latch_sctp_bound,
	.busy		= latch_sctp_busy,
	.over		= latch_sctp_over,
	.abort		= latch_sctp_end,
};

static int __init latch_sctp_init(void)
{
	return latch_sctp_register(&latch_sctp_own);
}

static void __exit latch_sctp_exit(void)
{
	latch_sctp_unregister();
}

module_init(latch_sctp_init);
module_exit(latch_sctp_exit);

MODULE_DESCRIPTION("IPsec connection latching (RFC 5660) of SCTP");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(IPSEC_LATCH);
