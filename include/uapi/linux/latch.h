/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * IPsec connection latching (RFC 5660): the socket option.
 *
 * setsockopt(fd, SOL_IP, IP_LATCH, &req, sizeof(req)) says what a socket wants
 * before it connects, listens or (UDP) carries its first datagram;
 * getsockopt(fd, SOL_IP, IP_LATCH, &info, &len) tells what is latched. The same
 * option numbers work at SOL_IPV6. Both structures are versioned by their size:
 * a shorter one is an older one, fields are only ever appended, and zero in a
 * new field means what was before it. Padding and reserved fields must be zero.
 */
#ifndef _UAPI_LINUX_LATCH_H
#define _UAPI_LINUX_LATCH_H

#include <linux/types.h>

#define IP_LATCH		5660	/* struct latch_req in, struct latch_info out */
#define IPV6_LATCH		IP_LATCH
#define IP_LATCH_PEER_ID	(IP_LATCH + 1)	/* get: value of the peer's ID */
#define IP_LATCH_PEER_CERT	(IP_LATCH + 2)	/* get: end-entity certificate, DER */
#define IP_LATCH_PEER_ANCHOR	(IP_LATCH + 3)	/* get: trust anchor, DER or name */
#define IP_LATCH_PEER_KEY	(IP_LATCH + 4)	/* get: public key, SubjectPublicKeyInfo */
#define IP_LATCH_BINDING	(IP_LATCH + 5)	/* get: RFC 5056 channel binding, 64 bytes */
#define IP_LATCH_LOCAL_ID	(IP_LATCH + 6)	/* get: value of the local ID */
#define IP_LATCH_TAG		(IP_LATCH + 7)	/* int: a tag with each datagram */
#define IP_LATCH_TAG_INFO	(IP_LATCH + 8)	/* get: a tag's number in, struct latch_info out */
#define IP_LATCH_TAG_PEER_ID	(IP_LATCH + 9)	/* get: the number in, value of the peer's ID out */
#define IP_LATCH_DEST		(IP_LATCH + 10)	/* a destination: see struct latch_dest */
#define IP_LATCH_ALERTS		(IP_LATCH + 11)	/* int: changes go to the error queue */
#define IP_LATCH_ASSOC		(IP_LATCH + 12)	/* get: sctp_assoc_t in, struct latch_info out */
#define IP_LATCH_LAST		IP_LATCH_ASSOC

/*
 * Numbers of tags, as the control message SO_MARK (__u32) gives them with each datagram of a
 * socket with IP_LATCH_TAG, and as SCM_TXTIME (__u64) gives them with one that is sent. Any
 * other number is of one peer and one kind of protection, and never used again for another
 * one in its network namespace.
 */
#define LATCH_TAG_CLEAR		0		/* nothing protected the datagram */
#define LATCH_TAG_UNKNOWN	0xffffffff	/* protected, no more is known */

/* States of a latch (RFC 5660 section 2.2). NONE: the socket has no latch. */
#define LATCH_STATE_NONE	0
#define LATCH_STATE_LARVAL	1	/* wanted, waits for its first SA */
#define LATCH_STATE_LISTENER	2
#define LATCH_STATE_ESTABLISHED	3
#define LATCH_STATE_BROKEN	4
#define LATCH_STATE_CLOSED	5

/* latch_req.mode */
#define LATCH_MODE_AUTO		0	/* latch when the first packet is protected */
#define LATCH_MODE_REQUIRE	1	/* no packet passes before the channel is there */
#define LATCH_MODE_OFF		2	/* never latch this socket; CAP_NET_ADMIN */
#define LATCH_MODE_BYPASS	3	/* clear text whatever policy says; CAP_NET_ADMIN */

/* latch_req.own_policy: any of these */
#define LATCH_OWN_POLICY_KEEP	0x01	/* once latched, whatever the database says */
#define LATCH_OWN_POLICY_OFFER	0x02	/* an offer, where the database has nothing */

