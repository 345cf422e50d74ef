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

/** kernel_fd() - what to poll to hear of the module's coming and going */
int kernel_fd(void)
{
	return latchnl_fd(nl);
}

/** kernel_changed() - did it come or go? Nothing told to it is sure to be there then. */
bool kernel_changed(void)
{
	return latchnl_changed(nl);
}

/**
 * kernel_manager() - we are at work
 *
 * Return: 0 or a negative errno, -ENOPROTOOPT without the module.
 */
int kernel_manager(void)
{
	return latchnl_manager(nl, true);
}

/** kernel_why() - the kernel's words about the last error, perhaps none */
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
 * kernel_claim() - say whose an SA is
 * @key:   the SA
 * @peer:  whose
 * @local: what we asserted, LATCH_ID_NONE where that is not known
 * @auth:  LATCH_AUTH_* of the peer
 *
 * Return: 0, also where that was said before; -EEXIST another one has it; or
 * another negative errno.
 */
int kernel_claim(const struct sa_key *key, const struct ident *peer, const struct ident *local,
		 uint8_t auth)
{
	struct latchnl_peer p = peer_of(peer, auth), l = peer_of(local, LATCH_AUTH_UNKNOWN);
	struct latchnl_sa sa = sa_of(key);

	return latchnl_claim(nl, &sa, &p, &l);
}

/**
 * kernel_unclaim() - take it back
 * @key: the SA
 */
int kernel_unclaim(const struct sa_key *key)
{
	struct latchnl_sa sa = sa_of(key);

	return latchnl_unclaim(nl, &sa);
}

/**
 * kernel_dead() - a peer does not answer any more
 * @peer: who
 * @auth: how it was authenticated
 */
int kernel_dead(const struct ident *peer, uint8_t auth)
{
	struct latchnl_peer p = peer_of(peer, auth);

	return latchnl_dead(nl, &p);
}

/**
 * kernel_whose() - ask the module whether anybody has claimed an SA, or its reqid
 * @sa: the SA
 *
 * Return: 1 somebody has, 0 nobody has, or a negative errno.
 */
int kernel_whose(const struct sa *sa)
{
	struct latchnl_sa key = sa_of(&sa->key), reqid = { .reqid = sa->reqid };
	int rc = latchnl_bound(nl, &key);

	if (!rc && sa->reqid)
		rc = latchnl_bound(nl, &reqid);
	return rc;
}
