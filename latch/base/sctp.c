// SPDX-License-Identifier: GPL-2.0
/*
 * How ipsec_latch_sctp and this module find each other (RFC 5660 5.4-1). Every latch of SCTP
 * pins ipsec_latch_sctp, so whoever has one can ask.
 */
#include <linux/export.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>

#include "base/sctp.h"

DEFINE_STATIC_KEY_FALSE(latch_sctp_key);

static const struct latch_sctp_ops __rcu *latch_sctp_now;
static DEFINE_MUTEX(latch_sctp_mutex);

/**
 * latch_sctp_register() - latch associations of SCTP from now on
 * @ops: who knows them
 *
 * Context: process. Return: 0; -EBUSY where somebody has registered already.
 */
int latch_sctp_register(const struct latch_sctp_ops *ops)
{
	int err = 0;

	mutex_lock(&latch_sctp_mutex);
	if (rcu_access_pointer(latch_sctp_now))
		err = -EBUSY;
	else
		rcu_assign_pointer(latch_sctp_now, ops);
	if (!err)
		static_branch_enable(&latch_sctp_key);
	mutex_unlock(&latch_sctp_mutex);
	return err;
}
EXPORT_SYMBOL_NS_GPL(latch_sctp_register, IPSEC_LATCH);

/**
 * latch_sctp_unregister() - and no more
 *
 * No latch of SCTP is left, as each of them pins the caller's module.
 *
 * Context: process. Nobody asks any more when this returns.
 */
void latch_sctp_unregister(void)
{
	mutex_lock(&latch_sctp_mutex);
	static_branch_disable(&latch_sctp_key);
	/* whoever has seen the key may go on asking */
	synchronize_net();
	RCU_INIT_POINTER(latch_sctp_now, NULL);
	mutex_unlock(&latch_sctp_mutex);
}
EXPORT_SYMBOL_NS_GPL(latch_sctp_unregister, IPSEC_LATCH);

/**
 * latch_sctp_ops() - who knows associations
 *
 * Context: RCU read side. Return: not NULL where the caller has seen latch_sctp_on() in the same
 * RCU section, has a latch of SCTP, or has called latch_sctp_pin().
 */
const struct latch_sctp_ops *latch_sctp_ops(void)
{
	return rcu_dereference_check(latch_sctp_now, true);
}

/**
 * latch_sctp_pin() - a latch of SCTP is made, or an option of SCTP is called
 *
 * Context: any. Return: false where ipsec_latch_sctp is not there, or on its way out.
 */
bool latch_sctp_pin(void)
{
	const struct latch_sctp_ops *ops;
	bool pinned;

	rcu_read_lock();
	ops = latch_sctp_ops();
	pinned = ops && try_module_get(ops->owner);
	rcu_read_unlock();
	return pinned;
}

/**
 * latch_sctp_unpin() - a latch of SCTP is freed, or an option of SCTP was called
 *
 * Context: any; the last thing that is done.
 */
void latch_sctp_unpin(void)
{
	module_put(latch_sctp_ops()->owner);
}

/**
 * latch_sctp_want() - a socket of SCTP has asked for something: load ipsec_latch_sctp
 *
 * Context: process, may sleep.
 */
void latch_sctp_want(void)
{
	if (!latch_sctp_on())
		request_module("ipsec_latch_sctp");
}