/* latch_info.own_none: why a flow that is to have a policy of its own can have none */
#define LATCH_OWN_NONE_INTERFACE 1	/* an XFRM interface does not ask the socket */
#define LATCH_OWN_NONE_MARK	2	/* the socket has not the mark that leads to the SAs */
#define LATCH_OWN_NONE_SAS	3	/* a socket's policy cannot name these SAs */

/* latch_req.protection and latch_info.protection */
#define LATCH_PROT_CONF		0x01	/* confidentiality */
#define LATCH_PROT_INTEG	0x02	/* integrity */
#define LATCH_PROT_REPLAY	0x04	/* replay protection */

/* latch_req.encap */
#define LATCH_ENCAP_ANY		0
#define LATCH_ENCAP_TRANSPORT	1
#define LATCH_ENCAP_TUNNEL	2

/* What happens to the flow's owner when the latch breaks (RFC 5660 5.5). */
#define LATCH_DISP_DEFAULT	0	/* net.latch.disposition; wait for UDP */
#define LATCH_DISP_WAIT		1	/* silence until the conflict is gone */
#define LATCH_DISP_RESET	2	/* the socket gets ECONNRESET */
#define LATCH_DISP_UNREACH	3	/* the socket gets EHOSTUNREACH */

/* Kinds of identity, numbered as IKEv2's ID types (RFC 7296 3.5). */
#define LATCH_ID_NONE		0
#define LATCH_ID_IPV4		1	/* 4 bytes */
#define LATCH_ID_FQDN		2
#define LATCH_ID_EMAIL		3
#define LATCH_ID_IPV6		5	/* 16 bytes */
#define LATCH_ID_DN		9	/* DER */
#define LATCH_ID_GN		10	/* DER */
#define LATCH_ID_KEYID		11
#define LATCH_ID_NULL		13	/* RFC 7619: not authenticated */

/* How the peer proved its identity, numbered as IKEv2's methods (RFC 7296 3.8). */
#define LATCH_AUTH_UNKNOWN	0
#define LATCH_AUTH_RSA		1
#define LATCH_AUTH_PSK		2
#define LATCH_AUTH_DSS		3
#define LATCH_AUTH_ECDSA_256	9
#define LATCH_AUTH_ECDSA_384	10
#define LATCH_AUTH_ECDSA_521	11
#define LATCH_AUTH_NULL		13
#define LATCH_AUTH_SIGNATURE	14	/* RFC 7427 digital signature */
#define LATCH_AUTH_EAP		201	/* our own numbers from here on */
#define LATCH_AUTH_MANUAL	202	/* keys set by hand */

/* Algorithms without an IKEv2 number, in its private range (RFC 7296 3.3.2). */
#define LATCH_ENCR_SERPENT_CBC		1026
#define LATCH_ENCR_TWOFISH_CBC		1027
#define LATCH_ENCR_SM4_CBC		1032
#define LATCH_INTEG_HMAC_RIPEMD160	1100
#define LATCH_INTEG_HMAC_SM3		1101

#define LATCH_ID_INLINE		252
#define LATCH_BINDING_SIZE	64	/* digest of the names, digest of names and keys */
#define LATCH_MAX_SUITES	8
#define LATCH_MAX_TRANSFORMS	4

/**
 * struct latch_id - an identity given by value
 * @type:  LATCH_ID_*
 * @resv:  zero
 * @len:   bytes used in @value; the rest of @value is zero
 * @value: the identity as IKE carries it, no terminating NUL
 */
struct latch_id {
	__u8	type;
	__u8	resv;
	__u16	len;
	__u8	value[LATCH_ID_INLINE];
};

