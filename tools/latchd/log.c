// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to the administrator, on stderr, one line each. Limits their rate; where
 * stderr is the journal, puts the level before the line as sd-daemon(3) says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include "log.h"

#define BURST		100	/* so many lines at once, */
#define PER_SECOND	10	/* and then so many a second */

static const char *program = "latchd";
static enum log_level least = LOG_NOTE;
static int journal;
static double tokens = BURST;
static double last;
static unsigned long unsaid;

/* Is stderr the journal?  We may have inherited a variable that speaks of another file. */
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
 * @name: name of the program, which must stay
 */
void log_open(const char *name)
{
	program = name;
	journal = to_journal();
}

/**
 * log_level() - choose which messages to print
 * @level: LOG_*; less severe ones are left out
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
	/* in one piece, since others may write there, too */
	fwrite(line, 1, strlen(line), stderr);
	fflush(stderr);
}

/* Count a line against the limit. Returns 0 where it is over the limit. */
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
 * say() - print one line
 * @level: LOG_*
 * @fmt:   as printf(3); text that comes from elsewhere must go through shown() first
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
 * shown() - make text that a peer may have chosen safe to print
 * @text: any bytes
 * @len:  their number
 *
 * Return: printable ASCII, at most 256 bytes, with \xHH for quotes, backslashes and all
 * that is not printable; eight more calls use the same memory again.
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
