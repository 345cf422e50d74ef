// SPDX-License-Identifier: GPL-2.0
/*
 * latch(8): IPsec connection latching from the command line.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "latch.h"
#include "objects.h"

static int run(int argc, char **argv)
{
	int used, rc;

	rc = options_parse(argc, argv, &used);
	if (rc == OPTIONS_HELP)
		usage(stdout);
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
			return object_failed(argc ? object_find(argv[0]) : NULL, rc);
	}
	return opt.batch ? batch(opt.batch) : run_words(argc, argv);
}

/*
 * Write out what is left. A full disk or a closed pipe must not look like success:
 * the reader would take half a list for the whole.
 */
static int finish(int rc)
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
