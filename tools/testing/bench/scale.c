// SPDX-License-Identifier: GPL-2.0
/*
 * Many sockets, SAs and policies of one namespace, and how long things take with them.
 *
 *   scale NAMESPACE
 *
 * Reads commands, one a line, and answers each with a line: the nanoseconds that it
 * took, and what it counted. Under instruction counting and as SCHED_IDLE that is
 * every instruction of the machine, the kernel's threads included. Addresses are
 * IPv4; what there are several of counts up from the one given.
 *
 *   open GROUP N LOCAL REMOTE PER   connected UDP sockets, PER of them to a REMOTE
 *   send GROUP        a datagram of each: counts those that failed
 *   reset GROUP       each asks to be told of a break by ECONNRESET
 *   demand GROUP      each asks for suites that no other one asks for
 *   told GROUP        counts those that were told
 *   latched GROUP     counts those in ESTABLISHED
 *   broken GROUP      counts those in BROKEN
 *   close GROUP
 *   sa-add N SRC DST SPI REQID      SAs for tunnels, the null cipher; DST, SPI and
 *   sa-del N SRC DST SPI            REQID count up
 *   sa-rekey N SRC DST OLD NEW REQID
 *   inbound 0|1                     with 1 SRC counts up instead of DST
 *   policy N LOCAL REMOTE BITS GATE PEER REQID
 *                                   both directions, from LOCAL/16 to REMOTE/BITS,
 *                                   by tunnels from GATE to PEER; the latter count up
 *   policy-set ...                  the same for policies that may be there already
 *   policy-del N LOCAL REMOTE BITS
 *   bind N REQID      bindings by reqid, which counts up, to one peer
 *   sync              until the module has dealt with everything
 *   profile 0|1       begin (1) or end of a profile
 *   list              counts the latches that netlink lists
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/latch.h>
#include <linux/latch_netlink.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

#define MAX_GROUPS	8
#define PORTS		50000
#define FIRST_PORT	10000
#define SPACE		"\n "

static struct group {
	int *fd;
	unsigned int n;
} groups[MAX_GROUPS];

static struct mnl_socket *xfrm, *genl;
static uint16_t family;
static char buf[1 << 16];
static unsigned int seq;

/* A command: its arguments in, what it counted out. */
struct call {
	struct group *g;
	unsigned int n;
	struct in_addr addr[4];
	unsigned int arg[4];
};

static struct in_addr plus(struct in_addr a, unsigned int n)
{
	a.s_addr = htonl(ntohl(a.s_addr) + n);
	return a;
}

/* --- sockets ----------------------------------------------------------------- */
static unsigned int do_open(struct call *c)
{
	unsigned int i, per = c->arg[0];

	c->g->fd = malloc(c->n * sizeof(int));
	if (!c->g->fd)
		die("malloc");
	for (i = 0; i < c->n; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

		if (fd < 0)
			die("socket");
		bind_to(fd, addr_of4(plus(c->addr[0], i / PORTS)), FIRST_PORT + i % PORTS);
		connect_to(fd, addr_of4(plus(c->addr[1], i / per)), 9);
		c->g->fd[i] = fd;
	}
	c->g->n = c->n;
	return c->n;
}

static unsigned int do_send(struct call *c)
{
	unsigned int i, failed = 0;

	for (i = 0; i < c->g->n; i++)
		failed += send(c->g->fd[i], "x", 1, 0) != 1;
	return failed;
}

static unsigned int do_reset(struct call *c)
{
	unsigned int i;

	for (i = 0; i < c->g->n; i++)
		latch_disposition(c->g->fd[i], LATCH_DISP_RESET);
	return c->g->n;
}

/* The null cipher is one of the two. */
static unsigned int do_demand(struct call *c)
{
	static unsigned int n;
	unsigned int i;

	for (i = 0; i < c->g->n; i++, n++)
		latch_suites(c->g->fd[i], 11, n);
	return c->g->n;
}

static unsigned int do_told(struct call *c)
{
	unsigned int i, told = 0;

	for (i = 0; i < c->g->n; i++) {
		int err = 0;
		socklen_t len = sizeof(err);

		if (getsockopt(c->g->fd[i], SOL_SOCKET, SO_ERROR, &err, &len))
			die("SO_ERROR");
		told += err == ECONNRESET;
	}
	return told;
}

