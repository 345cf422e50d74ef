// SPDX-License-Identifier: GPL-2.0
/*
 * The lists of SAs, policies, addresses and devices of the made-up kernel: one pair of SAs
 * with two policies, and what the words in $FAKE_SCENE add or change.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <net/if.h>
#include <string.h>
#include <time.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include "fake.h"

/**
 * struct fake_sa - an SA of the list
 * @src, @dst: addresses
 * @spi:       host byte order
 * @reqid:     its reqid
 * @bits:      of its key for AES-GCM, with the salt; 0 for a reserved SPI
 * @window:    its replay window
 * @flags:     XFRM_STATE_*
 * @mark:      value of its mark, 0 for none
 * @offload:   flags of its offload to a device, -1 for none
 */
struct fake_sa {
	const char *src;
	const char *dst;
	uint32_t spi;
	uint32_t reqid;
	unsigned int bits;
	uint8_t window;
	uint8_t flags;
	uint32_t mark;
	int offload;
};

static int put_addr(void *to, const char *text)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	inet_pton(family, text, to);
	return family;
}

static void put_aead(struct nlmsghdr *nlh, unsigned int bits)
{
	char buf[sizeof(struct xfrm_algo_aead) + 64];
	struct xfrm_algo_aead *alg = (void *)buf;

	memset(buf, 0x5a, sizeof(buf));
	memset(alg, 0, sizeof(*alg));
	strcpy(alg->alg_name, "rfc4106(gcm(aes))");
	alg->alg_key_len = bits;
	alg->alg_icv_len = 128;
	mnl_attr_put(nlh, XFRMA_ALG_AEAD, sizeof(*alg) + bits / 8, buf);
}

static void sa(const struct nlmsghdr *to, const struct fake_sa *f)
{
	struct nlmsghdr *nlh = fake_entry(to, XFRM_MSG_NEWSA);
	struct xfrm_user_offload dev = { .ifindex = 2, .flags = f->offload };
	struct xfrm_mark mark = { .v = f->mark, .m = UINT32_MAX };
	struct xfrm_usersa_info *info;

	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->family = put_addr(&info->id.daddr, f->dst);
	put_addr(&info->saddr, f->src);
	info->id.spi = htonl(f->spi);
	info->id.proto = IPPROTO_ESP;
	info->reqid = f->reqid;
	info->mode = XFRM_MODE_TUNNEL;
	info->replay_window = f->window;
	info->flags = f->flags;
	info->curlft.add_time = fake_scene("young") ? time(NULL) : 1000000;
	if (f->bits)
		put_aead(nlh, f->bits);
	if (f->mark)
		mnl_attr_put(nlh, XFRMA_MARK, sizeof(mark), &mark);
	if (f->offload >= 0)
		mnl_attr_put(nlh, XFRMA_OFFLOAD_DEV, sizeof(dev), &dev);
	fake_done(nlh);
}

/* A third SA: without a scene, an SPI that an IKE daemon has reserved. */
static void third_sa(const struct nlmsghdr *to, struct fake_sa more, const struct fake_sa *out)
{
	if (fake_scene("old-out")) {
		more = *out;
		more.window = 64;
	} else {
		more.bits = fake_scene("window") || fake_scene("shared") ? 160 : 0;
	}
	more.spi = 0x1003;
	if (fake_scene("suites"))
		more.bits = 288;
	if (fake_scene("window"))
		more.window = 64;
	if (fake_scene("shared"))
		more.src = "10.9.0.3";
	sa(to, &more);
}

static void sas(const struct nlmsghdr *to)
{
	struct fake_sa in = { "10.9.0.2", "10.9.0.1", 0x1001, 5, 160, 32, 0, 0, -1 };
	struct fake_sa out = { "10.9.0.1", "10.9.0.2", 0x1002, 5, 160, 32, 0, 0, -1 }, usual;

	if (fake_scene("unbound"))
		in.reqid = 7;
	if (fake_scene("no-reqid"))
		in.reqid = 0;
	out.reqid = in.reqid;
	usual = in;
	if (fake_scene("directions"))
		out.bits = 288;
	if (fake_scene("esn"))
		out.flags = XFRM_STATE_ESN;
	if (fake_scene("crypto"))
		in.offload = 2;
	if (fake_scene("packet"))
		in.offload = 2 | 4;
	if (fake_scene("any-source"))
		in.src = "0.0.0.0";
	if (fake_scene("mark"))
		in.mark = 3;
	sa(to, &in);
	sa(to, &out);
	third_sa(to, usual, &out);
}

