// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a command line by the tables of the objects, all of it before we send anything.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include "args.h"

/**
 * word_begins() - tell whether a word may be abbreviated so
 * @word:  the word
 * @start: what the user gave
 *
 * Return: true where @word begins with @start, which is not empty.
 */
bool word_begins(const char *word, const char *start)
{
	return *start && !strncmp(word, start, strlen(start));
}

/**
 * command_abbreviated() - find a command by the beginning of its name or of an alias
 * @o:     the object
 * @start: the beginning
 *
 * Return: the first command that begins so; NULL where the object has none.
 */
const struct command *command_abbreviated(const struct object *o, const char *start)
{
	const struct command *c;
	size_t i;

	for (c = o->commands; c->run && c->word; c++) {
		if (word_begins(c->word, start))
			return c;
		for (i = 0; i < 2 && c->alias[i]; i++)
			if (word_begins(c->alias[i], start))
				return c;
	}
	return NULL;
}

/**
 * command_find() - find a command by its name or an alias
 * @o:    the object
 * @word: the name
 *
 * Return: the command; NULL where the object has none of that name.
 */
const struct command *command_find(const struct object *o, const char *word)
{
	const struct command *c;
	size_t i;

	for (c = o->commands; c->run && c->word; c++) {
		if (!strcmp(c->word, word))
			return c;
		for (i = 0; i < 2 && c->alias[i]; i++)
			if (!strcmp(c->alias[i], word))
				return c;
	}
	return NULL;
}

/**
 * keyword_find() - find a keyword by its name or its alias
 * @c:    the command
 * @word: the name
 *
 * Return: the keyword; NULL where the command has none of that name.
 */
const struct keyword *keyword_find(const struct command *c, const char *word)
{
	const struct keyword *k;

	for (k = c->keywords; k && k->word; k++)
		if (!strcmp(k->word, word) || (k->alias && !strcmp(k->alias, word)))
			return k;
	return NULL;
}

/*
 * Read a number, decimal or after 0x; one with a leading zero is decimal. @end: where it
 * must end, NULL for the end of the text.
 */
static bool parse_number(const char *text, const char *end, uint64_t max, uint64_t *v)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	char *stop;

	if (!end)
		end = text + strlen(text);
	if (hex ? !isxdigit((unsigned char)*digits) : !isdigit((unsigned char)*digits))
		return false;
	errno = 0;
	*v = strtoull(digits, &stop, hex ? 16 : 10);
	return !errno && stop == end && *v <= max;
}

/* Read the number or the name of a port; services(5) has the names. */
static bool parse_port(const struct keyword *k, const char *text, struct arg *a)
{
	struct servent *s;

	if (parse_number(text, NULL, k->max, &a->num))
		return true;
	s = isdigit((unsigned char)*text) ? NULL : getservbyname(text, NULL);
	if (!s)
		return false;
	a->num = ntohs(s->s_port);
	return true;
}

static bool parse_addr(const char *text, struct arg *a)
{
	memset(a->addr, 0, sizeof(a->addr));
	if (inet_pton(AF_INET, text, a->addr) == 1)
		a->family = AF_INET;
	else if (inet_pton(AF_INET6, text, a->addr) == 1)
		a->family = AF_INET6;
	else
		return false;
	a->mask = a->family == AF_INET ? 32 : 128;
	return true;
}

/* Read ADDRESS:PORT, where an IPv6 address is between brackets. */
static bool parse_end(const struct keyword *k, struct arg *a)
{
	const char *colon = strrchr(a->text, ':');
	bool six = *a->text == '[';
	char addr[INET6_ADDRSTRLEN];
	size_t len;

	if (!colon || (six && (colon - a->text < 2 || colon[-1] != ']')))
		return false;
	len = colon - a->text - 2 * six;
	if (len >= sizeof(addr))
		return false;
	memcpy(addr, a->text + six, len);
	addr[len] = '\0';
	return parse_addr(addr, a) && six == (a->family == AF_INET6) &&
	       parse_port(k, colon + 1, a);
}

static bool parse_prefix(const char *text, struct arg *a)
{
	const char *slash = strchr(text, '/');
	char addr[INET6_ADDRSTRLEN];
	uint64_t len;

	if (!slash)
		return parse_addr(text, a);
	if ((size_t)(slash - text) >= sizeof(addr))
		return false;
	memcpy(addr, text, slash - text);
	addr[slash - text] = '\0';
	if (!parse_addr(addr, a) || !parse_number(slash + 1, NULL, a->mask, &len))
		return false;
	a->mask = len;
	return true;
}

