// SPDX-License-Identifier: GPL-2.0
/*
 * The packet path (RFC 5660 2.4-1): finds the latch of a packet, has the core
 * judge what protects it, carries the verdict out. A packet of a latch that has
 * judged the same SA before takes no lock, allocates nothing and writes nothing.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/inet_common.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <net/udp.h>
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
#include <net/netfilter/nf_conntrack.h>
#endif

#include "birth.h"
#include "core/pattern.h"
#include "find.h"
#include "skcache.h"

/**
 * latch_drop() - drop a packet and count why
 * @ln:     the namespace
 * @l:      its latch; NULL where it has none
 * @skb:    the packet; gone after this
 * @dir:    LATCH_DIR_*
 * @reason: LATCH_REASON_*
 *
 * Context: any. Return: NF_STOLEN.
 */
unsigned int latch_drop(struct latch_net *ln, struct latch *l, struct sk_buff *skb,
			u8 dir, u8 reason)
{
	latch_mib_drop(ln, dir, reason);
	if (l)
		atomic_inc(&l->drops[dir]);
	/* stolen, not dropped: to the sender it is as if it were lost (2.3-19) */
	kfree_skb_reason(skb, SKB_DROP_REASON_XFRM_POLICY);
	return NF_STOLEN;
}

/* The only SA of a packet, NULL where there is none or more than one. */
static __always_inline const struct xfrm_state *latch_single(struct sk_buff *skb, u8 dir)
{
	const struct sec_path *sp;
	const struct dst_entry *dst;

	if (dir == LATCH_DIR_IN) {
		if (!secpath_exists(skb))
			return NULL;
		sp = skb_sec_path(skb);
		return sp->len == 1 ? sp->xvec[0] : NULL;
	}
	dst = skb_dst(skb);
	if (!dst || !dst_xfrm(dst) || dst_xfrm(xfrm_dst_child(dst)))
		return NULL;
	return dst_xfrm(dst);
}

static __always_inline bool latch_seen_by(const struct latch *l, const struct xfrm_state *x,
					  u8 dir, bool quick)
{
	return latch_sacache_hit(&READ_ONCE(l->group)->cache[dir], &l->ln->gens, x, quick);
}

static __always_inline bool latch_seen(const struct latch *l, const struct xfrm_state *x,
				       u8 dir, bool quick)
{
	return READ_ONCE(l->noted) & BIT(dir) && latch_seen_by(l, x, dir, quick);
}

/* The group did not see this packet's SA before, or cannot say so of it. */
static noinline void latch_note_anew(struct latch *l, const struct latch_pkt *p)
{
	struct latch_common common = l->group->c;

	latch_params_add(&common.params, &p->tag, p->dir);
	latch_view_outer(&common, p);
	/* elsewhere, an event that is being dealt with may have missed it */
	if (memcmp(&common, &l->group->c, sizeof(common)))
		latch_resettle(l, &common, true);
	if (l->state != LATCH_STATE_ESTABLISHED)
		return;
	latch_set_noted(l, BIT(p->dir));
	latch_group_note(l, p);
}

/**
 * latch_note() - note that a packet's SA was judged congruent
 * @l: the latch, whose lock is held
 * @p: the packet
 */
void latch_note(struct latch *l, const struct latch_pkt *p)
{
	lockdep_assert_held(&l->lock);
	if (!latch_seen(l, p->first, p->dir, false) || p->tag.n != 1 || p->ipcomp)
		latch_note_anew(l, p);
}

/*
 * What a peer's name is to a demand: its digest, or, where the demand is a pattern,
 * the pattern's own if it fits. Only the first packets of a flow come here.
 */
static void latch_name_for(const struct latch_demand *d, const struct latch_peer *p,
			   u64 name[2])
{
	const void *id;
	u16 len;

	if (!d->pattern.type) {
		memcpy(name, p->name, sizeof(p->name));
		return;
	}
	id = latch_peer_data(p, LATCH_PEER_ID, &len);
	memcpy(name, d->want.peer, sizeof(d->want.peer));
	if (!latch_pattern_match(&d->pattern, p->id_type, id, len))
		name[0] = ~name[0];
}

/* ... of what was latched. */
static noinline u32 latch_diff_latched(const struct latch *l, const struct latch_pkt *p)
{
	struct latch_params params = l->group->c.params;

	params.rule = latch_rule(l);
	return latch_params_cmp(&params, l->demand ? &l->demand->want : NULL, &p->tag, p->dir);
}

