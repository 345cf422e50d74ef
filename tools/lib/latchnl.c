// SPDX-License-Identifier: GPL-2.0
/*
 * See latchnl.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/latch.h>
#include <linux/latch_netlink.h>
#include "latchnl.h"

/* A record: identity, certificate, anchor and key, with room for the rest. */
#define MSG_SIZE	(3 * LATCH_MAX_BLOB + LATCH_MAX_ID + 4096)
/* A record may go between its making and its first use; then it is made again. */
#define CLAIM_TRIES	4
/* How long an answer may take: the kernel answers while the request is sent. */
#define ANSWER_SECONDS	5

/**
 * struct latchnl - a handle
 * @sock:   requests and their answers
 * @events: families that come and go
 * @family: number of the family, 0 not known
 * @seq:    number of the last request
 * @answer: number in the last answer: a record's
 * @why:    the kernel's words about the last refusal
 */
struct latchnl {
	struct mnl_socket *sock;
	struct mnl_socket *events;
	uint16_t family;
	uint32_t seq;
	uint32_t answer;
	char why[128];
	char out[MSG_SIZE];
	char in[MSG_SIZE];
};

static struct mnl_socket *open_socket(void)
{
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	struct mnl_socket *s = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	int one = 1;

	if (!s)
		return NULL;
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit))) {
		mnl_socket_close(s);
		return NULL;
	}
	mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(s, NETLINK_CAP_ACK, &one, sizeof(one));
	return s;
}

static struct nlmsghdr *begin(struct latchnl *nl, uint16_t type, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nl->out);
	struct genlmsghdr *g;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++nl->seq;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = cmd;
	g->version = version;
	return nlh;
}

static int put(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len)
{
	return mnl_attr_put_check(nlh, MSG_SIZE, type, len, data) ? 0 : -E2BIG;
}

static int put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t v)
{
	return put(nlh, type, &v, sizeof(v));
}

static int put_blob(struct nlmsghdr *nlh, uint16_t type, const struct latchnl_blob *b, size_t max)
{
	if (!b->len)
		return 0;
	return b->len > max ? -E2BIG : put(nlh, type, b->data, b->len);
}

/* The kernel's words, where the refusal has some. */
static void take_why(struct latchnl *nl, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	/* NETLINK_CAP_ACK: the request comes back without its payload */
	mnl_attr_for_each(attr, nlh, sizeof(struct nlmsgerr)) {
		if (mnl_attr_get_type(attr) != NLMSGERR_ATTR_MSG ||
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
			continue;
		snprintf(nl->why, sizeof(nl->why), "%s", mnl_attr_get_str(attr));
	}
}

static void take_answer(struct latchnl *nl, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < GENL_HDRLEN)
		return;
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		if (nlh->nlmsg_type == GENL_ID_CTRL) {
			if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
			    mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
				nl->family = mnl_attr_get_u16(attr);
		} else if (mnl_attr_get_type(attr) == LATCH_A_PEER_ID &&
			   mnl_attr_validate(attr, MNL_TYPE_U32) >= 0) {
			nl->answer = mnl_attr_get_u32(attr);
		}
	}
}

/* Returns 1 while there is more to come, 0 at the end, or a negative errno. */
static int take(struct latchnl *nl, int len)
{
	const struct nlmsghdr *nlh = (void *)nl->in;
	const struct nlmsgerr *err;

	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_seq != nl->seq)
			continue;
		if (nlh->nlmsg_type != NLMSG_ERROR) {
			take_answer(nl, nlh);
			continue;
		}
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
			return -EIO;
		err = mnl_nlmsg_get_payload(nlh);
		take_why(nl, nlh);
		return err->error > 0 ? -EIO : err->error;
	}
	return 1;
}

