// SPDX-License-Identifier: GPL-2.0
/*
 * latch connection: the latches of connections and of listeners.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/latch.h>
#include <linux/latch_netlink.h>
#include "args.h"
#include "flow.h"
#include "list.h"
#include "nl.h"
#include "print.h"
#include "show.h"

#define CONN_MAX	LATCH_A_CONN_MAX

/* The first one is for "own-policy" alone; the others say which latches. */
static const struct keyword words[] = {
	{ "off", NULL, SLOT_OFF, ARG_FLAG, NULL, 0, 0 },
	{ "id", NULL, SLOT_ID, ARG_NUMBER, NULL, UINT64_MAX, 0 },
	{ "state", NULL, SLOT_STATE, ARG_WORD, state_names, 0, 0 },
	{ "proto", NULL, SLOT_PROTO, ARG_NAME, flow_proto_names, UINT8_MAX, 0 },
	{ "src", "local", SLOT_SRC, ARG_PREFIX, NULL, 0, 0 },
	{ "sport", NULL, SLOT_SPORT, ARG_PORT, NULL, UINT16_MAX, 0 },
	{ "dst", "remote", SLOT_DST, ARG_PREFIX, NULL, 0, 0 },
	{ "dport", NULL, SLOT_DPORT, ARG_PORT, NULL, UINT16_MAX, 0 },
	{ "peer", NULL, SLOT_PEER, ARG_PEER_ZERO, NULL, UINT32_MAX, 0 },
	{ "forwarded", NULL, SLOT_FORWARDED, ARG_FLAG, NULL, 0, 0 },
	{ .word = NULL }
};

#define SELECTORS	(&words[1])

/* --- show -------------------------------------------------------------------- */

static void show_addr(const char *key, const char *label, const struct nlattr *family,
		      const struct nlattr *a)
{
	if (a)
		print_addr(key, label, mnl_attr_get_payload(a), flow_addr_len(family, a));
}

static void show_port(const char *key, const char *label, const struct nlattr *a)
{
	if (a)
		print_num(key, label, ntohs(netlink_num(a)));
}

static void show_count(const char *key, const char *label, const struct nlattr *a)
{
	if (a)
		print_num(key, label, netlink_num(a));
}

static void show_name(const char *key, const char *label, const struct name *names,
		      const struct nlattr *a)
{
	if (a)
		print_name(key, label, names, netlink_num(a));
}

static void show_transform(const struct nlattr *nest)
{
	const struct nlattr *t[LATCH_A_TRANSFORM_MAX + 1];
	const char *more = opt.details ? "" : NULL;
	unsigned int encr, integ;
	char name[ALG_NAME_MAX];

	netlink_parse_nest(nest, t, LATCH_A_TRANSFORM_MAX);
	encr = netlink_num(t[LATCH_A_TRANSFORM_ENCR]);
	integ = netlink_num(t[LATCH_A_TRANSFORM_INTEG]);
	print_line();
	print_open(NULL);
	show_name("proto", "", sa_proto_names, t[LATCH_A_TRANSFORM_PROTO]);
	show_name("mode", "", xfrm_mode_names, t[LATCH_A_TRANSFORM_MODE]);
	if (encr) {
		encr_name(name, encr, netlink_num(t[LATCH_A_TRANSFORM_ENCR_BITS]));
		print_str("encr", "", name);
	}
	if (integ) {
		integ_name(name, integ, netlink_num(t[LATCH_A_TRANSFORM_ICV_BITS]));
		print_str("integ", "", name);
	}
	show_count("encr-bits", more ? "encr-bits" : NULL, t[LATCH_A_TRANSFORM_ENCR_BITS]);
	show_count("integ-bits", more ? "integ-bits" : NULL, t[LATCH_A_TRANSFORM_INTEG_BITS]);
	show_count("icv-bits", more ? "icv-bits" : NULL, t[LATCH_A_TRANSFORM_ICV_BITS]);
	show_count("replay-window", "replay-window", t[LATCH_A_TRANSFORM_REPLAY_WINDOW]);
	print_close();
}

static void show_transforms(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	print_list_open("transforms");
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		if (mnl_attr_get_type(attr) == LATCH_A_CONN_TRANSFORMS)
			show_transform(attr);
	print_close();
}

/* Does this host forward the flow? */
static bool forwarded(const struct nlattr **tb)
{
	return netlink_num(tb[LATCH_A_CONN_FLAGS]) & LATCH_F_FORWARDED;
}

/*
 * Print the first line: the state, the flow and the peer. In JSON "forwarded" is one of the
 * flags.
 */