/* ... of a demand, which names an identity, whatever its trust anchor. */
static noinline u32 latch_diff_wanted(const struct latch_demand *d, const struct latch_pkt *p)
{
	struct latch_tag tag = p->tag;

	if (p->who.peer)
		latch_name_for(d, p->who.peer, tag.id.peer);
	if (p->who.local)
		memcpy(tag.id.local, p->who.local->name, sizeof(tag.id.local));
	return latch_want_cmp(&d->want, &tag, p->dir);
}

/**
 * latch_diff() - why a packet does not fit a latch
 * @l: the latch, whose lock is held
 * @p: the packet
 *
 * Return: set of LATCH_R() bits.
 */
u32 latch_diff(struct latch *l, const struct latch_pkt *p)
{
	u32 diff = 0;

	if (READ_ONCE(l->ln->lost))
		return LATCH_R(LOST);
	if (!p->tag.n)
		return LATCH_R(CLEAR);
	if (l->state == LATCH_STATE_ESTABLISHED)
		return latch_diff_latched(l, p);

	switch (p->tag.id.kind) {
	case LATCH_IDENT_PENDING:
		return LATCH_R(PENDING);
	case LATCH_IDENT_AMBIGUOUS:
		return LATCH_R(AMBIGUOUS);
	case LATCH_IDENT_MIXED:
		return LATCH_R(PEER);
	case LATCH_IDENT_PINNED:
		if (READ_ONCE(l->ln->require_identity))
			diff = LATCH_R(NO_BINDING);
	}
	return l->demand ? diff | latch_diff_wanted(l->demand, p) : diff;
}

/*
 * A socket may keep a route without IPsec that it found while policy let the flow
 * out in clear: the kernel does not void it when that policy goes.
 */
static void latch_reroute(struct sk_buff *skb, u8 dir, u8 reason)
{
	if (dir == LATCH_DIR_OUT && reason == LATCH_REASON_CLEAR && skb->sk &&
	    sk_fullsock(skb->sk))
		sk_dst_reset(skb->sk);
}

/**
 * latch_born() - a latch meets the packet whose SA it is to latch
 * @l: the latch, whose lock is held and whose flow is set
 * @p: the packet
 *
 * Return: what becomes of the packet.
 */
struct latch_verdict latch_born(struct latch *l, const struct latch_pkt *p)
{
	struct latch_verdict none = { .act = LATCH_DROP, .reason = LATCH_REASON_NO_MEM };

	return latch_establish(l, p) ? none : latch_verdict(l->state, l->mode, 0);
}

/*
 * Judges a packet in full. A latch that has its socket but no SA yet may get it
 * here, when the SA that its SYN went under was not known then.
 */
static unsigned int latch_check_full(struct latch *l, struct sk_buff *skb, u8 dir)
{
	struct latch_pkt p = {};
	struct latch_verdict v;
	bool ok;

	ok = dir == LATCH_DIR_IN ? latch_view_in(l->ln, skb, &p) :
				   latch_view_out(l->ln, skb, &p);
	if (!ok)
		return latch_drop(l->ln, l, skb, dir, LATCH_REASON_HEADER);

	spin_lock_bh(&l->lock);
	latch_group_tell(l);
	v = latch_verdict(l->state, l->mode, latch_diff(l, &p));
	if (v.act == LATCH_BIRTH)
		v = latch_born(l, &p);
	if (v.act == LATCH_PASS && l->state == LATCH_STATE_ESTABLISHED)
		latch_note(l, &p);
	if (l->embryo && dir == LATCH_DIR_OUT && !skb->sk)
		WRITE_ONCE(l->special, l->special | LATCH_COOKIE);
	spin_unlock_bh(&l->lock);
	if (v.act == LATCH_PASS)
		return NF_ACCEPT;
	latch_reroute(skb, dir, v.reason);
	return latch_drop(l->ln, l, skb, dir, v.reason);
}

/* What latch_check() does not pass at a glance. */
static noinline unsigned int latch_check_slow(struct latch *l, struct sk_buff *skb, u8 dir)
{
	if (READ_ONCE(l->state) == LATCH_STATE_BROKEN)
		return latch_drop(l->ln, l, skb, dir, LATCH_REASON_BROKEN);
	if (latch_seen(l, latch_single(skb, dir), dir, false))
		return NF_ACCEPT;
	return latch_check_full(l, skb, dir);
}

