// SPDX-License-Identifier: GPL-2.0
/*
 * The peers that charon has an IKE_SA with, and those that do not answer any more.
 */
#include <string.h>

#include <daemon.h>
#include <bus/listeners/listener.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>

#include "module.h"
#include "peers.h"
#include "proof.h"

/**
 * struct ike_peer - the other end of an established IKE_SA
 * @unique_id: charon's number of the IKE_SA
 * @e:         the identities of both ends; none where the peer is not identified
 */
struct ike_peer {
	uint32_t unique_id;
	struct ends e;
};

/* struct ike_peer of each established IKE_SA; under the lock */
static linked_list_t *known;
static mutex_t *lock;
/* Tell the module of peers that do not answer. */
static bool report_dead;

static void peer_destroy(struct ike_peer *p)
{
	ends_clear(&p->e);
	free(p);
}

static struct ike_peer *peer_find(uint32_t unique_id)
{
	enumerator_t *it = known->create_enumerator(known);
	struct ike_peer *p, *found = NULL;

	while (!found && it->enumerate(it, &p))
		if (p->unique_id == unique_id)
			found = p;
	it->destroy(it);
	return found;
}

static void peer_gone(uint32_t unique_id)
{
	struct ike_peer *p = peer_find(unique_id);

	if (!p)
		return;
	known->remove(known, p, NULL);
	peer_destroy(p);
}

static void peer_came(ike_sa_t *ike)
{
	struct ike_peer *p = malloc_thing(struct ike_peer);

	peer_gone(ike->get_unique_id(ike));
	p->unique_id = ike->get_unique_id(ike);
	if (!ends_take(&p->e, ike))
		ends_clear(&p->e);
	known->insert_last(known, p);
}

/*
 * Is there another IKE_SA with the same peer, so that the peer is alive?  We ask for the
 * name that the module knows it by, and not for the one in IKE's ID payload: devices of
 * one user have the name of that user in EAP, and another ID each.
 */
static bool peer_elsewhere(const struct ike_peer *dead)
{
	enumerator_t *it = known->create_enumerator(known);
	bool elsewhere = false;
	struct ike_peer *p;

	while (it->enumerate(it, &p))
		if (p != dead && p->e.peer.peer.id_type == dead->e.peer.peer.id_type &&
		    chunk_equals(p->e.peer.id, dead->e.peer.id))
			elsewhere = true;
	it->destroy(it);
	return elsewhere;
}

METHOD(listener_t, ike_updown, bool, listener_t *listener, ike_sa_t *ike, bool up)
{
	(void)listener;
	lock->lock(lock);
	if (up)
		peer_came(ike);
	else
		peer_gone(ike->get_unique_id(ike));
	lock->unlock(lock);
	return true;
}

METHOD(listener_t, ike_rekey, bool, listener_t *listener, ike_sa_t *old, ike_sa_t *new)
{
	(void)listener;
	lock->lock(lock);
	peer_gone(old->get_unique_id(old));
	peer_came(new);
	lock->unlock(lock);
	return true;
}

/*
 * Dead peer detection (2-23): the peer does not answer on an established IKE_SA, and we
 * have no other IKE_SA with it.  An IKE_SA that was never established says nothing.
 */
METHOD(listener_t, alert, bool, listener_t *listener, ike_sa_t *ike, alert_t what, va_list args)
{
	struct ike_peer *p;
	int rc;

	(void)listener;
	(void)args;
	if (what != ALERT_RETRANSMIT_SEND_TIMEOUT || !report_dead || !ike)
		return true;
	lock->lock(lock);
	p = peer_find(ike->get_unique_id(ike));
	if (p && p->e.peer.peer.id_type && !peer_elsewhere(p)) {
		rc = module_dead(&p->e);
		DBG1(DBG_KNL, "latch: peer %Y is dead%s%s", ike->get_other_id(ike),
		     rc ? ", but: " : "", rc ? strerror(-rc) : "");
	}
	lock->unlock(lock);
	return true;
}

static listener_t listener;

/**
 * peers_open() - make an empty list of peers
 * @report: tell the module of peers that do not answer any more
 */
void peers_open(bool report)
{
	report_dead = report;
	lock = mutex_create(MUTEX_TYPE_DEFAULT);
	known = linked_list_create();
	/* the macro METHOD makes variables of these: no initializer can name them */
	listener.ike_updown = _ike_updown;
	listener.ike_rekey = _ike_rekey;
	listener.alert = _alert;
}

/**
 * peers_close() - free the list
 */
void peers_close(void)
{
	known->destroy_function(known, (void *)peer_destroy);
	lock->destroy(lock);
	known = NULL;
	lock = NULL;
}

/**
 * peers_begin() - listen to IKE_SAs that come and go, from now on
 */
void peers_begin(void)
{
	charon->bus->add_listener(charon->bus, &listener);
}

/**
 * peers_end() - listen no more
 */
void peers_end(void)
{
	charon->bus->remove_listener(charon->bus, &listener);
}
