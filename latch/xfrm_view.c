// SPDX-License-Identifier: GPL-2.0
/*
 * The only reader of the insides of xfrm_state, xfrm_policy and sec_path: turns
 * them into values for the core.
 */
#include <net/ip.h>
#include <uapi/linux/xfrm.h>

#include "bind.h"
#include "latch.h"

/* An algorithm's kernel name and its IKEv2 transform number. */
struct latch_alg {
	const char *name;
	u16	id;
	u16	icv_bits;	/* 0 matches any */
	u16	salt_bits;	/* part of the key that is no key */
};

static const struct latch_alg latch_aeads[] = {
	{ "rfc4106(gcm(aes))", 18, 64, 32 },
	{ "rfc4106(gcm(aes))", 19, 96, 32 },
	{ "rfc4106(gcm(aes))", 20, 128, 32 },
	{ "rfc4309(ccm(aes))", 14, 64, 24 },
	{ "rfc4309(ccm(aes))", 15, 96, 24 },
	{ "rfc4309(ccm(aes))", 16, 128, 24 },
	{ "rfc4543(gcm(aes))", 21, 0, 32 },
	{ "rfc7539esp(chacha20,poly1305)", 28, 0, 32 },
};

static const struct latch_alg latch_ciphers[] = {
	{ "ecb(cipher_null)", 11 },
	{ "cbc(aes)", 12 },
	{ "rfc3686(ctr(aes))", 13, 0, 32 },
	{ "cbc(camellia)", 23 },
	{ "cbc(des3_ede)", 3 },
	{ "cbc(des)", 2 },
	{ "cbc(cast5)", 6 },
	{ "cbc(blowfish)", 7 },
	{ "cbc(serpent)", LATCH_ENCR_SERPENT_CBC },
	{ "cbc(twofish)", LATCH_ENCR_TWOFISH_CBC },
	{ "cbc(sm4)", LATCH_ENCR_SM4_CBC },
};

static const struct latch_alg latch_auths[] = {
	{ "hmac(sha256)", 12 },
	{ "hmac(sha384)", 13 },
	{ "hmac(sha512)", 14 },
	{ "hmac(sha1)", 2 },
	{ "hmac(md5)", 1 },
	{ "xcbc(aes)", 5 },
	{ "cmac(aes)", 8 },
	{ "hmac(rmd160)", LATCH_INTEG_HMAC_RIPEMD160 },
	{ "hmac(sm3)", LATCH_INTEG_HMAC_SM3 },
};

static const struct latch_alg *latch_alg_find(const struct latch_alg *table, unsigned int n,
					      const char *name, u16 icv)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!strcmp(table[i].name, name) &&
		    (!table[i].icv_bits || table[i].icv_bits == icv))
			return &table[i];
	return NULL;
}

static u32 latch_view_window(const struct xfrm_state *x)
{
	return x->replay_esn ? x->replay_esn->replay_window : x->props.replay_window;
}

/*
 * An SA as one transformation; -EINVAL for an algorithm that is not known here,
 * which is then congruent with nothing.
 */
static int latch_view_x(const struct xfrm_state *x, struct latch_transform *t)
{
	const struct latch_alg *a;

	memset(t, 0, sizeof(*t));
	t->proto = x->id.proto;
	t->mode = x->props.mode;
	t->replay_window = latch_view_window(x);

	if (x->aead) {
		a = latch_alg_find(latch_aeads, ARRAY_SIZE(latch_aeads),
				   x->aead->alg_name, x->aead->alg_icv_len);
		if (!a || x->aead->alg_key_len < a->salt_bits)
			return -EINVAL;
		t->encr = a->id;
		t->encr_bits = x->aead->alg_key_len - a->salt_bits;
		t->icv_bits = x->aead->alg_icv_len;
	}
	if (x->ealg) {
		a = latch_alg_find(latch_ciphers, ARRAY_SIZE(latch_ciphers),
				   x->ealg->alg_name, 0);
		if (!a || x->ealg->alg_key_len < a->salt_bits)
			return -EINVAL;
		t->encr = a->id;
		t->encr_bits = x->ealg->alg_key_len - a->salt_bits;
	}
	if (x->aalg && strcmp(x->aalg->alg_name, "digest_null")) {
		a = latch_alg_find(latch_auths, ARRAY_SIZE(latch_auths),
				   x->aalg->alg_name, 0);
		if (!a)
			return -EINVAL;
		t->integ = a->id;
		t->integ_bits = x->aalg->alg_key_len;
		t->icv_bits = x->aalg->alg_trunc_len;
	}
	return 0;
}

