// SPDX-License-Identifier: GPL-2.0
/*
 * The socket option IP_LATCH_DEST: a latch for one destination of a UDP socket (RFC 5660 2.4-3,
 * 5.3-1).
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/sockptr.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "api/destopt.h"
#include "api/info.h"
#include "api/request.h"
#include "api/sockopt.h"
#include "base/net.h"
#include "channel/demand.h"
#include "channel/dest.h"
#include "channel/latch.h"
#include "channel/table.h"
#include "core/flow.h"
#include "core/fsm.h"
#include "core/types.h"
#include "packet/datagram.h"
#include "packet/watch.h"
#include "sock/udp.h"
#include "sock/unlink.h"

static int latch_dest_addr4(const struct sock *sk, const struct in_addr *addr,
			    struct latch_flow *f)
{
	if (sk->sk_family == AF_INET6 && ipv6_only_sock(sk))
		return -EAFNOSUPPORT;
	if (ipv4_is_multicast(addr->s_addr) || ipv4_is_lbcast(addr->s_addr) || !addr->s_addr)
		return -EINVAL;
	f->family = AF_INET;
	memcpy(&f->remote, addr, sizeof(*addr));
	return 0;
}

static int latch_dest_addr6(const struct sock *sk, const struct in6_addr *addr,
			    struct latch_flow *f)
{
	if (sk->sk_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (ipv6_addr_v4mapped(addr))
		return latch_dest_addr4(sk, (const struct in_addr *)&addr->s6_addr32[3], f);
	if (ipv6_addr_is_multicast(addr) || ipv6_addr_any(addr))
		return -EINVAL;
	f->family = AF_INET6;
	memcpy(&f->remote, addr, sizeof(*addr));
	return 0;
}

/*
 * The flow to a destination, as far as it is known. A group has not one peer, so it is none; nor
 * is the unspecified address, which sendto() takes for this host. A link-local address is one
 * destination, whatever its scope.
 */
static int latch_dest_addr(const struct sock *sk, const struct sockaddr_storage *addr, size_t len,
			   struct latch_flow *f)
{
	const struct sockaddr_in6 *in6 = (const void *)addr;
	const struct sockaddr_in *in = (const void *)addr;

	memset(f, 0, sizeof(*f));
	f->proto = IPPROTO_UDP;
	f->lport = (__force u16)inet_sk(sk)->inet_sport;
	if (len < sizeof(*in) || (addr->ss_family == AF_INET6 && len < sizeof(*in6)))
		return -EINVAL;
	if (addr->ss_family != AF_INET && addr->ss_family != AF_INET6)
		return -EAFNOSUPPORT;
	/* in the same place in both */
	f->rport = (__force u16)in->sin_port;
	if (!f->rport)
		return -EINVAL;
	return addr->ss_family == AF_INET ? latch_dest_addr4(sk, &in->sin_addr, f) :
					    latch_dest_addr6(sk, &in6->sin6_addr, f);
}

/* The latch of a destination, held, or NULL. */
static struct latch *latch_dest_of(struct sock *sk, const struct latch_flow *f)
{
	struct latch *l, *d;

	rcu_read_lock();
	l = latch_find_sk(sk);
	d = l ? latch_dest_find(l, f) : NULL;
	if (d && !latch_hold(d))
		d = NULL;
	rcu_read_unlock();
	return d;
}

/* What nobody else sees yet is made to wait for its first SA, and packets find it from then on. */
static int latch_dest_born(struct latch *parent, struct latch *l, struct sock *sk,
			   const struct latch_req *req)
{
	int err;

	spin_lock_bh(&parent->lock);
	spin_lock_nested(&l->lock, SINGLE_DEPTH_NESTING);
	l->mode = LATCH_MODE_REQUIRE;
	l->disposition = req->disposition;
	l->alerts = parent->alerts & LATCH_ALERTS_ON;
	/* a policy of a socket's own is for the whole socket */
	l->own_off = 1;
	latch_transition(l, LATCH_EV_REQUIRE, LATCH_REASON_NONE);
	err = latch_dest_add(parent, l, sk);
	spin_unlock(&l->lock);
	spin_unlock_bh(&parent->lock);
	return err;
}

