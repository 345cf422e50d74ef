// SPDX-License-Identifier: GPL-2.0
/*
 * Asks pluto about its SAs by means of its program, "whack --status". The two exchange a
 * structure that changes with each release; what whack prints does not. We run one
 * child at a time, without a shell, and limit its output and its time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include "log.h"
#include "status.h"
#include "whack.h"

#define TEXT_MAX	(64 << 20)	/* some 10,000 connections */
#define PATIENCE	10000		/* ms for an answer */
#define REAP		10		/* ms after which we look for its end again */

static struct whack {
	const char *program;
	const char *socket;
	pid_t pid;
	int fd;			/* its output; -1 once that has ended */
	char *text;
	size_t len;
	size_t room;
	int64_t due;		/* ms: when it has taken too long */
	int64_t reap;		/* ms: when to look whether it has ended */
	bool again;		/* then ask again */
	bool complained;	/* we have logged that it cannot be executed */
} w = { .fd = -1 };

/**
 * whack_open() - set how to ask pluto
 * @program: path of whack, which must stay
 * @socket:  path of pluto's socket, which must stay
 */
void whack_open(const char *program, const char *socket)
{
	w.program = program;
	w.socket = socket;
}

static void drop(void)
{
	free(w.text);
	w.text = NULL;
	w.len = 0;
	w.room = 0;
}

/* Kill the child. */
static void end_child(void)
{
	if (w.fd >= 0)
		close(w.fd);
	w.fd = -1;
	if (w.pid > 0) {
		kill(w.pid, SIGKILL);
		while (waitpid(w.pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	w.pid = 0;
	drop();
}

static void give_up(const char *why)
{
	say_warn("pluto: %s %s", w.program, why);
	end_child();
	w.again = false;
}

/**
 * whack_close() - ask no more
 */
void whack_close(void)
{
	end_child();
	w.program = NULL;
}

static void child(int out)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(null, 2) < 0)
		_exit(127);
	clearenv();
	setenv("LC_ALL", "C", 1);
	execl(w.program, "whack", "--status", "--ctlsocket", w.socket, NULL);
	_exit(127);
}

/**
 * whack_ask() - ask pluto about all its SAs
 * @now: in milliseconds
 *
 * Does nothing, and logs nothing, where pluto does not run.
 */
void whack_ask(int64_t now)
{
	int fds[2];

	if (!w.program || access(w.socket, F_OK))
		return;
	if (w.pid > 0) {
		w.again = true;
		return;
	}
	if (access(w.program, X_OK)) {
		if (!w.complained)
			say_warn("pluto: cannot ask it: %s: %s", w.program, strerror(errno));
		w.complained = true;
		return;
	}
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return;
	/* the child may block when it writes */
	fcntl(fds[1], F_SETFL, 0);
	w.pid = fork();
	if (!w.pid)
		child(fds[1]);
	close(fds[1]);
	w.fd = fds[0];
	w.due = now + PATIENCE;
	w.complained = false;
	if (w.pid < 0)
		give_up("cannot be started");
}

/**
 * whack_fd() - get the descriptor to poll
 *
 * Return: the descriptor; -1 where there is nothing to read.
 */
int whack_fd(void)
{
	return w.fd;
}

/**
 * whack_due() - find out when to call whack_tick()
 *
 * Return: that time in milliseconds; -1 where it does not matter.
 */
int64_t whack_due(void)
{
	if (w.pid > 0)
		return w.fd >= 0 ? w.due : w.reap;
	return w.again ? 0 : -1;
}

/* Its output has ended. Use it only once whack has succeeded, so that it is complete. */
static void take_end(int64_t now)
{
	struct claims c = { .who = "pluto" };
	int status;

	w.reap = now + REAP;
	if (waitpid(w.pid, &status, WNOHANG) != w.pid)
		return;
	w.pid = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) || !w.len)
		say_detail("pluto: no answer from %s", w.program);
	else if (status_read(&c, w.text, w.len))
		claims_tell(&c);
	else
		say_warn("pluto: what %s says is not understood", w.program);
	claims_drop(&c);
	drop();
}

/**
 * whack_tick() - do what is due
 * @now: in milliseconds
 */
void whack_tick(int64_t now)
{
	if (w.pid > 0 && w.fd < 0)
		take_end(now);
	if (w.pid > 0 && now >= w.due) {
		give_up("took too long");
	} else if (w.pid <= 0 && w.again) {
		w.again = false;
		whack_ask(now);
	}
}

static void end_output(void)
{
	close(w.fd);
	w.fd = -1;
	w.reap = 0;
}

/**
 * whack_read() - read what whack has written
 */
void whack_read(void)
{
	size_t room;
	ssize_t n;
	char *p;

	if (w.room - w.len < 2) {
		room = w.room ? 2 * w.room : 65536;
		p = room <= TEXT_MAX ? realloc(w.text, room) : NULL;
		if (!p) {
			give_up("says too much");
			return;
		}
		w.text = p;
		w.room = room;
	}
	n = read(w.fd, w.text + w.len, w.room - w.len - 1);
	if (n > 0)
		w.len += n;
	else if (!n)
		end_output();
	else if (errno != EAGAIN && errno != EINTR)
		give_up("cannot be read");
}
