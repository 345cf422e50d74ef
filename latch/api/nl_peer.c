// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about peers.
 */
#include <net/genetlink.h>

#include "api/genl.h"
#include "api/nl.h"
#include "api/nl_peer.h"
#include "base/net.h"
#include "peer/peer.h"

static int latch_fill_peer(struct sk_buff *skb, const struct latch_peer *p)
{
	static const u8 attr[LATCH_PEER_PARTS] = {
		LATCH_A_PEER_ID_VALUE, LATCH_A_PEER_CERT, LATCH_A_PEER_ANCHOR, LATCH_A_PEER_KEY,
	};
	const void *data;
	int i;
	u16 n;

	if (nla_put_u32(skb, LATCH_A_PEER_ID, p->id) ||
	    nla_put_u8(skb, LATCH_A_PEER_ID_TYPE, p->id_type) ||
	    nla_put_u8(skb, LATCH_A_PEER_AUTH, p->auth) ||
	    nla_put(skb, LATCH_A_PEER_DIGEST, sizeof(p->digest), p->digest) ||
	    nla_put_u32(skb, LATCH_A_PEER_REFS, p->binds) ||
	    (p->with_bindings && nla_put_flag(skb, LATCH_A_PEER_WITH_BINDINGS)))
		return -EMSGSIZE;
	for (i = 0; i < LATCH_PEER_PARTS; i++) {
		data = latch_peer_data(p, i, &n);
		if (n && nla_put(skb, attr[i], n, data))
			return -EMSGSIZE;
	}
	return 0;
}

static size_t latch_peer_size(const struct latch_peer *p)
{
	size_t size = 256;
	int i;

	for (i = 0; i < LATCH_PEER_PARTS; i++)
		size += nla_total_size(p->len[i]);
	return size;
}

static int latch_nl_reply_peer(struct genl_info *info, const struct latch_peer *p, u8 cmd)
{
	struct sk_buff *skb;
	void *hdr;

	skb = latch_nl_reply(info, cmd, latch_peer_size(p), &hdr);
	if (!skb)
		return -ENOMEM;
	return latch_nl_send(skb, hdr, latch_fill_peer(skb, p), info);
}

static void latch_notify_peer(struct latch_net *ln, const struct latch_peer *p)
{
	struct sk_buff *skb;
	void *hdr;

	if (!genl_has_listeners(&latch_family, ln->net, LATCH_NLGRP_EVENTS))
		return;
	skb = genlmsg_new(latch_peer_size(p), GFP_KERNEL);
	hdr = skb ? genlmsg_put(skb, 0, 0, &latch_family, 0, LATCH_CMD_PEER_NTF) : NULL;
	if (!hdr || latch_fill_peer(skb, p)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&latch_family, ln->net, skb, 0, LATCH_NLGRP_EVENTS, GFP_KERNEL);
}

static bool latch_nl_type_ok(u8 type)
{
	switch (type) {
	case LATCH_ID_IPV4:
	case LATCH_ID_FQDN:
	case LATCH_ID_EMAIL:
	case LATCH_ID_IPV6:
	case LATCH_ID_DN:
	case LATCH_ID_GN:
	case LATCH_ID_KEYID:
	case LATCH_ID_NULL:
		return true;
	}
	return false;
}

static bool latch_nl_len_ok(u8 type, u16 len)
{
	switch (type) {
	case LATCH_ID_IPV4:
		return len == 4;
	case LATCH_ID_IPV6:
		return len == 16;
	case LATCH_ID_NULL:
		return !len;
	}
	return len;
}

static int latch_nl_parts(struct genl_info *info, struct latch_peer *p,
			  const void *data[LATCH_PEER_PARTS])
{
	static const u8 attr[LATCH_PEER_PARTS] = {
		LATCH_A_PEER_ID_VALUE, LATCH_A_PEER_CERT, LATCH_A_PEER_ANCHOR, LATCH_A_PEER_KEY,
	};
	int i, n;

	for (i = 0; i < LATCH_PEER_PARTS; i++) {
		if (!info->attrs[attr[i]])
			continue;
		n = nla_len(info->attrs[attr[i]]);
		if (n > (i == LATCH_PEER_ID ? LATCH_MAX_ID : LATCH_MAX_BLOB))
			return latch_nl_bad(info, attr[i], -EINVAL, "value too long");
		p->len[i] = n;
		data[i] = nla_data(info->attrs[attr[i]]);
	}
	return 0;
}

/**
 * latch_nl_peer_new_doit() - peer-new (2.6-1)
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0 with the record as the answer; -EINVAL no
 * type, or a value that is too long or not of it; -ENOSPC at max_peers; -ENOMEM.
 */
