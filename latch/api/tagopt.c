// SPDX-License-Identifier: GPL-2.0
/*
 * The socket options IP_LATCH_TAG and those that tell what the number of a tag stands for
 * (RFC 5660 2.4-3, 5.3-1).
 */
#include <linux/sockptr.h>
#include <net/sock.h>

#include "api/info.h"
#include "api/sockopt.h"
#include "api/tagopt.h"
#include "base/net.h"
#include "channel/label.h"
#include "channel/latch.h"
#include "channel/table.h"
#include "packet/tagged.h"
#include "packet/watch.h"
#include "peer/peer.h"

/* Does a socket get tags? The socket is locked, or the answer may be old. */
static bool latch_tag_is_on(struct sock *sk)
{
	struct latch *l;
	bool on;

	rcu_read_lock();
	l = latch_find_sk(sk);
	on = l && l->tagging;
	rcu_read_unlock();
	return on;
}

static int latch_tag_turn(struct latch_net *ln, struct sock *sk, bool on)
{
	struct latch *l;
	int err = 0;

	if (on == latch_tag_is_on(sk))
		return 0;
	l = latch_for_request(ln, sk);
	if (IS_ERR(l))
		return PTR_ERR(l) == -ENOBUFS ? -ENOSPC : PTR_ERR(l);
	if (on)
		err = latch_tagged_on(l, sk);
	else
		latch_tagged_off(l, sk);
	latch_put(l);
	return err;
}

static int latch_tag_turn_locked(struct latch_net *ln, struct sock *sk, bool on)
{
	int err;

	lock_sock(sk);
	err = latch_tag_turn(ln, sk, on);
	release_sock(sk);
	return err;
}

/**
 * latch_tag_set() - setsockopt(IP_LATCH_TAG)
 * @ln:  the namespace
 * @sk:  the socket, TCP or UDP, not locked
 * @arg: an int, 0 or 1
 * @len: its size
 *
 * Context: process. Return: 0; -EOPNOTSUPP no UDP socket; -EINVAL; -EFAULT; -EBUSY unread data,
 * or a tunnel's socket; -ENOSPC at net.latch.max_latches; -ENOMEM.
 */
int latch_tag_set(struct latch_net *ln, struct sock *sk, sockptr_t arg, unsigned int len)
{
	int err, on;

	if (sk->sk_protocol != IPPROTO_UDP)
		return -EOPNOTSUPP;
	if (len != sizeof(on))
		return -EINVAL;
	if (copy_from_sockptr(&on, arg, sizeof(on)))
		return -EFAULT;
	if (on != 0 && on != 1)
		return -EINVAL;
	/* whatever the socket does once it has a latch must be heard of */
	atomic_inc(&ln->gauge.socks);
	err = latch_watch_update(ln);
	if (!err)
		err = latch_tag_turn_locked(ln, sk, on);
	atomic_dec(&ln->gauge.socks);
	latch_watch_update(ln);
	if (err || !on || latch_net_active(ln))
		return err;
	/* without hooks nothing keeps fragments apart, or looks at what is sent */
	latch_tag_turn_locked(ln, sk, false);
	return -ENOMEM;
}

static int latch_tag_info(struct latch_net *ln, u32 number, struct latch_info *info)
{
	const struct latch_label *b;
	int err = 0;

	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->id = number;
	if (number == LATCH_TAG_CLEAR)
		return 0;
	if (number == LATCH_TAG_UNKNOWN) {
		info->flags = LATCH_F_PEER_UNKNOWN;
		return 0;
	}
	rcu_read_lock();
	b = latch_label_find(ln, number);
	if (b)
		latch_fill_tag(&b->key.tag, b->key.peer, b->key.local, info);
	else
		err = -ENOENT;
	rcu_read_unlock();
	/* whose it is nobody has said */
	if (!err && !(info->flags & LATCH_F_PEER_IDENTIFIED))
		info->flags |= LATCH_F_PEER_UNKNOWN;
	return err;
}

/* The record of the peer behind a number; held, or ERR_PTR. */
static struct latch_peer *latch_tag_peer(struct latch_net *ln, u32 number)
{
	const struct latch_label *b;
	struct latch_peer *p = ERR_PTR(-ENOENT);

	if (number == LATCH_TAG_CLEAR || number == LATCH_TAG_UNKNOWN)
		return ERR_PTR(-ENODATA);
	rcu_read_lock();
	b = latch_label_find(ln, number);
	if (b)
		p = latch_peer_hold(b->key.peer) ?: ERR_PTR(-ENODATA);
	rcu_read_unlock();
	return p;
}

static int latch_tag_peer_id(struct latch_net *ln, u32 number, void __user *user, int *len)
{
	struct latch_peer *p = latch_tag_peer(ln, number);
	const void *data;
	int err = 0;
	u16 n;

	if (IS_ERR(p))
		return PTR_ERR(p);
	data = latch_peer_data(p, LATCH_PEER_ID, &n);
	if (!n)
		err = -ENODATA;
	else if (*len < n)
		err = -ENOSPC;
	else if (copy_to_user(user, data, n))
		err = -EFAULT;
	else
		*len = n;
	latch_peer_put(p);
	return err;
}

/**
 * latch_tag_get() - getsockopt() of an option about tags
 * @ln:   the namespace
 * @sk:   the socket
 * @opt:  for which latch_tag_option() is true
 * @user: where the answer goes; but for IP_LATCH_TAG it begins with the number asked about
 * @len:  how much room there is, not negative; set to the length of the answer
 *
 * Only a socket that gets tags may ask about numbers.
 *
 * Context: process. Return: 0; -EOPNOTSUPP no UDP socket; -EINVAL too short; -EFAULT; -ENOTCONN
 * the socket gets no tags; -ENOENT no such number, any more or yet; -ENODATA that is not known;
 * -ENOSPC it does not fit.
 */
int latch_tag_get(struct latch_net *ln, struct sock *sk, int opt, void __user *user, int *len)
{
	struct latch_info info;
	int err, on = latch_tag_is_on(sk);
	u32 number;

	if (sk->sk_protocol != IPPROTO_UDP)
		return -EOPNOTSUPP;
	if (*len < (int)sizeof(number))
		return -EINVAL;
	if (opt == IP_LATCH_TAG) {
		*len = sizeof(on);
		return copy_to_user(user, &on, sizeof(on)) ? -EFAULT : 0;
	}
	if (!on)
		return -ENOTCONN;
	if (copy_from_user(&number, user, sizeof(number)))
		return -EFAULT;
	if (opt == IP_LATCH_TAG_PEER_ID)
		return latch_tag_peer_id(ln, number, user, len);
	err = latch_tag_info(ln, number, &info);
	if (err)
		return err;
	*len = min_t(int, *len, sizeof(info));
	return copy_to_user(user, &info, *len) ? -EFAULT : 0;
}
