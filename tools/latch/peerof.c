// SPDX-License-Identifier: GPL-2.0
/*
 * latch peer-of: who is at the other end of a connection.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/latch_netlink.h>
#include "args.h"
#include "flow.h"
#include "nl.h"
#include "print.h"
#include "procfd.h"
#include "show.h"

#define CONN_MAX	LATCH_A_CONN_MAX

static const struct keyword keywords[] = {
	{ "pid", NULL, SLOT_ID, ARG_NUMBER, NULL, INT32_MAX, 0 },
	{ "fd", NULL, SLOT_FD, ARG_ZERO, NULL, INT32_MAX, 0 },
	{ "remote", NULL, SLOT_DST, ARG_END, NULL, UINT16_MAX, 0 },
	{ .word = NULL }
};

/* A word without keyword is ADDRESS:PORT, or the process, or its descriptor. */
static const struct keyword *omitted(const char *word, const struct arg *args)
{
	if (strchr(word, ':'))
		return &keywords[2];
	if (!isdigit((unsigned char)*word))
		return NULL;
	return &keywords[args[SLOT_ID].kw ? 1 : 0];
}

/**
 * struct search - what we look for
 * @args:    what the user gave
 * @p:       the sockets of the process, none for an address
 * @by_flow: look for addresses and ports, not for numbers of sockets
 * @n:       how many latches were found
 */
struct search {
	const struct arg *args;
	struct proc_sockets p;
	bool by_flow;
	size_t n;
};

static void show(const struct nlmsghdr *nlh, const struct proc_socket *s)
{
	print_open(NULL);
	if (opt.brief && !opt.json) {
		flow_brief(nlh);
	} else {
		if (s)
			print_num("fd", "fd", s->fd);
		show_connection(nlh);
	}
	print_close();
}

static bool is_end(const struct nlattr *family, const struct nlattr *addr,
		   const struct nlattr *port, const void *want, size_t len, unsigned int want_port)
{
	return addr && len && flow_addr_len(family, addr) == len &&
	       !memcmp(mnl_attr_get_payload(addr), want, len) && port &&
	       ntohs(netlink_num(port)) == want_port;
}

/* Is this the latch of the socket?  Its addresses count where the kernel gives no number. */
static bool is_socket(const struct search *c, const struct nlattr **tb,
		      const struct proc_socket *s)
{
	const struct nlattr *family = tb[LATCH_A_CONN_FAMILY];

	if (!c->by_flow || tb[LATCH_A_CONN_INODE])
		return tb[LATCH_A_CONN_INODE] && !c->by_flow &&
		       netlink_num(tb[LATCH_A_CONN_INODE]) == s->inode;
	return s->proto && netlink_num(tb[LATCH_A_CONN_PROTO]) == s->proto &&
	       is_end(family, tb[LATCH_A_CONN_LOCAL_ADDR], tb[LATCH_A_CONN_LOCAL_PORT], s->local,
		      s->len, s->lport) &&
	       is_end(family, tb[LATCH_A_CONN_REMOTE_ADDR], tb[LATCH_A_CONN_REMOTE_PORT],
		      s->remote, s->len, s->rport);
}

static void look(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[CONN_MAX + 1];
	struct search *c = data;
	const struct arg *end = &c->args[SLOT_DST];
	size_t i;

	netlink_parse(nlh, tb, CONN_MAX);
	if (end->kw && is_end(tb[LATCH_A_CONN_FAMILY], tb[LATCH_A_CONN_REMOTE_ADDR],
			      tb[LATCH_A_CONN_REMOTE_PORT], end->addr,
			      end->family == AF_INET ? 4 : 16, end->num)) {
		c->n++;
		show(nlh, NULL);
	}
	for (i = 0; i < c->p.n; i++) {
		if (!is_socket(c, tb, &c->p.s[i]))
			continue;
		c->n++;
		show(nlh, &c->p.s[i]);
		return;
	}
}

/* Print what matches. Returns an exit status. */
static int look_for(struct search *c)
{
	int rc;

	rc = nl_dump(LATCH_CMD_CONN_GET, look, c);
	if (rc || c->n || !c->p.n)
		return rc;
	c->by_flow = true;
	procfd_flows(&c->p);
	return nl_dump(LATCH_CMD_CONN_GET, look, c);
}

/* Say that nothing was found, and where the user could look. */
static int nothing(const struct search *c)
{
	const struct arg *args = c->args;
	char hint[64] = "";

	if (c->p.pid && procfd_elsewhere(&c->p))
		snprintf(hint, sizeof(hint), ", see option \"-n /proc/%u/ns/net\"", c->p.pid);
	if (args[SLOT_DST].kw)
		error("no latch has \"%s\" at its other end", args[SLOT_DST].text);
	else if (args[SLOT_FD].kw)
		error("descriptor \"%s\" of process %u has no latch here%s", args[SLOT_FD].text,
		      c->p.pid, hint);
	else
		error("no socket of process \"%u\" has a latch here%s", c->p.pid, hint);
	return EXIT_REFUSED;
}

static int peer_of(const struct arg *args)
{
	struct search c = { .args = args };
	int rc = 0;

	if (args[SLOT_DST].kw ? args[SLOT_ID].kw || args[SLOT_FD].kw : !args[SLOT_ID].kw) {
		error("\"peer-of\" needs either a process or ADDRESS:PORT");
		return EXIT_USAGE;
	}
	c.p.pid = args[SLOT_ID].num;
	if (args[SLOT_FD].kw)
		rc = procfd_one(&c.p, args[SLOT_FD].num);
	else if (args[SLOT_ID].kw)
		rc = procfd_all(&c.p);
	if (!rc) {
		print_list_open(NULL);
		rc = look_for(&c);
		if (!rc && !c.n)
			rc = nothing(&c);
		print_list_end(rc);
	}
	free(c.p.s);
	return rc;
}

static const struct command commands[] = {
	{ NULL, { NULL }, keywords, NULL, peer_of },
	{ .word = NULL }
};

const struct object peer_of_object = {
	.word = "peer-of",
	.commands = commands,
	.omitted = omitted,
	.usage =
	"latch peer-of [ pid ] NUMBER [ [ fd ] NUMBER ]\n"
	"latch peer-of [ remote ] ADDRESS:PORT\n",
};
