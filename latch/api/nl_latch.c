// SPDX-License-Identifier: GPL-2.0
/*
 * Latches in the generic netlink family: list, close, tell of changes
 * (RFC 5660 2.2-5, 2.2-9, 2.3-9, 2.3-10).
 */
#include <net/genetlink.h>

#include "api/genl.h"
#include "api/info.h"
#include "api/nl.h"
#include "api/nl_latch.h"
#include "base/net.h"
#include "base/work.h"
#include "channel/group.h"
#include "channel/id.h"
#include "channel/latch.h"
#include "channel/reeval.h"
#include "core/tag.h"
#include "core/types.h"
#include "peer/peer.h"
#include "sock/alert.h"

/*
 * An attribute, written in line: a list of latches is dozens of them for each, and
 * the calls of nla_put() are most of what that costs. @len is constant.
 */
static __always_inline int latch_attr(struct sk_buff *skb, u16 type, const void *data, u16 len)
{
	struct nlattr *a;

	if (unlikely(skb_tailroom(skb) < nla_total_size(len)))
		return -EMSGSIZE;
	a = __skb_put(skb, nla_total_size(len));
	a->nla_type = type;
	a->nla_len = nla_attr_size(len);
	if (nla_padlen(len))
		memset(nla_data(a) + len, 0, nla_padlen(len));
	memcpy(nla_data(a), data, len);
	return 0;
}

static __always_inline int latch_put_u8(struct sk_buff *skb, u16 type, u8 value)
{
	return latch_attr(skb, type, &value, sizeof(value));
}

static __always_inline int latch_put_u16(struct sk_buff *skb, u16 type, u16 value)
{
	return latch_attr(skb, type, &value, sizeof(value));
}

static __always_inline int latch_put_u32(struct sk_buff *skb, u16 type, u32 value)
{
	return latch_attr(skb, type, &value, sizeof(value));
}

static __always_inline int latch_put_u64(struct sk_buff *skb, u16 type, u64 value)
{
	if (nla_need_padding_for_64bit(skb))
		return nla_put_u64_64bit(skb, type, value, LATCH_A_CONN_PAD);
	return latch_attr(skb, type, &value, sizeof(value));
}

static int latch_put_addr(struct sk_buff *skb, u16 type, bool ip4, const void *addr)
{
	return ip4 ? latch_attr(skb, type, addr, 4) : latch_attr(skb, type, addr, 16);
}