static void latch_view_sel(const struct xfrm_selector *s, struct latch_sel *sel)
{
	memset(sel, 0, sizeof(*sel));
	memcpy(&sel->src, &s->saddr, sizeof(sel->src));
	memcpy(&sel->dst, &s->daddr, sizeof(sel->dst));
	sel->family = s->family;
	sel->src_len = s->prefixlen_s;
	sel->dst_len = s->prefixlen_d;
	sel->proto = s->proto;
	sel->sport = (__force u16)s->sport;
	sel->dport = (__force u16)s->dport;
	sel->sport_mask = (__force u16)s->sport_mask;
	sel->dport_mask = (__force u16)s->dport_mask;
}

static void latch_view_addr(xfrm_address_t *to, const xfrm_address_t *from, u16 family)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, from, family == AF_INET ? 4 : 16);
}

/**
 * latch_view_sa_key() - what tells an SA from the others
 * @ln:  its namespace
 * @x:   the SA
 * @key: to fill; every byte of it is written, so that it can be hashed
 *
 * Context: any.
 */
void latch_view_sa_key(struct latch_net *ln, const struct xfrm_state *x,
		       struct latch_sa_key *key)
{
	memset(key, 0, sizeof(*key));
	key->ln = ln;
	key->family = x->props.family;
	latch_view_addr(&key->daddr, &x->id.daddr, key->family);
	key->proto = x->id.proto;
	key->spi = x->id.spi;
	key->mark_v = x->mark.v;
	key->mark_m = x->mark.m;
}

/**
 * latch_view_is() - is this the SA that a copy is of?
 * @x:  the SA
 * @sa: the copy
 *
 * Where the SA lies is not enough: its memory may have been reused.
 *
 * Context: RCU read side.
 * Return: true where it lies where the copy's did and is called as that is.
 */
bool latch_view_is(const struct xfrm_state *x, const struct latch_sa *sa)
{
	const struct latch_sa_key *key = &sa->key;

	return sa->xs == x && key->spi == x->id.spi && key->proto == x->id.proto &&
	       key->family == x->props.family && key->mark_v == x->mark.v &&
	       key->mark_m == x->mark.m && key->ln->net == read_pnet(&x->xs_net) &&
	       (key->family == AF_INET ? key->daddr.a4 == x->id.daddr.a4 :
					 latch_words_equal(&key->daddr, &x->id.daddr,
							   sizeof(key->daddr)));
}

/**
 * latch_view_sa() - copy what matters of an SA
 * @x:  the SA
 * @sa: to fill, but for the lists, the serial number and @sa->key
 *
 * Context: any; x->lock may be held.
 * Return: 0, or -EINVAL for algorithms that are not known.
 */
int latch_view_sa(const struct xfrm_state *x, struct latch_sa *sa)
{
	sa->xs = x;
	latch_view_sel(&x->sel, &sa->sel);
	latch_view_addr(&sa->saddr, &x->props.saddr, x->props.family);
	sa->reqid = x->props.reqid;
	sa->if_id = x->if_id;
	sa->tag_flags = x->props.flags & XFRM_STATE_ESN ? LATCH_TAG_ESN : 0;
	return latch_view_x(x, &sa->x);
}

