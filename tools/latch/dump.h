/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of SAs, policies, addresses and links, which no generic netlink family has.
 */
#ifndef LATCH_DUMP_H
#define LATCH_DUMP_H

#include "latch.h"
#include "netlink.h"

/**
 * struct dump - a list to read
 * @bus:   NETLINK_*
 * @type:  type of the request
 * @head:  bytes of the header of the request
 * @entry: bytes of the header of an entry
 * @what:  what is in the list, for messages
 * @cb:    called with each entry, whose header is complete, as it comes
 * @again: called before each reading: forgets what @cb was called with before
 * @data:  for both
 */
struct dump {
	int bus;
	uint16_t type;
	size_t head;
	size_t entry;
	const char *what;
	netlink_cb cb;
	void (*again)(void *data);
	void *data;
};

int dump_read(const struct dump *d);
bool dump_again(int tries);

#endif /* LATCH_DUMP_H */
