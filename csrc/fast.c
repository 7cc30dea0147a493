/*
 * What engines ask all day, without an interpreter: see fast.h.
 *
 * Only what succeeds is done here. A container in the wrong state, a record that does not fit, a
 * call that fails: Python gets the command as it was given, and finds the same world, or one in
 * which a part of its work is done already.
 */
#define _GNU_SOURCE
#include "fast.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "container.h"
#include "fast_exec.h"
#include "fast_line.h"
#include "started.h"
#include "sys.h"

#define DEFAULT_ROOT "/run/pyrunc"
#define INITIAL_UID_MAP "         0          0 4294967295\n"
#define END_PATIENCE_MS 10000
#define WORDS_AT_MOST 4096 /* more than a message of the executor, csrc/init.c */

static int do_state(struct container *container)
{
	const struct record *record = &container->record;
	const enum status status = container_status(container);
	char text[RECORD_AT_MOST + 64];

	if (status == STATUS_UNKNOWN)
		return FAST_NOT;
	const int size = snprintf(text, sizeof(text), "%s%u,\n  \"status\": \"%s%s",
				  record_string(record, RECORD_HEAD),
				  status == STATUS_STOPPED ? 0 : record->header.pid,
				  status_word(status), record_string(record, RECORD_TAIL));

	/* A reader that takes less than all of it, or nothing, is told by Python. */
	return write(STDOUT_FILENO, text, (size_t)size) == size ? 0 : FAST_NOT;
}

static int keep_words(const char *words, size_t size)
{
	owned_fd fd = memfd_create("pyrunc-words", 0);

	return fd >= 0 && write(fd, words, size) == (ssize_t)size ? fd_keep(&fd) : -1;
}

/* See release() in runtime/lifecycle/start.py. */
static int do_start(struct container *container, int *words_fd)
{
	char words[WORDS_AT_MOST];

	if (!(container->record.header.flags & RECORD_PLAIN_START) || getenv("NOTIFY_SOCKET") ||
	    container_status(container) != STATUS_CREATED)
		return FAST_NOT;
	owned_fd init_fd = container_open_init(container);
	owned_fd fifo = openat(container->folder_fd, FIFO_FILE,
			       O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	/* Before anything is read: who asks from now on sees it running. */
	if (init_fd < 0 || fifo < 0 || unlinkat(container->folder_fd, FIFO_FILE, 0) < 0)
		return FAST_NOT;
	const int got = wait_started(fifo, init_fd, words, sizeof(words));

	if (got == 1 && !container_is_still_ours(container))
		return 0;
	*words_fd = keep_words(words, got < 0 ? 0 : (size_t)got);
	return FAST_NOT;
}

static int do_kill(struct container *container, const char *name)
{
	const enum status status = container_status(container);
	const int number = name ? fast_signal(name) : SIGTERM;

	if (number < 0 || (status != STATUS_RUNNING && status != STATUS_CREATED))
		return FAST_NOT;
	if (number == SIGKILL && !(container->record.header.flags & RECORD_OWN_PID_NAMESPACE))
		return FAST_NOT;
	owned_fd init_fd = container_open_init(container);

	if (init_fd < 0 || syscall(SYS_pidfd_send_signal, init_fd, number, NULL, 0) < 0)
		return FAST_NOT;
	return 0;
}

/* SIGKILL, and wait until init has ended. */
static bool end_init(struct container *container)
{
	owned_fd init_fd = container_open_init(container);
	struct pollfd watched = { .fd = init_fd, .events = POLLIN };

	if (init_fd < 0)
		return !container_is_init_alive(container);
	if (syscall(SYS_pidfd_send_signal, init_fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return false;
	return poll(&watched, 1, END_PATIENCE_MS) == 1;
}

/* The killed leave their cgroup a moment after their end. */
static bool remove_cgroup(const char *path)
{
	static const long pauses_us[] = { 100, 200, 500, 1000, 2000, 5000, 0 };

	for (const long *pause = pauses_us;; pause++) {
		if (rmdir(path) == 0 || errno == ENOENT)
			return true;
		if (errno != EBUSY || *pause == 0)
			return false;
		nanosleep(&(struct timespec){ .tv_nsec = *pause * 1000 }, NULL);
	}
}

static bool remove_folder(struct container *container, const char *id)
{
	const int fd = fcntl(container->folder_fd, F_DUPFD_CLOEXEC, 3);
	DIR *const folder = fd < 0 ? NULL : fdopendir(fd);
	bool removed = folder;

	for (struct dirent *entry; removed && (entry = readdir(folder));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			removed = unlinkat(container->folder_fd, entry->d_name, 0) == 0;
	if (folder)
		closedir(folder);
	return removed && unlinkat(container->root_fd, id, AT_REMOVEDIR) == 0;
}

static int do_delete(struct container *container, const struct fast_line *line)
{
	const uint32_t flags = container->record.header.flags;
	const enum status status = container_status(container);
	const char *cgroup;

	if (!(flags & RECORD_PLAIN_DELETE) || !(flags & RECORD_OWN_PID_NAMESPACE))
		return FAST_NOT;
	if (status != STATUS_STOPPED && status != STATUS_CREATED &&
	    !(status == STATUS_RUNNING && line->force))
		return FAST_NOT;
	if (status != STATUS_STOPPED && !end_init(container))
		return FAST_NOT;
	for (uint32_t i = RECORD_CGROUPS; (cgroup = record_string(&container->record, i)); i++)
		if (!remove_cgroup(cgroup))
			return FAST_NOT;
	return remove_folder(container, line->id) ? 0 : FAST_NOT;
}

/* Where root keeps states: see state_root() of runtime/cli/call.py. */
static const char *default_root(void)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR"), *user = getenv("USER");
	char map[sizeof(INITIAL_UID_MAP) + 1];

	if (geteuid() != 0)
		return NULL;
	if (!runtime_dir || !*runtime_dir || (user && strcmp(user, "root") == 0))
		return DEFAULT_ROOT;
	owned_fd fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : read(fd, map, sizeof(map));

	return got == sizeof(INITIAL_UID_MAP) - 1 && memcmp(map, INITIAL_UID_MAP, (size_t)got) == 0
		? DEFAULT_ROOT : NULL;
}

/* The log is opened by each command, whether it has something to say or not. */
static bool touch_log(const char *path)
{
	owned_fd fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	return fd >= 0;
}

int fast_command(int argc, char **argv, int *words_fd)
{
	static struct container container;
	struct fast_line line;

	*words_fd = -1;
	if (!fast_line_read(&line, argc, argv))
		return FAST_NOT;
	const char *root = line.root ? line.root : default_root();
	const bool locked = line.kind == FAST_START || line.kind == FAST_DELETE;

	signal(SIGPIPE, SIG_IGN);
	if (!root || (line.log && !touch_log(line.log)) ||
	    !container_open(&container, root, line.id, locked))
		return FAST_NOT;
	switch (line.kind) {
	case FAST_STATE:
		return do_state(&container);
	case FAST_START:
		return do_start(&container, words_fd);
	case FAST_KILL:
		return do_kill(&container, line.signal);
	case FAST_DELETE:
		return do_delete(&container, &line);
	case FAST_EXEC:
		return fast_exec(&container, &line);
	}
	return FAST_NOT;
}
