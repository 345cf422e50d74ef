// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the words of a command line.
 */
#include <stdio.h>
#include <string.h>
#include "args.h"
#include "objects.h"
#include "peername.h"

/* Run a command, or print the usage of its object. */
static int run_command(const struct object *o, const struct command *c, int argc, char **argv)
{
	struct arg args[N_SLOTS];
	int rc;

	if (argc && !strcmp(argv[0], "help")) {
		fputs(o->usage, stdout);
		return 0;
	}
	rc = args_parse(o, c, argc, argv, args);
	if (!rc)
		rc = peername_resolve(args);
	return rc ? object_failed(o, rc) : c->run(args);
}

/**
 * run_words() - run one command line, or one line of a batch
 * @argc: number of words, at least 1
 * @argv: the words after the options
 *
 * Return: the exit status.
 */
int run_words(int argc, char **argv)
{
	const struct object *o = object_find(argv[0]);
	const struct command *c;

	if (!strcmp(argv[0], "help")) {
		usage(stdout);
		return 0;
	}
	if (!o) {
		error("unknown object \"%s\", see \"latch help\"", argv[0]);
		return EXIT_USAGE;
	}
	c = o->commands;
	/* where the only command of an object has no name, its words follow the object */
	if (argc == 1 || !c->word)
		return run_command(o, c, argc - 1, argv + 1);
	if (!strcmp(argv[1], "help"))
		return run_command(o, c, 1, argv + 1);
	c = command_find(o, argv[1]);
	if (!c && keyword_find(o->commands, argv[1]))
		return run_command(o, o->commands, argc - 1, argv + 1);
	if (!c)
		c = command_abbreviated(o, argv[1]);
	if (!c) {
		error("unknown command \"%s\" of %s, see \"latch %s help\"", argv[1], o->word,
		      o->word);
		return object_failed(o, EXIT_USAGE);
	}
	return run_command(o, c, argc - 2, argv + 2);
}
