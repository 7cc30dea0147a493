/* Where the runtime waits, it lets the signals in that ask it to stop: elsewhere it holds them
 * back, see runtime/lifecycle/interrupt.py. Between a look at a flag and the start of a plain
 * poll(2) one could slip through, and the wait would have no end. */
#ifndef PYRUNC_INTERRUPT_H
#define PYRUNC_INTERRUPT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <signal.h>
#include <time.h>

/* poll(2); EINTR when one came and has a handler. */
static inline int interruptible_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
	static const int stopping[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	const struct timespec limit = {
		.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L,
	};
	sigset_t open;

	sigprocmask(SIG_BLOCK, NULL, &open);
	for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
		sigdelset(&open, stopping[i]);
	return ppoll(watched, count, timeout_ms < 0 ? NULL : &limit, &open);
}

#endif
