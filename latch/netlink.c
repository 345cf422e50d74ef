// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family "latch": doit and dumpit of the specification in
 * Documentation/netlink/specs/latch.yaml, from which genl.[ch] are generated.
 * All need CAP_NET_ADMIN in the user namespace of the network namespace.
 */
#include <linux/module.h>
#include <net/genetlink.h>

#include "bind.h"
#include "netlink.h"
#include "peer.h"

/* The table of operations and the groups, generated to be part of this file. */
#include "genl.c"

/**
 * latch_nl_net() - the namespace of a request, up to date
 * @skb: the request, or what a dump fills
 *
 * Context: process. Return: the namespace's part.
 */
struct latch_net *latch_nl_net(const struct sk_buff *skb)
{
	struct latch_net *ln = latch_pernet(sock_net(skb->sk));

	latch_km_sync(ln);
	return ln;
}

/* A refusal names its attribute. */
#define latch_nl_bad(info, attr, err, msg)				\
({									\
	struct genl_info *__info = (info);				\
									\
	NL_SET_ERR_MSG_ATTR(__info->extack, __info->attrs[attr], msg);	\
	(err);								\
})

#define latch_nl_missing(info, msg)					\
({									\
	NL_SET_ERR_MSG((info)->extack, msg " missing");			\
	-EINVAL;							\
})

/**
 * latch_nl_reply() - start an answer
 * @info: the request
 * @cmd:  LATCH_CMD_*
 * @size: bytes of attributes
 * @hdr:  where the header goes, for latch_nl_send()
 *
 * Context: process. Return: the message, NULL without memory.
 */
struct sk_buff *latch_nl_reply(struct genl_info *info, u8 cmd, size_t size, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(size, GFP_KERNEL);

	if (!skb)
		return NULL;
	*hdr = genlmsg_put_reply(skb, info, &latch_family, 0, cmd);
	if (*hdr)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

/**
 * latch_nl_send() - end and send an answer, or drop it
 * @skb:  the answer; gone after this
 * @hdr:  from latch_nl_reply()
 * @err:  negative errno of what filled it
 * @info: the request
 *
 * Context: process. Return: @err, or what sending says.
 */
int latch_nl_send(struct sk_buff *skb, void *hdr, int err, struct genl_info *info)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

/* Peers */

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
	u32 before = ln->n_peers;
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
	if (ln->n_peers != before)
		latch_notify_peer(ln, p);
	return latch_nl_reply_peer(info, p, LATCH_CMD_PEER_NEW);
}

/* The record that an attribute names. */
static struct latch_peer *latch_nl_peer(struct latch_net *ln, struct genl_info *info, int attr)
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
 * latch_nl_dump_put() - start one message of a dump
 * @skb: what the dump fills
 * @cb:  the dump
 * @cmd: LATCH_CMD_*
 *
 * Context: process. Return: its header, NULL without room.
 */
void *latch_nl_dump_put(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &latch_family, NLM_F_MULTI, cmd);
}

/**
 * latch_nl_peer_get_dumpit() - peer-get of all records
 * @skb: what to fill
 * @cb:  the dump; it goes on from the number after the last one that had room
 *
 * Context: process. Return: bytes filled, 0 at the end.
 */
int latch_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct latch_net *ln = latch_nl_net(skb);
	unsigned long id = cb->args[0];
	struct latch_peer *p;
	void *hdr;

	rcu_read_lock();
	xa_for_each_start(&ln->peers, id, p, cb->args[0]) {
		hdr = latch_nl_dump_put(skb, cb, LATCH_CMD_PEER_GET);
		if (!hdr)
			break;
		if (latch_fill_peer(skb, p)) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
		cb->args[0] = id + 1;
	}
	rcu_read_unlock();
	return skb->len;
}

/* Bindings */

