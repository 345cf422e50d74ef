/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATCHD_CONF_H
#define LATCHD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include "log.h"

#define CONF_FILE	"/etc/latchd.conf"
#define CONF_PATH_MAX	108		/* bytes of a socket's address */
#define CONF_WORDS	8

/**
 * struct conf - the configuration
 * @log:          log messages of this level and of more severe ones
 * @vici:         ask charon
 * @vici_socket:  charon's socket
 * @pluto:        ask pluto
 * @pluto_socket: pluto's socket
 * @whack:        the program that asks pluto
 * @require:      latch-updown fails where it cannot bind a connection's SAs
 * @dead_peer:    break the latches of a peer for good where charon gives it up
 * @eap_outer:    take the name that a peer says before EAP, whatever the method proves
 * @updown:       words of the command that latch-updown executes, then NULL
 * @words:        the text that @updown points into
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
	bool eap_outer;
	char *updown[CONF_WORDS + 1];
	char words[256];
};

void conf_default(struct conf *c);
bool conf_parse(struct conf *c, const char *name, const char *text, size_t len, char *why,
		size_t room);
bool conf_load(struct conf *c, const char *file);

#endif /* LATCHD_CONF_H */
