/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_PACKET_HOOKS_H
#define LATCH_PACKET_HOOKS_H

struct latch_net;

int latch_hooks_register(struct latch_net *ln);
void latch_hooks_unregister(struct latch_net *ln);
int latch_apart_switch(struct latch_net *ln, bool on);
int latch_forward_switch(struct latch_net *ln, bool on);
int latch_mark_switch(struct latch_net *ln, bool on);
bool latch_hooks_alone(const struct latch_net *ln, u8 pf);

#endif /* LATCH_PACKET_HOOKS_H */
