/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/latch.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_LATCH_NETLINK_H
#define _UAPI_LINUX_LATCH_NETLINK_H

#define LATCH_GENL_NAME		"latch"
#define LATCH_GENL_VERSION	1

#define LATCH_MAX_ID	1024
#define LATCH_MAX_BLOB	16384

/**
 * enum latch_state - States of a latch, as LATCH_STATE_* of linux/latch.h.
 */
enum latch_state {
	LATCH_NL_STATE_NONE,
	LATCH_NL_STATE_LARVAL,
	LATCH_NL_STATE_LISTENER,
	LATCH_NL_STATE_ESTABLISHED,
	LATCH_NL_STATE_BROKEN,
	LATCH_NL_STATE_CLOSED,
};

/**
 * enum latch_reason - Why a latch broke or closed, or why a packet was
 *   dropped. The numbers are bits in conflicts.
 * @LATCH_REASON_NONE: No reason.
 * @LATCH_REASON_CLEAR: Packet without IPsec protection.
 * @LATCH_REASON_BROKEN: The latch is broken, so nothing passes.
 * @LATCH_REASON_LARVAL: The channel is not established yet and the socket
 *   demands one.
 * @LATCH_REASON_CLOSED: The latch was closed by an administrator.
 * @LATCH_REASON_PEER: The SA belongs to another peer.
 * @LATCH_REASON_LOCAL: Another local identity was asserted.
 * @LATCH_REASON_UNIDENTIFIED: The SA is bound to no identity and is not the SA
 *   that is latched.
 * @LATCH_REASON_PENDING: The SA's identity is awaited from the key manager.
 * @LATCH_REASON_AMBIGUOUS: The SA is claimed for two peers.
 * @LATCH_REASON_PROTO: Other IPsec protocols or another order of them.
 * @LATCH_REASON_MODE: Another mode (transport, tunnel).
 * @LATCH_REASON_ENCR: Another encryption algorithm, or none.
 * @LATCH_REASON_KEY_LEN: Another key length.
 * @LATCH_REASON_INTEG: Another integrity algorithm, or none.
 * @LATCH_REASON_ICV: Another length of the integrity check value.
 * @LATCH_REASON_REPLAY: Smaller replay window, or none.
 * @LATCH_REASON_ESN: Extended sequence numbers differ.
 * @LATCH_REASON_POLICY_OUT: Policy would send the flow without the latched
 *   protection.
 * @LATCH_REASON_POLICY_IN: Policy would accept the flow without the latched
 *   protection.
 * @LATCH_REASON_DPD: The key manager declared the peer dead.
 * @LATCH_REASON_ADMIN: Closed by an administrator.
 * @LATCH_REASON_REQUEST: The SA does not give what the socket asked for.
 * @LATCH_REASON_NO_MEM: Out of memory.
 * @LATCH_REASON_LIMIT: The limit max_latches is reached.
 * @LATCH_REASON_LOST: An event was lost and the databases have not been read
 *   again yet.
 * @LATCH_REASON_HEADER: The packet or its protection cannot be parsed.
 * @LATCH_REASON_ICMP: Unprotected ICMP error about a latched flow.
 * @LATCH_REASON_NO_BINDING: An SA without identity where
 *   net.latch.require_identity is set.
 * @LATCH_REASON_RELEASED: The socket was closed, or connected anew.
 */
enum latch_reason {
	LATCH_REASON_NONE,
	LATCH_REASON_CLEAR,
	LATCH_REASON_BROKEN,
	LATCH_REASON_LARVAL,
	LATCH_REASON_CLOSED,
	LATCH_REASON_PEER,
	LATCH_REASON_LOCAL,
	LATCH_REASON_UNIDENTIFIED,
	LATCH_REASON_PENDING,
	LATCH_REASON_AMBIGUOUS,
	LATCH_REASON_PROTO,
	LATCH_REASON_MODE,
	LATCH_REASON_ENCR,
	LATCH_REASON_KEY_LEN,
	LATCH_REASON_INTEG,
	LATCH_REASON_ICV,
	LATCH_REASON_REPLAY,
	LATCH_REASON_ESN,
	LATCH_REASON_POLICY_OUT,
	LATCH_REASON_POLICY_IN,
	LATCH_REASON_DPD,
	LATCH_REASON_ADMIN,
	LATCH_REASON_REQUEST,
	LATCH_REASON_NO_MEM,
	LATCH_REASON_LIMIT,
	LATCH_REASON_LOST,
	LATCH_REASON_HEADER,
	LATCH_REASON_ICMP,
	LATCH_REASON_NO_BINDING,
	LATCH_REASON_RELEASED,
};

