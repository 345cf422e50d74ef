// SPDX-License-Identifier: GPL-2.0
/*
 * latch(8): IPsec connection latching from the command line.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "args.h"

const struct object * const objects[] = {
	&peer_object,
	&binding_object,
	&connection_object,
	&manager_object,
	&stats_object,
	&monitor_object,
	NULL
};

/* The SYNOPSIS of latch.8 is this text: a self-test compares them. */
static const char usage_head[] =
	"latch [ OPTIONS ] OBJECT { COMMAND | help }\n"
	"latch [ OPTIONS ] -b FILE\n"
	"OBJECT := { peer | binding | connection | manager | stats | monitor }\n"
	"OPTIONS := { -V[ersion] | -h[elp] | -j[son] | -p[retty] | -o[neline] |\n"
	"             -s[tatistics] | -d[etails] | -t[imestamp] | -4 | -6 |\n"
	"             -n[etns] NAME | -b[atch] FILE | -force }\n";

static void usage(FILE *f)
{
	const struct object * const *o;

	fputs(usage_head, f);
	for (o = objects; *o; o++)
		fprintf(f, "\n%s", (*o)->usage);
}

/* Run a command, or show what there is to run. Nothing was sent before it. */
static int run_command(const struct object *o, const struct command *c, int argc, char **argv)
{
	struct arg args[N_SLOTS];
	int rc;

	if (argc && !strcmp(argv[0], "help")) {
		fputs(o->usage, stdout);
		return 0;
	}
	rc = args_parse(o, c, argc, argv, args);
	return rc ? rc : c->run(args);
}

/* The words after the options, or of one line of a batch. */
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
	/* an object whose only command has no name: the words are its own */
	if (argc == 1 || !c->word)
		return run_command(o, c, argc - 1, argv + 1);
	if (!strcmp(argv[1], "help"))
		return run_command(o, c, 1, argv + 1);
	c = command_find(o, argv[1]);
	if (!c) {
		error("unknown command \"%s\" of %s, see \"latch %s help\"", argv[1], o->word,
		      o->word);
		return EXIT_USAGE;
	}
	return run_command(o, c, argc - 2, argv + 2);
}

static int run(int argc, char **argv)
{
	int used, rc;

	rc = options_parse(argc, argv, &used);
	if (rc)
		return rc < 0 ? 0 : rc;
	argc -= used;
	argv += used;
	if (!argc == !opt.batch) {
		if (argc)
			error("unknown word \"%s\" after option -b", argv[0]);
		else
			usage(stderr);
		return EXIT_USAGE;
	}
	if (opt.netns) {
		rc = netns_enter(opt.netns);
		if (rc)
			return rc;
	}
	return opt.batch ? batch(opt.batch) : run_words(argc, argv);
}

/*
 * A full disk or a closed pipe must not look like success: whoever reads the
 * output would take half a list for the whole.
 */
int finish(int rc)
{
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "latch: cannot write: %s\n", strerror(errno));
		return EXIT_REFUSED;
	}
	return rc;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "__complete")) {
		complete(argc - 2, argv + 2);
		return finish(0);
	}
	return finish(run(argc - 1, argv + 1));
}