static unsigned int in_state(const struct group *g, int state)
{
	unsigned int i, n = 0;

	for (i = 0; i < g->n; i++)
		n += latch_state(g->fd[i]) == state;
	return n;
}

static unsigned int do_latched(struct call *c)
{
	return in_state(c->g, LATCH_STATE_ESTABLISHED);
}

static unsigned int do_broken(struct call *c)
{
	return in_state(c->g, LATCH_STATE_BROKEN);
}

static unsigned int do_close(struct call *c)
{
	unsigned int i;

	for (i = 0; i < c->g->n; i++)
		close(c->g->fd[i]);
	free(c->g->fd);
	c->g->fd = NULL;
	c->g->n = 0;
	return 0;
}

/* --- netlink ------------------------------------------------------------------- */
static struct mnl_socket *nl_open(int bus)
{
	struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		die("netlink");
	return nl;
}

static struct nlmsghdr *nl_new(uint16_t type, uint16_t flags)
{
	static char request[4096];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++seq;
	return nlh;
}

static struct nlmsghdr *genl_new(uint16_t type, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh = nl_new(type, flags);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));

	g->cmd = cmd;
	g->version = 1;
	return nlh;
}

/* Sends a request and has all answers looked at. */
static void nl_talk(struct mnl_socket *nl, struct nlmsghdr *nlh, mnl_cb_t cb, void *data)
{
	ssize_t n;
	int ret;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		die("sendto");
	do {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0)
			die("recvfrom");
		ret = mnl_cb_run(buf, n, nlh->nlmsg_seq, mnl_socket_get_portid(nl), cb, data);
		if (ret < 0)
			die("netlink says");
	} while (ret > 0);
}

static int on_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	(void)data;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			family = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

/* The module may have come since the last time. */
static void find_family(void)
{
	struct nlmsghdr *nlh = genl_new(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, LATCH_GENL_NAME);
	nl_talk(genl, nlh, on_family, NULL);
}

static int on_peer(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == LATCH_A_PEER_ID)
			*(uint32_t *)data = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static unsigned int do_bind(struct call *c)
{
	struct nlmsghdr *nlh;
	uint32_t peer = 0;
	unsigned int i;

	find_family();
	nlh = genl_new(family, LATCH_CMD_PEER_NEW, NLM_F_ACK);
	mnl_attr_put_u8(nlh, LATCH_A_PEER_ID_TYPE, LATCH_ID_FQDN);
	mnl_attr_put_str(nlh, LATCH_A_PEER_ID_VALUE, "peer.example");
	mnl_attr_put_u8(nlh, LATCH_A_PEER_AUTH, LATCH_AUTH_MANUAL);
	nl_talk(genl, nlh, on_peer, &peer);
	for (i = 0; i < c->n; i++) {
		nlh = genl_new(family, LATCH_CMD_BINDING_NEW, NLM_F_ACK);
		mnl_attr_put_u32(nlh, LATCH_A_BINDING_REQID, c->arg[0] + i);
		mnl_attr_put_u32(nlh, LATCH_A_BINDING_PEER, peer);
		nl_talk(genl, nlh, NULL, NULL);
	}
	return c->n;
}

static int on_entry(const struct nlmsghdr *nlh, void *data)
{
	(void)nlh;
	++*(unsigned int *)data;
	return MNL_CB_OK;
}

static unsigned int do_list(struct call *c)
{
	unsigned int n = 0;

	(void)c;
	find_family();
	nl_talk(genl, genl_new(family, LATCH_CMD_CONN_GET, NLM_F_DUMP), on_entry, &n);
	return n;
}

/* --- SAs and policies -------------------------------------------------------------- */
static const struct xfrm_lifetime_cfg forever = {
	.soft_byte_limit = XFRM_INF,
	.hard_byte_limit = XFRM_INF,
	.soft_packet_limit = XFRM_INF,
	.hard_packet_limit = XFRM_INF,
};

static void put_alg(struct nlmsghdr *nlh, uint16_t attr, const char *name)
{
	struct xfrm_algo alg = { 0 };

	snprintf(alg.alg_name, sizeof(alg.alg_name), "%s", name);
	mnl_attr_put(nlh, attr, sizeof(alg), &alg);
}

