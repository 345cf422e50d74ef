// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about the policies of the administrator's, of which there is one kind: an offer of
 * protection (RFC 5660 3.1-1).
 */
#include <net/genetlink.h>
#include <uapi/linux/xfrm.h>

#include "api/nl.h"
#include "api/nl_policy.h"
#include "base/net.h"
#include "channel/offer.h"
#include "core/flow.h"

static int latch_nl_family(const struct nlattr *attr)
{
	switch (nla_len(attr)) {
	case 4:
		return AF_INET;
	case 16:
		return AF_INET6;
	}
	return 0;
}

/* One end of the selector, address and length of the prefix, in the family that it is in so far. */
static int latch_nl_prefix(struct genl_info *info, int attr, int len_attr, struct latch_sel *sel,
			   union latch_addr *addr, u8 *len)
{
	const struct nlattr *a = info->attrs[attr], *len_a = info->attrs[len_attr];
	union latch_addr whole = {};
	int family;

	if (!a && len_a)
		return latch_nl_bad(info, len_attr, -EINVAL, "a length without its address");
	if (!a)
		return 0;
	family = latch_nl_family(a);
	if (!family)
		return latch_nl_bad(info, attr, -EINVAL, "not 4 or 16 bytes");
	if (sel->family && family != sel->family)
		return latch_nl_bad(info, attr, -EINVAL, "local and remote do not fit");
	sel->family = family;
	*len = nla_len(a) * 8;
	if (len_a && nla_get_u8(len_a) > *len)
		return latch_nl_bad(info, len_attr, -EINVAL, "longer than the address");
	if (len_a)
		*len = nla_get_u8(len_a);
	memcpy(&whole, nla_data(a), nla_len(a));
	*addr = latch_addr_prefix(&whole, *len);
	return 0;
}

static void latch_nl_port(const struct nlattr *a, u16 *port, u16 *mask)
{
	if (!a)
		return;
	*port = nla_get_u16(a);
	*mask = 0xffff;
}

/* Which flows; in the selector the source is this end. */
static int latch_nl_policy_sel(struct genl_info *info, struct latch_sel *sel)
{
	struct nlattr **a = info->attrs;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_POLICY_REMOTE))
		return latch_nl_missing(info, "remote");
	err = latch_nl_prefix(info, LATCH_A_POLICY_REMOTE, LATCH_A_POLICY_REMOTE_LEN, sel,
			      &sel->dst, &sel->dst_len);
	if (err)
		return err;
	err = latch_nl_prefix(info, LATCH_A_POLICY_LOCAL, LATCH_A_POLICY_LOCAL_LEN, sel,
			      &sel->src, &sel->src_len);
	if (err)
		return err;
	if (a[LATCH_A_POLICY_PROTO]) {
		sel->proto = nla_get_u8(a[LATCH_A_POLICY_PROTO]);
		if (sel->proto != IPPROTO_TCP && sel->proto != IPPROTO_UDP)
			return latch_nl_bad(info, LATCH_A_POLICY_PROTO, -EINVAL,
					    "neither TCP nor UDP");
	}
	latch_nl_port(a[LATCH_A_POLICY_LOCAL_PORT], &sel->sport, &sel->sport_mask);
	latch_nl_port(a[LATCH_A_POLICY_REMOTE_PORT], &sel->dport, &sel->dport_mask);
	return 0;
}

static int latch_nl_policy_ends(struct genl_info *info, struct latch_tmpl *t)
{
	const struct nlattr *local = info->attrs[LATCH_A_POLICY_TMPL_LOCAL];
	const struct nlattr *remote = info->attrs[LATCH_A_POLICY_TMPL_REMOTE];

	if (t->mode == XFRM_MODE_TRANSPORT) {
		if (local || remote)
			return latch_nl_bad(info, local ? LATCH_A_POLICY_TMPL_LOCAL :
					    LATCH_A_POLICY_TMPL_REMOTE, -EINVAL,
					    "only a tunnel has ends of its own");
		return 0;
	}
	if (!local || !remote)
		return latch_nl_missing(info, "tmpl-local or tmpl-remote");
	t->family = latch_nl_family(local);
	if (!t->family)
		return latch_nl_bad(info, LATCH_A_POLICY_TMPL_LOCAL, -EINVAL, "not 4 or 16 bytes");
	if (latch_nl_family(remote) != t->family)
		return latch_nl_bad(info, LATCH_A_POLICY_TMPL_REMOTE, -EINVAL,
				    "the ends of the tunnel do not fit");
	memcpy(&t->saddr, nla_data(local), nla_len(local));
	memcpy(&t->daddr, nla_data(remote), nla_len(remote));
	if (xfrm_addr_any(&t->saddr, t->family) || xfrm_addr_any(&t->daddr, t->family)) {
		NL_SET_ERR_MSG(info->extack, "an end of the tunnel is no address");
		return -EINVAL;
	}
	return 0;
}

