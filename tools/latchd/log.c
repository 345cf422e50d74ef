// SPDX-License-Identifier: GPL-2.0
/*
 * Words for the administrator, on stderr: with the level that sd-daemon(3) wants
 * where that is the journal, limited in their rate, one line each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include "log.h"

#define BURST		100	/* lines at once, */
#define PER_SECOND	10	/* and then that many */

static const char *program = "latchd";
static enum log_level least = LOG_NOTE;
static int journal;
static double tokens = BURST;
static double last;
static unsigned long unsaid;

/* Is stderr the journal's stream? Others may have inherited the variable. */
static int to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && !fstat(2, &st) &&
	       st.st_dev == dev && st.st_ino == ino;
}

/**
 * log_open() - begin to log
 * @name: of the program
 */
void log_open(const char *name)
{
	program = name;
	journal = to_journal();
}

/**
 * log_level() - say no less than this
 * @level: LOG_*
 */
void log_level(enum log_level level)
{
	least = level;
}

static void put(enum log_level level, const char *text)
{
	char line[2048];
	int n;

	if (journal)
		n = snprintf(line, sizeof(line), "<%d>%s\n", level, text);
	else
		n = snprintf(line, sizeof(line), "%s: %s\n", program, text);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line))
		line[sizeof(line) - 2] = '\n';
	/* in one piece, whatever else writes there */
	fwrite(line, 1, strlen(line), stderr);
	fflush(stderr);
}

static int may_say(void)
{
	struct timespec t;
	double now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = t.tv_sec + t.tv_nsec / 1e9;
	tokens += (now - last) * PER_SECOND;
	if (tokens > BURST)
		tokens = BURST;
	last = now;
	if (tokens < 1) {
		unsaid++;
		return 0;
	}
	tokens--;
	return 1;
}

/**
 * say() - one line
 * @level: LOG_*
 * @fmt:   as printf(3); what others wrote goes through shown() first
 */
void say(enum log_level level, const char *fmt, ...)
{
	char text[1800];
	va_list ap;

	if (level > least || !may_say())
		return;
	if (unsaid) {
		snprintf(text, sizeof(text), "%lu lines were left out", unsaid);
		unsaid = 0;
		put(LOG_WARN, text);
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(level, text);
}

/**
 * shown() - text of a peer, made harmless
 * @text: any bytes
 * @len:  their number
 *
 * Return: printable ASCII without quotes, backslashes and control characters;
 * good until the eighth next call.
 */
const char *shown(const void *text, size_t len)
{
	static char bufs[8][260];
	static unsigned int next;
	char *buf = bufs[next++ % 8], *p = buf;
	const unsigned char *s = text;

	for (; len && p - buf < 250; len--, s++) {
		if (*s > 0x20 && *s < 0x7f && *s != '"' && *s != '\\')
			*p++ = *s;
		else if (*s == ' ' && len > 1 && p > buf)
			*p++ = ' ';
		else
			p += sprintf(p, "\\x%02x", *s);
	}
	strcpy(p, len ? "..." : "");
	return buf;
}
