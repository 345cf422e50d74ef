// SPDX-License-Identifier: GPL-2.0
/*
 * Packets of flows that have no latch: those that make one (RFC 5660 2.3-2,
 * 2.3-3, 5.1-1, 5.2-1), those that must not pass before one is there (2-8, 2-9),
 * and all the others, which are none of ours.
 */
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <net/udp.h>

#include "birth.h"

/* Why there is no latch: the limit is reached, or memory is short. */
static u8 latch_err_reason(int err)
{
	return err == -ENOBUFS ? LATCH_REASON_LIMIT : LATCH_REASON_NO_MEM;
}

/* A SYN that cannot be latched as asked fails its connect() at once (2.3-16). */
static void latch_refuse(struct latch *l, u8 reason)
{
	lockdep_assert_held(&l->lock);
	latch_mib_event(l->ln, LATCH_MIB_REFUSED);
	/* an identity that is still to come, or memory, is worth another SYN */
	if (reason == LATCH_REASON_PENDING || reason == LATCH_REASON_LOST ||
	    reason == LATCH_REASON_NO_MEM || reason == LATCH_REASON_LIMIT)
		return;
	/* a break was told by latch_step() */
	if (l->state == LATCH_STATE_BROKEN)
		return;
	l->reason = reason;
	latch_owner_tell(l, reason == LATCH_REASON_LARVAL || reason == LATCH_REASON_CLEAR ?
			 -ENOKEY : -EKEYREJECTED);
}

/*
 * The flow's place in the table. What is left there of an earlier connection of
 * the same 5-tuple gives way.
 */
static int latch_take_flow(struct latch *l, const struct latch_flow *f)
{
	struct latch *old;
	int err;

	lockdep_assert_held(&l->lock);
	err = latch_hash_flow(l, f);
	if (err != -EEXIST)
		return err;
	old = latch_find(l->ln, f);
	if (old && old != l && READ_ONCE(old->embryo)) {
		spin_lock_nested(&old->lock, SINGLE_DEPTH_NESTING);
		latch_retire(old);
		spin_unlock(&old->lock);
		err = latch_hash_flow(l, f);
	}
	return err;
}

/*
 * A latch whose lock is held meets the first packet of its flow. Nobody finds it
 * by flow yet; it is entered only to be latched, or where it must hold packets
 * back.
 */
static struct latch_verdict latch_first(struct latch *l, struct latch_pkt *p,
					const struct latch_flow *f, struct sock *sk)
{
	struct latch_verdict v;
	int err;

	lockdep_assert_held(&l->lock);
	v = latch_verdict(l->state, l->mode, latch_diff(l, p));
	if (v.act != LATCH_BIRTH)
		return v;
	err = latch_take_flow(l, f);
	if (!err && sk && !l->sk)
		err = latch_owner_attach(l, sk);
	if (err) {
		v.act = LATCH_DROP;
		v.reason = latch_err_reason(err);
		return v;
	}
	if (sk) {
		l->txhash = READ_ONCE(sk->sk_txhash);
		l->sockpol_in = !!rcu_access_pointer(sk->sk_policy[XFRM_POLICY_IN]);
		l->sockpol_out = !!rcu_access_pointer(sk->sk_policy[XFRM_POLICY_OUT]);
	}
	v = latch_born(l, p);
	if (v.act == LATCH_PASS)
		latch_note(l, p);
	return v;
}

static unsigned int latch_fate(struct latch_net *ln, struct latch *l, struct sk_buff *skb,
			       u8 dir, struct latch_verdict v)
{
	return v.act == LATCH_PASS ? NF_ACCEPT : latch_drop(ln, l, skb, dir, v.reason);
}

/* A new latch made without a request, numbered, or ERR_PTR. */
static struct latch *latch_auto(struct latch_net *ln, const struct sock *sk)
{
	struct latch *l = latch_alloc(ln, sk, GFP_ATOMIC);
	int err;

	if (!l)
		return ERR_PTR(-ENOMEM);
	l->automatic = 1;
	err = latch_list(l);
	if (err) {
		latch_unlink(l);
		return ERR_PTR(err);
	}
	return l;
}

/* Does a latch of this socket have to be made, or only when nothing forbids it? */
static bool latch_off(const struct latch_net *ln, const struct latch *l)
{
	return !READ_ONCE(ln->auto_mode) && l->mode == LATCH_MODE_AUTO && !l->demand;
}

static bool latch_exempt(const struct latch *l)
{
	return l->mode == LATCH_MODE_OFF || l->mode == LATCH_MODE_BYPASS;
}

/*
 * The latch that a connected socket's first packet is judged by: the one with
 * the socket's request, a fresh one after an earlier connection, or a new one.
 * NULL: none, the packet passes.
 */
