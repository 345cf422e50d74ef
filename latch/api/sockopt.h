/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_SOCKOPT_H
#define LATCH_API_SOCKOPT_H

int latch_sockopt_init(void);
void latch_sockopt_exit(void);

#endif /* LATCH_API_SOCKOPT_H */
