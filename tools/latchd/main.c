// SPDX-License-Identifier: GPL-2.0
/*
 * latchd: tells the kernel module which peers the SAs of IKE daemons belong to, where
 * the daemons do not do so themselves. It can be restarted at any time: the kernel
 * knows the SAs and the claims, the IKE daemons know the peers.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include "conf.h"
#include "kernel.h"
#include "notify.h"
#include "vici.h"
#include "whack.h"

#define RETRY	1000	/* ms until we try again what failed */

static const char *conf_file;
static struct conf conf;
static bool module;		/* the module is loaded and knows of us */
static bool read_sad;		/* we have to read the SAD, */
static int64_t read_sad_at;	/* at this time in ms */
static int64_t manager_at = -1;	/* when to try the module again, in ms; -1 for never */
static bool manager_error;	/* we have logged that the module refuses */

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Tell the module that we are at work. Where it has just come, start from the beginning. */
static void meet_module(int64_t now)
{
	bool before = module;
	int rc;

	rc = kernel_manager();
	module = !rc;
	manager_at = -1;
	if (!rc) {
		manager_error = false;
		say_note("the kernel module is there");
		sad_forget(now);
		/* both the SAs and their claims may have changed meanwhile */
		read_sad = true;
		read_sad_at = now;
		return;
	}
	if (rc == -ENOPROTOOPT) {
		say(before ? LOG_WARN : LOG_NOTE, "the kernel module ipsec_latch is not loaded");
		return;
	}
	if (!manager_error)
		say_error("cannot be the key manager: %s%s%s", strerror(-rc),
			  *kernel_why() ? ": " : "", kernel_why());
	manager_error = true;
	manager_at = now + RETRY;
}

static void sad_work(int64_t now)
{
	if (!read_sad || now < read_sad_at)
		return;
	if (xfrm_reload(now))
		read_sad = false;
	else
		read_sad_at = now + RETRY;
}

/* Ask the IKE daemons about SAs that nobody has claimed. */
static void ask_work(int64_t now)
{
	if (!module || !sad_ask(now, kernel_bound))
		return;
	vici_list(now);
	whack_ask(now);
}

static void apply_conf(void)
{
	log_level(conf.log);
	vici_trust_eap(conf.eap_outer);
	if (conf.vici)
		vici_open(conf.vici_socket, conf.dead_peer);
	if (conf.pluto)
		whack_open(conf.whack, conf.pluto_socket);
}

static void reload(int64_t now)
{
	static struct conf new;

	if (!conf_load(&new, conf_file)) {
		say_error("the configuration stays as it was");
		return;
	}
	vici_close();
	whack_close();
	conf = new;
	apply_conf();
	sad_forget(now);
	say_note("read the configuration again");
}

/* Let @due be @t, where that is a time, and earlier. */
static void earlier(int64_t *due, int64_t t)
{
	if (t >= 0 && (*due < 0 || t < *due))
		*due = t;
}

/* How long may poll() wait, in ms?  -1 for ever. @watchdog: a time, or 0 for none. */
static int wait_ms(int64_t now, int64_t watchdog)
{
	int64_t due = -1;

	if (module)
		earlier(&due, sad_due());
	earlier(&due, vici_due());
	earlier(&due, whack_due());
	earlier(&due, manager_at);
	if (read_sad)
		earlier(&due, read_sad_at);
	if (watchdog)
		earlier(&due, watchdog);
	if (due < 0)
		return -1;
	return due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
}

static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Returns false where a signal ends the program. */
static bool take_signals(int fd, int64_t now)
{
	struct signalfd_siginfo s;

	while (read(fd, &s, sizeof(s)) == sizeof(s)) {
		if (s.ssi_signo != SIGHUP)
			return false;
		reload(now);
	}
	return true;
}

static void take_xfrm(int64_t now)
{
	if (xfrm_read(now)) {
		read_sad = true;
		read_sad_at = now;
	}
}

static void take_input(const struct pollfd *p, int64_t now)
{
	/* the kernel first: an IKE daemon tells of an SA only once the kernel has it */
	take_xfrm(now);
	if (p[1].revents && kernel_changed())
		meet_module(now);
	if (p[2].revents & POLLOUT)
		vici_write(now);
	if (p[2].revents & ~POLLOUT && vici_fd() == p[2].fd)
		vici_read(now);
	if (p[3].revents)
		whack_read();
}

static void tick(int64_t now)
{
	if (manager_at >= 0 && now >= manager_at)
		meet_module(now);
	sad_work(now);
	vici_tick(now);
	whack_tick(now);
	ask_work(now);
}

static void run(int signals)
{
	int64_t now = clock_ms(), every = notify_watchdog(), dog = every ? now + every : 0;
	struct pollfd p[5];

	for (;;) {
		p[0] = (struct pollfd){ .fd = xfrm_fd(), .events = POLLIN };
		p[1] = (struct pollfd){ .fd = kernel_fd(), .events = POLLIN };
		p[2] = (struct pollfd){ .fd = vici_fd(),
					.events = POLLIN | (vici_wants_to_write() ? POLLOUT : 0) };
		p[3] = (struct pollfd){ .fd = whack_fd(), .events = POLLIN };
		p[4] = (struct pollfd){ .fd = signals, .events = POLLIN };
		if (poll(p, 5, wait_ms(now, dog)) < 0 && errno != EINTR) {
			say_error("poll: %s", strerror(errno));
			return;
		}
		now = clock_ms();
		take_input(p, now);
		if (p[4].revents && !take_signals(signals, now))
			return;
		tick(now);
		if (every && now >= dog) {
			notify("WATCHDOG=1");
			dog = now + every;
		}
	}
}

static int usage(FILE *to, int rc)
{
	fputs("usage: latchd [-c FILE] [-t]\n"
	      "  -c FILE  configuration, instead of " CONF_FILE "\n"
	      "  -t       only check it\n", to);
	return rc;
}

int main(int argc, char **argv)
{
	bool test = false;
	int opt, rc, signals;

	log_open("latchd");
	while ((opt = getopt(argc, argv, "c:th")) != -1) {
		switch (opt) {
		case 'c':
			conf_file = optarg;
			break;
		case 't':
			test = true;
			break;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, 1);
		}
	}
	if (optind != argc)
		return usage(stderr, 1);
	if (!conf_load(&conf, conf_file))
		return 1;
	if (test)
		return 0;
	/* the kernel sends us keys of SAs: leave them in no core dump */
	prctl(PR_SET_DUMPABLE, 0);
	signals = open_signals();
	rc = kernel_open();
	if (!rc)
		rc = xfrm_open();
	if (rc || signals < 0) {
		say_error("cannot listen to the kernel: %s", strerror(rc ? -rc : errno));
		return 1;
	}
	apply_conf();
	read_sad = true;
	meet_module(clock_ms());
	sad_work(clock_ms());
	notify("READY=1");
	run(signals);
	notify("STOPPING=1");
	vici_close();
	whack_close();
	return 0;
}
