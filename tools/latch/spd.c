// SPDX-License-Identifier: GPL-2.0
/*
 * See spd.h.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include "dump.h"
#include "spd.h"

/* IPComp protects nothing, and its template is optional with all IKE daemons. */
static void take_templates(struct policy *pol, const struct nlattr *attr)
{
	const struct xfrm_user_tmpl *t = mnl_attr_get_payload(attr);
	size_t n = mnl_attr_get_payload_len(attr) / sizeof(*t);

	for (; n; n--, t++) {
		if (t->id.proto == IPPROTO_COMP)
			continue;
		pol->protects = true;
		pol->optional |= t->optional;
		if (!pol->reqid)
			pol->reqid = t->reqid;
	}
}

/* Copy a selector field by field: what lies between the fields is not set. */
static void take_selector(struct xfrm_selector *to, const struct xfrm_selector *from)
{
	size_t len = from->family == AF_INET ? 4 : 16;

	memset(to, 0, sizeof(*to));
	memcpy(&to->daddr, &from->daddr, len);
	memcpy(&to->saddr, &from->saddr, len);
	to->dport = from->dport;
	to->dport_mask = from->dport_mask;
	to->sport = from->sport;
	to->sport_mask = from->sport_mask;
	to->family = from->family;
	to->prefixlen_d = from->prefixlen_d;
	to->prefixlen_s = from->prefixlen_s;
	to->proto = from->proto;
}

static void take_policy(const struct nlmsghdr *nlh, void *data)
{
	const struct xfrm_userpolicy_info *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[XFRMA_MAX + 1], *type, *mark;
	struct spd *spd = data;
	struct policy *pol;

	/* those of sockets have other directions, and so have those for forwarded packets */
	if (nlh->nlmsg_type != XFRM_MSG_NEWPOLICY ||
	    (info->dir != XFRM_POLICY_IN && info->dir != XFRM_POLICY_OUT))
		return;
	netlink_parse_after(nlh, sizeof(*info), tb, XFRMA_MAX);
	spd->pol = grow(spd->pol, spd->n, &spd->room, sizeof(*spd->pol));
	pol = &spd->pol[spd->n++];
	memset(pol, 0, sizeof(*pol));
	take_selector(&pol->sel, &info->sel);
	pol->ifindex = info->sel.ifindex;
	pol->dir = info->dir;
	type = tb[XFRMA_POLICY_TYPE];
	if (type && mnl_attr_get_payload_len(type) >= sizeof(struct xfrm_userpolicy_type))
		pol->sub = *(const uint8_t *)mnl_attr_get_payload(type) == XFRM_POLICY_TYPE_SUB;
	mark = tb[XFRMA_MARK];
	if (mark && mnl_attr_get_payload_len(mark) >= sizeof(struct xfrm_mark))
		pol->mask = ((const struct xfrm_mark *)mnl_attr_get_payload(mark))->m;
	if (tb[XFRMA_TMPL] && info->action == XFRM_POLICY_ALLOW)
		take_templates(pol, tb[XFRMA_TMPL]);
}

static void forget(void *data)
{
	struct spd *spd = data;

	spd->n = 0;
}

/**
 * spd_read() - read the policies of the namespace for its own packets, in and out
 * @spd: zero; the caller gives it to spd_free(), also after a failure
 *
 * Return: 0, or EXIT_REFUSED after a message.
 */
int spd_read(struct spd *spd)
{
	struct dump d = {
		.bus = NETLINK_XFRM,
		.type = XFRM_MSG_GETPOLICY,
		.head = sizeof(struct xfrm_userpolicy_id),
		.entry = sizeof(struct xfrm_userpolicy_info),
		.what = "policies",
		.cb = take_policy,
		.again = forget,
		.data = spd,
	};

	return dump_read(&d);
}

/**
 * spd_free() - forget the policies
 * @spd: zero from now on
 */
void spd_free(struct spd *spd)
{
	free(spd->pol);
	memset(spd, 0, sizeof(*spd));
}

/**
 * policy_text() - put into words which policy one is
 * @pol: the policy
 * @buf: set
 * @len: bytes of @buf
 */
void policy_text(const struct policy *pol, char *buf, size_t len)
{
	const struct xfrm_selector *sel = &pol->sel;
	char src[INET6_ADDRSTRLEN] = "", dst[INET6_ADDRSTRLEN] = "";
	int n;

	inet_ntop(sel->family, &sel->saddr, src, sizeof(src));
	inet_ntop(sel->family, &sel->daddr, dst, sizeof(dst));
	n = snprintf(buf, len, "dir %s src %s/%u dst %s/%u",
		     pol->dir == XFRM_POLICY_IN ? "in" : "out", src, sel->prefixlen_s, dst,
		     sel->prefixlen_d);
	if (sel->proto && (size_t)n < len)
		n += snprintf(buf + n, len - n, " proto %u", sel->proto);
	if (sel->sport_mask && (size_t)n < len)
		n += snprintf(buf + n, len - n, " sport %u", ntohs(sel->sport));
	if (sel->dport_mask && (size_t)n < len)
		snprintf(buf + n, len - n, " dport %u", ntohs(sel->dport));
}
