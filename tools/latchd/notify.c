// SPDX-License-Identifier: GPL-2.0
/*
 * As sd_notify(3). It only sends a datagram, which is no reason to link libsystemd.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "notify.h"

/**
 * notify() - tell the service manager about our state, where there is one
 * @what: "READY=1" and the like
 */
void notify(const char *what)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(to.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (*path == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	len += offsetof(struct sockaddr_un, sun_path);
	/* nobody can do anything about a manager that does not listen */
	(void)!sendto(fd, what, strlen(what), MSG_NOSIGNAL, (struct sockaddr *)&to, len);
	close(fd);
}

/**
 * notify_watchdog() - find out how often the service manager expects "WATCHDOG=1"
 *
 * Return: half of the time that it allows, in milliseconds; 0 where it expects none.
 */
int64_t notify_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t v;

	if (!usec || (pid && atol(pid) != getpid()))
		return 0;
	v = atoll(usec) / 2000;
	return v > 0 ? v : 0;
}
