/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Claims for the SAs that charon installs.
 */
#ifndef CHARON_LATCH_SAS_H
#define CHARON_LATCH_SAS_H

#include <stdbool.h>

void sas_begin(bool must);
void sas_end(void);
void sas_claim_all(void);

#endif /* CHARON_LATCH_SAS_H */
