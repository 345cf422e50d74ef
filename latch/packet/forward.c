// SPDX-License-Identifier: GPL-2.0
/*
 * Flows that this host forwards (RFC 5660 2.5-1), where net.latch.forward is set.
 *
 * Each side of such a flow that IPsec protects has a latch: the remote end of that is the end of
 * the flow on this side, the local end the other one. What comes from the side is the latch's
 * inbound traffic, checked in FORWARD by its sec_path; what goes there its outbound traffic,
 * checked in POST_ROUTING by the bundle of its route, where NAT is done and an XFRM interface has
 * chosen the SA. A flow from tunnel to tunnel has two latches, and a packet of it meets both.
 *
 * The 5-tuple is that which is on the wire of the side: the header's in POST_ROUTING, and in
 * FORWARD what NAT has made the header's of, which conntrack's entry on the packet still has. That
 * is what XFRM looks up policies by, too.
 *
 * All of it runs in softirq under RCU. The only lock is that of the latch, for a packet that is not
 * known good.
 */
#include <linux/netfilter.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/tcp.h>

#include "base/net.h"
#include "channel/eval.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/pkt.h"
#include "channel/reuse.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/types.h"
#include "core/verdict.h"
#include "packet/again.h"
#include "packet/answer.h"
#include "packet/bridged.h"
#include "packet/classify.h"
#include "packet/enforce.h"
#include "packet/establish.h"
#include "packet/fastpath.h"
#include "packet/forward.h"
#include "packet/parse.h"
#include "packet/plain.h"
#include "packet/reassemble.h"
#include "packet/vti.h"
#include "sock/forward.h"
#include "sock/halfopen.h"
#include "sock/unlink.h"

/* What a packet is, whose side of its flow is asked for by @dir. */
struct latch_forward_case {
	struct latch_net		*ln;
	struct sk_buff			*skb;
	const struct nf_hook_state	*st;
	u8				dir;
	struct latch_hdr		h;
};

static const struct net_device *latch_forward_dev(const struct nf_hook_state *st, u8 dir)
{
	return dir == LATCH_DIR_IN ? st->in : st->out;
}

/* Is a packet protected on the side that @dir is about? */
static __always_inline bool latch_forward_protected(struct sk_buff *skb, u8 dir)
{
	return dir == LATCH_DIR_IN ? secpath_exists(skb) : !!dst_xfrm(skb_dst(skb));
}

/* A packet that says nothing new of the life of its flow; others are tracked. */
static __always_inline bool latch_forward_plain(const struct latch *l, const struct sk_buff *skb,
						u8 pf, u8 dir, u8 proto)
{
	const u8 want = LATCH_FWD_BEGUN | LATCH_FWD_CAME(dir);
	const struct tcphdr *th = (const void *)(skb_network_header(skb) + latch_plain_len(pf));

	if ((READ_ONCE(l->way) & (LATCH_FWD_RST | want)) != want)
		return false;
	if (proto != IPPROTO_TCP)
		return true;
	return latch_plain_has(skb, pf, sizeof(*th)) &&
	       !(tcp_flag_word(th) & (TCP_FLAG_SYN | TCP_FLAG_FIN | TCP_FLAG_RST));
}

/*
 * The first two tiers of fastpath.h for what is forwarded: true where the packet's flow has a latch
 * and its SA is known good. Sets @none where it has none and gets none by this packet. @pf, @dir
 * and @proto are constant.
 */
static __always_inline bool latch_forward_fast(struct latch_net *ln, struct sk_buff *skb,
					       const struct net_device *dev, u8 pf, u8 dir,
					       u8 proto, bool *none)
{
	struct latch *l;

	if (!LATCH_FAST || !latch_plain(skb, pf) ||
	    (dir == LATCH_DIR_IN && (latch_reassembled(skb, pf) || latch_natted(skb))))
		return false;
	l = latch_plain_find(ln, skb, pf, dir, proto, latch_l3(dev) | LATCH_L3_FORWARD, NULL);
	if (!l) {
		*none = !latch_forward_protected(skb, dir);
		return false;
	}
	if (!latch_sa_known(l, latch_only_sa(skb, dir), dir, false) ||
	    !latch_forward_plain(l, skb, pf, dir, proto))
		return false;
	latch_forward_seen(l);
	return true;
}

