// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for the kernel behind libmnl's calls, for the self-test of latch(8). It
 * has fixed records, refuses some requests, and writes all of them to $FAKE_LOG.
 *
 * FAKE_ABSENT=1  it does not know the family
 * FAKE_INTR=N    it changes the list during the first N dumps
 * FAKE_SCENE     words, each between commas: "quiet" leaves out what is wrong, "named" has
 *                more peers; others are in fakexfrm.c
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/latch.h>
#include <linux/latch_netlink.h>
#include "fake.h"

#define FAKE_FAMILY	33
#define FAKE_GROUP	7

struct mnl_socket {
	int fd;
	int steps;
	int bus;
};

/* The answer to the last request, which the next read takes whole. */
static char answer[1 << 16];
static size_t answer_len;
static int dumps;
/* The socket of events, if there is one. */
static struct mnl_socket *events;

/**
 * fake_scene() - tell whether $FAKE_SCENE has a word
 * @word: the word
 *
 * Return: true where it has.
 */
bool fake_scene(const char *word)
{
	const char *scene = getenv("FAKE_SCENE"), *at = scene;
	size_t len = strlen(word);

	for (; scene && (at = strstr(at, word)); at += len)
		if ((at == scene || at[-1] == ',') && (!at[len] || at[len] == ','))
			return true;
	return false;
}

/**
 * fake_entry() - begin an entry of a list
 * @to:   the request
 * @type: type of the entry
 *
 * Return: the entry, which the caller gives to fake_done() when it is complete.
 */
struct nlmsghdr *fake_entry(const struct nlmsghdr *to, uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(answer + answer_len);

	nlh->nlmsg_type = type;
	nlh->nlmsg_seq = to->nlmsg_seq;
	return nlh;
}

static struct nlmsghdr *reply(const struct nlmsghdr *to, uint16_t type, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(answer + answer_len);
	struct genlmsghdr *g;

	nlh->nlmsg_type = type;
	nlh->nlmsg_seq = to ? to->nlmsg_seq : 0;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = cmd;
	return nlh;
}

/**
 * fake_done() - end an entry of a list
 * @nlh: the entry
 */
void fake_done(const struct nlmsghdr *nlh)
{
	answer_len += MNL_ALIGN(nlh->nlmsg_len);
}

/* Acknowledge, or refuse with words and the offset of an attribute. */
static void ack(const struct nlmsghdr *to, int err, const char *msg, uint32_t offs)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(answer + answer_len);
	struct nlmsgerr *e;

	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_seq = to->nlmsg_seq;
	nlh->nlmsg_flags = NLM_F_CAPPED | (msg ? NLM_F_ACK_TLVS : 0);
	e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));
	e->error = -err;
	e->msg = *to;
	if (msg)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, msg);
	if (offs)
		mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, offs);
	fake_done(nlh);
}

static void end_dump(const struct nlmsghdr *to)
{
	const char *intr = getenv("FAKE_INTR");
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(answer + answer_len);
	int *err;

	nlh->nlmsg_type = NLMSG_DONE;
	nlh->nlmsg_seq = to->nlmsg_seq;
	nlh->nlmsg_flags = NLM_F_MULTI;
	if (intr && dumps++ < atoi(intr))
		nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
	err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));
	*err = 0;
	fake_done(nlh);
}

static void family(const struct nlmsghdr *to)
{
	struct nlmsghdr *nlh = reply(to, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
	struct nlattr *groups, *group;

	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAKE_FAMILY);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, LATCH_MCGRP_EVENTS);
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, FAKE_GROUP);
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
	fake_done(nlh);
}

static void peer(const struct nlmsghdr *to, uint32_t id, uint8_t type, const char *value,
		 size_t len, uint8_t auth)
{
	struct nlmsghdr *nlh = reply(to, FAKE_FAMILY, to ? LATCH_CMD_PEER_GET : LATCH_CMD_PEER_NTF);
	char digest[32];

	memset(digest, id, sizeof(digest));
	mnl_attr_put_u32(nlh, LATCH_A_PEER_ID, id);
	mnl_attr_put_u8(nlh, LATCH_A_PEER_ID_TYPE, type);
	mnl_attr_put(nlh, LATCH_A_PEER_ID_VALUE, len, value);
	mnl_attr_put_u8(nlh, LATCH_A_PEER_AUTH, auth);
	if (id == 1)
		mnl_attr_put(nlh, LATCH_A_PEER_CERT, 3, "\x30\x01\x00");
	mnl_attr_put(nlh, LATCH_A_PEER_DIGEST, sizeof(digest), digest);
	mnl_attr_put_u32(nlh, LATCH_A_PEER_REFS, id - 1);
	if (id == 1)
		mnl_attr_put(nlh, LATCH_A_PEER_WITH_BINDINGS, 0, NULL);
	fake_done(nlh);
}

