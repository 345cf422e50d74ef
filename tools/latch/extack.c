// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says about a request that it refuses.
 */
#include <stdio.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/latch_netlink.h>
#include "names.h"
#include "nl.h"

/**
 * struct complaint - the parts of an extended acknowledgment
 * @msg:   its text
 * @len:   length of @msg
 * @offs:  where in the request the bad attribute is, 0 nowhere
 * @miss:  type of an attribute that is missing, 0 none
 */
struct complaint {
	const char *msg;
	size_t len;
	uint32_t offs;
	uint32_t miss;
};

/* What attribute of the request is at this offset? NULL where none begins there. */
static const char *attr_at(const struct nlmsghdr *sent, uint32_t offs)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, sent, GENL_HDRLEN)
		if ((const char *)attr - (const char *)sent == (long)offs)
			return name_word(attr_names(nl_cmd(sent)), mnl_attr_get_type(attr));
	return NULL;
}

static void take_attr(struct complaint *c, const struct nlattr *attr)
{
	size_t len = mnl_attr_get_payload_len(attr);

	switch (mnl_attr_get_type(attr)) {
	case NLMSGERR_ATTR_MSG:
		c->msg = mnl_attr_get_payload(attr);
		c->len = strnlen(c->msg, len);
		break;
	case NLMSGERR_ATTR_OFFS:
		c->offs = attr_num(attr);
		break;
	case NLMSGERR_ATTR_MISS_TYPE:
		c->miss = attr_num(attr);
		break;
	}
}

/*
 * Collect the attributes after the fixed part and, where the kernel gave the
 * request back in full, after that.
 */
static void parse(struct complaint *c, const struct nlmsghdr *nlh, size_t head)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	size_t skip = head;

	memset(c, 0, sizeof(*c));
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (nlh->nlmsg_type == NLMSG_ERROR && !(nlh->nlmsg_flags & NLM_F_CAPPED)) {
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e) ||
		    e->msg.nlmsg_len < sizeof(e->msg))
			return;
		skip += MNL_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	}
	if (skip > mnl_nlmsg_get_payload_len(nlh))
		return;
	mnl_attr_for_each(attr, nlh, skip)
		take_attr(c, attr);
}

/*
 * One line for a refusal: the error, the kernel's words and the attribute.
 * @nlh: the answer; @head: length of its fixed part; @sent: the request.
 */
void extack_print(const struct nlmsghdr *nlh, int err, size_t head, const struct nlmsghdr *sent)
{
	const char *bad = NULL, *miss = NULL;
	char attr[64] = "";
	struct complaint c;

	parse(&c, nlh, head);
	if (sent->nlmsg_type != GENL_ID_CTRL) {
		bad = c.offs ? attr_at(sent, c.offs) : NULL;
		miss = c.miss ? name_word(attr_names(nl_cmd(sent)), c.miss) : NULL;
	}
	if (bad)
		snprintf(attr, sizeof(attr), " (attribute %s)", bad);
	else if (miss)
		snprintf(attr, sizeof(attr), " (attribute %s is missing)", miss);
	if (c.len)
		error("the kernel refused: %s: %.*s%s", strerror(err), (int)c.len, c.msg, attr);
	else
		error("the kernel refused: %s%s", strerror(err), attr);
}
