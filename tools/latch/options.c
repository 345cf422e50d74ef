// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the options before the object, without getopt_long(), which accepts
 * abbreviations: options must be exact.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/latch_netlink.h>
#include "latch.h"
#include "version.h"

struct options opt;

enum option_id {
	OPT_VERSION, OPT_HELP, OPT_JSON, OPT_PRETTY, OPT_ONELINE, OPT_STATS, OPT_DETAILS,
	OPT_TIMESTAMP, OPT_BRIEF, OPT_IPV4, OPT_IPV6, OPT_NETNS, OPT_BATCH, OPT_FORCE
};

static const struct {
	const char *brief;
	const char *full;
	enum option_id id;
	bool value;
} table[] = {
	{ "-V", "-Version", OPT_VERSION, false },
	{ "-h", "-help", OPT_HELP, false },
	{ "-j", "-json", OPT_JSON, false },
	{ "-p", "-pretty", OPT_PRETTY, false },
	{ "-o", "-oneline", OPT_ONELINE, false },
	{ "-s", "-statistics", OPT_STATS, false },
	{ "-d", "-details", OPT_DETAILS, false },
	{ "-t", "-timestamp", OPT_TIMESTAMP, false },
	{ "-br", "-brief", OPT_BRIEF, false },
	{ "-4", NULL, OPT_IPV4, false },
	{ "-6", NULL, OPT_IPV6, false },
	{ "-n", "-netns", OPT_NETNS, true },
	{ "-b", "-batch", OPT_BATCH, true },
	{ "-force", NULL, OPT_FORCE, false },
};

static int find(const char *word)
{
	size_t i;

	/* --json is -json, as with ip(8) */
	if (word[0] == '-' && word[1] == '-' && word[2])
		word++;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		if (!strcmp(word, table[i].brief) ||
		    (table[i].full && !strcmp(word, table[i].full)))
			return i;
	}
	return -1;
}

/**
 * options_word() - list the options, for completion
 * @i: number of the option, from 0
 *
 * Return: its long word where it has one, else the short one; NULL after the last.
 */
const char *options_word(size_t i)
{
	if (i >= ARRAY_SIZE(table))
		return NULL;
	return table[i].full ? table[i].full : table[i].brief;
}

/**
 * options_value() - tell whether a value follows an option
 * @word: the option
 *
 * Return: true where one does.
 */
bool options_value(const char *word)
{
	int i = find(word);

	return i >= 0 && table[i].value;
}

/**
 * options_netns() - tell whether an option is that of the network namespace
 * @word: the option
 *
 * Return: true where it is.
 */
bool options_netns(const char *word)
{
	int i = find(word);

	return i >= 0 && table[i].id == OPT_NETNS;
}

static void set(enum option_id id, const char *value)
{
	switch (id) {
	case OPT_JSON:
		opt.json = true;
		break;
	case OPT_PRETTY:
		opt.pretty = true;
		break;
	case OPT_ONELINE:
		opt.oneline = true;
		break;
	case OPT_STATS:
		opt.stats = true;
		break;
	case OPT_DETAILS:
		opt.details = true;
		break;
	case OPT_TIMESTAMP:
		opt.timestamp = true;
		break;
	case OPT_BRIEF:
		opt.brief = true;
		break;
	case OPT_IPV4:
		opt.family = AF_INET;
		break;
	case OPT_IPV6:
		opt.family = AF_INET6;
		break;
	case OPT_NETNS:
		opt.netns = value;
		break;
	case OPT_BATCH:
		opt.batch = value;
		break;
	case OPT_FORCE:
		opt.force = true;
		break;
	default:
		break;
	}
}

static void show_version(void)
{
	printf("latch %s, netlink family %s version %u\n", LATCH_TOOL_VERSION,
	       LATCH_GENL_NAME, LATCH_GENL_VERSION);
}

/**
 * options_parse() - read the options into opt
 * @argc: number of words
 * @argv: the words
 * @used: set to the number of words that are options and their values
 *
 * Return: 0 to go on with the words that follow; OPTIONS_HELP or OPTIONS_DONE where
 * there is nothing to go on with; or EXIT_USAGE after a message.
 */
int options_parse(int argc, char **argv, int *used)
{
	int i, n;

	for (n = 0; n < argc && argv[n][0] == '-'; n++) {
		i = find(argv[n]);
		if (i < 0) {
			error("unknown option \"%s\", see \"latch help\"", argv[n]);
			return EXIT_USAGE;
		}
		if (table[i].value && n + 1 == argc) {
			error("option \"%s\" needs a value", argv[n]);
			return EXIT_USAGE;
		}
		if (table[i].id == OPT_VERSION) {
			show_version();
			return OPTIONS_DONE;
		}
		if (table[i].id == OPT_HELP)
			return OPTIONS_HELP;
		n += table[i].value;
		set(table[i].id, argv[n]);
	}
	*used = n;
	return 0;
}