/**
 * struct latch_suite - one acceptable suite; zero in a field accepts any value
 * @encr:      encryption, IKEv2 transform type 1 number (11 = NULL, 12 =
 *             AES-CBC, 13 = AES-CTR, 20 = AES-GCM with 16 byte ICV, 28 =
 *             ChaCha20-Poly1305)
 * @encr_bits: key length in bits
 * @integ:     integrity, IKEv2 transform type 3 number (2 = HMAC-SHA1-96, 12 =
 *             HMAC-SHA2-256-128); 0 in a combined-mode suite
 * @icv_bits:  length of the integrity check value in bits
 */
struct latch_suite {
	__u16	encr;
	__u16	encr_bits;
	__u16	integ;
	__u16	icv_bits;
};

/* latch_req.mask: the fields that are given; the others must be zero. */
#define LATCH_REQ_MODE		0x0001
#define LATCH_REQ_PROTECTION	0x0002
#define LATCH_REQ_ENCAP		0x0004
#define LATCH_REQ_DISPOSITION	0x0008
#define LATCH_REQ_KEY_BITS	0x0010
#define LATCH_REQ_SUITES	0x0020
#define LATCH_REQ_PEER		0x0040	/* by record number */
#define LATCH_REQ_PEER_ID	0x0080
#define LATCH_REQ_LOCAL_ID	0x0100
#define LATCH_REQ_PEER_PATTERN	0x0200	/* peer_id is a pattern */
#define LATCH_REQ_OWN_POLICY	0x0400
#define LATCH_REQ_ALL		0x07ff

/**
 * struct latch_req - what a socket asks for (RFC 5660 2-16, 2.3-1, 2.3-3)
 * @mask:         LATCH_REQ_* of the fields given
 * @mode:         LATCH_MODE_*
 * @protection:   LATCH_PROT_* that the SA must give at least
 * @encap:        LATCH_ENCAP_*
 * @disposition:  LATCH_DISP_*
 * @min_key_bits: least encryption (for AH and NULL: integrity) key length
 * @n_suites:     used entries of @suites
 * @own_policy:   LATCH_OWN_POLICY_KEEP: the flow is to have a policy of its own once it is
 *                latched, for its exact 5-tuple and before the SPD; without it, it is to have
 *                none, whatever net.latch.own_policy says. May be asked for at any time, alone
 *                or with @disposition. LATCH_OWN_POLICY_OFFER, with LATCH_MODE_REQUIRE only:
 *                where the SPD would let the flow go in clear, it is to have one that an
 *                administrator offers, and its SA is asked for
 * @peer:         number of the peer record wanted
 * @suites:       any one of these is acceptable
 * @peer_id:      identity that the peer must have proved; with
 *                LATCH_REQ_PEER_PATTERN, text that says which ones will do:
 *                "*.db.example" (FQDN), "*@db.example" (EMAIL), "CN=*, O=Example"
 *                (DN); see latch(7)
 * @local_id:     identity that must have been asserted to the peer
 */
struct latch_req {
	__u32	mask;
	__u8	mode;
	__u8	protection;
	__u8	encap;
	__u8	disposition;
	__u16	min_key_bits;
	__u8	n_suites;
	__u8	own_policy;
	__u32	peer;
	struct latch_suite suites[LATCH_MAX_SUITES];
	struct latch_id peer_id;
	struct latch_id local_id;
};

#define LATCH_REQ_SIZE_VER0	592

/**
 * struct latch_transform - one transformation of the flow's packets
 * @proto:         IP protocol: 50 ESP, 51 AH, 108 IPComp
 * @mode:          XFRM mode: 0 transport, 1 tunnel, 4 BEET
 * @encr:          encryption, IKEv2 transform type 1 number, 0 none
 * @encr_bits:     its key length in bits, salt not counted
 * @integ:         integrity, IKEv2 transform type 3 number, 0 none
 * @integ_bits:    its key length in bits
 * @icv_bits:      length of the integrity check value in bits
 * @replay_window: packets of the inbound replay window, 0 none or not known yet
 */
