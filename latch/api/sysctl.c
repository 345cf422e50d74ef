// SPDX-License-Identifier: GPL-2.0
/*
 * net.latch.*, one set in each namespace. Documented in
 * Documentation/networking/latch-sysctl.rst.
 */
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "api/sysctl.h"
#include "base/net.h"
#include "base/work.h"
#include "channel/own.h"
#include "channel/reeval.h"
#include "core/params.h"
#include "core/types.h"
#include "sock/forward.h"

static const char *const latch_qop_words[] = { "exact", "floor", NULL };

/* By LATCH_DISP_*; what is the default cannot be "default" itself. */
static const char *const latch_disp_words[] = { "", "wait", "reset", "unreach", NULL };

/* By enum latch_unidentified. */
static const char *const latch_unidentified_words[] = {
	"protect", "pin", "none", "refuse", NULL
};

/* By enum latch_ownpol. */
static const char *const latch_ownpol_words[] = { "no", "lasting", "all", NULL };

static int latch_wait_max = 60000;
static int latch_day_max = 24 * 3600 * 1000;
static int latch_max_max = 16 << 20;
static int latch_month_max = 31 * 24 * 3600;

/* A value with a name; extra1 has the words. */
static int latch_proc_word(latch_ctl_table *table, int write, void *buf, size_t *len,
			   loff_t *pos)
{
	const char *const *words = table->extra1;
	u8 *value = table->data;
	char word[16] = "";
	struct ctl_table t = { .data = word, .maxlen = sizeof(word) };
	int i, err;

	if (!write)
		strscpy(word, words[READ_ONCE(*value)], sizeof(word));
	err = proc_dostring(&t, write, buf, len, pos);
	if (err || !write)
		return err;
	for (i = 0; words[i]; i++) {
		if (words[i][0] && !strcmp(words[i], word)) {
			WRITE_ONCE(*value, i);
			return 0;
		}
	}
	return -EINVAL;
}

/* ... and a new one is a new rule for every latch. */
static int latch_proc_rule(latch_ctl_table *table, int write, void *buf, size_t *len, loff_t *pos)
{
	struct latch_net *ln = container_of((u8 *)table->data, struct latch_net, conf.qop);
	int err = latch_proc_word(table, write, buf, len, pos);

	if (!err && write)
		latch_reeval_everything(ln);
	return err;
}

/* Connections that are there are looked for each time that this is set. */
static int latch_proc_adopt(latch_ctl_table *table, int write, void *buf, size_t *len,
			    loff_t *pos)
{
	struct latch_net *ln = container_of((u8 *)table->data, struct latch_net, conf.adopt);
	int err = proc_dou8vec_minmax(table, write, buf, len, pos);

	if (!err && write) {
		latch_work_queue(ln, LATCH_WORK_ADOPT);
		latch_work_sync(ln);
	}
	return err;
}

/* Flows that are there get a policy of their own, too. */
static int latch_proc_own(latch_ctl_table *table, int write, void *buf, size_t *len, loff_t *pos)
{
	struct latch_net *ln = container_of((u8 *)table->data, struct latch_net, conf.own_policy);
	int err = latch_proc_word(table, write, buf, len, pos);

	if (!err && write)
		latch_own_all(ln);
	return err;
}

static int latch_proc_own_after(latch_ctl_table *table, int write, void *buf, size_t *len,
				loff_t *pos)
{
	struct latch_net *ln = container_of((int *)table->data, struct latch_net,
					    conf.own_policy_after_ms);
	int err = proc_dointvec_minmax(table, write, buf, len, pos);

	if (!err && write)
		latch_own_all(ln);
	return err;
}

/* What the host forwards is latched from now on, or not any more. One writer at a time. */
static int latch_proc_forward(latch_ctl_table *table, int write, void *buf, size_t *len,
			      loff_t *pos)
{
	struct latch_net *ln = container_of((u8 *)table->data, struct latch_net, conf.forward);
	static DEFINE_MUTEX(mutex);
	struct ctl_table t = *table;
	u8 on;
	int err;

	mutex_lock(&mutex);
	on = ln->conf.forward;
	t.data = &on;
	err = proc_dou8vec_minmax(&t, write, buf, len, pos);
	if (!err && write && on != ln->conf.forward) {
		if (on)
			latch_forward_prepare(ln);
		WRITE_ONCE(ln->conf.forward, on);
		if (!on)
			latch_forward_end(ln);
		/* the hooks come or go */
		latch_work_queue(ln, LATCH_WORK_WAKE);
		latch_work_sync(ln);
	}
	mutex_unlock(&mutex);
	return err;
}

#define LATCH_BOOL_BY(name, field, handler) {			\
	.procname	= (name),				\
	.data		= (void *)offsetof(struct latch_net, conf.field), \
	.maxlen		= sizeof(u8),				\
	.mode		= 0644,					\
	.proc_handler	= (handler),				\
	.extra1		= SYSCTL_ZERO,				\
	.extra2		= SYSCTL_ONE,				\
}

