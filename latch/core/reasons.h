/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one list of reasons: number, counter name, word on the command line. The
 * sentence is in Documentation/netlink/specs/latch.yaml. /proc/net/latch_stat
 * has a line LatchIn<Name> and one LatchOut<Name> for each.
 */
#ifndef LATCH_CORE_REASONS_H
#define LATCH_CORE_REASONS_H

#define LATCH_REASONS(X)					\
	X(CLEAR,	Clear,		"clear")		\
	X(BROKEN,	Broken,		"broken")		\
	X(LARVAL,	Larval,		"larval")		\
	X(CLOSED,	Closed,		"closed")		\
	X(PEER,		Peer,		"peer")			\
	X(LOCAL,	Local,		"local")		\
	X(UNIDENTIFIED,	Unidentified,	"unidentified")		\
	X(PENDING,	Pending,	"pending")		\
	X(AMBIGUOUS,	Ambiguous,	"ambiguous")		\
	X(PROTO,	Proto,		"proto")		\
	X(MODE,		Mode,		"mode")			\
	X(ENCR,		Encr,		"encr")			\
	X(KEY_LEN,	KeyLen,		"key-len")		\
	X(INTEG,	Integ,		"integ")		\
	X(ICV,		Icv,		"icv")			\
	X(REPLAY,	Replay,		"replay")		\
	X(ESN,		Esn,		"esn")			\
	X(POLICY_OUT,	PolicyOut,	"policy-out")		\
	X(POLICY_IN,	PolicyIn,	"policy-in")		\
	X(DPD,		Dpd,		"dpd")			\
	X(ADMIN,	Admin,		"admin")		\
	X(REQUEST,	Request,	"request")		\
	X(NO_MEM,	NoMem,		"no-mem")		\
	X(LIMIT,	Limit,		"limit")		\
	X(LOST,		Lost,		"lost")			\
	X(HEADER,	Header,		"header")		\
	X(ICMP,		Icmp,		"icmp")			\
	X(NO_BINDING,	NoBinding,	"no-binding")		\
	X(RELEASED,	Released,	"released")		\
	X(NO_SA,	NoSa,		"no-sa")

#endif /* LATCH_CORE_REASONS_H */
