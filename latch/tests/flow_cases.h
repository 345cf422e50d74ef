/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Prefixes, ports and selectors against a reading bit by bit.
 */
#ifndef LATCH_TESTS_FLOW_CASES_H
#define LATCH_TESTS_FLOW_CASES_H

#include "../core/flow.h"
#include "harness.h"

#define FAMILY_4	2	/* any two numbers will do */
#define FAMILY_6	10

static bool addr_bit(const union latch_addr *a, unsigned int i)
{
	return a->b[i / 8] & (0x80 >> (i % 8));
}

static bool ref_addr_match(const union latch_addr *a, const union latch_addr *net, u8 len)
{
	unsigned int i;

	for (i = 0; i < len && i < 128; i++)
		if (addr_bit(a, i) != addr_bit(net, i))
			return false;
	return true;
}

static void random_addr(u32 *seed, union latch_addr *a)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		a->w[i] = next_random(seed);
}

/* A difference in bit i is seen by prefixes longer than i and by no other. */
static void flow_prefix_bounds(struct tally *t)
{
	union latch_addr net, addr;
	unsigned int len, i;
	u32 seed = 4291;

	for (len = 0; len <= 255; len++) {
		random_addr(&seed, &net);
		EXPECT(t, latch_addr_match(&net, &net, len), "itself, length %u", len);
		for (i = 0; i < 128; i++) {
			addr = net;
			addr.b[i / 8] ^= 0x80 >> (i % 8);
			EXPECT(t, latch_addr_match(&addr, &net, len) == (i >= len),
			       "bit %u length %u", i, len);
			EXPECT(t, latch_addr_match(&net, &addr, len) == (i >= len),
			       "bit %u length %u, swapped", i, len);
		}
		breathe();
	}
}

static void flow_prefix_random(struct tally *t)
{
	union latch_addr net, addr;
	unsigned int i, n;
	u32 seed = 791;
	u8 len;

	for (i = 0; i < RANDOM_ROUNDS; i++) {
		random_addr(&seed, &net);
		random_addr(&seed, &addr);
		n = next_random(&seed) % 17;
		memcpy(addr.b, net.b, n);
		len = next_random(&seed) % 129;
		EXPECT(t, latch_addr_match(&addr, &net, len) ==
		       ref_addr_match(&addr, &net, len), "%u bytes, length %u", n, len);
	}
}

/* Two addresses have the same prefix when the one is in the other's. */
static void flow_prefix_of(struct tally *t)
{
	union latch_addr net, addr, a, b;
	unsigned int i, len;
	u32 seed = 3571;

	for (len = 0; len <= 255; len++)
		for (i = 0; i < 128; i++) {
			random_addr(&seed, &net);
			addr = net;
			addr.b[i / 8] ^= 0x80 >> (i % 8);
			a = latch_addr_prefix(&addr, len);
			b = latch_addr_prefix(&net, len);
			EXPECT(t, !memcmp(&a, &b, sizeof(a)) == ref_addr_match(&addr, &net, len),
			       "bit %u length %u", i, len);
			EXPECT(t, ref_addr_match(&a, &addr, len) &&
			       (addr_bit(&a, i) == (i < len && addr_bit(&addr, i))),
			       "bit %u length %u: not that of the address", i, len);
		}
}

/* 10.1.2.3 port 1000 here, 10.9.8.7 port 2000 there, TCP */
static struct latch_flow sample_flow(void)
{
	struct latch_flow f = {
		.local = { .b = { 10, 1, 2, 3 } },
		.remote = { .b = { 10, 9, 8, 7 } },
		.lport = 1000,
		.rport = 2000,
		.family = FAMILY_4,
		.proto = 6,
	};

	return f;
}

/* The selector of exactly this flow as it leaves or arrives. */
static struct latch_sel narrow_sel(const struct latch_flow *f, u8 dir)
{
	bool out = dir == LATCH_DIR_OUT;
	struct latch_sel s = {
		.src = out ? f->local : f->remote,
		.dst = out ? f->remote : f->local,
		.sport = out ? f->lport : f->rport,
		.dport = out ? f->rport : f->lport,
		.sport_mask = 0xffff,
		.dport_mask = 0xffff,
		.family = f->family,
		.src_len = 128,
		.dst_len = 128,
		.proto = f->proto,
	};

