// SPDX-License-Identifier: GPL-2.0
/*
 * IP_LATCH_ALERTS: a record of each change of a latch in the error queue of its socket, and for a
 * listener one of each connection that it gets (RFC 5660 2.2-9, 2.3-2, 2.3-10, 2.3-15, 5.5-1).
 *
 * A record is made where the change happens, so that it says what was then, and the worker puts
 * it into the error queue: whoever waits for the socket is woken without a lock held.
 */
#include <linux/errqueue.h>
#include <linux/ipv6.h>
#include <net/ip.h>
#include <net/sock.h>

#include "base/mib.h"
#include "base/net.h"
#include "base/work.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "channel/report.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/types.h"
#include "peer/peer.h"
#include "sock/alert.h"

/**
 * latch_alert_ask() - the owner of a latch asks for records of its changes, or does no more
 * @l:  the latch
 * @on: it asks
 *
 * Context: any, @l->lock not held.
 */
void latch_alert_ask(struct latch *l, bool on)
{
	spin_lock_bh(&l->lock);
	WRITE_ONCE(l->alerts, on ? LATCH_ALERTS_ON : 0);
	spin_unlock_bh(&l->lock);
	if (on && !latch_alerts_asked(l->ln))
		WRITE_ONCE(l->ln->alerts.asked, true);
}

/* There was no room for a record: the next one says so. */
static void latch_alert_lost(struct latch *l)
{
	lockdep_assert_held(&l->lock);
	latch_mib_event(l->ln, LATCH_MIB_ALERTS_LOST);
	if (l->alerts)
		WRITE_ONCE(l->alerts, l->alerts | LATCH_ALERTS_LOST);
}

static void latch_alert_ip4(struct sk_buff *skb, const struct latch_alert *a)
{
	struct iphdr *iph = skb_put_zero(skb, sizeof(*iph));

	memcpy(&iph->daddr, a->remote_addr, sizeof(iph->daddr));
	skb->protocol = htons(ETH_P_IP);
	SKB_EXT_ERR(skb)->addr_offset = offsetof(struct iphdr, daddr);
}

static void latch_alert_ip6(struct sk_buff *skb, const struct sock *sk,
			    const struct latch_alert *a)
{
	struct ipv6hdr *ip6h = skb_put_zero(skb, sizeof(*ip6h));

	memcpy(&ip6h->daddr, a->remote_addr, sizeof(ip6h->daddr));
	skb->protocol = htons(ETH_P_IPV6);
	SKB_EXT_ERR(skb)->addr_offset = offsetof(struct ipv6hdr, daddr);
	/* the scope of a link-local address */
	IP6CB(skb)->iif = READ_ONCE(sk->sk_bound_dev_if);
}

/* The remote address, where recvmsg() looks for it: in an IP header in front of the data. */
static void latch_alert_header(struct sk_buff *skb, const struct sock *sk,
			       const struct latch_alert *a)
{
	skb_reset_network_header(skb);
	if ((a->family ?: sk->sk_family) == AF_INET6)
		latch_alert_ip6(skb, sk, a);
	else
		latch_alert_ip4(skb, a);
	SKB_EXT_ERR(skb)->port = a->remote_port;
	__skb_pull(skb, skb->len);
}

