// SPDX-License-Identifier: GPL-2.0
/*
 * Reads what the kernel tells of SAs, without looking at their keys.
 */
#include <string.h>
#include <netinet/in.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include "kernel.h"

static bool take_key(struct sa_key *key, const xfrm_address_t *daddr, uint32_t spi, uint8_t proto,
		     uint16_t family)
{
	*key = (struct sa_key){ .family = family, .proto = proto, .spi = spi };
	if ((proto != IPPROTO_ESP && proto != IPPROTO_AH) ||
	    (family != AF_INET && family != AF_INET6) || !spi)
		return false;
	memcpy(key->dst, daddr, family == AF_INET ? 4 : 16);
	return true;
}

/*
 * Read the mark from the attributes, which follow @head bytes. Returns true where the SA
 * has an algorithm.
 */
static bool take_attributes(const struct nlmsghdr *nlh, size_t head, struct sa_key *key)
{
	const struct nlattr *attr;
	struct xfrm_mark mark;
	bool algorithm = false;

	mnl_attr_for_each(attr, nlh, head) {
		switch (mnl_attr_get_type(attr)) {
		case XFRMA_MARK:
			if (mnl_attr_get_payload_len(attr) < sizeof(mark))
				break;
			memcpy(&mark, mnl_attr_get_payload(attr), sizeof(mark));
			key->mark = mark.v;
			key->mask = mark.m;
			break;
		case XFRMA_ALG_AUTH:
		case XFRMA_ALG_AUTH_TRUNC:
		case XFRMA_ALG_CRYPT:
		case XFRMA_ALG_AEAD:
			algorithm = true;
			break;
		}
	}
	return algorithm;
}

/* Add an SA. One without algorithms is only an SPI that an IKE daemon has reserved. */
static void take_sa(const struct nlmsghdr *nlh, const struct xfrm_usersa_info *info, size_t head,
		    int64_t now)
{
	struct sa_key key;

	if (take_key(&key, &info->id.daddr, info->id.spi, info->id.proto, info->family) &&
	    take_attributes(nlh, head, &key))
		sad_add(&key, info->reqid, now);
}

static void take_new(const struct nlmsghdr *nlh, int64_t now)
{
	const struct xfrm_usersa_info *info = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*info))
		take_sa(nlh, info, sizeof(*info), now);
}

static void take_del(const struct nlmsghdr *nlh)
{
	const struct xfrm_usersa_id *id = mnl_nlmsg_get_payload(nlh);
	struct sa_key key;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*id) ||
	    !take_key(&key, &id->daddr, id->spi, id->proto, id->family))
		return;
	take_attributes(nlh, sizeof(*id), &key);
	sad_del(&key);
}

static void take_expire(const struct nlmsghdr *nlh)
{
	const struct xfrm_user_expire *ue = mnl_nlmsg_get_payload(nlh);
	struct sa_key key;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ue) || !ue->hard ||
	    !take_key(&key, &ue->state.id.daddr, ue->state.id.spi, ue->state.id.proto,
		      ue->state.family))
		return;
	take_attributes(nlh, sizeof(*ue), &key);
	sad_del(&key);
}

static void take_flush(const struct nlmsghdr *nlh)
{
	const struct xfrm_usersa_flush *f = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*f))
		sad_flush(f->proto);
}

/* Is the message complete?  libmnl compares signed lengths, and lets a huge one pass. */
static bool is_whole(const struct nlmsghdr *nlh, int left)
{
	return mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (unsigned int)left;
}

/**
 * xfrm_message() - read messages of the kernel
 * @msg: netlink messages
 * @len: their bytes
 * @now: in milliseconds
 *
 * Return: true where the SAD has changed in a way that the messages do not tell, so that
 * the caller has to read it.
 */
bool xfrm_message(const void *msg, size_t len, int64_t now)
{
	const struct nlmsghdr *nlh = msg;
	bool anew = false;
	int left = len;

	for (; is_whole(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		switch (nlh->nlmsg_type) {
		case XFRM_MSG_NEWSA:
		case XFRM_MSG_UPDSA:
			take_new(nlh, now);
			break;
		case XFRM_MSG_DELSA:
			take_del(nlh);
			break;
		case XFRM_MSG_EXPIRE:
			take_expire(nlh);
			break;
		case XFRM_MSG_FLUSHSA:
			take_flush(nlh);
			break;
		case XFRM_MSG_MIGRATE:
			anew = true;
			break;
		}
	}
	return anew;
}
