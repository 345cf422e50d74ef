/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The first two of the three tiers of the packet path. The third, latch_input_full() and
 * latch_output_full(), is complete and correct by itself; these two only skip it:
 *
 *   tier  may assume                     does not                    else
 *   1     the packet has a socket        call, lock, read headers    tier 2
 *   2     a plain header                 lock, allocate, write       tier 3
 *                                        (but skb->sk)
 *   3     nothing
 *
 * A packet passes here for one of three reasons: its SA is known to be congruent
 * (latch_sacache_hit()), its socket is exempt (latch_exempt()), or it has no latch and nobody
 * asks for anything (latch_unconcerned()). Built with LATCH_NO_FAST, neither tier exists.
 *
 * Together they save some 1,000 instructions a packet: without them a TCP stream with the
 * null cipher in a tunnel costs 1.0994 instead of 1.0140, and a UDP exchange 1.1117 instead of
 * 1.0163. In-line code with constant @pf, @dir and @proto keeps all of it in registers.
 */
#ifndef LATCH_FASTPATH_H
#define LATCH_FASTPATH_H

#include <net/inet_common.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "encap.h"
#include "enforce.h"
#include "find.h"
#include "reassemble.h"
#include "skcache.h"
#include "udp.h"

/* What tier 2 finds when it cannot tell. */
#define LATCH_NEED_FULL	((struct latch *)-1L)

/* The only SA of a packet, NULL where there is none or more than one. */
static __always_inline const struct xfrm_state *latch_only_sa(struct sk_buff *skb, u8 dir)
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

/*
 * Tier 1, for a packet whose socket has a latch. What a TCP socket sends or gets is that
 * socket's, whatever its header says. The latches of other sockets, which have to be asked
 * more, do not have the bit.
 */
static __always_inline bool latch_fast_ok(const struct latch *l, struct sk_buff *skb, u8 pf,
					  u8 dir)
{
	if (dir == LATCH_DIR_IN && latch_reassembled(skb, pf))
		return false;
	if (likely(READ_ONCE(l->noted) & LATCH_NOTED_TCP(dir)))
		return latch_sacache_hit(&READ_ONCE(l->group)->cache[dir], &l->ln->gens,
					 latch_only_sa(skb, dir), true);
	return latch_exempt(l);
}

/* Length of the IP header where nothing follows it but the transport's. */
static __always_inline size_t latch_plain_len(u8 pf)
{
	return pf == NFPROTO_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

/* Does as much lie plain of what follows the IP header? */
static __always_inline bool latch_plain_has(const struct sk_buff *skb, u8 pf, size_t len)
{
	return skb_network_header(skb) + latch_plain_len(pf) + len <= skb_tail_pointer(skb);
}

/* The protocol of a packet, where its headers lie plain. */
static __always_inline u8 latch_plain_proto(const struct sk_buff *skb, u8 pf)
{
	return pf == NFPROTO_IPV4 ? ip_hdr(skb)->protocol : ipv6_hdr(skb)->nexthdr;
}

/* Do the headers of a datagram or segment, or of its first fragment, lie plain? */
static __always_inline bool latch_plain(const struct sk_buff *skb, u8 pf)
{
	if (pf == NFPROTO_IPV4 &&
	    (ip_hdr(skb)->ihl != 5 || ip_hdr(skb)->frag_off & htons(IP_OFFSET)))
		return false;
	return latch_plain_has(skb, pf, sizeof(u32));
}

/* Both ports of such a packet, as struct latch_flow has them. */
static __always_inline u32 latch_plain_ports(const struct sk_buff *skb, u8 pf, u8 dir)
{
	const void *th = skb_network_header(skb) + latch_plain_len(pf);
	u32 ports = get_unaligned((const u32 *)th);

	return dir == LATCH_DIR_IN ? ror32(ports, 16) : ports;
}

/* The address of such a packet at this end, or at the other. */
static __always_inline const u32 *latch_plain_addr(const struct sk_buff *skb, u8 pf, bool source)
{
	if (pf == NFPROTO_IPV4)
		return (__force const u32 *)(source ? &ip_hdr(skb)->saddr : &ip_hdr(skb)->daddr);
	return (__force const u32 *)(source ? &ipv6_hdr(skb)->saddr : &ipv6_hdr(skb)->daddr);
}

/* The latch of the flow that the header of such a packet names; @l is tried first. */
static __always_inline struct latch *latch_plain_find(struct latch_net *ln,
						      const struct sk_buff *skb, u8 pf, u8 dir,
						      u8 proto, u16 l3, struct latch *l)
{
	const u32 *local = latch_plain_addr(skb, pf, dir == LATCH_DIR_OUT);
	const u32 *remote = latch_plain_addr(skb, pf, dir == LATCH_DIR_IN);
	u32 ports = latch_plain_ports(skb, pf, dir);
	u32 kind = latch_kind(pf == NFPROTO_IPV4 ? AF_INET : AF_INET6, proto, l3);

	if (pf == NFPROTO_IPV4) {
		if (l && latch_is4(l, ln, *local, *remote, ports, kind))
			return l;
		return latch_find4(ln, *local, *remote, ports, kind);
	}
	if (l && latch_is6(l, ln, local, remote, ports, kind))
		return l;
	return latch_find6(ln, local, remote, ports, kind);
}

/* What tier 2 has read of such a packet, as latch_parse() would: NAT has not changed it. */
static __always_inline struct latch_hdr latch_plain_hdr(const struct sk_buff *skb,
							const struct net_device *dev, u8 pf,
							u8 dir, u8 proto)
{
	const u32 *local = latch_plain_addr(skb, pf, dir == LATCH_DIR_OUT);
	const u32 *remote = latch_plain_addr(skb, pf, dir == LATCH_DIR_IN);
	bool ip4 = pf == NFPROTO_IPV4;

	return (struct latch_hdr){
		.flow.local.w = { local[0], ip4 ? 0 : local[1], ip4 ? 0 : local[2],
				  ip4 ? 0 : local[3] },
		.flow.remote.w = { remote[0], ip4 ? 0 : remote[1], ip4 ? 0 : remote[2],
				   ip4 ? 0 : remote[3] },
		.flow.ports = latch_plain_ports(skb, pf, dir),
		.flow.kind = latch_kind(ip4 ? AF_INET : AF_INET6, proto, latch_l3(dev)),
		.kind = LATCH_PKT_FLOW,
		.plain = true,
		.thoff = skb_network_offset(skb) + latch_plain_len(pf),
	};
}

/* States of TCP in which a socket without latch gets none any more. */
#define LATCH_TCP_LATE	(TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | \
			 TCPF_CLOSE_WAIT | TCPF_LAST_ACK | TCPF_CLOSING)

