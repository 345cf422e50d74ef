// SPDX-License-Identifier: GPL-2.0
/*
 * Traffic of one flow between two namespaces, both ends in one thread that never
 * sleeps: the clock then counts every instruction of the machine and no idle time.
 * The thread is SCHED_IDLE: kernel threads that a packet wakes go first, at once,
 * so that every packet takes the same way.
 *
 *   flow [OPTIONS] stream|rr|crr NAMESPACE/ADDRESS NAMESPACE/ADDRESS
 *
 *   stream  TCP from the first end to the second; a unit is 1 MiB
 *   rr      UDP, 64 bytes each way; a unit is one exchange
 *   crr     TCP connect, 64 bytes each way, close; a unit is one connection
 *
 *   -w N       units before the clock starts (default 2)
 *   -n N       rounds (default 5)          -u N  units of a round (default 1)
 *   -m MODE    transport or tunnel: IP_XFRM_POLICY on the sockets, for reqid 1
 *   -o         not to be latched
 *   -p         with a policy of the flow's own, if there is the module
 *   -k N       so many latched UDP sockets beside it, between -K and -K
 *   -K NAMESPACE/ADDRESS   (twice) where they are
 *   -t N       so many idle TCP connections between the two ends, latched if there is
 *              the module, opened after the flow's own and reset at exit
 *   -P         profile the rounds
 *
 * Prints: state of the latch of either end, then the nanoseconds of each round. A round
 * in which the thread had to wait is taken again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <linux/ipsec.h>
#include <linux/latch.h>
#include <linux/tcp.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

#define PORT		5201
#define CHUNK		(128 * 1024)
#define SMALL		64
#define MAX_ROUNDS	1000
/* Those beside have these, below the ones that the kernel chooses for a stream. */
#define FIRST_PORT	10000
#define PORTS		20000
/* A thread that waits in vain would spin for ever. */
#define PATIENCE	200000000ull

static struct end end[2], beside[2];
static int sockpol = -1;
static bool off, own, profiled;
/* How often what was to come was not there yet. */
static unsigned long vain;
static char buf[2 * CHUNK];
static int states[2];

struct sock_policy {
	struct xfrm_userpolicy_info info;
	struct xfrm_user_tmpl tmpl;
};

static void xfrm_addr(xfrm_address_t *to, const struct addr *from)
{
	if (from->family == AF_INET)
		to->a4 = from->v4.s_addr;
	else
		memcpy(to->a6, &from->v6, sizeof(from->v6));
}

/* A policy of the socket's own, one direction. */
static void set_policy(int fd, int dir, struct addr src, struct addr dst)
{
	struct sock_policy p = {
		.info = {
			.sel.family = src.family,
			.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF },
			.dir = dir,
			.action = XFRM_POLICY_ALLOW,
			.share = XFRM_SHARE_ANY,
		},
		.tmpl = {
			.id.proto = IPPROTO_ESP,
			.family = src.family,
			.reqid = 1,
			.mode = sockpol,
			.aalgos = ~0u,
			.ealgos = ~0u,
			.calgos = ~0u,
		},
	};
	bool ip4 = src.family == AF_INET;

	xfrm_addr(&p.tmpl.saddr, &src);
	xfrm_addr(&p.tmpl.id.daddr, &dst);
	if (setsockopt(fd, ip_level(fd), ip4 ? IP_XFRM_POLICY : IPV6_XFRM_POLICY, &p, sizeof(p)))
		die("IP_XFRM_POLICY");
}

/* The outer addresses of a tunnel are the inner ones in 10.9.0.0/24 and fd00:9::/64. */
static struct addr outer(struct addr a)
{
	if (sockpol != XFRM_MODE_TUNNEL)
		return a;
	if (a.family == AF_INET)
		a.v4.s_addr = htonl(0x0a090000 | (ntohl(a.v4.s_addr) & 255));
	else
		a.v6.s6_addr[3] = 9;
	return a;
}

