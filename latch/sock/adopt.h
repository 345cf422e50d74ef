/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_ADOPT_H
#define LATCH_SOCK_ADOPT_H

struct latch_net;

void latch_adopt(struct latch_net *ln);

#endif /* LATCH_SOCK_ADOPT_H */
