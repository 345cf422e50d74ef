/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_STATUS_H
#define LATCHD_STATUS_H

#include "claims.h"

bool status_read(struct claims *c, char *text, size_t len);

#endif /* LATCHD_STATUS_H */