static void show_head(const struct nlattr **tb)
{
	show_count("id", "connection", tb[LATCH_A_CONN_ID]);
	show_name("old-state", "old-state", state_names, tb[LATCH_A_CONN_OLD_STATE]);
	show_name("state", "state", state_names, tb[LATCH_A_CONN_STATE]);
	if (netlink_num(tb[LATCH_A_CONN_REASON]) || opt.json)
		show_name("reason", "reason", reason_names, tb[LATCH_A_CONN_REASON]);
	if (tb[LATCH_A_CONN_CONFLICTS])
		print_set("conflicts", "conflicts", reason_bits,
			  netlink_num(tb[LATCH_A_CONN_CONFLICTS]));
	show_name("family", NULL, family_names, tb[LATCH_A_CONN_FAMILY]);
	show_name("proto", "proto", flow_proto_names, tb[LATCH_A_CONN_PROTO]);
	show_addr("local-addr", "src", tb[LATCH_A_CONN_FAMILY], tb[LATCH_A_CONN_LOCAL_ADDR]);
	show_port("local-port", "sport", tb[LATCH_A_CONN_LOCAL_PORT]);
	show_addr("remote-addr", "dst", tb[LATCH_A_CONN_FAMILY], tb[LATCH_A_CONN_REMOTE_ADDR]);
	show_port("remote-port", "dport", tb[LATCH_A_CONN_REMOTE_PORT]);
	if (forwarded(tb) && !opt.json)
		print_flag(NULL, "forwarded");
	show_count("peer", "peer", tb[LATCH_A_CONN_PEER]);
	if (netlink_num(tb[LATCH_A_CONN_PEER_ID_TYPE]))
		show_identity("peer-", tb[LATCH_A_CONN_PEER_ID_TYPE],
			      tb[LATCH_A_CONN_PEER_ID_VALUE]);
	show_count("local", "local-peer", tb[LATCH_A_CONN_LOCAL]);
}

/* Print the outer addresses and ports where they differ from the flow. */
static void show_outer(const struct nlattr **tb)
{
	const struct nlattr *family = tb[LATCH_A_CONN_OUTER_FAMILY];

	print_line();
	if (!netlink_num(family))
		return;
	show_name("outer-family", NULL, family_names, family);
	show_addr("outer-local-addr", "outer-src", family, tb[LATCH_A_CONN_OUTER_LOCAL_ADDR]);
	show_addr("outer-remote-addr", "outer-dst", family, tb[LATCH_A_CONN_OUTER_REMOTE_ADDR]);
	if (!netlink_num(tb[LATCH_A_CONN_NATT_LOCAL_PORT]) &&
	    !netlink_num(tb[LATCH_A_CONN_NATT_REMOTE_PORT]))
		return;
	show_port("natt-local-port", "natt-sport", tb[LATCH_A_CONN_NATT_LOCAL_PORT]);
	show_port("natt-remote-port", "natt-dport", tb[LATCH_A_CONN_NATT_REMOTE_PORT]);
	if (tb[LATCH_A_CONN_NATT_REMOTE_ADDR])
		show_addr("natt-remote-addr", "natt-addr", family,
			  tb[LATCH_A_CONN_NATT_REMOTE_ADDR]);
}

/* Print the settings and the socket with -d, the counters with -s. */
static void show_more(const struct nlattr **tb)
{
	bool d = opt.details, s = opt.stats;

	print_line();
	show_name("mode", d ? "mode" : NULL, mode_names, tb[LATCH_A_CONN_MODE]);
	show_name("disposition", d ? "disposition" : NULL, disposition_names,
		  tb[LATCH_A_CONN_DISPOSITION]);
	if (tb[LATCH_A_CONN_FLAGS])
		print_set("flags", d ? "flags" : NULL, flag_names,
			  netlink_num(tb[LATCH_A_CONN_FLAGS]));
	if (tb[LATCH_A_CONN_OWN_NONE])
		show_name("own-none", "no-own-policy", own_none_names,
			  tb[LATCH_A_CONN_OWN_NONE]);
	show_count("uid", d ? "uid" : NULL, tb[LATCH_A_CONN_UID]);
	show_count("inode", d ? "inode" : NULL, tb[LATCH_A_CONN_INODE]);
	print_line();
	show_count("in-drops", s ? "in-drops" : NULL, tb[LATCH_A_CONN_IN_DROPS]);
	show_count("out-drops", s ? "out-drops" : NULL, tb[LATCH_A_CONN_OUT_DROPS]);
	show_count("breaks", s ? "breaks" : NULL, tb[LATCH_A_CONN_BREAKS]);
}

/**
 * show_connection() - print the fields of a latch
 * @nlh: an answer or an event with the latch
 */
