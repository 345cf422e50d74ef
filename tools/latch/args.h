/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The grammar as tables: an object has commands, a command has keywords, a keyword
 * has a value. The parser, the help and the completion all read the same tables.
 */
#ifndef LATCH_ARGS_H
#define LATCH_ARGS_H

#include "latch.h"
#include "names.h"

/* What follows a keyword. */
enum arg_kind {
	ARG_FLAG,	/* no value */
	ARG_NUMBER,	/* decimal or 0x, from 1 to keyword.max */
	ARG_ZERO,	/* the same, but from 0 */
	ARG_NAME,	/* a word of keyword.names, or a number up to keyword.max */
	ARG_WORD,	/* a word of keyword.names */
	ARG_PORT,	/* the number or the name of a port, from 0 */
	ARG_ADDR,	/* an IPv4 or IPv6 address */
	ARG_END,	/* ADDRESS:PORT, an IPv6 address between brackets */
	ARG_PREFIX,	/* ADDRESS[/LENGTH] */
	ARG_MARK,	/* VALUE[/MASK] */
	ARG_PEER,	/* the number of a peer record, or its name */
	ARG_PEER_ZERO,	/* the same, or 0 */
	ARG_TEXT,	/* any text: the command checks it */
	ARG_FILE,	/* the name of a file */
};

/*
 * Where the parser keeps the value of a keyword. Of two keywords with the same slot the
 * user can give only one.
 */
enum arg_slot {
	SLOT_ID,
	SLOT_IDENTITY,
	SLOT_AUTH,
	SLOT_CERT,
	SLOT_ANCHOR,
	SLOT_KEY,
	SLOT_PEER,
	SLOT_LOCAL,
	SLOT_REQID,
	SLOT_SRC,
	SLOT_DST,
	SLOT_SPORT,
	SLOT_DPORT,
	SLOT_PROTO,
	SLOT_SPI,
	SLOT_MARK,
	SLOT_STATE,
	SLOT_ACTIVE,
	SLOT_DEAD_PEER,
	SLOT_LAST,
	SLOT_EXCLUSIVE,
	SLOT_NATT,
	SLOT_OFF,
	SLOT_FORWARDED,
	SLOT_ACTION,
	SLOT_SA,
	SLOT_MODE,
	SLOT_OUTER_LOCAL,
	SLOT_OUTER_REMOTE,
	SLOT_BEFORE,
	SLOT_OPENMETRICS,
	SLOT_FD,
	N_SLOTS
};

/**
 * struct keyword - a word that a command knows
 * @word:  the word
 * @alias: another spelling, or NULL
 * @slot:  where the parser keeps its value
 * @kind:  what its value looks like
 * @names: ARG_NAME, ARG_WORD: words that the value may be
 * @max:   ARG_NUMBER, ARG_ZERO, ARG_NAME: the highest number
 * @tag:   for the command's own use
 */
struct keyword {
	const char *word;
	const char *alias;
	enum arg_slot slot;
	enum arg_kind kind;
	const struct name *names;
	uint64_t max;
	unsigned int tag;
};

/**
 * struct arg - a keyword on the command line, and its value
 * @kw:     the keyword, NULL where the user did not give it
 * @text:   the value as the user wrote it
 * @num:    ARG_NUMBER, ARG_ZERO, ARG_NAME, ARG_WORD, ARG_PORT, ARG_END, ARG_MARK: the number
 *          ARG_PEER, ARG_PEER_ZERO: the number; of a name peername_resolve() sets it
 * @named:  ARG_PEER, ARG_PEER_ZERO: @text is a name
 * @mask:   ARG_MARK: the mask; ARG_PREFIX: the length in bits
 * @family: ARG_ADDR, ARG_END, ARG_PREFIX: AF_*
 * @addr:   ARG_ADDR, ARG_END, ARG_PREFIX: the bytes
 */
struct arg {
	const struct keyword *kw;
	const char *text;
	uint64_t num;
	bool named;
	uint32_t mask;
	int family;
	unsigned char addr[16];
};

/**
 * struct command - something that the user can do with an object
 * @word:     its name; NULL where the object has only this command
 * @alias:    other spellings, up to the first NULL
 * @keywords: what may follow, up to an entry without a word
 * @bare:     the keyword that the user may omit before a number, and before a name of
 *            ARG_PEER; or NULL
 * @run:      runs the command and returns the exit status
 */
struct command {
	const char *word;
	const char *alias[2];
	const struct keyword *keywords;
	const struct keyword *bare;
	int (*run)(const struct arg *args);
};

/**
 * struct object - a kind of thing that commands are about
 * @word:     its name
 * @commands: its commands, the default first, up to an entry without @run; the user may
 *            omit the default before one of its keywords
 * @failed:   exit status where the command could not be run; 0 for EXIT_*
 * @omitted:  says which keyword the user omits before a word that is none, NULL for none;
 *            NULL where @bare of the command says so
 * @usage:    its lines of the usage
 */
struct object {
	const char *word;
	const struct command *commands;
	int failed;
	const struct keyword *(*omitted)(const char *word, const struct arg *args);
	const char *usage;
};

extern const struct object peer_object;
extern const struct object binding_object;
extern const struct object connection_object;
extern const struct object policy_object;
extern const struct object manager_object;
extern const struct object stats_object;
extern const struct object status_object;
extern const struct object monitor_object;
extern const struct object peer_of_object;

bool word_begins(const char *word, const char *start);
const struct command *command_abbreviated(const struct object *o, const char *start);
const struct command *command_find(const struct object *o, const char *word);
const struct keyword *keyword_find(const struct command *c, const char *word);
int args_parse(const struct object *o, const struct command *c, int argc, char **argv,
	       struct arg *args);
bool arg_is(const struct arg *a, uint64_t v);

#endif /* LATCH_ARGS_H */
