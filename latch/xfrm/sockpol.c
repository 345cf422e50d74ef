// SPDX-License-Identifier: GPL-2.0
/*
 * Policies of a socket's own that the module makes: the RFC's logical SPD entries (RFC 5660
 * 2.3-14, 3.1-2, 3.1-3).
 *
 * The kernel has no call for a module that gives a socket a policy, but xfrm_user_policy() asks
 * each key manager to make one of what an application gave. This module is a key manager, and
 * answers for an option number that no application can bring there.
 *
 * A policy is the kernel's from then on: it refers to nothing of the module, goes with its socket,
 * and ip(8) lists it. One that protects has a flag of ours and the number of its latch as
 * priority, neither of which the kernel reads in a policy of a socket; so it is known again,
 * whatever an application has put in its place.
 */
#include <uapi/linux/latch.h>

#include "core/flow.h"
#include "core/types.h"
#include "xfrm/sockpol.h"

/* Beside XFRM_POLICY_LOCALOK and the like, from the other end */
#define LATCH_SOCKPOL_MADE	0x80

static void latch_sockpol_tmpl(struct xfrm_tmpl *t, const struct latch_tmpl *from)
{
	t->id.proto = from->proto;
	t->id.daddr = from->daddr;
	t->saddr = from->saddr;
	t->encap_family = from->family;
	t->reqid = from->reqid;
	t->mode = from->mode;
	t->optional = from->optional;
	/* the packet path compares algorithms, by the rule that holds then (net.latch.qop) */
	t->allalgs = 1;
	t->aalgos = ~0;
	t->ealgos = ~0;
	t->calgos = ~0;
}

/**
 * latch_sockpol_compile() - make the policy that latch_sockpol_set() asks for
 * @sk:   the socket
 * @opt:  option number; only ours is answered
 * @data: struct latch_sockpol
 * @len:  its length
 * @dir:  becomes the direction, or a negative errno: -ENOBUFS without memory
 *
 * Call-back of XFRM. Context: RCU read side; the socket is locked. Return: the policy, which is
 * the caller's, or NULL. What a key manager before this one said stays in @dir where the option
 * is another one's.
 */
struct xfrm_policy *latch_sockpol_compile(struct sock *sk, int opt, u8 *data, int len, int *dir)
{
	const struct latch_sockpol *p = (const void *)data;
	struct xfrm_policy *xp;
	int i;

	BUILD_BUG_ON(LATCH_SOCKPOL_TMPLS >= XFRM_MAX_DEPTH);
	if (opt != IP_LATCH || len != sizeof(*p))
		return NULL;
	xp = xfrm_policy_alloc(sock_net(sk), GFP_ATOMIC | __GFP_NOWARN);
	if (!xp) {
		*dir = -ENOBUFS;
		return NULL;
	}
	xp->type = XFRM_POLICY_TYPE_MAIN;
	xp->action = XFRM_POLICY_ALLOW;
	xp->family = p->sel.family;
	xp->selector = p->sel;
	xp->mark = p->mark;
	xp->lft.soft_byte_limit = XFRM_INF;
	xp->lft.hard_byte_limit = XFRM_INF;
	xp->lft.soft_packet_limit = XFRM_INF;
	xp->lft.hard_packet_limit = XFRM_INF;
	*dir = p->dir;
	if (!p->n)
		return xp;
	xp->flags = LATCH_SOCKPOL_MADE;
	xp->priority = p->owner;
	xp->xfrm_nr = p->n;
	for (i = 0; i < p->n; i++)
		latch_sockpol_tmpl(&xp->xfrm_vec[i], &p->tmpl[i]);
	return xp;
}

/**
 * latch_sockpol_selector() - the exact 5-tuple, as it is in the headers of a direction's packets
 * @f:   the flow
 * @dir: LATCH_DIR_*
 * @sel: to fill, zero before
 *
 * Context: any.
 */
