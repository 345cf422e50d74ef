// SPDX-License-Identifier: GPL-2.0
/*
 * latch monitor: prints events as they come, until a signal ends it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include <linux/latch_netlink.h>
#include "args.h"
#include "nl.h"
#include "print.h"
#include "show.h"

static const struct keyword keywords[] = {
	{ "connection", NULL, SLOT_ID, ARG_FLAG, NULL, 0, LATCH_CMD_CONN_NTF },
	{ "peer", NULL, SLOT_PEER, ARG_FLAG, NULL, 0, LATCH_CMD_PEER_NTF },
	{ .word = NULL }
};

static void show_time(void)
{
	char date[32], buf[64];
	struct timespec now;
	struct tm tm;

	if (!opt.timestamp)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, sizeof(buf), "%s.%06ldZ", date, now.tv_nsec / 1000);
	print_str("timestamp", "", buf);
}

static void begin(const char *event)
{
	print_open(NULL);
	show_time();
	if (opt.json)
		print_str("event", "", event);
}

static void show_event(const struct nlmsghdr *nlh, void *data)
{
	const struct arg *args = data;
	bool all = !args[SLOT_ID].kw && !args[SLOT_PEER].kw;

	switch (netlink_cmd(nlh)) {
	case LATCH_CMD_CONN_NTF:
	case LATCH_CMD_CONN_GET:
		if (!all && !args[SLOT_ID].kw)
			return;
		begin("connection");
		show_connection(nlh);
		break;
	case LATCH_CMD_PEER_NTF:
	case LATCH_CMD_PEER_GET:
		if (!all && !args[SLOT_PEER].kw)
			return;
		begin("peer");
		show_peer(nlh);
		break;
	default:
		return;
	}
	print_close();
}

/*
 * Print the events that came before those that the kernel dropped. It drops more, without
 * telling, until there is none left: whatever is read before that is out of date at once.
 * Returns 0 or an errno.
 */
static int catch_up(int fd, const struct arg *args)
{
	struct pollfd left = { .fd = fd, .events = POLLIN };
	int err = 0;

	while ((!err || err == ENOBUFS) && poll(&left, 1, 0) > 0)
		err = nl_event(show_event, (void *)args);
	return err == ENOBUFS ? 0 : err;
}

/*
 * The kernel dropped events. Say so, then print all records, so that the reader knows
 * the present state without asking for it.
 */
static int overrun(const struct arg *args)
{
	int rc;

	begin("overrun");
	print_title("overrun: events were missed, all records follow");
	print_close();
	rc = nl_dump(LATCH_CMD_PEER_GET, show_event, (void *)args);
	return rc ? rc : nl_dump(LATCH_CMD_CONN_GET, show_event, (void *)args);
}

/* Make signals readable from a descriptor, so that none cuts off a line. */
static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Wait for an event or a signal. Returns 0 to go on, -1 at the end, else the exit status. */
static int step(struct pollfd *fds, const struct arg *args)
{
	bool missed;
	int err;

	if (poll(fds, 2, -1) < 0)
		return errno == EINTR ? 0 : EXIT_REFUSED;
	if (fds[0].revents)
		return -1;
	err = nl_event(show_event, (void *)args);
	missed = err == ENOBUFS;
	if (missed)
		err = catch_up(fds[1].fd, args);
	if (err) {
		error("cannot read events: %s", strerror(err));
		return EXIT_REFUSED;
	}
	if (missed) {
		err = overrun(args);
		if (err)
			return err;
	}
	/* write each line before the next event comes; main() reports an error */
	return fflush(stdout) ? -1 : 0;
}

static int monitor(const struct arg *args)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int rc;

	opt.oneline = true;
	opt.pretty = false;
	fds[1].fd = nl_events();
	if (fds[1].fd < 0)
		return EXIT_REFUSED;
	fds[0].fd = signals();
	do {
		rc = step(fds, args);
	} while (!rc);
	close(fds[0].fd);
	return rc < 0 ? 0 : rc;
}

static const struct command commands[] = {
	{ NULL, { NULL }, keywords, NULL, monitor },
	{ .word = NULL }
};

const struct object monitor_object = {
	.word = "monitor",
	.commands = commands,
	.usage = "latch monitor [ connection ] [ peer ]\n",
};
