// SPDX-License-Identifier: GPL-2.0
/*
 * See link.h.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <net/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include "dump.h"
#include "link.h"

static void take_addr(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFA_MAX + 1], *a;
	struct links *l = data;
	struct local_addr *to;

	netlink_parse_after(nlh, sizeof(*ifa), tb, IFA_MAX);
	/* on a point-to-point link the other one is the address of the far end */
	a = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (nlh->nlmsg_type != RTM_NEWADDR || !a || mnl_attr_get_payload_len(a) > 16)
		return;
	l->addr = grow(l->addr, l->n, &l->room, sizeof(*l->addr));
	to = &l->addr[l->n++];
	memset(to, 0, sizeof(*to));
	to->family = ifa->ifa_family;
	memcpy(to->addr, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
}

static void forget_addrs(void *data)
{
	struct links *l = data;

	l->n = 0;
}

static void take_link(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *kind, *name;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct links *l = data;

	netlink_parse_after(nlh, sizeof(*ifi), tb, IFLA_MAX);
	name = tb[IFLA_IFNAME];
	if (nlh->nlmsg_type != RTM_NEWLINK || !name || !tb[IFLA_LINKINFO] ||
	    !(ifi->ifi_flags & IFF_UP))
		return;
	netlink_parse_nest(tb[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	kind = info[IFLA_INFO_KIND];
	if (!kind || mnl_attr_validate(kind, MNL_TYPE_NUL_STRING) < 0 ||
	    (strcmp(mnl_attr_get_str(kind), "vti") && strcmp(mnl_attr_get_str(kind), "vti6")))
		return;
	l->vti = need(realloc(l->vti, (l->n_vti + 1) * sizeof(*l->vti)));
	l->vti[l->n_vti++] = escape(mnl_attr_get_payload(name),
				    strnlen(mnl_attr_get_payload(name),
					    mnl_attr_get_payload_len(name)), NULL);
}

static void forget_links(void *data)
{
	struct links *l = data;

	while (l->n_vti)
		free(l->vti[--l->n_vti]);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct local_addr));
}

/**
 * links_read() - read the addresses and the VTI devices of the namespace
 * @l: zero; the caller gives it to links_free(), also after a failure
 *
 * Return: 0, or EXIT_REFUSED after a message.
 */
int links_read(struct links *l)
{
	struct dump addrs = {
		.bus = NETLINK_ROUTE,
		.type = RTM_GETADDR,
		.head = sizeof(struct ifaddrmsg),
		.entry = sizeof(struct ifaddrmsg),
		.what = "addresses",
		.cb = take_addr,
		.again = forget_addrs,
		.data = l,
	};
	struct dump links = {
		.bus = NETLINK_ROUTE,
		.type = RTM_GETLINK,
		.head = sizeof(struct ifinfomsg),
		.entry = sizeof(struct ifinfomsg),
		.what = "devices",
		.cb = take_link,
		.again = forget_links,
		.data = l,
	};
	int rc;

	rc = dump_read(&addrs);
	if (rc)
		return rc;
	if (l->n)
		qsort(l->addr, l->n, sizeof(*l->addr), compare);
	return dump_read(&links);
}

/**
 * links_free() - forget them
 * @l: zero from now on
 */
void links_free(struct links *l)
{
	forget_links(l);
	free(l->vti);
	free(l->addr);
	memset(l, 0, sizeof(*l));
}

/**
 * links_local() - tell whether an address is this host's
 * @l:      the addresses
 * @family: AF_INET or AF_INET6
 * @addr:   16 bytes; the rest of an IPv4 one is zero
 *
 * Return: true where it is.
 */
bool links_local(const struct links *l, uint16_t family, const uint8_t *addr)
{
	struct local_addr key = { .family = family };

	memcpy(key.addr, addr, sizeof(key.addr));
	return l->n && bsearch(&key, l->addr, l->n, sizeof(key), compare);
}