static int latch_fill_transform(struct sk_buff *skb, const struct latch_transform *x)
{
	struct nlattr *nest = nla_nest_start(skb, LATCH_A_CONN_TRANSFORMS);

	if (!nest ||
	    latch_put_u8(skb, LATCH_A_TRANSFORM_PROTO, x->proto) ||
	    latch_put_u8(skb, LATCH_A_TRANSFORM_MODE, x->mode) ||
	    latch_put_u16(skb, LATCH_A_TRANSFORM_ENCR, x->encr) ||
	    latch_put_u16(skb, LATCH_A_TRANSFORM_ENCR_BITS, x->encr_bits) ||
	    latch_put_u16(skb, LATCH_A_TRANSFORM_INTEG, x->integ) ||
	    latch_put_u16(skb, LATCH_A_TRANSFORM_INTEG_BITS, x->integ_bits) ||
	    latch_put_u16(skb, LATCH_A_TRANSFORM_ICV_BITS, x->icv_bits) ||
	    latch_put_u32(skb, LATCH_A_TRANSFORM_REPLAY_WINDOW, x->replay_window))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int latch_fill_state(struct sk_buff *skb, const struct latch_info *i)
{
	if (latch_put_u64(skb, LATCH_A_CONN_ID, i->id) ||
	    latch_put_u8(skb, LATCH_A_CONN_STATE, i->state) ||
	    latch_put_u8(skb, LATCH_A_CONN_REASON, i->reason) ||
	    latch_put_u8(skb, LATCH_A_CONN_DISPOSITION, i->disposition) ||
	    latch_put_u8(skb, LATCH_A_CONN_MODE, i->mode) ||
	    latch_put_u32(skb, LATCH_A_CONN_FLAGS, i->flags) ||
	    latch_put_u32(skb, LATCH_A_CONN_CONFLICTS, i->conflicts) ||
	    latch_put_u64(skb, LATCH_A_CONN_IN_DROPS, i->in_drops) ||
	    latch_put_u64(skb, LATCH_A_CONN_OUT_DROPS, i->out_drops) ||
	    latch_put_u32(skb, LATCH_A_CONN_BREAKS, i->breaks) ||
	    (i->own_none && latch_put_u8(skb, LATCH_A_CONN_OWN_NONE, i->own_none)))
		return -EMSGSIZE;
	return 0;
}

static int latch_fill_flow(struct sk_buff *skb, const struct latch_info *i)
{
	bool ip4 = i->family == AF_INET;

	if (!i->family)
		return 0;
	if (latch_put_u16(skb, LATCH_A_CONN_FAMILY, i->family) ||
	    latch_put_u8(skb, LATCH_A_CONN_PROTO, i->proto) ||
	    latch_put_addr(skb, LATCH_A_CONN_LOCAL_ADDR, ip4, i->local_addr) ||
	    latch_put_addr(skb, LATCH_A_CONN_REMOTE_ADDR, ip4, i->remote_addr) ||
	    latch_put_u16(skb, LATCH_A_CONN_LOCAL_PORT, (__force u16)i->local_port) ||
	    latch_put_u16(skb, LATCH_A_CONN_REMOTE_PORT, (__force u16)i->remote_port))
		return -EMSGSIZE;
	return 0;
}

static int latch_fill_outer(struct sk_buff *skb, const struct latch_info *i)
{
	bool ip4 = i->outer_family == AF_INET;
	int n;

	if (!i->n_transforms)
		return 0;
	if (latch_put_u16(skb, LATCH_A_CONN_OUTER_FAMILY, i->outer_family) ||
	    latch_put_addr(skb, LATCH_A_CONN_OUTER_LOCAL_ADDR, ip4, i->outer_local_addr) ||
	    latch_put_addr(skb, LATCH_A_CONN_OUTER_REMOTE_ADDR, ip4,
			   i->outer_remote_addr) ||
	    latch_put_u32(skb, LATCH_A_CONN_PEER, i->peer) ||
	    latch_put_u32(skb, LATCH_A_CONN_LOCAL, i->local))
		return -EMSGSIZE;
	if (i->natt_local_port &&
	    (latch_put_u16(skb, LATCH_A_CONN_NATT_LOCAL_PORT, (__force u16)i->natt_local_port) ||
	     latch_put_u16(skb, LATCH_A_CONN_NATT_REMOTE_PORT, (__force u16)i->natt_remote_port)))
		return -EMSGSIZE;
	if (memchr_inv(i->natt_remote_addr, 0, sizeof(i->natt_remote_addr)) &&
	    latch_put_addr(skb, LATCH_A_CONN_NATT_REMOTE_ADDR, ip4, i->natt_remote_addr))
		return -EMSGSIZE;
	for (n = 0; n < i->n_transforms; n++)
		if (latch_fill_transform(skb, &i->transforms[n]))
			return -EMSGSIZE;
	return 0;
}

static int latch_fill_peer_id(struct sk_buff *skb, const struct latch_peer *p)
{
	const void *id;
	u16 len;

	if (!p)
		return 0;
	id = latch_peer_data(p, LATCH_PEER_ID, &len);
	if (nla_put_u8(skb, LATCH_A_CONN_PEER_ID_TYPE, p->id_type) ||
	    (len && nla_put(skb, LATCH_A_CONN_PEER_ID_VALUE, len, id)))
		return -EMSGSIZE;
	return 0;
}

/* For a reader in the user namespace @users. Context: @l->lock held. */
static int latch_fill_conn(struct sk_buff *skb, const struct latch *l,
			   struct user_namespace *users)
{
	struct latch_info info = {};
	int err;

	latch_fill_info(l, &info);
	err = latch_fill_state(skb, &info);
	err = err ?: latch_fill_flow(skb, &info);
	err = err ?: latch_fill_outer(skb, &info);
	err = err ?: latch_fill_peer_id(skb, l->group ? l->group->c.peer : NULL);
	if (!err && l->sk)
		err = latch_put_u32(skb, LATCH_A_CONN_UID,
				    from_kuid_munged(users, l->sk->sk_uid));
	return err;
}

/* The socket's number as ss(8) shows it: its own locks, so none of ours is held. */
static int latch_fill_inode(struct sk_buff *skb, struct latch *l)
{
	unsigned long ino = 0;
	struct sock *sk;

	spin_lock_bh(&l->lock);
	sk = l->sk;
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	spin_unlock_bh(&l->lock);
	if (sk) {
		ino = sock_i_ino(sk);
		sock_put(sk);
	}
	return ino ? latch_put_u64(skb, LATCH_A_CONN_INODE, ino) : 0;
}

/* The answer to @request. */
static int latch_fill_whole(struct sk_buff *skb, struct latch *l, const struct sk_buff *request)
{
	int err;

	spin_lock_bh(&l->lock);
	err = latch_fill_conn(skb, l, sk_user_ns(NETLINK_CB(request).sk));
	spin_unlock_bh(&l->lock);
	return err ?: latch_fill_inode(skb, l);
}

#define LATCH_CONN_SIZE	(1024 + LATCH_MAX_ID)

static noinline void latch_notify_all(struct latch *l, u8 old)
{
	struct net *net = l->ln->net;
	struct sk_buff *skb;
	void *hdr;

	skb = genlmsg_new(LATCH_CONN_SIZE, GFP_ATOMIC | __GFP_NOWARN);
	hdr = skb ? genlmsg_put(skb, 0, 0, &latch_family, 0, LATCH_CMD_CONN_NTF) : NULL;
	if (!hdr || latch_fill_conn(skb, l, net->user_ns) ||
	    nla_put_u8(skb, LATCH_A_CONN_OLD_STATE, old)) {
		nlmsg_free(skb);
		genl_set_err(&latch_family, net, 0, LATCH_NLGRP_EVENTS, -ENOBUFS);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&latch_family, net, skb, 0, LATCH_NLGRP_EVENTS, GFP_ATOMIC);
}

/**
 * latch_notify() - ALERT to whoever listens to the group "events", and to the owner (2.3-10)
 * @l:   the latch after the change, whose lock is held
 * @old: LATCH_STATE_* before
 *
 * A message that finds no memory is lost as netlink's are: the listener is told
 * by ENOBUFS and lists anew.
 *
 * Context: any.
 */
void latch_notify(struct latch *l, u8 old)
{
	lockdep_assert_held(&l->lock);
	if (READ_ONCE(l->alerts))
		latch_alert(l, old);
	if (genl_has_listeners(&latch_family, l->ln->net, LATCH_NLGRP_EVENTS))
		latch_notify_all(l, old);
}

/**
 * latch_nl_conn() - the latch that a request names
 * @ln:   the namespace
 * @info: the request's attributes
 *
 * Context: genl_lock held. Return: the latch, held; ERR_PTR(-EINVAL) no number was given;
 * ERR_PTR(-ENOENT) no such latch.
 */
struct latch *latch_nl_conn(struct latch_net *ln, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[LATCH_A_CONN_ID];
	struct latch *l;
	u64 id;

	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_CONN_ID)) {
		NL_SET_ERR_MSG(info->extack, "id missing");
		return ERR_PTR(-EINVAL);
	}
	id = nla_get_u64(attr);
	rcu_read_lock();
	l = latch_id_find(ln, id);
	if (l && !latch_hold(l))
		l = NULL;
	rcu_read_unlock();
	if (l)
		return l;
	NL_SET_ERR_MSG_ATTR(info->extack, attr, "no such latch");
	return ERR_PTR(-ENOENT);
}

