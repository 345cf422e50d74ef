// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU that counts the instructions of a profile: those executed between
 * the two no-ops of common.h, by address. The first profile is written to the file
 * FILE.1, the next to FILE.2, for out=FILE, as lines "ADDRESS INSTRUCTIONS", in
 * hexadecimal and decimal, one for each translated block.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

#define MAX_BLOCKS	1000000

static struct block {
	uint64_t addr;
	uint64_t count;
	uint64_t before;
} *blocks;
static size_t n_blocks;
static const char *out_file = "profile";

static void on_begin(unsigned int cpu, void *data)
{
	size_t i;

	(void)cpu;
	(void)data;
	for (i = 0; i < n_blocks; i++)
		blocks[i].before = blocks[i].count;
}

static void on_end(unsigned int cpu, void *data)
{
	static unsigned int n;
	char name[4096];
	FILE *f;
	size_t i;

	(void)cpu;
	(void)data;
	snprintf(name, sizeof(name), "%s.%u", out_file, ++n);
	f = fopen(name, "w");
	if (!f)
		return;
	for (i = 0; i < n_blocks; i++)
		if (blocks[i].count > blocks[i].before)
			fprintf(f, "%llx %llu\n", (unsigned long long)blocks[i].addr,
				(unsigned long long)(blocks[i].count - blocks[i].before));
	fclose(f);
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	static const unsigned char mark[] = { 0x0f, 0x1f, 0x84, 0x00, 0x4c, 0x54, 0x43 };
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct block *b;

	(void)id;
	if (n_blocks == MAX_BLOCKS)
		return;
	b = &blocks[n_blocks++];
	b->addr = qemu_plugin_tb_vaddr(tb);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &b->count, n);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const unsigned char *code = qemu_plugin_insn_data(insn);

		if (qemu_plugin_insn_size(insn) == 8 && !memcmp(code, mark, sizeof(mark)))
			qemu_plugin_register_vcpu_insn_exec_cb(insn,
							       code[7] == 0x31 ? on_begin : on_end,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++)
		if (!strncmp(argv[i], "out=", 4))
			out_file = strdup(argv[i] + 4);
	blocks = calloc(MAX_BLOCKS, sizeof(*blocks));
	if (!blocks)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	return 0;
}