/* A packet of a latch. @dir is constant. */
static __always_inline unsigned int latch_check(struct latch *l, struct sk_buff *skb, u8 dir)
{
	if (likely(latch_seen(l, latch_single(skb, dir), dir, true)))
		return NF_ACCEPT;
	return latch_check_slow(l, skb, dir);
}

/* Ports, for a transport header at @off; the caller has set the rest of @f. */
static bool latch_parse_ports(const struct sk_buff *skb, int off, u8 dir,
			      struct latch_flow *f)
{
	__be16 buf[2];
	const __be16 *port = skb_header_pointer(skb, off, sizeof(buf), buf);

	if (!port)
		return false;
	f->lport = (__force u16)port[dir == LATCH_DIR_IN];
	f->rport = (__force u16)port[dir == LATCH_DIR_OUT];
	return true;
}

static bool latch_parse4(const struct sk_buff *skb, int off, u8 dir, struct latch_flow *f,
			 int *thoff)
{
	const struct iphdr *iph;
	struct iphdr buf;

	iph = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!iph || iph->ihl < 5 || iph->frag_off & htons(IP_OFFSET))
		return false;
	memset(f, 0, sizeof(*f));
	f->family = AF_INET;
	f->proto = iph->protocol;
	memcpy(f->local.b, dir == LATCH_DIR_IN ? &iph->daddr : &iph->saddr, 4);
	memcpy(f->remote.b, dir == LATCH_DIR_IN ? &iph->saddr : &iph->daddr, 4);
	*thoff = off + iph->ihl * 4;
	return true;
}

static bool latch_parse6(const struct sk_buff *skb, int off, u8 dir, struct latch_flow *f,
			 int *thoff)
{
	const struct ipv6hdr *iph;
	struct ipv6hdr buf;
	int flags = IP6_FH_F_AUTH, proto;
	unsigned short frag = 0;

	iph = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!iph)
		return false;
	memset(f, 0, sizeof(*f));
	f->family = AF_INET6;
	memcpy(f->local.b, dir == LATCH_DIR_IN ? &iph->daddr : &iph->saddr, 16);
	memcpy(f->remote.b, dir == LATCH_DIR_IN ? &iph->saddr : &iph->daddr, 16);
	/* a packet under AH comes again without it, and only then is it a segment */
	*thoff = off;
	proto = ipv6_find_hdr(skb, thoff, -1, &frag, &flags);
	if (proto < 0 || frag)
		return false;
	f->proto = proto;
	return true;
}

static bool latch_parse(const struct sk_buff *skb, int off, u8 pf, u8 dir,
			struct latch_flow *f, int *thoff)
{
	return pf == NFPROTO_IPV4 ? latch_parse4(skb, off, dir, f, thoff) :
				    latch_parse6(skb, off, dir, f, thoff);
}

static bool latch_icmp_error(const struct sk_buff *skb, u8 pf, int off)
{
	u8 buf;
	const u8 *type = skb_header_pointer(skb, off, 1, &buf);

	if (!type)
		return false;
	if (pf == NFPROTO_IPV6)
		return *type < ICMPV6_INFOMSG_MASK;
	return *type == ICMP_DEST_UNREACH || *type == ICMP_SOURCE_QUENCH ||
	       *type == ICMP_REDIRECT || *type == ICMP_TIME_EXCEEDED ||
	       *type == ICMP_PARAMETERPROB;
}

/*
 * An ICMP error can end a connection attempt, a UDP exchange, or shrink the path
 * MTU: about a latched flow it counts only under the flow's own protection
 * (6.5-1).
 */
static unsigned int latch_in_icmp(struct latch_net *ln, struct sk_buff *skb, u8 pf, int off)
{
	struct latch_pkt p = {};
	struct latch_flow f;
	struct latch *l;
	int thoff;
	u32 diff;

	if (!latch_icmp_error(skb, pf, off) ||
	    !latch_parse(skb, off + sizeof(struct icmphdr), pf, LATCH_DIR_OUT, &f, &thoff) ||
	    !latch_parse_ports(skb, thoff, LATCH_DIR_OUT, &f))
		return NF_ACCEPT;
	l = latch_find(ln, &f);
	if (!l)
		return NF_ACCEPT;
	if (!latch_view_in(ln, skb, &p))
		return latch_drop(ln, l, skb, LATCH_DIR_IN, LATCH_REASON_HEADER);
	spin_lock_bh(&l->lock);
	diff = l->state == LATCH_STATE_ESTABLISHED ? latch_diff(l, &p) : LATCH_R(BROKEN);
	spin_unlock_bh(&l->lock);
	if (diff)
		return latch_drop(ln, l, skb, LATCH_DIR_IN, LATCH_REASON_ICMP);
	return NF_ACCEPT;
}