static int latch_nl_sa_key(struct genl_info *info, struct latch_sa_key *key)
{
	struct nlattr **a = info->attrs;

	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_BINDING_DST))
		return latch_nl_missing(info, "dst, or reqid,");
	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_BINDING_PROTO))
		return latch_nl_missing(info, "proto");
	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_BINDING_SPI))
		return latch_nl_missing(info, "spi");
	key->family = nla_len(a[LATCH_A_BINDING_DST]) == 4 ? AF_INET : AF_INET6;
	if (nla_len(a[LATCH_A_BINDING_DST]) != 4 && nla_len(a[LATCH_A_BINDING_DST]) != 16)
		return latch_nl_bad(info, LATCH_A_BINDING_DST, -EINVAL, "not 4 or 16 octets");
	if (a[LATCH_A_BINDING_FAMILY] && nla_get_u16(a[LATCH_A_BINDING_FAMILY]) != key->family)
		return latch_nl_bad(info, LATCH_A_BINDING_FAMILY, -EINVAL,
				    "family and dst do not fit");
	memcpy(&key->daddr, nla_data(a[LATCH_A_BINDING_DST]), nla_len(a[LATCH_A_BINDING_DST]));
	key->proto = nla_get_u8(a[LATCH_A_BINDING_PROTO]);
	if (key->proto != IPPROTO_ESP && key->proto != IPPROTO_AH)
		return latch_nl_bad(info, LATCH_A_BINDING_PROTO, -EINVAL, "neither ESP nor AH");
	key->spi = (__force __be32)nla_get_u32(a[LATCH_A_BINDING_SPI]);
	if (!key->spi)
		return latch_nl_bad(info, LATCH_A_BINDING_SPI, -EINVAL, "no SA has SPI 0");
	if (a[LATCH_A_BINDING_MARK])
		key->mark_v = nla_get_u32(a[LATCH_A_BINDING_MARK]);
	key->mark_m = key->mark_v ? U32_MAX : 0;
	if (a[LATCH_A_BINDING_MARK_MASK])
		key->mark_m = nla_get_u32(a[LATCH_A_BINDING_MARK_MASK]);
	return 0;
}

static int latch_nl_bind_key(struct latch_net *ln, struct genl_info *info,
			     struct latch_bind_key *key)
{
	static const u8 sa[] = {
		LATCH_A_BINDING_FAMILY, LATCH_A_BINDING_DST, LATCH_A_BINDING_PROTO,
		LATCH_A_BINDING_SPI, LATCH_A_BINDING_MARK, LATCH_A_BINDING_MARK_MASK,
	};
	int i;

	memset(key, 0, sizeof(*key));
	key->sa.ln = ln;
	if (!info->attrs[LATCH_A_BINDING_REQID])
		return latch_nl_sa_key(info, &key->sa);
	for (i = 0; i < ARRAY_SIZE(sa); i++)
		if (info->attrs[sa[i]])
			return latch_nl_bad(info, sa[i], -EINVAL, "not with reqid");
	key->reqid = nla_get_u32(info->attrs[LATCH_A_BINDING_REQID]);
	if (!key->reqid)
		return latch_nl_bad(info, LATCH_A_BINDING_REQID, -EINVAL,
				    "reqid 0 is that of SAs without one");
	return 0;
}

/**
 * latch_nl_binding_new_doit() - binding-new
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0 when every latch was judged by it; -EINVAL;
 * -ENOENT no such record; -EEXIST the claim is there, or an exclusive one meets
 * one for somebody else; -ENOSPC too many claims of one key; -ENOMEM.
 */
int latch_nl_binding_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch_peer *peer, *local = NULL;
	struct latch_bind_key key;
	u8 flags = 0;
	int err;

	err = latch_nl_bind_key(ln, info, &key);
	if (err)
		return err;
	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_BINDING_PEER))
		return latch_nl_missing(info, "peer");
	peer = latch_nl_peer(ln, info, LATCH_A_BINDING_PEER);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	if (info->attrs[LATCH_A_BINDING_LOCAL] && nla_get_u32(info->attrs[LATCH_A_BINDING_LOCAL]))
		local = latch_nl_peer(ln, info, LATCH_A_BINDING_LOCAL);
	if (IS_ERR(local))
		return PTR_ERR(local);
	if (nla_get_flag(info->attrs[LATCH_A_BINDING_WITH_SA]))
		flags |= LATCH_BIND_WITH_SA;
	if (nla_get_flag(info->attrs[LATCH_A_BINDING_EXCLUSIVE]))
		flags |= LATCH_BIND_EXCL;
	if (nla_get_flag(info->attrs[LATCH_A_BINDING_REPLACE]))
		flags |= LATCH_BIND_REPLACE;
	err = latch_bind_add(ln, &key, peer, local, flags);
	if (err == -EEXIST && flags & LATCH_BIND_EXCL)
		NL_SET_ERR_MSG(info->extack, "claimed for somebody else");
	else if (err == -EEXIST)
		NL_SET_ERR_MSG(info->extack, "this claim is there already");
	if (err == -ENOSPC)
		NL_SET_ERR_MSG(info->extack, "too many claims of one key");
	if (!err)
		latch_km_claimed(ln, &key);
	return err;
}

