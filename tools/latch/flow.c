// SPDX-License-Identifier: GPL-2.0
/*
 * The flow of a latch: its addresses, and all of it on one short line.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/latch_netlink.h>
#include "flow.h"
#include "netlink.h"
#include "print.h"

#define CONN_MAX	LATCH_A_CONN_MAX

/**
 * flow_addr_len() - count the bytes of an address
 * @family: attribute with the family of the flow, or NULL
 * @addr:   attribute with the address
 *
 * The attribute has 4 or 16 bytes; where it has 16 and the family is IPv4, the address is in
 * the first four.
 *
 * Return: their number.
 */
size_t flow_addr_len(const struct nlattr *family, const struct nlattr *addr)
{
	size_t len = mnl_attr_get_payload_len(addr);

	return netlink_num(family) == AF_INET && len > 4 ? 4 : len;
}

/* Write ADDRESS:PORT as ss(8) does: an address or a port that may be any is "*". */
static void end_text(char *buf, size_t room, const struct nlattr *family,
		     const struct nlattr *addr, const struct nlattr *port)
{
	static const unsigned char any[16];
	size_t len = addr ? flow_addr_len(family, addr) : 0;
	char text[INET6_ADDRSTRLEN] = "*", number[8] = "*";
	unsigned int v = port ? ntohs(netlink_num(port)) : 0;
	bool six = len == 16;

	if ((len == 4 || six) && memcmp(mnl_attr_get_payload(addr), any, len))
		inet_ntop(six ? AF_INET6 : AF_INET, mnl_attr_get_payload(addr), text, sizeof(text));
	else
		six = false;
	if (v)
		snprintf(number, sizeof(number), "%u", v);
	snprintf(buf, room, six ? "[%s]:%s" : "%s:%s", text, number);
}

/* Write the word for a number, or the number where it has no word. */
static const char *word(char *buf, size_t room, const struct name *names, const struct nlattr *a)
{
	unsigned int v = netlink_num(a);
	const char *have = a ? name_word(names, v) : "-";

	if (!have)
		snprintf(buf, room, "%u", v);
	return have ? have : buf;
}

/* Who is the peer, in one word?  The caller frees it. */
static char *peer_text(const struct nlattr **tb)
{
	const struct nlattr *value = tb[LATCH_A_CONN_PEER_ID_VALUE];
	uint32_t id = netlink_num(tb[LATCH_A_CONN_PEER]);
	char number[16] = "-";

	if (value)
		return identity_text(netlink_num(tb[LATCH_A_CONN_PEER_ID_TYPE]),
				     mnl_attr_get_payload(value), mnl_attr_get_payload_len(value));
	if (id)
		snprintf(number, sizeof(number), "%u", id);
	return need(strdup(number));
}

/**
 * flow_brief() - print what matters most of a latch, in columns
 * @nlh: an answer with the latch
 */
void flow_brief(const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[CONN_MAX + 1];
	char state[16], proto[16], reason[16], local[64], remote[64], line[256], *peer;

	netlink_parse(nlh, tb, CONN_MAX);
	end_text(local, sizeof(local), tb[LATCH_A_CONN_FAMILY], tb[LATCH_A_CONN_LOCAL_ADDR],
		 tb[LATCH_A_CONN_LOCAL_PORT]);
	end_text(remote, sizeof(remote), tb[LATCH_A_CONN_FAMILY], tb[LATCH_A_CONN_REMOTE_ADDR],
		 tb[LATCH_A_CONN_REMOTE_PORT]);
	snprintf(line, sizeof(line), "%-7llu %-11s %-4s %-23s %-23s",
		 (unsigned long long)netlink_num(tb[LATCH_A_CONN_ID]),
		 word(state, sizeof(state), state_names, tb[LATCH_A_CONN_STATE]),
		 word(proto, sizeof(proto), flow_proto_names, tb[LATCH_A_CONN_PROTO]),
		 local, remote);
	print_str(NULL, "", line);
	peer = peer_text(tb);
	print_str(NULL, "", peer);
	free(peer);
	if (netlink_num(tb[LATCH_A_CONN_REASON]))
		print_str(NULL, "reason", word(reason, sizeof(reason), reason_names,
					       tb[LATCH_A_CONN_REASON]));
}