void show_connection(const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[CONN_MAX + 1];

	netlink_parse(nlh, tb, CONN_MAX);
	show_head(tb);
	show_transforms(nlh);
	show_outer(tb);
	show_more(tb);
}

/* --- selection ------------------------------------------------------------------ */

static bool prefix_match(const struct arg *a, const struct nlattr *family,
			 const struct nlattr *addr)
{
	size_t len = a->family == AF_INET ? 4 : 16, bytes = a->mask / 8;
	unsigned int rest = a->mask % 8;
	const unsigned char *have;

	if (!a->kw)
		return true;
	if (!addr || flow_addr_len(family, addr) != len)
		return false;
	have = mnl_attr_get_payload(addr);
	if (memcmp(have, a->addr, bytes))
		return false;
	return !rest || !((have[bytes] ^ a->addr[bytes]) >> (8 - rest));
}

/* Do the selectors, -4 and -6 all match the latch? */
static bool match(const struct nlattr **tb, const struct arg *args)
{
	const struct nlattr *family = tb[LATCH_A_CONN_FAMILY];

	if (opt.family && netlink_num(family) != (unsigned int)opt.family)
		return false;
	if (!prefix_match(&args[SLOT_SRC], family, tb[LATCH_A_CONN_LOCAL_ADDR]) ||
	    !prefix_match(&args[SLOT_DST], family, tb[LATCH_A_CONN_REMOTE_ADDR]))
		return false;
	if (args[SLOT_FORWARDED].kw && !forwarded(tb))
		return false;
	return arg_is(&args[SLOT_ID], netlink_num(tb[LATCH_A_CONN_ID])) &&
	       arg_is(&args[SLOT_STATE], netlink_num(tb[LATCH_A_CONN_STATE])) &&
	       arg_is(&args[SLOT_PROTO], netlink_num(tb[LATCH_A_CONN_PROTO])) &&
	       arg_is(&args[SLOT_PEER], netlink_num(tb[LATCH_A_CONN_PEER])) &&
	       arg_is(&args[SLOT_SPORT], ntohs(netlink_num(tb[LATCH_A_CONN_LOCAL_PORT]))) &&
	       arg_is(&args[SLOT_DPORT], ntohs(netlink_num(tb[LATCH_A_CONN_REMOTE_PORT])));
}

static void show_entry(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[CONN_MAX + 1];

	netlink_parse(nlh, tb, CONN_MAX);
	if (!match(tb, data))
		return;
	print_open(NULL);
	if (opt.brief && !opt.json)
		flow_brief(nlh);
	else
		show_connection(nlh);
	print_close();
}

/* With a number, ask for that latch alone: the kernel says where it is gone. */
static int connection_show(const struct arg *args)
{
	struct nlmsghdr *nlh;

	if (!args[SLOT_ID].kw)
		return list_all(LATCH_CMD_CONN_GET, show_entry, args);
	nlh = nl_begin(LATCH_CMD_CONN_GET);
	if (nlh)
		nl_put_u64(nlh, LATCH_A_CONN_ID, args[SLOT_ID].num);
	return list_answer(nlh, show_entry, args);
}

/* --- close and flush ----------------------------------------------------------------- */

/**
 * struct chosen - the latches that the selectors match
 * @args: the selectors
 * @id:   their numbers
 * @n:    how many there are
 * @room: how many fit into @id
 */
struct chosen {
	const struct arg *args;
	uint64_t *id;
	size_t n;
	size_t room;
};

static void choose(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[CONN_MAX + 1];
	struct chosen *c = data;

	netlink_parse(nlh, tb, CONN_MAX);
	if (!match(tb, c->args))
		return;
	c->id = grow(c->id, c->n, &c->room, sizeof(*c->id));
	c->id[c->n++] = netlink_num(tb[LATCH_A_CONN_ID]);
}

static int do_one(int command, uint64_t id, int forgive)
{
	struct nlmsghdr *nlh = nl_begin(command);
	int rc;

	if (!nlh)
		return EXIT_REFUSED;
	nl_put_u64(nlh, LATCH_A_CONN_ID, id);
	rc = nl_do(nlh, NULL, NULL, forgive);
	return rc && forgive && errno == forgive ? 0 : rc;
}

/* Close or release what the selectors match. It is no error where a latch has gone meanwhile. */
static int do_chosen(int command, const struct arg *args, size_t *n)
{
	struct chosen c = { .args = args };
	int rc, worst;
	size_t i;

	worst = nl_dump(LATCH_CMD_CONN_GET, choose, &c);
	for (i = 0; i < c.n && !worst; i++) {
		rc = do_one(command, c.id[i], ENOENT);
		if (rc > worst)
			worst = rc;
	}
	*n = c.n;
	free(c.id);
	return worst;
}

