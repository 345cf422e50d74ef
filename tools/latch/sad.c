// SPDX-License-Identifier: GPL-2.0
/*
 * See sad.h.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include "dump.h"
#include "names.h"
#include "sad.h"

/* Linux 6.2 and later */
#ifndef XFRM_OFFLOAD_PACKET
#define XFRM_OFFLOAD_PACKET	4
#endif

static const void *payload(const struct nlattr *attr, size_t len)
{
	return attr && mnl_attr_get_payload_len(attr) >= len ? mnl_attr_get_payload(attr) : NULL;
}

/* Copy an address; of an IPv4 one the other bytes are not set in the message. */
static void copy_addr(uint8_t *to, const xfrm_address_t *from, uint16_t family)
{
	memset(to, 0, 16);
	memcpy(to, from, family == AF_INET ? 4 : 16);
}

static void take_pair(struct sa *sa, const struct xfrm_usersa_info *info)
{
	const struct xfrm_selector *sel = &info->sel;
	struct sa_pair *p = &sa->pair;
	bool back = memcmp(sa->src, sa->dst, sizeof(sa->src)) > 0;

	sa->back = back;
	p->family = info->family;
	p->proto = info->id.proto;
	p->reqid = info->reqid;
	memcpy(p->lo, back ? sa->dst : sa->src, sizeof(p->lo));
	memcpy(p->hi, back ? sa->src : sa->dst, sizeof(p->hi));
	copy_addr(p->sel_lo, back ? &sel->daddr : &sel->saddr, sel->family);
	copy_addr(p->sel_hi, back ? &sel->saddr : &sel->daddr, sel->family);
	p->sel_family = sel->family;
	p->sel_proto = sel->proto;
	p->len_lo = back ? sel->prefixlen_d : sel->prefixlen_s;
	p->len_hi = back ? sel->prefixlen_s : sel->prefixlen_d;
	p->port_lo = back ? sel->dport : sel->sport;
	p->port_hi = back ? sel->sport : sel->dport;
	p->mask_lo = back ? sel->dport_mask : sel->sport_mask;
	p->mask_hi = back ? sel->sport_mask : sel->dport_mask;
}

static void add_word(char *buf, const char *name, unsigned int bits, unsigned int icv)
{
	size_t have = strlen(buf);

	have += snprintf(buf + have, SA_TEXT_MAX - have, " %.64s", name);
	if (bits && have < SA_TEXT_MAX)
		have += snprintf(buf + have, SA_TEXT_MAX - have, " %u", bits);
	if (icv && have < SA_TEXT_MAX)
		snprintf(buf + have, SA_TEXT_MAX - have, "/%u", icv);
}

/* Put the algorithms into words. Returns false for an SPI that is only reserved. */
static bool take_suite(struct sa *sa, const struct xfrm_usersa_info *info,
		       const struct nlattr **tb)
{
	const struct xfrm_algo_aead *aead = payload(tb[XFRMA_ALG_AEAD], sizeof(*aead));
	const struct xfrm_algo *crypt = payload(tb[XFRMA_ALG_CRYPT], sizeof(*crypt));
	const struct xfrm_algo_auth *auth = payload(tb[XFRMA_ALG_AUTH_TRUNC], sizeof(*auth));
	const char *mode = name_word(xfrm_mode_names, info->mode);

	snprintf(sa->suite, sizeof(sa->suite), "%s", mode ? mode : "other mode");
	if (aead)
		add_word(sa->suite, aead->alg_name, aead->alg_key_len, aead->alg_icv_len);
	if (crypt)
		add_word(sa->suite, crypt->alg_name, crypt->alg_key_len, 0);
	if (auth)
		add_word(sa->suite, auth->alg_name, auth->alg_key_len, auth->alg_trunc_len);
	if (info->flags & XFRM_STATE_ESN)
		add_word(sa->suite, "esn", 0, 0);
	return aead || crypt || auth;
}