/*
 * A UDP socket that is closed is there until a grace period is over, and so is its
 * latch; but another socket may have its flow by now.
 */
static __always_inline bool latch_orphaned(const struct latch *l)
{
	const struct sock *sk;

	if (l->flow.proto != IPPROTO_UDP)
		return false;
	sk = READ_ONCE(l->sk);
	return sk && sock_flag(sk, SOCK_DEAD);
}

/*
 * The latch of a packet; a SYN opens the 5-tuple of a connection in TIME_WAIT anew, and
 * a closed socket leaves its own to whoever comes.
 */
static struct latch *latch_lookup(struct latch_net *ln, const struct sk_buff *skb,
				  const struct latch_flow *f, int thoff)
{
	struct latch *l = latch_find(ln, f);

	if (!l)
		return NULL;
	if (latch_orphaned(l)) {
		latch_owner_left(l);
		return NULL;
	}
	if (likely(!(READ_ONCE(l->special) & LATCH_GHOST) || !latch_opens(skb, thoff)))
		return l;
	latch_unlink(l);
	return NULL;
}

/*
 * TCP knows nothing of a handshake by SYN cookie that the peer resets; the latch
 * that waits for its end goes by the RST, where that comes from the peer.
 */
static unsigned int latch_check_cookie(struct latch *l, struct sk_buff *skb, int thoff)
{
	bool over = READ_ONCE(l->embryo) && latch_resets(skb, thoff);
	unsigned int ret = latch_check(l, skb, LATCH_DIR_IN);

	if (over && ret == NF_ACCEPT)
		latch_unlink(l);
	return ret;
}

/* Is the socket still the one that the latch was made for? Memory may be reused. */
static bool latch_sk_same(const struct latch *l, const struct sock *sk)
{
	return READ_ONCE(l->sk) == sk && sk->sk_state != TCP_CLOSE;
}

/*
 * The transport need not look for the socket again. Where it would not take the one
 * that has the latch, because that is bound to a device, it looks. TCP drops the
 * reference, UDP, whose sockets are freed after a grace period, needs none.
 */
static __always_inline void latch_give_sk(struct latch *l, struct sk_buff *skb)
{
	struct sock *sk = READ_ONCE(l->sk);

	if (skb->sk || !sk || READ_ONCE(sk->sk_bound_dev_if) || netif_is_l3_slave(skb->dev))
		return;
	if (l->flow.proto == IPPROTO_UDP) {
		if (!sock_flag(sk, SOCK_RCU_FREE) || !latch_sk_same(l, sk) ||
		    READ_ONCE(sk->sk_txhash) != READ_ONCE(l->txhash))
			return;
		skb->sk = sk;
		skb->destructor = sock_pfree;
		return;
	}
	if (!refcount_inc_not_zero(&sk->sk_refcnt))
		return;
	if (!latch_sk_same(l, sk)) {
		sock_put(sk);
		return;
	}
	skb->sk = sk;
	skb->destructor = sock_edemux;
}

/* A segment or datagram that comes in, of a flow that has a latch. */
static __always_inline unsigned int latch_in_found(struct latch *l, struct sk_buff *skb)
{
	unsigned int ret = latch_check(l, skb, LATCH_DIR_IN);

	if (ret == NF_ACCEPT)
		latch_give_sk(l, skb);
	return ret;
}

/* ... of any flow. */
static unsigned int latch_in_flow(struct latch_net *ln, struct sk_buff *skb,
				  struct latch_flow *f, int thoff)
{
	struct latch *l;

	if (!latch_parse_ports(skb, thoff, LATCH_DIR_IN, f))
		return NF_ACCEPT;
	l = latch_lookup(ln, skb, f, thoff);
	if (!l)
		return latch_birth_in(ln, skb, f, thoff);
	if (unlikely(READ_ONCE(l->special) & LATCH_COOKIE))
		return latch_check_cookie(l, skb, thoff);
	return latch_in_found(l, skb);
}

