/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A flow and the selectors that cover it, as values (RFC 5660 2-1, 2.2-6).
 */
#ifndef LATCH_CORE_FLOW_H
#define LATCH_CORE_FLOW_H

#include "types.h"

/* IPv4 addresses are in the first four bytes, the rest is zero. */
union latch_addr {
	u8	b[16];
	u32	w[4];
	u64	q[2];
};

/**
 * struct latch_flow - 5-tuple seen from this host; a listener's has a zero remote
 * @local:  inner local address
 * @remote: inner remote address
 * @lport:  local port, network byte order
 * @rport:  remote port, network byte order
 * @ports:  both, for comparing them at once
 * @family: AF_INET or AF_INET6
 * @proto:  IP protocol
 * @l3:     ifindex of the VRF that the flow is in, 0 none; its low 15 bits. Or'ed with
 *          LATCH_L3_FORWARD where this host only forwards the flow: then the remote end is the
 *          one whose side the latch is for, and the local end the other one
 * @kind:   family, protocol and VRF, for comparing them at once
 */
struct latch_flow {
	union latch_addr local;
	union latch_addr remote;
	union {
		struct {
			u16	lport;
			u16	rport;
		};
		u32	ports;
	};
	union {
		struct {
			u8	family;
			u8	proto;
			u16	l3;
		};
		u32	kind;
	};
};

/* A flow that this host forwards never meets one of its own, whatever addresses it has. */
#define LATCH_L3_FORWARD	0x8000

static inline bool latch_flow_forwarded(const struct latch_flow *f)
{
	return f->l3 & LATCH_L3_FORWARD;
}

/* What latch_flow.kind is for these, without a detour by memory: each packet asks. */
static inline u32 latch_kind(u8 family, u8 proto, u16 l3)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return family | (u32)proto << 8 | (u32)l3 << 16;
#else
	return (u32)family << 24 | (u32)proto << 16 | l3;
#endif
}

/**
 * struct latch_sel - selector of a policy or SA
 * @src:       source prefix
 * @dst:       destination prefix
 * @sport:     source port, network byte order
 * @dport:     destination port, network byte order
 * @sport_mask: network byte order, 0 any
 * @dport_mask: network byte order, 0 any
 * @family:    AF_INET, AF_INET6, or 0 for a selector that says nothing
 * @src_len:   prefix length
 * @dst_len:   prefix length
 * @proto:     IP protocol, 0 any
 */
struct latch_sel {
	union latch_addr src;
	union latch_addr dst;
	u16	sport;
	u16	dport;
	u16	sport_mask;
	u16	dport_mask;
	u8	family;
	u8	src_len;
	u8	dst_len;
	u8	proto;
};

/**
 * latch_addr_match() - is an address in a prefix?
 * @addr: the address
 * @net:  the prefix
 * @len:  prefix length in bits; 0 matches all, more than 128 is as 128
 *
 * Return: true where the first @len bits are equal.
 */
bool latch_addr_match(const union latch_addr *addr, const union latch_addr *net, u8 len);

/**
 * latch_addr_prefix() - the prefix that an address is in
 * @addr: the address
 * @len:  prefix length in bits; more than 128 is as 128
 *
 * Return: its first @len bits, the others zero.
 */
union latch_addr latch_addr_prefix(const union latch_addr *addr, u8 len);

/**
 * latch_sel_covers() - does a selector cover a flow in one direction?
 * @s:   the selector; family 0 covers every flow
 * @f:   the flow
 * @dir: LATCH_DIR_IN: the remote end is the source; LATCH_DIR_OUT: the local end
 *
 * Return: true where family, prefixes, ports and protocol all match.
 */
bool latch_sel_covers(const struct latch_sel *s, const struct latch_flow *f, u8 dir);

/**
 * latch_sel_contains() - does a selector cover whatever another one covers?
 * @a: the selector that may be the wider one
 * @b: the other
 *
 * Prefixes are taken to have no bits set beyond their length, ports none beyond
 * their mask; where they have, this may say no to what is contained.
 *
 * Return: true where every flow that @b covers is covered by @a, in either direction.
 */
bool latch_sel_contains(const struct latch_sel *a, const struct latch_sel *b);

/**
 * latch_sel_overlaps() - is there a flow that two selectors cover?
 * @a: a selector
 * @b: another one
 *
 * Return: true where one flow at least is covered by both in the same direction.
 */
bool latch_sel_overlaps(const struct latch_sel *a, const struct latch_sel *b);

/**
 * latch_flow_same_tuple() - same 5-tuple?
 * @a: a flow
 * @b: another
 *
 * Return: true where all fields are equal but the VRF, which need not be.
 */
bool latch_flow_same_tuple(const struct latch_flow *a, const struct latch_flow *b);

/**
 * latch_flow_equal() - same flow?
 * @a: a flow
 * @b: another
 *
 * Return: true where all fields are equal.
 */
bool latch_flow_equal(const struct latch_flow *a, const struct latch_flow *b);

#endif /* LATCH_CORE_FLOW_H */