static int exchange(struct latchnl *nl, struct nlmsghdr *nlh)
{
	ssize_t len;
	int rc;

	nl->why[0] = '\0';
	nl->answer = 0;
	if (mnl_socket_sendto(nl->sock, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(nl->sock, nl->in, sizeof(nl->in));
		if (len < 0 && errno == EINTR)
			rc = 1;
		else if (len < 0)
			rc = errno == EAGAIN ? -ETIMEDOUT : -errno;
		else
			rc = take(nl, len);
	} while (rc > 0);
	return rc;
}

static int resolve(struct latchnl *nl)
{
	struct nlmsghdr *nlh = begin(nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	int rc;

	nl->family = 0;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, LATCH_GENL_NAME);
	rc = exchange(nl, nlh);
	if (rc == -ENOENT || (!rc && !nl->family))
		return -ENOPROTOOPT;
	return rc;
}

static struct nlmsghdr *request(struct latchnl *nl, uint8_t cmd, int *err)
{
	*err = nl->family ? 0 : resolve(nl);
	return *err ? NULL : begin(nl, nl->family, cmd, LATCH_GENL_VERSION);
}

/* The number of a family that is gone is no family's: ask for it again, once. */
static int done(struct latchnl *nl, int rc)
{
	uint16_t family = nl->family;

	if (rc != -ENOENT || nl->why[0])
		return rc;
	rc = resolve(nl);
	return rc ? rc : nl->family == family ? -ENOENT : -EAGAIN;
}

/**
 * latchnl_open() - a handle; the module need not be there
 *
 * Return: the handle, to be given to latchnl_close(); NULL with errno set.
 */
struct latchnl *latchnl_open(void)
{
	struct latchnl *nl = calloc(1, sizeof(*nl));
	/* "nlctrl" has number and group fixed, so that it can be found without it */
	unsigned int group = GENL_ID_CTRL;

	if (!nl)
		return NULL;
	nl->sock = open_socket();
	nl->events = nl->sock ? open_socket() : NULL;
	if (!nl->events || mnl_socket_setsockopt(nl->events, NETLINK_ADD_MEMBERSHIP, &group,
						 sizeof(group)) < 0) {
		latchnl_close(nl);
		return NULL;
	}
	return nl;
}

/**
 * latchnl_close() - give a handle back
 * @nl: the handle, or NULL
 */
void latchnl_close(struct latchnl *nl)
{
	int err = errno;

	if (nl && nl->sock)
		mnl_socket_close(nl->sock);
	if (nl && nl->events)
		mnl_socket_close(nl->events);
	free(nl);
	errno = err;
}

/**
 * latchnl_why() - what the kernel said about the last refusal
 * @nl: the handle
 *
 * Return: its words, "" where it had none; valid until the next call.
 */
const char *latchnl_why(const struct latchnl *nl)
{
	return nl->why;
}

/**
 * latchnl_fd() - what to wait on for the module to come or go
 * @nl: the handle
 *
 * Return: a descriptor; when it is readable, latchnl_changed() is to be called.
 */
int latchnl_fd(const struct latchnl *nl)
{
	return mnl_socket_get_fd(nl->events);
}

static bool is_ours(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	if (nlh->nlmsg_type != GENL_ID_CTRL || mnl_nlmsg_get_payload_len(nlh) < GENL_HDRLEN)
		return false;
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_NAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
		    !strcmp(mnl_attr_get_str(attr), LATCH_GENL_NAME))
			return true;
	return false;
}

/**
 * latchnl_changed() - read what came about families
 * @nl: the handle
 *
 * Does not block.
 *
 * Return: true where the module came or went since the last call, or that may be
 * so: nothing of what was told to it before is sure to be there.
 */
