// SPDX-License-Identifier: GPL-2.0
/*
 * Talks to the kernel module, by means of ../lib/latchnl.c.
 */
#include <errno.h>
#include <sys/socket.h>
#include <linux/latch.h>
#include "kernel.h"
#include "latchnl.h"

static struct latchnl *nl;

/**
 * kernel_open() - get ready to talk to the module, loaded or not
 *
 * Return: 0 or a negative errno.
 */
int kernel_open(void)
{
	nl = latchnl_open();
	return nl ? 0 : -errno;
}

/**
 * kernel_fd() - get the descriptor on which the kernel says that the module came or went
 *
 * Return: the descriptor; the caller calls kernel_changed() when it is readable.
 */
int kernel_fd(void)
{
	return latchnl_fd(nl);
}

/**
 * kernel_changed() - read whether the module came or went
 *
 * Return: as latchnl_changed().
 */
bool kernel_changed(void)
{
	return latchnl_changed(nl);
}

/**
 * kernel_manager() - tell the module that a key manager is at work
 *
 * Return: 0 or a negative errno, -ENOPROTOOPT without the module.
 */
int kernel_manager(void)
{
	return latchnl_manager(nl, true);
}

/**
 * kernel_why() - tell why the kernel refused the last request
 *
 * Return: the kernel's words, "" where it sent none; valid until the next call.
 */
const char *kernel_why(void)
{
	return latchnl_why(nl);
}

static struct latchnl_sa sa_of(const struct sa_key *k)
{
	return (struct latchnl_sa){
		.dst = { k->dst, k->family == AF_INET ? 4 : 16 },
		.spi = k->spi,
		.mark = k->mark,
		.mark_mask = k->mask,
		.proto = k->proto,
	};
}

static struct latchnl_peer peer_of(const struct ident *id, uint8_t auth)
{
	return (struct latchnl_peer){
		.id_type = id->type,
		.auth = auth,
		.id = { id->value, id->len },
	};
}

/**
 * kernel_claim() - tell the module which peer an SA belongs to
 * @key:   the SA
 * @peer:  the peer
 * @local: the identity that we asserted, LATCH_ID_NONE where it is not known
 * @auth:  LATCH_AUTH_* of the peer
 *
 * Return: 0, also where the same claim is there already; -EEXIST another peer has
 * claimed it; or another negative errno.
 */
int kernel_claim(const struct sa_key *key, const struct ident *peer, const struct ident *local,
		 uint8_t auth)
{
	struct latchnl_peer p = peer_of(peer, auth), l = peer_of(local, LATCH_AUTH_UNKNOWN);
	struct latchnl_sa sa = sa_of(key);

	return latchnl_claim(nl, &sa, &p, &l);
}

/**
 * kernel_unclaim() - delete the claims for an SA
 * @key: the SA
 *
 * Return: 0, -ENOENT there was none, or another negative errno.
 */
int kernel_unclaim(const struct sa_key *key)
{
	struct latchnl_sa sa = sa_of(key);

	return latchnl_unclaim(nl, &sa);
}

/**
 * kernel_dead() - tell the module that a peer does not answer any more
 * @peer: the peer
 * @auth: LATCH_AUTH_* of the peer
 *
 * Return: 0 or a negative errno.
 */
int kernel_dead(const struct ident *peer, uint8_t auth)
{
	struct latchnl_peer p = peer_of(peer, auth);

	return latchnl_dead(nl, &p);
}

/**
 * kernel_bound() - ask the module whether anybody has claimed an SA, or its reqid
 * @sa: the SA
 *
 * Return: 1 somebody has, 0 nobody has, or a negative errno.
 */
int kernel_bound(const struct sa *sa)
{
	struct latchnl_sa key = sa_of(&sa->key), reqid = { .reqid = sa->reqid };
	int rc = latchnl_bound(nl, &key);

	if (!rc && sa->reqid)
		rc = latchnl_bound(nl, &reqid);
	return rc;
}
