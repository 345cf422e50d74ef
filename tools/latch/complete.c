// SPDX-License-Identifier: GPL-2.0
/*
 * latch __complete WORDS...: prints what the last word, which may be empty, can be
 * completed to, one word a line. It reads the tables of the grammar, so that it always
 * knows what the parser knows.
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include "args.h"
#include "objects.h"
#include "peername.h"

static void offer(const char *word, const char *start)
{
	if (!strncmp(word, start, strlen(start)))
		puts(word);
}

static void offer_names(const struct name *names, const char *start)
{
	const struct name *n;

	for (n = names; n && n->word; n++)
		if (name_word(names, n->value) == n->word)
			offer(n->word, start);
}

/* The list has a port for each protocol that uses it. */
static void offer_ports(const char *start)
{
	char last[64] = "";
	struct servent *s;

	setservent(1);
	while ((s = getservent())) {
		if (strcmp(s->s_name, last))
			offer(s->s_name, start);
		snprintf(last, sizeof(last), "%s", s->s_name);
	}
	endservent();
}

static void offer_objects(const char *start)
{
	const struct object * const *o;
	size_t i;

	if (*start == '-') {
		for (i = 0; options_word(i); i++)
			offer(options_word(i), start);
		return;
	}
	for (o = objects; *o; o++)
		offer((*o)->word, start);
	offer("help", start);
}

static void offer_commands(const struct object *o, const char *start)
{
	const struct command *c;

	for (c = o->commands; c->run; c++)
		offer(c->word, start);
}

/* Offer the keywords that may still follow or, after a keyword, its values. */
static void offer_keywords(const struct command *c, int argc, char **argv)
{
	bool given[N_SLOTS] = { false };
	const struct keyword *k;
	int i;

	for (i = 0; i < argc - 1; i++) {
		k = keyword_find(c, argv[i]);
		if (!k)
			continue;
		given[k->slot] = true;
		if (k->kind == ARG_FLAG)
			continue;
		if (i + 1 == argc - 1) {
			offer_names(k->names, argv[i + 1]);
			if (k->kind == ARG_PORT)
				offer_ports(argv[i + 1]);
			if (k->kind == ARG_PEER || k->kind == ARG_PEER_ZERO)
				peername_each(offer, argv[i + 1]);
			return;
		}
		i++;
	}
	for (k = c->keywords; k && k->word; k++) {
		if (given[k->slot])
			continue;
		offer(k->word, argv[argc - 1]);
		if (k->alias)
			offer(k->alias, argv[argc - 1]);
	}
	if (argc == 1)
		offer("help", argv[0]);
}

/**
 * complete() - print what the last word can be completed to
 * @argc: number of words
 * @argv: the words after the name of the program, the last one perhaps empty
 */
void complete(int argc, char **argv)
{
	const struct command *c;
	const struct object *o;

	/* skip the options and their values: the shell completes the name of a file */
	while (argc > 1 && argv[0][0] == '-') {
		int used = 1 + options_value(argv[0]);

		if (argc <= used)
			return;
		if (options_netns(argv[0]) && netns_enter(argv[1]))
			return;
		argc -= used;
		argv += used;
	}
	if (argc <= 1) {
		offer_objects(argc ? argv[0] : "");
		return;
	}
	o = object_find(argv[0]);
	if (!o)
		return;
	c = o->commands;
	if (!c->word) {
		offer_keywords(c, argc - 1, argv + 1);
		return;
	}
	if (argc == 2) {
		offer_commands(o, argv[1]);
		offer_keywords(c, 1, argv + 1);
		return;
	}
	c = command_find(o, argv[1]);
	if (!c && keyword_find(o->commands, argv[1])) {
		offer_keywords(o->commands, argc - 1, argv + 1);
		return;
	}
	if (!c)
		c = command_abbreviated(o, argv[1]);
	if (c)
		offer_keywords(c, argc - 2, argv + 2);
}