static struct sk_buff *latch_alert_skb(const struct sock *sk, const struct latch_alert *a,
				       u8 type, int err)
{
	struct sock_exterr_skb *serr;
	struct sk_buff *skb;

	skb = alloc_skb(sizeof(struct ipv6hdr) + sizeof(*a), GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	serr = SKB_EXT_ERR(skb);
	memset(serr, 0, sizeof(*serr));
	serr->ee.ee_errno = err;
	serr->ee.ee_origin = SO_EE_ORIGIN_LOCAL;
	serr->ee.ee_type = type;
	serr->ee.ee_code = a->state;
	serr->ee.ee_info = a->reason;
	serr->ee.ee_data = lower_32_bits(a->id);
	latch_alert_header(skb, sk, a);
	skb_put_data(skb, a, sizeof(*a));
	return skb;
}

/*
 * A record for the worker; it holds the socket. As many may wait as there may be latches.
 * Returns false where it is lost. The socket's destructor takes the lock of the latch, which the
 * caller may hold: nothing here may let go of the socket.
 */
static bool latch_alert_queue(struct latch_net *ln, struct sock *sk, const struct latch_alert *a,
			      u8 type, int err)
{
	struct sk_buff *skb;

	/* nobody has its descriptor any more */
	if (sock_flag(sk, SOCK_DEAD))
		return true;
	skb = skb_queue_len_lockless(&ln->alerts.queue) < READ_ONCE(ln->conf.max_latches) ?
	      latch_alert_skb(sk, a, type, err) : NULL;
	if (!skb)
		return false;
	if (!refcount_inc_not_zero(&sk->sk_refcnt)) {
		kfree_skb(skb);
		return true;
	}
	skb->sk = sk;
	skb->destructor = sock_efree;
	skb_queue_tail(&ln->alerts.queue, skb);
	latch_work_queue(ln, LATCH_WORK_WAKE);
	return true;
}

static void latch_alert_flow(struct latch_alert *a, const struct latch_flow *f)
{
	a->family = f->family;
	a->proto = f->proto;
	a->local_port = (__force __be16)f->lport;
	a->remote_port = (__force __be16)f->rport;
	memcpy(a->local_addr, &f->local, sizeof(a->local_addr));
	memcpy(a->remote_addr, &f->remote, sizeof(a->remote_addr));
}

static void latch_alert_fill(struct latch_alert *a, const struct latch *l, u8 old)
{
	const struct latch_group *g = l->group;

	lockdep_assert_held(&l->lock);
	BUILD_BUG_ON(sizeof(*a) != LATCH_ALERT_SIZE_VER0);
	memset(a, 0, sizeof(*a));
	a->size = sizeof(*a);
	a->state = l->special & LATCH_TIMEWAIT ? LATCH_STATE_CLOSED : l->state;
	a->old_state = old;
	a->reason = l->reason;
	a->disposition = latch_disposition(l);
	a->id = l->id;
	a->conflicts = l->conflicts;
	if (l->put_off)
		a->flags |= LATCH_F_PENDING;
	if (g && g->c.params.tag.id.kind == LATCH_IDENT_NAMED)
		a->flags |= LATCH_F_PEER_IDENTIFIED;
	if (g && g->c.params.tag.id.kind == LATCH_IDENT_UNKNOWN)
		a->flags |= LATCH_F_PEER_UNKNOWN;
	if (g && g->c.peer)
		a->peer = g->c.peer->id;
	latch_alert_flow(a, &l->flow);
}

/* What the socket gets besides the record. */
static int latch_alert_errno(const struct latch *l)
{
	int err = 0;

	if (l->state == LATCH_STATE_BROKEN && !l->put_off)
		err = -latch_report_errno(l);
	else if (l->state == LATCH_STATE_CLOSED && l->reason == LATCH_REASON_ADMIN &&
		 l->flow.proto == IPPROTO_TCP && !l->listener)
		err = ECONNRESET;
	return err ?: ENOMSG;
}

/**
 * latch_alert() - a record of a change, for the owner of the latch (2.3-10)
 * @l:   the latch after the change, whose lock is held; its owner has asked
 * @old: LATCH_STATE_* before
 *
 * Context: any.
 */
void latch_alert(struct latch *l, u8 old)
{
	struct latch_alert a;

	lockdep_assert_held(&l->lock);
	if (!l->sk)
		return;
	latch_alert_fill(&a, l, old);
	if (!latch_alert_queue(l->ln, l->sk, &a, LATCH_ALERT_OWN, latch_alert_errno(l)))
		latch_alert_lost(l);
}

static void latch_alert_parent(struct latch *parent, struct sock *listener,
			       const struct latch_alert *a)
{
	if (latch_alert_queue(parent->ln, listener, a, LATCH_ALERT_CHILD, ENOMSG))
		return;
	spin_lock_bh(&parent->lock);
	latch_alert_lost(parent);
	spin_unlock_bh(&parent->lock);
}

/**
 * latch_alert_child() - a record of a connection that is latched, for its listener (2.3-2)
 * @parent:   the listener's latch; its owner has asked
 * @listener: the listening socket
 * @child:    the latch of a SYN, ESTABLISHED or BROKEN
 *
 * Context: RCU read side, no latch's lock held.
 */
void latch_alert_child(struct latch *parent, struct sock *listener, struct latch *child)
{
	struct latch_alert a;

	spin_lock_bh(&child->lock);
	latch_alert_fill(&a, child, LATCH_STATE_NONE);
	spin_unlock_bh(&child->lock);
	latch_alert_parent(parent, listener, &a);
}

/**
 * latch_alert_unlatched() - a record of a connection that has no latch, for its listener (2.3-15)
 * @parent:   the listener's latch; its owner has asked
 * @listener: the listening socket
 * @f:        the connection
 *
 * Context: RCU read side, no latch's lock held.
 */
void latch_alert_unlatched(struct latch *parent, struct sock *listener,
			   const struct latch_flow *f)
{
	struct latch_alert a = { .size = sizeof(a) };

	latch_alert_flow(&a, f);
	latch_alert_parent(parent, listener, &a);
}

/* Context: RCU read side; the caller holds the socket. */
static void latch_alert_deliver(struct sock *sk, struct sk_buff *skb)
{
	struct latch_alert *a = (struct latch_alert *)skb->data;
	struct latch *l = latch_find_sk(sk);
	u8 alerts = l ? READ_ONCE(l->alerts) : LATCH_ALERTS_ON;
	bool full;

	/* the owner is gone, or does not ask any more */
	if (!alerts || sock_flag(sk, SOCK_DEAD)) {
		kfree_skb(skb);
		return;
	}
	if (alerts & LATCH_ALERTS_LOST)
		a->flags |= LATCH_F_ALERTS_LOST;
	full = sock_queue_err_skb(sk, skb);
	if (full)
		kfree_skb(skb);
	if (!l || (!full && !(alerts & LATCH_ALERTS_LOST)))
		return;
	spin_lock_bh(&l->lock);
	if (full)
		latch_alert_lost(l);
	else
		WRITE_ONCE(l->alerts, l->alerts & ~LATCH_ALERTS_LOST);
	spin_unlock_bh(&l->lock);
}

/**
 * latch_alert_all() - put the records that wait into the error queues of their sockets
 * @ln: the namespace
 *
 * Context: process, the worker only.
 */
void latch_alert_all(struct latch_net *ln)
{
	struct sk_buff *skb;
	struct sock *sk;

	while ((skb = skb_dequeue(&ln->alerts.queue))) {
		sk = skb->sk;
		/* the record lets go of it when it changes its owner */
		sock_hold(sk);
		rcu_read_lock();
		latch_alert_deliver(sk, skb);
		rcu_read_unlock();
		sock_put(sk);
		cond_resched();
	}
}

/**
 * latch_alert_clear() - nobody is left to be told
 * @ln: the namespace, which ends
 *
 * Context: process.
 */
void latch_alert_clear(struct latch_net *ln)
{
	skb_queue_purge(&ln->alerts.queue);
}
