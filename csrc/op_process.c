/* Attributes of the process: identity, capabilities, streams, hooks. */
#define _GNU_SOURCE
#include <ctype.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "child.h"
#include "hook.h"
#include "mounts.h"
#include "sys.h"

#define USER_SETGROUPS 1u
#define CHDIR_TRY 1u
#define CHDIR_AGAIN 2u

static int tell_hook(struct child *child, const struct hook_run *run)
{
	char words[128];

	snprintf(words, sizeof(words), "%s", strerror(run->value));
	switch (run->end) {
	case HOOK_EXITED:
		return child_say(child, "exit status %d, output: %.800s", run->value, run->output);
	case HOOK_SIGNALED:
		return child_say(child, "killed by signal %d, output: %.800s", run->value, run->output);
	case HOOK_TIMED_OUT:
		return child_say(child, "not done after %ld seconds, killed", run->timeout_ms / 1000);
	case HOOK_NOT_STARTED:
		/* "no such file or directory", as engines match it: see runtime/errors.py. */
		words[0] = (char)tolower((unsigned char)words[0]);
		return child_say(child, "cannot be executed: %s", words);
	}
	return -1;
}

int op_hook(const struct plan_op *op, struct child *child, const char **call)
{
	char output[1024];
	const char *head = plan_next(child->plan, op, 3, NULL);
	const char *tail = head ? plan_next(child->plan, op, 3, head) : NULL;
	char *state = NULL;

	*call = "hook";
	const int size = asprintf(&state, "%s%d%s", head ? head : "", (int)getpid(), tail ? tail : "");
	char **argv = plan_pointers(child->plan, op, 1, NULL), **envp = plan_pointers(child->plan, op, 2, NULL);
	struct hook_run run = {
		.path = plan_string(child->plan, op, 0), .argv = argv, .envp = envp,
		.input = state, .input_size = size < 0 ? 0 : (size_t)size,
		.timeout_ms = op->number[0] < HOOK_TIMEOUT_S_MAX ? (long)op->number[0] * 1000 : 0,
		.output = output, .output_size = sizeof(output),
	};
	child->hooks_after_start = child->report_fd >= 0;
	const mode_t ours = umask(child->umask);
	const int done = size < 0 || !argv || !envp ? -1 : hook_run(&run);
	const int err = errno;

	umask(ours);

	if (size >= 0)
		free(state);
	free(argv);
	free(envp);
	errno = err;
	if (done < 0)
		return -1;
	if (run.end == HOOK_EXITED && run.value == 0)
		return 0;
	errno = ECANCELED;
	return tell_hook(child, &run);
}

int op_rlimit(const struct plan_op *op, struct child *child, const char **call)
{
	const struct rlimit limit = { .rlim_cur = op->number[1], .rlim_max = op->number[2] };

	(void)child;
	*call = "setrlimit";
	return setrlimit((int)op->number[0], &limit);
}

int op_umask(const struct plan_op *op, struct child *child, const char **call)
{
	(void)call;
	child->umask = (mode_t)op->number[0];
	umask(child->umask);
	return 0;
}

static bool is_null_device(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) &&
	       status.st_rdev == makedev(1, 3);
}

/* Best effort, as engines expect: a stream may lie on a read-only or foreign filesystem. The
 * null device is everybody's and keeps its owner. */
int op_stdio_owner(const struct plan_op *op, struct child *child, const char **call)
{
	const uid_t uid = (uid_t)op->number[0];
	struct stat status;

	(void)child;
	*call = "fchown";
	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &status) < 0 || status.st_uid == uid || is_null_device(fd))
			continue;
		if (fchown(fd, uid, (gid_t)-1) < 0 && errno != EPERM && errno != EROFS &&
		    errno != EINVAL && errno != ENOSYS)
			return -1;
	}
	return 0;
}

/* The caller's /dev/null is an inode of the host; give the container its own, if it has one. */
int op_stdio_null(const struct plan_op *op, struct child *child, const char **call)
{
	(void)op;
	*call = "open(/dev/null)";
	for (int fd = 0; fd < 3; fd++) {
		if (!is_null_device(fd))
			continue;
		owned_fd place = mounts_null(child);

		if (place < 0) {
			child->detail_length = 0;
			return 0;
		}
		owned_fd null_fd = proc_open_fd(child, place, O_RDWR | O_NOCTTY);

		if (null_fd < 0)
			return -1;
		if (dup2(null_fd, fd) < 0)
			return -1;
	}
	return 0;
}