static void sa_add(struct in_addr src, struct in_addr dst, uint32_t spi, uint32_t reqid)
{
	struct nlmsghdr *nlh = nl_new(XFRM_MSG_NEWSA, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	struct xfrm_usersa_info *x = mnl_nlmsg_put_extra_header(nlh, sizeof(*x));

	x->id.daddr.a4 = dst.s_addr;
	x->id.spi = htonl(spi);
	x->id.proto = IPPROTO_ESP;
	x->saddr.a4 = src.s_addr;
	x->lft = forever;
	x->reqid = reqid;
	x->family = AF_INET;
	x->sel.family = AF_INET;
	x->mode = XFRM_MODE_TUNNEL;
	x->replay_window = 32;
	put_alg(nlh, XFRMA_ALG_CRYPT, "ecb(cipher_null)");
	put_alg(nlh, XFRMA_ALG_AUTH, "digest_null");
	nl_talk(xfrm, nlh, NULL, NULL);
}

static void sa_del(struct in_addr dst, uint32_t spi)
{
	struct nlmsghdr *nlh = nl_new(XFRM_MSG_DELSA, NLM_F_ACK);
	struct xfrm_usersa_id *id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));

	id->daddr.a4 = dst.s_addr;
	id->spi = htonl(spi);
	id->proto = IPPROTO_ESP;
	id->family = AF_INET;
	nl_talk(xfrm, nlh, NULL, NULL);
}

static bool inbound;

static struct in_addr src_of(const struct call *c, unsigned int i)
{
	return inbound ? plus(c->addr[0], i) : c->addr[0];
}

static struct in_addr dst_of(const struct call *c, unsigned int i)
{
	return inbound ? c->addr[1] : plus(c->addr[1], i);
}

static unsigned int do_sa_add(struct call *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		sa_add(src_of(c, i), dst_of(c, i), c->arg[0] + i, c->arg[1] + i);
	return c->n;
}

static unsigned int do_sa_del(struct call *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		sa_del(dst_of(c, i), c->arg[0] + i);
	return c->n;
}

static unsigned int do_sa_rekey(struct call *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		sa_add(src_of(c, i), dst_of(c, i), c->arg[1] + i, c->arg[2] + i);
		sa_del(dst_of(c, i), c->arg[0] + i);
	}
	return c->n;
}

static unsigned int do_inbound(struct call *c)
{
	inbound = c->n;
	return 0;
}

static struct xfrm_selector selector(const struct call *c, unsigned int i, int dir)
{
	struct in_addr remote = plus(c->addr[1], i << (32 - c->arg[0]));
	bool out = dir == XFRM_POLICY_OUT;

	return (struct xfrm_selector){
		.family = AF_INET,
		.saddr.a4 = out ? c->addr[0].s_addr : remote.s_addr,
		.daddr.a4 = out ? remote.s_addr : c->addr[0].s_addr,
		.prefixlen_s = out ? 16 : c->arg[0],
		.prefixlen_d = out ? c->arg[0] : 16,
	};
}

static void policy(const struct call *c, unsigned int i, int dir, int type)
{
	struct nlmsghdr *nlh = nl_new(type, NLM_F_ACK | NLM_F_CREATE);
	struct xfrm_userpolicy_info *p = mnl_nlmsg_put_extra_header(nlh, sizeof(*p));
	struct in_addr gate = plus(c->addr[3], i);
	bool out = dir == XFRM_POLICY_OUT;
	struct xfrm_user_tmpl t = {
		.family = AF_INET,
		.id.proto = IPPROTO_ESP,
		.reqid = c->arg[1] + i,
		.mode = XFRM_MODE_TUNNEL,
		.aalgos = ~0u,
		.ealgos = ~0u,
		.calgos = ~0u,
	};

	p->sel = selector(c, i, dir);
	p->lft = forever;
	p->dir = dir;
	p->action = XFRM_POLICY_ALLOW;
	p->share = XFRM_SHARE_ANY;
	t.saddr.a4 = out ? c->addr[2].s_addr : gate.s_addr;
	t.id.daddr.a4 = out ? gate.s_addr : c->addr[2].s_addr;
	mnl_attr_put(nlh, XFRMA_TMPL, sizeof(t), &t);
	nl_talk(xfrm, nlh, NULL, NULL);
}

