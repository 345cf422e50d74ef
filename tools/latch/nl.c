// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to the family "latch" and the answers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/genetlink.h>
#include <linux/latch_netlink.h>
#include "nl.h"

#define DUMP_TRIES	8

static struct mnl_socket *sock;
static uint16_t family_id;
static uint32_t events_group;
static uint32_t seq;
static char send_buf[NL_BUF_SIZE];
static char recv_buf[NL_BUF_SIZE];

/**
 * struct exchange - one request and what came back so far
 * @sent:    the request
 * @cb:      called for each message of the answer
 * @data:    for @cb
 * @forgive: an errno that is no error to the caller
 * @dump:    a dump: NLMSG_DONE ends it, not an acknowledgment
 * @intr:    the kernel changed the list while it was read
 * @done:    the answer is complete
 * @rc:      exit status so far
 */
struct exchange {
	const struct nlmsghdr *sent;
	nl_cb cb;
	void *data;
	int forgive;
	bool dump;
	bool intr;
	bool done;
	int rc;
};

/* --- attributes ---------------------------------------------------------- */

/* The command of an answer or event. */
uint8_t nl_cmd(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *g = mnl_nlmsg_get_payload(nlh);

	return g->cmd;
}

/* Index the attributes of a message by type; what is not known is left out. */
void attr_parse(const struct nlmsghdr *nlh, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		if (mnl_attr_get_type(attr) <= max)
			tb[mnl_attr_get_type(attr)] = attr;
}

void attr_parse_nest(const struct nlattr *nest, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) <= max)
			tb[mnl_attr_get_type(attr)] = attr;
}

/* A number of whatever width it has, 0 where it is missing. */
uint64_t attr_num(const struct nlattr *attr)
{
	switch (attr ? mnl_attr_get_payload_len(attr) : 0) {
	case 1:
		return mnl_attr_get_u8(attr);
	case 2:
		return mnl_attr_get_u16(attr);
	case 4:
		return mnl_attr_get_u32(attr);
	case 8:
		return mnl_attr_get_u64(attr);
	default:
		return 0;
	}
}

void nl_put(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len)
{
	if (mnl_attr_put_check(nlh, NL_BUF_SIZE, type, len, data))
		return;
	/* the lengths were checked against the limits of the interface before */
	error("the request is too long");
	exit(EXIT_USAGE);
}

void nl_put_u8(struct nlmsghdr *nlh, uint16_t type, uint8_t v)
{
	nl_put(nlh, type, &v, sizeof(v));
}

void nl_put_u16(struct nlmsghdr *nlh, uint16_t type, uint16_t v)
{
	nl_put(nlh, type, &v, sizeof(v));
}

void nl_put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t v)
{
	nl_put(nlh, type, &v, sizeof(v));
}

void nl_put_u64(struct nlmsghdr *nlh, uint16_t type, uint64_t v)
{
	nl_put(nlh, type, &v, sizeof(v));
}

/* --- answers --------------------------------------------------------------- */

/*
 * An error, an acknowledgment or the end of a dump, each with what the kernel
 * has to say about it. @head: how much of the payload is the fixed part.
 */
static void take_end(struct exchange *x, const struct nlmsghdr *nlh, size_t head)
{
	int err = 0;

	x->done = true;
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(err))
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	if (err >= 0)
		return;
	x->rc = EXIT_REFUSED;
	errno = -err;
	if (-err != x->forgive)
		extack_print(nlh, -err, head, x->sent);
}

static void take(struct exchange *x, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq != x->sent->nlmsg_seq)
		return;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR && x->dump)
		x->intr = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		take_end(x, nlh, sizeof(struct nlmsgerr));
		break;
	case NLMSG_DONE:
		take_end(x, nlh, sizeof(int));
		break;
	case NLMSG_NOOP:
		break;
	default:
		if (x->cb && mnl_nlmsg_get_payload_len(nlh) >= GENL_HDRLEN)
			x->cb(nlh, x->data);
	}
}

/* Send a request and read until its answer is complete. Returns x->rc. */
static int exchange(struct exchange *x)
{
	const struct nlmsghdr *nlh;
	ssize_t got;
	int n;

	if (mnl_socket_sendto(sock, x->sent, x->sent->nlmsg_len) < 0) {
		error("cannot send to the kernel: %s", strerror(errno));
		return EXIT_REFUSED;
	}
	while (!x->done) {
		got = mnl_socket_recvfrom(sock, recv_buf, sizeof(recv_buf));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			error("cannot read from the kernel: %s", strerror(got ? errno : EPIPE));
			return EXIT_REFUSED;
		}
		n = got;
		for (nlh = (void *)recv_buf; mnl_nlmsg_ok(nlh, n) && !x->done;
		     nlh = mnl_nlmsg_next(nlh, &n))
			take(x, nlh);
	}
	return x->rc;
}

/* --- the socket -------------------------------------------------------------- */

static struct nlmsghdr *begin(uint16_t type, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(send_buf);
	struct genlmsghdr *g;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++seq;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = cmd;
	g->version = version;
	return nlh;
}

static void take_group(const struct nlattr *group)
{
	const struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];

	attr_parse_nest(group, tb, CTRL_ATTR_MCAST_GRP_MAX);
	if (!tb[CTRL_ATTR_MCAST_GRP_NAME] || !tb[CTRL_ATTR_MCAST_GRP_ID])
		return;
	if (!strcmp(mnl_attr_get_str(tb[CTRL_ATTR_MCAST_GRP_NAME]), LATCH_MCGRP_EVENTS))
		events_group = attr_num(tb[CTRL_ATTR_MCAST_GRP_ID]);
}