static struct latch *latch_of_sock(struct latch_net *ln, struct sock *sk, bool protected)
{
	struct latch *l = latch_find_sk(sk);

	if (!l)
		return protected && READ_ONCE(ln->auto_mode) ? latch_auto(ln, sk) : NULL;
	latch_owner_stale(l, sk);
	if (latch_exempt(l) || latch_off(ln, l) || READ_ONCE(l->listener))
		return NULL;
	if (READ_ONCE(l->state) != LATCH_STATE_CLOSED)
		return l;
	/* an administrator's close outlasts everything but a new connection */
	if (READ_ONCE(l->hashed))
		return l;
	if (!protected && l->mode != LATCH_MODE_REQUIRE)
		return NULL;
	return latch_renew(l, GFP_ATOMIC);
}

/* Judges the first packet of a connected socket's flow, either way. */
static unsigned int latch_birth_sock(struct latch_net *ln, struct sock *sk,
				     struct sk_buff *skb, const struct latch_flow *f,
				     struct latch_pkt *p)
{
	struct latch_verdict v;
	struct latch *l;

	l = latch_of_sock(ln, sk, p->tag.n);
	if (!l)
		return NF_ACCEPT;
	if (IS_ERR(l))
		return latch_drop(ln, NULL, skb, p->dir, latch_err_reason(PTR_ERR(l)));

	spin_lock_bh(&l->lock);
	v = latch_first(l, p, f, sk);
	/* nothing that comes in may cost the application an error (6.5-1) */
	if (v.act != LATCH_PASS && p->dir == LATCH_DIR_OUT)
		latch_refuse(l, v.reason);
	spin_unlock_bh(&l->lock);
	/* a new one that found no place */
	if (!READ_ONCE(l->sk))
		latch_unlink(l);
	return latch_fate(ln, l, skb, p->dir, v);
}

/*
 * A packet of a socket that it cannot latch, such as a datagram to elsewhere: it
 * passes, but not where the socket demands a channel (2-8, 2-9).
 */
static unsigned int latch_birth_stray(struct latch_net *ln, const struct sock *sk,
				      struct sk_buff *skb, u8 dir)
{
	struct latch *l = latch_find_sk(sk);

	if (!l || READ_ONCE(l->mode) != LATCH_MODE_REQUIRE)
		return NF_ACCEPT;
	return latch_drop(ln, l, skb, dir, LATCH_REASON_LARVAL);
}

/* Inbound packets of VTI carry no sec_path, so such a flow cannot be latched. */
static bool latch_over_vti(const struct sock *sk)
{
	const struct dst_entry *dst = rcu_dereference(sk->sk_dst_cache);
	const struct rtnl_link_ops *ops = dst ? dst->dev->rtnl_link_ops : NULL;

	return ops && (!strcmp(ops->kind, "vti") || !strcmp(ops->kind, "vti6"));
}

/* Clear datagrams that wait to be read would be read as if latched (2-11). */
static bool latch_unread(const struct sock *sk)
{
	return !skb_queue_empty_lockless(&sk->sk_receive_queue) ||
	       !skb_queue_empty_lockless(&udp_sk(sk)->reader_queue);
}

/**
 * latch_birth_out() - an outbound packet of no latch
 * @ln:    the namespace
 * @skb:   the packet, in POST_ROUTING, not transformed yet
 * @f:     its 5-tuple
 * @thoff: its transport header
 *
 * Context: RCU read side. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_birth_out(struct latch_net *ln, struct sk_buff *skb,
			     const struct latch_flow *f, int thoff)
{
	bool protected = dst_xfrm(skb_dst(skb));
	bool wanting = atomic_read(&ln->n_wanting);
	struct sock *sk = skb->sk;
	struct latch_pkt p = {};
	struct latch_flow own;
	bool syn;

	if ((!protected && !wanting) || !sk || !sk_fullsock(sk) ||
	    sk->sk_protocol != f->proto || !net_eq(sock_net(sk), ln->net))
		return NF_ACCEPT;
	syn = f->proto == IPPROTO_TCP && sk->sk_state == TCP_SYN_SENT;
	if (f->proto == IPPROTO_TCP && !syn && !wanting)
		return NF_ACCEPT;
	if (f->proto == IPPROTO_UDP && sk->sk_state != TCP_ESTABLISHED && !wanting)
		return NF_ACCEPT;
	if (!latch_view_out(ln, skb, &p))
		return latch_drop(ln, NULL, skb, LATCH_DIR_OUT, LATCH_REASON_HEADER);
	/* a datagram to elsewhere, or of a socket that is not connected */
	if (!latch_sk_flow(sk, &own) || !latch_flow_equal(&own, f))
		return latch_birth_stray(ln, sk, skb, LATCH_DIR_OUT);
	if (f->proto == IPPROTO_TCP && !syn)
		return latch_birth_stray(ln, sk, skb, LATCH_DIR_OUT);
	if (protected && (latch_over_vti(sk) ||
			  (f->proto == IPPROTO_UDP && latch_unread(sk))))
		return latch_birth_stray(ln, sk, skb, LATCH_DIR_OUT);
	return latch_birth_sock(ln, sk, skb, f, &p);
}