/* @dir is constant. */
static __always_inline bool latch_forward_known(struct latch_net *ln, struct sk_buff *skb,
						const struct nf_hook_state *st, u8 dir, bool *no)
{
	const struct net_device *dev = latch_forward_dev(st, dir);
	bool ip4 = st->pf == NFPROTO_IPV4;
	u8 proto = ip4 ? ip_hdr(skb)->protocol : ipv6_hdr(skb)->nexthdr;

	if (proto == IPPROTO_TCP)
		return ip4 ? latch_forward_fast(ln, skb, dev, NFPROTO_IPV4, dir, IPPROTO_TCP, no) :
			     latch_forward_fast(ln, skb, dev, NFPROTO_IPV6, dir, IPPROTO_TCP, no);
	if (proto == IPPROTO_UDP)
		return ip4 ? latch_forward_fast(ln, skb, dev, NFPROTO_IPV4, dir, IPPROTO_UDP, no) :
			     latch_forward_fast(ln, skb, dev, NFPROTO_IPV6, dir, IPPROTO_UDP, no);
	return false;
}

/* How far a connection has come that had come @way before a segment. */
static u8 latch_forward_track_tcp(const struct latch_forward_case *c, u8 way)
{
	const struct tcphdr *th;
	struct tcphdr buf;

	th = skb_header_pointer(c->skb, c->h.thoff, sizeof(buf), &buf);
	if (!th)
		return way;
	if (th->rst)
		way |= LATCH_FWD_RST;
	else if (!th->syn)
		way = (way & ~LATCH_FWD_RST) | LATCH_FWD_BEGUN;
	if (th->fin)
		way |= LATCH_FWD_FIN(c->dir);
	return way;
}

/* How far a flow has come, by a packet of it that passes. */
static void latch_forward_track(struct latch *l, const struct latch_forward_case *c)
{
	bool tcp = c->h.flow.proto == IPPROTO_TCP;
	u8 way;

	latch_forward_seen(l);
	if (!tcp && READ_ONCE(l->way) & LATCH_FWD_CAME(c->dir))
		return;
	spin_lock_bh(&l->lock);
	way = l->way | LATCH_FWD_CAME(c->dir);
	if (tcp)
		way = latch_forward_track_tcp(c, way);
	if (way != l->way)
		WRITE_ONCE(l->way, way);
	if (latch_forward_answered(l))
		latch_halfopen_answered(l);
	spin_unlock_bh(&l->lock);
}

/* The other side goes on, whatever it was told. */
static void latch_forward_goes_on(struct latch *l, const struct latch_forward_case *c)
{
	latch_forward_seen(l);
	if (c->h.flow.proto != IPPROTO_TCP || !(READ_ONCE(l->way) & LATCH_FWD_RST) ||
	    latch_tcp_is_rst(c->skb, c->h.thoff) || latch_tcp_is_syn(c->skb, c->h.thoff))
		return;
	spin_lock_bh(&l->lock);
	WRITE_ONCE(l->way, l->way & ~LATCH_FWD_RST);
	spin_unlock_bh(&l->lock);
}

/*
 * A RST may go to a side whose latch is broken or closed, under what was latched: it ends the
 * connection there.
 */
static bool latch_forward_last(const struct latch *l, const struct latch_forward_case *c)
{
	u8 state = READ_ONCE(l->state);

	return c->dir == LATCH_DIR_OUT &&
	       (state == LATCH_STATE_BROKEN || state == LATCH_STATE_CLOSED) &&
	       c->h.flow.proto == IPPROTO_TCP && latch_tcp_is_rst(c->skb, c->h.thoff);
}