/* Did the user give any selector besides @but? */
static bool any(const struct arg *args, enum arg_slot but)
{
	enum arg_slot i;

	for (i = 0; i < N_SLOTS; i++)
		if (args[i].kw && i != but && i != SLOT_OFF)
			return true;
	return opt.family;
}

/* Where the user gives only the number, there is no need to read the list. */
static int connection_close(const struct arg *args)
{
	size_t n;
	int rc;

	if (args[SLOT_ID].kw && !any(args, SLOT_ID))
		return do_one(LATCH_CMD_CONN_CLOSE, args[SLOT_ID].num, 0);
	if (!any(args, N_SLOTS)) {
		error("\"connection close\" needs a selector; \"connection flush\" closes all");
		return EXIT_USAGE;
	}
	rc = do_chosen(LATCH_CMD_CONN_CLOSE, args, &n);
	if (!rc && !n) {
		error("no latch matches");
		return EXIT_REFUSED;
	}
	return rc;
}

/* One request closes all latches, or all of a peer; other selectors need the list. */
static int connection_flush(const struct arg *args)
{
	struct nlmsghdr *nlh;
	size_t n;

	if (any(args, SLOT_PEER) || (args[SLOT_PEER].kw && !args[SLOT_PEER].num))
		return do_chosen(LATCH_CMD_CONN_CLOSE, args, &n);
	nlh = nl_begin(LATCH_CMD_CONN_FLUSH);
	if (!nlh)
		return EXIT_REFUSED;
	if (args[SLOT_PEER].kw)
		nl_put_u32(nlh, LATCH_A_CONN_PEER, args[SLOT_PEER].num);
	return nl_do(nlh, NULL, NULL, 0);
}

/* One request releases all latches that may go; selectors need the list. */
static int connection_release(const struct arg *args)
{
	struct nlmsghdr *nlh;
	size_t n;

	if (args[SLOT_ID].kw && !any(args, SLOT_ID))
		return do_one(LATCH_CMD_CONN_RELEASE, args[SLOT_ID].num, 0);
	if (any(args, N_SLOTS))
		return do_chosen(LATCH_CMD_CONN_RELEASE, args, &n);
	nlh = nl_begin(LATCH_CMD_CONN_RELEASE);
	return nlh ? nl_do(nlh, NULL, NULL, 0) : EXIT_REFUSED;
}

/*
 * Take its own policy away from all latches, or from those that the selectors match. The word "off"
 * is there so that nobody does it by a word that is left out.
 */
static int connection_own_policy(const struct arg *args)
{
	struct nlmsghdr *nlh;
	size_t n;

	if (!args[SLOT_OFF].kw) {
		error("\"connection own-policy\" needs \"off\"");
		return EXIT_USAGE;
	}
	if (args[SLOT_ID].kw && !any(args, SLOT_ID))
		return do_one(LATCH_CMD_CONN_OWN_POLICY_OFF, args[SLOT_ID].num, 0);
	if (any(args, N_SLOTS))
		return do_chosen(LATCH_CMD_CONN_OWN_POLICY_OFF, args, &n);
	nlh = nl_begin(LATCH_CMD_CONN_OWN_POLICY_OFF);
	return nlh ? nl_do(nlh, NULL, NULL, 0) : EXIT_REFUSED;
}

static const struct command commands[] = {
	{ "show", { "list", "lst" }, SELECTORS, SELECTORS, connection_show },
	{ "close", { NULL }, SELECTORS, SELECTORS, connection_close },
	{ "flush", { NULL }, SELECTORS, NULL, connection_flush },
	{ "release", { NULL }, SELECTORS, SELECTORS, connection_release },
	{ "own-policy", { NULL }, words, SELECTORS, connection_own_policy },
	{ .word = NULL }
};

const struct object connection_object = {
	.word = "connection",
	.commands = commands,
	.usage =
	"latch connection [ show [ SELECTOR ... ] ]\n"
	"latch connection close SELECTOR ...\n"
	"latch connection flush [ SELECTOR ... ]\n"
	"latch connection release [ SELECTOR ... ]\n"
	"latch connection own-policy off [ SELECTOR ... ]\n"
	"SELECTOR := { [ id ] NUMBER | state STATE | proto { tcp | udp | sctp | NUMBER } |\n"
	"              { src | local } PREFIX | sport PORT | { dst | remote } PREFIX |\n"
	"              dport PORT | peer PEER | forwarded }\n"
	"STATE := { LARVAL | LISTENER | ESTABLISHED | BROKEN | CLOSED }\n",
};
