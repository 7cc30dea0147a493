#define _GNU_SOURCE
#include "hook.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#include "interrupt.h"
#include "sys.h"

#define NAP_MS 10 /* between looks at the process where there is no pidfd */
#define DRAIN_MS 100 /* what a dead hook's own children may still print */

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

struct pipes {
	int input[2];
	int output[2];
	int fault[2]; /* closes on execve, else carries its errno */
};

static void pipes_drop(struct pipes *pipes)
{
	int *all[] = { &pipes->input[0], &pipes->input[1], &pipes->output[0],
		       &pipes->output[1], &pipes->fault[0], &pipes->fault[1] };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		fd_drop(all[i]);
}

/* Between vfork and execve: nothing but system calls. */
static _Noreturn void become_hook(const struct hook_run *run, const struct pipes *pipes)
{
	sigset_t none;
	int fault = fcntl(pipes->fault[1], F_DUPFD_CLOEXEC, 3);

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0); /* a timeout ends the whole group */
	if (fault >= 0 && dup2(pipes->input[0], 0) >= 0 && dup2(pipes->output[1], 1) >= 0 &&
	    dup2(pipes->output[1], 2) >= 0 && dup2(fault, 3) >= 0 &&
	    fcntl(3, F_SETFD, FD_CLOEXEC) >= 0) {
		if (sys_close_range(4, ~0u, 0) < 0)
			for (int fd = 4; fd < 1024; fd++)
				close(fd);
		execve(run->path, run->argv, run->envp);
		fault = 3;
	}
	const int err = errno;

	if (write(fault, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

/* How long poll may sleep: until the deadline, or the end of the grace of a dead hook. */
static int sleep_ms(int64_t now, int64_t until, int pid_fd)
{
	if (pid_fd < 0 && (!until || until - now > NAP_MS))
		return NAP_MS;
	if (!until)
		return -1;
	return until <= now ? 0 : until - now > INT_MAX ? INT_MAX : (int)(until - now);
}

static void feed(struct hook_run *run, struct pipes *pipes, size_t *fed)
{
	const ssize_t put = write(pipes->input[1], run->input + *fed, run->input_size - *fed);

	if (put > 0)
		*fed += (size_t)put;
	if ((put < 0 && errno != EAGAIN) || *fed == run->input_size)
		fd_drop(&pipes->input[1]); /* EPIPE: it does not want to know */
}

static void collect(struct hook_run *run, struct pipes *pipes, size_t *got)
{
	char spare[512]; /* what does not fit is read all the same, or the hook would block */
	const bool room = *got + 1 < run->output_size;
	const ssize_t put = read(pipes->output[0], room ? run->output + *got : spare,
				 room ? run->output_size - 1 - *got : sizeof(spare));

	if (put > 0 && room)
		*got += (size_t)put;
	if (put == 0)
		fd_drop(&pipes->output[0]);
}

enum attended { ENDED, TIME_OVER, INTERRUPTED };

/* Feed the state and collect the output until the hook ends. */
static enum attended attend(struct hook_run *run, struct pipes *pipes, pid_t pid, int *status)
{
	owned_fd pid_fd = (int)syscall(SYS_pidfd_open, pid, 0); /* Linux 5.3 */
	const int64_t deadline = run->timeout_ms > 0 ? now_ms() + run->timeout_ms : 0;
	size_t fed = 0, got = 0;
	int64_t grace = 0;

	for (;;) {
		struct pollfd watched[3] = {
			{ .fd = pipes->output[0], .events = POLLIN },
			{ .fd = pipes->input[1], .events = POLLOUT },
			{ .fd = grace ? -1 : pid_fd, .events = POLLIN },
		};
		const int64_t now = now_ms();

		if (!grace && waitpid(pid, status, WNOHANG) == pid)
			grace = now + DRAIN_MS;
		if (grace && (now >= grace || pipes->output[0] < 0))
			break;
		if (!grace && deadline && now >= deadline)
			return TIME_OVER;
		if (grace)
			watched[2].fd = -1;
		const int nap_ms = sleep_ms(now, grace ? grace : deadline, pid_fd);
		const int woken = run->interruptible ? interruptible_poll(watched, 3, nap_ms)
						     : poll(watched, 3, nap_ms);

		if (woken < 0) {
			if (errno != EINTR || run->interruptible)
				return INTERRUPTED;
			continue;
		}
		if (watched[1].revents)
			feed(run, pipes, &fed);
		if (watched[0].revents)
			collect(run, pipes, &got);
		run->output[got] = '\0';
	}
	return ENDED;
}

static void end_group(pid_t pid, int *status)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
}

int hook_run(struct hook_run *run)
{
	struct pipes pipes = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int status = 0, err = 0;

	run->output[0] = '\0';
	if (pipe2(pipes.input, O_CLOEXEC) < 0 || pipe2(pipes.output, O_CLOEXEC) < 0 ||
	    pipe2(pipes.fault, O_CLOEXEC) < 0) {
		pipes_drop(&pipes);
		return -1;
	}
	fcntl(pipes.input[1], F_SETFL, O_NONBLOCK);
	fcntl(pipes.output[0], F_SETFL, O_NONBLOCK);
	const pid_t pid = vfork();

	if (pid == 0)
		become_hook(run, &pipes);
	if (pid < 0) {
		pipes_drop(&pipes);
		return -1;
	}
	fd_drop(&pipes.input[0]);
	fd_drop(&pipes.output[1]);
	fd_drop(&pipes.fault[1]);
	if (read(pipes.fault[0], &err, sizeof(err)) == sizeof(err)) {
		waitpid(pid, &status, 0);
		run->end = HOOK_NOT_STARTED;
		run->value = err;
		pipes_drop(&pipes);
		return 0;
	}
	const enum attended attended = attend(run, &pipes, pid, &status);

	if (attended != ENDED)
		end_group(pid, &status);
	pipes_drop(&pipes);
	switch (attended) {
	case INTERRUPTED:
		errno = EINTR;
		return -1;
	case TIME_OVER:
		run->end = HOOK_TIMED_OUT;
		run->value = 0;
		return 0;
	case ENDED:
		break;
	}
	run->end = WIFSIGNALED(status) ? HOOK_SIGNALED : HOOK_EXITED;
	run->value = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}