/* What comes in and is not of a flow with a latch, or not plain. */
static noinline unsigned int latch_in_slow(void *priv, struct sk_buff *skb,
					   const struct nf_hook_state *st)
{
	struct latch_net *ln = priv;
	struct latch_flow f;
	int thoff;

	if (!latch_parse(skb, skb_network_offset(skb), st->pf, LATCH_DIR_IN, &f, &thoff))
		return NF_ACCEPT;
	if (f.proto == IPPROTO_TCP || f.proto == IPPROTO_UDP)
		return latch_in_flow(ln, skb, &f, thoff);
	if (f.proto == IPPROTO_ICMP || f.proto == IPPROTO_ICMPV6)
		return latch_in_icmp(ln, skb, st->pf, thoff);
	return NF_ACCEPT;
}

/* States of TCP in which a socket without latch gets none any more. */
#define LATCH_TCP_LATE	(TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | \
			 TCPF_CLOSE_WAIT | TCPF_LAST_ACK | TCPF_CLOSING)

/*
 * A segment whose connection is known has the latch of its socket, whatever NAT makes
 * of the header: what comes in is delivered to it. False for any other.
 */
static __always_inline bool latch_of_tcp(const struct sock *sk)
{
	return sk && (1 << READ_ONCE(sk->sk_state)) & LATCH_TCP_LATE &&
	       sk->sk_protocol == IPPROTO_TCP;
}

/* Nobody asks for a channel, so what has no latch passes. */
static __always_inline bool latch_nothing_wanted(const struct latch_net *ln)
{
	return !atomic_read(&ln->n_wanting);
}

/* The latch of a known connection's socket; a socket that is not chained has none. */
static struct latch *latch_of_sk(const struct latch_net *ln, const struct sock *sk)
{
	struct latch *l = latch_sk_cached(sk);

	if (l)
		return l;
	if (sk->sk_destruct == inet_sock_destruct && latch_nothing_wanted(ln))
		return NULL;
	return latch_find_sk(sk);
}

/*
 * A segment of a known connection whose SA was judged before. Nothing is called, so
 * that nothing has to be saved.
 */
static __always_inline bool latch_near_seen(struct sk_buff *skb, u8 dir)
{
	const struct latch *l = latch_sk_cached(skb->sk);

	return l && READ_ONCE(l->noted) & LATCH_NOTED_TCP(dir) &&
	       latch_seen_by(l, latch_single(skb, dir), dir, true);
}

/* What latch_quick() finds when it cannot tell. */
#define LATCH_UNCLEAR	((struct latch *)-1L)

