// SPDX-License-Identifier: GPL-2.0
/*
 * See latchnl.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <linux/genetlink.h>
#include <linux/latch.h>
#include <linux/latch_netlink.h>
#include "latchnl.h"
#include "netlink.h"

/* The kernel may drop a record before we first use it: then make it again. */
#define CLAIM_TRIES	4
/* How long to wait for an answer, which the kernel normally has at once. */
#define ANSWER_SECONDS	5

/**
 * struct latchnl - a connection to the module
 * @nl:     sends requests and reads the answers
 * @events: hears of families that come and go
 * @family: the module's family
 * @answer: number of the peer record in the last answer, 0 for none
 * @why:    the kernel's words about the last refusal, "" for none
 */
struct latchnl {
	struct netlink nl;
	struct mnl_socket *events;
	struct netlink_family family;
	uint32_t answer;
	char why[128];
};

static int put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t v)
{
	return netlink_put(nlh, type, &v, sizeof(v));
}

static int put_blob(struct nlmsghdr *nlh, uint16_t type, const struct latchnl_blob *b, size_t max)
{
	if (!b->len)
		return 0;
	return b->len > max ? -E2BIG : netlink_put(nlh, type, b->data, b->len);
}

static void take_answer(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LATCH_A_PEER_ID + 1];
	struct latchnl *h = data;

	netlink_parse(nlh, tb, LATCH_A_PEER_ID);
	if (tb[LATCH_A_PEER_ID])
		h->answer = netlink_num(tb[LATCH_A_PEER_ID]);
}

static int exchange(struct latchnl *h, const struct nlmsghdr *nlh)
{
	struct netlink_words w;
	int rc;

	h->answer = 0;
	rc = netlink_exchange(&h->nl, nlh, take_answer, h);
	netlink_read_words(h->nl.refusal, &w);
	snprintf(h->why, sizeof(h->why), "%.*s", (int)w.len, w.len ? w.msg : "");
	return rc;
}

static int resolve(struct latchnl *h)
{
	int rc = netlink_resolve(&h->nl, &h->family);

	h->why[0] = '\0';
	return rc == -ENOENT ? -ENOPROTOOPT : rc;
}

static struct nlmsghdr *request(struct latchnl *h, uint8_t cmd, int *err)
{
	*err = h->family.id ? 0 : resolve(h);
	return *err ? NULL : netlink_begin(&h->nl, h->family.id, cmd, LATCH_GENL_VERSION);
}

/*
 * Where the kernel answers "no such family", the module has gone or has been loaded
 * again: look its family up. Returns -EAGAIN where the caller is to try again.
 */
static int done(struct latchnl *h, int rc)
{
	uint16_t family = h->family.id;

	if (rc != -ENOENT || h->why[0])
		return rc;
	rc = resolve(h);
	return rc ? rc : h->family.id == family ? -ENOENT : -EAGAIN;
}

/**
 * latchnl_open() - get ready to talk to the module, loaded or not
 *
 * Return: a handle, which the caller gives to latchnl_close(); NULL with errno set.
 */
struct latchnl *latchnl_open(void)
{
	struct latchnl *h = calloc(1, sizeof(*h));
	/* the number and the group of the family "nlctrl" never change */
	unsigned int group = GENL_ID_CTRL;
	int rc;

	if (!h)
		return NULL;
	h->family.name = LATCH_GENL_NAME;
	rc = netlink_open(&h->nl, ANSWER_SECONDS);
	if (!rc)
		h->events = netlink_socket(NETLINK_GENERIC, ANSWER_SECONDS);
	if (!rc && (!h->events || mnl_socket_setsockopt(h->events, NETLINK_ADD_MEMBERSHIP, &group,
							sizeof(group)) < 0))
		rc = -errno;
	if (!rc)
		return h;
	latchnl_close(h);
	errno = -rc;
	return NULL;
}

/**
 * latchnl_close() - close the sockets and free the handle
 * @h: the handle, or NULL
 */
void latchnl_close(struct latchnl *h)
{
	if (!h)
		return;
	netlink_close(&h->nl);
	if (h->events)
		mnl_socket_close(h->events);
	free(h);
}

/**
 * latchnl_why() - tell why the kernel refused the last request
 * @h: the handle
 *
 * Return: the kernel's words, "" where it sent none; valid until the next call.
 */
const char *latchnl_why(const struct latchnl *h)
{
	return h->why;
}

/**
 * latchnl_fd() - get the descriptor on which the kernel says that a module came or went
 * @h: the handle
 *
 * Return: the descriptor, which stays the handle's; the caller polls it, and calls
 * latchnl_changed() when it is readable.
 */
