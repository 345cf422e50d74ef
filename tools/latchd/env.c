// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the environment that pluto gives its updown command (fmt_common_shell_out() in
 * kernel.c of libreswan 4.10). The peer chooses parts of it.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/latch.h>
#include "env.h"

/* The administrator may choose reqids up to this one; pluto uses each just as it is. */
#define MANUAL_REQID_MAX	0x3fff

/* Get the value of a variable; NULL where it is missing, or there twice. */
static const char *value_of(char **environ, const char *name)
{
	size_t len = strlen(name);
	const char *found = NULL;

	for (; *environ; environ++) {
		if (strncmp(*environ, name, len) || (*environ)[len] != '=')
			continue;
		if (found)
			return NULL;
		found = *environ + len + 1;
	}
	return found;
}

/**
 * env_verb() - find out what pluto wants its updown command to do
 * @environ: the environment
 *
 * Return: the verb; VERB_OTHER where we have nothing to do.
 */
enum verb env_verb(char **environ)
{
	static const struct {
		const char *word;
		enum verb verb;
	} verbs[] = {
		{ "prepare-host", VERB_PREPARE }, { "prepare-client", VERB_PREPARE },
		{ "prepare-host-v6", VERB_PREPARE }, { "prepare-client-v6", VERB_PREPARE },
		{ "route-host", VERB_PREPARE }, { "route-client", VERB_PREPARE },
		{ "route-host-v6", VERB_PREPARE }, { "route-client-v6", VERB_PREPARE },
		{ "up-host", VERB_UP }, { "up-client", VERB_UP },
		{ "up-host-v6", VERB_UP }, { "up-client-v6", VERB_UP },
	};
	const char *word = value_of(environ, "PLUTO_VERB");
	size_t i;

	for (i = 0; word && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(word, verbs[i].word))
			return verbs[i].verb;
	return VERB_OTHER;
}

/* Read a decimal number from 1 to 2^32 - 4: digits only, the first of them not 0. */
static bool number(const char *s, uint32_t *v)
{
	unsigned long long n = 0;

	if (!s || *s < '1' || *s > '9')
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = 10 * n + (*s - '0');
		if (n > UINT32_MAX - 3)
			return false;
	}
	*v = n;
	return true;
}

/*
 * Find out the reqid in the kernel: pluto allots four to a connection, and ESP has the
 * second of them. Returns NULL, or what is wrong.
 */
static const char *kernel_reqid(char **environ, uint32_t *reqid)
{
	const char *type = value_of(environ, "PLUTO_SA_TYPE");

	if (!number(value_of(environ, "PLUTO_SA_REQID"), reqid))
		return "PLUTO_SA_REQID is no reqid";
	if (!type || (strcmp(type, "ESP") && strcmp(type, "AH")))
		return "PLUTO_SA_TYPE is neither ESP nor AH";
	if (*type == 'E' && *reqid > MANUAL_REQID_MAX)
		++*reqid;
	return NULL;
}

/* Is @word one of the words of @list, which are separated by "+"? */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *p = list;

	while ((p = strstr(p, word))) {
		if ((p == list || p[-1] == '+') && (!p[len] || p[len] == '+'))
			return true;
		p++;
	}
	return false;
}

/*
 * Is this a connection for one peer only?  The text of an ID does not tell its type:
 * "@#0x6162" is a key ID or a name, "@bob" a name or an e-mail address. Where the
 * connection is for one peer, its configuration fixes the type, and a certificate does
 * so too. But a peer that only knows a secret which others know, too, may claim any ID,
 * of any type.
 */
static bool for_one_peer(char **environ)
{
	const char *kind = value_of(environ, "PLUTO_CONN_KIND");

	return kind && !strcmp(kind, "CK_PERMANENT");
}

/**
 * env_updown() - find out which peer the SAs of a connection belong to
 * @u:       set
 * @environ: the environment
 *
 * Return: NULL, or why that is not known.
 */
const char *env_updown(struct updown *u, char **environ)
{
	const char *id = value_of(environ, "PLUTO_PEER_ID"), *why;
	const char *policy = value_of(environ, "PLUTO_CONN_POLICY");

	memset(u, 0, sizeof(*u));
	why = kernel_reqid(environ, &u->reqid);
	if (why)
		return why;
	if (!policy || !id)
		return "PLUTO_PEER_ID or PLUTO_CONN_POLICY is missing";
	if (has_word(policy, "ALLOW_NO_SAN"))
		return "require-id-on-certificate=no lets each certificate have each identity";
	/* XAUTH: a group shares the identity, and each member has a name of its own */
	if (value_of(environ, "PLUTO_USERNAME"))
		return "the peer is known by its XAUTH name";
	why = ident_from_environment(&u->peer, id);
	if (why)
		return why;
	if (!for_one_peer(environ) &&
	    (has_word(policy, "PSK") || u->peer.type == LATCH_ID_KEYID)) {
		u->peer = (struct ident){ 0 };
		return "what any peer may say of itself that has the shared secret";
	}
	id = value_of(environ, "PLUTO_MY_ID");
	/* it does no harm where our own identity is not known */
	if (!id || ident_from_environment(&u->local, id))
		u->local = (struct ident){ 0 };
	return NULL;
}
