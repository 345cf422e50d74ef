// SPDX-License-Identifier: GPL-2.0
/*
 * See netlink.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <linux/genetlink.h>
#include "netlink.h"

/* --- attributes ------------------------------------------------------------ */

/**
 * netlink_cmd() - read which command a message is about
 * @nlh: a message of a generic netlink family
 *
 * Return: the command.
 */
uint8_t netlink_cmd(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *g = mnl_nlmsg_get_payload(nlh);

	return g->cmd;
}

/**
 * netlink_parse_after() - sort the attributes that follow a message's own header
 * @nlh:  a message, at least as long as its header
 * @head: bytes of the header of its protocol
 * @tb:   @max + 1 pointers; each gets the attribute of that type, or NULL
 * @max:  the highest type that the caller knows; others are left out
 */
void netlink_parse_after(const struct nlmsghdr *nlh, size_t head, const struct nlattr **tb,
			 uint16_t max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_for_each(attr, nlh, head)
		if (mnl_attr_get_type(attr) <= max)
			tb[mnl_attr_get_type(attr)] = attr;
}

/**
 * netlink_parse() - sort the attributes of a message by their types
 * @nlh: a message of a generic netlink family
 * @tb:  as for netlink_parse_after()
 * @max: as for netlink_parse_after()
 */
void netlink_parse(const struct nlmsghdr *nlh, const struct nlattr **tb, uint16_t max)
{
	netlink_parse_after(nlh, GENL_HDRLEN, tb, max);
}

/**
 * netlink_parse_nest() - sort the attributes in an attribute by their types
 * @nest: the attribute that holds the others
 * @tb:   as for netlink_parse_after()
 * @max:  as for netlink_parse_after()
 */
void netlink_parse_nest(const struct nlattr *nest, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) <= max)
			tb[mnl_attr_get_type(attr)] = attr;
}

/**
 * netlink_num() - read a number, whatever its width
 * @attr: the attribute, or NULL
 *
 * Return: its value; 0 where @attr is NULL or is not 1, 2, 4 or 8 bytes long.
 */
uint64_t netlink_num(const struct nlattr *attr)
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

/**
 * netlink_put() - add an attribute to a request
 * @nlh:  the request, from netlink_begin()
 * @type: the attribute's type
 * @data: its value, copied; may be NULL where @len is 0
 * @len:  bytes of @data
 *
 * Return: 0, or -E2BIG where the request has no room left.
 */
int netlink_put(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len)
{
	return mnl_attr_put_check(nlh, NETLINK_MSG_MAX, type, len, data) ? 0 : -E2BIG;
}

/* --- the socket -------------------------------------------------------------- */

/**
 * netlink_socket() - open and bind a netlink socket
 * @bus:     NETLINK_*
 * @seconds: how long a read may wait for the kernel; 0 for ever
 *
 * Return: the socket, which the caller closes; NULL with errno set.
 */
struct mnl_socket *netlink_socket(int bus, unsigned int seconds)
{
	struct mnl_socket *s = mnl_socket_open2(bus, SOCK_CLOEXEC);
	struct timeval limit = { .tv_sec = seconds };
	int err;

	if (!s)
		return NULL;
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) >= 0 &&
	    (!seconds || !setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &limit,
				     sizeof(limit))))
		return s;
	err = errno;
	mnl_socket_close(s);
	errno = err;
	return NULL;
}

/**
 * netlink_open() - get ready to send requests to generic netlink families
 * @nl:      set up; the caller gives it to netlink_close()
 * @seconds: how long an answer may take; 0 for ever
 *
 * Return: 0 or a negative errno.
 */
int netlink_open(struct netlink *nl, unsigned int seconds)
{
	int one = 1;

	nl->sock = netlink_socket(NETLINK_GENERIC, seconds);
	if (!nl->sock)
		return -errno;
	/* an older kernel, which has less to say, refuses these: go on without them */
	mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &one, sizeof(one));
	return 0;
}

/**
 * netlink_close() - close the socket
 * @nl: may be closed already, or never have been opened if it is zero
 */
void netlink_close(struct netlink *nl)
{
	if (nl->sock)
		mnl_socket_close(nl->sock);
	nl->sock = NULL;
}

/**
 * netlink_begin() - begin a request
 * @nl:      an open socket
 * @family:  number of the generic netlink family
 * @cmd:     the command
 * @version: version of the family's interface
 *
 * @nl has room for one request: the kernel must have answered the one before.
 *
 * Return: the request, which belongs to @nl.
 */
struct nlmsghdr *netlink_begin(struct netlink *nl, uint16_t family, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nl->out);
	struct genlmsghdr *g;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++nl->seq;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = cmd;
	g->version = version;
	return nlh;
}

/**
 * netlink_begin_list() - begin a request for a list of a protocol without families
 * @nl:   a socket of that protocol
 * @type: type of the request
 * @head: bytes of the header of its protocol, which are set to zero
 *
 * Return: the request, as netlink_begin().
 */
struct nlmsghdr *netlink_begin_list(struct netlink *nl, uint16_t type, size_t head)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nl->out);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++nl->seq;
	mnl_nlmsg_put_extra_header(nlh, head);
	return nlh;
}

/* --- answers ------------------------------------------------------------------- */

/* Read the errno of an acknowledgment, or of the end of a dump; 0 or negative. */
static int take_end(struct netlink *nl, const struct nlmsghdr *nlh)
{
	bool ack = nlh->nlmsg_type == NLMSG_ERROR;
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	int err = 0;

	if (len >= sizeof(err))
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	if (ack && (len < sizeof(struct nlmsgerr) || err > 0))
		return -EIO;
	if (err >= 0)
		return 0;
	nl->refusal = nlh;
	return err;
}

