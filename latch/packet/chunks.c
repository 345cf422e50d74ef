// SPDX-License-Identifier: GPL-2.0
/*
 * What is read of the chunks of a packet of SCTP: as little as tells which association it begins
 * or belongs to.
 */
#include <linux/sctp.h>
#include <linux/skbuff.h>

#include "core/flow.h"
#include "packet/chunks.h"
#include "packet/parse.h"
#include "sock/sctp.h"

/* What is read of a packet: its header, its first chunk's, and the tag of an INIT. */
struct latch_sctp_start {
	struct sctphdr		head;
	struct sctp_chunkhdr	chunk;
	__be32			tag;
} __packed;

/* So many chunks of a packet that belongs to no association are read, or address parameters. */
#define LATCH_SCTP_WALK	64

/**
 * latch_sctp_type() - the type of a packet's first chunk
 * @skb:   the packet
 * @thoff: its SCTP header
 *
 * Context: any. Return: SCTP_CID_*; LATCH_SCTP_NONE where it cannot be read.
 */
u8 latch_sctp_type(const struct sk_buff *skb, int thoff)
{
	u8 buf;
	const u8 *type = skb_header_pointer(skb, thoff + sizeof(struct sctphdr), 1, &buf);

	return type ? *type : LATCH_SCTP_NONE;
}

/**
 * latch_sctp_tag() - the tag that an INIT asks the peer for: another one for each association
 * @skb:   the packet, whose first chunk is INIT
 * @thoff: its SCTP header
 *
 * Context: any. Return: the tag in network byte order; 0, which none has, where it cannot be read.
 */
u32 latch_sctp_tag(const struct sk_buff *skb, int thoff)
{
	struct latch_sctp_start buf;
	const struct latch_sctp_start *start = skb_header_pointer(skb, thoff, sizeof(buf), &buf);

	return start ? (__force u32)start->tag : 0;
}

/* Addresses are parameters of INIT, INIT ACK and ASCONF, of these types (RFC 9260 3.3.2). */
static bool latch_sctp_param(const struct sk_buff *skb, int off, const struct sctp_paramhdr *ph,
			     u8 *family, union latch_addr *addr)
{
	int size = ph->type == SCTP_PARAM_IPV4_ADDRESS ? 4 :
		   ph->type == SCTP_PARAM_IPV6_ADDRESS ? 16 : 0;

	memset(addr, 0, sizeof(*addr));
	*family = size == 4 ? AF_INET : AF_INET6;
	return size && !skb_copy_bits(skb, off + sizeof(*ph), addr, size);
}

/* The association that one of the parameters from @off to @end names. */
static void latch_sctp_look_params(struct latch_net *ln, const struct sk_buff *skb,
				   const struct latch_flow *f, int off, int end, int dif,
				   struct latch_sctp_inside *in)
{
	const struct sctp_paramhdr *ph;
	struct sctp_paramhdr buf;
	union latch_addr addr;
	int i, len;
	u8 family;

	for (i = 0; i < LATCH_SCTP_WALK && !in->sk; i++) {
		ph = off + (int)sizeof(buf) <= end ?
		     skb_header_pointer(skb, off, sizeof(buf), &buf) : NULL;
		len = ph ? ntohs(ph->length) : 0;
		if (len < (int)sizeof(buf))
			return;
		if (latch_sctp_param(skb, off, ph, &family, &addr))
			in->sibling = latch_sctp_named(ln, f, family, &addr, dif, &in->sk);
		off += ALIGN(len, 4);
	}
	in->unread = !in->sk;
}

/**
 * latch_sctp_look() - what a packet says inside that belongs to no association by its header
 * @ln:  the namespace
 * @skb: the packet
 * @h:   its headers
 * @dif: device that it came in by
 * @in:  to fill, zeroed by the caller
 *
 * SCTP finds an association by what INIT, INIT ACK and ASCONF name, too, where the header leads
 * to none, and takes a COOKIE ECHO behind other chunks.
 *
 * Context: RCU read side.
 */
void latch_sctp_look(struct latch_net *ln, const struct sk_buff *skb, const struct latch_hdr *h,
		     int dif, struct latch_sctp_inside *in)
{
	int off = h->thoff + sizeof(struct sctphdr), i, len;
	const struct sctp_chunkhdr *ch;
	struct sctp_chunkhdr buf;

	for (i = 0; i < LATCH_SCTP_WALK && !in->sk && !in->unread; i++) {
		ch = skb_header_pointer(skb, off, sizeof(buf), &buf);
		len = ch ? ntohs(ch->length) : 0;
		if (len < (int)sizeof(buf))
			return;
		if (ch->type == SCTP_CID_COOKIE_ECHO)
			in->echo = true;
		if (ch->type == SCTP_CID_INIT || ch->type == SCTP_CID_INIT_ACK)
			latch_sctp_look_params(ln, skb, &h->flow,
					       off + sizeof(struct sctp_init_chunk), off + len,
					       dif, in);
		if (ch->type == SCTP_CID_ASCONF)
			latch_sctp_look_params(ln, skb, &h->flow,
					       off + sizeof(struct sctp_addip_chunk), off + len,
					       dif, in);
		off += ALIGN(len, 4);
	}
	in->unread |= i == LATCH_SCTP_WALK;
}