/* Among others, one with an identity as an attacker could choose it. */
static void peers(const struct nlmsghdr *to)
{
	static const char nasty[] = "a\nb \x1b[2J\"\\\0\xff";
	static const char dn[] = {
		0x30, 0x23, 0x31, 0x10, 0x30, 0x0e, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c, 0x07,
		'E', 'x', ',', ' ', 'I', 'n', 'c', 0x31, 0x0f, 0x30, 0x0d, 0x06, 0x03, 0x55, 0x04,
		0x03, 0x0c, 0x06, 'a', 'l', 'i', 'c', '\xc3', '\xa9',
	};
	static const char nasty_dn[] = {
		0x30, 0x16, 0x31, 0x14, 0x30, 0x12, 0x06, 0x03, 0x55, 0x04, 0x03, 0x13, 0x0b,
		'"', '\\', '$', '`', '!', '\'', '\n', '\033', '\0', ',', ' ',
	};

	peer(to, 1, LATCH_ID_FQDN, "bob.example", 11, LATCH_AUTH_PSK);
	peer(to, 2, LATCH_ID_IPV4, "\x0a\x09\x00\x02", 4, LATCH_AUTH_SIGNATURE);
	peer(to, 3, LATCH_ID_FQDN, nasty, sizeof(nasty) - 1, LATCH_AUTH_ECDSA_256);
	peer(to, 4, LATCH_ID_KEYID, "\x01\x02", 2, 77);
	peer(to, 5, LATCH_ID_DN, "\x30\x00", 2, LATCH_AUTH_RSA);
	peer(to, 6, 99, "x y", 3, LATCH_AUTH_EAP);
	peer(to, 7, LATCH_ID_DN, dn, sizeof(dn), LATCH_AUTH_SIGNATURE);
	peer(to, 8, LATCH_ID_DN, nasty_dn, sizeof(nasty_dn), LATCH_AUTH_SIGNATURE);
	if (!fake_scene("named"))
		return;
	peer(to, 9, LATCH_ID_FQDN, "carol", 5, LATCH_AUTH_PSK);
	peer(to, 10, LATCH_ID_FQDN, "Carol", 5, LATCH_AUTH_UNKNOWN);
	peer(to, 11, LATCH_ID_KEYID, "carol", 5, LATCH_AUTH_EAP);
	peer(to, 12, LATCH_ID_EMAIL, "Dave@Example", 12, LATCH_AUTH_PSK);
	peer(to, 13, LATCH_ID_FQDN, "13", 2, LATCH_AUTH_PSK);
	peer(to, 14, LATCH_ID_IPV6, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, LATCH_AUTH_PSK);
}

static void bindings(const struct nlmsghdr *to)
{
	struct nlmsghdr *nlh = reply(to, FAKE_FAMILY, LATCH_CMD_BINDING_GET);

	mnl_attr_put_u32(nlh, LATCH_A_BINDING_REQID, 5);
	mnl_attr_put_u32(nlh, LATCH_A_BINDING_PEER, 1);
	mnl_attr_put_u32(nlh, LATCH_A_BINDING_LOCAL, 2);
	fake_done(nlh);
	if (fake_scene("quiet"))
		return;
	nlh = reply(to, FAKE_FAMILY, LATCH_CMD_BINDING_GET);
	mnl_attr_put_u16(nlh, LATCH_A_BINDING_FAMILY, AF_INET);
	mnl_attr_put(nlh, LATCH_A_BINDING_DST, 4, "\x0a\x09\x00\x02");
	mnl_attr_put_u8(nlh, LATCH_A_BINDING_PROTO, IPPROTO_ESP);
	mnl_attr_put_u32(nlh, LATCH_A_BINDING_SPI, htonl(0xc0ffee));
	mnl_attr_put_u32(nlh, LATCH_A_BINDING_MARK, 1);
	mnl_attr_put_u32(nlh, LATCH_A_BINDING_MARK_MASK, 0xff);
	mnl_attr_put_u32(nlh, LATCH_A_BINDING_PEER, 3);
	mnl_attr_put(nlh, LATCH_A_BINDING_AMBIGUOUS, 0, NULL);
	mnl_attr_put(nlh, LATCH_A_BINDING_NATT_ADDR, 4, "\xc0\xa8\x07\x02");
	mnl_attr_put(nlh, LATCH_A_BINDING_WITH_SA, 0, NULL);
	fake_done(nlh);
}

