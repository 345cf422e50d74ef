// SPDX-License-Identifier: GPL-2.0
/*
 * Narrowing (RFC 5660 2.3-12). A CHILD_SA whose traffic selectors cover a connection that is
 * latched with another peer conflicts with that latch. charon asks its listeners about the
 * selectors before anything is installed, and while they are still negotiated: what covers such a
 * connection is left out there, so that the SAs are made for the rest and the latch stands.
 *
 * Where nothing would be left the selectors stay as they are: the module breaks the latch and tells
 * its owner, as the RFC says for a proposal that cannot be narrowed. Selectors are left out as a
 * whole. To cut a connection out of one takes a selector for each bit of its address and a
 * selector for each other protocol, and charon's kernel interface rounds ranges up to prefixes.
 */
#include <errno.h>
#include <string.h>

#include <daemon.h>
#include <bus/listeners/listener.h>
#include <collections/linked_list.h>
#include <selectors/traffic_selector.h>

#include "module.h"
#include "narrow.h"
#include "proof.h"

/**
 * struct taken - a latched connection that the selectors cover
 * @local:  its end here, as a selector
 * @remote: its other end
 */
struct taken {
	traffic_selector_t *local;
	traffic_selector_t *remote;
};

/**
 * struct question - whose connections do these selectors cover?
 * @e:      who the selectors are negotiated with
 * @local:  the selectors of our end
 * @remote: those of the other end
 * @taken:  struct taken of each connection of somebody else
 */
struct question {
	const struct ends *e;
	linked_list_t *local;
	linked_list_t *remote;
	linked_list_t *taken;
};

static void taken_destroy(struct taken *t)
{
	t->local->destroy(t->local);
	t->remote->destroy(t->remote);
	free(t);
}

static traffic_selector_t *selector_of(const struct latchnl_blob *addr, uint8_t proto,
				       uint16_t port)
{
	chunk_t bytes = chunk_create((void *)addr->data, addr->len);
	ts_type_t type = addr->len == 4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE;

	return traffic_selector_create_from_bytes(proto, type, bytes, port, bytes, port);
}

static bool covered(linked_list_t *selectors, traffic_selector_t *end)
{
	enumerator_t *it = selectors->create_enumerator(selectors);
	traffic_selector_t *ts;
	bool found = false;

	while (!found && it->enumerate(it, &ts))
		found = end->is_contained_in(end, ts);
	it->destroy(it);
	return found;
}

/*
 * Is it the peer that we negotiate with? By its name: the module compares what proved it, too, and
 * breaks the latch where that differs.
 */
static bool same_peer(const struct question *q, const struct latchnl_flow *f)
{
	return f->peer_id_type == q->e->peer.peer.id_type &&
	       chunk_equals(q->e->peer.id, chunk_create((void *)f->peer_id.data, f->peer_id.len));
}

/* A latched connection. Of one whose peer nobody has named it cannot be told whose it is. */
static void on_flow(const struct latchnl_flow *f, void *data)
{
	struct question *q = data;
	struct taken *t;

	if (!f->peer_id_type || same_peer(q, f))
		return;
	t = malloc_thing(struct taken);
	t->local = selector_of(&f->local, f->proto, f->lport);
	t->remote = selector_of(&f->remote, f->proto, f->rport);
	if (covered(q->local, t->local) && covered(q->remote, t->remote))
		q->taken->insert_last(q->taken, t);
	else
		taken_destroy(t);
}

/* Does a selector cover an end of one of the connections? */
static bool takes(traffic_selector_t *ts, linked_list_t *taken, bool local)
{
	enumerator_t *it = taken->create_enumerator(taken);
	bool found = false;
	struct taken *t;

	while (!found && it->enumerate(it, &t))
		found = local ? t->local->is_contained_in(t->local, ts) :
				t->remote->is_contained_in(t->remote, ts);
	it->destroy(it);
	return found;
}

/* Leaves out the selectors of one end that cover the connections, unless these are all. */
static bool leave_out(linked_list_t *selectors, linked_list_t *taken, bool local)
{
	enumerator_t *it = selectors->create_enumerator(selectors);
	traffic_selector_t *ts;
	int bad = 0;

	while (it->enumerate(it, &ts))
		bad += takes(ts, taken, local);
	it->destroy(it);
	if (bad == selectors->get_count(selectors))
		return false;
	it = selectors->create_enumerator(selectors);
	while (it->enumerate(it, &ts)) {
		if (!takes(ts, taken, local))
			continue;
		DBG1(DBG_CHD, "latch: connections of another peer are latched: %R is left out", ts);
		selectors->remove_at(selectors, it);
		ts->destroy(ts);
	}
	it->destroy(it);
	return true;
}

/* A connection is free once either of its ends is. */
static void narrow_for(const struct ends *e, linked_list_t *local, linked_list_t *remote)
{
	struct question q = { .e = e, .local = local, .remote = remote };
	int rc;

	q.taken = linked_list_create();
	rc = module_flows(on_flow, &q);
	if (rc && rc != -ENOPROTOOPT)
		DBG1(DBG_KNL, "latch: connections cannot be listed: %s", strerror(-rc));
	if (q.taken->get_count(q.taken) && !leave_out(remote, q.taken, false) &&
	    !leave_out(local, q.taken, true))
		DBG1(DBG_CHD, "latch: %d connections of other peers conflict with the CHILD_SA",
		     q.taken->get_count(q.taken));
	q.taken->destroy_function(q.taken, (void *)taken_destroy);
}

/*
 * Once the peer has proved who it is. Where we answer, that is before the selectors go out. Where
 * we propose, it may be after, and the configured selector may be wider than what the peer answers:
 * what is left out then the peer still thinks to have, and what it sends by that is dropped here.
 */
static bool on_narrow(listener_t *l, ike_sa_t *ike, child_sa_t *child, narrow_hook_t type,
		      linked_list_t *local, linked_list_t *remote)
{
	struct ends e;

	(void)l;
	(void)child;
	if (type == NARROW_INITIATOR_PRE_NOAUTH || type == NARROW_RESPONDER_POST)
		return true;
	if (ends_take(&e, ike))
		narrow_for(&e, local, remote);
	ends_clear(&e);
	return true;
}

static listener_t listener = { .narrow = on_narrow };

/**
 * narrow_begin() - narrow traffic selectors from now on
 */
void narrow_begin(void)
{
	charon->bus->add_listener(charon->bus, &listener);
}

/**
 * narrow_end() - narrow none any more
 */
void narrow_end(void)
{
	charon->bus->remove_listener(charon->bus, &listener);
}
