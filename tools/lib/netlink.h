/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests to a generic netlink family, and lists of other protocols, and the kernel's
 * answers. latch(8) uses this directly, latchd(8) and the charon plugin use it through
 * latchnl.c.
 *
 * None of these functions prints or exits: they return 0 or a negative errno.
 */
#ifndef LATCH_NETLINK_LIB_H
#define LATCH_NETLINK_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>

/* Bytes: a peer record has an identity, a certificate, an anchor and a key. */
#define NETLINK_MSG_MAX	65536

/**
 * struct netlink - a socket with one request at a time
 * @sock:        the socket
 * @seq:         sequence number of the last request
 * @sent:        the kernel took the last request: a later error is about the answer
 * @interrupted: the kernel changed the list while it answered the last dump
 * @refusal:     the message, in @in, in which the kernel refused the last request,
 *               or NULL; valid until the next request
 * @out:         the request
 * @in:          what the kernel sent last
 */
struct netlink {
	struct mnl_socket *sock;
	uint32_t seq;
	bool sent;
	bool interrupted;
	const struct nlmsghdr *refusal;
	char out[NETLINK_MSG_MAX];
	char in[NETLINK_MSG_MAX];
};

/**
 * struct netlink_words - what a refusal says besides its errno
 * @msg:  the kernel's words, without a NUL at their end; NULL for none
 * @len:  bytes of @msg
 * @offs: offset in bytes of the bad attribute in the request, 0 for none
 * @miss: type of an attribute that the request lacks, 0 for none
 */
struct netlink_words {
	const char *msg;
	size_t len;
	uint32_t offs;
	uint32_t miss;
};

/**
 * struct netlink_family - what the kernel says about a generic netlink family
 * @name:  the family's name, set by the caller
 * @group: name of a multicast group, set by the caller; NULL for none
 * @id:    the family's number; 0 while it is not known
 * @mcast: number of the group; 0 while it is not known
 */
struct netlink_family {
	const char *name;
	const char *group;
	uint16_t id;
	uint32_t mcast;
};

typedef void (*netlink_cb)(const struct nlmsghdr *nlh, void *data);

struct mnl_socket *netlink_socket(int bus, unsigned int seconds);
int netlink_open(struct netlink *nl, unsigned int seconds);
void netlink_close(struct netlink *nl);
struct nlmsghdr *netlink_begin(struct netlink *nl, uint16_t family, uint8_t cmd, uint8_t version);
struct nlmsghdr *netlink_begin_list(struct netlink *nl, uint16_t type, size_t head);
int netlink_put(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len);
int netlink_exchange(struct netlink *nl, const struct nlmsghdr *request, netlink_cb cb, void *data);
int netlink_resolve(struct netlink *nl, struct netlink_family *f);
void netlink_read_words(const struct nlmsghdr *refusal, struct netlink_words *w);

uint8_t netlink_cmd(const struct nlmsghdr *nlh);
void netlink_parse(const struct nlmsghdr *nlh, const struct nlattr **tb, uint16_t max);
void netlink_parse_after(const struct nlmsghdr *nlh, size_t head, const struct nlattr **tb,
			 uint16_t max);
void netlink_parse_nest(const struct nlattr *nest, const struct nlattr **tb, uint16_t max);
uint64_t netlink_num(const struct nlattr *attr);

#endif /* LATCH_NETLINK_LIB_H */
