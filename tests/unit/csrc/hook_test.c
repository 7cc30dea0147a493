/* sources: hook.c */
#define _GNU_SOURCE
#include "hook.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "check.h"

static char output[64];

static struct hook_run shell(const char *script, const char *input, long timeout_ms)
{
	static char *argv[] = { "sh", "-c", NULL, NULL };
	static char *envp[] = { "PATH=/usr/bin:/bin", "WORD=given", NULL };
	struct hook_run run = {
		.path = "/bin/sh", .argv = argv, .envp = envp, .input = input,
		.input_size = strlen(input), .timeout_ms = timeout_ms, .output = output,
		.output_size = sizeof(output),
	};

	argv[2] = (char *)(uintptr_t)script;
	memset(output, '#', sizeof(output));
	const int before = count_fds();

	CHECK(hook_run(&run) == 0);
	CHECK(count_fds() == before);
	return run;
}

static long elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static void ends(void)
{
	struct hook_run run = shell("cat; echo $WORD", "state", 0);

	CHECK(run.end == HOOK_EXITED && run.value == 0);
	CHECK_TEXT(output, "stategiven\n");
	run = shell("echo out; echo err >&2; exit 3", "", 0);
	CHECK(run.end == HOOK_EXITED && run.value == 3);
	CHECK_TEXT(output, "out\nerr\n");
	run = shell("kill -9 $$", "", 0);
	CHECK(run.end == HOOK_SIGNALED && run.value == SIGKILL);
	run = shell("exec <&-; exit 0", "nobody reads this", 0);
	CHECK(run.end == HOOK_EXITED && run.value == 0);
}

static void long_output_is_cut_and_does_not_block(void)
{
	struct hook_run run = shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done", "", 0);

	CHECK(run.end == HOOK_EXITED && run.value == 0);
	CHECK(strlen(output) == sizeof(output) - 1);
}

static void large_state(void)
{
	char *state = malloc(1 << 20);

	need(state != NULL, "malloc");
	memset(state, 'x', 1 << 20);
	state[(1 << 20) - 1] = '\0';
	struct hook_run run = shell("wc -c", state, 0);

	CHECK(run.end == HOOK_EXITED && run.value == 0);
	CHECK(atol(output) == (1 << 20) - 1);
	free(state);
}

/* Dead, if perhaps not reaped by its new parent yet. The signal was sent, but on a busy machine
 * it may take its time to get a processor to die on. */
static bool comes_to_its_end(const char *path)
{
	for (int tries = 0; tries < 2000; tries++) {
		char status[512] = "";
		const int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return true;
		const ssize_t size = read(fd, status, sizeof(status) - 1);

		close(fd);
		if (size <= 0 || strstr(status, ") Z") || strstr(status, ") X"))
			return true;
		usleep(1000);
	}
	return false;
}

static void timeout_ends_the_group(void)
{
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	struct hook_run run = shell("echo begun; sleep 100 & echo $! >pid; wait", "", 200);

	CHECK(run.end == HOOK_TIMED_OUT);
	CHECK_TEXT(output, "begun\n");
	CHECK(elapsed_ms(&start) < 5000);
	char text[16] = "";
	const int fd = open("pid", O_RDONLY | O_CLOEXEC);

	need(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "pid");
	close(fd);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/stat", atol(text));
	CHECK(comes_to_its_end(path));
}

static void a_child_that_holds_the_output_does_not_hold_us(void)
{
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	struct hook_run run = shell("sleep 3 & exit 0", "", 0);

	CHECK(run.end == HOOK_EXITED && run.value == 0);
	CHECK(elapsed_ms(&start) < 2000);
}

static void what_cannot_be_executed(void)
{
	char *const argv[] = { "x", NULL };
	struct hook_run run = {
		.path = "/none/hook", .argv = argv, .envp = argv + 1, .input = "",
		.output = output, .output_size = sizeof(output),
	};

	CHECK(hook_run(&run) == 0);
	CHECK(run.end == HOOK_NOT_STARTED && run.value == ENOENT);
	put_file("plain", "x", 1, 0644);
	run.path = "./plain";
	CHECK(hook_run(&run) == 0);
	CHECK(run.end == HOOK_NOT_STARTED && run.value == EACCES);
}

static void without_pidfd(void)
{
	forbid(SYS_pidfd_open, ENOSYS);
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	struct hook_run run = shell("exec >&- 2>&-; exit 5", "", 60000);

	CHECK(run.end == HOOK_EXITED && run.value == 5);
	CHECK(elapsed_ms(&start) < 5000);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	ends();
	long_output_is_cut_and_does_not_block();
	large_state();
	timeout_ends_the_group();
	a_child_that_holds_the_output_does_not_hold_us();
	what_cannot_be_executed();
	check_apart(without_pidfd);
	return check_status();
}
