// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to the family "latch" and the answers, for a program that prints what
 * went wrong and ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/genetlink.h>
#include <linux/latch_netlink.h>
#include "dump.h"
#include "extack.h"
#include "nl.h"

static struct netlink nl;
static struct netlink_family family = {
	.name = LATCH_GENL_NAME,
	.group = LATCH_MCGRP_EVENTS,
};

/* --- requests -------------------------------------------------------------- */

/**
 * nl_put() - add an attribute to a request
 * @nlh:  the request, from nl_begin()
 * @type: LATCH_A_*
 * @data: its value, copied
 * @len:  bytes of @data
 *
 * Where the request has no room left, the program ends with a message. The callers
 * have checked lengths against the limits of the interface before.
 */
void nl_put(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len)
{
	if (!netlink_put(nlh, type, data, len))
		return;
	error("the request is too long");
	exit(EXIT_USAGE);
}

/**
 * nl_put_u8() - add a number of 8 bits, as nl_put()
 * @nlh:  the request
 * @type: LATCH_A_*
 * @v:    the number
 */
void nl_put_u8(struct nlmsghdr *nlh, uint16_t type, uint8_t v)
{
	nl_put(nlh, type, &v, sizeof(v));
}

/**
 * nl_put_u16() - add a number of 16 bits, as nl_put()
 * @nlh:  the request
 * @type: LATCH_A_*
 * @v:    the number
 */
void nl_put_u16(struct nlmsghdr *nlh, uint16_t type, uint16_t v)
{
	nl_put(nlh, type, &v, sizeof(v));
}

/**
 * nl_put_u32() - add a number of 32 bits, as nl_put()
 * @nlh:  the request
 * @type: LATCH_A_*
 * @v:    the number
 */
void nl_put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t v)
{
	nl_put(nlh, type, &v, sizeof(v));
}

/**
 * nl_put_u64() - add a number of 64 bits, as nl_put()
 * @nlh:  the request
 * @type: LATCH_A_*
 * @v:    the number
 */
void nl_put_u64(struct nlmsghdr *nlh, uint16_t type, uint64_t v)
{
	nl_put(nlh, type, &v, sizeof(v));
}

/*
 * Print why an exchange failed. @err: its negative errno; @request: what was sent,
 * NULL where its attributes are not ours to name. Returns the exit status.
 */
static int failed(int err, const struct nlmsghdr *request)
{
	if (nl.refusal)
		extack_print(nl.refusal, -err, request);
	else
		error("cannot %s the kernel: %s", nl.sent ? "read from" : "send to",
		      strerror(-err));
	return EXIT_REFUSED;
}

/*
 * Open the socket and look up the family, unless that is done already: one socket
 * serves the whole run. Returns 0, or an exit status after a message.
 */
static int connect_family(void)
{
	int rc;

	if (!nl.sock) {
		rc = netlink_open(&nl, 0);
		if (rc) {
			error("cannot open a netlink socket: %s", strerror(-rc));
			return EXIT_REFUSED;
		}
	}
	if (family.id)
		return 0;
	rc = netlink_resolve(&nl, &family);
	if (!rc)
		return 0;
	if (rc != -ENOENT)
		return failed(rc, NULL);
	error("the kernel has no family %s: is the module ipsec_latch loaded?", family.name);
	return EXIT_REFUSED;
}

/**
 * nl_begin() - begin a request
 * @cmd: LATCH_CMD_*
 *
 * There is room for one request: the kernel must have answered the one before.
 *
 * Return: the request, which belongs to this file; NULL after a message.
 */
struct nlmsghdr *nl_begin(uint8_t cmd)
{
	if (connect_family())
		return NULL;
	return netlink_begin(&nl, family.id, cmd, LATCH_GENL_VERSION);
}

/**
 * nl_do() - send a request and read the answer
 * @nlh:     the request, from nl_begin()
 * @cb:      called with each message of the answer; NULL where there is none to read
 * @data:    for @cb
 * @forgive: an errno that this returns without a message, 0 for none
 *
 * Return: 0, or EXIT_REFUSED with errno set, after a message but for @forgive.
 */
