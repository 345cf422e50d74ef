// SPDX-License-Identifier: GPL-2.0
/*
 * Messages on stderr, and escapes for strings that come from elsewhere.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "latch.h"

static const char *where_file;
static unsigned int where_line;

/**
 * error_at() - say which line of a batch the next messages are about
 * @file: name of the batch, which must stay; NULL to say so no longer
 * @line: number of the line, from 1
 */
void error_at(const char *file, unsigned int line)
{
	where_file = file;
	where_line = line;
}

/**
 * error() - print one line on stderr
 * @fmt: as printf(3); control characters in the result are escaped, so that it stays
 *       one line
 *
 * Flushes stdout first, so that the lines keep their order where both are one file.
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

/**
 * need() - end the program where an allocation failed
 * @p: the result of malloc() or the like
 *
 * There is nothing to undo: the kernel keeps its records.
 *
 * Return: @p, which is not NULL.
 */
void *need(void *p)
{
	if (!p) {
		fputs("latch: out of memory\n", stderr);
		exit(EXIT_REFUSED);
	}
	return p;
}

/**
 * grow() - make room in an array for one more entry
 * @array: the array, NULL where it is empty
 * @n:     entries that it has
 * @room:  entries that it has room for; updated
 * @size:  bytes of an entry
 *
 * Return: the array, which may have moved; the caller frees it.
 */
void *grow(void *array, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return array;
	*room = *room ? 2 * *room : 64;
	return need(realloc(array, *room * size));
}

/**
 * escape() - make a string safe to print
 * @data: the string, which a peer may have chosen
 * @len:  its bytes
 * @more: characters to escape besides those that are not printable, or NULL
 *
 * Writes as \xHH what a terminal, or a program that reads lines, could take for
 * something else; a backslash too, so that no two strings look the same.
 *
 * Return: the result, which the caller frees.
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
