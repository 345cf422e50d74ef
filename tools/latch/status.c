// SPDX-License-Identifier: GPL-2.0
/*
 * latch status: is all well in this namespace, and what will break connections?
 */
#include <stdlib.h>
#include <string.h>
#include <linux/latch.h>
#include <linux/latch_netlink.h>
#include "args.h"
#include "check.h"
#include "finding.h"
#include "nl.h"
#include "print.h"

static const struct keyword no_keywords[] = {
	{ .word = NULL }
};

#define N_REASONS	32

/**
 * struct latches - the latches of connections
 * @n:            how many there are
 * @broken:       how many of them are broken
 * @unidentified: how many are established with a peer that is not known
 * @why:          how many are broken for each reason, of which a latch may have several
 */
struct latches {
	uint64_t n;
	uint64_t broken;
	uint64_t unidentified;
	uint64_t why[N_REASONS];
};

/**
 * struct counters - what /proc/net/latch_stat says
 * @active:    the module looks at packets
 * @listeners: latches of listeners
 * @peers:     peer records
 */
struct counters {
	bool active;
	uint64_t listeners;
	uint64_t peers;
};

/**
 * struct status - all that is known of the namespace
 * @manager:  a key manager is active
 * @claims:   the bindings
 * @sad:      the SAs
 * @spd:      the policies
 * @links:    addresses and devices
 * @latches:  the latches
 * @counters: the counters
 * @set:      the settings
 * @owners:   whom the SAs belong to
 */
struct status {
	bool manager;
	struct claims claims;
	struct sad sad;
	struct spd spd;
	struct links links;
	struct latches latches;
	struct counters counters;
	struct settings set;
	struct owners owners;
};

/* --- reading ----------------------------------------------------------------- */

static void take_manager(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LATCH_A_MANAGER_MAX + 1];
	bool *active = data;

	netlink_parse(nlh, tb, LATCH_A_MANAGER_MAX);
	*active = netlink_num(tb[LATCH_A_MANAGER_ACTIVE]);
}

/* A request without attributes changes nothing. */
static int read_manager(bool *active)
{
	struct nlmsghdr *nlh = nl_begin(LATCH_CMD_MANAGER_SET);

	return nlh ? nl_do(nlh, take_manager, active, 0) : EXIT_REFUSED;
}

static void take_latch(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LATCH_A_CONN_MAX + 1];
	struct latches *l = data;
	uint32_t conflicts;
	int i;

	netlink_parse(nlh, tb, LATCH_A_CONN_MAX);
	switch (netlink_num(tb[LATCH_A_CONN_STATE])) {
	case LATCH_STATE_LISTENER:
		return;
	case LATCH_STATE_ESTABLISHED:
		l->unidentified += !netlink_num(tb[LATCH_A_CONN_PEER]);
		break;
	case LATCH_STATE_BROKEN:
		l->broken++;
		conflicts = netlink_num(tb[LATCH_A_CONN_CONFLICTS]);
		for (i = 0; i < N_REASONS; i++)
			l->why[i] += conflicts >> i & 1;
		break;
	}
	l->n++;
}

static void forget_latches(void *data)
{
	memset(data, 0, sizeof(struct latches));
}

static void take_counter(const char *name, uint64_t v, void *data)
{
	struct counters *c = data;

	if (!strcmp(name, "LatchActive"))
		c->active = v;
	else if (!strcmp(name, "LatchListeners"))
		c->listeners = v;
	else if (!strcmp(name, "LatchPeers"))
		c->peers = v;
}

/*
 * Bindings before SAs: one that came in between is bound later, or awaited. The counters at
 * the end: the module is active some moments after the first SA.
 */
static int read_all(struct status *s)
{
	int rc = read_manager(&s->manager);

	if (!rc)
		rc = claims_read(&s->claims);
	if (!rc)
		rc = sad_read(&s->sad);
	if (!rc)
		rc = spd_read(&s->spd);
	if (!rc)
		rc = links_read(&s->links);
	if (!rc)
		rc = nl_scan(LATCH_CMD_CONN_GET, take_latch, forget_latches, &s->latches);
	if (!rc)
		rc = counters_read(take_counter, &s->counters);
	if (!rc)
		rc = settings_read(&s->set);
	return rc;
}