struct latch_transform {
	__u8	proto;
	__u8	mode;
	__u16	encr;
	__u16	encr_bits;
	__u16	integ;
	__u16	integ_bits;
	__u16	icv_bits;
	__u32	replay_window;
};

/* latch_info.flags */
#define LATCH_F_PEER_IDENTIFIED		0x0001	/* peer and local are records */
#define LATCH_F_QOP_INDETERMINATE	0x0002	/* several suites are congruent */
#define LATCH_F_NATT			0x0004	/* ESP in UDP */
#define LATCH_F_ESN			0x0008	/* extended sequence numbers */
#define LATCH_F_IPCOMP			0x0010	/* IPComp is used too */
#define LATCH_F_AUTO			0x0020	/* made without a request */
#define LATCH_F_PEER_UNKNOWN		0x0040	/* only the protection is latched yet */
#define LATCH_F_ADOPTED			0x0080	/* the connection was there before the latch */
#define LATCH_F_PENDING			0x0100	/* broken; what the disposition says is put off */
#define LATCH_F_UNEXPLAINED		0x0200	/* policies do not explain its SAs */
#define LATCH_F_OWN_POLICY		0x0400	/* it has a policy of its own, made for it */
#define LATCH_F_ALERTS_LOST		0x0800	/* of a record: the ones before it found no room */
#define LATCH_F_FORWARDED		0x1000	/* this host forwards the flow */

/**
 * struct latch_info - what is latched (RFC 5660 2-12 to 2-15, 2.3-9)
 * @size:          the running kernel's full size of this structure
 * @state:         LATCH_STATE_*
 * @reason:        LATCH_REASON_* of the last break or close (linux/latch_netlink.h)
 * @disposition:   LATCH_DISP_* in force
 * @mode:          LATCH_MODE_* in force
 * @id:            number of the latch, never used again in this namespace
 * @flags:         LATCH_F_*
 * @conflicts:     bit LATCH_REASON_x set: such a conflict is there now
 * @family:        AF_INET or AF_INET6, of the flow (not of the socket)
 * @proto:         IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP; any of a forwarded flow
 * @protection:    LATCH_PROT_* latched
 * @n_transforms:  used entries of @transforms, innermost first
 * @local_port:    network byte order
 * @remote_port:   network byte order
 * @local_addr:    inner local address; IPv4 in the first four bytes
 * @remote_addr:   inner remote address
 * @outer_family:  AF_* of the outer addresses, 0 when there are none yet
 * @natt_local_port:  UDP port of ESP in UDP here, network byte order
 * @natt_remote_port: the same at the peer
 * @peer_id_type:  LATCH_ID_* of the peer's identity
 * @local_id_type: LATCH_ID_* of ours
 * @outer_local_addr:  address of the SA at this end
 * @outer_remote_addr: address of the SA at the other end
 * @auth_method:   LATCH_AUTH_*
 * @own_none:      LATCH_OWN_NONE_*: why it has no policy of its own, 0 there is none to be, or it
 *                 is there, or still to come
 * @resv:          zero
 * @peer:          number of the peer's record, 0 unidentified
 * @local:         number of the local record, 0 unknown
 * @spi_in:        SPI last seen inbound, network byte order, informative
 * @spi_out:       SPI last seen outbound, network byte order, informative
 * @transforms:    what protects the flow
 * @breaks:        how often it went to BROKEN
 * @in_drops:      inbound packets dropped because of this latch
 * @out_drops:     outbound packets dropped because of this latch
 * @natt_remote_addr: the peer's own address behind its NAT, of @outer_family, informative;
 *                 zero where nobody told
 */
