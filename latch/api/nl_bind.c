// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about bindings, and about the key manager that makes them.
 */
#include <net/genetlink.h>

#include "api/nl.h"
#include "api/nl_bind.h"
#include "api/nl_act.h"
#include "api/nl_peer.h"
#include "base/manager.h"
#include "base/net.h"
#include "channel/reeval.h"
#include "core/tag.h"
#include "core/types.h"
#include "peer/bind.h"
#include "peer/claim.h"
#include "peer/peer.h"
#include "xfrm/sad.h"

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
		return latch_nl_bad(info, LATCH_A_BINDING_DST, -EINVAL, "not 4 or 16 bytes");
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

/* The peer's own address behind its NAT, which is of the family of its SAs. */
static int latch_nl_natt(struct genl_info *info, const struct latch_bind_key *key,
			 struct latch_claim *claim)
{
	const struct nlattr *a = info->attrs[LATCH_A_BINDING_NATT_ADDR];

	if (!a)
		return 0;
	if (nla_len(a) != 4 && nla_len(a) != 16)
		return latch_nl_bad(info, LATCH_A_BINDING_NATT_ADDR, -EINVAL, "not 4 or 16 bytes");
	claim->natt_family = nla_len(a) == 4 ? AF_INET : AF_INET6;
	memcpy(&claim->natt, nla_data(a), nla_len(a));
	if (xfrm_addr_any(&claim->natt, claim->natt_family))
		return latch_nl_bad(info, LATCH_A_BINDING_NATT_ADDR, -EINVAL, "no address");
	if (!key->reqid && key->sa.family != claim->natt_family)
		return latch_nl_bad(info, LATCH_A_BINDING_NATT_ADDR, -EINVAL,
				    "of another family than dst");
	return 0;
}

/* The records that a claim is made of. */
static int latch_nl_claim(struct latch_net *ln, struct genl_info *info,
			  struct latch_claim *claim)
{
	struct latch_peer *local = NULL;

	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_BINDING_PEER))
		return latch_nl_missing(info, "peer");
	claim->peer = latch_nl_peer(ln, info, LATCH_A_BINDING_PEER);
	if (IS_ERR(claim->peer))
		return PTR_ERR(claim->peer);
	if (info->attrs[LATCH_A_BINDING_LOCAL] && nla_get_u32(info->attrs[LATCH_A_BINDING_LOCAL]))
		local = latch_nl_peer(ln, info, LATCH_A_BINDING_LOCAL);
	claim->local = local;
	return PTR_ERR_OR_ZERO(local);
}

static void latch_nl_bind_refused(struct genl_info *info, int err, u8 flags)
{
	if (err == -EEXIST && flags & LATCH_BIND_EXCL)
		NL_SET_ERR_MSG(info->extack, "claimed for somebody else");
	else if (err == -EEXIST)
		NL_SET_ERR_MSG(info->extack, "this claim is there already");
	else if (err == -ENOSPC)
		NL_SET_ERR_MSG(info->extack, "too many claims of one key");
	else if (err == -EDQUOT)
		NL_SET_ERR_MSG(info->extack, "too many bindings, see net.latch.max_peers");
}

/**
 * latch_nl_binding_new_doit() - binding-new
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0 when every latch was checked against it; -EINVAL;
 * -ENOENT no such record; -EEXIST the claim is there, or an exclusive one meets
 * one for somebody else; -ENOSPC too many claims of one key; -EDQUOT too many bindings; -ENOMEM.
 */
int latch_nl_binding_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch_claim claim = {};
	struct latch_bind_key key;
	u8 flags = 0;
	int err;

	err = latch_nl_bind_key(ln, info, &key);
	if (!err)
		err = latch_nl_claim(ln, info, &claim);
	if (!err)
		err = latch_nl_natt(info, &key, &claim);
	if (err)
		return err;
	if (nla_get_flag(info->attrs[LATCH_A_BINDING_WITH_SA]))
		flags |= LATCH_BIND_WITH_SA;
	if (nla_get_flag(info->attrs[LATCH_A_BINDING_EXCLUSIVE]))
		flags |= LATCH_BIND_EXCL;
	if (nla_get_flag(info->attrs[LATCH_A_BINDING_REPLACE]))
		flags |= LATCH_BIND_REPLACE;
	err = latch_bind_add(ln, &key, &claim, flags);
	if (!err)
		latch_reeval_claimed(ln, &key);
	else
		latch_nl_bind_refused(info, err, flags);
	return err;
}

/**
 * latch_nl_binding_del_doit() - binding-del
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0 when every latch was checked against it; -EINVAL;
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
		latch_reeval_claimed(ln, &key);
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
	if (c->claim[i].natt_family &&
	    nla_put(skb, LATCH_A_BINDING_NATT_ADDR, c->claim[i].natt_family == AF_INET ? 4 : 16,
		    &c->claim[i].natt))
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
 * A change between two parts of the dump is told by NLM_F_DUMP_INTR.
 *
 * Context: process. Return: bytes filled, 0 at the end.
 */
int latch_nl_binding_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct latch_net *ln = latch_nl_net(skb);
	unsigned long number = cb->args[0];
	struct latch_bind *b;

	if (cb->args[0] && cb->args[1] != latch_bind_seq(ln) && skb->len)
		nlmsg_hdr(skb)->nlmsg_flags |= NLM_F_DUMP_INTR;
	cb->args[1] = latch_bind_seq(ln);
	rcu_read_lock();
	for (; (b = latch_bind_from(ln, &number)); cb->args[0] = ++number)
		if (!READ_ONCE(b->gone) && !latch_dump_bind(skb, cb, b))
			break;
	rcu_read_unlock();
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
		latch_manager_set(ln, nla_get_u8(active), latch_sad_last_serial(ln));
		latch_reeval_everything(ln);
	}
	if (peer)
		latch_dead_peer(ln, peer);
	return latch_nl_send(rep, hdr, nla_put_u8(rep, LATCH_A_MANAGER_ACTIVE,
					      latch_manager_active(ln)), info);
}
