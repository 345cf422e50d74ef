// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the configuration file: lines of "key = value", comments after "#".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "conf.h"

#define FILE_MAX	65536

enum kind {
	SWITCH,
	PATH,
	LEVEL,
	COMMAND,
};

static const struct key {
	const char *word;
	enum kind kind;
	size_t offset;
} keys[] = {
	{ "log", LEVEL, offsetof(struct conf, log) },
	{ "vici", SWITCH, offsetof(struct conf, vici) },
	{ "vici-socket", PATH, offsetof(struct conf, vici_socket) },
	{ "pluto", SWITCH, offsetof(struct conf, pluto) },
	{ "pluto-socket", PATH, offsetof(struct conf, pluto_socket) },
	{ "whack", PATH, offsetof(struct conf, whack) },
	{ "require", SWITCH, offsetof(struct conf, require) },
	{ "dead-peer", SWITCH, offsetof(struct conf, dead_peer) },
	{ "eap-outer", SWITCH, offsetof(struct conf, eap_outer) },
	{ "updown", COMMAND, 0 },
};

#define N_KEYS	(sizeof(keys) / sizeof(*keys))

/**
 * conf_default() - get the configuration that is used without a file
 * @c: set
 */
void conf_default(struct conf *c)
{
	*c = (struct conf){
		.log = LOG_NOTE,
		.vici = true,
		.vici_socket = "/var/run/charon.vici",
		.pluto = true,
		.pluto_socket = "/run/pluto/pluto.ctl",
		.whack = "/usr/libexec/ipsec/whack",
		.require = true,
		.dead_peer = true,
		.words = "ipsec\0_updown",
	};
	c->updown[0] = c->words;
	c->updown[1] = c->words + strlen(c->words) + 1;
}

static const char *take_switch(bool *to, const char *value)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return "is neither yes nor no";
	*to = *value == 'y';
	return NULL;
}

static const char *take_path(char *to, const char *value)
{
	if (*value != '/')
		return "is no absolute path";
	if (strlen(value) >= CONF_PATH_MAX)
		return "is too long";
	strcpy(to, value);
	return NULL;
}

static const char *take_level(enum log_level *to, const char *value)
{
	static const struct {
		const char *word;
		enum log_level level;
	} levels[] = {
		{ "error", LOG_ERROR_ }, { "warning", LOG_WARN },
		{ "info", LOG_NOTE }, { "debug", LOG_DETAIL },
	};
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		if (!strcmp(value, levels[i].word)) {
			*to = levels[i].level;
			return NULL;
		}
	}
	return "is neither error, warning, info nor debug";
}

static const char *take_command(struct conf *c, const char *value)
{
	char *word, *rest;
	int n = 0;

	if (strlen(value) >= sizeof(c->words))
		return "is too long";
	strcpy(c->words, value);
	for (word = strtok_r(c->words, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (n == CONF_WORDS)
			return "has too many words";
		c->updown[n++] = word;
	}
	c->updown[n] = NULL;
	return NULL;
}

static const char *take_value(struct conf *c, const struct key *k, const char *value)
{
	char *field = (char *)c + k->offset;

	switch (k->kind) {
	case SWITCH:
		return take_switch((bool *)field, value);
	case PATH:
		return take_path(field, value);
	case LEVEL:
		return take_level((enum log_level *)field, value);
	default:
		return take_command(c, value);
	}
}

/* Cut off blanks at both ends, in place. */
static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
		s[--n] = '\0';
	return s;
}

/*
 * Read one line. @seen: a bit for each key so far. Returns false, and sets @why, where
 * something is wrong.
 */
static bool take_line(struct conf *c, char *line, unsigned int *seen, char *why, size_t room)
{
	char *hash = strchr(line, '#'), *eq, *key, *value;
	const char *wrong;
	size_t i;

	if (hash)
		*hash = '\0';
	key = trim(line);
	if (!*key)
		return true;
	eq = strchr(key, '=');
	if (!eq) {
		snprintf(why, room, "no \"=\" after \"%s\"", shown(key, strlen(key)));
		return false;
	}
	*eq = '\0';
	key = trim(key);
	value = trim(eq + 1);
	for (i = 0; i < N_KEYS && strcmp(keys[i].word, key); i++)
		;
	if (i == N_KEYS)
		wrong = "is no key that is known";
	else if (*seen & 1U << i)
		wrong = "was given before";
	else
		wrong = NULL;
	if (wrong) {
		snprintf(why, room, "\"%s\" %s", shown(key, strlen(key)), wrong);
		return false;
	}
	*seen |= 1U << i;
	wrong = *value ? take_value(c, &keys[i], value) : "is nothing";
	if (!wrong)
		return true;
	snprintf(why, room, "\"%s\", the value of \"%s\", %s", shown(value, strlen(value)), key,
		 wrong);
	return false;
}

/**
 * conf_parse() - read the text of a configuration
 * @c:    set; what the text does not mention has its default
 * @name: name of the file, for messages
 * @text: the text
 * @len:  its bytes
 * @why:  set to what is wrong, with file, line and word
 * @room: bytes of @why
 *
 * Return: true; false where something is wrong: the caller must not use @c then.
 */
bool conf_parse(struct conf *c, const char *name, const char *text, size_t len, char *why,
		size_t room)
{
	const char *p = text, *end = text + len, *nl;
	unsigned int seen = 0, n = 0;
	char line[1024], wrong[700];

	conf_default(c);
	for (; p < end; p = nl + 1) {
		n++;
		nl = memchr(p, '\n', end - p);
		if (!nl)
			nl = end;
		if ((size_t)(nl - p) >= sizeof(line) || memchr(p, '\0', nl - p)) {
			snprintf(why, room, "%s:%u: no line of text", name, n);
			return false;
		}
		memcpy(line, p, nl - p);
		line[nl - p] = '\0';
		if (!take_line(c, line, &seen, wrong, sizeof(wrong))) {
			snprintf(why, room, "%s:%u: %s", name, n, wrong);
			return false;
		}
	}
	return true;
}

/**
 * conf_load() - read a configuration file
 * @c:    set
 * @file: its name; NULL for CONF_FILE, which need not exist
 *
 * Return: true; false after a message: the caller must not use @c then.
 */
bool conf_load(struct conf *c, const char *file)
{
	const char *name = file ? file : CONF_FILE;
	char *text, why[1024];
	size_t len;
	bool ok;
	FILE *f;

	f = fopen(name, "re");
	if (!f && errno == ENOENT && !file) {
		conf_default(c);
		return true;
	}
	text = f ? malloc(FILE_MAX + 1) : NULL;
	if (!text) {
		say_error("cannot read %s: %s", name, strerror(errno));
		if (f)
			fclose(f);
		return false;
	}
	len = fread(text, 1, FILE_MAX + 1, f);
	ok = !ferror(f) && len <= FILE_MAX;
	if (!ok)
		say_error("cannot read %s: %s", name,
			  ferror(f) ? strerror(errno) : "it is too long");
	fclose(f);
	if (ok && !conf_parse(c, name, text, len, why, sizeof(why))) {
		say_error("%s", why);
		ok = false;
	}
	free(text);
	return ok;
}
