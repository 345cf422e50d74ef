// SPDX-License-Identifier: GPL-2.0
/*
 * What the load generators share.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/latch.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "common.h"

void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Under instruction counting, nanoseconds are instructions. */
uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

struct addr addr_of4(struct in_addr a)
{
	return (struct addr){ .family = AF_INET, .v4 = a };
}

static bool addr_of(const char *word, struct addr *a)
{
	a->family = strchr(word, ':') ? AF_INET6 : AF_INET;
	return inet_pton(a->family, word, a->family == AF_INET ? (void *)&a->v4 : &a->v6) == 1;
}

/* "NAMESPACE/ADDRESS", a name that ip-netns(8) gave */
struct end end_of(const char *word)
{
	const char *slash = strchr(word, '/');
	char path[256];
	struct end e;

	if (!slash || !addr_of(slash + 1, &e.addr)) {
		fprintf(stderr, "%s is no NAMESPACE/ADDRESS\n", word);
		exit(1);
	}
	snprintf(path, sizeof(path), "/run/netns/%.*s", (int)(slash - word), word);
	e.ns = open(path, O_RDONLY | O_CLOEXEC);
	if (e.ns < 0)
		die(path);
	return e;
}

void enter(const struct end *e)
{
	if (setns(e->ns, CLONE_NEWNET))
		die("setns");
}

int socket_at(const struct end *e, int type)
{
	int fd;

	enter(e);
	fd = socket(e->addr.family, type | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die("socket");
	return fd;
}

/* An address as the system calls want it. */
union sock_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t sock_addr(union sock_addr *sa, struct addr a, unsigned int port)
{
	memset(sa, 0, sizeof(*sa));
	sa->any.sa_family = a.family;
	if (a.family == AF_INET) {
		sa->v4.sin_addr = a.v4;
		sa->v4.sin_port = htons(port);
		return sizeof(sa->v4);
	}
	sa->v6.sin6_addr = a.v6;
	sa->v6.sin6_port = htons(port);
	return sizeof(sa->v6);
}

void bind_to(int fd, struct addr addr, unsigned int port)
{
	union sock_addr sa;
	socklen_t len = sock_addr(&sa, addr, port);

	if (bind(fd, &sa.any, len))
		die("bind");
}

void connect_to(int fd, struct addr addr, unsigned int port)
{
	union sock_addr sa;
	socklen_t len = sock_addr(&sa, addr, port);

	if (connect(fd, &sa.any, len) && errno != EINPROGRESS)
		die("connect");
}

void set_int(int fd, int level, int opt, int value)
{
	if (setsockopt(fd, level, opt, &value, sizeof(value)))
		die("setsockopt");
}

/* SOL_IP or SOL_IPV6, whose options the socket has */
int ip_level(int fd)
{
	socklen_t len = sizeof(int);
	int domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len))
		die("SO_DOMAIN");
	return domain == AF_INET ? SOL_IP : SOL_IPV6;
}

/* LATCH_STATE_*, NONE without the module */
int latch_state(int fd)
{
	struct latch_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, ip_level(fd), IP_LATCH, &info, &len)) {
		if (errno == ENOPROTOOPT)
			return LATCH_STATE_NONE;
		die("IP_LATCH");
	}
	return info.state;
}

static void latch_ask(int fd, const struct latch_req *req)
{
	if (setsockopt(fd, ip_level(fd), IP_LATCH, req, sizeof(*req)) && errno != ENOPROTOOPT)
		die("IP_LATCH");
}

void latch_mode(int fd, unsigned int mode)
{
	struct latch_req req = { .mask = LATCH_REQ_MODE, .mode = mode };

	latch_ask(fd, &req);
}

void latch_disposition(int fd, unsigned int disposition)
{
	struct latch_req req = { .mask = LATCH_REQ_DISPOSITION, .disposition = disposition };

	latch_ask(fd, &req);
}

void latch_own_policy(int fd)
{
	struct latch_req req = { .mask = LATCH_REQ_OWN_POLICY, .own_policy = 1 };

	latch_ask(fd, &req);
}

/* This encryption, or one that there is not, with a number for a key length. */
void latch_suites(int fd, unsigned int encr, unsigned int n)
{
	struct latch_req req = {
		.mask = LATCH_REQ_SUITES,
		.n_suites = 2,
		.suites = { { .encr = encr }, { .encr = 65535, .encr_bits = n } },
	};

	latch_ask(fd, &req);
}

/* As many open files as there may be. */
void many_files(void)
{
	struct rlimit r = { .rlim_cur = 4000000, .rlim_max = 4000000 };

	if (setrlimit(RLIMIT_NOFILE, &r))
		die("setrlimit");
}

/* Whoever else can run goes first. */
void give_way(void)
{
	struct sched_param param = { 0 };

	if (sched_setscheduler(0, SCHED_IDLE, &param))
		die("sched_setscheduler");
}
