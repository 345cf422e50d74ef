// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel module, for all threads of charon: a handle of latchnl with a lock.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <daemon.h>
#include <threading/mutex.h>

#include "module.h"

static struct latchnl *nl;
static mutex_t *lock;

/**
 * module_open() - get ready to talk to the module, loaded or not
 *
 * Return: true, and the caller calls module_close() at the end; false with errno set.
 */
bool module_open(void)
{
	nl = latchnl_open();
	if (!nl)
		return false;
	lock = mutex_create(MUTEX_TYPE_DEFAULT);
	return true;
}

/**
 * module_close() - undo module_open()
 */
void module_close(void)
{
	latchnl_close(nl);
	lock->destroy(lock);
	nl = NULL;
	lock = NULL;
}

/**
 * module_fd() - get the descriptor on which the kernel says that a module came or went
 *
 * Return: the descriptor; whoever finds it readable calls module_changed().
 */
int module_fd(void)
{
	return latchnl_fd(nl);
}

/**
 * module_changed() - read what the kernel says about modules
 *
 * Return: as latchnl_changed().
 */
bool module_changed(void)
{
	bool changed;

	lock->lock(lock);
	changed = latchnl_changed(nl);
	lock->unlock(lock);
	return changed;
}

/**
 * module_announce() - tell the module that from now on we make claims
 *
 * The result goes to charon's log. The module holds the packets of an SA without a
 * claim from now on.
 *
 * Return: false where the module is not loaded, or refuses.
 */
bool module_announce(void)
{
	int rc;

	lock->lock(lock);
	rc = latchnl_manager(nl, true);
	lock->unlock(lock);
	if (rc)
		DBG1(DBG_KNL, "latch: %s: SAs are not bound to peers", rc == -ENOPROTOOPT ?
		     "the module ipsec_latch is not loaded" : strerror(-rc));
	else
		DBG1(DBG_KNL, "latch: SAs are bound to their peers");
	return !rc;
}

/**
 * module_claim() - tell the module which peer an SA belongs to
 * @sa:  the SA
 * @e:   both ends of the IKE_SA that made it
 * @how: what to do with the claim
 *
 * A refusal goes to charon's log.
 *
 * Return: as latchnl_claim().
 */
int module_claim(const struct latchnl_sa *sa, const struct ends *e, enum how how)
{
	int rc;

	lock->lock(lock);
	if (how == CLAIM)
		rc = latchnl_claim(nl, sa, &e->peer.peer, &e->local.peer);
	else
		rc = latchnl_keep(nl, sa, &e->peer.peer, &e->local.peer, how == KEEP);
	if (rc && rc != -ENOPROTOOPT)
		DBG1(DBG_KNL, "latch: SA %.8x cannot be bound: %s (%s)", ntohl(sa->spi),
		     strerror(-rc), latchnl_why(nl));
	lock->unlock(lock);
	return rc;
}

/**
 * module_dead() - tell the module that a peer does not answer any more
 * @e: both ends of an IKE_SA with the peer
 *
 * Return: 0 or a negative errno.
 */
int module_dead(const struct ends *e)
{
	int rc;

	lock->lock(lock);
	rc = latchnl_dead(nl, &e->peer.peer);
	lock->unlock(lock);
	return rc;
}

/**
 * module_flows() - list the connections that are latched
 * @cb:   called for each, with @data; it may not call any other of these functions
 * @data: for @cb
 *
 * Return: 0 or a negative errno.
 */
int module_flows(latchnl_flow_cb cb, void *data)
{
	int rc;

	lock->lock(lock);
	rc = latchnl_flows(nl, cb, data);
	lock->unlock(lock);
	return rc;
}