static int latch_dest_make(struct latch *parent, struct sock *sk, const struct latch_flow *f,
			   const struct latch_req *req, struct latch_demand *demand)
{
	struct latch *l = latch_alloc(parent->ln, sk, GFP_KERNEL);
	int err;

	if (!l)
		return -ENOMEM;
	l->flow = *f;
	if (demand)
		refcount_inc(&demand->ref);
	l->demand = demand;
	err = latch_list(l);
	if (!err)
		err = latch_dest_born(parent, l, sk, req);
	if (err)
		latch_unlink(l);
	return err;
}

/* Can a socket have destinations, and has it none of these datagrams to read? */
static bool latch_dest_may(struct sock *sk, const struct latch_flow *f)
{
	struct latch *l;
	bool may;

	rcu_read_lock();
	l = latch_find_sk(sk);
	may = !l || (!latch_exempt(l) && !latch_dest_find(l, f));
	rcu_read_unlock();
	return may && latch_datagrams_free(sk) && !latch_udp_unread_from(sk, f);
}

/* After the last one of a socket, packets look for none any more. */
static void latch_dest_last(struct latch *parent, struct sock *sk)
{
	if (latch_dests_end(parent))
		latch_datagrams_off(sk, LATCH_UDP_DESTS);
}

/* The latch of a destination goes. The socket is locked. */
static int latch_dest_end(struct sock *sk, const struct latch_flow *f)
{
	struct latch *d = latch_dest_of(sk, f);
	struct latch *parent;

	if (!d)
		return -ENOENT;
	spin_lock_bh(&d->lock);
	latch_transition(d, LATCH_EV_RELEASE, LATCH_REASON_RELEASED);
	spin_unlock_bh(&d->lock);
	latch_unlink(d);
	latch_put(d);
	rcu_read_lock();
	parent = latch_find_sk(sk);
	if (parent)
		latch_dest_last(parent, sk);
	rcu_read_unlock();
	return 0;
}

/*
 * A destination gets a latch. What it has sent before must be read before, as it would pass for
 * what the latch let pass (2-9); some of it may still be on its way to the socket, which is locked.
 */
static int latch_dest_begin(struct latch_net *ln, struct sock *sk, const struct latch_flow *f,
			    const struct latch_req *req, struct latch_demand *demand)
{
	struct latch *parent;
	int err = -EBUSY;

	if (!latch_dest_may(sk, f))
		return -EBUSY;
	parent = latch_for_request(ln, sk);
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	if (latch_datagrams_on(sk, LATCH_UDP_DESTS))
		err = latch_dest_make(parent, sk, f, req, demand);
	latch_dest_last(parent, sk);
	latch_put(parent);
	if (err || !inet_sk(sk)->inet_num)
		return err;
	synchronize_net();
	if (!latch_udp_unread_from(sk, f))
		return 0;
	latch_dest_end(sk, f);
	return -EBUSY;
}

/* Without @demand's mode REQUIRE the latch goes. */
static int latch_dest_turn(struct latch_net *ln, struct sock *sk, const struct latch_flow *f,
			   const struct latch_req *req, struct latch_demand *demand)
{
	int err;

	lock_sock(sk);
	err = req->mode == LATCH_MODE_REQUIRE ? latch_dest_begin(ln, sk, f, req, demand) :
						latch_dest_end(sk, f);
	release_sock(sk);
	return err == -ENOBUFS ? -ENOSPC : err;
}

static bool latch_dest_req_ok(const struct latch_req *req)
{
	if (!latch_req_ok(req) || req->mask & LATCH_REQ_OWN_POLICY)
		return false;
	return req->mode == LATCH_MODE_REQUIRE ||
	       (req->mode == LATCH_MODE_AUTO && req->mask == LATCH_REQ_MODE);
}

static int latch_dest_copy(const struct sock *sk, sockptr_t arg, unsigned int len,
			   struct latch_flow *f, struct latch_req *req)
{
	struct sockaddr_storage addr;
	int err;