static void take_more(struct sa *sa, const struct xfrm_usersa_info *info, const struct nlattr **tb)
{
	const struct xfrm_replay_state_esn *esn = payload(tb[XFRMA_REPLAY_ESN_VAL], sizeof(*esn));
	const struct xfrm_user_offload *dev = payload(tb[XFRMA_OFFLOAD_DEV], sizeof(*dev));
	const struct xfrm_mark *mark = payload(tb[XFRMA_MARK], sizeof(*mark));

	sa->spi = info->id.spi;
	sa->added = info->curlft.add_time;
	sa->window = esn ? esn->replay_window : info->replay_window;
	sa->if_id = netlink_num(tb[XFRMA_IF_ID]);
	if (mark) {
		sa->mark = mark->v;
		sa->mask = mark->m;
	}
	if (dev)
		sa->offload = dev->flags & XFRM_OFFLOAD_PACKET ? SA_OFFLOAD_PACKET :
								 SA_OFFLOAD_CRYPTO;
}

static void take_sa(const struct nlmsghdr *nlh, void *data)
{
	const struct xfrm_usersa_info *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[XFRMA_MAX + 1];
	struct sad *sad = data;
	struct sa *sa;

	/* IPComp protects nothing, and nobody can claim it */
	if (nlh->nlmsg_type != XFRM_MSG_NEWSA ||
	    (info->id.proto != IPPROTO_ESP && info->id.proto != IPPROTO_AH))
		return;
	netlink_parse_after(nlh, sizeof(*info), tb, XFRMA_MAX);
	sad->sa = grow(sad->sa, sad->n, &sad->room, sizeof(*sad->sa));
	sa = &sad->sa[sad->n];
	memset(sa, 0, sizeof(*sa));
	copy_addr(sa->src, &info->saddr, info->family);
	copy_addr(sa->dst, &info->id.daddr, info->family);
	take_pair(sa, info);
	take_more(sa, info, tb);
	if (take_suite(sa, info, tb))
		sad->n++;
}

static void forget(void *data)
{
	struct sad *sad = data;

	sad->n = 0;
}

/**
 * sad_read() - read the SAs of the namespace
 * @sad: zero; the caller gives it to sad_free(), also after a failure
 *
 * Leaves out SPIs that an IKE daemon has reserved and whose SA is not there yet.
 *
 * Return: 0, or EXIT_REFUSED after a message.
 */
int sad_read(struct sad *sad)
{
	struct dump d = {
		.bus = NETLINK_XFRM,
		.type = XFRM_MSG_GETSA,
		.head = sizeof(struct xfrm_usersa_id),
		.entry = sizeof(struct xfrm_usersa_info),
		.what = "SAs",
		.cb = take_sa,
		.again = forget,
		.data = sad,
	};

	return dump_read(&d);
}

/**
 * sad_free() - forget the SAs
 * @sad: zero from now on
 */
void sad_free(struct sad *sad)
{
	free(sad->sa);
	memset(sad, 0, sizeof(*sad));
}

/**
 * sa_any_source() - tell whether an SA is for every source address
 * @sa: the SA
 *
 * Return: true where its source address is 0.0.0.0 or ::.
 */
bool sa_any_source(const struct sa *sa)
{
	static const uint8_t any[16];

	return !memcmp(sa->src, any, sizeof(any));
}

/**
 * reqid_compare() - compare two reqids, for qsort() and bsearch()
 * @a: one
 * @b: the other one
 *
 * Return: less than, equal to or greater than 0, as @a is to @b.
 */
int reqid_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/**
 * sa_text() - put into words which SA one is
 * @sa:  the SA
 * @buf: set
 * @len: bytes of @buf
 */
void sa_text(const struct sa *sa, char *buf, size_t len)
{
	const char *proto = name_word(sa_proto_names, sa->pair.proto);
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	inet_ntop(sa->pair.family, sa->src, src, sizeof(src));
	inet_ntop(sa->pair.family, sa->dst, dst, sizeof(dst));
	snprintf(buf, len, "src %s dst %s proto %s spi 0x%x reqid %u", src, dst, proto,
		 ntohl(sa->spi), sa->pair.reqid);
}

/**
 * sa_way_text() - put into words which packets an SA could carry
 * @sa:  the SA
 * @buf: set
 * @len: bytes of @buf
 */
void sa_way_text(const struct sa *sa, char *buf, size_t len)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	inet_ntop(sa->pair.family, sa->src, src, sizeof(src));
	inet_ntop(sa->pair.family, sa->dst, dst, sizeof(dst));
	snprintf(buf, len, "src %s dst %s reqid %u", src, dst, sa->pair.reqid);
}
