/* The executor: takes the plan, runs it operation by operation, reports. */
#define _GNU_SOURCE
#include "init.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "child.h"
#include "message.h"
#include "sys.h"
#include "trace.h"

static op_function *const op_table[] = {
#define OP(number, name, strings) [number] = op_##name,
#include "ops.def"
#undef OP
};

int child_slot(const struct child *child, uint64_t slot)
{
	if (slot >= child->plan->header->slot_count) {
		errno = EBADF;
		return -1;
	}
	return child->base + (int)slot;
}

int child_say(struct child *child, const char *format, ...)
{
	const int keep = errno;
	va_list arguments;

	va_start(arguments, format);
	const int length = vsnprintf(child->detail, sizeof(child->detail), format, arguments);
	va_end(arguments);
	child->detail_length = length < 0 ? 0
		: length >= CHILD_DETAIL ? CHILD_DETAIL - 1 : (uint32_t)length;
	errno = keep;
	return -1;
}

static int send_message(int fd, const struct message *message, size_t size, int pass_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)message, .iov_len = size };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

	if (pass_fd >= 0) {
		header.msg_control = control.space;
		header.msg_controllen = sizeof(control.space);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &pass_fd, sizeof(int));
	}
	for (;;) {
		/* A plain write where that is enough: a seccomp filter is more likely to permit it. */
		const ssize_t sent = pass_fd < 0 ? write(fd, message, size) : sendmsg(fd, &header, 0);

		if (sent >= 0 || errno != EINTR)
			return sent < 0 ? -1 : 0;
	}
}

int child_await_word(struct child *child)
{
	char word;

	for (;;) {
		const ssize_t got = read(child->control_fd, &word, sizeof(word));

		if (got == 1)
			return 0;
		if (got == 0) { /* the runtime is gone: nobody will ever say go */
			errno = ECONNRESET;
			return -1;
		}
		if (errno != EINTR)
			return -1;
	}
}

int child_tell(struct child *child, uint32_t barrier)
{
	const struct message message = { .kind = MESSAGE_REACHED, .value = barrier };

	return send_message(child->control_fd, &message, offsetof(struct message, detail), -1);
}

int child_reach(struct child *child, uint32_t barrier)
{
	if (child_tell(child, barrier) < 0) {
		errno = errno == EPIPE ? ECONNRESET : errno;
		return -1;
	}
	return child_await_word(child);
}

int child_show_listener(struct child *child, int listener_fd)
{
	const struct message message = { .kind = MESSAGE_LISTENER, .value = (uint32_t)listener_fd };

	if (send_message(child->control_fd, &message, offsetof(struct message, detail), -1) < 0)
		return -1;
	return child_await_word(child);
}

int child_announce(struct child *child, int pid, int pid_fd)
{
	const struct message message = { .kind = MESSAGE_CHILD, .value = (uint32_t)pid };

	return send_message(child->control_fd, &message, offsetof(struct message, detail), pid_fd);
}

int child_want_tree(struct child *child, const char *path, bool recursive)
{
	struct message message = { .kind = MESSAGE_WANT, .value = recursive };
	const size_t length = strnlen(path, sizeof(message.detail));
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char word;
	struct iovec part = { .iov_base = &word, .iov_len = 1 };
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.space, .msg_controllen = sizeof(control.space),
	};
	int tree = -1;

	if (child->control_fd < 0 || length == sizeof(message.detail)) {
		errno = EACCES;
		return -1;
	}
	memcpy(message.detail, path, length);
	if (send_message(child->control_fd, &message, offsetof(struct message, detail) + length, -1) < 0)
		return -1;
	while (recvmsg(child->control_fd, &header, MSG_CMSG_CLOEXEC) < 0)
		if (errno != EINTR)
			return -1;
	const struct cmsghdr *first = CMSG_FIRSTHDR(&header);

	if (first && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS)
		memcpy(&tree, CMSG_DATA(first), sizeof(int));
	if (tree < 0) /* the runtime cannot open it either */
		errno = EACCES;
	return tree;
}

