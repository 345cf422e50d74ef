// SPDX-License-Identifier: GPL-2.0
/*
 * latch binding: which peer an SA belongs to.
 */
#include <netinet/in.h>
#include <linux/latch_netlink.h>
#include "args.h"
#include "list.h"
#include "nl.h"
#include "print.h"

static const struct name key_protos[] = {
	{ IPPROTO_ESP, "esp" },
	{ IPPROTO_AH, "ah" },
	{ 0, NULL }
};

/* The first three are for "add" only: the others begin at FOR_ALL. */
static const struct keyword keywords[] = {
	{ "with-sa", NULL, SLOT_LAST, ARG_FLAG, NULL, 0, 0 },
	{ "exclusive", NULL, SLOT_EXCLUSIVE, ARG_FLAG, NULL, 0, 0 },
	{ "natt-addr", NULL, SLOT_NATT, ARG_ADDR, NULL, 0, 0 },
	{ "reqid", NULL, SLOT_REQID, ARG_NUMBER, NULL, UINT32_MAX, 0 },
	{ "dst", NULL, SLOT_DST, ARG_ADDR, NULL, 0, 0 },
	{ "proto", NULL, SLOT_PROTO, ARG_WORD, key_protos, 0, 0 },
	{ "spi", NULL, SLOT_SPI, ARG_NUMBER, NULL, UINT32_MAX, 0 },
	{ "mark", NULL, SLOT_MARK, ARG_MARK, NULL, 0, 0 },
	{ "peer", NULL, SLOT_PEER, ARG_PEER, NULL, UINT32_MAX, 0 },
	{ "local", NULL, SLOT_LOCAL, ARG_PEER, NULL, UINT32_MAX, 0 },
	{ .word = NULL }
};

#define FOR_ALL	3

static void show_binding(const struct nlattr **tb)
{
	const struct nlattr *a;

	print_title("binding");
	if (tb[LATCH_A_BINDING_REQID])
		print_num("reqid", "reqid", netlink_num(tb[LATCH_A_BINDING_REQID]));
	if (tb[LATCH_A_BINDING_FAMILY])
		print_name("family", NULL, family_names, netlink_num(tb[LATCH_A_BINDING_FAMILY]));
	a = tb[LATCH_A_BINDING_DST];
	if (a)
		print_addr("dst", "dst", mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	a = tb[LATCH_A_BINDING_PROTO];
	if (a)
		print_name("proto", "proto", sa_proto_names, netlink_num(a));
	a = tb[LATCH_A_BINDING_SPI];
	if (a)
		print_hex("spi", "spi", ntohl(netlink_num(a)));
	if (netlink_num(tb[LATCH_A_BINDING_MARK]) || netlink_num(tb[LATCH_A_BINDING_MARK_MASK]))
		print_mark(netlink_num(tb[LATCH_A_BINDING_MARK]),
			   netlink_num(tb[LATCH_A_BINDING_MARK_MASK]));
	print_num("peer", "peer", netlink_num(tb[LATCH_A_BINDING_PEER]));
	if (netlink_num(tb[LATCH_A_BINDING_LOCAL]))
		print_num("local", "local", netlink_num(tb[LATCH_A_BINDING_LOCAL]));
	a = tb[LATCH_A_BINDING_NATT_ADDR];
	if (a)
		print_addr("natt-addr", "natt-addr", mnl_attr_get_payload(a),
			   mnl_attr_get_payload_len(a));
	if (tb[LATCH_A_BINDING_AMBIGUOUS])
		print_flag("ambiguous", "ambiguous");
	if (tb[LATCH_A_BINDING_WITH_SA])
		print_flag("with-sa", "with-sa");
}

/* Print a binding that -4, -6, "peer" and "local" do not exclude. */
static void show_entry(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LATCH_A_BINDING_MAX + 1], *a;
	const struct arg *args = data;

	netlink_parse(nlh, tb, LATCH_A_BINDING_MAX);
	a = tb[LATCH_A_BINDING_FAMILY];
	if (opt.family && a && netlink_num(a) != (unsigned int)opt.family)
		return;
	if (!arg_is(&args[SLOT_PEER], netlink_num(tb[LATCH_A_BINDING_PEER])) ||
	    !arg_is(&args[SLOT_LOCAL], netlink_num(tb[LATCH_A_BINDING_LOCAL])))
		return;
	print_open(NULL);
	show_binding(tb);
	print_close();
}

/* Did the user give a key: a reqid, or destination, protocol and SPI of an SA? */
static bool has_key(const struct arg *args)
{
	return args[SLOT_REQID].kw || args[SLOT_DST].kw || args[SLOT_PROTO].kw ||
	       args[SLOT_SPI].kw || args[SLOT_MARK].kw;
}

