// SPDX-License-Identifier: GPL-2.0
/*
 * A flow and the selectors that cover it (RFC 5660 2-1, 2.2-6).
 */
#include "flow.h"

/* Flows are compared and hashed as bytes, so there may be none unnamed. */
static_assert(sizeof(struct latch_flow) == 40, "a hole in struct latch_flow");

/* The first @bits of a word in network byte order; 0 < @bits < 32. */
static u32 word_mask(u8 bits)
{
	return (__force u32)htonl(~0U << (32 - bits));
}

/* Word by word, as prefixes are written; longer than an address is all of it. */
bool latch_addr_match(const union latch_addr *addr, const union latch_addr *net, u8 len)
{
	u8 i, words = len / 32, bits = len % 32;

	if (len >= 128)
		return addr->q[0] == net->q[0] && addr->q[1] == net->q[1];
	for (i = 0; i < words; i++)
		if (addr->w[i] != net->w[i])
			return false;
	return !bits || !((addr->w[i] ^ net->w[i]) & word_mask(bits));
}

union latch_addr latch_addr_prefix(const union latch_addr *addr, u8 len)
{
	union latch_addr net = { .q = { 0, 0 } };
	u8 i, words = len < 128 ? len / 32 : 4, bits = len % 32;

	for (i = 0; i < words; i++)
		net.w[i] = addr->w[i];
	if (words < 4 && bits)
		net.w[words] = addr->w[words] & word_mask(bits);
	return net;
}

static bool port_match(u16 port, u16 want, u16 mask)
{
	return !((port ^ want) & mask);
}

/* Which SA or policy entry could carry the flow (RFC 5660 2.2-6, 2.2-7). */
bool latch_sel_covers(const struct latch_sel *s, const struct latch_flow *f, u8 dir)
{
	bool in = dir == LATCH_DIR_IN;

	if (!s->family)
		return true;
	if (s->family != f->family || (s->proto && s->proto != f->proto))
		return false;
	return port_match(in ? f->rport : f->lport, s->sport, s->sport_mask) &&
	       port_match(in ? f->lport : f->rport, s->dport, s->dport_mask) &&
	       latch_addr_match(in ? &f->remote : &f->local, &s->src, s->src_len) &&
	       latch_addr_match(in ? &f->local : &f->remote, &s->dst, s->dst_len);
}

static bool port_contains(u16 port, u16 mask, u16 in, u16 in_mask)
{
	return (mask & in_mask) == mask && port_match(in, port, mask);
}

static bool prefix_contains(const union latch_addr *net, u8 len, const union latch_addr *in,
			    u8 in_len)
{
	return len <= in_len && latch_addr_match(in, net, len);
}

/* Then it tells no flow of the other from the rest (RFC 5660 2.2-6). */
bool latch_sel_contains(const struct latch_sel *a, const struct latch_sel *b)
{
	if (!a->family)
		return true;
	if (a->family != b->family || (a->proto && a->proto != b->proto))
		return false;
	return port_contains(a->sport, a->sport_mask, b->sport, b->sport_mask) &&
	       port_contains(a->dport, a->dport_mask, b->dport, b->dport_mask) &&
	       prefix_contains(&a->src, a->src_len, &b->src, b->src_len) &&
	       prefix_contains(&a->dst, a->dst_len, &b->dst, b->dst_len);
}

static bool prefix_overlaps(const union latch_addr *a, u8 a_len, const union latch_addr *b,
			    u8 b_len)
{
	return latch_addr_match(a, b, a_len < b_len ? a_len : b_len);
}

/* Then one may take flows from the other (RFC 5660 2.3-13). */
bool latch_sel_overlaps(const struct latch_sel *a, const struct latch_sel *b)
{
	if (!a->family || !b->family)
		return true;
	if (a->family != b->family || (a->proto && b->proto && a->proto != b->proto))
		return false;
	return port_match(a->sport, b->sport, a->sport_mask & b->sport_mask) &&
	       port_match(a->dport, b->dport, a->dport_mask & b->dport_mask) &&
	       prefix_overlaps(&a->src, a->src_len, &b->src, b->src_len) &&
	       prefix_overlaps(&a->dst, a->dst_len, &b->dst, b->dst_len);
}

bool latch_flow_same_tuple(const struct latch_flow *a, const struct latch_flow *b)
{
	return a->ports == b->ports && a->family == b->family && a->proto == b->proto &&
	       a->local.q[0] == b->local.q[0] && a->local.q[1] == b->local.q[1] &&
	       a->remote.q[0] == b->remote.q[0] && a->remote.q[1] == b->remote.q[1];
}

bool latch_flow_equal(const struct latch_flow *a, const struct latch_flow *b)
{
	return a->kind == b->kind && latch_flow_same_tuple(a, b);
}