int op_no_new_privs(const struct plan_op *op, struct child *child, const char **call)
{
	(void)op;
	(void)child;
	*call = "prctl";
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int op_seccomp(const struct plan_op *op, struct child *child, const char **call)
{
	const uint32_t size = plan_length(child->plan, op, 0);
	struct sys_sock_fprog program = {
		.len = (unsigned short)(size / sizeof(struct sys_sock_filter)),
		.filter = (const void *)plan_string(child->plan, op, 0),
	};

	*call = "seccomp";
	if (size == 0 || size % sizeof(struct sys_sock_filter) != 0 ||
	    size / sizeof(struct sys_sock_filter) > SYS_BPF_MAXINSNS) {
		errno = EINVAL;
		return child_say(child, "a filter of %u bytes is no program", size);
	}
	const int listener_fd =
		(int)syscall(SYS_seccomp, SYS_SECCOMP_SET_MODE_FILTER, op->number[0], &program);

	if (listener_fd < 0)
		return -1;
	if (!(op->number[0] & SYS_SECCOMP_NEW_LISTENER))
		return 0;
	*call = "write(listener)";
	if (child_show_listener(child, listener_fd) < 0) {
		if (errno == ECONNRESET) /* the runtime gave up, and has said why itself */
			_exit(1);
		return -1;
	}
	/* Or calls would wait for ever for an agent that has ended, instead of failing. */
	close(listener_fd);
	return 0;
}

int op_bounding(const struct plan_op *op, struct child *child, const char **call)
{
	(void)child;
	*call = "prctl(PR_CAPBSET_DROP)";
	for (unsigned int cap = 0; cap < 64; cap++) {
		const int held = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (held < 0) /* past the last one this kernel has */
			break;
		if (held && !(op->number[0] >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -1;
	}
	return 0;
}

/* Read back what the kernel made of it: a program must not run as somebody else. */
static int verify_user(uid_t uid, gid_t gid)
{
	uid_t uids[3];
	gid_t gids[3];

	if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 || getresgid(&gids[0], &gids[1], &gids[2]) < 0)
		return -1;
	for (int i = 0; i < 3; i++) {
		if (uids[i] != uid || gids[i] != gid) {
			errno = EPERM;
			return -1;
		}
	}
	return 0;
}

int op_user(const struct plan_op *op, struct child *child, const char **call)
{
	const gid_t *groups = (const void *)plan_string(child->plan, op, 0);
	const size_t count = plan_length(child->plan, op, 0) / sizeof(gid_t);
	const uid_t uid = (uid_t)op->number[0];
	const gid_t gid = (gid_t)op->number[1];

	*call = "prctl(PR_SET_KEEPCAPS)";
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -1;
	*call = "setgroups";
	if ((op->flags & USER_SETGROUPS) && setgroups(count, groups) < 0)
		return -1;
	*call = "setresgid";
	if (setresgid(gid, gid, gid) < 0)
		return -1;
	*call = "setresuid";
	if (setresuid(uid, uid, uid) < 0)
		return -1;
	*call = "getresuid";
	if (verify_user(uid, gid) < 0)
		return -1;
	*call = "prctl(PR_SET_DUMPABLE)";
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return -1;
	*call = "prctl(PR_SET_KEEPCAPS)";
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

int op_caps(const struct plan_op *op, struct child *child, const char **call)
{
	const uint64_t effective = op->number[0], permitted = op->number[1];
	const uint64_t inheritable = op->number[2], ambient = op->number[3];
	struct sys_cap_header header = { .version = SYS_CAPABILITY_VERSION_3 };
	struct sys_cap_data data[2];

	(void)child;
	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(effective >> (32 * i));
		data[i].permitted = (uint32_t)(permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	*call = "capset";
	if (syscall(SYS_capset, &header, data) < 0)
		return -1;
	*call = "prctl(PR_CAP_AMBIENT)";
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -1;
	for (unsigned long cap = 0; cap < 64; cap++)
		if ((ambient >> cap & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return -1;
	return 0;
}

int op_personality(const struct plan_op *op, struct child *child, const char **call)
{
	(void)child;
	*call = "personality";
	return personality((unsigned long)op->number[0]) < 0 ? -1 : 0;
}

/*
 * Tried as root first, then as the container's user. The kernel's own getcwd tells whether the
 * place lies inside: a leaked descriptor of the host would show as "(unreachable)/...".
 */
int op_chdir(const struct plan_op *op, struct child *child, const char **call)
{
	char place[PATH_MAX];

	*call = "chdir";
	if (!((op->flags & CHDIR_AGAIN) && child->cwd_done)) {
		if (chdir(plan_string(child->plan, op, 0)) < 0)
			return (op->flags & CHDIR_TRY) && (errno == EACCES || errno == EPERM) ? 0 : -1;
		child->cwd_done = true;
	}
	*call = "getcwd";
	if (syscall(SYS_getcwd, place, sizeof(place)) < 0)
		return -1;
	if (place[0] != '/') {
		errno = EXDEV;
		return child_say(child, "the working directory lies outside the container");
	}
	return 0;
}
