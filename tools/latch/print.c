// SPDX-License-Identifier: GPL-2.0
/*
 * Prints fields, as text or as JSON. In text there is a space between fields, and a
 * newline after a record, which may have more lines that begin with a tab.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>
#include "print.h"

#define MAX_DEPTH	8

static struct json_object *stack[MAX_DEPTH];
static int depth;
static int record;	/* depth of the record that is open, 0 for none */
static bool in_line;	/* there is a field on this line */
static bool new_line;	/* the next field begins another line of the record */

/* --- structure ------------------------------------------------------------ */

static void add(const char *key, struct json_object *v)
{
	struct json_object *up = depth ? stack[depth - 1] : NULL;

	need(v);
	if (up && json_object_is_type(up, json_type_array))
		json_object_array_add(up, v);
	else if (up)
		json_object_object_add(up, key, v);
}

static void push(const char *key, struct json_object *v)
{
	add(key, v);
	stack[depth++] = v;
}

/**
 * print_list_open() - begin a list; in text its entries just follow each other
 * @key: its key; NULL where it is an entry of a list, or the outermost
 */
void print_list_open(const char *key)
{
	if (opt.json)
		push(key, json_object_new_array());
	else
		depth++;
}

/**
 * print_open() - begin a record, or a part of one
 * @key: its key; NULL where it is an entry of a list, or the outermost
 */
void print_open(const char *key)
{
	if (opt.json)
		push(key, json_object_new_object());
	else
		depth++;
	if (!record)
		record = depth;
}

static bool is_empty_list(struct json_object *v)
{
	return json_object_is_type(v, json_type_array) && !json_object_array_length(v);
}

/**
 * print_close() - end what was begun last
 *
 * Writes JSON when the outermost ends. In text, ends the line where a record ends.
 */
void print_close(void)
{
	int how = JSON_C_TO_STRING_NOSLASHESCAPE;

	if (depth-- == record) {
		if (in_line)
			putchar('\n');
		in_line = false;
		new_line = false;
		record = 0;
	}
	if (depth || !opt.json)
		return;
	/* json-c would put the brackets of an empty list on two lines */
	if (opt.pretty && !is_empty_list(stack[0]))
		how |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	puts(need((void *)json_object_to_json_string_ext(stack[0], how)));
	json_object_put(stack[0]);
}

/**
 * print_list_end() - end the outermost list
 * @rc: exit status of the request: where it failed, no JSON is written
 */
void print_list_end(int rc)
{
	if (!rc || !opt.json) {
		print_close();
		return;
	}
	json_object_put(stack[0]);
	depth = 0;
	record = 0;
}

/**
 * print_line() - begin another line of the record with the next field, if any
 */
void print_line(void)
{
	new_line = true;
}

static void lead(const char *label)
{
	if (in_line && new_line)
		fputs(opt.oneline ? " \\\t" : "\n\t", stdout);
	else if (in_line)
		putchar(' ');
	in_line = true;
	new_line = false;
	if (*label)
		printf("%s ", label);
}

/**
 * print_title() - print a word in text only, where JSON has it in its keys
 * @word: the word
 */
void print_title(const char *word)
{
	if (opt.json)
		return;
	lead("");
	fputs(word, stdout);
}

/* --- fields ------------------------------------------------------------------ */

/**
 * print_num() - print a number
 * @key:   as in print.h
 * @label: as in print.h
 * @v:     the number
 */
void print_num(const char *key, const char *label, uint64_t v)
{
	if (opt.json) {
		add(key, json_object_new_uint64(v));
	} else if (label) {
		lead(label);
		printf("%llu", (unsigned long long)v);
	}
}

/**
 * print_hex() - print a number, in text as hexadecimal
 * @key:   as in print.h
 * @label: as in print.h
 * @v:     the number
 */
