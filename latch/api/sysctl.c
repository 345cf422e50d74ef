// SPDX-License-Identifier: GPL-2.0
/*
 * net.latch.*, one set in each namespace. Documented in
 * Documentation/networking/latch-sysctl.rst.
 */
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "api/sysctl.h"
#include "base/net.h"
#include "channel/reeval.h"
#include "core/params.h"
#include "core/types.h"

static const char *const latch_qop_words[] = { "exact", "floor", NULL };

/* By LATCH_DISP_*; what is the default cannot be "default" itself. */
static const char *const latch_disp_words[] = { "", "wait", "reset", "unreach", NULL };

static int latch_identity_wait_max = 60000;
static int latch_max_max = 16 << 20;

/*
 * A value with a name; extra1 has the words, extra2 the namespace where a new
 * word is a new rule for every latch.
 */
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
			if (table->extra2)
				latch_reeval_everything(table->extra2);
			return 0;
		}
	}
	return -EINVAL;
}

#define LATCH_BOOL(name, field) {				\
	.procname	= (name),				\
	.data		= (void *)offsetof(struct latch_net, conf.field), \
	.maxlen		= sizeof(u8),				\
	.mode		= 0644,					\
	.proc_handler	= proc_dou8vec_minmax,			\
	.extra1		= SYSCTL_ZERO,				\
	.extra2		= SYSCTL_ONE,				\
}

#define LATCH_INT(name, field, lo, hi) {			\
	.procname	= (name),				\
	.data		= (void *)offsetof(struct latch_net, conf.field), \
	.maxlen		= sizeof(int),				\
	.mode		= 0644,					\
	.proc_handler	= proc_dointvec_minmax,			\
	.extra1		= (lo),					\
	.extra2		= (hi),					\
}

#define LATCH_WORD(name, field, words) {			\
	.procname	= (name),				\
	.data		= (void *)offsetof(struct latch_net, conf.field), \
	.maxlen		= sizeof(u8),				\
	.mode		= 0644,					\
	.proc_handler	= latch_proc_word,			\
	.extra1		= (void *)(words),			\
}

#define LATCH_SYSCTL_QOP	3

static const struct ctl_table latch_table[] = {
	LATCH_BOOL("auto", auto_mode),
	LATCH_BOOL("require_identity", require_identity),
	LATCH_INT("identity_wait_ms", identity_wait_ms, SYSCTL_ZERO, &latch_identity_wait_max),
	[LATCH_SYSCTL_QOP] = LATCH_WORD("qop", qop, latch_qop_words),
	LATCH_WORD("disposition", disposition, latch_disp_words),
	LATCH_INT("max_latches", max_latches, SYSCTL_ZERO, &latch_max_max),
	LATCH_INT("max_peers", max_peers, SYSCTL_ZERO, &latch_max_max),
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
	ln->conf.identity_wait_ms = 3000;
	ln->conf.qop = LATCH_QOP_EXACT;
	ln->conf.disposition = LATCH_DISP_RESET;
	ln->conf.max_latches = 1 << 20;
	ln->conf.max_peers = 1 << 16;

	t = kmemdup(latch_table, sizeof(latch_table), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;
	for (i = 0; i < LATCH_N_SYSCTLS; i++)
		t[i].data = (char *)ln + (unsigned long)t[i].data;
	t[LATCH_SYSCTL_QOP].extra2 = ln;
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
