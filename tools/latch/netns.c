// SPDX-License-Identifier: GPL-2.0
/*
 * Enters another network namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "latch.h"

/**
 * netns_enter() - go to another network namespace for the rest of the run
 * @name: the name that ip-netns(8) gave it, or a path such as /proc/PID/ns/net
 *
 * The process has one thread, so /proc/net changes with it.
 *
 * Return: 0, or an exit status after a message.
 */
int netns_enter(const char *name)
{
	char path[PATH_MAX];
	int fd, rc;

	if (!*name || strlen(name) > PATH_MAX - 16) {
		error("bad name \"%s\" of a network namespace", name);
		return EXIT_USAGE;
	}
	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		error("cannot open network namespace \"%s\": %s", name, strerror(errno));
		return EXIT_USAGE;
	}
	rc = setns(fd, CLONE_NEWNET) ? errno : 0;
	close(fd);
	if (!rc)
		return 0;
	error("cannot enter network namespace \"%s\": %s", name, strerror(rc));
	return rc == EINVAL ? EXIT_USAGE : EXIT_REFUSED;
}
