/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The peers that charon has an IKE_SA with, and those that do not answer any more.
 */
#ifndef CHARON_LATCH_PEERS_H
#define CHARON_LATCH_PEERS_H

#include <stdbool.h>

void peers_open(bool report);
void peers_close(void);
void peers_begin(void);
void peers_end(void);

#endif /* CHARON_LATCH_PEERS_H */
