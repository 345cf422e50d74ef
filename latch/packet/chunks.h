/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_CHUNKS_H
#define LATCH_PACKET_CHUNKS_H

#include <linux/types.h>

struct latch;
struct latch_hdr;
struct latch_net;
struct sk_buff;
struct sock;

/* No chunk has this type in a packet that can be read; SCTP drops what cannot. */
#define LATCH_SCTP_NONE	0xff

/**
 * struct latch_sctp_inside - what a packet says inside whose header leads to no association
 * @sibling: the latch of a path of the association that it names; NULL none
 * @sk:      that association's socket; NULL it names none
 * @echo:    it has a COOKIE ECHO
 * @unread:  there is more of it than is read
 */
struct latch_sctp_inside {
	struct latch	*sibling;
	struct sock	*sk;
	bool		echo;
	bool		unread;
};

u8 latch_sctp_type(const struct sk_buff *skb, int thoff);
u32 latch_sctp_tag(const struct sk_buff *skb, int thoff);
void latch_sctp_look(struct latch_net *ln, const struct sk_buff *skb, const struct latch_hdr *h,
		     int dif, struct latch_sctp_inside *in);

#endif /* LATCH_PACKET_CHUNKS_H */
