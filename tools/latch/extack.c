// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says about a request that it refuses.
 */
#include <stdio.h>
#include <string.h>
#include <linux/genetlink.h>
#include "extack.h"
#include "latch.h"
#include "names.h"
#include "netlink.h"

/* Name the attribute that begins at this offset of the request; NULL where none does. */
static const char *attr_at(const struct nlmsghdr *request, uint32_t offs)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, request, GENL_HDRLEN)
		if ((const char *)attr - (const char *)request == (long)offs)
			return name_word(attr_names(netlink_cmd(request)), mnl_attr_get_type(attr));
	return NULL;
}

/**
 * extack_print() - print one line about a refusal: errno, words and attribute
 * @refusal: the message in which the kernel refuses
 * @err:     its errno, positive
 * @request: the request; NULL where it is not one to the family "latch", whose
 *           attributes have names here
 */
void extack_print(const struct nlmsghdr *refusal, int err, const struct nlmsghdr *request)
{
	const char *bad = NULL, *miss = NULL;
	struct netlink_words w;
	char attr[64] = "";

	netlink_read_words(refusal, &w);
	if (request && w.offs)
		bad = attr_at(request, w.offs);
	if (request && w.miss)
		miss = name_word(attr_names(netlink_cmd(request)), w.miss);
	if (bad)
		snprintf(attr, sizeof(attr), " (attribute %s)", bad);
	else if (miss)
		snprintf(attr, sizeof(attr), " (attribute %s is missing)", miss);
	if (w.len)
		error("the kernel refused: %s: %.*s%s", strerror(err), (int)w.len, w.msg, attr);
	else
		error("the kernel refused: %s%s", strerror(err), attr);
}
