// SPDX-License-Identifier: GPL-2.0
/*
 * The counters as OpenMetrics text, for Prometheus and others. node_exporter, which reads
 * files in the older format of Prometheus, takes it too: what is not in that format is a
 * comment to it.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "metrics.h"
#include "proc.h"

/**
 * struct family - what we know about a counter of the module
 * @counter: its name in /proc/net/latch_stat, after "Latch"
 * @name:    its name in OpenMetrics, after "latch_" and without "_total"
 * @unit:    what it counts, which @name ends with; NULL where it counts nothing
 * @grows:   it only grows; otherwise it is a state
 * @help:    one sentence
 */
struct family {
	const char *counter;
	const char *name;
	const char *unit;
	bool grows;
	const char *help;
};

/* A name must not end in "created": OpenMetrics has its own use for that. */
static const struct family families[] = {
	{ "Active", "active", NULL, false,
	  "1 while the module looks at the packets of this namespace." },
	{ "Latches", "latches", "latches", false, "Latches of connections that live." },
	{ "Unknown", "unknown_latches", "latches", false, "Latches whose peer is not known." },
	{ "Unexplained", "unexplained_latches", "latches", false,
	  "Latches whose SAs the policies do not explain." },
	{ "Listeners", "listener_latches", "latches", false, "Latches of listeners." },
	{ "OwnPolicies", "own_policy_latches", "latches", false,
	  "Latches whose flow has a policy of its own." },
	{ "Peers", "peer_records", "records", false, "Peer records." },
	{ "Bindings", "bindings", "bindings", false, "Bindings of SAs to peers." },
	{ "Tags", "tags", "tags", false, "Tags of datagrams that have a number." },
	{ "Created", "created_latches", "latches", true,
	  "Latches of connections that were made." },
	{ "Broken", "broken_latches", "latches", true, "Moves of latches to BROKEN." },
	{ "Restored", "restored_latches", "latches", true,
	  "Moves of latches from BROKEN to ESTABLISHED." },
	{ "Closed", "closed_latches", "latches", true,
	  "Latches of connections that were closed." },
	{ "Refused", "refused_latches", "latches", true, "Latches that could not be made." },
	{ "Identified", "identified_latches", "latches", true,
	  "Latches whose peer became known after the beginning." },
	{ "AlertsLost", "lost_alerts", "alerts", true,
	  "Records for an error queue of a socket that found no room." },
	{ "OwnPolicyFailed", "own_policy_failed_flows", "flows", true,
	  "Flows that could not be given a policy of their own." },
	{ "TagUnknown", "unknown_tag_datagrams", "datagrams", true,
	  "Datagrams whose tag says only that they were protected." },
};

static const struct family drops = {
	NULL, "dropped_packets", "packets", true,
	"Packets that were dropped, by direction and reason.",
};

/**
 * struct counter - a counter that the module has
 * @name:  its name, without "Latch" where it begins so
 * @value: its value
 * @done:  it was printed
 */
struct counter {
	char *name;
	uint64_t value;
	bool done;
};

struct counters {
	struct counter *c;
	size_t n;
	size_t room;
};

static void take(const char *name, uint64_t v, void *data)
{
	struct counters *all = data;

	if (!strncmp(name, "Latch", 5) && name[5])
		name += 5;
	all->c = grow(all->c, all->n, &all->room, sizeof(*all->c));
	all->c[all->n++] = (struct counter){ .name = need(strdup(name)), .value = v };
}

static struct counter *find(const struct counters *all, const char *name)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (!strcmp(all->c[i].name, name))
			return &all->c[i];
	return NULL;
}

/* Print "PolicyOut" as "policy-out", with this character between the words. */
static void put_words(const char *camel, char between)
{
	const char *p;

	for (p = camel; *p; p++) {
		if (p != camel && isupper((unsigned char)*p))
			putchar(between);
		putchar(isalnum((unsigned char)*p) ? tolower((unsigned char)*p) : '_');
	}
}

static void put_head(const struct family *f)
{
	printf("# TYPE latch_%s %s\n", f->name, f->grows ? "counter" : "gauge");
	if (f->unit)
		printf("# UNIT latch_%s %s\n", f->name, f->unit);
	printf("# HELP latch_%s %s\n", f->name, f->help);
}

static void put_known(const struct counters *all)
{
	struct counter *c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		c = find(all, families[i].counter);
		if (!c)
			continue;
		put_head(&families[i]);
		printf("latch_%s%s %llu\n", families[i].name, families[i].grows ? "_total" : "",
		       (unsigned long long)c->value);
		c->done = true;
	}
}

/* What comes after "In" or "Out" in the name of a counter of drops?  Else NULL. */
static const char *drop_reason(const char *name, const char *direction)
{
	size_t len = strlen(direction);

	return !strncmp(name, direction, len) && isupper((unsigned char)name[len]) ? name + len :
										   NULL;
}

static void put_drops(const struct counters *all)
{
	bool first = true;
	size_t i;

	for (i = 0; i < all->n; i++) {
		const char *in = drop_reason(all->c[i].name, "In");
		const char *out = drop_reason(all->c[i].name, "Out");

		if (all->c[i].done || (!in && !out))
			continue;
		if (first)
			put_head(&drops);
		first = false;
		printf("latch_%s_total{direction=\"%s\",reason=\"", drops.name, in ? "in" : "out");
		put_words(in ? in : out, '-');
		printf("\"} %llu\n", (unsigned long long)all->c[i].value);
		all->c[i].done = true;
	}
}

/*
 * Print what a newer module counts. There is no TYPE: the type is unknown then, and the
 * older format has no word for that.
 */
static void put_others(const struct counters *all)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		if (all->c[i].done)
			continue;
		fputs("# HELP latch_", stdout);
		put_words(all->c[i].name, '_');
		printf(" Counter %s of this version of the module.\nlatch_", all->c[i].name);
		put_words(all->c[i].name, '_');
		printf(" %llu\n", (unsigned long long)all->c[i].value);
	}
}

/**
 * metrics_print() - print the counters of the namespace as OpenMetrics text
 *
 * Where they cannot be read, nothing is printed.
 *
 * Return: 0, or EXIT_REFUSED after a message.
 */
int metrics_print(void)
{
	struct counters all = { NULL, 0, 0 };
	int rc;

	rc = counters_read(take, &all);
	if (!rc) {
		put_known(&all);
		put_drops(&all);
		put_others(&all);
		puts("# EOF");
	}
	while (all.n)
		free(all.c[--all.n].name);
	free(all.c);
	return rc;
}
