/*
 * exec without an interpreter: the plan that create made in advance, with another process in it,
 * and the runtime's side of it as runtime/lifecycle/exec.py has it.
 *
 * Until the program runs nothing is done that Python could not do once more.
 */
#define _GNU_SOURCE
#include "fast_exec.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "exec_record.h"
#include "fast.h"
#include "fast_plan.h"
#include "fast_process.h"
#include "message.h"
#include "spawn.h"
#include "sys.h"

#define FIRST_FD 3 /* none is preserved */
#define FIRST_SLOT 2
#define SLOTS 32
#define BARRIER_LIMITS 6 /* runtime/plan/ops.py */
#define BARRIER_PROGRAM 7

struct job {
	struct container *container;
	const struct fast_line *line;
	struct exec_record record;
	struct process process;
	_Alignas(8) char record_bytes[EXEC_AT_MOST];
	char file[PROCESS_AT_MOST + 1];
	_Alignas(8) char plan[2 * EXEC_AT_MOST];
	size_t plan_size;
	int control_fd, pid, pid_fd;
};

/* All of a regular file or pipe; its size, -1 if it is longer than `size` or cannot be read. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
	size_t got = 0;

	for (;;) {
		const ssize_t put = read(fd, buffer + got, size - got);

		if (put < 0 || (put > 0 && got + (size_t)put == size))
			return -1;
		if (put == 0)
			return (ssize_t)got;
		got += (size_t)put;
	}
}

static bool read_record(struct job *job)
{
	const struct record_header *container = &job->container->record.header;
	const struct exec_header *header = &job->record.header;
	struct stat status;
	owned_fd fd = openat(job->container->folder_fd, EXEC_FILE,
			     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_uid != geteuid())
		return false;
	const ssize_t size = read_all(fd, job->record_bytes, sizeof(job->record_bytes));

	return size > 0 && exec_record_decode(&job->record, job->record_bytes, (size_t)size) &&
	       header->pid == container->pid && header->start == container->start;
}

/* config.json of the bundle is still what the plan was made from: exec reads it each time. */
static bool is_bundle_the_same(const struct exec_record *record)
{
	struct stat status;

	return stat(exec_record_string(record, EXEC_CONFIG), &status) == 0 &&
	       status.st_ino == record->header.config_inode &&
	       (uint64_t)status.st_mtim.tv_sec * 1000000000u + (uint64_t)status.st_mtim.tv_nsec ==
		       record->header.config_mtime;
}

/* UID[:GID], numbers only. */
static bool set_user(struct process *process, const char *text)
{
	char *end;
	const size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 9)
		return false;
	process->uid = (uint32_t)strtoul(text, &end, 10);
	if (*end == '\0')
		return true;
	text = end + 1;
	if (*end != ':' || strspn(text, "0123456789") != strlen(text) || !*text || strlen(text) > 9)
		return false;
	process->gid = (uint32_t)strtoul(text, NULL, 10);
	return true;
}

static bool process_of_options(struct job *job)
{
	struct process *process = &job->process;
	const struct fast_line *line = job->line;
	int count = 0;

	if (!is_bundle_the_same(&job->record) || !fast_plan_process(process, &job->record))
		return false;
	while (process->env[count])
		count++;
	for (int i = 0; line->variables[i]; i++) {
		if (count == PROCESS_WORDS)
			return false;
		process->env[count++] = line->variables[i];
	}
	for (int i = 0; line->args[i]; i++) {
		if (i == PROCESS_WORDS)
			return false;
		process->args[i] = line->args[i];
	}
	if (*line->cwd)
		process->cwd = line->cwd;
	return *process->args[0] && process->cwd[0] == '/' &&
	       (!*line->user || set_user(process, line->user));
}