static void transform(struct nlmsghdr *nlh, uint16_t encr, uint16_t bits, uint16_t integ,
		      uint16_t icv)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, LATCH_A_CONN_TRANSFORMS);

	mnl_attr_put_u8(nlh, LATCH_A_TRANSFORM_PROTO, IPPROTO_ESP);
	mnl_attr_put_u8(nlh, LATCH_A_TRANSFORM_MODE, integ ? 1 : 0);
	mnl_attr_put_u16(nlh, LATCH_A_TRANSFORM_ENCR, encr);
	mnl_attr_put_u16(nlh, LATCH_A_TRANSFORM_ENCR_BITS, bits);
	mnl_attr_put_u16(nlh, LATCH_A_TRANSFORM_INTEG, integ);
	mnl_attr_put_u16(nlh, LATCH_A_TRANSFORM_INTEG_BITS, integ ? 256 : 0);
	mnl_attr_put_u16(nlh, LATCH_A_TRANSFORM_ICV_BITS, icv);
	mnl_attr_put_u32(nlh, LATCH_A_TRANSFORM_REPLAY_WINDOW, 32);
	mnl_attr_nest_end(nlh, nest);
}

static struct nlmsghdr *conn(const struct nlmsghdr *to, uint64_t id, uint8_t state)
{
	struct nlmsghdr *nlh = reply(to, FAKE_FAMILY, to ? LATCH_CMD_CONN_GET : LATCH_CMD_CONN_NTF);

	mnl_attr_put_u64(nlh, LATCH_A_CONN_ID, id);
	mnl_attr_put_u8(nlh, LATCH_A_CONN_STATE, state);
	return nlh;
}

/* IPv4 in tunnel mode behind NAT; the attribute of the address has 16 bytes. */
static void conn_ipv4(const struct nlmsghdr *to)
{
	struct nlmsghdr *nlh = conn(to, 7, LATCH_STATE_ESTABLISHED);
	unsigned char addr[16] = { 10, 9, 0, 1 };

	mnl_attr_put_u8(nlh, LATCH_A_CONN_REASON, LATCH_REASON_NONE);
	mnl_attr_put_u8(nlh, LATCH_A_CONN_DISPOSITION, LATCH_DISP_RESET);
	mnl_attr_put_u8(nlh, LATCH_A_CONN_MODE, LATCH_MODE_AUTO);
	mnl_attr_put_u32(nlh, LATCH_A_CONN_FLAGS, LATCH_F_PEER_IDENTIFIED | LATCH_F_NATT | 0x4000);
	mnl_attr_put_u32(nlh, LATCH_A_CONN_CONFLICTS, 0);
	mnl_attr_put_u16(nlh, LATCH_A_CONN_FAMILY, AF_INET);
	mnl_attr_put_u8(nlh, LATCH_A_CONN_PROTO, IPPROTO_TCP);
	mnl_attr_put(nlh, LATCH_A_CONN_LOCAL_ADDR, 16, addr);
	addr[3] = 2;
	mnl_attr_put(nlh, LATCH_A_CONN_REMOTE_ADDR, 16, addr);
	mnl_attr_put_u16(nlh, LATCH_A_CONN_LOCAL_PORT, htons(40394));
	mnl_attr_put_u16(nlh, LATCH_A_CONN_REMOTE_PORT, htons(5000));
	mnl_attr_put_u16(nlh, LATCH_A_CONN_OUTER_FAMILY, AF_INET);
	mnl_attr_put(nlh, LATCH_A_CONN_OUTER_LOCAL_ADDR, 4, "\xc0\x00\x02\x01");
	mnl_attr_put(nlh, LATCH_A_CONN_OUTER_REMOTE_ADDR, 4, "\xc0\x00\x02\x02");
	mnl_attr_put_u16(nlh, LATCH_A_CONN_NATT_LOCAL_PORT, htons(4500));
	mnl_attr_put_u16(nlh, LATCH_A_CONN_NATT_REMOTE_PORT, htons(61000));
	mnl_attr_put(nlh, LATCH_A_CONN_NATT_REMOTE_ADDR, 4, "\xc0\xa8\x07\x02");
	mnl_attr_put_u32(nlh, LATCH_A_CONN_PEER, 1);
	mnl_attr_put_u32(nlh, LATCH_A_CONN_LOCAL, 2);
	mnl_attr_put_u8(nlh, LATCH_A_CONN_PEER_ID_TYPE, LATCH_ID_FQDN);
	mnl_attr_put(nlh, LATCH_A_CONN_PEER_ID_VALUE, 11, "bob.example");
	transform(nlh, 12, 256, 12, 128);
	mnl_attr_put_u64(nlh, LATCH_A_CONN_IN_DROPS, 3);
	mnl_attr_put_u64(nlh, LATCH_A_CONN_OUT_DROPS, 0);
	mnl_attr_put_u32(nlh, LATCH_A_CONN_BREAKS, 1);
	mnl_attr_put_u32(nlh, LATCH_A_CONN_UID, 1000);
	mnl_attr_put_u64(nlh, LATCH_A_CONN_INODE, 4242);
	fake_done(nlh);
}

