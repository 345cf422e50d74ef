/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module asks SCTP. The answers come from ipsec_latch_sctp, which needs the sctp module;
 * without it, packets of SCTP are nobody's.
 */
#ifndef LATCH_BASE_SCTP_H
#define LATCH_BASE_SCTP_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct latch_flow;
union latch_addr;
struct module;
struct net;
struct sock;

/**
 * struct latch_sctp_assoc - an association, as far as a latch asks
 * @sk: its socket; a listener's until accept(). Good in the RCU section that it was found in
 * @id: the number that the socket knows it by
 */
struct latch_sctp_assoc {
	struct sock	*sk;
	s32		id;
};

/* What is called for each path of an association; false ends the walk. */
typedef bool (*latch_sctp_path_t)(const struct latch_flow *f, void *arg);

/**
 * struct latch_sctp_ops - what ipsec_latch_sctp answers
 * @owner: that module
 * @find:  which association has a flow as a path? False: none. @dif is the device that packets
 *         of it come in by. Under RCU, in any context
 * @paths: calls for each path of the association that has a flow as one. As @find; false:
 *         there is none
 * @named: as @find and @paths, but for the association that has the local end of a flow and this
 *         remote address: a packet may belong to one that it names inside of its chunks
 * @sock_paths: calls for each path of a socket's association, the primary one first: of the one
 *         with this number, or of any where that is 0. The socket is locked. False: there is none
 * @bound: would a packet to the local end of a flow that belongs to no association go to this
 *         socket? Under RCU
 * @busy:  has a socket associations? The socket is locked
 * @over:  is this the end of a socket? In the tracepoint inet_sock_set_state
 * @abort: ends the association that has a flow as a path as if its peer had; a connect() that
 *         waits for it fails. Under RCU, BH off, the lock of the socket not taken by the caller's
 *         own softirq
 */
struct latch_sctp_ops {
	struct module	*owner;
	bool		(*find)(struct net *net, const struct latch_flow *f, int dif,
				struct latch_sctp_assoc *a);
	bool		(*paths)(struct net *net, const struct latch_flow *f, int dif,
				 latch_sctp_path_t each, void *arg);
	bool		(*named)(struct net *net, const struct latch_flow *f, u8 family,
				 const union latch_addr *remote, int dif,
				 struct latch_sctp_assoc *a, latch_sctp_path_t each, void *arg);
	bool		(*sock_paths)(struct sock *sk, s32 id, latch_sctp_path_t each, void *arg);
	bool		(*bound)(const struct sock *sk, const struct latch_flow *f);
	bool		(*busy)(const struct sock *sk);
	bool		(*over)(const struct sock *sk);
	void		(*abort)(struct net *net, const struct latch_flow *f, int dif);
};

DECLARE_STATIC_KEY_FALSE(latch_sctp_key);

/* Is there anybody to ask? */
static __always_inline bool latch_sctp_on(void)
{
	return static_branch_unlikely(&latch_sctp_key);
}

int latch_sctp_register(const struct latch_sctp_ops *ops);
void latch_sctp_unregister(void);
const struct latch_sctp_ops *latch_sctp_ops(void);
bool latch_sctp_pin(void);
void latch_sctp_unpin(void);
void latch_sctp_want(void);

#endif /* LATCH_BASE_SCTP_H */
