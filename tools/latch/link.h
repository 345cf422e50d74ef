/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The addresses and devices of the namespace.
 */
#ifndef LATCH_TOOL_LINK_H
#define LATCH_TOOL_LINK_H

#include "latch.h"

/**
 * struct local_addr - an address of this host
 * @addr:   the address; the rest of an IPv4 one is zero
 * @family: AF_INET or AF_INET6
 */
struct local_addr {
	uint8_t addr[16];
	uint32_t family;
};

/**
 * struct links - what was read of addresses and devices
 * @addr:   the addresses, sorted
 * @n:      how many there are
 * @room:   how many fit into @addr
 * @vti:    names of the VTI devices that are up, ready to print
 * @n_vti:  how many there are
 */
struct links {
	struct local_addr *addr;
	size_t n;
	size_t room;
	char **vti;
	size_t n_vti;
};

int links_read(struct links *l);
void links_free(struct links *l);
bool links_local(const struct links *l, uint16_t family, const uint8_t *addr);

#endif /* LATCH_TOOL_LINK_H */
