// SPDX-License-Identifier: GPL-2.0
/*
 * See dump.h. The kernel sends the keys of SAs, too: nobody looks at them, and they do not
 * stay in memory.
 */
#include <errno.h>
#include <string.h>
#include "dump.h"

#define TRIES	8

static struct netlink nl;

/**
 * dump_again() - decide whether to read a list again that changed while it was read
 * @tries: how often it was read
 *
 * Return: true; false after a warning: the list of a busy host may never stand still.
 */
bool dump_again(int tries)
{
	if (tries < TRIES)
		return true;
	error("the list changed while it was read: entries may be missing or double");
	return false;
}

/* Pass an entry on, unless it is too short to be one. */
static void take_entry(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *d = data;

	if (mnl_nlmsg_get_payload_len(nlh) >= d->entry)
		d->cb(nlh, d->data);
}

/**
 * dump_read() - read a whole list
 * @d: which
 *
 * Return: 0, or EXIT_REFUSED after a message.
 */
int dump_read(const struct dump *d)
{
	int rc, tries = 0;

	nl.sock = netlink_socket(d->bus, 0);
	if (!nl.sock) {
		error("cannot ask the kernel for %s: %s", d->what, strerror(errno));
		return EXIT_REFUSED;
	}
	do {
		d->again(d->data);
		rc = netlink_exchange(&nl, netlink_begin_list(&nl, d->type, d->head), take_entry,
				      (void *)d);
	} while (!rc && nl.interrupted && dump_again(++tries));
	netlink_close(&nl);
	explicit_bzero(nl.in, sizeof(nl.in));
	if (!rc)
		return 0;
	error("cannot read the kernel's %s: %s", d->what, strerror(-rc));
	return EXIT_REFUSED;
}