#define LATCH_BOOL(name, field)		LATCH_BOOL_BY(name, field, proc_dou8vec_minmax)
#define LATCH_ADOPT(name, field)	LATCH_BOOL_BY(name, field, latch_proc_adopt)
#define LATCH_FORWARD(name, field)	LATCH_BOOL_BY(name, field, latch_proc_forward)

#define LATCH_INT_BY(name, field, lo, hi, handler) {		\
	.procname	= (name),				\
	.data		= (void *)offsetof(struct latch_net, conf.field), \
	.maxlen		= sizeof(int),				\
	.mode		= 0644,					\
	.proc_handler	= (handler),				\
	.extra1		= (lo),					\
	.extra2		= (hi),					\
}

#define LATCH_INT(name, field, lo, hi)	LATCH_INT_BY(name, field, lo, hi, proc_dointvec_minmax)

#define LATCH_WORD_BY(name, field, words, handler) {		\
	.procname	= (name),				\
	.data		= (void *)offsetof(struct latch_net, conf.field), \
	.maxlen		= sizeof(u8),				\
	.mode		= 0644,					\
	.proc_handler	= (handler),				\
	.extra1		= (void *)(words),			\
}

#define LATCH_WORD(name, field, words)	LATCH_WORD_BY(name, field, words, latch_proc_word)
#define LATCH_RULE(name, field, words)	LATCH_WORD_BY(name, field, words, latch_proc_rule)

static const struct ctl_table latch_table[] = {
	LATCH_BOOL("auto", auto_mode),
	LATCH_WORD("unidentified", unidentified, latch_unidentified_words),
	LATCH_INT("identity_wait_ms", identity_wait_ms, SYSCTL_ZERO, &latch_wait_max),
	LATCH_INT("break_grace_ms", break_grace_ms, SYSCTL_ZERO, &latch_wait_max),
	LATCH_ADOPT("adopt", adopt),
	LATCH_RULE("qop", qop, latch_qop_words),
	LATCH_WORD("disposition", disposition, latch_disp_words),
	LATCH_WORD_BY("own_policy", own_policy, latch_ownpol_words, latch_proc_own),
	LATCH_INT_BY("own_policy_after_ms", own_policy_after_ms, SYSCTL_ZERO, &latch_day_max,
		     latch_proc_own_after),
	LATCH_INT("max_latches", max_latches, SYSCTL_ZERO, &latch_max_max),
	LATCH_INT("max_peers", max_peers, SYSCTL_ZERO, &latch_max_max),
	LATCH_INT("max_tags", max_tags, SYSCTL_ZERO, &latch_max_max),
	LATCH_FORWARD("forward", forward),
	LATCH_INT("forward_tcp_timeout_s", forward_tcp_timeout_s, SYSCTL_ONE, &latch_month_max),
	LATCH_INT("forward_timeout_s", forward_timeout_s, SYSCTL_ONE, &latch_month_max),
	{}
};

#define LATCH_N_SYSCTLS		(ARRAY_SIZE(latch_table) - 1)

/**
 * latch_sysctl_init() - defaults, and the files of a namespace
 * @ln: the namespace
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int latch_sysctl_init(struct latch_net *ln)
{
	struct ctl_table *t;
	unsigned int i;

	ln->conf.auto_mode = 1;
	ln->conf.unidentified = LATCH_UNIDENT_PROTECT;
	ln->conf.adopt = 1;
	ln->conf.identity_wait_ms = 3000;
	ln->conf.break_grace_ms = 3000;
	ln->conf.qop = LATCH_QOP_EXACT;
	ln->conf.disposition = LATCH_DISP_RESET;
	ln->conf.own_policy = LATCH_OWNPOL_NO;
	ln->conf.own_policy_after_ms = 60000;
	ln->conf.max_latches = 1 << 20;
	ln->conf.max_peers = 1 << 16;
	ln->conf.max_tags = 1 << 16;
	ln->conf.forward_tcp_timeout_s = 5 * 24 * 3600;
	ln->conf.forward_timeout_s = 120;

	t = kmemdup(latch_table, sizeof(latch_table), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;
	for (i = 0; i < LATCH_N_SYSCTLS; i++)
		t[i].data = (char *)ln + (unsigned long)t[i].data;
	ln->sysctl.table = t;
	ln->sysctl.header = latch_register_sysctl(ln->net, "net/latch", t, LATCH_N_SYSCTLS);
	if (ln->sysctl.header)
		return 0;
	kfree(t);
	return -ENOMEM;
}

/**
 * latch_sysctl_exit() - take the files away
 * @ln: the namespace
 *
 * Context: process.
 */
void latch_sysctl_exit(struct latch_net *ln)
{
	unregister_net_sysctl_table(ln->sysctl.header);
	kfree(ln->sysctl.table);
}