/* Is this full socket that of a TCP connection that has begun? */
static __always_inline bool latch_sk_connection(const struct sock *sk)
{
	return (1 << READ_ONCE(sk->sk_state)) & LATCH_TCP_LATE && sk->sk_protocol == IPPROTO_TCP;
}

/*
 * The latch of a packet's socket, which is not in the cache: NULL where there is none. A socket
 * whose destructor nobody has chained has none, or listens, or is closed, and sends nothing.
 */
static __always_inline struct latch *latch_plain_sk(struct sock *sk)
{
	return sk->sk_destruct == inet_sock_destruct ? NULL : latch_find_sk(sk);
}

/* Does what tier 2 found of a socket say all that there is to know? */
static __always_inline bool latch_plain_sure(const struct latch *l, const struct sock *sk,
					     u8 proto)
{
	if (latch_exempt(l))
		return true;
	if (!READ_ONCE(l->hashed) || READ_ONCE(l->special))
		return false;
	return proto == IPPROTO_TCP || !latch_udp_reconnected(l, sk);
}

/* Can a segment open a connection? Where it cannot be read, it can. */
static __always_inline bool latch_plain_syn(const struct sk_buff *skb, u8 pf)
{
	size_t len = latch_plain_len(pf);
	const struct tcphdr *th = (const void *)skb_network_header(skb) + len;

	if (!latch_plain_has(skb, pf, sizeof(*th)))
		return true;
	return th->syn && !th->ack;
}

/*
 * Tier 2: may an inbound packet whose headers lie plain be taken to be of the flow of @l, the
 * latch that its header leads to? A SYN may open the 5-tuple of a TIME_WAIT anew.
 */
static __always_inline bool latch_plain_flow(const struct latch *l, const struct sk_buff *skb,
					     u8 pf)
{
	return likely(!READ_ONCE(l->special)) ||
	       (READ_ONCE(l->special) == LATCH_GHOST && !latch_plain_syn(skb, pf));
}

/*
 * Tier 2: the latch of an outbound packet whose headers lie plain. A UDP socket may send to
 * somebody else than its peer, so the header has to agree with its latch.
 */
static __always_inline struct latch *latch_plain_out(struct latch_net *ln, struct sk_buff *skb,
						     const struct net_device *out,
						     struct latch *l, u8 pf, u8 proto)
{
	struct sock *sk = skb->sk;
	struct latch *found;

	if (!latch_plain(skb, pf))
		return LATCH_NEED_FULL;
	if (sk && sk_fullsock(sk)) {
		if (!l)
			l = latch_plain_sk(sk);
		if (l && !latch_plain_sure(l, sk, proto))
			return LATCH_NEED_FULL;
		if (proto == IPPROTO_TCP ? l || latch_sk_connection(sk) : l && latch_exempt(l))
			return l;
	}
	if (latch_natted(skb))
		return LATCH_NEED_FULL;
	found = latch_plain_find(ln, skb, pf, LATCH_DIR_OUT, proto, latch_l3(out), l);
	if (l && found != l)
		return LATCH_NEED_FULL;
	/* a half-open latch has to see a SYN-ACK that is a cookie, which has no socket */
	if (found && (READ_ONCE(found->special) & ~LATCH_GHOST ||
		      (!sk && READ_ONCE(found->embryo) && !READ_ONCE(found->special))))
		return LATCH_NEED_FULL;
	return found;
}

/*
 * "Nobody asks for anything": the only place that says so. No
 * latch was found by the packet's socket nor by its header. It passes if no
 * latch can come of it, and no socket of the namespace waits for packets whose headers do not
 * lead to it.
 */
static __always_inline bool latch_unconcerned(const struct latch_net *ln, struct sk_buff *skb,
					      const struct net_device *dev, u8 pf, u8 dir,
					      u8 proto)
{
	bool tcp = proto == IPPROTO_TCP;

	if (atomic_read(&ln->n_wanting))
		return false;
	if (dir == LATCH_DIR_OUT)
		return !skb->sk || !sk_fullsock(skb->sk) || !dst_xfrm(skb_dst(skb)) ||
		       (tcp && latch_sk_connection(skb->sk));
	if (latch_l3(dev) || (!tcp && latch_encap_possible()))
		return false;
	return !skb_sec_path(skb) || (tcp && !latch_plain_syn(skb, pf));
}

#endif /* LATCH_FASTPATH_H */
