// SPDX-License-Identifier: GPL-2.0
/*
 * Reads what "whack --status" of libreswan says about SAs. It is a snapshot of pluto: first
 * the connections and instances, of which these lines matter,
 *
 *   000 "mesh"[1]:   policy: IKEv2+ECDSA+...;
 *   000 "mesh"[1]:   our idtype: ID_FQDN; our id=@alice; their idtype: ID_FQDN; their id=@bob
 *
 * then the states, of which these do:
 *
 *   000 #2: "mesh"[1] 10.9.0.2 esp.7f01@10.9.0.2 esp.7f02@10.9.0.1 Traffic: ESPin=0B ...
 *
 * Peers choose their IDs, which come last in a line, and their XAUTH names, which come
 * last, too, and may contain line breaks. So after the first state we read states only,
 * and where two lines contradict each other we bind nothing.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <linux/latch.h>
#include "log.h"
#include "status.h"

#define LABEL_MAX	256

/**
 * struct conn - a connection or an instance of one
 * @label:  "NAME" or "NAME"[N], with the quotes, in the text
 * @len:    bytes of @label
 * @known:  a line told its IDs
 * @never:  a line says that the IDs are not proven, or two lines tell them
 * @peer:   the peer's identity
 * @local:  ours, or LATCH_ID_NONE
 */
struct conn {
	const char *label;
	size_t len;
	bool known;
	bool never;
	struct ident peer;
	struct ident local;
};

/**
 * struct status - what we have read of a snapshot so far
 * @conns: connections, in the order of their lines
 * @n:     their number
 * @room:  how many fit into @conns
 */
struct status {
	struct conn *conns;
	size_t n;
	size_t room;
};

/* How many bytes of @s are "NAME" or "NAME"[N]?  0 where it does not begin so. */
static size_t label_len(const char *s)
{
	const char *quote, *p;

	if (*s != '"')
		return 0;
	quote = strchr(s + 1, '"');
	if (!quote || quote == s + 1)
		return 0;
	p = quote + 1;
	if (*p == '[') {
		p += 1 + strspn(p + 1, "0123456789");
		if (*p != ']' || p[-1] == '[')
			return 0;
		p++;
	}
	return p - s < LABEL_MAX ? p - s : 0;
}

static struct conn *find_conn(const struct status *s, const char *label, size_t len)
{
	size_t i;

	/* the lines of one connection follow each other */
	for (i = s->n; i--;)
		if (s->conns[i].len == len && !memcmp(s->conns[i].label, label, len))
			return &s->conns[i];
	return NULL;
}

static struct conn *get_conn(struct status *s, const char *label, size_t len)
{
	struct conn *c = find_conn(s, label, len), *conns;
	size_t room = s->room ? 2 * s->room : 16;

	if (c)
		return c;
	if (s->n == s->room) {
		conns = realloc(s->conns, room * sizeof(*conns));
		if (!conns)
			return NULL;
		s->conns = conns;
		s->room = room;
	}
	c = &s->conns[s->n++];
	*c = (struct conn){ .label = label, .len = len };
	return c;
}

/* Cut @s where @word begins and return what follows it, or NULL. */
static char *cut(char *s, const char *word)
{
	char *p = strstr(s, word);

	if (!p)
		return NULL;
	*p = '\0';
	return p + strlen(word);
}

/* Read "our idtype: X; our id=...; their idtype: Y; their id=...", from X on. */
static void take_ids(struct conn *c, char *s)
{
	char *our_id, *their_type, *their_id;
	const char *why;

	our_id = cut(s, "; our id=");
	their_type = our_id ? cut(our_id, "; their idtype: ") : NULL;
	their_id = their_type ? cut(their_type, "; their id=") : NULL;
	if (!their_id || c->known) {
		c->never = true;
		return;
	}
	c->known = true;
	if (ident_from_whack(&c->local, s, our_id))
		c->local = (struct ident){ 0 };
	why = ident_from_whack(&c->peer, their_type, their_id);
	if (!why)
		return;
	c->never = true;
	say_detail("pluto: the peer \"%s\" of %.*s is %s", shown(their_id, strlen(their_id)),
		   (int)c->len, c->label, why);
}

