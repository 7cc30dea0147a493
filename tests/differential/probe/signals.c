/* Dispositions, mask and timers: what execve(2) leaves as it was. Straight to the kernel, since
 * a libc keeps some signals for itself. */
#include "probe.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

struct kernel_action {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

enum { SIGNALS = 64 };

static void ignored(struct json *json)
{
	json_key(json, "ignored");
	json_begin(json, '[');
	for (int number = 1; number <= SIGNALS; number++) {
		struct kernel_action action = { 0 };

		if (syscall(SYS_rt_sigaction, number, 0, &action, sizeof action.mask) == 0 &&
		    action.handler == SIG_IGN)
			json_number(json, number);
	}
	json_end(json, ']');
}

static void sets(struct json *json)
{
	uint64_t mask = 0, pending = 0;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, &mask, sizeof mask);
	syscall(SYS_rt_sigpending, &pending, sizeof pending);
	json_key(json, "blocked");
	json_hex(json, mask);
	json_key(json, "pending");
	json_hex(json, pending);
}

void report_signals(struct json *json)
{
	struct itimerval timer = { 0 };
	int number = -1;

	json_begin(json, '{');
	ignored(json);
	sets(json);
	getitimer(ITIMER_REAL, &timer);
	json_key_number(json, "alarm", timer.it_value.tv_sec || timer.it_value.tv_usec);
	prctl(PR_GET_PDEATHSIG, &number, 0, 0, 0);
	json_key_number(json, "at parent's death", number);
	json_key(json, "children");
	json_result(json, waitpid(-1, 0, WNOHANG));
	json_end(json, '}');
}
