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

/* "NAMESPACE/ADDRESS", a name that ip-netns(8) gave */
struct end end_of(const char *word)
{
	const char *slash = strchr(word, '/');
	char path[256];
	struct end e;

	if (!slash || inet_pton(AF_INET, slash + 1, &e.addr) != 1) {
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
	fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die("socket");
	return fd;
}

static struct sockaddr_in sin_of(struct in_addr addr, unsigned int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = addr };

	sin.sin_port = htons(port);
	return sin;
}

void bind_to(int fd, struct in_addr addr, unsigned int port)
{
	struct sockaddr_in sin = sin_of(addr, port);

	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		die("bind");
}

void connect_to(int fd, struct in_addr addr, unsigned int port)
{
	struct sockaddr_in sin = sin_of(addr, port);

	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) && errno != EINPROGRESS)
		die("connect");
}

void set_int(int fd, int level, int opt, int value)
{
	if (setsockopt(fd, level, opt, &value, sizeof(value)))
		die("setsockopt");
}

/* LATCH_STATE_*, NONE without the module */
int latch_state(int fd)
{
	struct latch_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_IP, IP_LATCH, &info, &len)) {
		if (errno == ENOPROTOOPT)
			return LATCH_STATE_NONE;
		die("IP_LATCH");
	}
	return info.state;
}

static void latch_ask(int fd, const struct latch_req *req)
{
	if (setsockopt(fd, SOL_IP, IP_LATCH, req, sizeof(*req)) && errno != ENOPROTOOPT)
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