static bool process_of_file(struct job *job)
{
	owned_fd fd = open(job->line->process_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat status;

	/* A pipe could be read only once. */
	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return false;
	const ssize_t size = read_all(fd, job->file, sizeof(job->file) - 1);

	if (size < 0)
		return false;
	job->file[size] = '\0';
	return process_read(&job->process, job->file, (size_t)size);
}

static bool decide(struct job *job)
{
	const struct process *process = &job->process;
	const enum status status = container_status(job->container);

	if ((status != STATUS_RUNNING && status != STATUS_CREATED) || !read_record(job))
		return false;
	if (!(*job->line->process_file ? process_of_file(job) : process_of_options(job)))
		return false;
	if (!process_settle_env(&job->process) ||
	    (process->has_caps && !process_caps_fit(process, job->record.header.known_caps)))
		return false;
	job->plan_size = fast_plan(job->plan, sizeof(job->plan), &job->record, &job->process);
	return job->plan_size > 0;
}

static int open_slot(const char *what, int init_fd)
{
	char path[PATH_MAX];

	if (strcmp(what, "init") == 0)
		return fcntl(init_fd, F_DUPFD_CLOEXEC, FIRST_FD);
	if (strncmp(what, "cgroup ", 7) != 0 ||
	    snprintf(path, sizeof(path), "%s/tasks", what + 7) >= (int)sizeof(path))
		return -1;
	return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

static void close_all(const int *fds, int count)
{
	for (int i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Open what the plan needs and start its process. */
static bool spawn(struct job *job, int init_fd)
{
	const char *born_in = exec_record_string(&job->record, EXEC_BORN_IN), *what;
	int fds[FIRST_SLOT + SLOTS] = { -1, -1 }, pair[2], count = FIRST_SLOT;

	if (k_channel(pair) < 0)
		return false;
	job->control_fd = pair[0];
	fds[0] = pair[1];
	fds[1] = k_sealed_bytes(job->plan, job->plan_size);
	bool good = fds[1] >= 0;

	for (; good && (what = exec_record_string(&job->record, EXEC_SLOTS + (uint32_t)count - FIRST_SLOT));
	     count++) {
		if (count == FIRST_SLOT + SLOTS)
			break;
		fds[count] = open_slot(what, init_fd);
		good = fds[count] >= 0;
	}
	owned_fd cgroup_fd = *born_in ? open(born_in, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	owned_fd self = k_sealed_copy("/proc/self/exe");

	good = good && count < FIRST_SLOT + SLOTS && self >= 0 && (!*born_in || cgroup_fd >= 0);
	/* What was opened by the pid's number is init's, if init still has it. */
	if (good && syscall(SYS_pidfd_send_signal, init_fd, 0, NULL, 0) == 0)
		job->pid = k_spawn(self, FIRST_FD, fds, count, 0, cgroup_fd, &job->pid_fd);
	close_all(fds, count < FIRST_SLOT + SLOTS ? count : FIRST_SLOT + SLOTS);
	return job->pid > 0;
}

static bool write_score(int pid, int score)
{
	char path[40], text[16];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	owned_fd fd = open(path, O_WRONLY | O_CLOEXEC);
	const int size = snprintf(text, sizeof(text), "%d", score);

	return fd >= 0 && write(fd, text, (size_t)size) == size;
}

static bool lift_limits(const struct job *job)
{
	const struct exec_header *header = &job->record.header;
	const struct plan_header *plan = (const struct plan_header *)(const void *)job->plan;
	const struct plan_op *ops = (const struct plan_op *)(const void *)(plan + 1);

	for (uint32_t i = 0; i < plan->op_count; i++)
		if (ops[i].code == OP_rlimit) /* the child sets it, and tells why it cannot */
			(void)k_raise_hard_limit(job->pid, (int)ops[i].number[0], ops[i].number[2]);
	if (job->process.has_score)
		return write_score(job->pid, job->process.score);
	return !(header->flags & EXEC_HAS_SCORE) || write_score(job->pid, header->score);
}

/* One message, blocking; its size, 0 when the other end is closed. */
static ssize_t hear(const struct job *job, struct message *message, int *passed_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { .iov_base = message, .iov_len = sizeof(*message) };
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.space, .msg_controllen = sizeof(control.space),
	};
	const ssize_t got = recvmsg(job->control_fd, &header, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *first = got > 0 ? CMSG_FIRSTHDR(&header) : NULL;

	*passed_fd = -1;
	if (first && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS)
		memcpy(passed_fd, CMSG_DATA(first), sizeof(int));
	return got;
}

/* The intermediate process has forked: from now on the child is the one that counts. */
static bool meet_child(struct job *job, int pid, int pid_fd)
{
	const int intermediate = job->pid;

	close(job->pid_fd);
	job->pid = pid;
	job->pid_fd = pid_fd;
	const bool told = k_send_word(job->control_fd, -1) == 0;

	return waitpid(intermediate, NULL, 0) == intermediate && told;
}

/* From barrier to barrier until the program runs; false when something went wrong on the way. */
static bool accompany(struct job *job)
{
	struct message message;
	bool is_last = false;
	int passed_fd;

	for (;;) {
		const ssize_t got = hear(job, &message, &passed_fd);

		if (got == 0)
			return is_last; /* execve closed it; a death before is told by the status */
		if (got < (ssize_t)offsetof(struct message, op))
			return false;
		if (message.kind == MESSAGE_CHILD && passed_fd >= 0) {
			if (!meet_child(job, (int)message.value, passed_fd))
				return false;
		} else if (message.kind == MESSAGE_REACHED && message.value == BARRIER_LIMITS) {
			if (!lift_limits(job) || k_send_word(job->control_fd, -1) < 0)
				return false;
		} else if (message.kind == MESSAGE_REACHED && message.value == BARRIER_PROGRAM) {
			is_last = true;
		} else {
			return false;
		}
	}
}

/* See write_pid_file() of runtime/lifecycle/pid_file.py. */
static bool write_pid_file(const char *path, int pid)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char temporary[PATH_MAX], text[16];
	const int size = snprintf(text, sizeof(text), "%d", pid);

	if (snprintf(temporary, sizeof(temporary), "%.*s.%s", (int)(name - path), path, name) >=
	    (int)sizeof(temporary))
		return false;
	owned_fd fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (fd < 0)
		return false;
	if (write(fd, text, (size_t)size) == size && rename(temporary, path) == 0)
		return true;
	unlink(temporary);
	return false;
}

/* Pass signals on until the process ends: its status, as runtime/lifecycle/foreground.py. */
static int wait_for_end(const struct job *job)
{
	sigset_t all;
	int status;

	sigfillset(&all);
	for (;;) {
		for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
			if (pid == job->pid)
				return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		const int number = sigwaitinfo(&all, NULL);

		/* Not passed on: of our own children, of our own terminal, of our own sockets. */
		if (number > 0 && number != SIGCHLD && number != SIGWINCH && number != SIGURG)
			(void)syscall(SYS_pidfd_send_signal, job->pid_fd, number, NULL, 0);
	}
}

static void give_up(struct job *job)
{
	if (job->control_fd >= 0)
		close(job->control_fd);
	if (job->pid > 0) {
		kill(job->pid, SIGKILL); /* our child, not reaped: the pid is its own */
		waitpid(job->pid, NULL, 0);
	}
	if (job->pid_fd >= 0)
		close(job->pid_fd);
}

int fast_exec(struct container *container, const struct fast_line *line)
{
	static struct job job;
	sigset_t all, before;

	job.container = container;
	job.line = line;
	job.control_fd = job.pid_fd = -1;
	if (!decide(&job))
		return FAST_NOT;
	owned_fd init_fd = container_open_init(container);

	if (init_fd < 0)
		return FAST_NOT;
	/* From here on signals are for the process. */
	signal(SIGCHLD, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	if (spawn(&job, init_fd) && accompany(&job) &&
	    (!*line->pid_file || write_pid_file(line->pid_file, job.pid)))
		return line->detach ? 0 : wait_for_end(&job);
	give_up(&job);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return FAST_NOT;
}
