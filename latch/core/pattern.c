// SPDX-License-Identifier: GPL-2.0
/*
 * Patterns of identities (RFC 5660 2-16; RFC 4301 4.4.3.1).
 */
#include "der.h"
#include "dn.h"
#include "pattern.h"
#include "text.h"

/* --- names of the DNS ------------------------------------------------------ */

/* Labels, none of them empty. */
static bool name_ok(struct latch_bytes name)
{
	bool begins = true;
	u32 i;

	for (i = 0; i < name.n; i++) {
		u8 c = name.p[i];

		if (c == '.' ? begins :
		    !latch_is_letter(c) && !latch_is_digit(c) && c != '-' && c != '_')
			return false;
		begins = c == '.';
	}
	return !begins;
}

/* Takes the asterisk off a sub-tree's pattern; the dot stays. */
static bool is_subtree(struct latch_bytes *name)
{
	if (name->n < 2 || name->p[0] != '*' || name->p[1] != '.')
		return false;
	name->p++;
	name->n--;
	return true;
}

static bool fqdn_ok(struct latch_bytes pattern)
{
	if (is_subtree(&pattern)) {
		pattern.p++;
		pattern.n--;
	}
	return name_ok(pattern);
}

/* Below the name, not the name itself (RFC 4301 4.4.3.1). */
static bool fqdn_match(struct latch_bytes pattern, struct latch_bytes name)
{
	if (!name_ok(name))
		return false;
	if (is_subtree(&pattern)) {
		if (name.n <= pattern.n)
			return false;
		name.p += name.n - pattern.n;
		name.n = pattern.n;
	}
	return latch_text_equal(pattern, name);
}

/* --- e-mail ---------------------------------------------------------------- */

/* Cuts an address at its only @. */
static bool email_split(struct latch_bytes addr, struct latch_bytes *local,
			struct latch_bytes *domain)
{
	u32 i, at = addr.n;

	for (i = 0; i < addr.n; i++) {
		if (addr.p[i] <= ' ' || addr.p[i] == 0x7f)
			return false;
		if (addr.p[i] != '@')
			continue;
		if (at != addr.n)
			return false;
		at = i;
	}
	if (!at || at == addr.n)
		return false;
	*local = latch_bytes_of(addr.p, at);
	*domain = latch_bytes_of(addr.p + at + 1, addr.n - at - 1);
	return true;
}

static bool is_star(struct latch_bytes s)
{
	return s.n == 1 && s.p[0] == '*';
}

static bool email_ok(struct latch_bytes pattern)
{
	struct latch_bytes local, domain;

	return email_split(pattern, &local, &domain) &&
	       (is_star(local) || !memchr(local.p, '*', local.n)) && fqdn_ok(domain);
}

static bool email_match(struct latch_bytes pattern, struct latch_bytes addr)
{
	struct latch_bytes want, local, want_domain, domain;

	return email_split(pattern, &want, &want_domain) &&
	       email_split(addr, &local, &domain) &&
	       (is_star(want) || !latch_bytes_cmp(want, local)) &&
	       fqdn_match(want_domain, domain);
}

/* --- any kind ----------------------------------------------------------------- */

bool latch_pattern_ok(const struct latch_id *pattern)
{
	struct latch_bytes text = latch_bytes_of(pattern->value, pattern->len);

	if (!text.n || text.n > LATCH_ID_INLINE)
		return false;
	switch (pattern->type) {
	case LATCH_ID_FQDN:
		return fqdn_ok(text);
	case LATCH_ID_EMAIL:
		return email_ok(text);
	case LATCH_ID_DN:
		return latch_dn_ok(text);
	default:
		return false;
	}
}

bool latch_pattern_match(const struct latch_id *pattern, u8 type, const void *id, u16 len)
{
	struct latch_bytes text = latch_bytes_of(pattern->value, pattern->len);
	struct latch_bytes name = latch_bytes_of(id, len);

	if (type != pattern->type)
		return false;
	switch (type) {
	case LATCH_ID_FQDN:
		return fqdn_match(text, name);
	case LATCH_ID_EMAIL:
		return email_match(text, name);
	case LATCH_ID_DN:
		return latch_dn_match(text, name);
	default:
		return false;
	}
}