/* Check that there is one key and that it is complete. Returns the exit status. */
static int check_key(const struct arg *args)
{
	bool sa = args[SLOT_DST].kw || args[SLOT_PROTO].kw || args[SLOT_SPI].kw ||
		  args[SLOT_MARK].kw;

	if (args[SLOT_REQID].kw ? !sa :
	    args[SLOT_DST].kw && args[SLOT_PROTO].kw && args[SLOT_SPI].kw)
		return 0;
	error("a binding needs either \"reqid\" or all of \"dst\", \"proto\" and \"spi\"");
	return EXIT_USAGE;
}

static void put_key(struct nlmsghdr *nlh, const struct arg *args)
{
	const struct arg *dst = &args[SLOT_DST], *mark = &args[SLOT_MARK];

	if (args[SLOT_REQID].kw) {
		nl_put_u32(nlh, LATCH_A_BINDING_REQID, args[SLOT_REQID].num);
		return;
	}
	nl_put_u16(nlh, LATCH_A_BINDING_FAMILY, dst->family);
	nl_put(nlh, LATCH_A_BINDING_DST, dst->addr, dst->family == AF_INET ? 4 : 16);
	nl_put_u8(nlh, LATCH_A_BINDING_PROTO, args[SLOT_PROTO].num);
	nl_put_u32(nlh, LATCH_A_BINDING_SPI, htonl(args[SLOT_SPI].num));
	if (mark->kw) {
		nl_put_u32(nlh, LATCH_A_BINDING_MARK, mark->num);
		nl_put_u32(nlh, LATCH_A_BINDING_MARK_MASK, mark->mask);
	}
}

static int send_claim(uint8_t cmd, const struct arg *args)
{
	struct nlmsghdr *nlh;
	int rc;

	rc = check_key(args);
	if (rc)
		return rc;
	nlh = nl_begin(cmd);
	if (!nlh)
		return EXIT_REFUSED;
	put_key(nlh, args);
	if (args[SLOT_PEER].kw)
		nl_put_u32(nlh, LATCH_A_BINDING_PEER, args[SLOT_PEER].num);
	if (args[SLOT_LOCAL].kw)
		nl_put_u32(nlh, LATCH_A_BINDING_LOCAL, args[SLOT_LOCAL].num);
	if (args[SLOT_LAST].kw)
		nl_put(nlh, LATCH_A_BINDING_WITH_SA, "", 0);
	if (args[SLOT_NATT].kw)
		nl_put(nlh, LATCH_A_BINDING_NATT_ADDR, args[SLOT_NATT].addr,
		       args[SLOT_NATT].family == AF_INET ? 4 : 16);
	if (args[SLOT_EXCLUSIVE].kw)
		nl_put(nlh, LATCH_A_BINDING_EXCLUSIVE, "", 0);
	return nl_do(nlh, NULL, NULL, 0);
}

static int binding_add(const struct arg *args)
{
	if (!args[SLOT_PEER].kw) {
		error("\"binding add\" needs \"peer\" and the number or the name of its record");
		return EXIT_USAGE;
	}
	return send_claim(LATCH_CMD_BINDING_NEW, args);
}

/* Without a peer the kernel deletes every claim with that key. */
static int binding_del(const struct arg *args)
{
	return send_claim(LATCH_CMD_BINDING_DEL, args);
}

static int binding_show(const struct arg *args)
{
	struct nlmsghdr *nlh;
	int rc;

	if (!has_key(args))
		return list_all(LATCH_CMD_BINDING_GET, show_entry, args);
	rc = check_key(args);
	if (rc)
		return rc;
	nlh = nl_begin(LATCH_CMD_BINDING_GET);
	if (nlh)
		put_key(nlh, args);
	return list_answer(nlh, show_entry, args);
}

static const struct command commands[] = {
	{ "show", { "list", "lst" }, &keywords[FOR_ALL], NULL, binding_show },
	{ "add", { NULL }, keywords, NULL, binding_add },
	{ "del", { "delete" }, &keywords[FOR_ALL], NULL, binding_del },
	{ .word = NULL }
};

const struct object binding_object = {
	.word = "binding",
	.commands = commands,
	.usage =
	"latch binding add KEY peer PEER [ local PEER ] [ natt-addr ADDRESS ]\n"
	"                  [ with-sa ] [ exclusive ]\n"
	"latch binding del KEY [ peer PEER ] [ local PEER ]\n"
	"latch binding [ show [ KEY ] [ peer PEER ] [ local PEER ] ]\n"
	"KEY := { reqid NUMBER | dst ADDRESS proto { esp | ah } spi SPI [ mark VALUE[/MASK] ] }\n",
};