	return s;
}

static void flow_directions(struct tally *t)
{
	struct latch_flow f = sample_flow();
	struct latch_sel in = narrow_sel(&f, LATCH_DIR_IN);
	struct latch_sel out = narrow_sel(&f, LATCH_DIR_OUT);

	EXPECT(t, latch_sel_covers(&in, &f, LATCH_DIR_IN), "in, in");
	EXPECT(t, !latch_sel_covers(&in, &f, LATCH_DIR_OUT), "in, out");
	EXPECT(t, !latch_sel_covers(&out, &f, LATCH_DIR_IN), "out, in");
	EXPECT(t, latch_sel_covers(&out, &f, LATCH_DIR_OUT), "out, out");
}

/* One difference at a time, in each field, seen in each direction. */
static void expect_narrow(struct tally *t, u8 dir)
{
	struct latch_flow f = sample_flow();
	const struct latch_sel good = narrow_sel(&f, dir);
	struct latch_sel s;

#define OTHER(change)								\
do {										\
	s = good;								\
	change;									\
	EXPECT(t, !latch_sel_covers(&s, &f, dir), "%s, direction %u", #change, dir); \
} while (0)
	OTHER(s.src.b[0] ^= 0x80);
	OTHER(s.src.b[15] ^= 1);
	OTHER(s.dst.b[0] ^= 0x80);
	OTHER(s.dst.b[15] ^= 1);
	OTHER(s.sport ^= 1);
	OTHER(s.sport ^= 0x8000);
	OTHER(s.dport ^= 1);
	OTHER(s.dport ^= 0x8000);
	OTHER(s.family = FAMILY_6);
	OTHER(s.proto = 17);
#undef OTHER
}

static void flow_narrow(struct tally *t)
{
	expect_narrow(t, LATCH_DIR_IN);
	expect_narrow(t, LATCH_DIR_OUT);
}

/* Zero masks, lengths and protocol match all of what they stand for. */
static void flow_any(struct tally *t)
{
	struct latch_flow f = sample_flow();
	u8 dir;

	for (dir = 0; dir < LATCH_DIRS; dir++) {
		struct latch_sel s = { .family = FAMILY_4 };

		EXPECT(t, latch_sel_covers(&s, &f, dir), "family only, %u", dir);
		s.family = FAMILY_6;
		EXPECT(t, !latch_sel_covers(&s, &f, dir), "other family, %u", dir);
		s = narrow_sel(&f, dir);
		s.sport = 0;
		s.sport_mask = 0;
		s.dport = 0;
		s.dport_mask = 0;
		s.proto = 0;
		EXPECT(t, latch_sel_covers(&s, &f, dir), "addresses only, %u", dir);
		s.proto = 17;
		EXPECT(t, !latch_sel_covers(&s, &f, dir), "other protocol, %u", dir);
	}
}

/* A selector that says nothing, as tunnel SAs have, covers whatever there is. */
static void flow_family_zero(struct tally *t)
{
	struct latch_flow f = sample_flow();
	struct latch_sel s = narrow_sel(&f, LATCH_DIR_OUT);
	u8 dir;

	s.src.b[0] ^= 1;
	s.sport ^= 1;
	s.proto = 99;
	for (dir = 0; dir < LATCH_DIRS; dir++) {
		s.family = 0;
		EXPECT(t, latch_sel_covers(&s, &f, dir), "direction %u", dir);
		s.family = FAMILY_4;
		EXPECT(t, !latch_sel_covers(&s, &f, dir), "with family, %u", dir);
	}
}

/* Only the bits in a port's mask count. */
static void flow_port_masks(struct tally *t)
{
	static const u16 masks[] = { 0, 0xffff, 0xff00, 0x00ff, 0xfffe, 0x8000, 1 };
	struct latch_flow f = sample_flow();
	struct latch_sel s;
	unsigned int m, i;
	u8 dir;

	for (m = 0; m < ARRAY_SIZE(masks); m++)
		for (i = 0; i < 16; i++)
			for (dir = 0; dir < LATCH_DIRS; dir++) {
				bool same = !(masks[m] & (1 << i));

				s = narrow_sel(&f, dir);
				s.sport ^= 1 << i;
				s.sport_mask = masks[m];
				EXPECT(t, latch_sel_covers(&s, &f, dir) == same,
				       "source, mask %#x bit %u", masks[m], i);
				s = narrow_sel(&f, dir);
				s.dport ^= 1 << i;
				s.dport_mask = masks[m];
				EXPECT(t, latch_sel_covers(&s, &f, dir) == same,
				       "destination, mask %#x bit %u", masks[m], i);
			}
}

/* --- all of it at random ------------------------------------------------------ */

static bool ref_covers(const struct latch_sel *s, const struct latch_flow *f, u8 dir)
{
	struct latch_flow g = *f;

	if (dir == LATCH_DIR_IN) {
		g.local = f->remote;
		g.remote = f->local;
		g.lport = f->rport;
		g.rport = f->lport;
	}
	if (s->family == 0)
		return true;
	return s->family == g.family &&
	       ref_addr_match(&g.local, &s->src, s->src_len) &&
	       ref_addr_match(&g.remote, &s->dst, s->dst_len) &&
	       (g.lport & s->sport_mask) == (s->sport & s->sport_mask) &&
	       (g.rport & s->dport_mask) == (s->dport & s->dport_mask) &&
	       (s->proto == 0 || s->proto == g.proto);
}

/* A selector that often, but not always, covers the flow. */
static struct latch_sel random_sel(u32 *seed, const struct latch_flow *f)
{
	struct latch_sel s = narrow_sel(f, next_random(seed) % LATCH_DIRS);
	u32 r = next_random(seed);

	if (r & 1)
		s.src.b[r >> 4 & 15] ^= 1 << (r >> 8 & 7);
	if (r & 2)
		s.dst.b[r >> 12 & 15] ^= 1 << (r >> 16 & 7);
	s.src_len = next_random(seed) % 129;
	s.dst_len = next_random(seed) % 129;
	s.sport_mask = r & 4 ? 0 : 0xffff;
	s.dport_mask = r & 8 ? 0 : 0xffff;
	if (!(r >> 20 & 7))
		s.sport ^= 1 << (r >> 24 & 15);
	if (!(r >> 23 & 7))
		s.family = r >> 30 ? FAMILY_6 : 0;
	if (!(r >> 26 & 3))
		s.proto = r >> 30;
	return s;
}

static void flow_random(struct tally *t)
{
	struct latch_flow f = sample_flow();
	unsigned int i, covered = 0;
	u32 seed = 8221;

	for (i = 0; i < RANDOM_ROUNDS; i++) {
		struct latch_sel s = random_sel(&seed, &f);
		u8 dir = i % LATCH_DIRS;

		covered += ref_covers(&s, &f, dir);
		EXPECT(t, latch_sel_covers(&s, &f, dir) == ref_covers(&s, &f, dir),
		       "round %u", i);
	}
	EXPECT(t, covered > RANDOM_ROUNDS / 50 && covered < RANDOM_ROUNDS / 2,
	       "%u of %u covered: the test is none", covered, RANDOM_ROUNDS);
}

static bool ref_prefix_contains(const union latch_addr *net, u8 len, const union latch_addr *in,
				u8 in_len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		if (i >= in_len || addr_bit(net, i) != addr_bit(in, i))
			return false;
	return true;
}

static bool ref_port_contains(u16 port, u16 mask, u16 in, u16 in_mask)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		if (mask & BIT(i) && (!(in_mask & BIT(i)) || (port ^ in) & BIT(i)))
			return false;
	return true;
}

