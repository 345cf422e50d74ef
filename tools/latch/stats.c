// SPDX-License-Identifier: GPL-2.0
/*
 * latch stats: the counters of the namespace.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "args.h"
#include "print.h"

#ifndef LATCH_STAT_FILE
#define LATCH_STAT_FILE	"/proc/net/latch_stat"
#endif

static const struct keyword no_keywords[] = {
	{ .word = NULL }
};

/* In text, leave out counters that are 0, unless the user asks for all of them. */
static void show_counter(const char *name, unsigned long long v)
{
	if (opt.json)
		print_num(name, NULL, v);
	else if (v || opt.details || opt.stats)
		printf("%-32s%llu\n", name, v);
}

static int stats_show(const struct arg *args)
{
	char line[256], name[128];
	unsigned long long v;
	FILE *f;
	int rc;

	(void)args;
	f = fopen(LATCH_STAT_FILE, "re");
	if (!f && errno == ENOENT) {
		error("there is no %s: is the module ipsec_latch loaded?", LATCH_STAT_FILE);
		return EXIT_REFUSED;
	}
	if (!f) {
		error("cannot open %s: %s", LATCH_STAT_FILE, strerror(errno));
		return EXIT_REFUSED;
	}
	print_open(NULL);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%127s %llu", name, &v) == 2)
			show_counter(name, v);
	rc = ferror(f) ? EXIT_REFUSED : 0;
	if (rc)
		error("cannot read %s: %s", LATCH_STAT_FILE, strerror(errno));
	print_list_end(rc);
	fclose(f);
	return rc;
}

static const struct command commands[] = {
	{ "show", { "list", "lst" }, no_keywords, NULL, stats_show },
	{ .word = NULL }
};

const struct object stats_object = {
	.word = "stats",
	.commands = commands,
	.usage = "latch stats [ show ]\n",
};
