/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the load generators share.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct addr - an address
 * @family: AF_INET or AF_INET6
 * @v4:     IPv4
 * @v6:     IPv6
 */
struct addr {
	int family;
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

/**
 * struct end - one end of a flow: a network namespace and an address in it
 * @ns:   file descriptor of the namespace
 * @addr: the address
 */
struct end {
	int ns;
	struct addr addr;
};

void die(const char *what) __attribute__((noreturn));
uint64_t now(void);
struct end end_of(const char *word);
void enter(const struct end *e);
int socket_at(const struct end *e, int type);
struct addr addr_of4(struct in_addr a);
void bind_to(int fd, struct addr addr, unsigned int port);
void connect_to(int fd, struct addr addr, unsigned int port);
void set_int(int fd, int level, int opt, int value);
int ip_level(int fd);
int latch_state(int fd);
void latch_mode(int fd, unsigned int mode);
void latch_disposition(int fd, unsigned int disposition);
void latch_own_policy(int fd);
void latch_suites(int fd, unsigned int encr, unsigned int n);
void many_files(void);
void give_way(void);

/*
 * The profiler (profile.c) counts between the two: it looks for these no-ops.
 */
static inline void profile_begin(void)
{
	asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 0x4c, 0x54, 0x43, 0x31" ::: "memory");
}

static inline void profile_end(void)
{
	asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 0x4c, 0x54, 0x43, 0x30" ::: "memory");
}

#endif /* BENCH_COMMON_H */
