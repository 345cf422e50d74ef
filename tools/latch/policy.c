// SPDX-License-Identifier: GPL-2.0
/*
 * latch policy: what an administrator has for the sockets of all programs; so far, protection that
 * sockets may take.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <linux/latch_netlink.h>
#include "args.h"
#include "list.h"
#include "nl.h"
#include "print.h"

static const struct name sa_protos[] = {
	{ IPPROTO_ESP, "esp" },
	{ IPPROTO_AH, "ah" },
	{ 0, NULL }
};

static const struct name sa_modes[] = {
	{ 0, "transport" },
	{ 1, "tunnel" },
	{ 0, NULL }
};

static const struct name action_names[] = {
	{ LATCH_POLICY_OFFER, "offer" },
	{ 0, NULL }
};

static const struct keyword add_keywords[] = {
	{ "offer", NULL, SLOT_ACTION, ARG_FLAG, NULL, 0, LATCH_POLICY_OFFER },
	{ "proto", NULL, SLOT_PROTO, ARG_WORD, flow_proto_names, 0, 0 },
	{ "src", "local", SLOT_SRC, ARG_PREFIX, NULL, 0, 0 },
	{ "sport", NULL, SLOT_SPORT, ARG_PORT, NULL, UINT16_MAX, 0 },
	{ "dst", "remote", SLOT_DST, ARG_PREFIX, NULL, 0, 0 },
	{ "dport", NULL, SLOT_DPORT, ARG_PORT, NULL, UINT16_MAX, 0 },
	{ "reqid", NULL, SLOT_REQID, ARG_NUMBER, NULL, UINT32_MAX, 0 },
	{ "sa", NULL, SLOT_SA, ARG_WORD, sa_protos, 0, 0 },
	{ "mode", NULL, SLOT_MODE, ARG_WORD, sa_modes, 0, 0 },
	{ "tunnel-src", "tunnel-local", SLOT_OUTER_LOCAL, ARG_ADDR, NULL, 0, 0 },
	{ "tunnel-dst", "tunnel-remote", SLOT_OUTER_REMOTE, ARG_ADDR, NULL, 0, 0 },
	{ "before", NULL, SLOT_BEFORE, ARG_NUMBER, NULL, UINT32_MAX, 0 },
	{ .word = NULL }
};

static const struct keyword id_keywords[] = {
	{ "id", NULL, SLOT_ID, ARG_NUMBER, NULL, UINT32_MAX, 0 },
	{ .word = NULL }
};

static const struct keyword no_keywords[] = {
	{ .word = NULL }
};

static void show_prefix(const char *key, const char *label, const struct nlattr *addr,
			const struct nlattr *len)
{
	char buf[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 4];
	size_t size = addr ? mnl_attr_get_payload_len(addr) : 0;

	if (size != 4 && size != 16)
		return;
	inet_ntop(size == 4 ? AF_INET : AF_INET6, mnl_attr_get_payload(addr), buf, sizeof(buf));
	snprintf(text, sizeof(text), "%s/%u", buf, len ? (unsigned int)netlink_num(len) & 0xff : 0);
	print_str(key, label, text);
}

static void show_end(const char *key, const char *label, const struct nlattr *addr)
{
	if (addr)
		print_addr(key, label, mnl_attr_get_payload(addr), mnl_attr_get_payload_len(addr));
}

static void show_port(const char *key, const char *label, const struct nlattr *port)
{
	if (port)
		print_num(key, label, ntohs(netlink_num(port)));
}

static void show_policy(const struct nlattr **tb)
{
	print_num("id", "policy", netlink_num(tb[LATCH_A_POLICY_ID]));
	if (tb[LATCH_A_POLICY_PROTO])
		print_name("proto", "proto", flow_proto_names,
			   netlink_num(tb[LATCH_A_POLICY_PROTO]));
	show_prefix("local", "src", tb[LATCH_A_POLICY_LOCAL], tb[LATCH_A_POLICY_LOCAL_LEN]);
	show_port("local-port", "sport", tb[LATCH_A_POLICY_LOCAL_PORT]);
	show_prefix("remote", "dst", tb[LATCH_A_POLICY_REMOTE], tb[LATCH_A_POLICY_REMOTE_LEN]);
	show_port("remote-port", "dport", tb[LATCH_A_POLICY_REMOTE_PORT]);
	print_name("action", "", action_names, netlink_num(tb[LATCH_A_POLICY_ACTION]));
	if (tb[LATCH_A_POLICY_TMPL_REQID])
		print_num("tmpl-reqid", "reqid", netlink_num(tb[LATCH_A_POLICY_TMPL_REQID]));
	if (tb[LATCH_A_POLICY_TMPL_PROTO])
		print_name("tmpl-proto", "sa", sa_proto_names,
			   netlink_num(tb[LATCH_A_POLICY_TMPL_PROTO]));
	if (tb[LATCH_A_POLICY_TMPL_MODE])
		print_name("tmpl-mode", "mode", xfrm_mode_names,
			   netlink_num(tb[LATCH_A_POLICY_TMPL_MODE]));
	show_end("tmpl-local", "tunnel-src", tb[LATCH_A_POLICY_TMPL_LOCAL]);
	show_end("tmpl-remote", "tunnel-dst", tb[LATCH_A_POLICY_TMPL_REMOTE]);
	print_num("taken", opt.stats ? "taken" : NULL, netlink_num(tb[LATCH_A_POLICY_TAKEN]));
}

/* Print a policy that -4 and -6 do not exclude. */
static void show_entry(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LATCH_A_POLICY_MAX + 1], *a;

	(void)data;
	netlink_parse(nlh, tb, LATCH_A_POLICY_MAX);
	a = tb[LATCH_A_POLICY_REMOTE];
	if (opt.family && a && mnl_attr_get_payload_len(a) != (opt.family == AF_INET ? 4 : 16))
		return;
	print_open(NULL);
	show_policy(tb);
	print_close();
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type, const struct arg *a)
{
	if (a->kw)
		nl_put(nlh, type, a->addr, a->family == AF_INET ? 4 : 16);
}