/* Length of the IP header where nothing follows it but the transport's. */
static __always_inline size_t latch_plain_len(u8 pf)
{
	return pf == NFPROTO_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

/* Is this a datagram or segment, or its first fragment, whose headers lie plain? */
static __always_inline bool latch_plain(const struct sk_buff *skb, u8 pf, u8 *proto)
{
	if (pf == NFPROTO_IPV4) {
		if (ip_hdr(skb)->ihl != 5 || ip_hdr(skb)->frag_off & htons(IP_OFFSET))
			return false;
		*proto = ip_hdr(skb)->protocol;
	} else {
		*proto = ipv6_hdr(skb)->nexthdr;
	}
	return (*proto == IPPROTO_TCP || *proto == IPPROTO_UDP) &&
	       skb_network_offset(skb) + latch_plain_len(pf) + sizeof(u32) <= skb_headlen(skb);
}

/* Both ports of such a packet, as struct latch_flow has them. */
static __always_inline u32 latch_plain_ports(const struct sk_buff *skb, u8 pf, u8 dir)
{
	const void *th = skb_network_header(skb) + latch_plain_len(pf);
	u32 ports = get_unaligned((const u32 *)th);

	return dir == LATCH_DIR_IN ? ror32(ports, 16) : ports;
}

/*
 * The latch of such a packet, NULL none; LATCH_UNCLEAR for any other, and where a look at
 * the SA is not enough. All of it in registers. @pf and @dir are constant.
 */
static __always_inline struct latch *latch_quick(struct latch_net *ln,
						 const struct sk_buff *skb, u8 pf, u8 dir)
{
	bool in = dir == LATCH_DIR_IN, near;
	const u32 *local, *remote;
	struct latch *l = NULL;
	u32 ports, kind;
	u8 proto;

	if (!latch_plain(skb, pf, &proto))
		return LATCH_UNCLEAR;
	ports = latch_plain_ports(skb, pf, dir);
	if (skb->sk)
		l = latch_sk_cached(skb->sk);
	near = l && READ_ONCE(l->hashed);
	if (pf == NFPROTO_IPV4) {
		local = (__force const u32 *)(in ? &ip_hdr(skb)->daddr : &ip_hdr(skb)->saddr);
		remote = (__force const u32 *)(in ? &ip_hdr(skb)->saddr : &ip_hdr(skb)->daddr);
		kind = latch_kind(AF_INET, proto);
		if (!near || !latch_is4(l, ln, *local, *remote, ports, kind))
			l = latch_find4(ln, *local, *remote, ports, kind);
	} else {
		local = (__force const u32 *)(in ? &ipv6_hdr(skb)->daddr : &ipv6_hdr(skb)->saddr);
		remote = (__force const u32 *)(in ? &ipv6_hdr(skb)->saddr : &ipv6_hdr(skb)->daddr);
		kind = latch_kind(AF_INET6, proto);
		if (!near || !latch_is6(l, ln, local, remote, ports, kind))
			l = latch_find6(ln, local, remote, ports, kind);
	}
	return l && (READ_ONCE(l->special) || latch_orphaned(l)) ? LATCH_UNCLEAR : l;
}

/*
 * Into an XFRM interface a packet goes in clear and comes here again with its
 * bundle, if the interface's SAs are in the same namespace.
 */
static bool latch_to_xfrmi(const struct latch_net *ln, const struct net_device *out)
{
	const struct rtnl_link_ops *ops = out->rtnl_link_ops;

	return ops && !strcmp(ops->kind, "xfrm") && ops->get_link_net &&
	       net_eq(ops->get_link_net(out), ln->net);
}

/* The 5-tuple of such a packet. */
static void latch_plain_flow(const struct sk_buff *skb, u8 pf, u8 dir, struct latch_flow *f)
{
	bool in = dir == LATCH_DIR_IN;

	memset(f, 0, sizeof(*f));
	f->ports = latch_plain_ports(skb, pf, dir);
	if (pf == NFPROTO_IPV4) {
		f->family = AF_INET;
		f->proto = ip_hdr(skb)->protocol;
		memcpy(&f->local, in ? &ip_hdr(skb)->daddr : &ip_hdr(skb)->saddr, 4);
		memcpy(&f->remote, in ? &ip_hdr(skb)->saddr : &ip_hdr(skb)->daddr, 4);
	} else {
		f->family = AF_INET6;
		f->proto = ipv6_hdr(skb)->nexthdr;
		memcpy(&f->local, in ? &ipv6_hdr(skb)->daddr : &ipv6_hdr(skb)->saddr, 16);
		memcpy(&f->remote, in ? &ipv6_hdr(skb)->saddr : &ipv6_hdr(skb)->daddr, 16);
	}
}

static noinline unsigned int latch_in_new(struct latch_net *ln, struct sk_buff *skb, u8 pf)
{
	struct latch_flow f;

	latch_plain_flow(skb, pf, LATCH_DIR_IN, &f);
	return latch_birth_in(ln, skb, &f, skb_network_offset(skb) + latch_plain_len(pf));
}

static noinline unsigned int latch_out_new(struct latch_net *ln, struct sk_buff *skb,
					   const struct nf_hook_state *st)
{
	struct latch_flow f;

	if (!dst_xfrm(skb_dst(skb)) && latch_to_xfrmi(ln, st->out))
		return NF_ACCEPT;
	latch_plain_flow(skb, st->pf, LATCH_DIR_OUT, &f);
	return latch_birth_out(ln, skb, &f, skb_network_offset(skb) + latch_plain_len(st->pf));
}

/* A packet without latch, of which nothing can be made and of which nothing is asked. */
static __always_inline bool latch_in_alien(const struct latch_net *ln,
					   const struct sk_buff *skb, u8 pf)
{
	size_t len = latch_plain_len(pf);
	const struct tcphdr *th = (const void *)skb_network_header(skb) + len;
	u8 proto = pf == NFPROTO_IPV4 ? ip_hdr(skb)->protocol : ipv6_hdr(skb)->nexthdr;

	if (!latch_nothing_wanted(ln))
		return false;
	if (!skb_sec_path(skb))
		return true;
	return proto == IPPROTO_TCP &&
	       skb_network_offset(skb) + len + sizeof(*th) <= skb_headlen(skb) &&
	       (!th->syn || th->ack);
}

/* Of no known connection, or of one whose latch is not near. */
static __always_inline unsigned int latch_in_far(void *priv, struct sk_buff *skb,
						 const struct nf_hook_state *st, u8 pf)
{
	struct latch *l = latch_quick(priv, skb, pf, LATCH_DIR_IN);

	if (!l)
		return latch_in_alien(priv, skb, pf) ? NF_ACCEPT : latch_in_new(priv, skb, pf);
	if (l == LATCH_UNCLEAR)
		return latch_in_slow(priv, skb, st);
	return latch_in_found(l, skb);
}

static noinline unsigned int latch_in_far4(void *priv, struct sk_buff *skb,
					   const struct nf_hook_state *st)
{
	return latch_in_far(priv, skb, st, NFPROTO_IPV4);
}

static noinline unsigned int latch_in_far6(void *priv, struct sk_buff *skb,
					   const struct nf_hook_state *st)
{
	return latch_in_far(priv, skb, st, NFPROTO_IPV6);
}

/* A known connection, of which more has to be found out. */
static noinline unsigned int latch_in_tcp(void *priv, struct sk_buff *skb,
					  const struct nf_hook_state *st)
{
	struct latch *l = latch_of_sk(priv, skb->sk);

	if (l && READ_ONCE(l->hashed))
		return latch_check_slow(l, skb, LATCH_DIR_IN);
	return latch_nothing_wanted(priv) ? NF_ACCEPT : latch_in_slow(priv, skb, st);
}

/* @pf is constant. */
static __always_inline unsigned int latch_in(void *priv, struct sk_buff *skb,
					     const struct nf_hook_state *st, u8 pf, u8 proto)
{
	/* what is still to be undone comes again */
	if (proto == IPPROTO_ESP)
		return NF_ACCEPT;
	if (proto == IPPROTO_TCP && skb->sk) {
		if (likely(latch_near_seen(skb, LATCH_DIR_IN)))
			return NF_ACCEPT;
		if (latch_of_tcp(skb->sk))
			return latch_in_tcp(priv, skb, st);
	}
	return pf == NFPROTO_IPV4 ? latch_in_far4(priv, skb, st) : latch_in_far6(priv, skb, st);
}

static unsigned int latch_in4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	return latch_in(priv, skb, st, NFPROTO_IPV4, ip_hdr(skb)->protocol);
}