static void free_all(struct status *s)
{
	claims_free(&s->claims);
	sad_free(&s->sad);
	spd_free(&s->spd);
	links_free(&s->links);
	settings_free(&s->set);
	findings_free();
}

/* --- checking ---------------------------------------------------------------- */

static void check_latches(const struct status *s)
{
	const struct latches *l = &s->latches;
	const char *word;
	int i;

	if (l->broken)
		finding_note(FOUND_BROKEN);
	for (i = 0; i < N_REASONS; i++) {
		word = name_word(reason_names, i);
		if (l->why[i] && word)
			finding_add(FOUND_BROKEN, "%s: %llu", word, (unsigned long long)l->why[i]);
	}
	if (!s->counters.active && (s->sad.n || s->spd.n))
		finding_note(FOUND_INACTIVE);
}

static void check_limit(const struct status *s, const char *name, uint64_t n)
{
	const char *value = setting_value(&s->set, name);
	uint64_t max = value ? strtoull(value, NULL, 10) : UINT64_MAX;

	if (n >= max - max / 10)
		finding_add(FOUND_LIMIT, "net.latch.%s is %s, and %llu are there", name, value,
			    (unsigned long long)n);
}

static void check_all(struct status *s)
{
	const char *automatic = setting_value(&s->set, "auto");
	size_t i;

	check_latches(s);
	check_owners(&s->sad, &s->claims, s->manager, &s->set, &s->owners);
	check_reqids(&s->sad, &s->claims, &s->links);
	check_sas(&s->sad);
	check_pairs(&s->sad, &s->links);
	check_policies(&s->spd, &s->sad);
	for (i = 0; i < s->links.n_vti; i++)
		finding_add(FOUND_VTI, "%s", s->links.vti[i]);
	if (automatic && !strcmp(automatic, "0"))
		finding_note(FOUND_AUTO);
	check_limit(s, "max_latches", s->latches.n);
	check_limit(s, "max_peers", s->counters.peers);
}

/* --- printing ---------------------------------------------------------------- */

static void begin(const char *title)
{
	print_open(title);
	print_title(title);
}

static void print_settings(const struct settings *set)
{
	size_t i;

	begin("settings");
	for (i = 0; i < set->n; i++)
		print_str(set->set[i].name, set->set[i].name, set->set[i].value);
	print_close();
}

static void print_summary(const struct status *s)
{
	begin("module");
	print_bool("active", "active", s->counters.active);
	print_close();
	begin("latches");
	print_num("connections", "connections", s->latches.n);
	print_num("listeners", "listeners", s->counters.listeners);
	print_num("broken", "broken", s->latches.broken);
	print_num("unidentified", "unidentified", s->latches.unidentified);
	print_close();
	begin("identities");
	print_bool("manager", "manager", s->manager);
	print_num("peers", "peers", s->counters.peers);
	print_num("by-sa", "bindings by-sa", s->claims.by_sa);
	print_num("by-reqid", "by-reqid", s->claims.by_reqid);
	print_close();
	begin("sas");
	print_num("identified", "identified", s->owners.identified);
	print_num("awaited", "awaited", s->owners.awaited);
	print_num("unidentified", "unidentified", s->owners.unidentified);
	print_num("ambiguous", "ambiguous", s->owners.ambiguous);
	print_close();
	print_settings(&s->set);
}

/* In JSON all of it is one object, in text each part has its line. */
static void print_all(const struct status *s, int status)
{
	if (opt.json)
		print_open(NULL);
	print_summary(s);
	findings_print();
	if (opt.json) {
		print_num("status", NULL, status);
		print_close();
	} else if (status == STATUS_OK) {
		print_open(NULL);
		print_title("nothing to do");
		print_close();
	}
}

static int status_show(const struct arg *args)
{
	struct status s;
	int status = STATUS_UNKNOWN;

	(void)args;
	memset(&s, 0, sizeof(s));
	if (!read_all(&s)) {
		check_all(&s);
		status = findings_status();
		print_all(&s, status);
	}
	free_all(&s);
	return status;
}

static const struct command commands[] = {
	{ "show", { "list", "lst" }, no_keywords, NULL, status_show },
	{ .word = NULL }
};

const struct object status_object = {
	.word = "status",
	.commands = commands,
	.failed = STATUS_UNKNOWN,
	.usage = "latch status [ show ]\n",
};