enum {
	LATCH_A_PEER_ID = 1,
	LATCH_A_PEER_ID_TYPE,
	LATCH_A_PEER_ID_VALUE,
	LATCH_A_PEER_AUTH,
	LATCH_A_PEER_CERT,
	LATCH_A_PEER_ANCHOR,
	LATCH_A_PEER_KEY,
	LATCH_A_PEER_DIGEST,
	LATCH_A_PEER_REFS,

	__LATCH_A_PEER_MAX
};
#define LATCH_A_PEER_MAX (__LATCH_A_PEER_MAX - 1)

enum {
	LATCH_A_BINDING_FAMILY = 1,
	LATCH_A_BINDING_DST,
	LATCH_A_BINDING_PROTO,
	LATCH_A_BINDING_SPI,
	LATCH_A_BINDING_MARK,
	LATCH_A_BINDING_MARK_MASK,
	LATCH_A_BINDING_REQID,
	LATCH_A_BINDING_PEER,
	LATCH_A_BINDING_LOCAL,
	LATCH_A_BINDING_AMBIGUOUS,

	__LATCH_A_BINDING_MAX
};
#define LATCH_A_BINDING_MAX (__LATCH_A_BINDING_MAX - 1)

enum {
	LATCH_A_TRANSFORM_PROTO = 1,
	LATCH_A_TRANSFORM_MODE,
	LATCH_A_TRANSFORM_ENCR,
	LATCH_A_TRANSFORM_ENCR_BITS,
	LATCH_A_TRANSFORM_INTEG,
	LATCH_A_TRANSFORM_INTEG_BITS,
	LATCH_A_TRANSFORM_ICV_BITS,
	LATCH_A_TRANSFORM_REPLAY_WINDOW,

	__LATCH_A_TRANSFORM_MAX
};
#define LATCH_A_TRANSFORM_MAX (__LATCH_A_TRANSFORM_MAX - 1)

enum {
	LATCH_A_CONN_ID = 1,
	LATCH_A_CONN_STATE,
	LATCH_A_CONN_REASON,
	LATCH_A_CONN_OLD_STATE,
	LATCH_A_CONN_DISPOSITION,
	LATCH_A_CONN_MODE,
	LATCH_A_CONN_FLAGS,
	LATCH_A_CONN_CONFLICTS,
	LATCH_A_CONN_FAMILY,
	LATCH_A_CONN_PROTO,
	LATCH_A_CONN_LOCAL_ADDR,
	LATCH_A_CONN_REMOTE_ADDR,
	LATCH_A_CONN_LOCAL_PORT,
	LATCH_A_CONN_REMOTE_PORT,
	LATCH_A_CONN_OUTER_FAMILY,
	LATCH_A_CONN_OUTER_LOCAL_ADDR,
	LATCH_A_CONN_OUTER_REMOTE_ADDR,
	LATCH_A_CONN_NATT_LOCAL_PORT,
	LATCH_A_CONN_NATT_REMOTE_PORT,
	LATCH_A_CONN_PEER,
	LATCH_A_CONN_LOCAL,
	LATCH_A_CONN_PEER_ID_TYPE,
	LATCH_A_CONN_PEER_ID_VALUE,
	LATCH_A_CONN_TRANSFORMS,
	LATCH_A_CONN_IN_DROPS,
	LATCH_A_CONN_OUT_DROPS,
	LATCH_A_CONN_BREAKS,
	LATCH_A_CONN_UID,
	LATCH_A_CONN_INODE,
	LATCH_A_CONN_PAD,

	__LATCH_A_CONN_MAX
};
#define LATCH_A_CONN_MAX (__LATCH_A_CONN_MAX - 1)

enum {
	LATCH_A_MANAGER_ACTIVE = 1,
	LATCH_A_MANAGER_DEAD_PEER,

	__LATCH_A_MANAGER_MAX
};
#define LATCH_A_MANAGER_MAX (__LATCH_A_MANAGER_MAX - 1)

enum {
	LATCH_CMD_PEER_NEW = 1,
	LATCH_CMD_PEER_DEL,
	LATCH_CMD_PEER_GET,
	LATCH_CMD_BINDING_NEW,
	LATCH_CMD_BINDING_DEL,
	LATCH_CMD_BINDING_GET,
	LATCH_CMD_CONN_GET,
	LATCH_CMD_CONN_CLOSE,
	LATCH_CMD_CONN_FLUSH,
	LATCH_CMD_MANAGER_SET,
	LATCH_CMD_CONN_NTF,
	LATCH_CMD_PEER_NTF,

	__LATCH_CMD_MAX
};
#define LATCH_CMD_MAX (__LATCH_CMD_MAX - 1)

#define LATCH_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_LATCH_NETLINK_H */