/* What protects them. */
static int latch_nl_policy_tmpl(struct genl_info *info, struct latch_tmpl *t)
{
	struct nlattr **a = info->attrs;

	t->proto = IPPROTO_ESP;
	if (a[LATCH_A_POLICY_TMPL_PROTO])
		t->proto = nla_get_u8(a[LATCH_A_POLICY_TMPL_PROTO]);
	if (t->proto != IPPROTO_ESP && t->proto != IPPROTO_AH)
		return latch_nl_bad(info, LATCH_A_POLICY_TMPL_PROTO, -EINVAL,
				    "neither ESP nor AH");
	t->mode = XFRM_MODE_TRANSPORT;
	if (a[LATCH_A_POLICY_TMPL_MODE])
		t->mode = nla_get_u8(a[LATCH_A_POLICY_TMPL_MODE]);
	if (t->mode != XFRM_MODE_TRANSPORT && t->mode != XFRM_MODE_TUNNEL)
		return latch_nl_bad(info, LATCH_A_POLICY_TMPL_MODE, -EINVAL,
				    "neither transport nor tunnel");
	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_POLICY_TMPL_REQID))
		return latch_nl_missing(info, "tmpl-reqid");
	t->reqid = nla_get_u32(a[LATCH_A_POLICY_TMPL_REQID]);
	if (!t->reqid)
		return latch_nl_bad(info, LATCH_A_POLICY_TMPL_REQID, -EINVAL,
				    "reqid 0 is that of SAs without one");
	return latch_nl_policy_ends(info, t);
}

static int latch_fill_policy_tmpl(struct sk_buff *skb, const struct latch_tmpl *t)
{
	int len = t->family == AF_INET ? 4 : 16;

	if (nla_put_u8(skb, LATCH_A_POLICY_TMPL_PROTO, t->proto) ||
	    nla_put_u8(skb, LATCH_A_POLICY_TMPL_MODE, t->mode) ||
	    nla_put_u32(skb, LATCH_A_POLICY_TMPL_REQID, t->reqid))
		return -EMSGSIZE;
	if (t->mode != XFRM_MODE_TRANSPORT &&
	    (nla_put(skb, LATCH_A_POLICY_TMPL_LOCAL, len, &t->saddr) ||
	     nla_put(skb, LATCH_A_POLICY_TMPL_REMOTE, len, &t->daddr)))
		return -EMSGSIZE;
	return 0;
}

static int latch_fill_policy_sel(struct sk_buff *skb, const struct latch_sel *s)
{
	int len = s->family == AF_INET ? 4 : 16;

	if ((s->proto && nla_put_u8(skb, LATCH_A_POLICY_PROTO, s->proto)) ||
	    nla_put(skb, LATCH_A_POLICY_REMOTE, len, &s->dst) ||
	    nla_put_u8(skb, LATCH_A_POLICY_REMOTE_LEN, s->dst_len))
		return -EMSGSIZE;
	if (s->src_len && (nla_put(skb, LATCH_A_POLICY_LOCAL, len, &s->src) ||
			   nla_put_u8(skb, LATCH_A_POLICY_LOCAL_LEN, s->src_len)))
		return -EMSGSIZE;
	if ((s->sport_mask && nla_put_u16(skb, LATCH_A_POLICY_LOCAL_PORT, s->sport)) ||
	    (s->dport_mask && nla_put_u16(skb, LATCH_A_POLICY_REMOTE_PORT, s->dport)))
		return -EMSGSIZE;
	return 0;
}

static int latch_fill_policy(struct sk_buff *skb, const struct latch_offer *o)
{
	if (nla_put_u32(skb, LATCH_A_POLICY_ID, o->id) ||
	    nla_put_u8(skb, LATCH_A_POLICY_ACTION, LATCH_POLICY_OFFER) ||
	    nla_put_u32(skb, LATCH_A_POLICY_TAKEN, atomic_read(&o->taken)))
		return -EMSGSIZE;
	return latch_fill_policy_sel(skb, &o->sel) ?: latch_fill_policy_tmpl(skb, &o->tmpl);
}