/**
 * latch_nl_binding_del_doit() - binding-del
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0 when every latch was judged by it; -EINVAL;
 * -ENOENT no such record or claim; -ENOMEM.
 */
int latch_nl_binding_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch_peer *peer = NULL;
	struct latch_bind_key key;
	int err;

	err = latch_nl_bind_key(ln, info, &key);
	if (err)
		return err;
	if (info->attrs[LATCH_A_BINDING_PEER])
		peer = latch_nl_peer(ln, info, LATCH_A_BINDING_PEER);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	err = latch_bind_del(ln, &key, peer);
	if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "no such binding");
	if (!err)
		latch_km_claimed(ln, &key);
	return err;
}

static int latch_fill_bind_key(struct sk_buff *skb, const struct latch_bind_key *key)
{
	const struct latch_sa_key *sa = &key->sa;

	if (key->reqid)
		return nla_put_u32(skb, LATCH_A_BINDING_REQID, key->reqid);
	if (nla_put_u16(skb, LATCH_A_BINDING_FAMILY, sa->family) ||
	    nla_put(skb, LATCH_A_BINDING_DST, sa->family == AF_INET ? 4 : 16, &sa->daddr) ||
	    nla_put_u8(skb, LATCH_A_BINDING_PROTO, sa->proto) ||
	    nla_put_be32(skb, LATCH_A_BINDING_SPI, sa->spi))
		return -EMSGSIZE;
	if (sa->mark_m && (nla_put_u32(skb, LATCH_A_BINDING_MARK, sa->mark_v) ||
			   nla_put_u32(skb, LATCH_A_BINDING_MARK_MASK, sa->mark_m)))
		return -EMSGSIZE;
	return 0;
}

static int latch_fill_claim(struct sk_buff *skb, const struct latch_bind *b,
			    const struct latch_claims *c, u32 i)
{
	if (latch_fill_bind_key(skb, &b->key) ||
	    nla_put_u32(skb, LATCH_A_BINDING_PEER, c->claim[i].peer->id) ||
	    (c->claim[i].local &&
	     nla_put_u32(skb, LATCH_A_BINDING_LOCAL, c->claim[i].local->id)))
		return -EMSGSIZE;
	if (c->id.kind == LATCH_IDENT_AMBIGUOUS &&
	    nla_put_flag(skb, LATCH_A_BINDING_AMBIGUOUS))
		return -EMSGSIZE;
	if (b->with_sa && nla_put_flag(skb, LATCH_A_BINDING_WITH_SA))
		return -EMSGSIZE;
	return 0;
}

/**
 * latch_nl_binding_get_doit() - binding-get of one key, its first claim
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0; -EINVAL; -ENOENT; -ENOMEM.
 */
int latch_nl_binding_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch_bind_key key;
	struct latch_bind *b;
	struct sk_buff *rep;
	void *hdr;
	int err;

	err = latch_nl_bind_key(ln, info, &key);
	if (err)
		return err;
	rep = latch_nl_reply(info, LATCH_CMD_BINDING_GET, 256, &hdr);
	if (!rep)
		return -ENOMEM;
	rcu_read_lock();
	b = latch_bind_find(&key);
	err = b && !READ_ONCE(b->gone) ?
	      latch_fill_claim(rep, b, rcu_dereference(b->claims), 0) : -ENOENT;
	rcu_read_unlock();
	if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "no such binding");
	return latch_nl_send(rep, hdr, err, info);
}

/* All claims of one binding; false where there was no room for one. */
static bool latch_dump_bind(struct sk_buff *skb, struct netlink_callback *cb,
			    const struct latch_bind *b)
{
	const struct latch_claims *c = rcu_dereference(b->claims);
	u32 i, len = skb->len;
	void *hdr;

	for (i = 0; i < c->n; i++) {
		hdr = latch_nl_dump_put(skb, cb, LATCH_CMD_BINDING_GET);
		if (!hdr || latch_fill_claim(skb, b, c, i)) {
			nlmsg_trim(skb, skb_tail_pointer(skb) - (skb->len - len));
			return false;
		}
		genlmsg_end(skb, hdr);
	}
	return true;
}