static void take_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1], *group;

	(void)data;
	attr_parse(nlh, tb, CTRL_ATTR_MAX);
	family_id = attr_num(tb[CTRL_ATTR_FAMILY_ID]);
	if (!tb[CTRL_ATTR_MCAST_GROUPS])
		return;
	mnl_attr_for_each_nested(group, tb[CTRL_ATTR_MCAST_GROUPS])
		take_group(group);
}

/* The number of the family: the kernel knows it only while the module is there. */
static int resolve(void)
{
	struct exchange x = { .cb = take_family, .forgive = ENOENT };
	struct nlmsghdr *nlh = begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, LATCH_GENL_NAME);
	x.sent = nlh;
	if (!exchange(&x) && family_id)
		return 0;
	if (x.rc && errno == ENOENT)
		error("the kernel has no family %s: is the module ipsec_latch loaded?",
		      LATCH_GENL_NAME);
	return EXIT_REFUSED;
}

/* One socket for the whole run, opened when the first request is made. */
static int open_socket(void)
{
	int one = 1;

	if (sock)
		return 0;
	sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		error("cannot open a netlink socket: %s", strerror(errno));
		return EXIT_REFUSED;
	}
	/* older kernels have less to say; that is no reason to stop */
	mnl_socket_setsockopt(sock, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(sock, NETLINK_CAP_ACK, &one, sizeof(one));
	return 0;
}

/*
 * Begin a request. There is one buffer: a second request may only begin when
 * the first was answered. NULL after a message.
 */
struct nlmsghdr *nl_begin(uint8_t cmd)
{
	if (open_socket() || (!family_id && resolve()))
		return NULL;
	return begin(family_id, cmd, LATCH_GENL_VERSION);
}

/*
 * Send a request and call @cb, where given, with its answer. An error named by
 * @forgive gives EXIT_REFUSED without a message. Returns the exit status.
 */
int nl_do(struct nlmsghdr *nlh, nl_cb cb, void *data, int forgive)
{
	struct exchange x = { .sent = nlh, .cb = cb, .data = data, .forgive = forgive };

	return exchange(&x);
}

/* --- dumps --------------------------------------------------------------------- */

struct list {
	struct nlmsghdr **msg;
	size_t n;
	size_t room;
};

static void list_add(const struct nlmsghdr *nlh, void *data)
{
	struct list *l = data;

	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->msg = need(realloc(l->msg, l->room * sizeof(*l->msg)));
	}
	l->msg[l->n] = need(malloc(nlh->nlmsg_len));
	memcpy(l->msg[l->n++], nlh, nlh->nlmsg_len);
}

static void list_free(struct list *l)
{
	while (l->n)
		free(l->msg[--l->n]);
}

/*
 * Read a whole list and call @cb for each entry. It is kept until it is
 * complete: when the kernel changed it meanwhile it is read again, and after
 * some tries taken as it is, with a warning, since on a busy host there may
 * never be a quiet moment. Returns the exit status.
 */
int nl_dump(uint8_t cmd, nl_cb cb, void *data)
{
	struct list l = { NULL, 0, 0 };
	int rc, tries = DUMP_TRIES;
	struct nlmsghdr *nlh;
	struct exchange x;
	size_t i;

	do {
		list_free(&l);
		nlh = nl_begin(cmd);
		if (!nlh)
			return EXIT_REFUSED;
		nlh->nlmsg_flags |= NLM_F_DUMP;
		x = (struct exchange){ .sent = nlh, .cb = list_add, .data = &l, .dump = true };
		rc = exchange(&x);
	} while (!rc && x.intr && --tries);
	if (!rc && x.intr)
		error("the list changed while it was read: entries may be missing or double");
	for (i = 0; !rc && i < l.n; i++)
		cb(l.msg[i], data);
	list_free(&l);
	free(l.msg);
	return rc;
}

/* --- events ---------------------------------------------------------------------- */

static struct mnl_socket *event_sock;

/*
 * Join the group of events, on a socket of its own. Returns its descriptor, or
 * -1 after a message.
 */
int nl_events(void)
{
	int room = 1 << 20;

	if (open_socket() || (!family_id && resolve()))
		return -1;
	event_sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!event_sock || mnl_socket_bind(event_sock, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(event_sock, NETLINK_ADD_MEMBERSHIP, &events_group,
				  sizeof(events_group)) < 0) {
		error("cannot listen to events: %s", strerror(errno));
		return -1;
	}
	/* a burst of events is not to be lost; the limit of the system holds */
	setsockopt(mnl_socket_get_fd(event_sock), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return mnl_socket_get_fd(event_sock);
}

/* Read the events there are. Returns 0, or an errno: ENOBUFS where some were lost. */
int nl_event(nl_cb cb, void *data)
{
	const struct nlmsghdr *nlh;
	ssize_t got;
	int n;

	got = mnl_socket_recvfrom(event_sock, recv_buf, sizeof(recv_buf));
	if (got < 0)
		return errno == EINTR ? 0 : errno;
	n = got;
	for (nlh = (void *)recv_buf; mnl_nlmsg_ok(nlh, n); nlh = mnl_nlmsg_next(nlh, &n))
		if (nlh->nlmsg_type == family_id && mnl_nlmsg_get_payload_len(nlh) >= GENL_HDRLEN)
			cb(nlh, data);
	return 0;
}