static void conn_ipv6(const struct nlmsghdr *to)
{
	struct nlmsghdr *nlh = conn(to, 8, LATCH_STATE_BROKEN);
	struct in6_addr addr = in6addr_loopback;

	if (!to)
		mnl_attr_put_u8(nlh, LATCH_A_CONN_OLD_STATE, LATCH_STATE_ESTABLISHED);
	mnl_attr_put_u8(nlh, LATCH_A_CONN_REASON, LATCH_REASON_PEER);
	mnl_attr_put_u32(nlh, LATCH_A_CONN_CONFLICTS,
			 1U << LATCH_REASON_PEER | 1U << LATCH_REASON_MODE | 1U << 31);
	mnl_attr_put_u16(nlh, LATCH_A_CONN_FAMILY, AF_INET6);
	mnl_attr_put_u8(nlh, LATCH_A_CONN_PROTO, IPPROTO_UDP);
	mnl_attr_put(nlh, LATCH_A_CONN_LOCAL_ADDR, 16, &addr);
	mnl_attr_put(nlh, LATCH_A_CONN_REMOTE_ADDR, 16, &addr);
	mnl_attr_put_u16(nlh, LATCH_A_CONN_LOCAL_PORT, htons(9));
	mnl_attr_put_u16(nlh, LATCH_A_CONN_REMOTE_PORT, htons(53));
	mnl_attr_put_u32(nlh, LATCH_A_CONN_FLAGS, LATCH_F_AUTO | LATCH_F_FORWARDED);
	mnl_attr_put_u32(nlh, LATCH_A_CONN_PEER, 0);
	transform(nlh, 20, 128, 0, 128);
	transform(nlh, 28, 256, 0, 128);
	transform(nlh, 11, 0, 12, 96);
	transform(nlh, 999, 128, 0, 128);
	fake_done(nlh);
}

static void conns(const struct nlmsghdr *to)
{
	conn_ipv4(to);
	if (fake_scene("quiet"))
		return;
	conn_ipv6(to);
	/* a state that a newer kernel might have */
	fake_done(conn(to, 9, 17));
}

static struct nlmsghdr *policy(const struct nlmsghdr *to, uint32_t id, const void *remote,
			       size_t len, uint8_t prefix)
{
	struct nlmsghdr *nlh = reply(to, FAKE_FAMILY, LATCH_CMD_POLICY_GET);

	mnl_attr_put_u32(nlh, LATCH_A_POLICY_ID, id);
	mnl_attr_put_u8(nlh, LATCH_A_POLICY_ACTION, id == 3 ? 77 : LATCH_POLICY_OFFER);
	mnl_attr_put(nlh, LATCH_A_POLICY_REMOTE, len, remote);
	mnl_attr_put_u8(nlh, LATCH_A_POLICY_REMOTE_LEN, prefix);
	mnl_attr_put_u32(nlh, LATCH_A_POLICY_TAKEN, id * 10);
	return nlh;
}