static void latch_view_tmpl(const struct xfrm_tmpl *t, struct latch_tmpl *tmpl)
{
	tmpl->family = t->encap_family;
	latch_view_addr(&tmpl->daddr, &t->id.daddr, tmpl->family);
	latch_view_addr(&tmpl->saddr, &t->saddr, tmpl->family);
	tmpl->spi = t->id.spi;
	tmpl->reqid = t->reqid;
	tmpl->proto = t->id.proto;
	tmpl->mode = t->mode;
	tmpl->optional = t->optional;
}

/**
 * latch_view_pol() - copy what matters of a policy
 * @xp:  the policy
 * @dir: XFRM_POLICY_IN or XFRM_POLICY_OUT
 * @pol: to fill
 *
 * IPComp templates are left out: IPComp protects nothing, and a small packet
 * goes without it.
 *
 * Context: any.
 * Return: 0, or -E2BIG for a policy with more templates than a latch can hold,
 * which is copied as one that blocks: nothing can be latched under it.
 */
int latch_view_pol(const struct xfrm_policy *xp, int dir, struct latch_pol *pol)
{
	int i;

	memset(pol, 0, sizeof(*pol));
	latch_view_sel(&xp->selector, &pol->sel);
	pol->index = xp->index;
	pol->priority = xp->priority;
	pol->pos = xp->pos;
	pol->if_id = xp->if_id;
	pol->mark_v = xp->mark.v;
	pol->mark_m = xp->mark.m;
	pol->action = xp->action;
	pol->dir = dir == XFRM_POLICY_IN ? LATCH_DIR_IN : LATCH_DIR_OUT;

	for (i = 0; i < xp->xfrm_nr; i++) {
		if (xp->xfrm_vec[i].id.proto == IPPROTO_COMP)
			continue;
		if (pol->n_tmpl == LATCH_MAX_TRANSFORMS) {
			pol->action = XFRM_POLICY_BLOCK;
			return -E2BIG;
		}
		latch_view_tmpl(&xp->xfrm_vec[i], &pol->tmpl[pol->n_tmpl++]);
	}
	return 0;
}

/* An SA as one transformation, from its copy where that is of this very SA. */
static bool latch_view_known(const struct xfrm_state *x, const struct latch_sa *sa,
			     struct latch_transform *t)
{
	if (!sa || sa->xs != x)
		return !latch_view_x(x, t);
	*t = sa->x;
	return t->proto;
}

/* The copy of an SA, and who is behind it, by what tells it from others. */
static noinline struct latch_sa *latch_view_find(struct latch_net *ln,
						 const struct xfrm_state *x,
						 struct latch_who *who)
{
	struct latch_sa_key key;
	struct latch_sa *sa;

	latch_view_sa_key(ln, x, &key);
	sa = latch_sad_find(&key);
	latch_who(ln, &key, x->props.reqid, sa, who);
	return sa;
}

/* The copy of an SA, and who is behind it. */
static struct latch_sa *latch_view_who(struct latch_net *ln, const struct xfrm_state *x,
				       struct latch_who *who)
{
	struct latch_sa *sa = latch_sad_near(x);

	return sa && latch_group_known(sa, who) ? sa : latch_view_find(ln, x, who);
}

/* One SA more than the innermost one. */
static noinline struct latch_sa *latch_view_another(struct latch_net *ln, struct latch_pkt *p,
						    const struct xfrm_state *x)
{
	struct latch_ident id;
	struct latch_who who = { .id = &id };
	struct latch_sa *sa = latch_view_who(ln, x, &who);

	if (id.kind != p->tag.id.kind ||
	    (id.kind == LATCH_IDENT_NAMED && memcmp(&id, &p->tag.id, sizeof(id))))
		p->tag.id.kind = LATCH_IDENT_MIXED;
	return sa;
}

