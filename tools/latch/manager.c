// SPDX-License-Identifier: GPL-2.0
/*
 * latch manager: whether a key manager makes bindings for the SAs of this namespace.
 */
#include <linux/latch_netlink.h>
#include "args.h"
#include "list.h"
#include "nl.h"
#include "print.h"

static const struct keyword no_keywords[] = {
	{ .word = NULL }
};

static const struct keyword set_keywords[] = {
	{ "active", NULL, SLOT_ACTIVE, ARG_WORD, on_off_names, 0, 0 },
	{ "dead-peer", NULL, SLOT_DEAD_PEER, ARG_PEER, NULL, UINT32_MAX, 0 },
	{ .word = NULL }
};

static void show_entry(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LATCH_A_MANAGER_MAX + 1];

	(void)data;
	netlink_parse(nlh, tb, LATCH_A_MANAGER_MAX);
	print_open(NULL);
	print_title("manager");
	print_bool("active", "active", netlink_num(tb[LATCH_A_MANAGER_ACTIVE]));
	print_close();
}

/* A request without attributes changes nothing, and its answer has the state. */
static int manager_show(const struct arg *args)
{
	(void)args;
	return list_answer(nl_begin(LATCH_CMD_MANAGER_SET), show_entry, NULL);
}

static int manager_set(const struct arg *args)
{
	struct nlmsghdr *nlh;

	if (!args[SLOT_ACTIVE].kw && !args[SLOT_DEAD_PEER].kw) {
		error("\"manager set\" needs \"active\" or \"dead-peer\"");
		return EXIT_USAGE;
	}
	nlh = nl_begin(LATCH_CMD_MANAGER_SET);
	if (!nlh)
		return EXIT_REFUSED;
	if (args[SLOT_ACTIVE].kw)
		nl_put_u8(nlh, LATCH_A_MANAGER_ACTIVE, args[SLOT_ACTIVE].num);
	if (args[SLOT_DEAD_PEER].kw)
		nl_put_u32(nlh, LATCH_A_MANAGER_DEAD_PEER, args[SLOT_DEAD_PEER].num);
	return nl_do(nlh, NULL, NULL, 0);
}

static const struct command commands[] = {
	{ "show", { "list", "lst" }, no_keywords, NULL, manager_show },
	{ "set", { NULL }, set_keywords, NULL, manager_set },
	{ .word = NULL }
};

const struct object manager_object = {
	.word = "manager",
	.commands = commands,
	.usage =
	"latch manager [ show ]\n"
	"latch manager set [ active { on | off } ] [ dead-peer PEER ]\n",
};