static bool ref_contains(const struct latch_sel *a, const struct latch_sel *b)
{
	return !a->family ||
	       (a->family == b->family && (!a->proto || a->proto == b->proto) &&
		ref_port_contains(a->sport, a->sport_mask, b->sport, b->sport_mask) &&
		ref_port_contains(a->dport, a->dport_mask, b->dport, b->dport_mask) &&
		ref_prefix_contains(&a->src, a->src_len, &b->src, b->src_len) &&
		ref_prefix_contains(&a->dst, a->dst_len, &b->dst, b->dst_len));
}

/* Random pairs that differ little; what one contains it covers, too. */
static void flow_contains(struct tally *t)
{
	struct latch_flow f = sample_flow();
	unsigned int i, contained = 0;
	u32 seed = 5167;

	for (i = 0; i < RANDOM_ROUNDS; i++) {
		struct latch_sel a = random_sel(&seed, &f), b = a;
		u8 dir = i % LATCH_DIRS;

		if (i % 3)
			b = random_sel(&seed, &f);
		if (i % 3 == 1)
			b = narrow_sel(&f, dir);
		a.src_len %= i % 7 ? 129 : 8;
		a.dst_len %= i % 5 ? 129 : 8;
		contained += ref_contains(&a, &b);
		EXPECT(t, latch_sel_contains(&a, &b) == ref_contains(&a, &b), "round %u", i);
		EXPECT(t, !latch_sel_contains(&a, &b) || !latch_sel_covers(&b, &f, dir) ||
		       latch_sel_covers(&a, &f, dir), "round %u: covered by one only", i);
	}
	EXPECT(t, contained > RANDOM_ROUNDS / 50 && contained < RANDOM_ROUNDS / 2,
	       "%u of %u contained: the test is none", contained, RANDOM_ROUNDS);
}

