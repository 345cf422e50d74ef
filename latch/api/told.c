// SPDX-License-Identifier: GPL-2.0
/*
 * INQUIRE_LATCH by getsockopt() (RFC 5660 2-12 to 2-15, 2.3-9): what the latch of a socket tells.
 */
#include <linux/uaccess.h>
#include <net/sock.h>

#include "api/chanbind.h"
#include "api/info.h"
#include "api/told.h"
#include "base/net.h"
#include "channel/group.h"
#include "channel/latch.h"
#include "peer/peer.h"
#include "sock/owner.h"
#include "sock/sctp.h"

/* A UDP socket that was disconnected has no latch, whatever it had before. */
static bool latch_left(const struct sock *sk, const struct latch *l)
{
	return sk->sk_protocol == IPPROTO_UDP && l->state == LATCH_STATE_CLOSED && !l->hashed;
}

static void latch_info_of(const struct sock *sk, struct latch *l, struct latch_info *info)
{
	memset(info, 0, sizeof(*info));
	BUILD_BUG_ON(sizeof(*info) != LATCH_INFO_SIZE_VER1);
	if (l) {
		spin_lock_bh(&l->lock);
		if (latch_left(sk, l))
			info->mode = l->mode;
		else
			latch_fill_info(l, info);
		spin_unlock_bh(&l->lock);
	}
	info->size = sizeof(*info);
}

static int latch_info_copy(const struct latch_info *info, void __user *user, int *len)
{
	*len = min_t(int, *len, sizeof(*info));
	return copy_to_user(user, info, *len) ? -EFAULT : 0;
}

/* The record at the other end, or at this one; held, or NULL. */
static struct latch_peer *latch_get_record(struct sock *sk, bool local, bool *latched)
{
	struct latch_peer *p = NULL;
	struct latch_group *g;
	struct latch *l;

	rcu_read_lock();
	l = latch_owner_get(sk);
	g = l ? READ_ONCE(l->group) : NULL;
	*latched = g && !l->listener && !latch_left(sk, l);
	if (*latched)
		p = latch_peer_hold(local ? g->c.local : g->c.peer);
	rcu_read_unlock();
	return p;
}

/*
 * A length of 0 asks for the size: the caller of this writes the length back only
 * where it succeeds, so ENOSPC cannot tell it.
 */
static int latch_get_part(struct sock *sk, int opt, void __user *user, int *len)
{
	static const u8 part[] = {
		[IP_LATCH_PEER_ID - IP_LATCH]	  = LATCH_PEER_ID,
		[IP_LATCH_PEER_CERT - IP_LATCH]	  = LATCH_PEER_CERT,
		[IP_LATCH_PEER_ANCHOR - IP_LATCH] = LATCH_PEER_ANCHOR,
		[IP_LATCH_PEER_KEY - IP_LATCH]	  = LATCH_PEER_KEY,
		[IP_LATCH_LOCAL_ID - IP_LATCH]	  = LATCH_PEER_ID,
	};
	struct latch_peer *p;
	const void *data;
	bool latched;
	int err = 0;
	u16 n = 0;

	p = latch_get_record(sk, opt == IP_LATCH_LOCAL_ID, &latched);
	if (!latched)
		return -ENOTCONN;
	if (!p)
		return -ENODATA;
	data = latch_peer_data(p, part[opt - IP_LATCH], &n);
	if (!n)
		err = -ENODATA;
	else if (*len && *len < n)
		err = -ENOSPC;
	else if (*len && copy_to_user(user, data, n))
		err = -EFAULT;
	else
		*len = n;
	latch_peer_put(p);
	return err;
}

/*
 * The records of both ends of a flow that data passes on; held, or NULL. The ends of
 * a broken one may not be who they were, and nobody is to be told that they are.
 */
static int latch_get_ends(struct sock *sk, struct latch_peer **peer, struct latch_peer **local)
{
	int err = -ENOTCONN;
	struct latch *l;

	rcu_read_lock();
	l = latch_owner_get(sk);
	if (l) {
		spin_lock_bh(&l->lock);
		if (l->state == LATCH_STATE_ESTABLISHED) {
			*peer = latch_peer_hold(l->group->c.peer);
			*local = latch_peer_hold(l->group->c.local);
			err = *peer && *local ? 0 : -ENODATA;
		} else if (l->state == LATCH_STATE_BROKEN) {
			err = -EKEYREJECTED;
		}
		spin_unlock_bh(&l->lock);
	}
	rcu_read_unlock();
	return err;
}

static int latch_get_binding(struct sock *sk, void __user *user, int *len)
{
	struct latch_peer *peer = NULL, *local = NULL;
	u8 binding[LATCH_BINDING_SIZE];
	int err;

	err = latch_get_ends(sk, &peer, &local);
	if (!err && *len && *len < LATCH_BINDING_SIZE)
		err = -ENOSPC;
	if (!err)
		err = latch_chanbind(peer, local, binding);
	if (!err && *len && copy_to_user(user, binding, sizeof(binding)))
		err = -EFAULT;
	if (!err)
		*len = sizeof(binding);
	latch_peer_put(peer);
	latch_peer_put(local);
	return err;
}

/**
 * latch_told() - what a socket's latch tells (2-12 to 2-15)
 * @sk:   the socket; one of SCTP is locked by the caller
 * @opt:  IP_LATCH, IP_LATCH_PEER_ID to IP_LATCH_LOCAL_ID
 * @user: where to copy it to
 * @len:  how much there is room for; set to what there is
 *
 * Context: process. Return: 0; -ENOTCONN, -ENODATA, -ENOSPC, -EKEYREJECTED, -EINVAL, -EFAULT.
 */
int latch_told(struct sock *sk, int opt, void __user *user, int *len)
{
	struct latch_info info;

	if (opt == IP_LATCH_BINDING)
		return latch_get_binding(sk, user, len);
	if (opt != IP_LATCH)
		return latch_get_part(sk, opt, user, len);
	if (*len < (int)sizeof(info.size))
		return -EINVAL;
	rcu_read_lock();
	latch_info_of(sk, latch_owner_get(sk), &info);
	rcu_read_unlock();
	return latch_info_copy(&info, user, len);
}

/**
 * latch_told_assoc() - what the latch of one association tells (5.4-1)
 * @sk:   SCTP socket, locked by the caller
 * @user: the association's number; struct latch_info is copied to it
 * @len:  how much there is room for; set to what there is
 *
 * Context: process. Return: 0; -ENOENT where the socket has no such association; -EINVAL, -EFAULT.
 */
int latch_told_assoc(struct sock *sk, void __user *user, int *len)
{
	struct latch_info info;
	bool known = false;
	s32 id;

	if (*len < (int)sizeof(id))
		return -EINVAL;
	if (copy_from_user(&id, user, sizeof(id)))
		return -EFAULT;
	rcu_read_lock();
	latch_info_of(sk, id > 0 ? latch_sctp_of_sock(sk, id, &known) : NULL, &info);
	rcu_read_unlock();
	return known ? latch_info_copy(&info, user, len) : -ENOENT;
}
