/* What the record does not say of a container is asked of the kernel each time. */
#define _GNU_SOURCE
#include "container.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sys.h"

/* A small file's first bytes as a string, without the newline; false if it cannot be read. */
static bool read_word(const char *path, char *word, size_t size)
{
	owned_fd fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : read(fd, word, size - 1);

	if (got < 0)
		return false;
	word[got] = '\0';
	word[strcspn(word, "\n")] = '\0';
	return true;
}

/* Two openings of one name, the lock in between: deleted meanwhile, it is another folder. */
static bool is_still(const struct container *container, const char *id)
{
	struct stat now, then;

	return fstatat(container->root_fd, id, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(container->folder_fd, &then) == 0 && now.st_dev == then.st_dev &&
	       now.st_ino == then.st_ino;
}

/* state.json is still the one that the record was made from. */
static bool fits_state(const struct container *container)
{
	const struct record_header *header = &container->record.header;
	struct stat status;

	return fstatat(container->folder_fd, "state.json", &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       status.st_ino == header->state_inode &&
	       (uint64_t)status.st_mtim.tv_sec * 1000000000u + (uint64_t)status.st_mtim.tv_nsec ==
		       header->state_mtime;
}

static bool read_record(struct container *container)
{
	struct stat status;
	owned_fd fd = openat(container->folder_fd, RECORD_FILE,
			     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_uid != geteuid())
		return false;
	const ssize_t got = read(fd, container->bytes, sizeof(container->bytes));

	return got > 0 && got == status.st_size &&
	       record_decode(&container->record, container->bytes, (size_t)got) &&
	       fits_state(container);
}

bool container_open(struct container *container, const char *root, const char *id, bool locked)
{
	container->folder_fd = -1;
	container->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (container->root_fd < 0)
		return false;
	container->folder_fd = openat(container->root_fd, id,
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (container->folder_fd < 0)
		return false;
	/* Another command at work on it: Python knows whom to wait for, and whom not. */
	if (locked && (flock(container->folder_fd, LOCK_EX | LOCK_NB) < 0 ||
		       !is_still(container, id)))
		return false;
	return read_record(container);
}

const char *status_word(enum status status)
{
	static const char *const words[] = {
		[STATUS_CREATED] = "created", [STATUS_RUNNING] = "running",
		[STATUS_PAUSED] = "paused", [STATUS_STOPPED] = "stopped",
	};

	return words[status];
}

/* 1 or 0, -1 if it cannot be told. No freezer is not frozen. */
static int is_frozen(const struct record *record)
{
	const char *file = record_string(record, RECORD_FREEZER);
	char word[16], path[4096];

	if (!*file)
		return 0;
	if (!read_word(file, word, sizeof(word)))
		return errno == ENOENT || errno == ENODEV ? 0 : -1;
	if (!(record->header.flags & RECORD_FREEZER_V1))
		return strcmp(word, "1") == 0;
	if (strcmp(word, "FROZEN") != 0 && strcmp(word, "FREEZING") != 0)
		return 0;
	/* Frozen may also be a parent's wish: only our own counts. */
	const char *name = strrchr(file, '/');

	if (!name || snprintf(path, sizeof(path), "%.*s/freezer.self_freezing",
			      (int)(name - file), file) >= (int)sizeof(path) ||
	    !read_word(path, word, sizeof(word)))
		return -1;
	return strcmp(word, "1") == 0;
}

/* The start time of a process in clock ticks, 0 for a zombie or none.
 * Source: proc_pid_stat(5), fields 3 and 22. */
static uint64_t running_since(uint32_t pid)
{
	char path[32], text[1024];

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	owned_fd fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (got <= 0)
		return 0;
	text[got] = '\0';
	/* The name in the parentheses may hold anything, parentheses too. */
	const char *field = strrchr(text, ')');

	if (!field || field[1] != ' ' || strchr("ZXx", field[2]))
		return 0;
	for (int number = 2; number < 22; number++) {
		field = strchr(field + 1, ' ');
		if (!field)
			return 0;
	}
	return strtoull(field + 1, NULL, 10);
}

bool container_is_init_alive(const struct container *container)
{
	char boot[64];
	const struct record *record = &container->record;

	if (!read_word("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)))
		boot[0] = '\0'; /* as runtime/state.py has it: every boot looks the same */
	return strcmp(boot, record_string(record, RECORD_BOOT)) == 0 &&
	       running_since(record->header.pid) == record->header.start;
}

enum status container_status(const struct container *container)
{
	struct stat status;
	const int frozen = is_frozen(&container->record);

	if (frozen < 0)
		return STATUS_UNKNOWN;
	if (frozen)
		return STATUS_PAUSED;
	if (!container_is_init_alive(container))
		return STATUS_STOPPED;
	return fstatat(container->folder_fd, FIFO_FILE, &status, AT_SYMLINK_NOFOLLOW) == 0
		? STATUS_CREATED : STATUS_RUNNING;
}

int container_open_init(const struct container *container)
{
	int pid_fd = (int)syscall(SYS_pidfd_open, container->record.header.pid, 0);

	/* The pidfd pins the process; only now is the check of its start time worth something. */
	if (pid_fd >= 0 && !container_is_init_alive(container))
		fd_drop(&pid_fd);
	return pid_fd;
}

bool container_is_still_ours(const struct container *container)
{
	char path[32], name[32];

	snprintf(path, sizeof(path), "/proc/%u/comm", container->record.header.pid);
	return read_word(path, name, sizeof(name)) && strcmp(name, "pyrunc init") == 0;
}
