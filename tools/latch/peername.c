// SPDX-License-Identifier: GPL-2.0
/*
 * See peername.h. A name is the value of an identity as "latch peer" shows it, perhaps with
 * its type and a colon before it.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <linux/latch.h>
#include <linux/latch_netlink.h>
#include "nl.h"
#include "peername.h"
#include "print.h"
#include "rfc4514.h"

/**
 * struct wanted - the name that we look for, and what has it
 * @type:   its type, or LATCH_ID_NONE for any
 * @text:   the name
 * @dn:     the same as RFC 4514 has it, NULL where it is no distinguished name
 * @hex:    its bytes where it is written in hexadecimal, or NULL
 * @hexlen: their number
 * @found:  how many records have it
 * @id:     number of the last of them
 * @list:   all of them, for a message
 */
struct wanted {
	uint64_t type;
	const char *text;
	char *dn;
	unsigned char *hex;
	size_t hexlen;
	size_t found;
	uint32_t id;
	char list[512];
};

/* Take the type off the beginning. The colon of an IPv6 address comes after no type. */
static void take_type(struct wanted *w, const char *text)
{
	size_t len = strcspn(text, ":");
	char word[16];

	w->type = LATCH_ID_NONE;
	w->text = text;
	if (!text[len] || len >= sizeof(word))
		return;
	memcpy(word, text, len);
	word[len] = '\0';
	if (name_value(id_type_names, word, &w->type))
		w->text = text + len + 1;
}

/* Names of the DNS are the same in upper and lower case, mailboxes are not. */
static bool is_text(const struct wanted *w, const char *value, size_t len, bool email)
{
	const char *at = email ? memchr(value, '@', len) : NULL;
	size_t exact = at ? at - value : 0;

	return strlen(w->text) == len && !memcmp(w->text, value, exact) &&
	       !strncasecmp(w->text + exact, value + exact, len - exact) &&
	       !memchr(value, '\0', len);
}

static bool is_address(const struct wanted *w, int family, const void *value, size_t len)
{
	unsigned char addr[16];

	return len == (family == AF_INET ? 4 : 16) && inet_pton(family, w->text, addr) == 1 &&
	       !memcmp(addr, value, len);
}

static bool is_hex(const struct wanted *w, const void *value, size_t len)
{
	return w->hex && w->hexlen == len && !memcmp(w->hex, value, len);
}

static bool is_dn(const struct wanted *w, const void *value, size_t len)
{
	char *text = w->dn ? rfc4514_from_der(value, len) : NULL;
	bool same = text && !strcmp(text, w->dn);

	free(text);
	return same || is_hex(w, value, len);
}

static bool is_named(const struct wanted *w, unsigned int type, const void *value, size_t len)
{
	if (w->type != LATCH_ID_NONE && w->type != type)
		return false;
	switch (type) {
	case LATCH_ID_FQDN:
	case LATCH_ID_EMAIL:
		return is_text(w, value, len, type == LATCH_ID_EMAIL);
	case LATCH_ID_IPV4:
		return is_address(w, AF_INET, value, len);
	case LATCH_ID_IPV6:
		return is_address(w, AF_INET6, value, len);
	case LATCH_ID_DN:
		return is_dn(w, value, len);
	case LATCH_ID_KEYID:
		return is_hex(w, value, len) ||
		       (strlen(w->text) == len && !memcmp(w->text, value, len));
	default:
		return is_hex(w, value, len);
	}
}

static void add_number(char *buf, size_t room, const char *label, const struct name *names,
		       unsigned int v)
{
	const char *word = name_word(names, v);
	size_t len = strlen(buf);

	if (word)
		snprintf(buf + len, room - len, "%s%s", label, word);
	else
		snprintf(buf + len, room - len, "%s%u", label, v);
}

/* Add a record to the list for the message, which tells records of one name apart. */
static void note(struct wanted *w, const struct nlattr **tb)
{
	char one[96];

	snprintf(one, sizeof(one), "%s%u (", w->found ? ", " : "", w->id);
	add_number(one, sizeof(one), "", id_type_names, netlink_num(tb[LATCH_A_PEER_ID_TYPE]));
	if (tb[LATCH_A_PEER_AUTH])
		add_number(one, sizeof(one), ", auth ", auth_names,
			   netlink_num(tb[LATCH_A_PEER_AUTH]));
	strncat(one, ")", sizeof(one) - strlen(one) - 1);
	if (strlen(w->list) + strlen(one) + sizeof(", ...") < sizeof(w->list))
		strcat(w->list, one);
	else if (strlen(w->list) < 3 || strcmp(w->list + strlen(w->list) - 3, "..."))
		strcat(w->list, ", ...");
	w->found++;
}