int latch_nl_peer_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	const void *data[LATCH_PEER_PARTS] = {};
	struct latch_peer *p, in = {};
	u32 before = ln->gauge.peers;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_PEER_ID_TYPE))
		return latch_nl_missing(info, "id-type");
	in.id_type = nla_get_u8(info->attrs[LATCH_A_PEER_ID_TYPE]);
	if (info->attrs[LATCH_A_PEER_AUTH])
		in.auth = nla_get_u8(info->attrs[LATCH_A_PEER_AUTH]);
	in.with_bindings = nla_get_flag(info->attrs[LATCH_A_PEER_WITH_BINDINGS]);
	err = latch_nl_parts(info, &in, data);
	if (err)
		return err;
	if (!latch_nl_type_ok(in.id_type))
		return latch_nl_bad(info, LATCH_A_PEER_ID_TYPE, -EINVAL, "unknown type");
	if (in.id_type != LATCH_ID_NULL && GENL_REQ_ATTR_CHECK(info, LATCH_A_PEER_ID_VALUE))
		return latch_nl_missing(info, "id-value");
	if (!latch_nl_len_ok(in.id_type, in.len[LATCH_PEER_ID]))
		return latch_nl_bad(info, LATCH_A_PEER_ID_VALUE, -EINVAL,
				    "not an identity of this type");
	p = latch_peer_new(ln, &in, data);
	if (IS_ERR(p)) {
		if (PTR_ERR(p) == -ENOSPC)
			NL_SET_ERR_MSG(info->extack, "net.latch.max_peers is reached");
		return PTR_ERR(p);
	}
	if (ln->gauge.peers != before)
		latch_notify_peer(ln, p);
	return latch_nl_reply_peer(info, p, LATCH_CMD_PEER_NEW);
}

/**
 * latch_nl_peer() - the record that an attribute names
 * @ln:   the namespace
 * @info: the request
 * @attr: LATCH_A_*
 *
 * Context: process, genl_lock held. Return: the record; ERR_PTR(-ENOENT), and the extack
 * names the attribute.
 */
struct latch_peer *latch_nl_peer(struct latch_net *ln, struct genl_info *info, int attr)
{
	struct latch_peer *p = latch_peer_find(ln, nla_get_u32(info->attrs[attr]));

	if (p)
		return p;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr], "no such peer record");
	return ERR_PTR(-ENOENT);
}

/**
 * latch_nl_peer_del_doit() - peer-del
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0; -EINVAL no id; -ENOENT; -EBUSY while a binding
 * names the record.
 */
int latch_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch_peer *p;

	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_PEER_ID))
		return latch_nl_missing(info, "id");
	p = latch_nl_peer(ln, info, LATCH_A_PEER_ID);
	if (IS_ERR(p))
		return PTR_ERR(p);
	if (p->binds)
		return latch_nl_bad(info, LATCH_A_PEER_ID, -EBUSY,
				    "a binding names this record");
	return latch_peer_del(ln, p->id);
}

/**
 * latch_nl_peer_get_doit() - peer-get of one record
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0 with the record as the answer; -EINVAL no
 * id; -ENOENT; -ENOMEM.
 */
int latch_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch_peer *p;

	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_PEER_ID))
		return latch_nl_missing(info, "id");
	p = latch_nl_peer(ln, info, LATCH_A_PEER_ID);
	if (IS_ERR(p))
		return PTR_ERR(p);
	return latch_nl_reply_peer(info, p, LATCH_CMD_PEER_GET);
}

/**
 * latch_nl_peer_get_start() - a dump of records begins
 * @cb: the dump; it gets messages in which each of the records has room
 *
 * Context: process. Return: 0.
 */
int latch_nl_peer_get_start(struct netlink_callback *cb)
{
	struct latch_net *ln = latch_nl_net(cb->skb);
	struct latch_peer *p;
	unsigned long id = 0;
	size_t most = 0;

	rcu_read_lock();
	for (; (p = latch_peer_from(ln, &id)); id++)
		most = max(most, latch_peer_size(p));
	rcu_read_unlock();
	cb->min_dump_alloc = NLMSG_HDRLEN + GENL_HDRLEN + most;
	return 0;
}

/**
 * latch_nl_peer_get_dumpit() - peer-get of all records
 * @skb: what to fill
 * @cb:  the dump; it goes on from the number after the last one that had room
 *
 * Context: process.
 * Return: bytes filled, 0 at the end; -EMSGSIZE for a record that came since the dump began and
 * is larger than any that was there.
 */
int latch_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct latch_net *ln = latch_nl_net(skb);
	unsigned long id = cb->args[0];
	struct latch_peer *p;
	void *hdr;

	rcu_read_lock();
	for (; (p = latch_peer_from(ln, &id)); id++) {
		hdr = latch_nl_dump_put(skb, cb, LATCH_CMD_PEER_GET);
		if (!hdr)
			break;
		if (latch_fill_peer(skb, p)) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
	}
	cb->args[0] = id;
	rcu_read_unlock();
	return p && !skb->len ? -EMSGSIZE : skb->len;
}
