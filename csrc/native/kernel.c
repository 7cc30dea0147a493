#define _GNU_SOURCE
#include "kernel.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../hook.h"
#include "../interrupt.h"
#include "../started.h"
#include "../sys.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u /* Linux 6.3 */
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20 /* Linux 6.3 */
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

#define CHILD_STACK 65536
#define SLOTS_MAX 256
#define WAIT_MOST 8

static int new_memfd(const char *name, unsigned int more)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	const int fd = memfd_create(name, flags | more);

	/* Before 6.3 memory files are executable and the flag is unknown. */
	return fd < 0 && errno == EINVAL && more ? memfd_create(name, flags) : fd;
}

static int seal(int fd, int more)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	if (more && fcntl(fd, F_ADD_SEALS, seals | more) == 0)
		return 0;
	return fcntl(fd, F_ADD_SEALS, seals);
}

int k_sealed_copy(const char *path)
{
	struct stat status;
	owned_fd from = open(path, O_RDONLY | O_CLOEXEC);

	if (from < 0 || fstat(from, &status) < 0)
		return -errno;
	owned_fd to = new_memfd("pyrunc-init", MFD_EXEC);

	if (to < 0)
		return -errno;
	for (off_t done = 0; done < status.st_size;) {
		const ssize_t sent = sendfile(to, from, NULL, (size_t)(status.st_size - done));

		if (sent == 0)
			return -EIO; /* it got shorter under our hands */
		if (sent < 0)
			return -errno;
		done += sent;
	}
	if (fchmod(to, 0511) < 0 || seal(to, F_SEAL_EXEC) < 0)
		return -errno;
	return fd_keep(&to);
}

int k_sealed_bytes(const void *bytes, size_t size)
{
	owned_fd fd = new_memfd("pyrunc-plan", 0);

	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < size;) {
		const ssize_t put = write(fd, (const char *)bytes + done, size - done);

		if (put < 0)
			return -errno;
		done += (size_t)put;
	}
	if (seal(fd, 0) < 0)
		return -errno;
	return fd_keep(&fd);
}

int k_channel(int *pair)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0;
}

int k_receive(int fd, void *buffer, size_t size, int *passed_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { .iov_base = buffer, .iov_len = size };
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.space, .msg_controllen = sizeof(control.space),
	};
	struct pollfd watched = { .fd = fd, .events = POLLIN };

	*passed_fd = -1;
	if (interruptible_poll(&watched, 1, -1) < 0)
		return -errno;
	const ssize_t got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);

	if (got < 0) /* ECONNRESET: it died with our word unread */
		return errno == ECONNRESET ? 0 : -errno;
	const struct cmsghdr *first = CMSG_FIRSTHDR(&header);

	if (first && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS)
		memcpy(passed_fd, CMSG_DATA(first), sizeof(int));
	return (int)got;
}