int latchnl_fd(const struct latchnl *h)
{
	return mnl_socket_get_fd(h->events);
}

static void take_event(const struct nlmsghdr *nlh, bool *ours)
{
	const struct nlattr *tb[CTRL_ATTR_FAMILY_NAME + 1], *name;

	if (nlh->nlmsg_type != GENL_ID_CTRL || mnl_nlmsg_get_payload_len(nlh) < GENL_HDRLEN)
		return;
	netlink_parse(nlh, tb, CTRL_ATTR_FAMILY_NAME);
	name = tb[CTRL_ATTR_FAMILY_NAME];
	if (name && mnl_attr_validate(name, MNL_TYPE_NUL_STRING) >= 0 &&
	    !strcmp(mnl_attr_get_str(name), LATCH_GENL_NAME))
		*ours = true;
}

/**
 * latchnl_changed() - read the events, without waiting for any
 * @h: the handle
 *
 * Return: true where the module came or went since the last call, or where the
 * kernel dropped events, so that it may have: the module may have lost all that it
 * was told before.
 */
bool latchnl_changed(struct latchnl *h)
{
	const struct nlmsghdr *nlh;
	bool ours = false;
	ssize_t got;
	int len;

	for (;;) {
		got = recv(latchnl_fd(h), h->nl.in, sizeof(h->nl.in), MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			ours = true;
			continue;
		}
		if (got <= 0)
			break;
		len = got;
		for (nlh = (void *)h->nl.in; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len))
			take_event(nlh, &ours);
	}
	if (ours)
		h->family.id = 0;
	return ours;
}

/**
 * latchnl_manager() - tell the module that a key manager starts or ends its work
 * @h:      the handle
 * @active: true: from now on the module holds the packets of an SA until a claim
 *          says who its peer is; false: no longer
 *
 * Return: 0 or a negative errno; -EPERM without CAP_NET_ADMIN.
 */
int latchnl_manager(struct latchnl *h, bool active)
{
	uint8_t v = active;
	struct nlmsghdr *nlh;
	int rc;

	do {
		nlh = request(h, LATCH_CMD_MANAGER_SET, &rc);
		if (!nlh)
			return rc;
		rc = netlink_put(nlh, LATCH_A_MANAGER_ACTIVE, &v, sizeof(v));
		if (!rc)
			rc = done(h, exchange(h, nlh));
	} while (rc == -EAGAIN);
	return rc;
}

static int record(struct latchnl *h, const struct latchnl_peer *p, uint32_t *number)
{
	struct nlmsghdr *nlh;
	int rc;

	nlh = request(h, LATCH_CMD_PEER_NEW, &rc);
	if (!nlh)
		return rc;
	if (netlink_put(nlh, LATCH_A_PEER_ID_TYPE, &p->id_type, 1) ||
	    netlink_put(nlh, LATCH_A_PEER_AUTH, &p->auth, 1) ||
	    netlink_put(nlh, LATCH_A_PEER_WITH_BINDINGS, NULL, 0) ||
	    put_blob(nlh, LATCH_A_PEER_ID_VALUE, &p->id, LATCH_MAX_ID) ||
	    put_blob(nlh, LATCH_A_PEER_CERT, &p->cert, LATCH_MAX_BLOB) ||
	    put_blob(nlh, LATCH_A_PEER_ANCHOR, &p->anchor, LATCH_MAX_BLOB) ||
	    put_blob(nlh, LATCH_A_PEER_KEY, &p->key, LATCH_MAX_BLOB))
		return -E2BIG;
	rc = done(h, exchange(h, nlh));
	*number = h->answer;
	return !rc && !*number ? -EIO : rc;
}

/* Delete a record that nothing needs; the kernel keeps one that a binding names. */
static void forget(struct latchnl *h, uint32_t number)
{
	struct nlmsghdr *nlh;
	char why[sizeof(h->why)];
	int rc;

	memcpy(why, h->why, sizeof(why));
	nlh = number ? request(h, LATCH_CMD_PEER_DEL, &rc) : NULL;
	if (nlh && !put_u32(nlh, LATCH_A_PEER_ID, number))
		exchange(h, nlh);
	memcpy(h->why, why, sizeof(why));
}