static void one_policy(const struct nlmsghdr *to)
{
	struct nlmsghdr *nlh = policy(to, 1, "\x0a\x09\x00\x00", 4, 24);

	mnl_attr_put_u8(nlh, LATCH_A_POLICY_PROTO, IPPROTO_TCP);
	mnl_attr_put_u16(nlh, LATCH_A_POLICY_REMOTE_PORT, htons(443));
	mnl_attr_put_u8(nlh, LATCH_A_POLICY_TMPL_PROTO, IPPROTO_ESP);
	mnl_attr_put_u8(nlh, LATCH_A_POLICY_TMPL_MODE, 0);
	mnl_attr_put_u32(nlh, LATCH_A_POLICY_TMPL_REQID, 5);
	fake_done(nlh);
}

/* The last one has an action that a newer kernel might have. */
static void policies(const struct nlmsghdr *to)
{
	struct in6_addr addr = in6addr_loopback;
	struct nlmsghdr *nlh;

	one_policy(to);
	nlh = policy(to, 2, &addr, 16, 128);
	mnl_attr_put(nlh, LATCH_A_POLICY_LOCAL, 16, &addr);
	mnl_attr_put_u8(nlh, LATCH_A_POLICY_LOCAL_LEN, 64);
	mnl_attr_put_u16(nlh, LATCH_A_POLICY_LOCAL_PORT, htons(9));
	mnl_attr_put_u8(nlh, LATCH_A_POLICY_TMPL_PROTO, IPPROTO_AH);
	mnl_attr_put_u8(nlh, LATCH_A_POLICY_TMPL_MODE, 1);
	mnl_attr_put(nlh, LATCH_A_POLICY_TMPL_LOCAL, 4, "\xc0\x00\x02\x01");
	mnl_attr_put(nlh, LATCH_A_POLICY_TMPL_REMOTE, 4, "\xc0\x00\x02\x02");
	mnl_attr_put_u32(nlh, LATCH_A_POLICY_TMPL_REQID, 6);
	fake_done(nlh);
	fake_done(policy(to, 3, "\0\0\0\0", 4, 0));
}

static void manager(const struct nlmsghdr *to)
{
	struct nlmsghdr *nlh = reply(to, FAKE_FAMILY, LATCH_CMD_MANAGER_SET);

	mnl_attr_put_u8(nlh, LATCH_A_MANAGER_ACTIVE, !fake_scene("no-manager"));
	fake_done(nlh);
	ack(to, 0, NULL, 0);
}

static const struct nlattr *first_attr(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		return attr;
	return NULL;
}

/* Refuse requests for 98 and 99, each in a different way. */
static void one(const struct nlmsghdr *nlh, void (*answer_to)(const struct nlmsghdr *to))
{
	const struct nlattr *attr = first_attr(nlh);
	uint64_t id = attr && mnl_attr_get_payload_len(attr) >= 4 ? mnl_attr_get_u32(attr) : 0;

	if (id == 99) {
		ack(nlh, ENOENT, "no such record\n(really)", (char *)attr - (char *)nlh);
	} else if (id == 98) {
		ack(nlh, EBUSY, NULL, 0);
	} else {
		if (answer_to)
			answer_to(nlh);
		ack(nlh, 0, NULL, 0);
	}
}

static void events_go_on(void)
{
	if (events && events->steps == 4)
		eventfd_write(events->fd, 1);
}

static void dump(const struct nlmsghdr *nlh, uint8_t cmd)
{
	if (cmd == LATCH_CMD_PEER_GET)
		peers(nlh);
	else if (cmd == LATCH_CMD_BINDING_GET)
		bindings(nlh);
	else if (cmd == LATCH_CMD_CONN_GET)
		conns(nlh), events_go_on();
	else if (cmd == LATCH_CMD_POLICY_GET)
		policies(nlh);
	end_dump(nlh);
}

static void one_peer(const struct nlmsghdr *to)
{
	peer(to, 1, LATCH_ID_FQDN, "bob.example", 11, LATCH_AUTH_PSK);
}