static int flow_socket(int e, int type)
{
	int fd = socket_at(&end[e], type);

	if (off)
		latch_mode(fd, LATCH_MODE_OFF);
	if (own)
		latch_own_policy(fd);
	if (sockpol >= 0) {
		set_policy(fd, XFRM_POLICY_OUT, outer(end[e].addr), outer(end[!e].addr));
		set_policy(fd, XFRM_POLICY_IN, outer(end[!e].addr), outer(end[e].addr));
	}
	return fd;
}

static bool again(ssize_t n)
{
	static uint64_t since;

	if (n > 0) {
		since = 0;
		return false;
	}
	if (n < 0 && errno != EAGAIN && errno != ENOTCONN)
		die("flow");
	vain++;
	if (!since)
		since = now();
	if (now() - since > PATIENCE) {
		fprintf(stderr, "flow: nothing moves\n");
		exit(1);
	}
	return true;
}

/* --- stream ------------------------------------------------------------------ */
static int listener = -1, fds[2] = { -1, -1 };

static int listen_at(unsigned int port)
{
	int fd = flow_socket(1, SOCK_STREAM);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	/* no tuning as time passes */
	set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20);
	bind_to(fd, end[1].addr, port);
	if (listen(fd, 1024))
		die("listen");
	return fd;
}

static void tcp_listen(void)
{
	listener = listen_at(PORT);
}

static int accept_from(int from)
{
	int fd;

	do
		fd = accept4(from, NULL, NULL, SOCK_NONBLOCK);
	while (again(fd < 0 ? -1 : 1));
	return fd;
}

static void stream_open(void)
{
	tcp_listen();
	fds[0] = flow_socket(0, SOCK_STREAM);
	set_int(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20);
	bind_to(fds[0], end[0].addr, 0);
	connect_to(fds[0], end[1].addr, PORT);
	fds[1] = accept_from(listener);
}

static void stream(unsigned int mib)
{
	size_t left = (size_t)mib << 20, unsent = left;
	ssize_t n;

	while (left) {
		n = 0;
		if (unsent) {
			n = send(fds[0], buf, unsent < CHUNK ? unsent : CHUNK, 0);
			if (n > 0)
				unsent -= n;
			else if (n < 0 && errno != EAGAIN)
				die("send");
		}
		for (;;) {
			n = recv(fds[1], buf, sizeof(buf), 0);
			if (n <= 0)
				break;
			again(n);
			left -= n;
		}
		if (left && !unsent)
			again(n);
	}
}

/* --- rr ---------------------------------------------------------------------- */
static void rr_open(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		fds[i] = flow_socket(i, SOCK_DGRAM);
		bind_to(fds[i], end[i].addr, PORT + i);
		connect_to(fds[i], end[!i].addr, PORT + !i);
	}
}

static void carry(int from, int to)
{
	ssize_t n;

	if (send(from, buf, SMALL, 0) != SMALL)
		die("send");
	do
		n = recv(to, buf, SMALL, 0);
	while (again(n));
}

static void rr(unsigned int n)
{
	while (n--) {
		carry(fds[0], fds[1]);
		carry(fds[1], fds[0]);
	}
}

/* --- crr --------------------------------------------------------------------- */
static void crr_one(bool look)
{
	static unsigned int port;
	int a = flow_socket(0, SOCK_STREAM), b;

	/* the kernel would look for a free one from a random place on */
	bind_to(a, end[0].addr, 10000 + port++ % 50000);
	connect_to(a, end[1].addr, PORT);
	b = accept_from(listener);
	carry(a, b);
	carry(b, a);
	if (look) {
		states[0] = latch_state(a);
		states[1] = latch_state(b);
	}
	close(a);
	while (again(recv(b, buf, SMALL, 0) == 0 ? 1 : -1))
		;
	close(b);
}

static void crr(unsigned int n)
{
	while (n--)
		crr_one(false);
}