/**
 * latch_nl_policy_new_doit() - policy-new
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0 with the policy as the answer; -EINVAL; -ENOENT no policy that
 * it could come before; -EDQUOT too many policies; -ENOMEM.
 */
int latch_nl_policy_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch_offer key = {}, *o;
	struct sk_buff *rep;
	u32 before = 0;
	void *hdr;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_POLICY_ACTION))
		return latch_nl_missing(info, "action");
	err = latch_nl_policy_sel(info, &key.sel) ?: latch_nl_policy_tmpl(info, &key.tmpl);
	if (err)
		return err;
	if (info->attrs[LATCH_A_POLICY_BEFORE])
		before = nla_get_u32(info->attrs[LATCH_A_POLICY_BEFORE]);
	if (info->attrs[LATCH_A_POLICY_BEFORE] && !latch_offer_find(ln, before))
		return latch_nl_bad(info, LATCH_A_POLICY_BEFORE, -ENOENT, "no such policy");
	rep = latch_nl_reply(info, LATCH_CMD_POLICY_NEW, 256, &hdr);
	if (!rep)
		return -ENOMEM;
	o = latch_offer_add(ln, &key, before);
	err = PTR_ERR_OR_ZERO(o);
	if (err == -EDQUOT)
		NL_SET_ERR_MSG(info->extack, "too many policies");
	return latch_nl_send(rep, hdr, err ?: latch_fill_policy(rep, o), info);
}

/* The policy that a request names; ERR_PTR, with a message. */
static struct latch_offer *latch_nl_policy(struct latch_net *ln, struct genl_info *info)
{
	struct latch_offer *o;

	if (GENL_REQ_ATTR_CHECK(info, LATCH_A_POLICY_ID))
		return ERR_PTR(latch_nl_missing(info, "id"));
	o = latch_offer_find(ln, nla_get_u32(info->attrs[LATCH_A_POLICY_ID]));
	return o ?: ERR_PTR(latch_nl_bad(info, LATCH_A_POLICY_ID, -ENOENT, "no such policy"));
}

/**
 * latch_nl_policy_del_doit() - policy-del
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0; -EINVAL no id; -ENOENT.
 */
int latch_nl_policy_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch_offer *o = latch_nl_policy(ln, info);

	return IS_ERR(o) ? PTR_ERR(o) : latch_offer_del(ln, o->id);
}

/**
 * latch_nl_policy_get_doit() - policy-get of one policy
 * @skb:  the request
 * @info: its attributes
 *
 * Context: genl_lock held. Return: 0 with the policy as the answer; -EINVAL no id; -ENOENT;
 * -ENOMEM.
 */
int latch_nl_policy_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct latch_offer *o = latch_nl_policy(latch_nl_net(skb), info);
	struct sk_buff *rep;
	void *hdr;

	if (IS_ERR(o))
		return PTR_ERR(o);
	rep = latch_nl_reply(info, LATCH_CMD_POLICY_GET, 256, &hdr);
	if (!rep)
		return -ENOMEM;
	return latch_nl_send(rep, hdr, latch_fill_policy(rep, o), info);
}

/**
 * latch_nl_policy_get_dumpit() - policy-get of all policies, in their order
 * @skb: what to fill
 * @cb:  the dump
 *
 * A change between two parts of the dump is told by NLM_F_DUMP_INTR.
 *
 * Context: process. Return: bytes filled, 0 at the end.
 */
int latch_nl_policy_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct latch_net *ln = latch_nl_net(skb);
	struct latch_offer *o;
	void *hdr;

	if (cb->args[0] && cb->args[1] != latch_offer_seq(ln) && skb->len)
		nlmsg_hdr(skb)->nlmsg_flags |= NLM_F_DUMP_INTR;
	cb->args[1] = latch_offer_seq(ln);
	rcu_read_lock();
	for (; (o = latch_offer_nth(ln, cb->args[0])); cb->args[0]++) {
		hdr = latch_nl_dump_put(skb, cb, LATCH_CMD_POLICY_GET);
		if (!hdr)
			break;
		if (latch_fill_policy(skb, o)) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
	}
	rcu_read_unlock();
	return skb->len;
}

/**
 * latch_nl_policy_flush_doit() - policy-flush
 * @skb:  the request
 * @info: its attributes; the one action that there is need not be looked at
 *
 * Context: genl_lock held. Return: 0.
 */
int latch_nl_policy_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	latch_offer_flush(latch_nl_net(skb));
	return 0;
}