int child_send_master(struct child *child, int master_fd)
{
	const struct message message = { .kind = MESSAGE_MASTER };

	return send_message(child->control_fd, &message, offsetof(struct message, detail), master_fd);
}

/* Tell whoever listens; the container's own stderr is the last resort. */
static void report(struct child *child, uint32_t op, const char *call, int err)
{
	struct message message = { .kind = MESSAGE_FAILED, .op = op, .err = err };
	const size_t size = offsetof(struct message, detail) + child->detail_length;

	strncpy(message.call, call, sizeof(message.call) - 1);
	memcpy(message.detail, child->detail, child->detail_length);
	if (child->control_fd >= 0 && send_message(child->control_fd, &message, size, -1) == 0)
		return;
	if (child->report_fd >= 0 && write(child->report_fd, &message, size) == (ssize_t)size)
		return;
	dprintf(STDERR_FILENO, "pyrunc: %s%s%s: %s\n", call, child->detail_length ? ": " : "",
		child->detail_length ? child->detail : "", strerror(err));
}

static int run(struct child *child, struct stamp *stamps)
{
	for (uint32_t i = 0; i < child->plan->count; i++) {
		const struct plan_op *op = &child->plan->ops[i];
		const char *call = "";

		child->detail_length = 0;
		/* A filter may deny the clock where it is no vDSO call. */
		if (stamps && op->code == OP_seccomp)
			stamps = NULL;
		if (stamps)
			trace_begin(&stamps[i]);
		const int done = op_table[op->code](op, child, &call);

		if (stamps)
			trace_end(&stamps[i], done < 0 ? errno : 0);
		if (done < 0) {
			report(child, i, call, errno);
			return 1;
		}
	}
	return 0; /* only a plan without exec comes here: tests */
}

/* Only the runtime starts this role: a control socket and a sealed plan cannot be typed. */
static bool started_by_runtime(int control_fd, int plan_fd)
{
	int type = 0;
	socklen_t size = sizeof(type);

	if (getsockopt(control_fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return false;
	const int seals = fcntl(plan_fd, F_GET_SEALS);

	return type == SOCK_SEQPACKET && seals >= 0 && (seals & F_SEAL_WRITE);
}

int init_main(int argc, char **argv)
{
	const int base = argc == 3 ? atoi(argv[2]) : -1;
	struct child child = {
		.base = base, .control_fd = base, .report_fd = -1, .root_fd = -1,
		.proc_fd = -1, .mask_fd = -1,
	};
	struct plan plan;
	struct stamp *stamps = NULL;
	struct stat status;
	const char *why = "the plan cannot be read";

	if (base < 3 || !started_by_runtime(base, base + 1)) {
		dprintf(STDERR_FILENO, "pyrunc init: this role is started by pyrunc itself\n");
		return 1;
	}
	child.umask = umask(0); /* every creation states its mode; op_umask sets the container's */
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "pyrunc init");
	if (fstat(base + 1, &status) < 0)
		goto broken;
	const void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, base + 1, 0);

	if (bytes == MAP_FAILED || plan_decode(&plan, bytes, (size_t)status.st_size, &why) < 0)
		goto broken;
	child.plan = &plan;
	/* Before the first setns: a process of the container must not look into us. */
	if (!(plan.header->flags & PLAN_DUMPABLE_FOR_MAPS) && prctl(PR_SET_DUMPABLE, 0) < 0)
		goto broken;
	/* 5.11; an older kernel's descriptors are closed by op_exec all the same. */
	(void)sys_close_range((unsigned int)base, ~0u, SYS_CLOSE_RANGE_CLOEXEC);
	if (plan.header->trace) {
		why = "the memory for the trace";
		stamps = trace_open(child_slot(&child, plan.header->trace), plan.count);
		if (!stamps)
			goto broken;
	}
	return run(&child, stamps);
broken:
	child_say(&child, "%s", why);
	report(&child, 0, "init", errno);
	return 1;
}
