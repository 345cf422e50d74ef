/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_NETNS_H
#define LATCH_NETNS_H

int latch_net_init(void);
void latch_net_exit(void);

#endif /* LATCH_NETNS_H */