/**
 * latch_nl_binding_get_dumpit() - binding-get of all bindings
 * @skb: what to fill
 * @cb:  the dump
 *
 * The table is walked anew for each part of the dump, up to where the last one
 * ended; a change in between is told by NLM_F_DUMP_INTR.
 *
 * Context: process. Return: bytes filled, 0 at the end.
 */
int latch_nl_binding_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct rhashtable_iter it;
	struct latch_bind *b;
	long at = 0;

	if (cb->args[0] && cb->args[1] != ln->bind_seq && skb->len)
		nlmsg_hdr(skb)->nlmsg_flags |= NLM_F_DUMP_INTR;
	cb->args[1] = ln->bind_seq;
	latch_bind_walk_enter(&it);
	rhashtable_walk_start(&it);
	while ((b = rhashtable_walk_next(&it))) {
		if (IS_ERR(b) || b->key.sa.ln != ln || READ_ONCE(b->gone) ||
		    at++ < cb->args[0])
			continue;
		if (!latch_dump_bind(skb, cb, b))
			break;
		cb->args[0] = at;
	}
	rhashtable_walk_stop(&it);
	rhashtable_walk_exit(&it);
	return skb->len;
}

/**
 * latch_nl_manager_set_doit() - manager-set (2-21, 2-23)
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0 with what is in force as the answer; -EINVAL;
 * -ENOENT no such record; -ENOMEM.
 */
int latch_nl_manager_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *active = info->attrs[LATCH_A_MANAGER_ACTIVE];
	struct latch_net *ln = latch_nl_net(skb);
	struct latch_peer *peer = NULL;
	struct sk_buff *rep;
	void *hdr;

	if (active && nla_get_u8(active) > 1)
		return latch_nl_bad(info, LATCH_A_MANAGER_ACTIVE, -EINVAL, "neither 0 nor 1");
	if (info->attrs[LATCH_A_MANAGER_DEAD_PEER])
		peer = latch_nl_peer(ln, info, LATCH_A_MANAGER_DEAD_PEER);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	rep = latch_nl_reply(info, LATCH_CMD_MANAGER_SET, 64, &hdr);
	if (!rep)
		return -ENOMEM;
	if (active) {
		if (!ln->manager)
			WRITE_ONCE(ln->manager_since, READ_ONCE(ln->next_serial));
		WRITE_ONCE(ln->manager, nla_get_u8(active));
		latch_km_changed(ln);
	}
	if (peer)
		latch_dead_peer(ln, peer);
	return latch_nl_send(rep, hdr, nla_put_u8(rep, LATCH_A_MANAGER_ACTIVE, ln->manager), info);
}

/* The generated groups, but for their flags, which the generator leaves out. */
static struct genl_multicast_group latch_mcgrps[ARRAY_SIZE(latch_nl_mcgrps)] __ro_after_init;

struct genl_family latch_family __ro_after_init = {
	.name		= LATCH_GENL_NAME,
	.version	= LATCH_GENL_VERSION,
	.netnsok	= true,
	.module		= THIS_MODULE,
	.ops		= latch_nl_ops,
	.n_ops		= ARRAY_SIZE(latch_nl_ops),
	.resv_start_op	= 1,
	.mcgrps		= latch_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(latch_mcgrps),
};

/**
 * latch_netlink_init() - offer the family
 *
 * Return: 0 or a negative errno.
 */
int __init latch_netlink_init(void)
{
	memcpy(latch_mcgrps, latch_nl_mcgrps, sizeof(latch_mcgrps));
	/* the flows and peers of all users are nobody's but the administrator's */
	latch_mcgrps[LATCH_NLGRP_EVENTS].flags = GENL_MCAST_CAP_NET_ADMIN;
	return genl_register_family(&latch_family);
}

/**
 * latch_netlink_exit() - take it back; no request is under way after this
 */
void latch_netlink_exit(void)
{
	genl_unregister_family(&latch_family);
}