static void serve(const struct nlmsghdr *nlh, uint8_t cmd)
{
	if (nlh->nlmsg_type == GENL_ID_CTRL && getenv("FAKE_ABSENT"))
		ack(nlh, ENOENT, NULL, 0);
	else if (nlh->nlmsg_type == GENL_ID_CTRL)
		family(nlh), ack(nlh, 0, NULL, 0);
	else if ((nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		dump(nlh, cmd);
	else if (cmd == LATCH_CMD_MANAGER_SET && !first_attr(nlh))
		manager(nlh);
	else if (cmd == LATCH_CMD_PEER_NEW || cmd == LATCH_CMD_PEER_GET)
		one(nlh, one_peer);
	else if (cmd == LATCH_CMD_CONN_GET)
		one(nlh, conn_ipv4);
	else if (cmd == LATCH_CMD_POLICY_NEW || cmd == LATCH_CMD_POLICY_GET)
		one(nlh, one_policy);
	else
		one(nlh, NULL);
}

/* One line a request: "command dump|do attribute=bytes ..." */
static void write_log(const struct nlmsghdr *nlh, uint8_t cmd)
{
	const char *path = getenv("FAKE_LOG");
	const struct nlattr *attr;
	FILE *f;
	int i;

	if (!path || nlh->nlmsg_type == GENL_ID_CTRL)
		return;
	f = fopen(path, "a");
	if (!f)
		return;
	fprintf(f, "%u %s", cmd, nlh->nlmsg_flags & NLM_F_DUMP ? "dump" : "do");
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		const unsigned char *c = mnl_attr_get_payload(attr);

		fprintf(f, " %u=", mnl_attr_get_type(attr));
		for (i = 0; i < mnl_attr_get_payload_len(attr); i++)
			fprintf(f, "%02x", c[i]);
	}
	fputc('\n', f);
	fclose(f);
}

/* --- libmnl's calls ------------------------------------------------------------ */

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	struct mnl_socket *nl = calloc(1, sizeof(*nl));

	(void)flags;
	if (nl) {
		nl->fd = eventfd(1, EFD_CLOEXEC);
		nl->bus = bus;
	}
	return nl;
}

int mnl_socket_close(struct mnl_socket *nl)
{
	close(nl->fd);
	free(nl);
	return 0;
}

int mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid)
{
	(void)nl;
	(void)groups;
	(void)pid;
	return 0;
}

int mnl_socket_setsockopt(const struct mnl_socket *nl, int type, void *buf, socklen_t len)
{
	if (type == NETLINK_ADD_MEMBERSHIP && len == 4 && *(uint32_t *)buf == FAKE_GROUP) {
		events = (struct mnl_socket *)nl;
		events->steps = 1;
	}
	return 0;
}

int mnl_socket_get_fd(const struct mnl_socket *nl)
{
	return nl->fd;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t size)
{
	const struct nlmsghdr *nlh = req;
	const struct genlmsghdr *g = mnl_nlmsg_get_payload(nlh);

	answer_len = 0;
	memset(answer, 0, sizeof(answer));
	if (nl->bus != NETLINK_GENERIC) {
		fake_list(nlh, nl->bus);
		end_dump(nlh);
		return size;
	}
	write_log(nlh, g->cmd);
	serve(nlh, g->cmd);
	return size;
}

/*
 * The socket of events has two, then drops some. It drops all that comes while an old one is
 * there; it has another one after somebody has read the list, and then the user ends the program.
 */
ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size)
{
	struct mnl_socket *s = (struct mnl_socket *)nl;
	eventfd_t nothing;

	if (s->steps) {
		answer_len = 0;
		memset(answer, 0, sizeof(answer));
	}
	switch (s->steps ? s->steps++ : 0) {
	case 0:
		break;
	case 1:
		peer(NULL, 3, LATCH_ID_EMAIL, "a\nb@c", 5, LATCH_AUTH_PSK);
		conn_ipv6(NULL);
		break;
	case 2:
		errno = ENOBUFS;
		return -1;
	case 3:
		peer(NULL, 4, LATCH_ID_FQDN, "old", 3, LATCH_AUTH_PSK);
		eventfd_read(s->fd, &nothing);
		break;
	case 4:
		peer(NULL, 5, LATCH_ID_FQDN, "new", 3, LATCH_AUTH_PSK);
		break;
	default:
		kill(getpid(), SIGTERM);
	}
	if (answer_len > size) {
		errno = ENOSPC;
		return -1;
	}
	memcpy(buf, answer, answer_len);
	return answer_len;
}
