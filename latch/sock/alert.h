/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_ALERT_H
#define LATCH_SOCK_ALERT_H

#include "base/net.h"

struct latch;
struct latch_flow;
struct sock;

/* Has a socket of the namespace ever asked for records of changes? */
static inline bool latch_alerts_asked(const struct latch_net *ln)
{
	return READ_ONCE(ln->alerts.asked);
}

void latch_alert_ask(struct latch *l, bool on);
void latch_alert(struct latch *l, u8 old);
void latch_alert_child(struct latch *parent, struct sock *listener, struct latch *child);
void latch_alert_unlatched(struct latch *parent, struct sock *listener,
			   const struct latch_flow *f);
void latch_alert_all(struct latch_net *ln);
void latch_alert_clear(struct latch_net *ln);

#endif /* LATCH_SOCK_ALERT_H */