/* Read the words after "policy: ", which are separated by "+". */
static void take_policy(struct conn *c, const char *s)
{
	static const char word[] = "ALLOW_NO_SAN";
	const char *p = strstr(s, word);

	if (p && (p == s || p[-1] == '+') && strchr("+;", p[sizeof(word) - 1]))
		c->never = true;
}

/* Read a line about a connection. Returns false where there is no memory. */
static bool take_conn(struct status *s, char *line)
{
	static const char ids[] = ":   our idtype: ", policy[] = ":   policy: ";
	size_t len = label_len(line);
	struct conn *c;
	char *rest;

	if (!len)
		return true;
	rest = line + len;
	if (strncmp(rest, ids, sizeof(ids) - 1) && strncmp(rest, policy, sizeof(policy) - 1))
		return true;
	c = get_conn(s, line, len);
	if (!c)
		return false;
	if (!strncmp(rest, ids, sizeof(ids) - 1))
		take_ids(c, rest + sizeof(ids) - 1);
	else
		take_policy(c, rest + sizeof(policy) - 1);
	return true;
}

/* Read an SA such as esp.7f01@10.9.0.2 or esp:7f01@2001:db8::1. */
static bool take_said(struct claim *m, char *word)
{
	char *at = strchr(word, '@'), *end;
	unsigned long spi;
	char sep;

	if (!at)
		return false;
	*at = '\0';
	if (!strncmp(word, "esp", 3))
		m->key.proto = IPPROTO_ESP;
	else if (!strncmp(word, "ah", 2))
		m->key.proto = IPPROTO_AH;
	else
		return false;
	word += m->key.proto == IPPROTO_ESP ? 3 : 2;
	sep = *word++;
	if (!*word || strlen(word) > 8 || strspn(word, "0123456789abcdef") != strlen(word))
		return false;
	spi = strtoul(word, &end, 16);
	if (!spi || !claims_address(m, at + 1))
		return false;
	m->key.spi = htonl(spi);
	return sep == (m->key.family == AF_INET ? '.' : ':');
}

/* Read "#2: LABEL ... SAS ... Traffic: ... username=..." and claim its SAs. */
static void take_state(const struct status *s, struct claims *out, char *line)
{
	char *label = strchr(line, '"'), *traffic, *word, *rest;
	struct claim m = { .auth = LATCH_AUTH_UNKNOWN };
	size_t len = label ? label_len(label) : 0;
	const struct conn *c;

	traffic = len ? cut(label + len, " Traffic:") : NULL;
	if (!traffic)
		return;
	c = find_conn(s, label, len);
	/* otherwise the claims name no peer, and so contradict every other one */
	if (c && c->known && !c->never && !strstr(traffic, "username=")) {
		m.peer = c->peer;
		m.local = c->local;
	}
	for (word = strtok_r(label + len, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (take_said(&m, word))
			claims_add(out, &m);
}

/* Does the line begin with "#NUMBER: "? */
static bool is_state(const char *s)
{
	size_t n = *s == '#' ? strspn(s + 1, "0123456789") : 0;

	return n && s[1 + n] == ':' && s[2 + n] == ' ';
}

/**
 * status_read() - read a snapshot
 * @out:  gets a claim for each SA
 * @text: what whack printed; this changes it
 * @len:  its bytes; there is room for one more
 *
 * Return: true; false where whack does not print such text, or there is no memory: the
 * caller must not use any claim then.
 */
bool status_read(struct claims *out, char *text, size_t len)
{
	struct status s = { NULL, 0, 0 };
	char *line, *nl;
	bool states = false, ok = true;

	text[len] = '\0';
	if (!len || text[len - 1] != '\n' || strlen(text) != len)
		return false;
	for (line = text; ok && *line; line = nl + 1) {
		nl = strchr(line, '\n');
		*nl = '\0';
		/* whack puts this number before lines of the status */
		if (strncmp(line, "000 ", 4) && strcmp(line, "000")) {
			ok = false;
			break;
		}
		line += line[3] ? 4 : 3;
		states |= is_state(line);
		if (is_state(line))
			take_state(&s, out, line);
		else if (!states)
			ok = take_conn(&s, line);
	}
	free(s.conns);
	return ok;
}