/**
 * latch_nl_conn_get_doit() - conn-get of one latch (2.3-9)
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0; -EINVAL no id; -ENOENT; -ENOMEM.
 */
int latch_nl_conn_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct sk_buff *rep;
	struct latch *l;
	void *hdr;
	int err = -ENOMEM;

	l = latch_nl_conn(ln, info);
	if (IS_ERR(l))
		return PTR_ERR(l);
	rep = latch_nl_reply(info, LATCH_CMD_CONN_GET, LATCH_CONN_SIZE, &hdr);
	if (rep)
		err = latch_nl_send(rep, hdr, latch_fill_whole(rep, l, skb), info);
	latch_put(l);
	return err;
}

/**
 * latch_nl_conn_get_dumpit() - conn-get of all latches
 * @skb: what to fill
 * @cb:  the dump; it goes on after the last one that had room
 *
 * Context: process. Return: bytes filled, 0 at the end.
 */
int latch_nl_conn_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct latch_net *ln = latch_nl_net(skb);
	u64 last = cb->args[0];
	struct latch *l;
	void *hdr;

	rcu_read_lock();
	for (; (l = latch_id_next(ln, &last)); cb->args[0] = last) {
		hdr = latch_nl_dump_put(skb, cb, LATCH_CMD_CONN_GET);
		if (!hdr)
			break;
		if (latch_fill_whole(skb, l, cb->skb)) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
	}
	rcu_read_unlock();
	return skb->len;
}