static int put_sa(struct nlmsghdr *nlh, const struct latchnl_sa *sa)
{
	if (sa->reqid)
		return put_u32(nlh, LATCH_A_BINDING_REQID, sa->reqid);
	if ((sa->dst.len != 4 && sa->dst.len != 16) ||
	    netlink_put(nlh, LATCH_A_BINDING_DST, sa->dst.data, sa->dst.len) ||
	    netlink_put(nlh, LATCH_A_BINDING_PROTO, &sa->proto, 1) ||
	    put_u32(nlh, LATCH_A_BINDING_SPI, sa->spi))
		return -EINVAL;
	if (!sa->mark_mask)
		return 0;
	return put_u32(nlh, LATCH_A_BINDING_MARK, sa->mark) ?:
	       put_u32(nlh, LATCH_A_BINDING_MARK_MASK, sa->mark_mask);
}

/* How long the module keeps a claim. */
enum last {
	LAST_SA,	/* while the SA exists; a claim that is there already stays as it is */
	LAST_SA_AGAIN,	/* while the SA exists; changes a claim that is there already */
	LAST_ON,	/* until somebody deletes it; changes a claim that is there already */
};

static int bind_sa(struct latchnl *h, const struct latchnl_sa *sa, enum last last,
		   uint32_t peer, uint32_t local)
{
	struct nlmsghdr *nlh;
	int rc;

	nlh = request(h, LATCH_CMD_BINDING_NEW, &rc);
	if (!nlh)
		return rc;
	rc = put_sa(nlh, sa) ?: netlink_put(nlh, LATCH_A_BINDING_EXCLUSIVE, NULL, 0) ?:
	     (last == LAST_SA ? 0 : netlink_put(nlh, LATCH_A_BINDING_REPLACE, NULL, 0)) ?:
	     (last == LAST_ON ? 0 : netlink_put(nlh, LATCH_A_BINDING_WITH_SA, NULL, 0)) ?:
	     put_u32(nlh, LATCH_A_BINDING_PEER, peer) ?:
	     put_u32(nlh, LATCH_A_BINDING_LOCAL, local) ?:
	     (!sa->natt.len || sa->natt.len != sa->dst.len ? 0 :
	      netlink_put(nlh, LATCH_A_BINDING_NATT_ADDR, sa->natt.data, sa->natt.len));
	if (rc)
		return rc;
	rc = exchange(h, nlh);
	/* without done(): it may be a record that went, of which the kernel has words */
	return rc == -ENOENT ? -EAGAIN : rc;
}

static int claim_once(struct latchnl *h, const struct latchnl_sa *sa, enum last last,
		      const struct latchnl_peer *peer, const struct latchnl_peer *local)
{
	uint32_t p = 0, l = 0;
	int rc;

	rc = record(h, peer, &p);
	if (!rc && local && local->id_type)
		rc = record(h, local, &l);
	if (!rc)
		rc = bind_sa(h, sa, last, p, l);
	if (rc) {
		forget(h, p);
		forget(h, l);
	}
	return rc;
}

static int claim(struct latchnl *h, const struct latchnl_sa *sa, enum last last,
		 const struct latchnl_peer *peer, const struct latchnl_peer *local)
{
	int i, rc = -EAGAIN;

	for (i = 0; i < CLAIM_TRIES && rc == -EAGAIN; i++)
		rc = claim_once(h, sa, last, peer, local);
	return rc;
}

/**
 * latchnl_claim() - tell the module which peer an SA belongs to
 * @h:     the handle
 * @sa:    the SA, which may come later, or a reqid
 * @peer:  the peer that it belongs to
 * @local: the identity that we asserted to the peer; NULL or LATCH_ID_NONE where
 *         it is not known
 *
 * The kernel deletes the claim together with the SA, and a peer record together
 * with the last claim that names it. A caller may make the same claim twice.
 *
 * Return: 0; -EEXIST another peer has claimed it, and keeps it; -E2BIG a part of a
 * record is longer than the kernel takes; -ENOSPC a limit is reached; or another
 * negative errno.
 */
int latchnl_claim(struct latchnl *h, const struct latchnl_sa *sa,
		  const struct latchnl_peer *peer, const struct latchnl_peer *local)
{
	return claim(h, sa, LAST_SA, peer, local);
}

/**
 * latchnl_keep() - keep a claim while somebody deletes its SA and makes it again
 * @h:     the handle
 * @sa:    the SA
 * @peer:  the peer that it belongs to
 * @local: as for latchnl_claim()
 * @keep:  true: from now on the claim stays when the SA goes; false: it goes with
 *         the SA again
 *
 * Return: as latchnl_claim().
 */
int latchnl_keep(struct latchnl *h, const struct latchnl_sa *sa,
		 const struct latchnl_peer *peer, const struct latchnl_peer *local, bool keep)
{
	return claim(h, sa, keep ? LAST_ON : LAST_SA_AGAIN, peer, local);
}

