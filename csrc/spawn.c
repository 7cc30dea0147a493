/*
 * From the runtime to the container's side: sealed copies, the control socket, the birth of the
 * process that executes the plan. For the interpreter (native/) and for fast_exec.c.
 */
#define _GNU_SOURCE
#include "spawn.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "interrupt.h"
#include "sys.h"

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

int k_take_fd(int pid_fd, int number)
{
	const int fd = (int)syscall(SYS_pidfd_getfd, pid_fd, number, 0);

	return fd < 0 ? -errno : fd;
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