bool latchnl_changed(struct latchnl *nl)
{
	const struct nlmsghdr *nlh;
	bool ours = false;
	ssize_t got;
	int len;

	for (;;) {
		got = recv(latchnl_fd(nl), nl->in, sizeof(nl->in), MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			ours = true;
			continue;
		}
		if (got <= 0)
			break;
		len = got;
		for (nlh = (void *)nl->in; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			ours |= is_ours(nlh);
	}
	if (ours)
		nl->family = 0;
	return ours;
}

/**
 * latchnl_manager() - a key manager starts or ends its work
 * @nl:     the handle
 * @active: while true, an SA without a claim waits for it
 *
 * Return: 0 or a negative errno; -EPERM without CAP_NET_ADMIN.
 */
int latchnl_manager(struct latchnl *nl, bool active)
{
	uint8_t v = active;
	struct nlmsghdr *nlh;
	int rc;

	do {
		nlh = request(nl, LATCH_CMD_MANAGER_SET, &rc);
		if (!nlh)
			return rc;
		rc = put(nlh, LATCH_A_MANAGER_ACTIVE, &v, sizeof(v));
		if (!rc)
			rc = done(nl, exchange(nl, nlh));
	} while (rc == -EAGAIN);
	return rc;
}

static int record(struct latchnl *nl, const struct latchnl_peer *p, uint32_t *number)
{
	struct nlmsghdr *nlh;
	int rc;

	nlh = request(nl, LATCH_CMD_PEER_NEW, &rc);
	if (!nlh)
		return rc;
	if (put(nlh, LATCH_A_PEER_ID_TYPE, &p->id_type, 1) ||
	    put(nlh, LATCH_A_PEER_AUTH, &p->auth, 1) ||
	    put(nlh, LATCH_A_PEER_WITH_BINDINGS, NULL, 0) ||
	    put_blob(nlh, LATCH_A_PEER_ID_VALUE, &p->id, LATCH_MAX_ID) ||
	    put_blob(nlh, LATCH_A_PEER_CERT, &p->cert, LATCH_MAX_BLOB) ||
	    put_blob(nlh, LATCH_A_PEER_ANCHOR, &p->anchor, LATCH_MAX_BLOB) ||
	    put_blob(nlh, LATCH_A_PEER_KEY, &p->key, LATCH_MAX_BLOB))
		return -E2BIG;
	rc = done(nl, exchange(nl, nlh));
	*number = nl->answer;
	return !rc && !*number ? -EIO : rc;
}

/* A record that no binding names is of no use; one that is named stays. */
static void forget(struct latchnl *nl, uint32_t number)
{
	struct nlmsghdr *nlh;
	char why[sizeof(nl->why)];
	int rc;

	memcpy(why, nl->why, sizeof(why));
	nlh = number ? request(nl, LATCH_CMD_PEER_DEL, &rc) : NULL;
	if (nlh && !put_u32(nlh, LATCH_A_PEER_ID, number))
		exchange(nl, nlh);
	memcpy(nl->why, why, sizeof(why));
}

static int put_sa(struct nlmsghdr *nlh, const struct latchnl_sa *sa)
{
	if (sa->reqid)
		return put_u32(nlh, LATCH_A_BINDING_REQID, sa->reqid);
	if ((sa->dst.len != 4 && sa->dst.len != 16) ||
	    put(nlh, LATCH_A_BINDING_DST, sa->dst.data, sa->dst.len) ||
	    put(nlh, LATCH_A_BINDING_PROTO, &sa->proto, 1) ||
	    put_u32(nlh, LATCH_A_BINDING_SPI, sa->spi))
		return -EINVAL;
	if (!sa->mark_mask)
		return 0;
	return put_u32(nlh, LATCH_A_BINDING_MARK, sa->mark) ?:
	       put_u32(nlh, LATCH_A_BINDING_MARK_MASK, sa->mark_mask);
}

/* How long a claim is to last. */
enum last {
	LAST_SA,	/* as long as its SA; another claim for the same is not touched */
	LAST_SA_AGAIN,	/* as long as its SA, from now on */
	LAST_ON,	/* until further notice */
};

static int bind_sa(struct latchnl *nl, const struct latchnl_sa *sa, enum last last,
		   uint32_t peer, uint32_t local)
{
	struct nlmsghdr *nlh;
	int rc;

	nlh = request(nl, LATCH_CMD_BINDING_NEW, &rc);
	if (!nlh)
		return rc;
	rc = put_sa(nlh, sa) ?: put(nlh, LATCH_A_BINDING_EXCLUSIVE, NULL, 0) ?:
	     (last == LAST_SA ? 0 : put(nlh, LATCH_A_BINDING_REPLACE, NULL, 0)) ?:
	     (last == LAST_ON ? 0 : put(nlh, LATCH_A_BINDING_WITH_SA, NULL, 0)) ?:
	     put_u32(nlh, LATCH_A_BINDING_PEER, peer) ?:
	     put_u32(nlh, LATCH_A_BINDING_LOCAL, local);
	if (rc)
		return rc;
	rc = exchange(nl, nlh);
	/* not done(): a record may have gone meanwhile, which has words */
	return rc == -ENOENT ? -EAGAIN : rc;
}

static int claim_once(struct latchnl *nl, const struct latchnl_sa *sa, enum last last,
		      const struct latchnl_peer *peer, const struct latchnl_peer *local)
{
	uint32_t p = 0, l = 0;
	int rc;

	rc = record(nl, peer, &p);
	if (!rc && local && local->id_type)
		rc = record(nl, local, &l);
	if (!rc)
		rc = bind_sa(nl, sa, last, p, l);
	if (rc) {
		forget(nl, p);
		forget(nl, l);
	}
	return rc;
}

static int claim(struct latchnl *nl, const struct latchnl_sa *sa, enum last last,
		 const struct latchnl_peer *peer, const struct latchnl_peer *local)
{
	int i, rc = -EAGAIN;

	for (i = 0; i < CLAIM_TRIES && rc == -EAGAIN; i++)
		rc = claim_once(nl, sa, last, peer, local);
	return rc;
}

/**
 * latchnl_claim() - say whose an SA is, before it is there or after
 * @nl:    the handle
 * @sa:    the SA, or a reqid
 * @peer:  whose it is
 * @local: what we asserted to the peer; NULL or LATCH_ID_NONE: not known
 *
 * The claim goes with its SA, the records go with their last claim. The same
 * claim may be made twice.
 *
 * Return: 0; -EEXIST it is claimed for somebody else, who keeps it; -E2BIG a part
 * of a record is longer than the kernel takes; -ENOSPC a limit is reached; or
 * another negative errno.
 */
int latchnl_claim(struct latchnl *nl, const struct latchnl_sa *sa,
		  const struct latchnl_peer *peer, const struct latchnl_peer *local)
{
	return claim(nl, sa, LAST_SA, peer, local);
}

/**
 * latchnl_keep() - have a claim outlast its SA while that is made anew
 * @nl:    the handle
 * @sa:    the SA
 * @peer:  whose it is
 * @local: as for latchnl_claim()
 * @keep:  true: from now on the claim stays; false: it goes with its SA again
 *
 * Return: as latchnl_claim().
 */
int latchnl_keep(struct latchnl *nl, const struct latchnl_sa *sa,
		 const struct latchnl_peer *peer, const struct latchnl_peer *local, bool keep)
{
	return claim(nl, sa, keep ? LAST_ON : LAST_SA_AGAIN, peer, local);
}

/**
 * latchnl_unclaim() - take back all that was claimed of an SA that never came
 * @nl: the handle
 * @sa: the SA, or a reqid
 *
 * Return: 0, -ENOENT nothing was claimed, or another negative errno.
 */
int latchnl_unclaim(struct latchnl *nl, const struct latchnl_sa *sa)
{
	struct nlmsghdr *nlh;
	int rc;

	nlh = request(nl, LATCH_CMD_BINDING_DEL, &rc);
	if (!nlh)
		return rc;
	rc = put_sa(nlh, sa);
	return rc ? rc : done(nl, exchange(nl, nlh));
}

/**
 * latchnl_dead() - the peer does not answer any more (2-23)
 * @nl:   the handle
 * @peer: who
 *
 * Its latches break for good.
 *
 * Return: 0 or a negative errno.
 */
int latchnl_dead(struct latchnl *nl, const struct latchnl_peer *peer)
{
	struct nlmsghdr *nlh;
	uint32_t number;
	int rc;

	rc = record(nl, peer, &number);
	if (rc)
		return rc;
	nlh = request(nl, LATCH_CMD_MANAGER_SET, &rc);
	if (!nlh)
		return rc;
	rc = put_u32(nlh, LATCH_A_MANAGER_DEAD_PEER, number);
	if (!rc)
		rc = done(nl, exchange(nl, nlh));
	forget(nl, number);
	return rc;
}
