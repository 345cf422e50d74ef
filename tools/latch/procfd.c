// SPDX-License-Identifier: GPL-2.0
/*
 * See procfd.h.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include "procfd.h"

/* The self-test has processes of its own. */
#ifndef LATCH_PROC
#define LATCH_PROC	"/proc"
#endif

/* What the link of a descriptor leads to: "socket:[4242]". Returns 0 where it is no socket. */
static uint64_t socket_inode(const char *path)
{
	unsigned long long inode = 0;
	char text[64];
	ssize_t len;

	len = readlink(path, text, sizeof(text) - 1);
	if (len < 0)
		return 0;
	text[len] = '\0';
	return sscanf(text, "socket:[%llu]", &inode) == 1 ? inode : 0;
}

static void add(struct proc_sockets *p, unsigned int fd, uint64_t inode)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->s[i].inode != inode)
			continue;
		if (fd < p->s[i].fd)
			p->s[i].fd = fd;
		return;
	}
	p->s = grow(p->s, p->n, &p->room, sizeof(*p->s));
	p->s[p->n++] = (struct proc_socket){ .fd = fd, .inode = inode };
}

/* Open the list of descriptors. Returns NULL after a message. @rc: the exit status then. */
static DIR *open_list(const struct proc_sockets *p, int *rc)
{
	char path[PATH_MAX];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%u/fd", LATCH_PROC, p->pid);
	dir = opendir(path);
	if (dir)
		return dir;
	*rc = errno == ENOENT ? EXIT_USAGE : EXIT_REFUSED;
	if (errno == ENOENT)
		error("there is no process \"%u\"", p->pid);
	else
		error("cannot open \"%s\": %s", path, strerror(errno));
	return NULL;
}

/**
 * procfd_all() - find all sockets of a process
 * @p: @pid is set, the rest zero; the caller frees @s, also after a failure
 *
 * Return: 0, or an exit status after a message.
 */
int procfd_all(struct proc_sockets *p)
{
	struct dirent *entry;
	char path[PATH_MAX];
	uint64_t inode;
	DIR *dir;
	int rc;

	dir = open_list(p, &rc);
	if (!dir)
		return rc;
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%u/fd/%s", LATCH_PROC, p->pid, entry->d_name);
		inode = socket_inode(path);
		if (inode)
			add(p, atoi(entry->d_name), inode);
	}
	closedir(dir);
	return 0;
}

/**
 * procfd_one() - find one socket of a process
 * @p:  as for procfd_all()
 * @fd: its descriptor
 *
 * Return: 0, or an exit status after a message.
 */
int procfd_one(struct proc_sockets *p, unsigned int fd)
{
	char path[PATH_MAX];
	uint64_t inode;
	DIR *dir;
	int rc;

	dir = open_list(p, &rc);
	if (!dir)
		return rc;
	closedir(dir);
	snprintf(path, sizeof(path), "%s/%u/fd/%u", LATCH_PROC, p->pid, fd);
	inode = socket_inode(path);
	if (!inode) {
		error("descriptor \"%u\" of process %u is no socket, or not open", fd, p->pid);
		return EXIT_USAGE;
	}
	add(p, fd, inode);
	return 0;
}

/* --- addresses ----------------------------------------------------------------------- */

/*
 * Read an address as the kernel writes it, in words of its byte order; an IPv4 address of an
 * IPv6 socket becomes one of 4 bytes. Returns its bytes, 0 where it is none.
 */
static size_t read_addr(const char *text, uint8_t *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	size_t len = strlen(text) / 8, i;
	unsigned int word;

	for (i = 0; i < len; i++) {
		if (sscanf(text + 8 * i, "%8x", &word) != 1)
			return 0;
		memcpy(addr + 4 * i, &word, 4);
	}
	if (len == 4 && !memcmp(addr, mapped, sizeof(mapped))) {
		memmove(addr, addr + 12, 4);
		return 4;
	}
	return len == 1 || len == 4 ? 4 * len : 0;
}

static void take_line(struct proc_sockets *p, const char *line, uint8_t proto)
{
	char local[33], remote[33];
	unsigned int lport, rport;
	unsigned long long inode;
	struct proc_socket *s;
	size_t i;

	if (sscanf(line, " %*u: %32[0-9A-F]:%x %32[0-9A-F]:%x %*x %*x:%*x %*x:%*x %*x %*u %*d %llu",
		   local, &lport, remote, &rport, &inode) != 5)
		return;
	for (i = 0; i < p->n; i++) {
		s = &p->s[i];
		if (s->inode != inode)
			continue;
		s->len = read_addr(local, s->local);
		if (s->len != read_addr(remote, s->remote))
			continue;
		s->lport = lport;
		s->rport = rport;
		s->proto = proto;
	}
}

/**
 * procfd_flows() - find the addresses and ports of sockets, in their own namespace
 * @p: the sockets; @proto stays 0 of those that are not found
 */
void procfd_flows(struct proc_sockets *p)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} lists[] = {
		{ "tcp", IPPROTO_TCP },
		{ "tcp6", IPPROTO_TCP },
		{ "udp", IPPROTO_UDP },
		{ "udp6", IPPROTO_UDP },
	};
	char path[PATH_MAX], line[512];
	size_t i;
	FILE *f;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		snprintf(path, sizeof(path), "%s/%u/net/%s", LATCH_PROC, p->pid, lists[i].name);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			take_line(p, line, lists[i].proto);
		if (f)
			fclose(f);
	}
}

/**
 * procfd_elsewhere() - tell whether a process is in another network namespace
 * @p: the process
 *
 * Return: true where it is, false also where that cannot be read.
 */
bool procfd_elsewhere(const struct proc_sockets *p)
{
	char path[PATH_MAX], its[64], ours[64];
	ssize_t a, b;

	snprintf(path, sizeof(path), "%s/%u/ns/net", LATCH_PROC, p->pid);
	a = readlink(path, its, sizeof(its));
	b = readlink("/proc/self/ns/net", ours, sizeof(ours));
	return a > 0 && b > 0 && (a != b || memcmp(its, ours, a));
}
