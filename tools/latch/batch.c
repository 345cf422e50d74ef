// SPDX-License-Identifier: GPL-2.0
/*
 * Runs commands from a file. They share one netlink socket.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "latch.h"

#define MAX_WORDS	64

/*
 * Cut a line into words, in place. A word may contain spaces between quotes, single or
 * double; a # where a word could begin starts a comment. Returns the number of words,
 * or -1 where a quote does not end or there are too many words.
 */
static int split(char *line, char **words)
{
	int n = 0;
	char *p;

	for (;;) {
		line += strspn(line, " \t\r\n");
		if (!*line || *line == '#')
			return n;
		if (n == MAX_WORDS)
			return -1;
		words[n] = line;
		p = line;
		while (*line && !strchr(" \t\r\n", *line)) {
			char quote = *line;

			if (quote != '"' && quote != '\'') {
				*p++ = *line++;
				continue;
			}
			for (line++; *line && *line != quote;)
				*p++ = *line++;
			if (!*line++)
				return -1;
		}
		n++;
		if (*line)
			line++;
		*p = '\0';
	}
}

static int run_line(char *line)
{
	char *words[MAX_WORDS];
	int n = split(line, words);

	if (n < 0) {
		error("an open quote, or more than %d words", MAX_WORDS);
		return EXIT_USAGE;
	}
	return n ? run_words(n, words) : 0;
}

/**
 * batch() - run the commands of a file
 * @path: the file; "-" for standard input
 *
 * Stops at the first failure, unless the user gave -force.
 *
 * Return: the highest exit status of all commands.
 */
int batch(const char *path)
{
	const char *name = strcmp(path, "-") ? path : "stdin";
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	unsigned int nr = 0;
	char *line = NULL;
	int rc, worst = 0;
	size_t room = 0;

	if (!f) {
		error("cannot open \"%s\": %s", path, strerror(errno));
		return EXIT_USAGE;
	}
	while (getline(&line, &room, f) >= 0) {
		error_at(name, ++nr);
		rc = run_line(line);
		if (rc > worst)
			worst = rc;
		if (rc && !opt.force)
			break;
	}
	error_at(NULL, 0);
	if (ferror(f)) {
		error("cannot read \"%s\": %s", path, strerror(errno));
		worst = worst ? worst : EXIT_USAGE;
	}
	free(line);
	if (f != stdin)
		fclose(f);
	return worst;
}