static void put_prefix(struct nlmsghdr *nlh, uint16_t type, uint16_t len_type, const struct arg *a)
{
	put_addr(nlh, type, a);
	if (a->kw)
		nl_put_u8(nlh, len_type, a->mask);
}

static void put_flow(struct nlmsghdr *nlh, const struct arg *args)
{
	if (args[SLOT_PROTO].kw)
		nl_put_u8(nlh, LATCH_A_POLICY_PROTO, args[SLOT_PROTO].num);
	put_prefix(nlh, LATCH_A_POLICY_LOCAL, LATCH_A_POLICY_LOCAL_LEN, &args[SLOT_SRC]);
	put_prefix(nlh, LATCH_A_POLICY_REMOTE, LATCH_A_POLICY_REMOTE_LEN, &args[SLOT_DST]);
	if (args[SLOT_SPORT].kw)
		nl_put_u16(nlh, LATCH_A_POLICY_LOCAL_PORT, htons(args[SLOT_SPORT].num));
	if (args[SLOT_DPORT].kw)
		nl_put_u16(nlh, LATCH_A_POLICY_REMOTE_PORT, htons(args[SLOT_DPORT].num));
}

static void put_template(struct nlmsghdr *nlh, const struct arg *args)
{
	nl_put_u32(nlh, LATCH_A_POLICY_TMPL_REQID, args[SLOT_REQID].num);
	if (args[SLOT_SA].kw)
		nl_put_u8(nlh, LATCH_A_POLICY_TMPL_PROTO, args[SLOT_SA].num);
	if (args[SLOT_MODE].kw)
		nl_put_u8(nlh, LATCH_A_POLICY_TMPL_MODE, args[SLOT_MODE].num);
	put_addr(nlh, LATCH_A_POLICY_TMPL_LOCAL, &args[SLOT_OUTER_LOCAL]);
	put_addr(nlh, LATCH_A_POLICY_TMPL_REMOTE, &args[SLOT_OUTER_REMOTE]);
}

/* Add a policy and print it with its number. */
static int policy_add(const struct arg *args)
{
	struct nlmsghdr *nlh;

	if (!args[SLOT_ACTION].kw || !args[SLOT_DST].kw || !args[SLOT_REQID].kw) {
		error("\"policy add\" needs all of \"dst\", \"offer\" and \"reqid\"");
		return EXIT_USAGE;
	}
	nlh = nl_begin(LATCH_CMD_POLICY_NEW);
	if (!nlh)
		return EXIT_REFUSED;
	nl_put_u8(nlh, LATCH_A_POLICY_ACTION, args[SLOT_ACTION].kw->tag);
	if (args[SLOT_BEFORE].kw)
		nl_put_u32(nlh, LATCH_A_POLICY_BEFORE, args[SLOT_BEFORE].num);
	put_flow(nlh, args);
	put_template(nlh, args);
	return list_answer(nlh, show_entry, NULL);
}

static int policy_del(const struct arg *args)
{
	struct nlmsghdr *nlh;

	if (!args[SLOT_ID].kw) {
		error("\"policy del\" needs the number of a policy, see \"latch policy help\"");
		return EXIT_USAGE;
	}
	nlh = nl_begin(LATCH_CMD_POLICY_DEL);
	if (!nlh)
		return EXIT_REFUSED;
	nl_put_u32(nlh, LATCH_A_POLICY_ID, args[SLOT_ID].num);
	return nl_do(nlh, NULL, NULL, 0);
}

static int policy_show(const struct arg *args)
{
	struct nlmsghdr *nlh;

	if (!args[SLOT_ID].kw)
		return list_all(LATCH_CMD_POLICY_GET, show_entry, NULL);
	nlh = nl_begin(LATCH_CMD_POLICY_GET);
	if (nlh)
		nl_put_u32(nlh, LATCH_A_POLICY_ID, args[SLOT_ID].num);
	return list_answer(nlh, show_entry, NULL);
}

static int policy_flush(const struct arg *args)
{
	struct nlmsghdr *nlh = nl_begin(LATCH_CMD_POLICY_FLUSH);

	(void)args;
	return nlh ? nl_do(nlh, NULL, NULL, 0) : EXIT_REFUSED;
}

static const struct command commands[] = {
	{ "show", { "list", "lst" }, id_keywords, &id_keywords[0], policy_show },
	{ "add", { NULL }, add_keywords, NULL, policy_add },
	{ "del", { "delete" }, id_keywords, &id_keywords[0], policy_del },
	{ "flush", { NULL }, no_keywords, NULL, policy_flush },
	{ .word = NULL }
};

const struct object policy_object = {
	.word = "policy",
	.commands = commands,
	.usage =
	"latch policy add FLOWS offer SA [ before NUMBER ]\n"
	"latch policy del [ id ] NUMBER\n"
	"latch policy flush\n"
	"latch policy [ show [ [ id ] NUMBER ] ]\n"
	"FLOWS := { dst | remote } PREFIX [ dport PORT ] [ { src | local } PREFIX ] [ sport PORT ]\n"
	"         [ proto { tcp | udp } ]\n"
	"SA := reqid NUMBER [ sa { esp | ah } ] [ mode { transport | tunnel } ]\n"
	"      [ { tunnel-src | tunnel-local } ADDRESS { tunnel-dst | tunnel-remote } ADDRESS ]\n",
};
