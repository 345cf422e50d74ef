/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Traffic selectors that would take other peers' latched connections.
 */
#ifndef CHARON_LATCH_NARROW_H
#define CHARON_LATCH_NARROW_H

void narrow_begin(void);
void narrow_end(void);

#endif /* CHARON_LATCH_NARROW_H */
