/* Namespaces, cgroups, the session: who we are before anything is mounted. */
#define _GNU_SOURCE
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <grp.h>

#include "child.h"
#include "sys.h"

#define SETNS_MAY_DEFER 1u
#define SETNS_IF_DEFERRED 2u
#define BARRIER_MAPS 1u
#define BARRIER_CREATED 5u
#define BARRIER_LIMITS 6u
#define SYNC_ONLY_SAY 1u
#define SYNC_LAST 2u
#define BECOME_ROOT_SETGROUPS 1u

/*
 * A namespace that the runtime's own user namespace owns is joined before entering another user
 * namespace, one that the new user namespace owns only after. Which is which, the kernel says.
 */
int op_setns(const struct plan_op *op, struct child *child, const char **call)
{
	const uint64_t slot = op->number[0];
	const uint32_t bit = slot < 32 ? 1u << slot : 0;
	const int fd = child_slot(child, slot);

	*call = "setns";
	if (fd < 0)
		return -1;
	if ((op->flags & SETNS_IF_DEFERRED) && !(child->deferred & bit))
		return 0;
	if (setns(fd, (int)op->number[1]) == 0)
		return 0;
	if (errno == EPERM && (op->flags & SETNS_MAY_DEFER)) {
		child->deferred |= bit;
		return 0;
	}
	if (errno == EINVAL)
		return child_say(child, "the file is no namespace of this kind");
	return -1;
}

/*
 * Into the namespaces of the process that a pidfd stands for, all at once: the kernel holds each
 * of them against the rights that we have before and after, whoever owns it, and changes nothing
 * if one is refused. Linux 5.8.
 */
int op_join(const struct plan_op *op, struct child *child, const char **call)
{
	const int fd = child_slot(child, op->number[0]);

	*call = "setns";
	if (fd < 0 || setns(fd, (int)op->number[1]) < 0)
		return errno == ESRCH ? child_say(child, "the container's init has ended") : -1;
	close(fd); /* no process of the container is to find it */
	/* Entering a user namespace leaves us as fs.suid_dumpable says. */
	*call = "prctl(PR_SET_DUMPABLE)";
	return prctl(PR_SET_DUMPABLE, 0);
}

/* A container without a mount namespace of its own is a root directory in somebody else's. */
int op_enter_root(const struct plan_op *op, struct child *child, const char **call)
{
	const int fd = child_slot(child, op->number[0]);

	*call = "fchdir";
	if (fd < 0 || fchdir(fd) < 0)
		return -1;
	close(fd);
	*call = "chroot";
	return chroot(".");
}

int op_unshare(const struct plan_op *op, struct child *child, const char **call)
{
	(void)child;
	*call = "unshare";
	return unshare((int)op->number[0]);
}

/* The intermediate has joined what it had to; the container's process is the runtime's child. */
int op_fork(const struct plan_op *op, struct child *child, const char **call)
{
	int pid_fd = -1;
	struct sys_clone_args arguments = {
		/* exit_signal stays 0: with CLONE_PARENT the kernel takes that of the siblings. */
		.flags = op->number[0] | CLONE_PARENT | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pid_fd,
	};

	*call = "clone3";
	const long pid = sys_clone3(&arguments);

	if (pid < 0)
		return -1;
	if (pid == 0) {
		/* Not before the runtime knows us: our messages could overtake the announcement. */
		*call = "recv";
		if (child_await_word(child) == 0)
			return 0;
		if (errno == ECONNRESET) /* the runtime gave up, and has said why itself */
			_exit(1);
		return -1;
	}
	*call = "sendmsg";
	if (child_announce(child, (int)pid, pid_fd) < 0) {
		kill((pid_t)pid, SIGKILL);
		return -1;
	}
	_exit(0);
}

int op_sync(const struct plan_op *op, struct child *child, const char **call)
{
	const uint32_t barrier = (uint32_t)op->number[0];

	*call = "write";
	if ((op->flags & SYNC_ONLY_SAY) && child_tell(child, barrier) < 0)
		return -1;
	*call = "read";
	if (!(op->flags & SYNC_ONLY_SAY) && child_reach(child, barrier) < 0) {
		if (errno == ECONNRESET) /* the runtime gave up, and has said why itself */
			_exit(1);
		return -1;
	}
	if (barrier == BARRIER_MAPS || barrier == BARRIER_LIMITS) {
		*call = "prctl";
		return prctl(PR_SET_DUMPABLE, 0);
	}
	if (barrier == BARRIER_CREATED)
		fd_drop(&child->control_fd);
	if (op->flags & SYNC_LAST) {
		/* Only the failure of execve is left to be told, by a plain write: that much the
		 * seccomp filter, which comes next, permits. */
		child->report_fd = fd_keep(&child->control_fd);
		*call = "fcntl";
		return fcntl(child->report_fd, F_SETFD, FD_CLOEXEC);
	}
	return 0;
}

