/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_SOCK_TELL_H
#define LATCH_SOCK_TELL_H

#include <linux/types.h>

struct latch;
struct latch_net;
struct work_struct;

void latch_tell_work(struct work_struct *work);
void latch_tell_all(struct latch_net *ln);
void latch_tell_close(struct latch *l, bool unpin);
void latch_tell_clear(struct latch_net *ln);
int latch_tell_init(void);
void latch_tell_exit(void);

#endif /* LATCH_SOCK_TELL_H */
