// SPDX-License-Identifier: GPL-2.0
/*
 * Collects what an IKE daemon says about its SAs, and tells the kernel: nothing about
 * an SA where the daemon contradicts itself, or that does not exist.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/latch.h>
#include "claims.h"
#include "log.h"

#define CLAIMS_MAX	1000000

/**
 * claims_add() - add a claim, unless its SA does not exist or has one already
 * @c:     the claims of this answer so far
 * @claim: copied
 */
void claims_add(struct claims *c, const struct claim *claim)
{
	size_t room = c->room ? 2 * c->room : 8;
	const struct sa *sa;
	struct claim *list;
	bool more;

	sa = sad_find(&claim->key, &more);
	if (c->bad || !sa || sa->state == SA_BOUND)
		return;
	if (c->n == c->room) {
		list = c->n < CLAIMS_MAX ? realloc(c->list, room * sizeof(*list)) : NULL;
		if (!list) {
			c->bad = true;
			return;
		}
		c->list = list;
		c->room = room;
	}
	c->list[c->n++] = *claim;
}

/**
 * claims_address() - set the destination of a claim's SA
 * @claim: the claim
 * @text:  the address as inet_ntop() writes it
 *
 * Return: false where @text is not an address.
 */
bool claims_address(struct claim *claim, const char *text)
{
	struct ident addr;

	if (ident_address(&addr, text))
		return false;
	memset(claim->key.dst, 0, sizeof(claim->key.dst));
	memcpy(claim->key.dst, addr.value, addr.len);
	claim->key.family = addr.len == 4 ? AF_INET : AF_INET6;
	return true;
}

static int by_key(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->key.spi != y->key.spi)
		return ntohl(x->key.spi) < ntohl(y->key.spi) ? -1 : 1;
	if (x->key.proto != y->key.proto)
		return x->key.proto - y->key.proto;
	if (x->key.family != y->key.family)
		return x->key.family - y->key.family;
	return memcmp(x->key.dst, y->key.dst, sizeof(x->key.dst));
}

static const char *show_sa(const struct sa_key *k, char *buf, size_t room)
{
	char addr[INET6_ADDRSTRLEN] = "?";

	inet_ntop(k->family, k->dst, addr, sizeof(addr));
	snprintf(buf, room, "%s SPI %08x to %s", k->proto == IPPROTO_ESP ? "ESP" : "AH",
		 ntohl(k->spi), addr);
	return buf;
}

/* Name an identity in a message. Of a DN, print all bytes: they include its strings. */
static const char *show_id(const struct ident *id)
{
	bool v4 = id->type == LATCH_ID_IPV4 && id->len == 4;
	bool v6 = id->type == LATCH_ID_IPV6 && id->len == 16;
	char addr[INET6_ADDRSTRLEN];

	if ((v4 || v6) && inet_ntop(v4 ? AF_INET : AF_INET6, id->value, addr, sizeof(addr)))
		return shown(addr, strlen(addr));
	return shown(id->value, id->len);
}

/* The kernel took the claim. */
static void took(const struct claims *c, const struct claim *m, struct sa *sa, const char *name)
{
	say_detail("%s: %s is \"%s\"", c->who, name, show_id(&m->peer));
	/* it went before we claimed it, and the claim would wait for it for ever */
	if (!xfrm_exists(&sa->key)) {
		kernel_unclaim(&sa->key);
		sad_del(&sa->key);
		return;
	}
	sad_settle(sa, SA_BOUND);
}

static void tell_one(const struct claims *c, const struct claim *m)
{
	char name[100];
	struct sa *sa;
	bool more;
	int rc;

	sa = sad_find(&m->key, &more);
	if (!sa || sa->state == SA_BOUND)
		return;
	show_sa(&m->key, name, sizeof(name));
	if (more) {
		say_warn("%s: %s is there with several marks and stays unidentified", c->who, name);
		return;
	}
	rc = kernel_claim(&sa->key, &m->peer, &m->local, m->auth);
	if (!rc) {
		took(c, m, sa, name);
	} else if (rc == -EEXIST) {
		say_warn("%s: %s is \"%s\", but was bound to another peer before, which it keeps",
			 c->who, name, show_id(&m->peer));
		sad_settle(sa, SA_LEFT);
	} else if (rc != -ENOPROTOOPT) {
		say_error("%s: cannot bind %s: %s%s%s", c->who, name, strerror(-rc),
			  *kernel_why() ? ": " : "", kernel_why());
	}
}

/* Do all @n claims for the SA of @m name the same peer and the same local identity? */
static bool agree(const struct claim *m, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++)
		if (!ident_equal(&m->peer, &m[i].peer) || !ident_equal(&m->local, &m[i].local))
			return false;
	return true;
}

/* The daemon names two peers for the SA: claim it for neither. */
static void contradict(const struct claims *c, const struct claim *m)
{
	char name[100];
	struct sa *sa;
	bool more;

	sa = sad_find(&m->key, &more);
	if (!sa || sa->state == SA_BOUND)
		return;
	say_warn("%s: %s belongs to two peers, it says, and stays unidentified", c->who,
		 show_sa(&m->key, name, sizeof(name)));
	sad_settle(sa, SA_LEFT);
}

/**
 * claims_tell() - tell the kernel, and drop the claims
 * @c: all claims of one answer
 */
void claims_tell(struct claims *c)
{
	size_t i, n;

	if (c->bad)
		say_error("%s: out of memory, its answer is not used", c->who);
	else if (c->n)
		qsort(c->list, c->n, sizeof(*c->list), by_key);
	for (i = 0; !c->bad && i < c->n; i += n) {
		for (n = 1; i + n < c->n && !by_key(&c->list[i], &c->list[i + n]); n++)
			;
		if (!agree(&c->list[i], n))
			contradict(c, &c->list[i]);
		else if (c->list[i].peer.type)
			tell_one(c, &c->list[i]);
	}
	claims_drop(c);
}

/**
 * claims_drop() - drop the claims
 * @c: empty after that
 */
void claims_drop(struct claims *c)
{
	free(c->list);
	*c = (struct claims){ .who = c->who };
}
