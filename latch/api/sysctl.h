/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_SYSCTL_H
#define LATCH_API_SYSCTL_H

struct latch_net;

int latch_sysctl_init(struct latch_net *ln);
void latch_sysctl_exit(struct latch_net *ln);

#endif /* LATCH_API_SYSCTL_H */
