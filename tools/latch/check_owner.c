// SPDX-License-Identifier: GPL-2.0
/*
 * Whom do the SAs belong to?
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "check.h"
#include "finding.h"

/* May the key manager still say whose it is? The kernel knows its age in whole seconds. */
static bool is_awaited(const struct sa *sa, int64_t now, const struct settings *set)
{
	const char *wait = setting_value(set, "identity_wait_ms");

	return wait && now - sa->added <= (atoi(wait) + 999) / 1000;
}

/*
 * What does it mean that an SA is nobody's? The older setting is require_identity. With the
 * default, what is latched is the protection, and only a key manager that says nothing is a
 * fault.
 */
static enum finding meaning(const struct settings *set, bool manager)
{
	const char *rule = setting_value(set, "unidentified");
	const char *require = setting_value(set, "require_identity");

	if (rule ? !strcmp(rule, "refuse") : require && !strcmp(require, "1"))
		return FOUND_REFUSED;
	if (rule && !strcmp(rule, "none"))
		return FOUND_UNLATCHED;
	if (rule && !strcmp(rule, "protect"))
		return manager ? FOUND_UNCLAIMED : N_FINDINGS;
	return FOUND_PINNED;
}

static void say_nobody(enum finding what, uint32_t *reqid, size_t n, bool manager)
{
	const char *why = manager ? "the key manager has not claimed them" :
				    "no key manager is active, and no binding names them";
	size_t i, end;

	qsort(reqid, n, sizeof(*reqid), reqid_compare);
	for (i = 0; i < n; i = end) {
		for (end = i; end < n && reqid[end] == reqid[i]; end++)
			;
		finding_add(what, "%zu of reqid %u: %s%s", end - i, reqid[i], why,
			    reqid[i] ? "" : "; reqid 0 cannot be bound, only each SA");
	}
}

/* Bindings that several peers claim, and that no SA has. */
static void check_unused(const struct claims *claims)
{
	const struct claim *c;
	char where[SA_TEXT_MAX];

	for (c = claims->claim; c < claims->claim + claims->n; c++) {
		if (!c->ambiguous || c->used)
			continue;
		claim_text(c, where, sizeof(where));
		finding_add(FOUND_CLAIMS, "%s", where);
	}
}

/**
 * check_owners() - find SAs that are nobody's, or several peers'
 * @sad:     the SAs; each is told its peer
 * @claims:  the bindings; those that an SA has are marked
 * @manager: a key manager is active
 * @set:     the settings
 * @o:       set
 */
void check_owners(const struct sad *sad, const struct claims *claims, bool manager,
		  const struct settings *set, struct owners *o)
{
	enum finding nobody = meaning(set, manager);
	uint32_t *reqid = need(malloc((sad->n + 1) * sizeof(*reqid)));
	int64_t now = time(NULL);
	char where[SA_TEXT_MAX];
	struct claim *claim;
	struct sa *sa;

	memset(o, 0, sizeof(*o));
	for (sa = sad->sa; sa < sad->sa + sad->n; sa++) {
		claim = claims_find(claims, sa);
		if (claim)
			claim->used = true;
		if (claim && claim->ambiguous) {
			o->ambiguous++;
			sa_text(sa, where, sizeof(where));
			finding_add(FOUND_AMBIGUOUS, "%s", where);
		} else if (claim) {
			o->identified++;
			sa->peer = claim->peer;
		} else if (manager && is_awaited(sa, now, set)) {
			o->awaited++;
		} else {
			reqid[o->unidentified++] = sa->pair.reqid;
		}
	}
	if (nobody != N_FINDINGS)
		say_nobody(nobody, reqid, o->unidentified, manager);
	free(reqid);
	check_unused(claims);
}

/**
 * struct far - the other end of an SA that is bound by its reqid
 * @reqid:  the reqid
 * @family: AF_INET or AF_INET6
 * @addr:   its address
 */
struct far {
	uint32_t reqid;
	uint32_t family;
	uint8_t addr[16];
};

static int compare_far(const void *a, const void *b)
{
	const struct far *x = a, *y = b;

	return memcmp(x, y, sizeof(*x));
}

/* Which of an SA's addresses is not ours? Returns NULL where that cannot be told. */
static const uint8_t *far_addr(const struct sa *sa, const struct links *links)
{
	bool src = links_local(links, sa->pair.family, sa->src);
	bool dst = links_local(links, sa->pair.family, sa->dst);

	if (src == dst || sa_any_source(sa))
		return NULL;
	return src ? sa->dst : sa->src;
}

static void say_shared(const struct far *f, size_t n)
{
	char one[INET6_ADDRSTRLEN], two[INET6_ADDRSTRLEN];

	inet_ntop(f[0].family, f[0].addr, one, sizeof(one));
	inet_ntop(f[1].family, f[1].addr, two, sizeof(two));
	finding_add(FOUND_REQID, "reqid %u: %zu addresses, among them %s and %s", f->reqid, n,
		    one, two);
}

/**
 * check_reqids() - find bindings by reqid whose SAs lead to several addresses
 * @sad:    the SAs
 * @claims: the bindings
 * @links:  our own addresses
 */
void check_reqids(const struct sad *sad, const struct claims *claims, const struct links *links)
{
	struct far *far = need(calloc(sad->n + 1, sizeof(*far)));
	size_t i, end, n = 0, unique = 0;
	const struct claim *claim;
	const uint8_t *addr;
	const struct sa *sa;

	for (sa = sad->sa; sa < sad->sa + sad->n; sa++) {
		claim = claims_find(claims, sa);
		addr = far_addr(sa, links);
		if (!claim || !claim->key.reqid || !addr)
			continue;
		far[n].reqid = sa->pair.reqid;
		far[n].family = sa->pair.family;
		memcpy(far[n++].addr, addr, sizeof(far->addr));
	}
	qsort(far, n, sizeof(*far), compare_far);
	for (i = 0; i < n; i++)
		if (!unique || compare_far(&far[unique - 1], &far[i]))
			far[unique++] = far[i];
	for (i = 0; i < unique; i = end) {
		for (end = i; end < unique && far[end].reqid == far[i].reqid; end++)
			;
		if (end - i > 1)
			say_shared(&far[i], end - i);
	}
	free(far);
}