static unsigned int latch_in6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	return latch_in(priv, skb, st, NFPROTO_IPV6, ipv6_hdr(skb)->nexthdr);
}

static bool latch_natted(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	return ct && (ct->status & IPS_NAT_MASK);
#else
	return false;
#endif
}

/* Was a UDP socket connected anew, to the same peer? Then its latch is over (5.2-1). */
static bool latch_reconnected(struct latch *l, const struct sock *sk)
{
	if (!sk || READ_ONCE(l->sk) != sk || READ_ONCE(sk->sk_txhash) == READ_ONCE(l->txhash))
		return false;
	latch_owner_stale(l, sk);
	return true;
}

/* A packet that goes out, of a flow that has a latch. */
static unsigned int latch_out_found(struct latch *l, struct sk_buff *skb,
				    const struct net_device *out)
{
	if (!dst_xfrm(skb_dst(skb)) && latch_to_xfrmi(l->ln, out))
		return NF_ACCEPT;
	return latch_check(l, skb, LATCH_DIR_OUT);
}

/* What goes out and is not of a flow with a latch, or not plain. */
static noinline unsigned int latch_out_slow(void *priv, struct sk_buff *skb,
					    const struct nf_hook_state *st)
{
	struct latch_net *ln = priv;
	struct latch_flow f;
	struct sock *sk = skb->sk;
	struct latch *l;
	int thoff;

	if (!latch_parse(skb, skb_network_offset(skb), st->pf, LATCH_DIR_OUT, &f, &thoff) ||
	    (f.proto != IPPROTO_TCP && f.proto != IPPROTO_UDP) ||
	    !latch_parse_ports(skb, thoff, LATCH_DIR_OUT, &f))
		return NF_ACCEPT;
	/* behind NAT the socket knows the flow, the header does not */
	if (sk && sk_fullsock(sk) && sk->sk_protocol == f.proto && latch_natted(skb) &&
	    !latch_sk_flow(sk, &f))
		return NF_ACCEPT;
	l = latch_lookup(ln, skb, &f, thoff);
	if (l && f.proto == IPPROTO_UDP && latch_reconnected(l, sk))
		l = NULL;
	if (l)
		return latch_out_found(l, skb, st->out);
	if (!dst_xfrm(skb_dst(skb)) && latch_to_xfrmi(ln, st->out))
		return NF_ACCEPT;
	return latch_birth_out(ln, skb, &f, thoff);
}

