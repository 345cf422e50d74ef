// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel module, through ../lib/latchnl.c, and one question that it has no
 * need to ask: whether an SA is bound already.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/latch.h>
#include "kernel.h"
#include "latchnl.h"

static struct latchnl *nl;
static struct mnl_socket *sock;
static uint16_t family;
static uint32_t seq;

/**
 * kernel_open() - be ready to talk to the module, which need not be there
 *
 * Return: 0 or a negative errno.
 */
int kernel_open(void)
{
	struct timeval patience = { .tv_sec = 5 };

	nl = latchnl_open();
	if (!nl)
		return -errno;
	sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	setsockopt(mnl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return 0;
}

/** kernel_fd() - what to poll to hear of the module's coming and going */
int kernel_fd(void)
{
	return latchnl_fd(nl);
}

/** kernel_changed() - did it come or go? Nothing told to it is sure to be there then. */
bool kernel_changed(void)
{
	if (!latchnl_changed(nl))
		return false;
	family = 0;
	return true;
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

/* --- is it bound? --------------------------------------------------------------------- */

static struct nlmsghdr *begin(void *buf, uint16_t type, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++seq;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = cmd;
	g->version = version;
	return nlh;
}

/* Send and read up to the acknowledgment; @id: set to a family's number. */
static int ask(const struct nlmsghdr *nlh, uint16_t *id)
{
	const struct nlattr *attr;
	const struct nlmsghdr *in;
	char buf[16384];
	ssize_t len;
	int left;

	if (mnl_socket_sendto(sock, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		len = recv(mnl_socket_get_fd(sock), buf, sizeof(buf), 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len ? -errno : -EPIPE;
		left = len;
		for (in = (void *)buf; mnl_nlmsg_ok(in, left); in = mnl_nlmsg_next(in, &left)) {
			if (in->nlmsg_seq != seq)
				continue;
			if (in->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)mnl_nlmsg_get_payload(in))->error;
			if (!id)
				continue;
			mnl_attr_for_each(attr, in, GENL_HDRLEN)
				if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
				    mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
					*id = mnl_attr_get_u16(attr);
		}
	}
}

static int resolve(void)
{
	char buf[256];
	struct nlmsghdr *nlh = begin(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, LATCH_GENL_NAME);
	return ask(nlh, &family);
}

/* 1 bound, 0 not, or a negative errno */
static int bound(struct nlmsghdr *nlh)
{
	int rc = ask(nlh, NULL);

	return rc == -ENOENT ? 0 : rc ? rc : 1;
}

static int reqid_bound(uint32_t reqid)
{
	char buf[256];
	struct nlmsghdr *nlh = begin(buf, family, LATCH_CMD_BINDING_GET, LATCH_GENL_VERSION);

	mnl_attr_put_u32(nlh, LATCH_A_BINDING_REQID, reqid);
	return bound(nlh);
}

static int sa_bound(const struct sa_key *k)
{
	char buf[256];
	struct nlmsghdr *nlh = begin(buf, family, LATCH_CMD_BINDING_GET, LATCH_GENL_VERSION);

	mnl_attr_put_u16(nlh, LATCH_A_BINDING_FAMILY, k->family);
	mnl_attr_put(nlh, LATCH_A_BINDING_DST, k->family == AF_INET ? 4 : 16, k->dst);
	mnl_attr_put_u8(nlh, LATCH_A_BINDING_PROTO, k->proto);
	mnl_attr_put_u32(nlh, LATCH_A_BINDING_SPI, k->spi);
	if (k->mask) {
		mnl_attr_put_u32(nlh, LATCH_A_BINDING_MARK, k->mark);
		mnl_attr_put_u32(nlh, LATCH_A_BINDING_MARK_MASK, k->mask);
	}
	return bound(nlh);
}

/**
 * kernel_whose() - did anybody bind this SA, or its reqid?
 * @sa: the SA
 *
 * Return: 1 yes, 0 no, or a negative errno.
 */
int kernel_whose(const struct sa *sa)
{
	int rc = family ? 0 : resolve();

	if (!rc)
		rc = sa_bound(&sa->key);
	if (!rc && sa->reqid)
		rc = reqid_bound(sa->reqid);
	return rc;
}