static bool parse_mark(const char *text, struct arg *a)
{
	const char *slash = strchr(text, '/');
	uint64_t mask = UINT32_MAX;

	if (slash && !parse_number(slash + 1, NULL, UINT32_MAX, &mask))
		return false;
	a->mask = mask;
	return parse_number(text, slash, UINT32_MAX, &a->num);
}

/* What looks like a number is one: a name that does can be given with its type. */
static bool parse_peer(const struct keyword *k, struct arg *a)
{
	const char *text = a->text;

	a->named = *text && text[strspn(text, "0123456789")] && strncmp(text, "0x", 2);
	if (a->named)
		return true;
	return parse_number(text, NULL, k->max, &a->num) &&
	       (a->num || k->kind == ARG_PEER_ZERO);
}

static bool parse_value(const struct keyword *k, struct arg *a)
{
	switch (k->kind) {
	case ARG_NUMBER:
		return parse_number(a->text, NULL, k->max, &a->num) && a->num;
	case ARG_ZERO:
		return parse_number(a->text, NULL, k->max, &a->num);
	case ARG_NAME:
		return name_value(k->names, a->text, &a->num) ||
		       parse_number(a->text, NULL, k->max, &a->num);
	case ARG_WORD:
		return name_value(k->names, a->text, &a->num);
	case ARG_PORT:
		return parse_port(k, a->text, a);
	case ARG_END:
		return parse_end(k, a);
	case ARG_ADDR:
		return parse_addr(a->text, a);
	case ARG_PREFIX:
		return parse_prefix(a->text, a);
	case ARG_MARK:
		return parse_mark(a->text, a);
	case ARG_PEER:
	case ARG_PEER_ZERO:
		return parse_peer(k, a);
	case ARG_TEXT:
	case ARG_FILE:
		return *a->text;
	default:
		return true;
	}
}

/* Read one keyword and its value. Returns how many words these are, 0 after a message. */
static int parse_one(const struct object *o, const struct command *c, int argc, char **argv,
		     struct arg *args)
{
	const struct keyword *k = keyword_find(c, argv[0]);
	bool bare = !k && c->bare && (isdigit((unsigned char)argv[0][0]) ||
				      c->bare->kind == ARG_PEER);
	struct arg *a;
	int used;

	if (bare)
		k = c->bare;
	if (!k && o->omitted) {
		k = o->omitted(argv[0], args);
		bare = k;
	}
	if (!k) {
		error("unknown word \"%s\", see \"latch %s help\"", argv[0], o->word);
		return 0;
	}
	used = bare || k->kind == ARG_FLAG ? 1 : 2;
	if (argc < used) {
		error("\"%s\" needs a value, see \"latch %s help\"", argv[0], o->word);
		return 0;
	}
	a = &args[k->slot];
	if (a->kw) {
		error("\"%s\" after \"%s\": only one of them can be given", argv[0], a->kw->word);
		return 0;
	}
	a->kw = k;
	a->text = argv[used - 1];
	if (!parse_value(k, a)) {
		error("bad value \"%s\" of \"%s\"", a->text, k->word);
		return 0;
	}
	return used;
}

/**
 * args_parse() - read the words after a command: keywords and values, in any order
 * @o:    the object, for messages
 * @c:    the command
 * @argc: number of words
 * @argv: the words; @args points into them
 * @args: N_SLOTS entries, set
 *
 * Return: 0, or EXIT_USAGE after a message.
 */
int args_parse(const struct object *o, const struct command *c, int argc, char **argv,
	       struct arg *args)
{
	int used;

	memset(args, 0, N_SLOTS * sizeof(*args));
	for (; argc; argc -= used, argv += used) {
		used = parse_one(o, c, argc, argv, args);
		if (!used)
			return EXIT_USAGE;
	}
	return 0;
}

/**
 * arg_is() - compare a value with what was asked for
 * @a: the keyword that asks for a number, perhaps not given
 * @v: the value
 *
 * Return: true where the keyword was not given, or its number is @v.
 */
bool arg_is(const struct arg *a, uint64_t v)
{
	return !a->kw || a->num == v;
}
