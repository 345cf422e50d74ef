// SPDX-License-Identifier: GPL-2.0
/*
 * The sockets on which the kernel tells of SAs. It sends keys, too: we do not look at
 * them, and wipe each message from memory as soon as we have read it.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include "kernel.h"
#include "log.h"
#include "netlink.h"

#define ROOM		(256 << 10)	/* bytes that the kernel may send at once */
#define BACKLOG		(4 << 20)	/* bytes of events that may wait for us */
#define DUMP_TRIES	5
#define ANSWER_SECONDS	5	/* how long the kernel may take to answer */

static struct mnl_socket *events;
static struct mnl_socket *requests;
static uint32_t seq;
static char room[ROOM];

/**
 * struct dump - a reading of the SAD
 * @now:   in milliseconds
 * @intr:  the SAD changed meanwhile, so that we may have missed some
 * @error: a negative errno
 */
struct dump {
	int64_t now;
	bool intr;
	int error;
};

/**
 * xfrm_open() - begin to listen to the kernel
 *
 * Return: 0 or a negative errno.
 */
int xfrm_open(void)
{
	static const int groups[] = { XFRMNLGRP_SA, XFRMNLGRP_EXPIRE, XFRMNLGRP_MIGRATE };
	int size = BACKLOG, fd;
	size_t i;

	events = netlink_socket(NETLINK_XFRM, 0);
	requests = netlink_socket(NETLINK_XFRM, ANSWER_SECONDS);
	if (!events || !requests)
		return -errno;
	fd = mnl_socket_get_fd(events);
	/* with CAP_NET_ADMIN we may go over the limit of the system */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (mnl_socket_setsockopt(events, NETLINK_ADD_MEMBERSHIP, (void *)&groups[i],
					  sizeof(groups[i])) < 0)
			return -errno;
	return 0;
}

/**
 * xfrm_fd() - get the descriptor to poll for events
 *
 * Return: the descriptor; the caller calls xfrm_read() when it is readable.
 */
int xfrm_fd(void)
{
	return mnl_socket_get_fd(events);
}

/**
 * xfrm_read() - read the events that have come
 * @now: in milliseconds
 *
 * Return: true where the kernel dropped events, or they do not tell all: the caller calls
 * xfrm_reload().
 */
bool xfrm_read(int64_t now)
{
	bool anew = false;
	ssize_t len;

	for (;;) {
		len = recv(xfrm_fd(), room, sizeof(room), MSG_DONTWAIT);
		if (len > 0) {
			anew |= xfrm_message(room, len, now);
			explicit_bzero(room, len);
			continue;
		}
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == ENOBUFS) {
			anew = true;
			continue;
		}
		return anew;
	}
}

static struct nlmsghdr *request(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++seq;
	return nlh;
}

/* Read a part of a dump. Returns true at its end. */
static bool take_part(struct dump *d, size_t len)
{
	const struct nlmsghdr *nlh = (void *)room;
	int left = len;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_seq != seq)
			continue;
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			d->intr = true;
		if (nlh->nlmsg_type == NLMSG_DONE)
			return true;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			d->error = -EIO;
			return true;
		}
	}
	/* the kernel sends the end apart from all SAs */
	xfrm_message(room, len, d->now);
	return false;
}

/* A request for a dump has no header of its own: the kernel takes what follows for attributes. */
static int dump_once(struct dump *d)
{
	char buf[MNL_NLMSG_HDRLEN];
	struct nlmsghdr *nlh = request(buf, XFRM_MSG_GETSA, NLM_F_DUMP);
	bool end = false;
	ssize_t len;

	if (mnl_socket_sendto(requests, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (!end) {
		len = recv(mnl_socket_get_fd(requests), room, sizeof(room), 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len ? -errno : -EPIPE;
		end = take_part(d, len);
		explicit_bzero(room, len);
	}
	return d->error;
}

/**
 * xfrm_reload() - read the whole SAD
 * @now: in milliseconds
 *
 * Return: true; false after a message: the caller tries again later.
 */
bool xfrm_reload(int64_t now)
{
	struct dump d;
	int rc, i;

	for (i = 0; i < DUMP_TRIES; i++) {
		d = (struct dump){ .now = now };
		sad_round_begin();
		rc = dump_once(&d);
		if (rc) {
			say_error("cannot read the SAD: %s", strerror(-rc));
			return false;
		}
		if (!d.intr) {
			sad_round_end();
			return true;
		}
	}
	/* the SAD never stands still: events tell us what goes */
	return true;
}

/**
 * xfrm_exists() - ask the kernel whether it has an SA
 * @key: the SA
 *
 * Return: false only where the kernel says that it has none.
 */
bool xfrm_exists(const struct sa_key *key)
{
	char buf[256];
	struct nlmsghdr *nlh = request(buf, XFRM_MSG_GETSA, 0);
	struct xfrm_usersa_id *id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));
	struct xfrm_mark mark = { .v = key->mark, .m = key->mask };
	const struct nlmsghdr *in = (void *)room;
	const struct nlmsgerr *err;
	bool there = true;
	ssize_t len;

	memcpy(&id->daddr, key->dst, sizeof(key->dst));
	id->spi = key->spi;
	id->family = key->family;
	id->proto = key->proto;
	if (key->mask)
		mnl_attr_put(nlh, XFRMA_MARK, sizeof(mark), &mark);
	if (mnl_socket_sendto(requests, nlh, nlh->nlmsg_len) < 0)
		return true;
	do {
		len = recv(mnl_socket_get_fd(requests), room, sizeof(room), 0);
	} while ((len < 0 && errno == EINTR) ||
		 (len > 0 && (!mnl_nlmsg_ok(in, len) || in->nlmsg_seq != seq)));
	if (len > 0 && in->nlmsg_type == NLMSG_ERROR &&
	    mnl_nlmsg_get_payload_len(in) >= sizeof(*err)) {
		err = mnl_nlmsg_get_payload(in);
		there = err->error != -ESRCH;
	}
	if (len > 0)
		explicit_bzero(room, len);
	return there;
}