struct latch_info {
	__u32	size;
	__u8	state;
	__u8	reason;
	__u8	disposition;
	__u8	mode;
	__aligned_u64 id;
	__u32	flags;
	__u32	conflicts;
	__u16	family;
	__u8	proto;
	__u8	protection;
	__u8	n_transforms;
	__u8	auth_method;
	__u8	peer_id_type;
	__u8	local_id_type;
	__be16	local_port;
	__be16	remote_port;
	__u8	local_addr[16];
	__u8	remote_addr[16];
	__u16	outer_family;
	__be16	natt_local_port;
	__be16	natt_remote_port;
	__u8	own_none;
	__u8	resv;
	__u8	outer_local_addr[16];
	__u8	outer_remote_addr[16];
	__u32	peer;
	__u32	local;
	__be32	spi_in;
	__be32	spi_out;
	struct latch_transform transforms[LATCH_MAX_TRANSFORMS];
	__u32	breaks;
	__aligned_u64 in_drops;
	__aligned_u64 out_drops;
	__u8	natt_remote_addr[16];
};

#define LATCH_INFO_SIZE_VER0	208
#define LATCH_INFO_SIZE_VER1	224

/**
 * struct latch_dest - what datagrams to and from one destination have to meet (RFC 5660 5.3-1)
 * @addr: struct sockaddr_in or sockaddr_in6; what is behind it is not looked at
 * @req:  mode LATCH_MODE_REQUIRE and what the destination has to prove: it gets a latch. Or mode
 *        LATCH_MODE_AUTO and nothing else: its latch goes
 *
 * setsockopt(IP_LATCH_DEST) of a UDP socket. getsockopt() takes @addr in front of the buffer, and
 * puts a struct latch_info in its place.
 */
struct latch_dest {
	__aligned_u64 addr[16];
	struct latch_req req;
};

#define LATCH_DEST_SIZE_VER0	720

/* sock_extended_err.ee_type of a record of IP_LATCH_ALERTS; ee_origin is SO_EE_ORIGIN_LOCAL. */
#define LATCH_ALERT_OWN		0x4c	/* the socket's own latch changed */
#define LATCH_ALERT_CHILD	0x4d	/* a listener has a new connection */

/**
 * struct latch_alert - the data of a record in a socket's error queue (RFC 5660 2.3-10)
 * @size:        the running kernel's full size of this structure
 * @state:       LATCH_STATE_* after the change; also in ee_code. NONE: a child without latch
 * @old_state:   LATCH_STATE_* before; the same where only the peer became known, or where
 *               what was put off is carried out
 * @reason:      LATCH_REASON_* of the last break or close; also in ee_info
 * @disposition: LATCH_DISP_* in force
 * @id:          number of the latch; its low 32 bits are in ee_data
 * @flags:       LATCH_F_PEER_IDENTIFIED, _PEER_UNKNOWN, _PENDING, _ALERTS_LOST
 * @conflicts:   bit LATCH_REASON_x set: such a conflict was there
 * @peer:        number of the peer's record, 0 unidentified
 * @family:      AF_INET or AF_INET6, of the flow; 0 it has none yet
 * @proto:       IPPROTO_TCP or IPPROTO_UDP
 * @resv:        zero
 * @local_port:  network byte order
 * @remote_port: network byte order; the address that recvmsg() gives is the remote one, too
 * @resv2:       zero
 * @local_addr:  IPv4 in the first four bytes
 * @remote_addr: the same
 *
 * ee_errno is the error that the socket gets with it, ENOMSG where it gets none.
 */
struct latch_alert {
	__u32	size;
	__u8	state;
	__u8	old_state;
	__u8	reason;
	__u8	disposition;
	__aligned_u64 id;
	__u32	flags;
	__u32	conflicts;
	__u32	peer;
	__u16	family;
	__u8	proto;
	__u8	resv;
	__be16	local_port;
	__be16	remote_port;
	__u32	resv2;
	__u8	local_addr[16];
	__u8	remote_addr[16];
};

#define LATCH_ALERT_SIZE_VER0	72

#endif /* _UAPI_LINUX_LATCH_H */