/* Read what came. Returns 1 while the answer is not complete, else 0 or a negative errno. */
static int take(struct netlink *nl, int len, netlink_cb cb, void *data)
{
	const struct nlmsghdr *nlh = (void *)nl->in;

	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_seq != nl->seq)
			continue;
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			nl->interrupted = true;
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
			return take_end(nl, nlh);
		if (cb && nlh->nlmsg_type != NLMSG_NOOP &&
		    mnl_nlmsg_get_payload_len(nlh) >= GENL_HDRLEN)
			cb(nlh, data);
	}
	return 1;
}

/**
 * netlink_exchange() - send a request and read the whole answer
 * @nl:      the socket on which @request was begun
 * @request: the request
 * @cb:      called for each message of the answer, with @data; may be NULL
 * @data:    for @cb
 *
 * Return: 0; the errno with which the kernel refused, negative, and nl->refusal is
 * set; -ETIMEDOUT where the kernel did not answer in time; -EIO where the answer
 * makes no sense; or another negative errno of the socket.
 */
int netlink_exchange(struct netlink *nl, const struct nlmsghdr *request, netlink_cb cb, void *data)
{
	ssize_t len;
	int rc;

	nl->refusal = NULL;
	nl->interrupted = false;
	nl->sent = mnl_socket_sendto(nl->sock, request, request->nlmsg_len) >= 0;
	if (!nl->sent)
		return -errno;
	do {
		len = mnl_socket_recvfrom(nl->sock, nl->in, sizeof(nl->in));
		if (len > 0)
			rc = take(nl, len, cb, data);
		else if (!len)
			rc = -EPIPE;
		else if (errno == EINTR)
			rc = 1;
		else
			rc = errno == EAGAIN ? -ETIMEDOUT : -errno;
	} while (rc > 0);
	return rc;
}

static void take_words(const struct nlattr *attr, struct netlink_words *w)
{
	switch (mnl_attr_get_type(attr)) {
	case NLMSGERR_ATTR_MSG:
		w->msg = mnl_attr_get_payload(attr);
		w->len = strnlen(w->msg, mnl_attr_get_payload_len(attr));
		break;
	case NLMSGERR_ATTR_OFFS:
		w->offs = netlink_num(attr);
		break;
	case NLMSGERR_ATTR_MISS_TYPE:
		w->miss = netlink_num(attr);
		break;
	}
}

/**
 * netlink_read_words() - read what a refusal says besides its errno
 * @refusal: nl->refusal after netlink_exchange(), or NULL
 * @w:       set; it points into @refusal
 *
 * The attributes follow the fixed part of the message and, where the kernel sent
 * the whole request back, follow that.
 */
void netlink_read_words(const struct nlmsghdr *refusal, struct netlink_words *w)
{
	const struct nlmsgerr *e;
	const struct nlattr *attr;
	size_t skip = sizeof(int);

	memset(w, 0, sizeof(*w));
	if (!refusal || !(refusal->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (refusal->nlmsg_type == NLMSG_ERROR) {
		e = mnl_nlmsg_get_payload(refusal);
		skip = sizeof(*e);
		if (!(refusal->nlmsg_flags & NLM_F_CAPPED)) {
			if (e->msg.nlmsg_len < sizeof(e->msg))
				return;
			skip += MNL_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
		}
	}
	if (skip > mnl_nlmsg_get_payload_len(refusal))
		return;
	mnl_attr_for_each(attr, refusal, skip)
		take_words(attr, w);
}

/* --- families --------------------------------------------------------------------- */

static void take_group(const struct nlattr *nest, struct netlink_family *f)
{
	const struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1], *name;

	netlink_parse_nest(nest, tb, CTRL_ATTR_MCAST_GRP_MAX);
	name = tb[CTRL_ATTR_MCAST_GRP_NAME];
	if (name && mnl_attr_validate(name, MNL_TYPE_NUL_STRING) >= 0 &&
	    !strcmp(mnl_attr_get_str(name), f->group))
		f->mcast = netlink_num(tb[CTRL_ATTR_MCAST_GRP_ID]);
}

static void take_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1], *group;
	struct netlink_family *f = data;

	netlink_parse(nlh, tb, CTRL_ATTR_MAX);
	f->id = netlink_num(tb[CTRL_ATTR_FAMILY_ID]);
	if (!f->group || !tb[CTRL_ATTR_MCAST_GROUPS])
		return;
	mnl_attr_for_each_nested(group, tb[CTRL_ATTR_MCAST_GROUPS])
		take_group(group, f);
}

/**
 * netlink_resolve() - ask the kernel for the number of a family
 * @nl: an open socket
 * @f:  names the family; its numbers are set, 0 on failure
 *
 * The kernel knows a family only while its module is loaded.
 *
 * Return: 0; -ENOENT there is no such family; or another negative errno, as
 * netlink_exchange().
 */
int netlink_resolve(struct netlink *nl, struct netlink_family *f)
{
	struct nlmsghdr *nlh = netlink_begin(nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	int rc;

	f->id = 0;
	f->mcast = 0;
	rc = netlink_put(nlh, CTRL_ATTR_FAMILY_NAME, f->name, strlen(f->name) + 1);
	if (!rc)
		rc = netlink_exchange(nl, nlh, take_family, f);
	if (rc)
		f->id = 0;
	return rc || f->id ? rc : -ENOENT;
}