/* Adds one SA to a packet's tag: transformation, flags and identity. */
static void latch_view_add(struct latch_net *ln, struct latch_pkt *p,
			   const struct xfrm_state *x)
{
	struct latch_sa *sa;

	if (x->id.proto == IPPROTO_COMP || x->id.proto == IPPROTO_IPIP ||
	    x->id.proto == IPPROTO_IPV6) {
		p->ipcomp = true;
		return;
	}
	if (p->tag.n) {
		sa = latch_view_another(ln, p, x);
	} else {
		/* first, so that it is void if the copy is found and goes later */
		p->gen = latch_sacache_gen(&ln->gens, x);
		p->first = x;
		p->who.id = &p->tag.id;
		sa = latch_view_who(ln, x, &p->who);
		p->sa = sa;
	}
	if (p->tag.n == LATCH_MAX_TRANSFORMS ||
	    !latch_view_known(x, sa, &p->tag.x[p->tag.n])) {
		p->bad = true;
		return;
	}
	if (x->props.flags & XFRM_STATE_ESN)
		p->tag.flags |= LATCH_TAG_ESN;
	p->tag.n++;
	p->outer = x;
}

/**
 * latch_view_in() - what protected an inbound packet (2.4-1)
 * @ln:  its namespace
 * @skb: a packet in LOCAL_IN
 * @p:   to fill, all zero before; @p->tag.n is 0 where nothing did
 *
 * Context: RCU read side, BH off.
 * Return: false where the chain of SAs cannot be told.
 */
bool latch_view_in(struct latch_net *ln, struct sk_buff *skb, struct latch_pkt *p)
{
	const struct sec_path *sp = skb_sec_path(skb);
	int i;

	p->dir = LATCH_DIR_IN;
	p->mark = skb->mark;
	for (i = sp ? sp->len - 1 : -1; i >= 0; i--)
		latch_view_add(ln, p, sp->xvec[i]);
	return !p->bad;
}

/**
 * latch_view_out() - what will protect an outbound packet (2.4-1)
 * @ln:  its namespace
 * @skb: a packet in POST_ROUTING that was not transformed yet
 * @p:   to fill, all zero before; @p->tag.n is 0 where nothing will
 *
 * Context: RCU read side.
 * Return: false where the chain of SAs cannot be told.
 */
bool latch_view_out(struct latch_net *ln, struct sk_buff *skb, struct latch_pkt *p)
{
	const struct dst_entry *dst = skb_dst(skb);

	p->dir = LATCH_DIR_OUT;
	p->mark = skb->mark;
	for (; dst && dst_xfrm(dst); dst = xfrm_dst_child(dst))
		latch_view_add(ln, p, dst_xfrm(dst));
	return !p->bad;
}

/**
 * latch_view_outer() - note the outer addresses and ports of a packet
 * @c: where
 * @p: a packet that fits the latch
 *
 * None of these is latched; they are what RFC 5660 2-14 and 2-15 report.
 *
 * Context: RCU read side.
 */
void latch_view_outer(struct latch_common *c, const struct latch_pkt *p)
{
	const struct xfrm_state *x = p->outer;
	bool in = p->dir == LATCH_DIR_IN;

	c->outer_family = x->props.family;
	latch_view_addr(in ? &c->outer_local : &c->outer_remote, &x->id.daddr,
			x->props.family);
	latch_view_addr(in ? &c->outer_remote : &c->outer_local, &x->props.saddr,
			x->props.family);
	c->reqid[p->dir] = x->props.reqid;
	c->if_id = x->if_id;
	c->mark[p->dir] = p->mark;
	c->ipcomp |= p->ipcomp;
	c->natt = !!x->encap;
	if (x->encap) {
		c->natt_lport = in ? x->encap->encap_dport : x->encap->encap_sport;
		c->natt_rport = in ? x->encap->encap_sport : x->encap->encap_dport;
	}
}
