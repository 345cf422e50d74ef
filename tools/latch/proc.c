// SPDX-License-Identifier: GPL-2.0
/*
 * See proc.h.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proc.h"

/* The self-test has files of its own. */
#ifndef LATCH_STAT_FILE
#define LATCH_STAT_FILE	"/proc/net/latch_stat"
#define LATCH_SETTINGS	"/proc/sys/net/latch"
#endif

/**
 * counters_read() - read the counters of the namespace
 * @cb:   called with each
 * @data: for @cb
 *
 * Return: 0, or EXIT_REFUSED after a message.
 */
int counters_read(void (*cb)(const char *name, uint64_t v, void *data), void *data)
{
	char line[256], name[128];
	unsigned long long v;
	FILE *f;
	int rc;

	f = fopen(LATCH_STAT_FILE, "re");
	if (!f && errno == ENOENT) {
		error("there is no %s: is the module ipsec_latch loaded?", LATCH_STAT_FILE);
		return EXIT_REFUSED;
	}
	if (!f) {
		error("cannot open %s: %s", LATCH_STAT_FILE, strerror(errno));
		return EXIT_REFUSED;
	}
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%127s %llu", name, &v) == 2)
			cb(name, v, data);
	rc = ferror(f) ? EXIT_REFUSED : 0;
	if (rc)
		error("cannot read %s: %s", LATCH_STAT_FILE, strerror(errno));
	fclose(f);
	return rc;
}

/* Read one setting. Returns false after a message. */
static bool take_setting(struct settings *s, const char *name)
{
	char path[PATH_MAX], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", LATCH_SETTINGS, name);
	f = fopen(path, "re");
	if (!f || (!fgets(line, sizeof(line), f) && ferror(f))) {
		error("cannot read %s: %s", path, strerror(errno));
		if (f)
			fclose(f);
		return false;
	}
	fclose(f);
	s->set = need(realloc(s->set, (s->n + 1) * sizeof(*s->set)));
	s->set[s->n].name = escape(name, strlen(name), NULL);
	s->set[s->n++].value = escape(line, strcspn(line, "\n"), NULL);
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct setting *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/**
 * settings_read() - read the settings of the namespace, whichever the module has
 * @s: zero; the caller gives it to settings_free(), also after a failure
 *
 * Return: 0, or EXIT_REFUSED after a message.
 */
int settings_read(struct settings *s)
{
	DIR *dir = opendir(LATCH_SETTINGS);
	struct dirent *entry;
	bool good = true;

	if (!dir) {
		error("cannot open %s: %s", LATCH_SETTINGS, strerror(errno));
		return EXIT_REFUSED;
	}
	while (good && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			good = take_setting(s, entry->d_name);
	closedir(dir);
	if (s->n)
		qsort(s->set, s->n, sizeof(*s->set), compare);
	return good ? 0 : EXIT_REFUSED;
}

/**
 * settings_free() - forget the settings
 * @s: zero from now on
 */
void settings_free(struct settings *s)
{
	while (s->n) {
		free(s->set[--s->n].name);
		free(s->set[s->n].value);
	}
	free(s->set);
	s->set = NULL;
}

/**
 * setting_value() - find the value of a setting
 * @s:    the settings
 * @name: its name
 *
 * Return: the value, which stays with @s; NULL where this module has no such setting.
 */
const char *setting_value(const struct settings *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->set[i].name, name))
			return s->set[i].value;
	return NULL;
}
