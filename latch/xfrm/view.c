// SPDX-License-Identifier: GPL-2.0
/*
 * XFRM's structures, xfrm_state and xfrm_policy, as values for the core.
 */
#include <net/ip.h>
#include <uapi/linux/xfrm.h>

#include "base/net.h"
#include "base/words.h"
#include "core/flow.h"
#include "core/tag.h"
#include "core/types.h"
#include "xfrm/sad.h"
#include "xfrm/spd.h"
#include "xfrm/view.h"

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

/**
 * latch_view_x() - an SA as one transformation
 * @x: the SA
 * @t: to fill
 *
 * Context: any; x->lock may be held.
 * Return: 0; -EINVAL for an algorithm that is not known here, which is then congruent with
 * nothing.
 */
int latch_view_x(const struct xfrm_state *x, struct latch_transform *t)
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
	sa->bound = x->sel.ifindex;
	sa->tag_flags = x->props.flags & XFRM_STATE_ESN ? LATCH_TAG_ESN : 0;
	return latch_view_x(x, &sa->x);
}

/* @tunnel: of IPComp, before this one, or NULL */
static void latch_view_tmpl(const struct xfrm_tmpl *t, const struct xfrm_tmpl *tunnel,
			    struct latch_tmpl *tmpl)
{
	const struct xfrm_tmpl *ends = t;

	tmpl->outer = tunnel && t->mode == XFRM_MODE_TRANSPORT;
	if (tmpl->outer)
		ends = tunnel;
	tmpl->family = ends->encap_family;
	latch_view_addr(&tmpl->daddr, &ends->id.daddr, tmpl->family);
	latch_view_addr(&tmpl->saddr, &ends->saddr, tmpl->family);
	tmpl->spi = t->id.spi;
	tmpl->reqid = t->reqid;
	tmpl->proto = t->id.proto;
	tmpl->mode = t->mode;
	tmpl->optional = t->optional;
}

/**
 * latch_view_pol() - copy what matters of a policy
 * @xp:  the policy
 * @dir: XFRM_POLICY_IN, XFRM_POLICY_OUT or XFRM_POLICY_FWD
 * @pol: to fill
 *
 * IPComp templates are left out: IPComp protects nothing, and a small packet
 * goes without it. But where one is a tunnel, the templates behind it are for its ends.
 *
 * Context: any.
 * Return: 0, or -E2BIG for a policy with more templates than a latch can hold,
 * which is copied as one that blocks: nothing can be latched under it.
 */
int latch_view_pol(const struct xfrm_policy *xp, int dir, struct latch_pol *pol)
{
	const struct xfrm_tmpl *tunnel = NULL;
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
	pol->dir = dir == XFRM_POLICY_IN ? LATCH_DIR_IN :
		   dir == XFRM_POLICY_OUT ? LATCH_DIR_OUT : LATCH_SPD_FWD;

	for (i = 0; i < xp->xfrm_nr; i++) {
		if (xp->xfrm_vec[i].id.proto == IPPROTO_COMP) {
			pol->ipcomp = true;
			if (xp->xfrm_vec[i].mode != XFRM_MODE_TRANSPORT)
				tunnel = &xp->xfrm_vec[i];
			continue;
		}
		if (pol->n_tmpl == LATCH_MAX_TRANSFORMS) {
			pol->action = XFRM_POLICY_BLOCK;
			return -E2BIG;
		}
		latch_view_tmpl(&xp->xfrm_vec[i], tunnel, &pol->tmpl[pol->n_tmpl++]);
	}
	return 0;
}
