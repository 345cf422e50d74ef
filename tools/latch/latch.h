/* SPDX-License-Identifier: GPL-2.0 */
/*
 * latch(8): what all parts of the command use.
 */
#ifndef LATCH_TOOL_H
#define LATCH_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit status: 0 where all is done, else one of these; a batch ends with the highest. */
#define EXIT_USAGE	1	/* bad word or argument: the kernel heard nothing */
#define EXIT_REFUSED	2	/* the kernel refused, or output failed */

/**
 * struct options - the options before the object
 * @json:      print JSON instead of text
 * @pretty:    indent JSON
 * @oneline:   print each record on one line of text
 * @stats:     print counters too
 * @details:   print all fields
 * @brief:     print one short line each
 * @timestamp: print the time before each event
 * @force:     go on with a batch after a failure
 * @family:    AF_INET or AF_INET6 to print only these records, 0 for both
 * @netns:     network namespace by name or path; NULL for the caller's
 * @batch:     file of commands, "-" for standard input; NULL for none
 */
struct options {
	bool json;
	bool pretty;
	bool oneline;
	bool stats;
	bool details;
	bool brief;
	bool timestamp;
	bool force;
	int family;
	const char *netns;
	const char *batch;
};

extern struct options opt;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* error.c */
void error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void error_at(const char *file, unsigned int line);
char *escape(const void *data, size_t len, const char *more);
void *need(void *p);
void *grow(void *array, size_t n, size_t *room, size_t size);

/* options.c */

/* The options were all there was to do: the caller prints the usage, or nothing. */
#define OPTIONS_HELP	(-1)
#define OPTIONS_DONE	(-2)

int options_parse(int argc, char **argv, int *used);
const char *options_word(size_t i);
bool options_value(const char *word);
bool options_netns(const char *word);

/* run.c */
int run_words(int argc, char **argv);

/* batch.c */
int batch(const char *path);

/* complete.c */
void complete(int argc, char **argv);

/* file.c */
char *hex_encode(const char *prefix, const void *data, size_t len);
unsigned char *hex_decode(const char *text, size_t *len);
unsigned char *file_read(const char *path, size_t max, size_t *len);

/* netns.c */
int netns_enter(const char *name);

#endif /* LATCH_TOOL_H */
