/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sockets of a process.
 */
#ifndef LATCH_TOOL_PROCFD_H
#define LATCH_TOOL_PROCFD_H

#include "latch.h"

/**
 * struct proc_socket - a socket that a process has open
 * @fd:     its descriptor, the lowest of several
 * @inode:  its number
 * @proto:  IPPROTO_TCP or IPPROTO_UDP; 0 until procfd_flows() has found it
 * @len:    bytes of the addresses; that of an IPv4 flow has 4, whatever the socket is
 * @local:  its address
 * @remote: that of the other end
 * @lport:  its port, host byte order
 * @rport:  that of the other end
 */
struct proc_socket {
	unsigned int fd;
	uint64_t inode;
	uint8_t proto;
	size_t len;
	uint8_t local[16];
	uint8_t remote[16];
	unsigned int lport;
	unsigned int rport;
};

/**
 * struct proc_sockets - all of them, or one
 * @pid:  the process
 * @s:    the sockets
 * @n:    how many there are
 * @room: how many fit into @s
 */
struct proc_sockets {
	uint32_t pid;
	struct proc_socket *s;
	size_t n;
	size_t room;
};

int procfd_all(struct proc_sockets *p);
int procfd_one(struct proc_sockets *p, unsigned int fd);
void procfd_flows(struct proc_sockets *p);
bool procfd_elsewhere(const struct proc_sockets *p);

#endif /* LATCH_TOOL_PROCFD_H */