/* One difference at a time: narrower is contained, wider and other are not. */
static void flow_contains_by_hand(struct tally *t)
{
	struct latch_flow f = sample_flow();
	const struct latch_sel one = narrow_sel(&f, LATCH_DIR_OUT);
	struct latch_sel s;

#define WIDER(change)								\
do {										\
	s = one;								\
	change;									\
	EXPECT(t, latch_sel_contains(&s, &one), "%s", #change);			\
	EXPECT(t, !latch_sel_contains(&one, &s), "%s, the other way", #change);	\
} while (0)
	EXPECT(t, latch_sel_contains(&one, &one), "itself");
	WIDER(s.family = 0);
	WIDER(s.proto = 0);
	WIDER(s.sport_mask = 0);
	WIDER(s.dport_mask = 0);
	WIDER(s.sport_mask = 0xfff0);
	WIDER(s.src_len = 127);
	WIDER(s.dst_len = 127);
	WIDER(s.src_len = 0);
	WIDER(s.dst_len = 0);
#undef WIDER
#define APART(change)								\
do {										\
	s = one;								\
	change;									\
	EXPECT(t, !latch_sel_contains(&s, &one), "%s", #change);		\
	EXPECT(t, !latch_sel_contains(&one, &s), "%s, the other way", #change);	\
} while (0)
	APART(s.family = FAMILY_6);
	APART(s.proto = 17);
	APART(s.sport ^= 1);
	APART(s.dport ^= 0x8000);
	APART(s.src.b[15] ^= 1);
	APART(s.dst.b[0] ^= 0x80);
#undef APART
}

static bool ref_prefix_overlaps(const union latch_addr *a, u8 a_len, const union latch_addr *b,
				u8 b_len)
{
	unsigned int i;

	for (i = 0; i < a_len && i < b_len; i++)
		if (addr_bit(a, i) != addr_bit(b, i))
			return false;
	return true;
}

static bool ref_port_overlaps(u16 a, u16 a_mask, u16 b, u16 b_mask)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		if (a_mask & BIT(i) && b_mask & BIT(i) && (a ^ b) & BIT(i))
			return false;
	return true;
}

static bool ref_overlaps(const struct latch_sel *a, const struct latch_sel *b)
{
	return !a->family || !b->family ||
	       (a->family == b->family && (!a->proto || !b->proto || a->proto == b->proto) &&
		ref_port_overlaps(a->sport, a->sport_mask, b->sport, b->sport_mask) &&
		ref_port_overlaps(a->dport, a->dport_mask, b->dport, b->dport_mask) &&
		ref_prefix_overlaps(&a->src, a->src_len, &b->src, b->src_len) &&
		ref_prefix_overlaps(&a->dst, a->dst_len, &b->dst, b->dst_len));
}

/* Random pairs; where one flow is covered by both, or one contains the other, they overlap. */
static void flow_overlaps(struct tally *t)
{
	struct latch_flow f = sample_flow();
	unsigned int i, overlapping = 0;
	u32 seed = 5660;

	for (i = 0; i < RANDOM_ROUNDS; i++) {
		struct latch_sel a = random_sel(&seed, &f), b = random_sel(&seed, &f);
		u8 dir = i % LATCH_DIRS;
		bool overlap;

		if (i % 3 == 1)
			b = narrow_sel(&f, dir);
		a.src_len %= i % 7 ? 129 : 8;
		b.dst_len %= i % 5 ? 129 : 8;
		overlap = latch_sel_overlaps(&a, &b);
		overlapping += overlap;
		EXPECT(t, overlap == ref_overlaps(&a, &b), "round %u", i);
		EXPECT(t, overlap == latch_sel_overlaps(&b, &a), "round %u: the other way", i);
		EXPECT(t, overlap || !latch_sel_covers(&a, &f, dir) ||
		       !latch_sel_covers(&b, &f, dir), "round %u: both cover", i);
		EXPECT(t, overlap || !latch_sel_contains(&a, &b), "round %u: contained", i);
	}
	EXPECT(t, overlapping > RANDOM_ROUNDS / 50 && overlapping < RANDOM_ROUNDS / 2,
	       "%u of %u overlap: the test is none", overlapping, RANDOM_ROUNDS);
}

static void expect_overlap(struct tally *t, const struct latch_sel *a, const struct latch_sel *b,
			   bool expected, const char *what)
{
	EXPECT(t, latch_sel_overlaps(a, b) == expected, "%s", what);
	EXPECT(t, latch_sel_overlaps(b, a) == expected, "%s, the other way", what);
}

/* One difference at a time, and then the other one does not look at it. */
static void flow_overlaps_by_hand(struct tally *t)
{
	struct latch_flow f = sample_flow();
	const struct latch_sel one = narrow_sel(&f, LATCH_DIR_OUT);
	struct latch_sel s, other = one;

	expect_overlap(t, &one, &other, true, "itself");
#define APART(change, widen)							\
do {										\
	s = one;								\
	change;									\
	other = one;								\
	expect_overlap(t, &s, &other, false, #change);				\
	widen;									\
	expect_overlap(t, &s, &other, true, #change ", " #widen);		\
} while (0)
	APART(s.family = FAMILY_6, other.family = 0);
	APART(s.proto = 17, other.proto = 0);
	APART(s.sport ^= 1, other.sport_mask = 0);
	APART(s.dport ^= 0x8000, other.dport_mask = 0);
	APART(s.src.b[15] ^= 1, other.src_len = 127);
	APART(s.dst.b[15] ^= 1, other.dst_len = 127);
	APART(s.src.b[0] ^= 0x80, other.src_len = 0);
	APART(s.dst.b[0] ^= 0x80, other.dst_len = 0);
#undef APART
}

static void flow_equality(struct tally *t)
{
	const struct latch_flow a = sample_flow();
	struct latch_flow b = a;
	unsigned int i;
	u8 *bytes = (u8 *)&b;
	bool vrf;

	EXPECT(t, latch_flow_equal(&a, &b), "itself");
	for (i = 0; i < sizeof(b); i++) {
		bytes[i] ^= 1;
		EXPECT(t, !latch_flow_equal(&a, &b), "byte %u", i);
		vrf = i >= sizeof(b) - sizeof(b.l3);
		EXPECT(t, latch_flow_same_tuple(&a, &b) == vrf, "byte %u of the 5-tuple", i);
		bytes[i] ^= 1;
	}
	EXPECT(t, latch_flow_equal(&a, &b), "itself again");
}

static const struct test flow_tests[] = {
	{ "2-1_flow_is_its_five_tuple", flow_equality },
	{ "2.2-6_prefix_bounds", flow_prefix_bounds },
	{ "2.2-6_prefix_random", flow_prefix_random },
	{ "2.2-6_prefix_of_address", flow_prefix_of },
	{ "2.2-6_selector_directions", flow_directions },
	{ "2.2-6_selector_of_other_flow", flow_narrow },
	{ "2.2-6_selector_any", flow_any },
	{ "2.2-6_selector_without_family", flow_family_zero },
	{ "2.2-6_selector_port_masks", flow_port_masks },
	{ "2.2-6_selector_random", flow_random },
	{ "2.2-6_selector_contains", flow_contains_by_hand },
	{ "2.2-6_selector_contains_random", flow_contains },
	{ "2.3-13_selectors_overlap", flow_overlaps_by_hand },
	{ "2.3-13_selectors_overlap_random", flow_overlaps },
};

#endif /* LATCH_TESTS_FLOW_CASES_H */
