// SPDX-License-Identifier: GPL-2.0
/*
 * The objects that the command knows, and its usage.
 */
#include <stdio.h>
#include <string.h>
#include "args.h"
#include "objects.h"

/* Abbreviations go by this order: what is new belongs at the end. */
const struct object * const objects[] = {
	&peer_object,
	&binding_object,
	&connection_object,
	&policy_object,
	&manager_object,
	&stats_object,
	&status_object,
	&monitor_object,
	&peer_of_object,
	NULL
};

/* The SYNOPSIS of latch.8 is this text: a self-test compares them. */
static const char usage_head[] =
	"latch [ OPTIONS ] OBJECT { COMMAND | help }\n"
	"latch [ OPTIONS ] -b FILE\n"
	"OBJECT := { peer | binding | connection | policy | manager | stats |\n"
	"            status | monitor | peer-of }\n"
	"OPTIONS := { -V[ersion] | -h[elp] | -j[son] | -p[retty] | -o[neline] |\n"
	"             -s[tatistics] | -d[etails] | -br[ief] | -t[imestamp] | -4 | -6 |\n"
	"             -n[etns] NAME | -b[atch] FILE | -force }\n";

/**
 * object_find() - find an object by its name, or by the beginning of it
 * @word: the name
 *
 * Return: the object, the first of those that begin so; NULL where there is none.
 */
const struct object *object_find(const char *word)
{
	const struct object * const *o;

	for (o = objects; *o; o++)
		if (!strcmp((*o)->word, word))
			return *o;
	for (o = objects; *o; o++)
		if (word_begins((*o)->word, word))
			return *o;
	return NULL;
}

/**
 * object_failed() - get the exit status of a command that could not be run
 * @o:  its object; NULL where that is not known
 * @rc: the exit status that commands have then, 0 where all is well
 *
 * Return: @rc, or the status that this object has instead.
 */
int object_failed(const struct object *o, int rc)
{
	return rc && o && o->failed ? o->failed : rc;
}

/**
 * usage() - print all that can be written on the command line
 * @f: where to
 */
void usage(FILE *f)
{
	const struct object * const *o;

	fputs(usage_head, f);
	for (o = objects; *o; o++)
		fprintf(f, "\n%s", (*o)->usage);
}