static void look(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LATCH_A_PEER_MAX + 1], *value;
	struct wanted *w = data;

	netlink_parse(nlh, tb, LATCH_A_PEER_MAX);
	value = tb[LATCH_A_PEER_ID_VALUE];
	if (!value || !is_named(w, netlink_num(tb[LATCH_A_PEER_ID_TYPE]),
				mnl_attr_get_payload(value), mnl_attr_get_payload_len(value)))
		return;
	w->id = netlink_num(tb[LATCH_A_PEER_ID]);
	note(w, tb);
}

static void forget(void *data)
{
	struct wanted *w = data;

	w->found = 0;
	w->list[0] = '\0';
}

/* Read a distinguished name; of two spellings the text that we write is the same. */
static void take_dn(struct wanted *w)
{
	unsigned char *der;
	const char *why;
	size_t len;

	der = rfc4514_to_der(w->text, &len, &why);
	w->dn = der ? rfc4514_from_der(der, len) : NULL;
	free(der);
}

static int resolve(struct arg *a)
{
	struct wanted w = { .found = 0 };
	int rc;

	take_type(&w, a->text);
	take_dn(&w);
	w.hex = hex_decode(w.text, &w.hexlen);
	rc = nl_scan(LATCH_CMD_PEER_GET, look, forget, &w);
	free(w.dn);
	free(w.hex);
	if (rc)
		return rc;
	if (!w.found) {
		error("no peer has the name \"%s\" of \"%s\", see \"latch peer\"", a->text,
		      a->kw->word);
		return EXIT_USAGE;
	}
	if (w.found > 1) {
		error("several peers have the name \"%s\" of \"%s\", give a number: %s", a->text,
		      a->kw->word, w.list);
		return EXIT_USAGE;
	}
	a->num = w.id;
	return 0;
}

/**
 * peername_resolve() - find the records of the peers that the user calls by name
 * @args: what args_parse() has read; set: the number of each such record
 *
 * This only reads. Where a name is none, or that of several records, nothing may be done.
 *
 * Return: 0, or an exit status after a message.
 */
int peername_resolve(struct arg *args)
{
	size_t i;
	int rc;

	for (i = 0; i < N_SLOTS; i++) {
		if (!args[i].kw || !args[i].named)
			continue;
		rc = resolve(&args[i]);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- completion ---------------------------------------------------------------------- */

/**
 * struct offers - who wants to hear of names
 * @cb:    called with each
 * @start: for @cb
 */
struct offers {
	void (*cb)(const char *name, const char *start);
	const char *start;
};

/* Pass a name on, unless a shell would cut it into several words, or take it for a number. */
static void offer_name(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LATCH_A_PEER_MAX + 1], *value;
	const struct offers *o = data;
	unsigned int type;
	char *name;

	netlink_parse(nlh, tb, LATCH_A_PEER_MAX);
	type = netlink_num(tb[LATCH_A_PEER_ID_TYPE]);
	value = tb[LATCH_A_PEER_ID_VALUE];
	if (!value || (type != LATCH_ID_FQDN && type != LATCH_ID_EMAIL && type != LATCH_ID_IPV4))
		return;
	name = identity_text(type, mnl_attr_get_payload(value), mnl_attr_get_payload_len(value));
	if (name[strspn(name, "0123456789")] && !strpbrk(name, "\\:=$`!&|;<>()*?[]{}~#"))
		o->cb(name, o->start);
	free(name);
}

/**
 * peername_each() - go through names that a shell can complete
 * @cb:    called with each
 * @start: for @cb
 *
 * Where the list cannot be read there are none, after a message.
 */
void peername_each(void (*cb)(const char *name, const char *start), const char *start)
{
	struct offers o = { .cb = cb, .start = start };

	nl_dump(LATCH_CMD_PEER_GET, offer_name, &o);
}
