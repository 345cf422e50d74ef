/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whose identity EAP proved.
 */
#ifndef CHARON_LATCH_EAP_H
#define CHARON_LATCH_EAP_H

#include <stdbool.h>
#include <daemon.h>

void eap_trust_any(bool trust);
bool eap_proves(auth_cfg_t *cfg, ike_sa_t *ike);

#endif /* CHARON_LATCH_EAP_H */
