// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket asks for by setsockopt(): whether it makes sense, and as a demand.
 */
#include <linux/sockptr.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "api/request.h"
#include "base/net.h"
#include "channel/demand.h"
#include "core/pattern.h"
#include "core/want.h"
#include "peer/peer.h"

static bool latch_zero(const void *p, size_t n)
{
	return !memchr_inv(p, 0, n);
}

/**
 * latch_req_copy() - read a request of any version
 * @req: to fill
 * @arg: what user space gave
 * @at:  where in it the request begins
 * @len: how many bytes of it there are
 *
 * A longer request is newer and may only have zeros where this kernel knows nothing.
 *
 * Context: process. Return: 0, -EINVAL too short, -E2BIG something unknown, -EFAULT.
 */
int latch_req_copy(struct latch_req *req, sockptr_t arg, size_t at, unsigned int len)
{
	size_t i;
	u8 byte;

	BUILD_BUG_ON(sizeof(*req) != LATCH_REQ_SIZE_VER0);
	if (len < LATCH_REQ_SIZE_VER0)
		return -EINVAL;
	if (len > PAGE_SIZE)
		return -E2BIG;
	for (i = sizeof(*req); i < len; i++) {
		if (copy_from_sockptr_offset(&byte, arg, at + i, 1))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return copy_from_sockptr_offset(req, arg, at, sizeof(*req)) ? -EFAULT : 0;
}

static bool latch_id_ok(const struct latch_id *id, bool given)
{
	if (!given)
		return latch_zero(id, sizeof(*id));
	if (id->resv || !id->len || id->len > LATCH_ID_INLINE ||
	    !latch_zero(id->value + id->len, LATCH_ID_INLINE - id->len))
		return false;
	switch (id->type) {
	case LATCH_ID_IPV4:
		return id->len == 4;
	case LATCH_ID_IPV6:
		return id->len == 16;
	case LATCH_ID_FQDN:
	case LATCH_ID_EMAIL:
	case LATCH_ID_DN:
	case LATCH_ID_GN:
	case LATCH_ID_KEYID:
		return true;
	}
	return false;
}

/* The peer's ID, or a pattern of it. */
static bool latch_peer_id_ok(const struct latch_req *req)
{
	if (!latch_id_ok(&req->peer_id, req->mask & LATCH_REQ_PEER_ID))
		return false;
	if (!(req->mask & LATCH_REQ_PEER_PATTERN))
		return true;
	return req->mask & LATCH_REQ_PEER_ID && latch_pattern_ok(&req->peer_id);
}

static bool latch_suites_ok(const struct latch_req *req)
{
	unsigned int i;

	if (req->n_suites > LATCH_MAX_SUITES)
		return false;
	for (i = 0; i < req->n_suites; i++)
		if (latch_zero(&req->suites[i], sizeof(req->suites[i])))
			return false;
	return latch_zero(&req->suites[i], (LATCH_MAX_SUITES - i) * sizeof(req->suites[0]));
}

/* Is a field zero where the mask does not name it, and no more than @most where it does? */
static bool latch_enum_ok(u8 value, bool named, u8 most)
{
	return value <= (named ? most : 0);
}

/* Does the mask name a field if and only if it is not zero? */
static bool latch_field_ok(u32 value, bool named)
{
	return !value == !named;
}

/*
 * What is never latched has no policy of its own; an offer is for who would rather send nothing
 * than send in clear.
 */
static bool latch_mode_ok(const struct latch_req *req)
{
	if (req->own_policy && req->mode >= LATCH_MODE_OFF)
		return false;
	if (req->own_policy & LATCH_OWN_POLICY_OFFER && req->mode != LATCH_MODE_REQUIRE)
		return false;
	return latch_enum_ok(req->mode, req->mask & LATCH_REQ_MODE, LATCH_MODE_BYPASS) &&
	       latch_enum_ok(req->own_policy, req->mask & LATCH_REQ_OWN_POLICY,
			     LATCH_OWN_POLICY_KEEP | LATCH_OWN_POLICY_OFFER);
}

/**
 * latch_req_listens() - is an offer asked for on a socket that listens?
 * @sk:  the socket
 * @req: the request
 *
 * It begins nothing that the offer could be for.
 *
 * Context: process, the socket locked. Return: true where it is.
 */
bool latch_req_listens(const struct sock *sk, const struct latch_req *req)
{
	return req->own_policy & LATCH_OWN_POLICY_OFFER && sk->sk_protocol == IPPROTO_TCP &&
	       sk->sk_state == TCP_LISTEN;
}

/**
 * latch_req_ok() - does a request make sense?
 * @req: the request
 *
 * Return: true where each field that is not in the mask is zero, and each one that is has a
 * value known here.
 */
bool latch_req_ok(const struct latch_req *req)
{
	u32 m = req->mask;

	if (m & ~LATCH_REQ_ALL ||
	    req->protection & ~(LATCH_PROT_CONF | LATCH_PROT_INTEG | LATCH_PROT_REPLAY) ||
	    (m & LATCH_REQ_PEER && m & LATCH_REQ_PEER_ID))
		return false;
	return latch_mode_ok(req) &&
	       latch_enum_ok(req->encap, m & LATCH_REQ_ENCAP, LATCH_ENCAP_TUNNEL) &&
	       latch_enum_ok(req->disposition, m & LATCH_REQ_DISPOSITION, LATCH_DISP_UNREACH) &&
	       latch_field_ok(req->protection, m & LATCH_REQ_PROTECTION) &&
	       latch_field_ok(req->min_key_bits, m & LATCH_REQ_KEY_BITS) &&
	       latch_field_ok(req->n_suites, m & LATCH_REQ_SUITES) &&
	       latch_field_ok(req->peer, m & LATCH_REQ_PEER) &&
	       latch_suites_ok(req) && latch_peer_id_ok(req) &&
	       latch_id_ok(&req->local_id, m & LATCH_REQ_LOCAL_ID);
}

#define LATCH_REQ_DEMANDS (LATCH_REQ_PROTECTION | LATCH_REQ_ENCAP | LATCH_REQ_KEY_BITS | \
			   LATCH_REQ_SUITES | LATCH_REQ_PEER | LATCH_REQ_PEER_ID | \
			   LATCH_REQ_LOCAL_ID)

