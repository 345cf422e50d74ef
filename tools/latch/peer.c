// SPDX-License-Identifier: GPL-2.0
/*
 * latch peer: the identities of peers.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <linux/latch.h>
#include <linux/latch_netlink.h>
#include "args.h"
#include "list.h"
#include "nl.h"
#include "print.h"
#include "rfc4514.h"
#include "show.h"

#define IDENTITY(word, kind, type)	{ word, NULL, SLOT_IDENTITY, kind, NULL, 0, type }

static const struct keyword add_keywords[] = {
	IDENTITY("ipv4", ARG_TEXT, LATCH_ID_IPV4),
	IDENTITY("ipv6", ARG_TEXT, LATCH_ID_IPV6),
	IDENTITY("fqdn", ARG_TEXT, LATCH_ID_FQDN),
	IDENTITY("email", ARG_TEXT, LATCH_ID_EMAIL),
	IDENTITY("dn", ARG_TEXT, LATCH_ID_DN),
	IDENTITY("gn", ARG_TEXT, LATCH_ID_GN),
	IDENTITY("keyid", ARG_TEXT, LATCH_ID_KEYID),
	IDENTITY("null", ARG_FLAG, LATCH_ID_NULL),
	{ "auth", NULL, SLOT_AUTH, ARG_NAME, auth_names, UINT8_MAX, 0 },
	{ "cert", NULL, SLOT_CERT, ARG_FILE, NULL, 0, LATCH_A_PEER_CERT },
	{ "anchor", NULL, SLOT_ANCHOR, ARG_FILE, NULL, 0, LATCH_A_PEER_ANCHOR },
	{ "key", NULL, SLOT_KEY, ARG_FILE, NULL, 0, LATCH_A_PEER_KEY },
	{ "with-bindings", NULL, SLOT_LAST, ARG_FLAG, NULL, 0, 0 },
	{ .word = NULL }
};

static const struct keyword id_keywords[] = {
	{ "id", NULL, SLOT_ID, ARG_PEER, NULL, UINT32_MAX, 0 },
	{ .word = NULL }
};

/**
 * struct blob - the value of an attribute, from a file or the command line
 * @data: the bytes; free_blobs() frees them
 * @len:  their number
 */
struct blob {
	unsigned char *data;
	size_t len;
};

/**
 * show_peer() - print the fields of a peer record
 * @nlh: an answer or an event with the record
 */
