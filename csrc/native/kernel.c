#define _GNU_SOURCE
#include "kernel.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "../hook.h"
#include "../interrupt.h"
#include "../started.h"
#include "../sys.h"

#define WAIT_MOST 8

int k_open_tree(const char *path, int recursive)
{
	const unsigned int deep = recursive ? SYS_AT_RECURSIVE : 0;
	const struct sys_mount_attr slave = { .propagation = MS_SLAVE };
	owned_fd tree = sys_open_tree(AT_FDCWD, path, SYS_OPEN_TREE_CLONE | deep);

	if (tree < 0 || sys_mount_setattr(tree, deep, &slave) < 0)
		return -errno;
	return fd_keep(&tree);
}

static int write_whole(const char *path, const char *text)
{
	const size_t length = strlen(text);
	owned_fd fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, length) != (ssize_t)length ? -1 : 0;
}

/* A namespace lives as long as somebody is in it or has it open: that is what the child is for. */
static int map_and_open(long pid, const char *uid_map, const char *gid_map)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/uid_map", pid);
	if (write_whole(path, uid_map) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%ld/gid_map", pid);
	if (write_whole(path, gid_map) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%ld/ns/user", pid);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int k_user_namespace(const char *uid_map, const char *gid_map)
{
	struct sys_clone_args arguments = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	siginfo_t info;
	int hold[2];
	char byte;

	if (pipe2(hold, O_CLOEXEC) < 0)
		return -errno;
	const long pid = sys_clone3(&arguments);

	if (pid == 0) { /* until we are done, or dead */
		close(hold[1]);
		while (read(hold[0], &byte, 1) < 0 && errno == EINTR)
			;
		_exit(0);
	}
	const int fd = pid < 0 ? -errno : map_and_open(pid, uid_map, gid_map);

	close(hold[0]);
	close(hold[1]);
	while (pid > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
		;
	return fd;
}

int k_enter_network(int netns_fd)
{
	return setns(netns_fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

int k_map_ids(int tree_fd, int userns_fd, int recursive)
{
	const struct sys_mount_attr attr = {
		.attr_set = SYS_ATTR_IDMAP, .userns_fd = (uint64_t)userns_fd,
	};

	return sys_mount_setattr(tree_fd, recursive ? SYS_AT_RECURSIVE : 0, &attr) < 0 ? -errno : 0;
}

int k_wait_started(int fifo_fd, int pid_fd, void *buffer, size_t size)
{
	return wait_started(fifo_fd, pid_fd, buffer, size);
}

int k_wait_readable(const int *fds, int count, int timeout_ms, int interruptible)
{
	struct pollfd watched[WAIT_MOST];
	int ready = 0;

	if (count > WAIT_MOST)
		return -E2BIG;
	for (int i = 0; i < count; i++)
		watched[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	const int found = interruptible ? interruptible_poll(watched, (nfds_t)count, timeout_ms)
					: poll(watched, (nfds_t)count, timeout_ms);

	if (found < 0)
		return -errno;
	for (int i = 0; i < count; i++)
		ready |= watched[i].revents ? 1 << i : 0;
	return ready;
}

/* Strings one after the other become pointers; to be freed. */
static char **split(const char *text, size_t size)
{
	size_t count = 0;

	for (size_t at = 0; at < size; at += strlen(text + at) + 1)
		count++;
	char **list = calloc(count + 1, sizeof(*list));

	count = 0;
	for (size_t at = 0; list && at < size; at += strlen(text + at) + 1)
		list[count++] = (char *)(uintptr_t)(text + at);
	return list;
}

int k_run_hook(const char *path, const char *args, size_t args_size, const char *env,
	       size_t env_size, const char *input, size_t input_size, long timeout_ms,
	       char *output, size_t output_size, int *end, int *value)
{
	char **argv = split(args, args_size), **envp = split(env, env_size);
	struct hook_run run = {
		.path = path, .argv = argv, .envp = envp, .input = input,
		.input_size = input_size, .timeout_ms = timeout_ms, .output = output,
		.output_size = output_size, .interruptible = 1,
	};
	const int done = argv && envp ? hook_run(&run) : -1;
	const int err = errno;

	free(argv);
	free(envp);
	*end = run.end;
	*value = run.value;
	return done < 0 ? -err : 0;
}

int k_bpf(int command, void *attr, unsigned int size)
{
	const long done = syscall(SYS_bpf, command, attr, size);

	return done < 0 ? -errno : (int)done;
}

int k_become_subreaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int k_signal_fd(void)
{
	sigset_t all;

	sigfillset(&all);
	const int fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int k_read_signal(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) < 0 ? -errno : (int)info.ssi_signo;
}

int k_lock(int fd)
{
	return flock(fd, LOCK_EX) < 0 ? -errno : 0;
}