static void tmpl(struct xfrm_user_tmpl *t, uint8_t proto, bool optional)
{
	memset(t, 0, sizeof(*t));
	t->id.proto = proto;
	t->family = AF_INET;
	t->reqid = 5;
	t->mode = XFRM_MODE_TUNNEL;
	t->optional = optional;
}

static void policy(const struct nlmsghdr *to, uint8_t dir, const char *src, const char *dst,
		   uint8_t len)
{
	struct nlmsghdr *nlh = fake_entry(to, XFRM_MSG_NEWPOLICY);
	struct xfrm_userpolicy_type type = { .type = fake_scene("sub") };
	struct xfrm_mark mark = { .v = 3, .m = 0xff };
	struct xfrm_userpolicy_info *info;
	struct xfrm_user_tmpl t[2];

	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	/* what an IPv4 address leaves of its field may hold anything */
	memset(&info->sel, dir == XFRM_POLICY_IN ? 0x11 : 0x22, sizeof(info->sel));
	info->sel.family = put_addr(&info->sel.saddr, src);
	put_addr(&info->sel.daddr, dst);
	info->sel.prefixlen_s = len;
	info->sel.prefixlen_d = len;
	info->sel.sport_mask = 0;
	info->sel.dport_mask = 0;
	info->sel.proto = fake_scene("narrow") && dir == XFRM_POLICY_IN ? IPPROTO_TCP : 0;
	info->sel.ifindex = fake_scene("device") ? 2 : 0;
	info->dir = dir;
	tmpl(&t[0], IPPROTO_COMP, true);
	tmpl(&t[1], IPPROTO_ESP, fake_scene("optional") && dir == XFRM_POLICY_IN);
	mnl_attr_put(nlh, XFRMA_TMPL, sizeof(t), t);
	mnl_attr_put(nlh, XFRMA_POLICY_TYPE, sizeof(type), &type);
	if (fake_scene("policy-mark"))
		mnl_attr_put(nlh, XFRMA_MARK, sizeof(mark), &mark);
	fake_done(nlh);
}

static void policies(const struct nlmsghdr *to)
{
	bool wide = fake_scene("wide");

	if (!fake_scene("no-in"))
		policy(to, XFRM_POLICY_IN, wide ? "10.80.0.0" : "10.82.0.0", "10.81.0.0",
		       wide ? 12 : 24);
	if (!fake_scene("no-out"))
		policy(to, XFRM_POLICY_OUT, "10.81.0.0", "10.82.0.0", 24);
	policy(to, XFRM_POLICY_FWD, "10.99.0.0", "10.81.0.0", 24);
	policy(to, 3, "10.99.0.0", "10.81.0.0", 24);
}

static void addr(const struct nlmsghdr *to, const char *local, const char *other)
{
	struct nlmsghdr *nlh = fake_entry(to, RTM_NEWADDR);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	struct in6_addr buf;

	ifa->ifa_family = put_addr(&buf, other);
	mnl_attr_put(nlh, IFA_ADDRESS, ifa->ifa_family == AF_INET ? 4 : 16, &buf);
	if (local) {
		put_addr(&buf, local);
		mnl_attr_put(nlh, IFA_LOCAL, ifa->ifa_family == AF_INET ? 4 : 16, &buf);
	}
	fake_done(nlh);
}

static void device(const struct nlmsghdr *to, const char *name, const char *kind, bool up)
{
	struct nlmsghdr *nlh = fake_entry(to, RTM_NEWLINK);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	struct nlattr *nest;

	ifi->ifi_flags = up ? IFF_UP : 0;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	if (kind) {
		nest = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
		mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
		mnl_attr_nest_end(nlh, nest);
	}
	fake_done(nlh);
}

/**
 * fake_list() - answer a request for a list
 * @to:  the request
 * @bus: NETLINK_*
 */
void fake_list(const struct nlmsghdr *to, int bus)
{
	if (bus == NETLINK_XFRM && to->nlmsg_type == XFRM_MSG_GETSA) {
		if (!fake_scene("no-sa"))
			sas(to);
	} else if (bus == NETLINK_XFRM) {
		policies(to);
	} else if (to->nlmsg_type == RTM_GETADDR) {
		addr(to, NULL, "::1");
		addr(to, "10.9.0.1", "10.9.0.2");
	} else {
		device(to, "lo", NULL, true);
		device(to, "ip_vti0", "vti", false);
		device(to, "ipsec0", "xfrm", true);
		if (fake_scene("vti"))
			device(to, "a\033b", "vti6", true);
	}
}
