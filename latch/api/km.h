/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_KM_H
#define LATCH_API_KM_H

int latch_km_register(void);
void latch_km_unregister(void);

#endif /* LATCH_API_KM_H */