void print_hex(const char *key, const char *label, uint32_t v)
{
	if (opt.json) {
		add(key, json_object_new_uint64(v));
	} else if (label) {
		lead(label);
		printf("0x%x", v);
	}
}

/**
 * print_mark() - print a mark: in text as "binding add" accepts it, in JSON as two keys
 * @value: its value
 * @mask:  its mask
 */
void print_mark(uint32_t value, uint32_t mask)
{
	char buf[32];

	print_hex("mark", NULL, value);
	print_hex("mark-mask", NULL, mask);
	snprintf(buf, sizeof(buf), "0x%x/0x%x", value, mask);
	if (!opt.json)
		print_str(NULL, "mark", buf);
}

/**
 * print_bool() - print true or false, in text "on" or "off"
 * @key:   as in print.h
 * @label: as in print.h
 * @v:     which of them
 */
void print_bool(const char *key, const char *label, bool v)
{
	if (opt.json)
		add(key, json_object_new_boolean(v));
	else
		print_str(key, label, v ? "on" : "off");
}

/**
 * print_flag() - print that a flag is set, in text by its label
 * @key:   as in print.h
 * @label: as in print.h
 */
void print_flag(const char *key, const char *label)
{
	if (opt.json)
		add(key, json_object_new_boolean(1));
	else if (label)
		print_title(label);
}

/**
 * print_str() - print a string
 * @key:   as in print.h
 * @label: as in print.h
 * @v:     a string of this program, or the result of escape()
 */
void print_str(const char *key, const char *label, const char *v)
{
	if (opt.json) {
		add(key, json_object_new_string(v));
	} else if (label) {
		lead(label);
		fputs(v, stdout);
	}
}

/**
 * print_name() - print the word for a number, or the number where it has no word
 * @key:   as in print.h
 * @label: as in print.h
 * @names: the words
 * @v:     the number
 */
void print_name(const char *key, const char *label, const struct name *names, unsigned int v)
{
	const char *word = name_word(names, v);

	if (word)
		print_str(key, label, word);
	else
		print_num(key, label, v);
}

/**
 * print_set() - print the words for bits, in JSON as a list
 * @key:   as in print.h
 * @label: as in print.h; in text an empty set prints nothing
 * @names: the words
 * @bits:  the bits; those without a word are printed as one number
 */
void print_set(const char *key, const char *label, const struct name *names, uint32_t bits)
{
	const char *comma = "";

	if (!opt.json && (!label || !bits))
		return;
	if (opt.json)
		print_list_open(key);
	else
		lead(label);
	for (; names->word && bits; names++) {
		if (!(bits & names->value))
			continue;
		bits &= ~names->value;
		if (opt.json)
			print_str(NULL, "", names->word);
		else
			printf("%s%s", comma, names->word);
		comma = ",";
	}
	if (bits && opt.json)
		print_num(NULL, "", bits);
	else if (bits)
		printf("%s0x%x", comma, bits);
	if (opt.json)
		print_close();
}

/**
 * print_addr() - print an IPv4 or IPv6 address
 * @key:   as in print.h
 * @label: as in print.h
 * @data:  the address
 * @len:   its bytes, 4 or 16; with another length, prints them in hexadecimal
 */
void print_addr(const char *key, const char *label, const void *data, size_t len)
{
	char buf[INET6_ADDRSTRLEN];

	if (len == 4)
		print_str(key, label, inet_ntop(AF_INET, data, buf, sizeof(buf)));
	else if (len == 16)
		print_str(key, label, inet_ntop(AF_INET6, data, buf, sizeof(buf)));
	else
		print_blob(key, label, data, len);
}

/**
 * print_blob() - print bytes in hexadecimal
 * @key:   as in print.h
 * @label: as in print.h
 * @data:  the bytes
 * @len:   their number
 */
void print_blob(const char *key, const char *label, const void *data, size_t len)
{
	char *hex = hex_encode("", data, len);

	print_str(key, label, hex);
	free(hex);
}
