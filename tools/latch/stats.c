// SPDX-License-Identifier: GPL-2.0
/*
 * latch stats: the counters of the namespace.
 */
#include <stdio.h>
#include <string.h>
#include "args.h"
#include "metrics.h"
#include "print.h"
#include "proc.h"

static const struct keyword keywords[] = {
	{ "--openmetrics", NULL, SLOT_OPENMETRICS, ARG_FLAG, NULL, 0, 0 },
	{ .word = NULL }
};

/*
 * In text, leave out counters that are 0, unless the user asks for all of them. The first one
 * says whether the module looks at packets at all, and is always there.
 */
static void show_counter(const char *name, uint64_t v, void *data)
{
	(void)data;
	if (opt.json)
		print_num(name, NULL, v);
	else if (v || opt.details || opt.stats || !strcmp(name, "LatchActive"))
		printf("%-32s%llu\n", name, (unsigned long long)v);
}

static int stats_show(const struct arg *args)
{
	int rc;

	if (args[SLOT_OPENMETRICS].kw && opt.json) {
		error("\"--openmetrics\" after \"-json\": only one of them can be given");
		return EXIT_USAGE;
	}
	if (args[SLOT_OPENMETRICS].kw)
		return metrics_print();
	print_open(NULL);
	rc = counters_read(show_counter, NULL);
	print_list_end(rc);
	return rc;
}

static const struct command commands[] = {
	{ "show", { "list", "lst" }, keywords, NULL, stats_show },
	{ .word = NULL }
};

const struct object stats_object = {
	.word = "stats",
	.commands = commands,
	.usage = "latch stats [ show ] [ --openmetrics ]\n",
};