/**
 * latchnl_unclaim() - delete all claims for an SA that never came
 * @h:  the handle
 * @sa: the SA, or a reqid
 *
 * Return: 0, -ENOENT there was no claim, or another negative errno.
 */
int latchnl_unclaim(struct latchnl *h, const struct latchnl_sa *sa)
{
	struct nlmsghdr *nlh;
	int rc;

	nlh = request(h, LATCH_CMD_BINDING_DEL, &rc);
	if (!nlh)
		return rc;
	rc = put_sa(nlh, sa);
	return rc ? rc : done(h, exchange(h, nlh));
}

/**
 * latchnl_bound() - ask whether anybody has claimed an SA
 * @h:  the handle
 * @sa: the SA, or a reqid
 *
 * Return: 1 somebody has, 0 nobody has, or a negative errno.
 */
int latchnl_bound(struct latchnl *h, const struct latchnl_sa *sa)
{
	struct nlmsghdr *nlh;
	int rc;

	nlh = request(h, LATCH_CMD_BINDING_GET, &rc);
	if (!nlh)
		return rc;
	rc = put_sa(nlh, sa);
	if (rc)
		return rc;
	rc = exchange(h, nlh);
	return rc == -ENOENT ? 0 : rc ? rc : 1;
}

/**
 * latchnl_dead() - tell the module that a peer does not answer any more (2-23)
 * @h:    the handle
 * @peer: the peer
 *
 * The module breaks the peer's latches for good.
 *
 * Return: 0 or a negative errno.
 */
int latchnl_dead(struct latchnl *h, const struct latchnl_peer *peer)
{
	struct nlmsghdr *nlh;
	uint32_t number;
	int rc;

	rc = record(h, peer, &number);
	if (rc)
		return rc;
	nlh = request(h, LATCH_CMD_MANAGER_SET, &rc);
	if (!nlh)
		return rc;
	rc = put_u32(nlh, LATCH_A_MANAGER_DEAD_PEER, number);
	if (!rc)
		rc = done(h, exchange(h, nlh));
	forget(h, number);
	return rc;
}

/* For whom latchnl_flows() reads a list. */
struct flows {
	latchnl_flow_cb cb;
	void *data;
};

static struct latchnl_blob blob(const struct nlattr *attr)
{
	struct latchnl_blob b = { 0 };

	if (attr) {
		b.data = mnl_attr_get_payload(attr);
		b.len = mnl_attr_get_payload_len(attr);
	}
	return b;
}

static void take_flow(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[LATCH_A_CONN_MAX + 1];
	const struct flows *all = data;
	struct latchnl_flow f;
	uint8_t state;

	netlink_parse(nlh, tb, LATCH_A_CONN_MAX);
	state = netlink_num(tb[LATCH_A_CONN_STATE]);
	if (state != LATCH_STATE_ESTABLISHED && state != LATCH_STATE_BROKEN)
		return;
	f = (struct latchnl_flow){
		.local = blob(tb[LATCH_A_CONN_LOCAL_ADDR]),
		.remote = blob(tb[LATCH_A_CONN_REMOTE_ADDR]),
		.peer_id = blob(tb[LATCH_A_CONN_PEER_ID_VALUE]),
		.lport = ntohs(netlink_num(tb[LATCH_A_CONN_LOCAL_PORT])),
		.rport = ntohs(netlink_num(tb[LATCH_A_CONN_REMOTE_PORT])),
		.proto = netlink_num(tb[LATCH_A_CONN_PROTO]),
		.peer_id_type = netlink_num(tb[LATCH_A_CONN_PEER_ID_TYPE]),
	};
	if (f.local.len == f.remote.len && (f.local.len == 4 || f.local.len == 16))
		all->cb(&f, all->data);
}

/**
 * latchnl_flows() - list the connections that are latched
 * @h:    the handle
 * @cb:   called for each that is established or broken, with @data; what it gets is valid
 *        until it returns, and it may not use the handle
 * @data: for @cb
 *
 * One that comes or goes meanwhile may be missing.
 *
 * Return: 0 or a negative errno; -EPERM without CAP_NET_ADMIN.
 */
int latchnl_flows(struct latchnl *h, latchnl_flow_cb cb, void *data)
{
	struct flows all = { .cb = cb, .data = data };
	struct nlmsghdr *nlh;
	int rc;

	do {
		nlh = request(h, LATCH_CMD_CONN_GET, &rc);
		if (!nlh)
			return rc;
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		rc = netlink_exchange(&h->nl, nlh, take_flow, &all);
		h->why[0] = '\0';
		rc = done(h, rc);
	} while (rc == -EAGAIN);
	return rc;
}