/* The device that TCP takes a packet to have come in by, and its L3 slave. */
static int latch_iif(const struct sk_buff *skb, const struct latch_flow *f)
{
	return f->family == AF_INET ? inet_iif(skb) : inet6_iif(skb);
}

static int latch_sdif(const struct sk_buff *skb, const struct latch_flow *f)
{
	return f->family == AF_INET ? inet_sdif(skb) : inet6_sdif(skb);
}

/* The listener that TCP will find for this segment; not held. */
static struct sock *latch_listener(struct latch_net *ln, struct sk_buff *skb,
				   const struct latch_flow *f, int thoff)
{
	struct inet_hashinfo *hashinfo = ln->net->ipv4.tcp_death_row.hashinfo;
	int off = thoff - skb_network_offset(skb), doff;
	struct sock *sk = NULL;
	struct tcphdr *th;

	if (!pskb_may_pull(skb, thoff + sizeof(*th)))
		return NULL;
	th = (struct tcphdr *)(skb->data + thoff);
	doff = __tcp_hdrlen(th);
	/* a program that picks from a reuseport group expects the segment here */
	__skb_pull(skb, off);
	if (f->family == AF_INET)
		sk = __inet_lookup_listener(ln->net, hashinfo, skb, doff,
					    ip_hdr(skb)->saddr, th->source,
					    ip_hdr(skb)->daddr, ntohs(th->dest),
					    latch_iif(skb, f), latch_sdif(skb, f));
#if IS_ENABLED(CONFIG_IPV6)
	else
		sk = inet6_lookup_listener(ln->net, hashinfo, skb, doff,
					   &ipv6_hdr(skb)->saddr, th->source,
					   &ipv6_hdr(skb)->daddr, ntohs(th->dest),
					   latch_iif(skb, f), latch_sdif(skb, f));
#endif
	__skb_push(skb, off);
	return sk;
}

/* An embryo with what the listener asked for, or ERR_PTR. */
static struct latch *latch_conceive(struct latch_net *ln, struct latch *parent,
				    const struct sock *sk, const struct sk_buff *skb,
				    const struct latch_flow *f)
{
	struct latch *l = latch_auto(ln, sk);

	if (IS_ERR(l))
		return l;
	l->dif = latch_iif(skb, f);
	l->sdif = latch_sdif(skb, f);
	l->automatic = parent->automatic;
	l->mode = parent->mode;
	l->disposition = parent->disposition;
	if (parent->demand && refcount_inc_not_zero(&parent->demand->ref))
		l->demand = parent->demand;
	return l;
}

/* A segment for a listener, with no latch of its 5-tuple (2.3-2, 2.3-15). */
static unsigned int latch_birth_tcp_in(struct latch_net *ln, struct sk_buff *skb,
				       const struct latch_flow *f, struct sock *sk,
				       struct latch_pkt *p)
{
	struct latch_verdict v;
	struct latch *parent, *l;

	parent = latch_find_sk(sk);
	if (!parent && p->tag.n && READ_ONCE(ln->auto_mode))
		parent = latch_owner_listener(sk);
	if (!parent) {
		if (!p->tag.n || !READ_ONCE(ln->auto_mode))
			return NF_ACCEPT;
		return latch_drop(ln, NULL, skb, LATCH_DIR_IN, LATCH_REASON_NO_MEM);
	}
	if (latch_exempt(parent) || latch_off(ln, parent) ||
	    (!p->tag.n && parent->mode != LATCH_MODE_REQUIRE))
		return NF_ACCEPT;
	if (!p->tag.n)
		return latch_drop(ln, parent, skb, LATCH_DIR_IN, LATCH_REASON_LARVAL);

	l = latch_conceive(ln, parent, sk, skb, f);
	if (IS_ERR(l))
		return latch_drop(ln, parent, skb, LATCH_DIR_IN, latch_err_reason(PTR_ERR(l)));
	spin_lock(&l->lock);
	v = latch_first(l, p, f, NULL);
	if (l->hashed)
		latch_embryo_add(l);
	else
		latch_mib_event(ln, LATCH_MIB_REFUSED);
	spin_unlock(&l->lock);
	if (!READ_ONCE(l->hashed)) {
		latch_unlink(l);
		l = parent;
	}
	return latch_fate(ln, l, skb, LATCH_DIR_IN, v);
}