void latch_sockpol_selector(const struct latch_flow *f, u8 dir, struct xfrm_selector *sel)
{
	const union latch_addr *src = dir == LATCH_DIR_IN ? &f->remote : &f->local;
	const union latch_addr *dst = dir == LATCH_DIR_IN ? &f->local : &f->remote;
	u16 sport = dir == LATCH_DIR_IN ? f->rport : f->lport;
	u16 dport = dir == LATCH_DIR_IN ? f->lport : f->rport;

	memcpy(&sel->saddr, src, sizeof(sel->saddr));
	memcpy(&sel->daddr, dst, sizeof(sel->daddr));
	sel->sport = (__force __be16)sport;
	sel->dport = (__force __be16)dport;
	sel->sport_mask = htons(0xffff);
	sel->dport_mask = htons(0xffff);
	sel->family = f->family;
	sel->prefixlen_s = f->family == AF_INET ? 32 : 128;
	sel->prefixlen_d = sel->prefixlen_s;
	sel->proto = f->proto;
}

/**
 * latch_sockpol_set() - give a socket a policy in one direction
 * @sk: the socket, locked by the caller and not about to be destroyed
 * @p:  the policy; it replaces one that is there
 *
 * Context: process. Return: 0, -ENOBUFS, -ENOMEM; -EOPNOTSUPP for an application of 32 bits on
 * a kernel that translates their policies.
 */
int latch_sockpol_set(struct sock *sk, const struct latch_sockpol *p)
{
	return xfrm_user_policy(sk, IP_LATCH, KERNEL_SOCKPTR((void *)p), sizeof(*p));
}

/**
 * latch_sockpol_clear() - take all policies of its own from a socket
 * @sk: the socket, locked by the caller
 *
 * Context: any but hard interrupts.
 */
void latch_sockpol_clear(struct sock *sk)
{
	xfrm_user_policy(sk, IP_LATCH, KERNEL_SOCKPTR(NULL), 0);
}

static bool latch_sockpol_is(const struct xfrm_policy *xp, u32 owner)
{
	return xp && xp->flags & LATCH_SOCKPOL_MADE && (!owner || xp->priority == owner);
}

/**
 * latch_sockpol_strip() - take from a socket the policies that were made for latches
 * @sk:    the socket, locked by the caller so that nobody destroys it
 * @owner: number of the latch whose policy may stay, 0 none
 *
 * Those that an application has set stay, in either direction.
 *
 * Context: any but hard interrupts. Return: true where there was one.
 */
bool latch_sockpol_strip(struct sock *sk, u32 owner)
{
	struct xfrm_policy *xp;
	bool any = false;
	int dir;

	for (dir = XFRM_POLICY_IN; dir <= XFRM_POLICY_OUT; dir++) {
		xp = rcu_dereference_protected(sk->sk_policy[dir], true);
		if (!latch_sockpol_is(xp, 0) || (owner && latch_sockpol_is(xp, owner)))
			continue;
		rcu_assign_pointer(sk->sk_policy[dir], NULL);
		xfrm_policy_delete(xp, XFRM_POLICY_MAX + dir);
		any = true;
	}
	if (any)
		sk_dst_reset(sk);
	return any;
}

/**
 * latch_sockpol_made() - has a socket a policy that was made for a latch?
 * @sk:    the socket
 * @owner: number of the latch, 0 any
 *
 * Context: any. Return: true where it has, in both directions.
 */
bool latch_sockpol_made(const struct sock *sk, u32 owner)
{
	bool made;

	rcu_read_lock();
	made = latch_sockpol_is(rcu_dereference(sk->sk_policy[XFRM_POLICY_IN]), owner) &&
	       latch_sockpol_is(rcu_dereference(sk->sk_policy[XFRM_POLICY_OUT]), owner);
	rcu_read_unlock();
	return made;
}

/**
 * latch_sockpol_others() - has an application given a socket a policy?
 * @sk:  the socket
 * @dir: XFRM_POLICY_IN or XFRM_POLICY_OUT
 *
 * Context: any. Return: true where there is one that the module has not made for a latch.
 */
bool latch_sockpol_others(const struct sock *sk, int dir)
{
	const struct xfrm_policy *xp;
	bool others;

	rcu_read_lock();
	xp = rcu_dereference(sk->sk_policy[dir]);
	others = xp && !latch_sockpol_is(xp, 0);
	rcu_read_unlock();
	return others;
}
