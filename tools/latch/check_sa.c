// SPDX-License-Identifier: GPL-2.0
/*
 * What is it about the SAs that breaks connections?
 */
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "finding.h"

/**
 * check_sas() - find single SAs that the module cannot deal with in full
 * @sad: the SAs
 */
void check_sas(const struct sad *sad)
{
	char where[SA_TEXT_MAX];
	const struct sa *sa;

	for (sa = sad->sa; sa < sad->sa + sad->n; sa++) {
		sa_text(sa, where, sizeof(where));
		if (sa->offload == SA_OFFLOAD_CRYPTO)
			finding_add(FOUND_CRYPTO, "%s", where);
		if (sa->offload == SA_OFFLOAD_PACKET)
			finding_add(FOUND_PACKET, "%s", where);
		if (sa_any_source(sa))
			finding_add(FOUND_SOURCE, "%s", where);
		if (sa->mask)
			finding_add(FOUND_MARK, "SA %s", where);
	}
}

static int compare_number(uint32_t x, uint32_t y)
{
	return (x > y) - (x < y);
}

/* Could two SAs carry the same packets? By their address, selectors, reqid and marks. */
static int compare_way(const struct sa *x, const struct sa *y)
{
	int d = memcmp(&x->pair, &y->pair, sizeof(x->pair));

	if (!d)
		d = compare_number(x->back, y->back);
	if (!d)
		d = compare_number(x->if_id, y->if_id);
	if (!d)
		d = compare_number(x->mark, y->mark);
	return d ? d : compare_number(x->mask, y->mask);
}

static int compare(const void *a, const void *b)
{
	const struct sa *x = *(const struct sa * const *)a;
	const struct sa *y = *(const struct sa * const *)b;
	int d = compare_way(x, y);

	return d ? d : strcmp(x->suite, y->suite);
}

/* SAs for the same packets, n of them: have they one peer, one suite and, inbound, one window? */
static void check_way(const struct sa **sa, size_t n, const struct links *links)
{
	bool inbound = links_local(links, sa[0]->pair.family, sa[0]->dst);
	uint32_t least = sa[0]->window, most = least;
	uint32_t peer = sa[0]->peer;
	bool several = false;
	char where[SA_TEXT_MAX];
	size_t i;

	sa_way_text(sa[0], where, sizeof(where));
	for (i = 1; i < n; i++) {
		if (sa[i]->window < least)
			least = sa[i]->window;
		if (sa[i]->window > most)
			most = sa[i]->window;
		several |= peer && sa[i]->peer && sa[i]->peer != peer;
		if (!peer)
			peer = sa[i]->peer;
		/* they are sorted by suite */
		if (strcmp(sa[i]->suite, sa[i - 1]->suite))
			finding_add(FOUND_SUITES, "%s: %s, and %s", where, sa[i - 1]->suite,
				    sa[i]->suite);
	}
	if (several)
		finding_add(FOUND_PEERS, "%s", where);
	if (inbound && least != most)
		finding_add(FOUND_WINDOWS, "%s: %u, and %u", where, least, most);
}

/*
 * SAs for the packets of the same flows, n of them, in both directions. Where those of one
 * direction differ, check_way() has said so.
 */
static void check_pair(const struct sa **sa, size_t n)
{
	const struct sa *first[2] = { NULL, NULL };
	bool differ = false;
	char where[SA_TEXT_MAX];
	size_t i;

	for (i = 0; i < n; i++) {
		if (!first[sa[i]->back])
			first[sa[i]->back] = sa[i];
		differ |= strcmp(first[sa[i]->back]->suite, sa[i]->suite);
	}
	if (differ || !first[0] || !first[1] || !strcmp(first[0]->suite, first[1]->suite))
		return;
	sa_way_text(first[0], where, sizeof(where));
	finding_add(FOUND_DIRECTIONS, "%s: %s, and back: %s", where, first[0]->suite,
		    first[1]->suite);
}

/**
 * check_pairs() - find SAs that are not congruent though they can carry the same flows
 * @sad:   the SAs, after check_owners()
 * @links: our own addresses
 */
void check_pairs(const struct sad *sad, const struct links *links)
{
	const struct sa **sa = need(malloc((sad->n + 1) * sizeof(*sa)));
	size_t i, end;

	for (i = 0; i < sad->n; i++)
		sa[i] = &sad->sa[i];
	qsort(sa, sad->n, sizeof(*sa), compare);
	for (i = 0; i < sad->n; i = end) {
		for (end = i; end < sad->n && !compare_way(sa[end], sa[i]); end++)
			;
		check_way(&sa[i], end - i, links);
	}
	for (i = 0; i < sad->n; i = end) {
		for (end = i; end < sad->n && !memcmp(&sa[end]->pair, &sa[i]->pair,
						      sizeof(sa[i]->pair)); end++)
			;
		check_pair(&sa[i], end - i);
	}
	free(sa);
}