/* Of no known connection, or into an XFRM interface. */
static __always_inline unsigned int latch_out_far(void *priv, struct sk_buff *skb,
						  const struct nf_hook_state *st, u8 pf)
{
	struct latch *l = LATCH_UNCLEAR;

	if (!latch_natted(skb))
		l = latch_quick(priv, skb, pf, LATCH_DIR_OUT);
	if (!l)
		return !dst_xfrm(skb_dst(skb)) && latch_nothing_wanted(priv) ?
		       NF_ACCEPT : latch_out_new(priv, skb, st);
	if (l == LATCH_UNCLEAR ||
	    (l->flow.proto == IPPROTO_UDP && latch_reconnected(l, skb->sk)))
		return latch_out_slow(priv, skb, st);
	return latch_out_found(l, skb, st->out);
}

static noinline unsigned int latch_out_far4(void *priv, struct sk_buff *skb,
					    const struct nf_hook_state *st)
{
	return latch_out_far(priv, skb, st, NFPROTO_IPV4);
}

static noinline unsigned int latch_out_far6(void *priv, struct sk_buff *skb,
					    const struct nf_hook_state *st)
{
	return latch_out_far(priv, skb, st, NFPROTO_IPV6);
}

/* A known connection, of which more has to be found out. */
static noinline unsigned int latch_out_tcp(void *priv, struct sk_buff *skb,
					   const struct nf_hook_state *st)
{
	struct latch *l = latch_of_sk(priv, skb->sk);

	if (l && READ_ONCE(l->hashed))
		return latch_out_found(l, skb, st->out);
	return latch_nothing_wanted(priv) ? NF_ACCEPT : latch_out_slow(priv, skb, st);
}

/* What goes out and was not transformed yet. @pf is constant. */
static __always_inline unsigned int latch_out(void *priv, struct sk_buff *skb,
					      const struct nf_hook_state *st, u8 pf, u8 proto)
{
	if (proto == IPPROTO_TCP && skb->sk) {
		if (likely(latch_near_seen(skb, LATCH_DIR_OUT)))
			return NF_ACCEPT;
		if (latch_of_tcp(skb->sk))
			return latch_out_tcp(priv, skb, st);
	}
	return pf == NFPROTO_IPV4 ? latch_out_far4(priv, skb, st) :
				    latch_out_far6(priv, skb, st);
}

static unsigned int latch_out4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	/* it was judged before it was transformed */
	if (IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED)
		return NF_ACCEPT;
	return latch_out(priv, skb, st, NFPROTO_IPV4, ip_hdr(skb)->protocol);
}

static unsigned int latch_out6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	if (IP6CB(skb)->flags & IP6SKB_XFRM_TRANSFORMED)
		return NF_ACCEPT;
	return latch_out(priv, skb, st, NFPROTO_IPV6, ipv6_hdr(skb)->nexthdr);
}

#define LATCH_HOOK(f, p, n) { .hook = (f), .pf = (p), .hooknum = (n), .priority = INT_MAX }

static const struct nf_hook_ops latch_hook_ops[] = {
	LATCH_HOOK(latch_in4, NFPROTO_IPV4, NF_INET_LOCAL_IN),
	LATCH_HOOK(latch_out4, NFPROTO_IPV4, NF_INET_POST_ROUTING),
#if IS_ENABLED(CONFIG_IPV6)
	LATCH_HOOK(latch_in6, NFPROTO_IPV6, NF_INET_LOCAL_IN),
	LATCH_HOOK(latch_out6, NFPROTO_IPV6, NF_INET_POST_ROUTING),
#endif
};

/**
 * latch_hooks_register() - see the packets of a namespace
 * @ln: the namespace
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int latch_hooks_register(struct latch_net *ln)
{
	int i, err;

	memcpy(ln->hooks, latch_hook_ops, sizeof(latch_hook_ops));
	for (i = 0; i < ARRAY_SIZE(latch_hook_ops); i++)
		ln->hooks[i].priv = ln;
	err = nf_register_net_hooks(ln->net, ln->hooks, ARRAY_SIZE(latch_hook_ops));
	if (err)
		pr_warn_ratelimited("latch: cannot register hooks: %d\n", err);
	return err;
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