int k_send_word(int fd, int passed_fd)
{
	char word = 'g';
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = &word, .iov_len = 1 };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

	if (passed_fd >= 0) {
		header.msg_control = control.space;
		header.msg_controllen = sizeof(control.space);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof(int));
	}
	return sendmsg(fd, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

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

int k_map_ids(int tree_fd, int userns_fd, int recursive)
{
	const struct sys_mount_attr attr = {
		.attr_set = SYS_ATTR_IDMAP, .userns_fd = (uint64_t)userns_fd,
	};

	return sys_mount_setattr(tree_fd, recursive ? SYS_AT_RECURSIVE : 0, &attr) < 0 ? -errno : 0;
}

struct birth {
	int exe_fd;
	int base;
	const int *fds;
	int count;
	char base_text[12];
	int err; /* written by the child: shared memory with CLONE_VM, else by pipe */
	int fault_fd;
};

/* Move the descriptors to where the executor looks for them. */
static int arrange(struct birth *birth)
{
	const int exe_at = birth->base + birth->count;
	const int exe = fcntl(birth->exe_fd, F_DUPFD_CLOEXEC, exe_at + birth->count + 2);
	const int fault = birth->fault_fd < 0 ? -1
		: fcntl(birth->fault_fd, F_DUPFD_CLOEXEC, exe_at + birth->count + 2);
	int lifted[SLOTS_MAX];

	/* From here on the number it had may become another's. */
	birth->fault_fd = fault;
	if (exe < 0)
		return -1;
	for (int i = 0; i < birth->count; i++) {
		lifted[i] = fcntl(birth->fds[i], F_DUPFD_CLOEXEC, exe_at + birth->count + 2);
		if (lifted[i] < 0)
			return -1;
	}
	for (int i = 0; i < birth->count; i++)
		if (dup2(lifted[i], birth->base + i) < 0)
			return -1;
	if (dup3(exe, exe_at, O_CLOEXEC) < 0)
		return -1;
	if (fault >= 0 && dup3(fault, exe_at + 1, O_CLOEXEC) < 0)
		return -1;
	birth->fault_fd = fault < 0 ? -1 : exe_at + 1;
	birth->exe_fd = exe_at;
	for (int fd = 3; fd < birth->base; fd++)
		if (fcntl(fd, F_SETFD, 0) < 0)
			return -1;
	if (sys_close_range((unsigned int)exe_at + 2, ~0u, 0) < 0)
		for (int fd = exe_at + 2; fd < 65536; fd++) /* before Linux 5.9 */
			close(fd);
	return 0;
}

/* Only system calls here: after CLONE_VM the memory is the parent's. */
static int be_born(void *argument)
{
	struct birth *birth = argument;
	char *const argv[] = { (char *)(uintptr_t)"pyrunc", (char *)(uintptr_t)"init",
			       birth->base_text, NULL };
	char *const envp[] = { NULL };
	struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &by_default, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (arrange(birth) == 0)
		syscall(SYS_execveat, birth->exe_fd, "", argv, envp, AT_EMPTY_PATH);
	birth->err = errno;
	if (birth->fault_fd >= 0 && write(birth->fault_fd, &birth->err, sizeof(int)) < 0)
		_exit(126);
	_exit(127);
}

/*
 * As vfork: no copy of the page tables of an interpreter. clone(2) has no room for
 * CLONE_INTO_CGROUP, and clone3(2) with CLONE_VM needs a stack switch that libc does not offer.
 */
static int clone_sharing(struct birth *birth, unsigned long long flags, int *pid_fd)
{
	char *stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED)
		return -errno;
	const int pid = clone(be_born, stack + CHILD_STACK,
			      CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD | (int)flags, birth,
			      pid_fd);
	const int err = errno;

	munmap(stack, CHILD_STACK);
	return pid < 0 ? -err : pid;
}

static int clone_into(struct birth *birth, unsigned long long flags, int cgroup_fd, int *pid_fd)
{
	struct sys_clone_args arguments = {
		.flags = flags | CLONE_PIDFD | CLONE_INTO_CGROUP,
		.pidfd = (uint64_t)(uintptr_t)pid_fd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)cgroup_fd,
	};
	int fault[2];

	if (pipe2(fault, O_CLOEXEC) < 0)
		return -errno;
	birth->fault_fd = fault[1];
	const long pid = sys_clone3(&arguments);

	if (pid == 0)
		be_born(birth);
	const int err = errno;

	close(fault[1]);
	if (pid > 0 && read(fault[0], &birth->err, sizeof(int)) < 0)
		birth->err = errno;
	close(fault[0]);
	return pid < 0 ? -err : (int)pid;
}

int k_spawn(int exe_fd, int base, const int *fds, int count, unsigned long long flags,
	    int cgroup_fd, int *pid_fd)
{
	struct birth birth = {
		.exe_fd = exe_fd, .base = base, .fds = fds, .count = count, .fault_fd = -1,
	};
	sigset_t all, before;

	*pid_fd = -1;
	if (count > SLOTS_MAX)
		return -E2BIG;
	snprintf(birth.base_text, sizeof(birth.base_text), "%d", base);
	/* No handler of the interpreter may run in the child while it shares our memory. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	const int pid = cgroup_fd < 0 ? clone_sharing(&birth, flags, pid_fd)
				      : clone_into(&birth, flags, cgroup_fd, pid_fd);

	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid > 0 && birth.err) {
		siginfo_t info;

		while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
			;
		close(*pid_fd);
		*pid_fd = -1;
		return -birth.err;
	}
	return pid;
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

int k_raise_hard_limit(int pid, int resource, unsigned long long hard)
{
	struct rlimit limit;

	if (prlimit(pid, (unsigned int)resource, NULL, &limit) < 0)
		return -errno;
	if (limit.rlim_max >= hard)
		return 0;
	limit.rlim_max = hard;
	return prlimit(pid, (unsigned int)resource, &limit, NULL) < 0 ? -errno : 0;
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