/* A thread that moves itself takes no kernel-wide lock: docs/architecture.md. */
int op_cgroup_join(const struct plan_op *op, struct child *child, const char **call)
{
	const int fd = child_slot(child, op->number[0]);

	*call = "write";
	if (fd < 0 || write(fd, "0", 1) != 1)
		return -1;
	close(fd); /* low numbers stay free for a program with a low RLIMIT_NOFILE */
	return 0;
}

int op_become_root(const struct plan_op *op, struct child *child, const char **call)
{
	const uid_t uid = (uid_t)op->number[0];
	const gid_t gid = (gid_t)op->number[1];

	(void)child;
	if (op->flags & BECOME_ROOT_SETGROUPS) {
		*call = "setgroups";
		if (setgroups(0, NULL) < 0)
			return -1;
	}
	*call = "setresgid";
	if (setresgid(gid, gid, gid) < 0)
		return -1;
	*call = "setresuid";
	if (setresuid(uid, uid, uid) < 0)
		return -1;
	*call = "prctl(PR_SET_DUMPABLE)"; /* a change of ids leaves us as fs.suid_dumpable says */
	return prctl(PR_SET_DUMPABLE, 0);
}

int op_setsid(const struct plan_op *op, struct child *child, const char **call)
{
	(void)op;
	(void)child;
	*call = "setsid";
	return setsid() < 0 && errno != EPERM ? -1 : 0; /* EPERM: leads one already */
}

int op_keyring(const struct plan_op *op, struct child *child, const char **call)
{
	char text[256];
	const char *field = text;
	const char *label = plan_string(child->plan, op, 1);

	*call = "write(attr/keycreate)";
	if (label && label_new_keys(child, label) < 0)
		return -1;
	*call = "keyctl";
	const long ring = syscall(SYS_keyctl, SYS_KEYCTL_JOIN_SESSION_KEYRING,
				  plan_string(child->plan, op, 0));

	if (ring < 0)
		return errno == ENOSYS ? 0 : -1; /* a kernel without keyrings has none to share */
	*call = "write(attr/keycreate)";
	if (label && label_new_keys(child, "") < 0)
		return -1;
	*call = "keyctl";
	/* "type;uid;gid;permissions;description": let the owner find the ring, as runc does. */
	const long length = syscall(SYS_keyctl, SYS_KEYCTL_DESCRIBE, ring, text, sizeof(text) - 1);

	if (length < 0)
		return -1;
	text[length < (long)sizeof(text) ? length : (long)sizeof(text) - 1] = '\0';
	for (int i = 0; i < 3 && field; i++) {
		field = strchr(field, ';');
		field = field ? field + 1 : NULL;
	}
	if (!field) {
		errno = EINVAL;
		return -1;
	}
	const unsigned long permissions = strtoul(field, NULL, 16) | 0x80000ul | op->number[0];

	return syscall(SYS_keyctl, SYS_KEYCTL_SETPERM, ring, permissions) < 0 ? -1 : 0;
}

int op_link_up(const struct plan_op *op, struct child *child, const char **call)
{
	struct ifreq request = { 0 };

	*call = "socket";
	owned_fd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	strncpy(request.ifr_name, plan_string(child->plan, op, 0), IFNAMSIZ - 1);
	*call = "ioctl(SIOCGIFFLAGS)";
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return -1;
	request.ifr_flags |= IFF_UP;
	*call = "ioctl(SIOCSIFFLAGS)";
	return ioctl(fd, SIOCSIFFLAGS, &request);
}

int op_hostname(const struct plan_op *op, struct child *child, const char **call)
{
	*call = "sethostname";
	return sethostname(plan_string(child->plan, op, 0), plan_length(child->plan, op, 0));
}

int op_domainname(const struct plan_op *op, struct child *child, const char **call)
{
	*call = "setdomainname";
	return setdomainname(plan_string(child->plan, op, 0), plan_length(child->plan, op, 0));
}

int op_sysctl(const struct plan_op *op, struct child *child, const char **call)
{
	char path[PATH_MAX];
	const char *value = plan_string(child->plan, op, 1);
	const uint32_t length = plan_length(child->plan, op, 1);

	*call = "open(/proc)";
	owned_fd proc_fd = proc_whole(child);

	if (proc_fd < 0)
		return -1;
	if (snprintf(path, sizeof(path), "sys/%s", plan_string(child->plan, op, 0)) >=
	    (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	*call = "open";
	owned_fd fd = sys_openat2(proc_fd, path, O_WRONLY | O_CLOEXEC, 0,
				  SYS_RESOLVE_BENEATH | SYS_RESOLVE_NO_XDEV |
				  SYS_RESOLVE_NO_SYMLINKS | SYS_RESOLVE_NO_MAGICLINKS);

	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* no openat2: the handle is trusted */
		fd = openat(proc_fd, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	*call = "write";
	const ssize_t written = write(fd, value, length);

	if (written >= 0 && (uint32_t)written != length) {
		errno = EIO;
		return -1;
	}
	return written < 0 ? -1 : 0;
}