/* --- sockets beside it --------------------------------------------------------- */
static void open_beside(int n)
{
	int fd[2], i;

	while (n--) {
		for (i = 0; i < 2; i++) {
			fd[i] = socket_at(&beside[i], SOCK_DGRAM);
			bind_to(fd[i], beside[i].addr, 10000 + n);
			connect_to(fd[i], beside[!i].addr, 10000 + n);
		}
		carry(fd[0], fd[1]);
		carry(fd[1], fd[0]);
	}
}

/* Each PORTS of them have a listener, and their own ports from FIRST_PORT on again. */
static void open_tcp_beside(int n)
{
	static const struct linger reset = { .l_onoff = 1 };
	int fd, i, from = -1, port = PORT;

	for (i = 0; i < n; i++) {
		if (i % PORTS == 0)
			from = listen_at(++port);
		fd = flow_socket(0, SOCK_STREAM);
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		/* nothing stays in TIME_WAIT */
		if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)))
			die("SO_LINGER");
		bind_to(fd, end[0].addr, FIRST_PORT + i % PORTS);
		connect_to(fd, end[1].addr, port);
		accept_from(from);
	}
}

/* Nothing to count without the module. */
static void expect_latches(const struct end *e, int least)
{
	char line[128];
	FILE *f;
	int n;

	enter(e);
	f = fopen("/proc/thread-self/net/latch_stat", "r");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "LatchLatches %d", &n) == 1 && n < least) {
			fprintf(stderr, "flow: %d latches instead of %d\n", n, least);
			exit(1);
		}
	fclose(f);
}

static const struct kind {
	const char *name;
	void (*open)(void);
	void (*run)(unsigned int n);
} kinds[] = {
	{ "stream", stream_open, stream },
	{ "rr", rr_open, rr },
	{ "crr", tcp_listen, crr },
};

static void usage(void)
{
	fprintf(stderr, "usage: flow [OPTIONS] stream|rr|crr NS/ADDR NS/ADDR\n");
	exit(2);
}

static void measure(const struct kind *k, int n_tcp, int warm, int rounds, int units)
{
	static uint64_t took[MAX_ROUNDS];
	int i, spare = profiled ? 0 : rounds;
	uint64_t t;

	k->open();
	open_tcp_beside(n_tcp);
	for (i = 0; i < 2; i++)
		expect_latches(&end[i], n_tcp);
	k->run(warm);
	if (k->run == crr) {
		crr_one(true);
	} else {
		states[0] = latch_state(fds[0]);
		states[1] = latch_state(fds[1]);
	}
	if (profiled)
		profile_begin();
	for (i = 0; i < rounds; i++) {
		vain = 0;
		t = now();
		k->run(units);
		took[i] = now() - t;
		if (vain && spare-- > 0)
			i--;
	}
	if (profiled)
		profile_end();
	printf("%d %d", states[0], states[1]);
	for (i = 0; i < rounds; i++)
		printf(" %llu", (unsigned long long)took[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	int warm = 2, rounds = 5, units = 1, n_beside = 0, n_tcp = 0, places = 0, c;
	size_t i;

	while ((c = getopt(argc, argv, "w:n:u:m:opk:K:t:P")) != -1) {
		switch (c) {
		case 'w':
			warm = atoi(optarg);
			break;
		case 'n':
			rounds = atoi(optarg);
			break;
		case 'u':
			units = atoi(optarg);
			break;
		case 'm':
			sockpol = strcmp(optarg, "tunnel") ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL;
			break;
		case 'o':
			off = true;
			break;
		case 'p':
			own = true;
			break;
		case 'k':
			n_beside = atoi(optarg);
			break;
		case 'K':
			beside[places++ & 1] = end_of(optarg);
			break;
		case 't':
			n_tcp = atoi(optarg);
			break;
		case 'P':
			profiled = true;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 3 || rounds > MAX_ROUNDS || (n_beside && places != 2))
		usage();
	give_way();
	end[0] = end_of(argv[optind + 1]);
	end[1] = end_of(argv[optind + 2]);
	if (n_tcp)
		many_files();
	if (n_beside)
		open_beside(n_beside);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[optind], kinds[i].name)) {
			measure(&kinds[i], n_tcp, warm, rounds, units);
			return 0;
		}
	usage();
}
