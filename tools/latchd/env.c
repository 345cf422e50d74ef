// SPDX-License-Identifier: GPL-2.0
/*
 * The environment that pluto gives its updown command (kernel.c of libreswan
 * 4.10, fmt_common_shell_out()). The peer has a say in parts of it.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/latch.h>
#include "env.h"

/* pluto gives this many reqids to the administrator; these are not split by protocol. */
#define MANUAL_REQID_MAX	0x3fff

/* The value of a variable; NULL where it is missing or there twice. */
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
 * env_verb() - what is asked
 * @environ: as of main()
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

/* Decimal, 1 to 2^32 - 4, without ornaments. */
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

/* The kernel's reqid: pluto gives four to a connection, and ESP has the second. */
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

/* Is @word one of those in @list, which has "+" between them? */
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
 * The text of an ID does not tell its type: "@#0x6162" is a key ID or a name,
 * "@bob" a name or an address of mail. A connection for one peer has the type, and
 * so has a certificate. Who has but a secret that others have, too, is believed
 * anything, and can even be taken for what he did not say.
 */
static bool for_one_peer(char **environ)
{
	const char *kind = value_of(environ, "PLUTO_CONN_KIND");

	return kind && !strcmp(kind, "CK_PERMANENT");
}

/**
 * env_updown() - whose the SAs of a connection are
 * @u:       set to it
 * @environ: as of main()
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
	/* a group's identity, whose members have names of their own */
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
	/* ours is no secret and no one else's: unknown does no harm */
	if (!id || ident_from_environment(&u->local, id))
		u->local = (struct ident){ 0 };
	return NULL;
}