/* A record is wanted with all that makes it the same peer, and not by its name alone. */
static int latch_demand_peer(struct latch_net *ln, u32 id, struct latch_asked *key)
{
	struct latch_want *w = &key->want;
	struct latch_peer *p;

	rcu_read_lock();
	p = latch_peer_find(ln, id);
	if (p)
		memcpy(w->peer, p->ident, sizeof(w->peer));
	rcu_read_unlock();
	w->have_peer = true;
	w->record = true;
	return p ? 0 : -ENOENT;
}

/* Any record of these names will do. */
static int latch_demand_names(const struct latch_req *req, struct latch_want *w)
{
	const struct latch_id *id = &req->peer_id;
	int err = 0;

	w->have_peer |= req->mask & LATCH_REQ_PEER_ID;
	if (req->mask & LATCH_REQ_PEER_ID)
		err = latch_peer_name(id->type, id->value, id->len, w->peer);
	id = &req->local_id;
	w->have_local = req->mask & LATCH_REQ_LOCAL_ID;
	if (!err && w->have_local)
		err = latch_peer_name(id->type, id->value, id->len, w->local);
	return err;
}

/**
 * latch_demand_new() - what a request demands
 * @ln:  the namespace
 * @req: the request, which makes sense
 *
 * Sockets that ask for the same get the same one.
 *
 * Context: process. Return: the demand, for latch_demand_put(); NULL for nothing;
 * ERR_PTR(-ENOENT) no such record, ERR_PTR(-ENOMEM).
 */
struct latch_demand *latch_demand_new(struct latch_net *ln, const struct latch_req *req)
{
	struct latch_asked key;
	struct latch_want *w = &key.want;
	int err = 0;

	if (!(req->mask & LATCH_REQ_DEMANDS))
		return NULL;
	memset(&key, 0, sizeof(key));
	w->protection = req->protection;
	w->encap = req->encap;
	w->min_key_bits = req->min_key_bits;
	w->n_suites = req->n_suites;
	memcpy(w->suites, req->suites, sizeof(w->suites));
	if (req->mask & LATCH_REQ_PEER)
		err = latch_demand_peer(ln, req->peer, &key);
	if (req->mask & LATCH_REQ_PEER_PATTERN)
		key.pattern = req->peer_id;
	if (!err)
		err = latch_demand_names(req, w);
	return err ? ERR_PTR(err) : latch_demand_get(&key);
}
