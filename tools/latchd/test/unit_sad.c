// SPDX-License-Identifier: GPL-2.0
/*
 * SAs, claims, and what the kernel says.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/xfrm.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>
#include <linux/latch.h>
#include "../conns.h"
#include "../log.h"
#include "../vici.h"
#include "unit.h"

void sad_asks_with_patience(void)
{
	int64_t now, last = 0;
	unsigned int n = 0;

	fake_reset();
	fake_sa("10.9.0.2", 1, 1);
	CHECK(sad_due() == 1050 && !sad_ask(1049, kernel_bound));
	for (now = 1050; now < 60000; now++) {
		if (!sad_ask(now, kernel_bound))
			continue;
		n++;
		CHECK(now - last <= 1600 || n == 1);
		last = now;
	}
	CHECK(n == 10 && last > 6000 && sad_count(SA_LEFT) == 1 && sad_due() == -1);
	/* what others bound is not asked for */
	fake_reset();
	fake_sa("10.9.0.2", 1, 1);
	fake.bound = 1;
	CHECK(!sad_ask(2000, kernel_bound) && sad_count(SA_BOUND) == 1 && sad_due() == -1);
	/* but all again when the module came anew */
	sad_forget(3000);
	CHECK(sad_count(SA_ASK) == 1 && sad_due() == 3000);
}

void sad_reads_anew(void)
{
	fake_reset();
	fake_sa("10.9.0.2", 1, 1);
	fake_sa("10.9.0.2", 2, 1);
	sad_round_begin();
	fake_sa("10.9.0.2", 2, 1);
	fake_sa("10.9.0.2", 3, 1);
	sad_round_end();
	CHECK(sad_count(SA_ASK) == 3 - 1);
	sad_flush(IPPROTO_AH);
	CHECK(sad_count(SA_ASK) == 2);
	sad_flush(IPPROTO_ESP);
	CHECK(sad_count(SA_ASK) == 0 && sad_due() == -1);
}

void claims_fail_closed(void)
{
	struct sa_key k = { .family = AF_INET, .proto = IPPROTO_ESP, .mark = 1, .mask = 1 };
	struct msg m = updown("bob", true);
	struct claims c = { .who = "charon" };
	struct vici_answer a;

	conns_add("ab", false);
	/* the SA goes meanwhile: latchd deletes the claim */
	sas();
	fake.gone = true;
	CHECK(vici_parse(m.data, m.len, &a, &c));
	claims_tell(&c);
	CHECK(!fake.n && fake.taken == 2 && sad_count(SA_ASK) == 2);
	/* another peer has claimed it: latchd asks no more */
	sas();
	fake.error = -EEXIST;
	CHECK(vici_parse(m.data, m.len, &a, &c));
	claims_tell(&c);
	CHECK(sad_count(SA_LEFT) == 2);
	/* the kernel has no room: latchd asks again */
	sas();
	fake.error = -ENOSPC;
	CHECK(vici_parse(m.data, m.len, &a, &c));
	claims_tell(&c);
	CHECK(sad_count(SA_ASK) == 4);
	/* several SAs differ only in their marks: which one does charon mean? */
	sas();
	k.spi = htonl(0x7f01);
	inet_pton(AF_INET, "10.9.0.2", k.dst);
	sad_add(&k, 1, 1000);
	CHECK(vici_parse(m.data, m.len, &a, &c));
	claims_tell(&c);
	CHECK(fake.n == 1 && !fake_find("10.9.0.2", 0x7f01));
}

/* --- what the kernel says ---------------------------------------------------- */

static const struct xfrm_mark mark = { 5, 7 };

/* An SPI that is reserved is no SA yet: that is one with algorithms. */
static void new_sa(char *buf, uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_usersa_info *sa;
	char key[64];

	memset(key, 'k', sizeof(key));
	fake_reset();
	nlh->nlmsg_type = type;
	sa = mnl_nlmsg_put_extra_header(nlh, sizeof(*sa));
	sa->family = AF_INET;
	sa->id.proto = IPPROTO_ESP;
	sa->id.spi = htonl(0x7f01);
	sa->reqid = 5;
	CHECK(!xfrm_message(buf, nlh->nlmsg_len, 1000) && !sad_count(SA_ASK));
	mnl_attr_put(nlh, XFRMA_ALG_AEAD, sizeof(key), key);
	mnl_attr_put(nlh, XFRMA_MARK, sizeof(mark), &mark);
	CHECK(!xfrm_message(buf, nlh->nlmsg_len, 1000) && sad_count(SA_ASK) == 1);
	CHECK(!xfrm_message(buf, nlh->nlmsg_len, 1000) && sad_count(SA_ASK) == 1);
	seed('x', buf, nlh->nlmsg_len);
}

/* An SA with another mark is another one. */
static void del_sa(char *buf)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_usersa_id *id;

	nlh->nlmsg_type = XFRM_MSG_DELSA;
	id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));
	id->family = AF_INET;
	id->proto = IPPROTO_ESP;
	id->spi = htonl(0x7f01);
	CHECK(!xfrm_message(buf, nlh->nlmsg_len, 1000) && sad_count(SA_ASK) == 1);
	mnl_attr_put(nlh, XFRMA_MARK, sizeof(mark), &mark);
	CHECK(!xfrm_message(buf, nlh->nlmsg_len, 1000) && !sad_count(SA_ASK));
	seed('x', buf, nlh->nlmsg_len);
}

/* A soft lifetime ends no SA, a hard one does. */
static void expire_sa(char *buf)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_user_expire *ue;

	fake_sa("10.9.0.2", 0x7f01, 1);
	nlh->nlmsg_type = XFRM_MSG_EXPIRE;
	ue = mnl_nlmsg_put_extra_header(nlh, sizeof(*ue));
	ue->state.family = AF_INET;
	ue->state.id.proto = IPPROTO_ESP;
	ue->state.id.spi = htonl(0x7f01);
	inet_pton(AF_INET, "10.9.0.2", &ue->state.id.daddr);
	CHECK(!xfrm_message(buf, nlh->nlmsg_len, 1000) && sad_count(SA_ASK) == 1);
	ue->hard = 1;
	CHECK(!xfrm_message(buf, nlh->nlmsg_len, 1000) && !sad_count(SA_ASK));
	seed('x', buf, nlh->nlmsg_len);
}

void kernel_messages(void)
{
	struct nlmsghdr *nlh;
	char buf[4096] = "";
	size_t i;

	new_sa(buf, XFRM_MSG_NEWSA);
	new_sa(buf, XFRM_MSG_UPDSA);
	del_sa(buf);
	expire_sa(buf);
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = XFRM_MSG_MIGRATE;
	CHECK(xfrm_message(buf, nlh->nlmsg_len, 1000));
	/* cut at each byte */
	nlh->nlmsg_type = XFRM_MSG_NEWSA;
	for (i = 0; i < 64; i++)
		CHECK(!xfrm_message(buf, i, 1000));
}

void logs_are_harmless(void)
{
	static const char evil[] = "a\n<0>b\033[2J\"\\\xff c ";
	const char *p = shown(evil, sizeof(evil));

	CHECK(!strcmp(p, "a\\x0a<0>b\\x1b[2J\\x22\\x5c\\xff c \\x00"));
	for (; *p; p++)
		CHECK(*p >= 0x20 && *p < 0x7f && *p != '"');
	char big[3000];

	memset(big, '\n', sizeof(big));
	CHECK(strlen(shown(big, sizeof(big))) < 260);
}
