// SPDX-License-Identifier: GPL-2.0
/*
 * Commands from a file, over one socket.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "latch.h"

#define MAX_WORDS	64

/*
 * Cut a line into words, in place. Quotes, single or double, keep a word
 * together; # begins a comment where a word could begin. Returns the number of
 * words, or -1 for an open quote or too many words.
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

/*
 * Run a file of commands, "-" for standard input. The first failure ends it,
 * unless -force was given; the worst status is that of the whole.
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