/* A packet of a flow whose side has a latch. */
static unsigned int latch_forward_enforce(struct latch *l, const struct latch_forward_case *c)
{
	bool last = latch_forward_last(l, c);
	struct latch_verdict v;

	if (c->dir == LATCH_DIR_OUT && latch_comes_again(c->ln, c->skb, c->st->out) &&
	    (last || READ_ONCE(l->state) == LATCH_STATE_ESTABLISHED))
		return NF_ACCEPT;
	if (last)
		return latch_enforce_only(l, c->skb, LATCH_DIR_OUT, true, LATCH_REASON_BROKEN);
	v = latch_judge(l, c->skb, c->dir);
	if (v.act == LATCH_PASS) {
		latch_forward_track(l, c);
		return NF_ACCEPT;
	}
	if (c->dir == LATCH_DIR_OUT)
		latch_forward_goes_on(l, c);
	latch_answer(l, c->skb, &c->h, c->st->pf, c->dir);
	return latch_drop(c->ln, l, c->skb, c->dir, v.reason);
}

static bool latch_forward_unicast(const struct latch_flow *f)
{
	if (f->family == AF_INET)
		return !ipv4_is_multicast((__force __be32)f->local.w[0]) &&
		       !ipv4_is_multicast((__force __be32)f->remote.w[0]);
	return !ipv6_addr_is_multicast((const struct in6_addr *)&f->local) &&
	       !ipv6_addr_is_multicast((const struct in6_addr *)&f->remote);
}

/*
 * What this host sends without a socket, as its tunnels do, is not forwarded. NAT may give what is
 * an address of its own.
 */
static bool latch_forward_own(const struct latch_forward_case *c)
{
	const struct latch_flow *f = &c->h.flow;

	if (c->dir == LATCH_DIR_IN)
		return false;
	if (c->st->sk)
		return true;
	if (latch_natted(c->skb))
		return false;
	return f->family == AF_INET ?
	       inet_addr_type(c->ln->net, (__force __be32)f->local.w[0]) == RTN_LOCAL :
	       ipv6_chk_addr(c->ln->net, (const struct in6_addr *)&f->local, NULL, 0);
}

/*
 * Is a packet's side behind a VTI? What goes there is seen with its SA only when the device has
 * sent it on, so the route to the far end is asked.
 */
static bool latch_forward_over_vti(const struct latch_forward_case *c)
{
	const struct latch_flow *f = &c->h.flow;
	struct dst_entry *dst = NULL;
	struct flowi fl = {};
	bool vti;

	if (c->dir == LATCH_DIR_IN)
		return latch_is_vti(c->st->in);
	if (f->family == AF_INET) {
		struct rtable *rt;

		fl.u.ip4.daddr = (__force __be32)f->remote.w[0];
		fl.u.ip4.flowi4_mark = c->skb->mark;
		rt = ip_route_output_key(c->ln->net, &fl.u.ip4);
		dst = IS_ERR(rt) ? NULL : &rt->dst;
	} else if (IS_ENABLED(CONFIG_IPV6)) {
		fl.u.ip6.daddr = *(const struct in6_addr *)&f->remote;
		fl.u.ip6.flowi6_mark = c->skb->mark;
		dst = ip6_route_output(c->ln->net, NULL, &fl.u.ip6);
	}
	vti = dst && latch_is_vti(dst->dev);
	dst_release(dst);
	return vti;
}

/* May a packet whose flow has no latch on its side make one? */
static bool latch_forward_begins(const struct latch_forward_case *c)
{
	if (!latch_forward_protected(c->skb, c->dir) || !latch_forward_unicast(&c->h.flow) ||
	    latch_forward_own(c))
		return false;
	if (c->h.flow.proto != IPPROTO_TCP || latch_tcp_is_syn(c->skb, c->h.thoff) ||
	    latch_tcp_is_synack(c->skb, c->h.thoff))
		return true;
	return READ_ONCE(c->ln->conf.adopt) && !latch_tcp_is_rst(c->skb, c->h.thoff);
}