int nl_do(struct nlmsghdr *nlh, nl_cb cb, void *data, int forgive)
{
	int rc = netlink_exchange(&nl, nlh, cb, data);

	if (!rc)
		return 0;
	if (!nl.refusal || -rc != forgive)
		failed(rc, nlh);
	errno = -rc;
	return EXIT_REFUSED;
}

/* --- lists --------------------------------------------------------------------- */

struct list {
	struct nlmsghdr **msg;
	size_t n;
	size_t room;
};

static void list_add(const struct nlmsghdr *nlh, void *data)
{
	struct list *l = data;

	l->msg = grow(l->msg, l->n, &l->room, sizeof(*l->msg));
	l->msg[l->n] = need(malloc(nlh->nlmsg_len));
	memcpy(l->msg[l->n++], nlh, nlh->nlmsg_len);
}

static void list_free(void *data)
{
	struct list *l = data;

	while (l->n)
		free(l->msg[--l->n]);
}

/**
 * nl_scan() - read a whole list without keeping it
 * @cmd:   the command that asks for the list, LATCH_CMD_*
 * @cb:    called with each entry as it comes
 * @again: called before each reading: forgets what @cb was called with before
 * @data:  for both
 *
 * Where the kernel changed the list while it sent it, this reads it again; after
 * some tries it takes what it has and warns, since the list of a busy host may
 * never stand still.
 *
 * Return: 0, or an exit status after a message.
 */
int nl_scan(uint8_t cmd, nl_cb cb, void (*again)(void *data), void *data)
{
	struct nlmsghdr *nlh;
	int rc, tries = 0;

	do {
		again(data);
		nlh = nl_begin(cmd);
		if (!nlh)
			return EXIT_REFUSED;
		nlh->nlmsg_flags |= NLM_F_DUMP;
		rc = nl_do(nlh, cb, data, 0);
	} while (!rc && nl.interrupted && dump_again(++tries));
	return rc;
}

/**
 * nl_dump() - read a whole list and call @cb for each entry
 * @cmd:  the command that asks for the list, LATCH_CMD_*
 * @cb:   called with each entry, once the list is complete, see nl_scan()
 * @data: for @cb
 *
 * Return: 0, or an exit status after a message.
 */
int nl_dump(uint8_t cmd, nl_cb cb, void *data)
{
	struct list l = { NULL, 0, 0 };
	size_t i;
	int rc;

	rc = nl_scan(cmd, list_add, list_free, &l);
	for (i = 0; !rc && i < l.n; i++)
		cb(l.msg[i], data);
	list_free(&l);
	free(l.msg);
	return rc;
}

/* --- events ---------------------------------------------------------------------- */

static struct mnl_socket *event_sock;

/**
 * nl_events() - listen to the module's events, on a socket of its own
 *
 * Return: the descriptor to poll, which stays open; -1 after a message.
 */
int nl_events(void)
{
	int room = 1 << 20;

	if (connect_family())
		return -1;
	event_sock = netlink_socket(NETLINK_GENERIC, 0);
	if (!event_sock || mnl_socket_setsockopt(event_sock, NETLINK_ADD_MEMBERSHIP,
						 &family.mcast, sizeof(family.mcast)) < 0) {
		error("cannot listen to events: %s", strerror(errno));
		return -1;
	}
	/* make room for a burst of events, as far as the system allows it */
	setsockopt(mnl_socket_get_fd(event_sock), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return mnl_socket_get_fd(event_sock);
}

/**
 * nl_event() - read the events that have come
 * @cb:   called with each
 * @data: for @cb
 *
 * Return: 0 or an errno; ENOBUFS where the kernel dropped some.
 */
int nl_event(nl_cb cb, void *data)
{
	const struct nlmsghdr *nlh;
	ssize_t got;
	int n;

	got = mnl_socket_recvfrom(event_sock, nl.in, sizeof(nl.in));
	if (got < 0)
		return errno == EINTR ? 0 : errno;
	n = got;
	for (nlh = (void *)nl.in; mnl_nlmsg_ok(nlh, n); nlh = mnl_nlmsg_next(nlh, &n))
		if (nlh->nlmsg_type == family.id && mnl_nlmsg_get_payload_len(nlh) >= GENL_HDRLEN)
			cb(nlh, data);
	return 0;
}
