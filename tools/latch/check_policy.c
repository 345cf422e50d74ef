// SPDX-License-Identifier: GPL-2.0
/*
 * What is it about the policies that breaks connections?
 */
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "finding.h"

/**
 * struct mirrors - policies that protect, to look for the one of the other direction
 * @pol:   sorted by direction and selector
 * @n:     how many there are
 * @reqid: the reqids that SAs have, sorted
 * @n_sa:  how many there are
 */
struct mirrors {
	const struct policy **pol;
	size_t n;
	uint32_t *reqid;
	size_t n_sa;
};

static int compare_policy(const void *a, const void *b)
{
	const struct policy *x = *(const struct policy * const *)a;
	const struct policy *y = *(const struct policy * const *)b;

	return x->dir != y->dir ? x->dir - y->dir : memcmp(&x->sel, &y->sel, sizeof(x->sel));
}

/* The same flows, seen in the other direction. */
static struct policy turn(const struct policy *pol)
{
	struct policy t;

	memset(&t, 0, sizeof(t));
	t.dir = pol->dir == XFRM_POLICY_IN ? XFRM_POLICY_OUT : XFRM_POLICY_IN;
	t.sel.saddr = pol->sel.daddr;
	t.sel.daddr = pol->sel.saddr;
	t.sel.sport = pol->sel.dport;
	t.sel.sport_mask = pol->sel.dport_mask;
	t.sel.dport = pol->sel.sport;
	t.sel.dport_mask = pol->sel.sport_mask;
	t.sel.prefixlen_s = pol->sel.prefixlen_d;
	t.sel.prefixlen_d = pol->sel.prefixlen_s;
	t.sel.family = pol->sel.family;
	t.sel.proto = pol->sel.proto;
	return t;
}

static bool prefix_contains(const xfrm_address_t *a, uint8_t a_len, const xfrm_address_t *b,
			    uint8_t b_len)
{
	const uint8_t *x = (const uint8_t *)a, *y = (const uint8_t *)b;
	unsigned int bytes = a_len / 8, rest = a_len % 8;

	if (a_len > b_len || a_len > 128 || memcmp(x, y, bytes))
		return false;
	return !rest || !((x[bytes] ^ y[bytes]) >> (8 - rest));
}

static bool port_contains(uint16_t a, uint16_t a_mask, uint16_t b, uint16_t b_mask)
{
	return (a_mask & b_mask) == a_mask && (b & a_mask) == (a & a_mask);
}

static bool contains(const struct xfrm_selector *a, const struct xfrm_selector *b)
{
	return a->family == b->family && (!a->proto || a->proto == b->proto) &&
	       prefix_contains(&a->saddr, a->prefixlen_s, &b->saddr, b->prefixlen_s) &&
	       prefix_contains(&a->daddr, a->prefixlen_d, &b->daddr, b->prefixlen_d) &&
	       port_contains(a->sport, a->sport_mask, b->sport, b->sport_mask) &&
	       port_contains(a->dport, a->dport_mask, b->dport, b->dport_mask);
}

/* Marks and XFRM interfaces may differ: each direction can have its own. */
static bool has_mirror(const struct mirrors *m, const struct policy *pol)
{
	const struct policy t = turn(pol), *key = &t;
	size_t i;

	if (bsearch(&key, m->pol, m->n, sizeof(*m->pol), compare_policy))
		return true;
	for (i = 0; i < m->n; i++)
		if (m->pol[i]->dir == t.dir && contains(&m->pol[i]->sel, &t.sel))
			return true;
	return false;
}

/*
 * Does the other direction lack a policy? Some IKE daemons install that for what arrives
 * together with the SAs, so that an outbound one without SAs may just wait for them.
 */
static void check_mirror(const struct mirrors *m, const struct policy *pol)
{
	char where[POLICY_TEXT_MAX];

	if (pol->dir == XFRM_POLICY_OUT &&
	    !bsearch(&pol->reqid, m->reqid, m->n_sa, sizeof(*m->reqid), reqid_compare))
		return;
	if (has_mirror(m, pol))
		return;
	policy_text(pol, where, sizeof(where));
	finding_add(FOUND_ONE_WAY, "%s", where);
}

static void check_mirrors(const struct spd *spd, const struct sad *sad)
{
	struct mirrors m = {
		.pol = need(malloc((spd->n + 1) * sizeof(*m.pol))),
		.reqid = need(malloc((sad->n + 1) * sizeof(*m.reqid))),
		.n_sa = sad->n,
	};
	size_t i;

	for (i = 0; i < spd->n; i++)
		if (spd->pol[i].protects && !spd->pol[i].sub)
			m.pol[m.n++] = &spd->pol[i];
	for (i = 0; i < sad->n; i++)
		m.reqid[i] = sad->sa[i].pair.reqid;
	qsort(m.pol, m.n, sizeof(*m.pol), compare_policy);
	qsort(m.reqid, m.n_sa, sizeof(*m.reqid), reqid_compare);
	for (i = 0; i < m.n; i++)
		check_mirror(&m, m.pol[i]);
	free(m.pol);
	free(m.reqid);
}

/**
 * check_policies() - find policies that the module cannot deal with in full
 * @spd: the policies
 * @sad: the SAs
 */
void check_policies(const struct spd *spd, const struct sad *sad)
{
	char where[POLICY_TEXT_MAX];
	const struct policy *pol;

	for (pol = spd->pol; pol < spd->pol + spd->n; pol++) {
		policy_text(pol, where, sizeof(where));
		if (pol->sub && pol->protects)
			finding_add(FOUND_SUB, "%s", where);
		if (pol->optional)
			finding_add(FOUND_OPTIONAL, "%s", where);
		if (pol->ifindex)
			finding_add(FOUND_DEVICE, "%s", where);
		if (pol->mask)
			finding_add(FOUND_MARK, "policy %s", where);
	}
	check_mirrors(spd, sad);
}