/* Is it one that makes no latch, as policy or net.latch.unidentified says? */
static bool latch_forward_ignored(const struct latch_forward_case *c, const struct latch_pkt *p)
{
	u8 unidentified = READ_ONCE(c->ln->conf.unidentified);

	if (!p->tag.n)
		return true;
	if (p->tag.id.kind == LATCH_IDENT_PINNED && unidentified == LATCH_UNIDENT_NONE)
		return true;
	if (unidentified == LATCH_UNIDENT_REFUSE || latch_group_expects(c->ln, &c->h.flow, p))
		return false;
	return latch_eval_one_way(c->ln, &c->h.flow, p, c->dir == LATCH_DIR_IN);
}

/* Connections that were there before are adopted; what is not TCP needs no answer. */
static void latch_forward_begin(struct latch *l, const struct latch_forward_case *c)
{
	bool tcp = c->h.flow.proto == IPPROTO_TCP;

	l->adopted = tcp && !latch_tcp_is_syn(c->skb, c->h.thoff) &&
		     !latch_tcp_is_synack(c->skb, c->h.thoff);
	l->way = LATCH_FWD_CAME(c->dir) | (!tcp || l->adopted ? LATCH_FWD_BEGUN : 0);
}

/* The first protected packet of a side: it is latched, or does not pass. */
static unsigned int latch_forward_create(const struct latch_forward_case *c)
{
	struct latch_pkt p = {};
	struct latch_verdict v;
	struct latch *l;
	int share;

	if (!latch_classify(c->ln, c->skb, c->dir, &p))
		return latch_drop(c->ln, NULL, c->skb, c->dir, LATCH_REASON_HEADER);
	if (latch_forward_ignored(c, &p) || latch_forward_over_vti(c))
		return NF_ACCEPT;
	share = latch_halfopen_share(c->ln, &p);
	l = share < 0 ? ERR_PTR(share) : latch_forward_new(c->ln);
	if (IS_ERR(l))
		return latch_drop(c->ln, NULL, c->skb, c->dir, latch_err_reason(PTR_ERR(l)));
	latch_forward_begin(l, c);
	spin_lock_bh(&l->lock);
	v = latch_first(l, &p, &c->h.flow, NULL);
	if (l->group) {
		latch_forward_add(l);
		latch_halfopen_count(l, share);
	}
	spin_unlock_bh(&l->lock);
	if (!READ_ONCE(l->group)) {
		latch_unlink(l);
		/* another packet may have been quicker */
		l = latch_find(c->ln, &c->h.flow);
		if (l)
			return latch_forward_enforce(l, c);
	}
	return v.act == LATCH_PASS ? NF_ACCEPT : latch_drop(c->ln, l, c->skb, c->dir, v.reason);
}

/*
 * The latch of a packet's flow. A protected SYN begins a new connection where the old one is over,
 * with whoever it comes from.
 */
static struct latch *latch_forward_find(const struct latch_forward_case *c)
{
	struct latch *l = latch_find(c->ln, &c->h.flow);

	if (l && c->h.flow.proto == IPPROTO_TCP && latch_forward_over(l) &&
	    latch_tcp_is_syn(c->skb, c->h.thoff) && latch_forward_protected(c->skb, c->dir)) {
		latch_forward_close(l);
		return NULL;
	}
	return l;
}

/*
 * An ICMP error about a forwarded flow comes from the side to which the quoted packet went, and
 * goes to the other one. From or to a side that is latched it passes only under what is latched
 * there (6.5-1).
 */
static unsigned int latch_forward_icmp(struct latch *l, const struct latch_forward_case *c)
{
	bool established = READ_ONCE(l->state) == LATCH_STATE_ESTABLISHED;

	if (c->dir == LATCH_DIR_OUT && established &&
	    latch_comes_again(c->ln, c->skb, c->st->out))
		return NF_ACCEPT;
	return latch_enforce_only(l, c->skb, c->dir, established, LATCH_REASON_ICMP);
}