	BUILD_BUG_ON(sizeof(struct latch_dest) != LATCH_DEST_SIZE_VER0);
	if (len < LATCH_DEST_SIZE_VER0)
		return -EINVAL;
	err = latch_req_copy(req, arg, offsetof(struct latch_dest, req),
			     len - offsetof(struct latch_dest, req));
	if (err)
		return err;
	if (copy_from_sockptr(&addr, arg, sizeof(addr)))
		return -EFAULT;
	if (!latch_dest_req_ok(req))
		return -EINVAL;
	return latch_dest_addr(sk, &addr, sizeof(addr), f);
}

/**
 * latch_dest_set() - setsockopt(IP_LATCH_DEST)
 * @ln:  the namespace
 * @sk:  the socket, TCP or UDP, not locked
 * @arg: struct latch_dest
 * @len: its size
 *
 * Waits for a grace period where the socket is bound.
 *
 * Context: process. Return: 0; -EOPNOTSUPP no UDP socket; -EINVAL; -E2BIG; -EFAULT; -EAFNOSUPPORT
 * an address that the socket cannot send to; -EBUSY the destination has a latch or unread data, or
 * the socket is a tunnel's or asked for OFF or BYPASS; -ENOENT no such destination, or no such
 * record; -ENOSPC at LATCH_DESTS_MAX or net.latch.max_latches; -ENOMEM.
 */
int latch_dest_set(struct latch_net *ln, struct sock *sk, sockptr_t arg, unsigned int len)
{
	struct latch_demand *demand;
	struct latch_flow f;
	struct latch_req req;
	int err;

	if (sk->sk_protocol != IPPROTO_UDP)
		return -EOPNOTSUPP;
	err = latch_dest_copy(sk, arg, len, &f, &req);
	if (err)
		return err;
	demand = latch_demand_new(ln, &req);
	if (IS_ERR(demand))
		return PTR_ERR(demand);
	/* whatever the socket does once it has a latch must be heard of */
	atomic_inc(&ln->gauge.socks);
	err = latch_watch_update(ln);
	if (!err)
		err = latch_dest_turn(ln, sk, &f, &req, demand);
	latch_demand_put(demand);
	atomic_dec(&ln->gauge.socks);
	latch_watch_update(ln);
	if (err || req.mode == LATCH_MODE_AUTO || latch_net_active(ln))
		return err;
	/* without hooks nothing looks at what is sent */
	req.mode = LATCH_MODE_AUTO;
	latch_dest_turn(ln, sk, &f, &req, NULL);
	return -ENOMEM;
}

/**
 * latch_dest_get() - getsockopt(IP_LATCH_DEST)
 * @sk:   the socket
 * @user: struct sockaddr_in or sockaddr_in6 in, struct latch_info out
 * @len:  how much room there is, not negative; set to the length of the answer
 *
 * Context: process. Return: 0; -EOPNOTSUPP no UDP socket; -EINVAL too short, or no destination's
 * address; -EAFNOSUPPORT as latch_dest_set(); -EFAULT; -ENOENT it has no latch.
 */
int latch_dest_get(struct sock *sk, void __user *user, int *len)
{
	struct sockaddr_storage addr = {};
	struct latch_info info = {};
	struct latch_flow f;
	struct latch *d;
	int err;

	if (sk->sk_protocol != IPPROTO_UDP)
		return -EOPNOTSUPP;
	if (copy_from_user(&addr, user, min_t(size_t, *len, sizeof(addr))))
		return -EFAULT;
	err = latch_dest_addr(sk, &addr, *len, &f);
	if (err)
		return err;
	d = latch_dest_of(sk, &f);
	if (!d)
		return -ENOENT;
	spin_lock_bh(&d->lock);
	latch_fill_info(d, &info);
	spin_unlock_bh(&d->lock);
	latch_put(d);
	info.size = sizeof(info);
	*len = min_t(int, *len, sizeof(info));
	return copy_to_user(user, &info, *len) ? -EFAULT : 0;
}
