// SPDX-License-Identifier: GPL-2.0
/*
 * What an administrator, or a key manager, does to latches by generic netlink: close, flush,
 * release, take a policy away, give a peer up (RFC 5660 2.2-5, 2.3-20, 2-23, 6.2-1).
 */
#include <net/genetlink.h>

#include "api/genl.h"
#include "api/nl.h"
#include "api/nl_act.h"
#include "api/nl_latch.h"
#include "base/net.h"
#include "base/work.h"
#include "channel/group.h"
#include "channel/id.h"
#include "channel/latch.h"
#include "channel/reeval.h"
#include "core/conflict.h"
#include "core/types.h"
#include "peer/peer.h"
#include "sock/ownpol.h"
#include "sock/tell.h"
#include "sock/unlink.h"

/**
 * latch_nl_conn_close_doit() - conn-close (2.2-5, 2.3-20)
 * @skb:  the request
 * @info: its attributes
 *
 * The socket is told soon, see latch_tell_close().
 *
 * Context: genl_lock held. Return: 0 when no packet passes any more; -EINVAL no id; -ENOENT.
 */
int latch_nl_conn_close_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch *l = latch_nl_conn(ln, info);

	if (IS_ERR(l))
		return PTR_ERR(l);
	latch_tell_close(l, false);
	latch_put(l);
	return 0;
}

static bool latch_of_peer(const struct latch *l, const struct latch_peer *p)
{
	const struct latch_group *g = READ_ONCE(l->group);

	return g && g->c.params.tag.id.kind == LATCH_IDENT_NAMED &&
	       !memcmp(g->c.params.tag.id.peer, p->ident, sizeof(p->ident));
}

/**
 * latch_nl_conn_flush_doit() - conn-flush, of all or of one peer
 * @skb:  the request
 * @info: its attributes
 *
 * The sockets are told soon, see latch_tell_close().
 *
 * Context: genl_lock held. Return: 0 when no packet of them passes any more; -ENOENT no such
 * record.
 */
int latch_nl_conn_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct nlattr *attr = info->attrs[LATCH_A_CONN_PEER];
	struct latch_peer *p = NULL;
	struct latch *l;

	if (attr) {
		p = latch_peer_find(ln, nla_get_u32(attr));
		if (!p) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr, "no such peer record");
			return -ENOENT;
		}
	}
	rcu_read_lock();
	latch_for_each(ln, l) {
		/* a listener belongs to no peer, and its socket goes on without */
		if ((p && !latch_of_peer(l, p)) || l->listener || !latch_hold(l))
			continue;
		rcu_read_unlock();
		latch_tell_close(l, true);
		latch_put(l);
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
	return 0;
}

/* Lets all go that may; says why others may not, as latch_release() does: rather -EBUSY. */
static int latch_release_all(struct latch_net *ln)
{
	struct latch *l;
	int one, err = 0;

	rcu_read_lock();
	latch_for_each(ln, l) {
		/* a listener holds nothing, and would have another one at its next SYN */
		if (READ_ONCE(l->listener) || !latch_hold(l))
			continue;
		rcu_read_unlock();
		one = latch_release(l);
		if (one && err != -EBUSY)
			err = one;
		latch_put(l);
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
	return err;
}

/**
 * latch_nl_conn_release_doit() - conn-release, of one latch or of all
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0; -ENOENT no such latch; -EBUSY where one is broken, closed or
 * with tags, and stays, or is of a socket in use, and stays until it is not.
 */
int latch_nl_conn_release_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch *l;
	int err;

	if (info->attrs[LATCH_A_CONN_ID]) {
		l = latch_nl_conn(ln, info);
		if (IS_ERR(l))
			return PTR_ERR(l);
		err = latch_release(l);
		latch_put(l);
	} else {
		err = latch_release_all(ln);
	}
	if (err == -EAGAIN)
		NL_SET_ERR_MSG(info->extack, "in use, with a policy of its own: release it again");
	else if (err)
		NL_SET_ERR_MSG(info->extack, "broken, closed, with tags or destinations: close it");
	return err ? -EBUSY : 0;
}

static int latch_own_policy_off_all(struct latch_net *ln)
{
	struct latch *l;

	rcu_read_lock();
	latch_for_each(ln, l) {
		if (READ_ONCE(l->listener) || !latch_hold(l))
			continue;
		rcu_read_unlock();
		latch_ownpol_off(l);
		latch_put(l);
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
	return 0;
}

/**
 * latch_nl_conn_own_policy_off_doit() - conn-own-policy-off, of one latch or of all (6.2-1)
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0, also where a socket in use loses it soon; -ENOENT.
 */
int latch_nl_conn_own_policy_off_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch *l;

	if (!info->attrs[LATCH_A_CONN_ID])
		return latch_own_policy_off_all(ln);
	l = latch_nl_conn(ln, info);
	if (IS_ERR(l))
		return PTR_ERR(l);
	latch_ownpol_off(l);
	latch_put(l);
	return 0;
}

/**
 * latch_dead_peer() - the key manager has given a peer up (2-23)
 * @ln: the namespace
 * @p:  the peer's record
 *
 * Its latches break for good.
 *
 * Context: process.
 */
void latch_dead_peer(struct latch_net *ln, const struct latch_peer *p)
{
	struct latch *l;

	rcu_read_lock();
	latch_for_each(ln, l) {
		spin_lock_bh(&l->lock);
		if (latch_of_peer(l, p))
			latch_settle(l, l->conflicts | LATCH_R(DPD));
		spin_unlock_bh(&l->lock);
	}
	rcu_read_unlock();
	latch_work_sync(ln);
}