/* The connected UDP socket of a datagram, held, or NULL. */
static struct sock *latch_udp_sk(struct latch_net *ln, struct sk_buff *skb,
				 const struct latch_flow *f)
{
	__be16 sport = (__force __be16)f->rport, dport = (__force __be16)f->lport;
	struct sock *sk = NULL;

	if (f->family == AF_INET)
		sk = udp4_lib_lookup(ln->net, ip_hdr(skb)->saddr, sport,
				     ip_hdr(skb)->daddr, dport, inet_iif(skb));
#if IS_ENABLED(CONFIG_IPV6)
	else
		sk = udp6_lib_lookup(ln->net, &ipv6_hdr(skb)->saddr, sport,
				     &ipv6_hdr(skb)->daddr, dport, inet6_iif(skb));
#endif
	return sk;
}

static unsigned int latch_birth_udp_in(struct latch_net *ln, struct sk_buff *skb,
				       const struct latch_flow *f, struct latch_pkt *p)
{
	struct sock *sk = latch_udp_sk(ln, skb, f);
	struct latch_flow own;
	unsigned int ret;

	if (!sk)
		return NF_ACCEPT;
	if (!latch_sk_flow(sk, &own) || !latch_flow_equal(&own, f) || latch_unread(sk))
		ret = latch_birth_stray(ln, sk, skb, LATCH_DIR_IN);
	else
		ret = latch_birth_sock(ln, sk, skb, f, p);
	sock_put(sk);
	return ret;
}

/*
 * A segment in the middle of an unlatched flow. It passes, but not to a listener
 * that demands a channel: an ACK may open a connection too (SYN cookies).
 */
static unsigned int latch_birth_segment(struct latch_net *ln, struct sk_buff *skb,
					const struct latch_flow *f, int thoff)
{
	unsigned int ret = NF_ACCEPT;
	struct sock *sk;

	if (!atomic_read(&ln->n_wanting))
		return NF_ACCEPT;
	sk = latch_tcp_find(ln, f, latch_iif(skb, f), latch_sdif(skb, f));
	if (sk) {
		if (sk_fullsock(sk))
			ret = latch_birth_stray(ln, sk, skb, LATCH_DIR_IN);
		sock_gen_put(sk);
		return ret;
	}
	sk = latch_listener(ln, skb, f, thoff);
	return sk ? latch_birth_stray(ln, sk, skb, LATCH_DIR_IN) : NF_ACCEPT;
}

/**
 * latch_resets() - does a segment end its connection at once?
 * @skb:   the packet
 * @thoff: its TCP header
 *
 * Context: any. Return: true for RST.
 */
bool latch_resets(const struct sk_buff *skb, int thoff)
{
	struct tcphdr buf;
	const struct tcphdr *th = skb_header_pointer(skb, thoff, sizeof(buf), &buf);

	return th && th->rst;
}

/**
 * latch_opens() - is a segment one that only a listener can answer?
 * @skb:   the packet
 * @thoff: its TCP header
 *
 * Context: any. Return: true for SYN without ACK.
 */
bool latch_opens(const struct sk_buff *skb, int thoff)
{
	struct tcphdr buf;
	const struct tcphdr *th = skb_header_pointer(skb, thoff, sizeof(buf), &buf);

	return th && th->syn && !th->ack;
}

/**
 * latch_birth_in() - an inbound packet of no latch
 * @ln:    the namespace
 * @skb:   the packet, in LOCAL_IN
 * @f:     its 5-tuple
 * @thoff: its transport header
 *
 * Context: RCU read side, BH off. Return: NF_ACCEPT or NF_STOLEN.
 */
unsigned int latch_birth_in(struct latch_net *ln, struct sk_buff *skb,
			    const struct latch_flow *f, int thoff)
{
	const struct sec_path *sp = skb_sec_path(skb);
	bool protected = sp && sp->len;
	struct latch_pkt p = {};
	struct sock *sk;

	if (!protected && !atomic_read(&ln->n_wanting))
		return NF_ACCEPT;
	if (f->proto == IPPROTO_TCP && !latch_opens(skb, thoff))
		return latch_birth_segment(ln, skb, f, thoff);
	if (!latch_view_in(ln, skb, &p))
		return latch_drop(ln, NULL, skb, LATCH_DIR_IN, LATCH_REASON_HEADER);
	if (f->proto == IPPROTO_UDP)
		return latch_birth_udp_in(ln, skb, f, &p);
	sk = latch_listener(ln, skb, f, thoff);
	return sk ? latch_birth_tcp_in(ln, skb, f, sk, &p) : NF_ACCEPT;
}
