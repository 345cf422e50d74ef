// SPDX-License-Identifier: GPL-2.0
/*
 * Fields, as text or as JSON. Text is fields with a space between; a record
 * ends with a newline and may have further lines, begun by a tab.
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
static int record;	/* depth of the record that is open, 0 none */
static bool in_line;	/* a field was printed on this line */
static bool new_line;	/* the next field begins a further line */

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

/* A list; in text its entries follow each other. */
void print_list_open(const char *key)
{
	if (opt.json)
		push(key, json_object_new_array());
	else
		depth++;
}

/* A record, or a part of one. */
void print_open(const char *key)
{
	if (opt.json)
		push(key, json_object_new_object());
	else
		depth++;
	if (!record)
		record = depth;
}

/*
 * End what was opened last. JSON goes out when the outermost is complete. In
 * text, a record ends with its line, a part of one does not.
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
	if (opt.pretty)
		how |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	puts(need((void *)json_object_to_json_string_ext(stack[0], how)));
	json_object_put(stack[0]);
}

/* End the outermost list; where the request failed nothing of it is shown. */
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

/* What follows belongs on a further line of the record, if anything follows. */
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

/* A word of text that is no field: JSON has it in its keys. */
void print_title(const char *word)
{
	if (opt.json)
		return;
	lead("");
	fputs(word, stdout);
}

/* --- fields ------------------------------------------------------------------ */

void print_num(const char *key, const char *label, uint64_t v)
{
	if (opt.json) {
		add(key, json_object_new_uint64(v));
	} else if (label) {
		lead(label);
		printf("%llu", (unsigned long long)v);
	}
}

/* A number that people know by its hexadecimal form. */
void print_hex(const char *key, const char *label, uint32_t v)
{
	if (opt.json) {
		add(key, json_object_new_uint64(v));
	} else if (label) {
		lead(label);
		printf("0x%x", v);
	}
}

/* A mark and its mask: one word in text, as it is written; two keys in JSON. */
void print_mark(uint32_t value, uint32_t mask)
{
	char buf[32];

	print_hex("mark", NULL, value);
	print_hex("mark-mask", NULL, mask);
	snprintf(buf, sizeof(buf), "0x%x/0x%x", value, mask);
	if (!opt.json)
		print_str(NULL, "mark", buf);
}

void print_bool(const char *key, const char *label, bool v)
{
	if (opt.json)
		add(key, json_object_new_boolean(v));
	else
		print_str(key, label, v ? "on" : "off");
}

/* Something that is there or not: called only when it is. */
void print_flag(const char *key, const char *label)
{
	if (opt.json)
		add(key, json_object_new_boolean(1));
	else if (label)
		print_title(label);
}

/* A string of our own, or one that escape() made harmless. */
void print_str(const char *key, const char *label, const char *v)
{
	if (opt.json) {
		add(key, json_object_new_string(v));
	} else if (label) {
		lead(label);
		fputs(v, stdout);
	}
}

/* A number by its word; one that has none yet is shown as it is. */
void print_name(const char *key, const char *label, const struct name *names, unsigned int v)
{
	const char *word = name_word(names, v);

	if (word)
		print_str(key, label, word);
	else
		print_num(key, label, v);
}

/* Bits by their words, in JSON a list; what is left over as a number. */
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

/* An address of 4 or 16 bytes; of another length, its bytes. */
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

/* Bytes in hexadecimal. */
void print_blob(const char *key, const char *label, const void *data, size_t len)
{
	char *hex = hex_encode("", data, len);

	print_str(key, label, hex);
	free(hex);
}
