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
#ifndef LATCH_PACKET_FASTPATH_H
#define LATCH_PACKET_FASTPATH_H

#include <net/inet_common.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "base/net.h"
#include "base/sacache.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/table.h"
#include "core/types.h"
#include "packet/balanced.h"
#include "packet/encap.h"
#include "packet/parse.h"
#include "packet/plain.h"
#include "packet/reassemble.h"
#include "packet/tagged.h"
#include "sock/udp.h"

struct net_device;
struct sk_buff;
struct sock;

/* Built without the first two tiers of the packet path? */
#ifdef LATCH_NO_FAST
#define LATCH_FAST	false
#else
#define LATCH_FAST	true
#endif

/* What tier 2 finds when it cannot tell. */
#define LATCH_NEED_FULL	((struct latch *)-1L)

/*
 * Tier 1, for a packet whose socket has a latch. What a TCP socket sends or gets is that
 * socket's, whatever its header says. The latches of other sockets, which have to be asked
 * more, do not have the bit. A datagram of an exempt socket that has a time may say to whom it
 * may go (latch_tagged_demands()).
 */
static __always_inline bool latch_fast_ok(const struct latch *l, struct sk_buff *skb, u8 pf,
					  u8 dir)
{
	if (dir == LATCH_DIR_IN && latch_reassembled(skb, pf))
		return false;
	if (likely(READ_ONCE(l->noted) & LATCH_NOTED_TCP(dir)))
		return latch_sacache_hit(&READ_ONCE(l->group)->cache[dir], &l->ln->gens,
					 latch_only_sa(skb, dir), true);
	return latch_exempt(l) && !skb->tstamp;
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
	if (!READ_ONCE(l->hashed) || READ_ONCE(l->special) || READ_ONCE(l->has_dests))
		return false;
	return proto == IPPROTO_TCP || !latch_udp_reconnected(l, sk);
}

/*
 * Tier 2: may an inbound packet whose headers lie plain be taken to be of the flow of @l, the
 * latch that its header leads to? A SYN may open the 5-tuple of a TIME_WAIT anew.
 */
static __always_inline bool latch_plain_flow(const struct latch *l, const struct sk_buff *skb,
					     u8 pf)
{
	return likely(!READ_ONCE(l->special)) ||
	       (READ_ONCE(l->special) == LATCH_TIMEWAIT && !latch_plain_syn(skb, pf));
}

/*
 * Tier 2: is the socket of an outbound packet all that there is to ask? Sets @l to its latch,
 * if it has one.
 */
static __always_inline bool latch_plain_sender(struct sock *sk, struct latch **l, u8 proto)
{
	if (!*l)
		*l = latch_plain_sk(sk);
	if (*l && !latch_plain_sure(*l, sk, proto)) {
		*l = LATCH_NEED_FULL;
		return true;
	}
	if (proto == IPPROTO_TCP)
		return *l || latch_sk_connection(sk);
	return *l && latch_exempt(*l);
}

/*
 * Does the latch that the header of an outbound packet leads to need more than a look at the SA?
 * A half-open one has to see a SYN-ACK that is a cookie, which has no socket.
 */
static __always_inline bool latch_plain_special(const struct latch *found, const struct sock *sk)
{
	u8 special = READ_ONCE(found->special);

	return special & ~LATCH_TIMEWAIT || (!sk && READ_ONCE(found->pending) && !special);
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
	if (sk && sk_fullsock(sk) && latch_plain_sender(sk, &l, proto))
		return l;
	if (latch_natted(skb) || (sk && latch_balanced(skb)))
		return LATCH_NEED_FULL;
	found = latch_plain_find(ln, skb, pf, LATCH_DIR_OUT, proto, latch_l3(out), l);
	if ((l && found != l) || (found && latch_plain_special(found, sk)))
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

	if (atomic_read(&ln->n_lookup))
		return false;
	if (dir == LATCH_DIR_OUT)
		return !skb->sk || !sk_fullsock(skb->sk) || !dst_xfrm(skb_dst(skb)) ||
		       (tcp && latch_sk_connection(skb->sk));
	if (latch_l3(dev) || (!tcp && latch_encap_possible()))
		return false;
	return !skb_sec_path(skb) || (tcp && !latch_plain_syn(skb, pf));
}

#endif /* LATCH_PACKET_FASTPATH_H */
