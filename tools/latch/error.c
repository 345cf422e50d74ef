// SPDX-License-Identifier: GPL-2.0
/*
 * Messages for people, and the strings in them that others wrote.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "latch.h"

static const char *where_file;
static unsigned int where_line;

/* In a batch the reader has to know which line was wrong. */
void error_at(const char *file, unsigned int line)
{
	where_file = file;
	where_line = line;
}

/*
 * One line on stderr. What was printed before comes first even when both
 * streams are one file, and a newline in a word cannot make a second line.
 */
void error(const char *fmt, ...)
{
	char buf[1024];
	va_list ap;
	char *safe;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	fflush(stdout);
	safe = escape(buf, strlen(buf), NULL);
	if (where_file)
		fprintf(stderr, "latch: %s:%u: %s\n", where_file, where_line, safe);
	else
		fprintf(stderr, "latch: %s\n", safe);
	free(safe);
}

/*
 * Without memory there is no way to go on, and nothing was changed that would
 * have to be undone: records of the kernel stay as they are.
 */
void *need(void *p)
{
	if (!p) {
		fputs("latch: out of memory\n", stderr);
		exit(EXIT_REFUSED);
	}
	return p;
}

/*
 * Identities come from the other end of the network: what a terminal or a
 * reader of lines could take for something else is shown by number. The
 * backslash too, so that no two values look the same. @more: other characters
 * to show by number. The caller frees the result.
 */
char *escape(const void *data, size_t len, const char *more)
{
	char *out = need(malloc(len * 4 + 1)), *p = out;
	const unsigned char *c = data;
	size_t i;

	for (i = 0; i < len; i++) {
		if (c[i] < 0x20 || c[i] >= 0x7f || c[i] == '\\' ||
		    (more && strchr(more, c[i])))
			p += sprintf(p, "\\x%02x", c[i]);
		else
			*p++ = c[i];
	}
	*p = '\0';
	return out;
}
