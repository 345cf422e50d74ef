// SPDX-License-Identifier: GPL-2.0
/*
 * What a peer behind a NAT calls itself.
 *
 * In transport mode the traffic selector that a peer sends for itself is its own address, as it
 * knows it (RFC 7296, 2.23.1). charon puts the address that it sees in its place, so read the
 * message before. The thread that handles the message installs the SAs, too.
 */
#include <daemon.h>
#include <bus/listeners/listener.h>
#include <encoding/payloads/ts_payload.h>
#include <threading/thread_value.h>

#include "nat.h"
#include "proof.h"

/**
 * struct told - what the message said that a thread handles
 * @unique_id: charon's number of the IKE_SA
 * @addr:      the peer's address
 */
struct told {
	uint32_t unique_id;
	host_t *addr;
};

/* struct told of each thread, or NULL */
static thread_value_t *told;

static void told_destroy(struct told *t)
{
	if (!t)
		return;
	t->addr->destroy(t->addr);
	free(t);
}

static void told_set(struct told *t)
{
	told_destroy(told->get(told));
	told->set(told, t);
}

/* The one address that a payload with traffic selectors begins with; NULL for a net. */
static host_t *first_host(ts_payload_t *payload)
{
	linked_list_t *list = payload->get_traffic_selectors(payload);
	traffic_selector_t *ts;
	host_t *addr = NULL;
	uint8_t mask;

	if (!list->get_first(list, (void **)&ts) && ts->is_host(ts, NULL))
		ts->to_subnet(ts, &addr, &mask);
	list->destroy_offset(list, offsetof(traffic_selector_t, destroy));
	return addr;
}

/* The peer is the initiator of what it asks for, and the responder of what it answers. */
METHOD(listener_t, message, bool, listener_t *l, ike_sa_t *ike, message_t *m, bool in, bool plain)
{
	payload_type_t type;
	ts_payload_t *payload;
	struct told *t;
	host_t *addr;

	(void)l;
	if (!in || !plain)
		return true;
	told_set(NULL);
	if (ike->get_version(ike) != IKEV2 || !ike->has_condition(ike, COND_NAT_THERE) ||
	    !m->get_notify(m, USE_TRANSPORT_MODE))
		return true;
	type = m->get_request(m) ? PLV2_TS_INITIATOR : PLV2_TS_RESPONDER;
	payload = (ts_payload_t *)m->get_payload(m, type);
	addr = payload ? first_host(payload) : NULL;
	if (!addr)
		return true;
	t = malloc_thing(struct told);
	t->unique_id = ike->get_unique_id(ike);
	t->addr = addr;
	told_set(t);
	return true;
}

/**
 * nat_address() - get the address that a peer behind a NAT has said it has
 * @ike: the IKE_SA, checked out by this thread, or NULL
 *
 * Where the SAs come with a later message than the traffic selectors, as with EAP, and with
 * IKEv1, nobody knows.
 *
 * Return: the address, valid while this thread handles the message; empty where not known.
 */
struct latchnl_blob nat_address(ike_sa_t *ike)
{
	struct told *t = told->get(told);

	if (!ike || !t || t->unique_id != ike->get_unique_id(ike))
		return (struct latchnl_blob){ 0 };
	return blob_of(t->addr->get_address(t->addr));
}

static listener_t listener;

/**
 * nat_begin() - read messages from now on
 */
void nat_begin(void)
{
	told = thread_value_create((thread_cleanup_t)told_destroy);
	/* the macro METHOD makes a variable of it: no initializer can name it */
	listener.message = _message;
	charon->bus->add_listener(charon->bus, &listener);
}

/**
 * nat_end() - read no more
 */
void nat_end(void)
{
	charon->bus->remove_listener(charon->bus, &listener);
	told_set(NULL);
	told->destroy(told);
}
