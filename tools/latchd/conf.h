/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_CONF_H
#define LATCHD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include "log.h"

#define CONF_FILE	"/etc/latchd.conf"
#define CONF_PATH_MAX	108		/* what fits in an address of a socket */
#define CONF_WORDS	8

/**
 * struct conf - what the configuration file says
 * @log:          least level that is logged
 * @vici:         ask charon
 * @vici_socket:  its socket
 * @pluto:        ask pluto
 * @pluto_socket: its socket
 * @whack:        the program that asks it
 * @require:      a connection whose SAs cannot be bound does not come up
 * @dead_peer:    what charon gives up breaks its latches for good
 * @updown:       words of the command that latch-updown ends in, NULL after them
 * @words:        what @updown points into
 */
struct conf {
	enum log_level log;
	bool vici;
	char vici_socket[CONF_PATH_MAX];
	bool pluto;
	char pluto_socket[CONF_PATH_MAX];
	char whack[CONF_PATH_MAX];
	bool require;
	bool dead_peer;
	char *updown[CONF_WORDS + 1];
	char words[256];
};

void conf_default(struct conf *c);
bool conf_parse(struct conf *c, const char *name, const char *text, size_t len, char *why,
		size_t room);
bool conf_load(struct conf *c, const char *file);

#endif /* LATCHD_CONF_H */
