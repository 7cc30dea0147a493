/* tmpcopyup: what the image had at a path reappears in the tmpfs that covers it. */
#define _GNU_SOURCE
#include "copyup.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "sys.h"

#define DEPTH_AT_MOST 64 /* a descriptor pair a level; the image chooses the depth */

static int copy_tree(int from, int to, int depth);

static int copy_bytes(int from, int to)
{
	char buffer[16384];

	for (;;) {
		const ssize_t got = read(from, buffer, sizeof(buffer));

		if (got <= 0)
			return (int)got;
		for (ssize_t done = 0; done < got;) {
			const ssize_t put = write(to, buffer + done, (size_t)(got - done));

			if (put < 0)
				return -1;
			done += put;
		}
	}
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *status)
{
	/* Not blocking, not following: the image may have put a fifo or a link there meanwhile. */
	owned_fd from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat opened;

	if (from < 0 || fstat(from, &opened) < 0)
		return -1;
	if (!S_ISREG(opened.st_mode)) {
		errno = EAGAIN;
		return -1;
	}
	owned_fd to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			     status->st_mode & 0777);

	if (to < 0 || copy_bytes(from, to) < 0)
		return -1;
	/* The owner before the mode: a change of owner clears set-id bits. */
	if (fchown(to, status->st_uid, status->st_gid) < 0)
		return -1;
	return fchmod(to, status->st_mode & 07777);
}

static int copy_entry(int from_dir, int to_dir, const char *name, int depth)
{
	struct stat status;
	char link[PATH_MAX];
	int done = 0;

	if (fstatat(from_dir, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	switch (status.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(from_dir, to_dir, name, &status);
	case S_IFDIR: {
		if (mkdirat(to_dir, name, status.st_mode & 07777) < 0)
			return -1;
		owned_fd from = openat(from_dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		owned_fd to = openat(to_dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		done = from < 0 || to < 0 ? -1 : copy_tree(from, to, depth + 1);
		break;
	}
	case S_IFLNK: {
		const ssize_t length = readlinkat(from_dir, name, link, sizeof(link) - 1);

		if (length < 0)
			return -1;
		link[length] = '\0';
		done = symlinkat(link, to_dir, name);
		break;
	}
	default:
		done = mknodat(to_dir, name, status.st_mode, status.st_rdev);
		break;
	}
	if (done < 0)
		return -1;
	return fchownat(to_dir, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW);
}

static int copy_tree(int from, int to, int depth)
{
	const int listed = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int done = 0;

	if (listed < 0)
		return -1;
	DIR *entries = depth > DEPTH_AT_MOST ? NULL : fdopendir(listed);

	if (!entries) {
		const int err = depth > DEPTH_AT_MOST ? ELOOP : errno;

		close(listed);
		errno = err;
		return -1;
	}
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(entries);

		if (!entry) {
			done = errno ? -1 : 0;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (copy_entry(listed, to, entry->d_name, depth) < 0) {
			done = -1;
			break;
		}
	}
	const int keep = errno;

	closedir(entries);
	errno = keep;
	return done;
}

int copyup(int from, int to)
{
	return copy_tree(from, to, 0);
}
