// SPDX-License-Identifier: GPL-2.0
/*
 * charon's connections: which of them take a peer by a method of EAP.
 */
#include <stdlib.h>
#include <string.h>
#include "conns.h"
#include "log.h"

static struct conn {
	char *name;
	bool eap;
} *conns;

static size_t n_conns;

static struct conn *find(const char *name)
{
	size_t i;

	for (i = 0; i < n_conns; i++)
		if (!strcmp(conns[i].name, name))
			return &conns[i];
	return NULL;
}

/**
 * conns_add() - remember a connection
 * @name: its name, copied
 * @eap:  it may take a peer by EAP
 *
 * What took peers by EAP once may have SAs from then: that stays until conns_clear().
 */
void conns_add(const char *name, bool eap)
{
	struct conn *c = find(name), *more;
	char *copy;

	if (c) {
		c->eap |= eap;
		return;
	}
	copy = strdup(name);
	more = copy ? realloc(conns, (n_conns + 1) * sizeof(*conns)) : NULL;
	if (!more) {
		say_error("out of memory");
		free(copy);
		return;
	}
	conns = more;
	conns[n_conns++] = (struct conn){ copy, eap };
}

/**
 * conns_find() - find out how a connection takes its peers
 * @name: its name
 *
 * Return: enum conns_how.
 */
enum conns_how conns_find(const char *name)
{
	const struct conn *c = find(name);

	if (!c)
		return CONNS_UNKNOWN;
	return c->eap ? CONNS_BY_EAP : CONNS_BY_IKE;
}

/**
 * conns_clear() - forget all connections
 */
void conns_clear(void)
{
	while (n_conns)
		free(conns[--n_conns].name);
	free(conns);
	conns = NULL;
}