/* Tier 3. Sets @ret to what becomes of the packet; false where nothing is known of it here. */
static noinline bool latch_forward_full(struct latch_forward_case *c, unsigned int *ret)
{
	struct latch *l;

	latch_parse_wire(c->ln, c->skb, latch_forward_dev(c->st, c->dir), c->st->pf, c->dir, &c->h);
	if (c->h.kind == LATCH_PKT_UNKNOWN) {
		if (!latch_forward_any(c->ln))
			return false;
		*ret = latch_drop(c->ln, NULL, c->skb, c->dir, LATCH_REASON_HEADER);
		return true;
	}
	l = c->h.kind == LATCH_PKT_ICMP ? latch_find(c->ln, &c->h.flow) : latch_forward_find(c);
	if (c->dir == LATCH_DIR_IN && latch_mixed(c->skb, c->st->pf)) {
		if (!l)
			return false;
		*ret = latch_drop(c->ln, l, c->skb, c->dir, LATCH_REASON_HEADER);
		return true;
	}
	if (c->h.kind == LATCH_PKT_ICMP && l)
		*ret = latch_forward_icmp(l, c);
	else if (l)
		*ret = latch_forward_enforce(l, c);
	else if (c->h.kind == LATCH_PKT_FLOW && latch_forward_begins(c))
		*ret = latch_forward_create(c);
	else
		return false;
	return true;
}

/* @dir is constant. False where nothing is known of the packet here. */
static __always_inline bool latch_forward(struct latch_net *ln, struct sk_buff *skb,
					  const struct nf_hook_state *st, u8 dir,
					  unsigned int *ret)
{
	struct latch_forward_case c = { .ln = ln, .skb = skb, .st = st, .dir = dir };
	bool none = false;

	*ret = NF_ACCEPT;
	if (latch_forward_known(ln, skb, st, dir, &none))
		return true;
	if (none || latch_bridged(skb))
		return false;
	return latch_forward_full(&c, ret);
}

/**
 * latch_forward4() - hook FORWARD of IPv4
 * @priv: the namespace
 * @skb:  the packet
 * @st:   netfilter's
 *
 * Context: RCU read side. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_forward4(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	unsigned int ret = NF_ACCEPT;

	/* it may have been written since the hook was there */
	if (latch_net_forwards(priv))
		latch_forward(priv, skb, st, LATCH_DIR_IN, &ret);
	return ret;
}

/**
 * latch_forward6() - hook FORWARD of IPv6
 * @priv: the namespace
 * @skb:  the packet
 * @st:   netfilter's
 *
 * Context: RCU read side. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_forward6(void *priv, struct sk_buff *skb, const struct nf_hook_state *st)
{
	return latch_forward4(priv, skb, st);
}

/**
 * latch_forward_out() - a packet without socket in POST_ROUTING: is it of a forwarded flow?
 * @ln:  the namespace, with net.latch.forward
 * @skb: the packet, not transformed yet
 * @st:  netfilter's
 * @ret: set to NF_ACCEPT or NF_STOLEN where it is
 *
 * Context: RCU read side. Return: false where it is not.
 */
bool latch_forward_out(struct latch_net *ln, struct sk_buff *skb, const struct nf_hook_state *st,
		       unsigned int *ret)
{
	return latch_forward(ln, skb, st, LATCH_DIR_OUT, ret);
}

/**
 * latch_forward_quoted() - the latch of a forwarded packet that an ICMP error of this host quotes
 * @ln: the namespace
 * @f:  the flow that was quoted, as latch_parse() tells it
 *
 * Context: RCU read side. Return: the latch of the side that the error goes to, or NULL.
 */
struct latch *latch_forward_quoted(struct latch_net *ln, const struct latch_flow *f)
{
	struct latch_flow g = *f;

	if (!READ_ONCE(ln->conf.forward))
		return NULL;
	g.l3 |= LATCH_L3_FORWARD;
	return latch_find(ln, &g);
}
