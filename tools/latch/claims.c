// SPDX-License-Identifier: GPL-2.0
/*
 * See claims.h.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/latch_netlink.h>
#include "claims.h"
#include "names.h"
#include "nl.h"

static void take_claim(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LATCH_A_BINDING_MAX + 1], *dst;
	struct claims *c = data;
	struct claim *to;

	netlink_parse(nlh, tb, LATCH_A_BINDING_MAX);
	dst = tb[LATCH_A_BINDING_DST];
	c->claim = grow(c->claim, c->n, &c->room, sizeof(*c->claim));
	to = &c->claim[c->n++];
	memset(to, 0, sizeof(*to));
	to->key.reqid = netlink_num(tb[LATCH_A_BINDING_REQID]);
	to->key.family = netlink_num(tb[LATCH_A_BINDING_FAMILY]);
	to->key.proto = netlink_num(tb[LATCH_A_BINDING_PROTO]);
	to->key.spi = netlink_num(tb[LATCH_A_BINDING_SPI]);
	to->key.mark = netlink_num(tb[LATCH_A_BINDING_MARK]);
	to->key.mask = netlink_num(tb[LATCH_A_BINDING_MARK_MASK]);
	if (dst && mnl_attr_get_payload_len(dst) <= sizeof(to->key.dst))
		memcpy(to->key.dst, mnl_attr_get_payload(dst), mnl_attr_get_payload_len(dst));
	to->peer = netlink_num(tb[LATCH_A_BINDING_PEER]);
	to->ambiguous = tb[LATCH_A_BINDING_AMBIGUOUS];
}

static void forget(void *data)
{
	struct claims *c = data;

	c->n = 0;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct claim_key));
}

/* The kernel sends each claim; leave one for each key. */
static void unite(struct claims *c)
{
	size_t i, n = 0;

	if (c->n)
		qsort(c->claim, c->n, sizeof(*c->claim), compare);
	for (i = 0; i < c->n; i++) {
		if (n && !compare(&c->claim[n - 1], &c->claim[i])) {
			c->claim[n - 1].ambiguous |= c->claim[i].ambiguous;
			continue;
		}
		c->claim[n++] = c->claim[i];
		if (c->claim[n - 1].key.reqid)
			c->by_reqid++;
		else
			c->by_sa++;
	}
	c->n = n;
}

/**
 * claims_read() - read the bindings of the namespace
 * @c: zero; the caller gives it to claims_free(), also after a failure
 *
 * Return: 0, or an exit status after a message.
 */
int claims_read(struct claims *c)
{
	int rc = nl_scan(LATCH_CMD_BINDING_GET, take_claim, forget, c);

	if (!rc)
		unite(c);
	return rc;
}

/**
 * claims_free() - forget the bindings
 * @c: zero from now on
 */
void claims_free(struct claims *c)
{
	free(c->claim);
	memset(c, 0, sizeof(*c));
}

static struct claim *find(const struct claims *c, const struct claim_key *key)
{
	return c->n ? bsearch(key, c->claim, c->n, sizeof(*c->claim), compare) : NULL;
}

/**
 * claims_find() - find the binding that says whose an SA is, as the module does
 * @c:  the bindings
 * @sa: the SA
 *
 * Return: its own, else that of its reqid, else NULL.
 */
struct claim *claims_find(const struct claims *c, const struct sa *sa)
{
	struct claim_key key, reqid;
	struct claim *found;

	memset(&key, 0, sizeof(key));
	memcpy(key.dst, sa->dst, sizeof(key.dst));
	key.spi = sa->spi;
	key.mark = sa->mark;
	key.mask = sa->mask;
	key.family = sa->pair.family;
	key.proto = sa->pair.proto;
	found = find(c, &key);
	if (found || !sa->pair.reqid)
		return found;
	memset(&reqid, 0, sizeof(reqid));
	reqid.reqid = sa->pair.reqid;
	return find(c, &reqid);
}

/**
 * claim_text() - put the key of a binding into words, as "binding show" does
 * @claim: the binding
 * @buf:   set
 * @len:   bytes of @buf
 */
void claim_text(const struct claim *claim, char *buf, size_t len)
{
	const struct claim_key *key = &claim->key;
	char dst[INET6_ADDRSTRLEN] = "";

	if (key->reqid) {
		snprintf(buf, len, "reqid %u", key->reqid);
		return;
	}
	inet_ntop(key->family, key->dst, dst, sizeof(dst));
	snprintf(buf, len, "dst %s proto %s spi 0x%x", dst, name_word(sa_proto_names, key->proto),
		 ntohl(key->spi));
}