static void policy_del(const struct call *c, unsigned int i, int dir)
{
	struct nlmsghdr *nlh = nl_new(XFRM_MSG_DELPOLICY, NLM_F_ACK);
	struct xfrm_userpolicy_id *p = mnl_nlmsg_put_extra_header(nlh, sizeof(*p));

	p->sel = selector(c, i, dir);
	p->dir = dir;
	nl_talk(xfrm, nlh, NULL, NULL);
}

static unsigned int policies(const struct call *c, int type)
{
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		policy(c, i, XFRM_POLICY_OUT, type);
		policy(c, i, XFRM_POLICY_IN, type);
	}
	return c->n;
}

static unsigned int do_policy(struct call *c)
{
	return policies(c, XFRM_MSG_NEWPOLICY);
}

static unsigned int do_policy_set(struct call *c)
{
	return policies(c, XFRM_MSG_UPDPOLICY);
}

static unsigned int do_policy_del(struct call *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		policy_del(c, i, XFRM_POLICY_OUT);
		policy_del(c, i, XFRM_POLICY_IN);
	}
	return c->n;
}

static unsigned int do_profile(struct call *c)
{
	if (c->n)
		profile_begin();
	else
		profile_end();
	return c->n;
}

/* Who reads the counters waits for the module's worker. */
static unsigned int do_sync(struct call *c)
{
	int fd = open("/proc/thread-self/net/latch_stat", O_RDONLY);

	(void)c;
	if (fd < 0)
		return 0;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
	return 1;
}

/* --- commands -------------------------------------------------------------------- */
/* Arguments: g group, n number, a and b addresses, 0 to 3 numbers */
static const struct command {
	const char *name;
	const char *args;
	unsigned int (*func)(struct call *c);
} commands[] = {
	{ "open", "gnab0", do_open },
	{ "send", "g", do_send },
	{ "reset", "g", do_reset },
	{ "demand", "g", do_demand },
	{ "told", "g", do_told },
	{ "latched", "g", do_latched },
	{ "broken", "g", do_broken },
	{ "close", "g", do_close },
	{ "sa-add", "nab01", do_sa_add },
	{ "sa-del", "nab0", do_sa_del },
	{ "sa-rekey", "nab012", do_sa_rekey },
	{ "inbound", "n", do_inbound },
	{ "policy", "nab0cd1", do_policy },
	{ "policy-set", "nab0cd1", do_policy_set },
	{ "policy-del", "nab0", do_policy_del },
	{ "bind", "n0", do_bind },
	{ "sync", "", do_sync },
	{ "profile", "n", do_profile },
	{ "list", "", do_list },
};

static void bad(const char *line)
{
	fprintf(stderr, "scale: what is %s?\n", line);
	exit(2);
}

static void take(struct call *c, char kind, const char *word, const char *line)
{
	unsigned int value = strtoul(word, NULL, 0);

	switch (kind) {
	case 'g':
		if (value >= MAX_GROUPS)
			bad(line);
		c->g = &groups[value];
		break;
	case 'n':
		c->n = value;
		break;
	case 'a':
	case 'b':
	case 'c':
	case 'd':
		if (inet_pton(AF_INET, word, &c->addr[kind - 'a']) != 1)
			bad(line);
		break;
	default:
		c->arg[kind - '0'] = value;
	}
}

static void obey(char *line)
{
	const char *name = strtok(line, SPACE), *word;
	struct call c = { 0 };
	unsigned int counted;
	const char *arg;
	uint64_t t;
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (name && !strcmp(name, commands[i].name))
			break;
	if (i == sizeof(commands) / sizeof(commands[0]))
		bad(name);
	for (arg = commands[i].args; *arg; arg++) {
		word = strtok(NULL, SPACE);
		if (!word)
			bad(name);
		take(&c, *arg, word, name);
	}
	t = now();
	counted = commands[i].func(&c);
	printf("%llu %u\n", (unsigned long long)(now() - t), counted);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[256], place[300];
	struct end e;

	if (argc != 2) {
		fprintf(stderr, "usage: scale NAMESPACE\n");
		return 2;
	}
	snprintf(place, sizeof(place), "%s/0.0.0.0", argv[1]);
	e = end_of(place);
	enter(&e);
	many_files();
	give_way();
	xfrm = nl_open(NETLINK_XFRM);
	genl = nl_open(NETLINK_GENERIC);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