void show_peer(const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[LATCH_A_PEER_MAX + 1], *a;
	static const struct {
		const char *word;
		int type;
	} blobs[] = {
		{ "cert", LATCH_A_PEER_CERT },
		{ "anchor", LATCH_A_PEER_ANCHOR },
		{ "key", LATCH_A_PEER_KEY },
		{ "digest", LATCH_A_PEER_DIGEST },
	};
	size_t i;

	netlink_parse(nlh, tb, LATCH_A_PEER_MAX);
	print_num("id", "peer", netlink_num(tb[LATCH_A_PEER_ID]));
	show_identity("", tb[LATCH_A_PEER_ID_TYPE], tb[LATCH_A_PEER_ID_VALUE]);
	if (tb[LATCH_A_PEER_AUTH])
		print_name("auth", "auth", auth_names, netlink_num(tb[LATCH_A_PEER_AUTH]));
	if (tb[LATCH_A_PEER_REFS])
		print_num("refs", "refs", netlink_num(tb[LATCH_A_PEER_REFS]));
	if (tb[LATCH_A_PEER_WITH_BINDINGS])
		print_flag("with-bindings", "with-bindings");
	for (i = 0; i < ARRAY_SIZE(blobs); i++) {
		a = tb[blobs[i].type];
		if (!a || !mnl_attr_get_payload_len(a))
			continue;
		print_line();
		print_blob(blobs[i].word, opt.details ? blobs[i].word : NULL,
			   mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	}
}

/**
 * show_identity() - print an identity
 * @prefix: as for print_identity()
 * @type:   attribute with the type; NULL where there is no identity: prints nothing
 * @value:  attribute with the value, or NULL
 */
void show_identity(const char *prefix, const struct nlattr *type, const struct nlattr *value)
{
	if (!type)
		return;
	print_identity(prefix, netlink_num(type), value ? mnl_attr_get_payload(value) : "",
		       value ? mnl_attr_get_payload_len(value) : 0);
}

static void show_entry(const struct nlmsghdr *nlh, void *data)
{
	(void)data;
	print_open(NULL);
	show_peer(nlh);
	print_close();
}

static int bad_identity(const struct arg *a)
{
	error("bad value \"%s\" of \"%s\"", a->text, a->kw->word);
	return EXIT_USAGE;
}

static int take_address(const struct arg *a, struct blob *b, int family)
{
	b->len = family == AF_INET ? 4 : 16;
	b->data = need(malloc(b->len));
	return inet_pton(family, a->text, b->data) == 1 ? 0 : bad_identity(a);
}

static int take_hex(const struct arg *a, struct blob *b)
{
	b->data = hex_decode(a->text, &b->len);
	return b->data ? 0 : bad_identity(a);
}

static int take_text(const struct arg *a, struct blob *b)
{
	b->data = need((void *)strdup(a->text));
	b->len = strlen(a->text);
	return 0;
}

static int take_file(const struct arg *a, struct blob *b, size_t max)
{
	b->data = file_read(a->text, max, &b->len);
	return b->data ? 0 : EXIT_USAGE;
}

static int take_der(const struct arg *a, struct blob *b)
{
	return strncmp(a->text, "0x", 2) ? take_file(a, b, LATCH_MAX_ID) : take_hex(a, b);
}

/* A name has "=" before any slash; a file that has, too, can be given as ./FILE. */
static bool is_dn(const char *text)
{
	return text[strcspn(text, "=/")] == '=';
}

static int take_dn(const struct arg *a, struct blob *b)
{
	const char *why;

	b->data = rfc4514_to_der(a->text, &b->len, &why);
	if (b->data)
		return 0;
	error("bad value \"%s\" of \"%s\": %s", a->text, a->kw->word, why);
	return EXIT_USAGE;
}

/* Take the value in the form in which IKE carries it. Returns the exit status. */
static int take_identity(const struct arg *a, struct blob *b)
{
	bool hex = !strncmp(a->text, "0x", 2);
	int rc;

	switch (a->kw->tag) {
	case LATCH_ID_NULL:
		return 0;
	case LATCH_ID_IPV4:
		return take_address(a, b, AF_INET);
	case LATCH_ID_IPV6:
		return take_address(a, b, AF_INET6);
	case LATCH_ID_DN:
		rc = is_dn(a->text) ? take_dn(a, b) : take_der(a, b);
		break;
	case LATCH_ID_GN:
		rc = take_der(a, b);
		break;
	case LATCH_ID_KEYID:
		rc = hex ? take_hex(a, b) : take_text(a, b);
		break;
	default:
		rc = take_text(a, b);
	}
	if (rc || b->len <= LATCH_MAX_ID)
		return rc;
	error("\"%s\" is longer than %d bytes", a->kw->word, LATCH_MAX_ID);
	return EXIT_USAGE;
}

static void free_blobs(struct blob *b, size_t n)
{
	while (n--)
		free(b[n].data);
}

/* Read all values before we send anything: the identity first, then the files. */
static int add_values(const struct arg *args, struct blob *b)
{
	static const enum arg_slot files[] = { SLOT_CERT, SLOT_ANCHOR, SLOT_KEY };
	size_t i;
	int rc;

	rc = take_identity(&args[SLOT_IDENTITY], &b[0]);
	for (i = 0; !rc && i < ARRAY_SIZE(files); i++)
		if (args[files[i]].kw)
			rc = take_file(&args[files[i]], &b[i + 1], LATCH_MAX_BLOB);
	return rc;
}

static int add_send(const struct arg *args, const struct blob *b)
{
	struct nlmsghdr *nlh = nl_begin(LATCH_CMD_PEER_NEW);

	if (!nlh)
		return EXIT_REFUSED;
	nl_put_u8(nlh, LATCH_A_PEER_ID_TYPE, args[SLOT_IDENTITY].kw->tag);
	if (b[0].len)
		nl_put(nlh, LATCH_A_PEER_ID_VALUE, b[0].data, b[0].len);
	if (args[SLOT_AUTH].kw)
		nl_put_u8(nlh, LATCH_A_PEER_AUTH, args[SLOT_AUTH].num);
	if (b[1].len)
		nl_put(nlh, LATCH_A_PEER_CERT, b[1].data, b[1].len);
	if (b[2].len)
		nl_put(nlh, LATCH_A_PEER_ANCHOR, b[2].data, b[2].len);
	if (b[3].len)
		nl_put(nlh, LATCH_A_PEER_KEY, b[3].data, b[3].len);
	if (args[SLOT_LAST].kw)
		nl_put(nlh, LATCH_A_PEER_WITH_BINDINGS, "", 0);
	return list_answer(nlh, show_entry, NULL);
}

/* Add a record and print it with its number, which bindings refer to. */
static int peer_add(const struct arg *args)
{
	struct blob b[4] = { { NULL, 0 } };
	int rc;

	if (!args[SLOT_IDENTITY].kw) {
		error("\"peer add\" needs an identity, see \"latch peer help\"");
		return EXIT_USAGE;
	}
	rc = add_values(args, b);
	if (!rc)
		rc = add_send(args, b);
	free_blobs(b, 4);
	return rc;
}

static int peer_del(const struct arg *args)
{
	struct nlmsghdr *nlh;

	if (!args[SLOT_ID].kw) {
		error("\"peer del\" needs the number or name of a record, see \"latch peer help\"");
		return EXIT_USAGE;
	}
	nlh = nl_begin(LATCH_CMD_PEER_DEL);
	if (!nlh)
		return EXIT_REFUSED;
	nl_put_u32(nlh, LATCH_A_PEER_ID, args[SLOT_ID].num);
	return nl_do(nlh, NULL, NULL, 0);
}

static int peer_show(const struct arg *args)
{
	struct nlmsghdr *nlh;

	if (!args[SLOT_ID].kw)
		return list_all(LATCH_CMD_PEER_GET, show_entry, NULL);
	nlh = nl_begin(LATCH_CMD_PEER_GET);
	if (nlh)
		nl_put_u32(nlh, LATCH_A_PEER_ID, args[SLOT_ID].num);
	return list_answer(nlh, show_entry, NULL);
}

static const struct command commands[] = {
	{ "show", { "list", "lst" }, id_keywords, &id_keywords[0], peer_show },
	{ "add", { NULL }, add_keywords, NULL, peer_add },
	{ "del", { "delete" }, id_keywords, &id_keywords[0], peer_del },
	{ .word = NULL }
};

const struct object peer_object = {
	.word = "peer",
	.commands = commands,
	.usage =
	"latch peer add IDENTITY [ auth METHOD ] [ cert FILE ] [ anchor FILE ] [ key FILE ]\n"
	"               [ with-bindings ]\n"
	"latch peer del [ id ] PEER\n"
	"latch peer [ show [ [ id ] PEER ] ]\n"
	"PEER := { NUMBER | [TYPE:]NAME }\n"
	"IDENTITY := { ipv4 ADDRESS | ipv6 ADDRESS | fqdn NAME | email NAME |\n"
	"              dn { NAME | DER } | gn DER | keyid { 0xHEX | TEXT } | null }\n"
	"DER := { 0xHEX | FILE }\n"
	"METHOD := { psk | rsa | dss | ecdsa-256 | ecdsa-384 | ecdsa-521 | signature | null |\n"
	"            eap | manual | unknown | NUMBER }\n",
};
