/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCH_API_REQUEST_H
#define LATCH_API_REQUEST_H

#include <linux/sockptr.h>

struct latch_demand;
struct latch_net;
struct latch_req;
struct sock;

int latch_req_copy(struct latch_req *req, sockptr_t arg, size_t at, unsigned int len);
bool latch_req_listens(const struct sock *sk, const struct latch_req *req);
bool latch_req_ok(const struct latch_req *req);
struct latch_demand *latch_demand_new(struct latch_net *ln, const struct latch_req *req);

#endif /* LATCH_API_REQUEST_H */
