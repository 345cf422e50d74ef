/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bindings of the namespace, and who an SA belongs to by them.
 */
#ifndef LATCH_TOOL_CLAIMS_H
#define LATCH_TOOL_CLAIMS_H

#include "sad.h"

/**
 * struct claim_key - which SAs a binding is for; each byte is set
 * @dst:    destination address; all but @reqid is zero in a binding by reqid
 * @spi:    network byte order
 * @mark:   value of the mark
 * @mask:   mask of the mark
 * @reqid:  0 in a binding by SA
 * @family: AF_INET or AF_INET6
 * @proto:  IPPROTO_ESP or IPPROTO_AH
 */
struct claim_key {
	uint8_t dst[16];
	uint32_t spi;
	uint32_t mark;
	uint32_t mask;
	uint32_t reqid;
	uint16_t family;
	uint16_t proto;
};

/**
 * struct claim - a binding
 * @key:       which SAs it is for
 * @peer:      number of the peer's record
 * @ambiguous: it is claimed for several peers
 * @used:      an SA has it
 */
struct claim {
	struct claim_key key;
	uint32_t peer;
	bool ambiguous;
	bool used;
};

/**
 * struct claims - all bindings
 * @claim:    sorted by key; each key is there once
 * @n:        how many there are
 * @room:     how many fit into @claim
 * @by_sa:    how many are by SA
 * @by_reqid: how many are by reqid
 */
struct claims {
	struct claim *claim;
	size_t n;
	size_t room;
	size_t by_sa;
	size_t by_reqid;
};

int claims_read(struct claims *c);
void claims_free(struct claims *c);
struct claim *claims_find(const struct claims *c, const struct sa *sa);
void claim_text(const struct claim *claim, char *buf, size_t len);

#endif /* LATCH_TOOL_CLAIMS_H */
