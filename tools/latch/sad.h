/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The SAs of the namespace, without their keys.
 */
#ifndef LATCH_TOOL_SAD_H
#define LATCH_TOOL_SAD_H

#include <linux/xfrm.h>
#include "latch.h"

#define SA_TEXT_MAX	256

enum sa_offload {
	SA_OFFLOAD_NONE,
	SA_OFFLOAD_CRYPTO,
	SA_OFFLOAD_PACKET,
};

/**
 * struct sa_pair - what two SAs have in common that carry one flow, one each way
 * @lo, @hi:       the SA's addresses, in an order that both SAs agree on
 * @sel_lo, @sel_hi: the addresses of the selector, in the same order; so are the ports
 *                 and the lengths of the prefixes
 *
 * Each byte is set, so that pairs can be compared by their bytes.
 */
struct sa_pair {
	uint8_t lo[16];
	uint8_t hi[16];
	uint8_t sel_lo[16];
	uint8_t sel_hi[16];
	uint32_t reqid;
	uint16_t port_lo;
	uint16_t port_hi;
	uint16_t mask_lo;
	uint16_t mask_hi;
	uint16_t family;
	uint8_t proto;
	uint8_t sel_proto;
	uint8_t len_lo;
	uint8_t len_hi;
	uint16_t sel_family;
};

/**
 * struct sa - one SA
 * @pair:    what it has in common with the SA of the other direction
 * @back:    it leads from @pair.hi to @pair.lo
 * @src:     source address; the rest of an IPv4 one is zero
 * @dst:     destination address
 * @spi:     network byte order
 * @mark:    value of its mark
 * @mask:    mask of the mark, 0 where it has none
 * @if_id:   its XFRM interface, 0 for none
 * @window:  packets in its replay window
 * @peer:    number of the record of the one peer that it is bound to, 0 for none
 * @added:   when it came, in seconds since 1970
 * @offload: what a device does for it
 * @suite:   mode, algorithms and extended sequence numbers, in words
 */
struct sa {
	struct sa_pair pair;
	bool back;
	uint8_t src[16];
	uint8_t dst[16];
	uint32_t spi;
	uint32_t mark;
	uint32_t mask;
	uint32_t if_id;
	uint32_t window;
	uint32_t peer;
	int64_t added;
	enum sa_offload offload;
	char suite[SA_TEXT_MAX];
};

/**
 * struct sad - all SAs
 * @sa:   the SAs, in no order
 * @n:    how many there are
 * @room: how many fit into @sa
 */
struct sad {
	struct sa *sa;
	size_t n;
	size_t room;
};

int sad_read(struct sad *sad);
void sad_free(struct sad *sad);
bool sa_any_source(const struct sa *sa);
int reqid_compare(const void *a, const void *b);
void sa_text(const struct sa *sa, char *buf, size_t len);
void sa_way_text(const struct sa *sa, char *buf, size_t len);

#endif /* LATCH_TOOL_SAD_H */
