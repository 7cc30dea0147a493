#define _GNU_SOURCE
#include "rootpath.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "sys.h"

#define PROC_MAGIC 0x9fa0
#define PROC_ROOT_INODE 1
#define LINKS_AT_MOST 40 /* as the kernel's own limit */
#define RETRIES 128      /* openat2 says EAGAIN when somebody renames under its feet */

/* Where the walk is: the directories entered so far and what is left of the path. */
struct walk {
	int fds[64]; /* the directories entered, fds[0] is the root */
	int depth;
	int links;
	bool no_links; /* a link on the way is an error, as with RESOLVE_NO_SYMLINKS */
	char rest[PATH_MAX]; /* empty, or begins with a slash */
};

static void walk_end(struct walk *walk)
{
	while (walk->depth > 0)
		fd_drop(&walk->fds[walk->depth--]);
}

/* Links of procfs lead to open files and other roots, but for those at its top ("self"). */
static bool is_magic(int link_fd, int directory_fd)
{
	struct statfs fs;
	struct stat status;

	return fstatfs(link_fd, &fs) < 0 || fstat(directory_fd, &status) < 0 ||
	       (fs.f_type == PROC_MAGIC && status.st_ino != PROC_ROOT_INODE);
}

/* Put a link's text in front of what is left to walk. */
static int walk_follow(struct walk *walk, int link_fd)
{
	char text[PATH_MAX], rest[PATH_MAX];
	const ssize_t length = readlinkat(link_fd, "", text, sizeof(text) - 1);

	if (length < 0)
		return -1;
	text[length] = '\0';
	if (walk->no_links || ++walk->links > LINKS_AT_MOST ||
	    is_magic(link_fd, walk->fds[walk->depth])) {
		errno = ELOOP;
		return -1;
	}
	if (snprintf(rest, sizeof(rest), "%s%s", text, walk->rest) >= (int)sizeof(rest)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (text[0] == '/')
		walk_end(walk);
	memcpy(walk->rest, rest, sizeof(rest));
	return 0;
}

static int walk_step(struct walk *walk, const char *name, bool last, bool follow)
{
	struct stat status;

	if (strcmp(name, "..") == 0) {
		if (walk->depth > 0)
			fd_drop(&walk->fds[walk->depth--]);
		return 0;
	}
	owned_fd next = openat(walk->fds[walk->depth], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (next < 0 || fstat(next, &status) < 0)
		return -1;
	if (S_ISLNK(status.st_mode) && (follow || !last))
		return walk_follow(walk, next);
	if (!last && !S_ISDIR(status.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	if (walk->depth + 1 >= (int)(sizeof(walk->fds) / sizeof(walk->fds[0]))) {
		errno = ENAMETOOLONG;
		return -1;
	}
	walk->fds[++walk->depth] = fd_keep(&next);
	return 0;
}

/*
 * openat2 in user space, for kernels and outer seccomp profiles without it: every component is
 * opened by itself and never followed by the kernel, ".." pops our own stack.
 */
static int walk_open(int root_fd, const char *path, bool follow, bool no_links)
{
	struct walk walk = { .fds = { root_fd }, .no_links = no_links };
	char name[NAME_MAX + 1];

	if (snprintf(walk.rest, sizeof(walk.rest), "%s", path) >= (int)sizeof(walk.rest)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (;;) {
		char *start = walk.rest + strspn(walk.rest, "/");
		const size_t length = strcspn(start, "/");

		if (length == 0)
			break;
		if (length > NAME_MAX) {
			errno = ENAMETOOLONG;
			walk_end(&walk);
			return -1;
		}
		memcpy(name, start, length);
		name[length] = '\0';
		memmove(walk.rest, start + length, strlen(start + length) + 1);
		const bool last = walk.rest[0] == '\0'; /* a slash behind it asks for a directory */

		if (strcmp(name, ".") != 0 && walk_step(&walk, name, last, follow) < 0) {
			walk_end(&walk);
			return -1;
		}
	}
	const int out = fcntl(walk.fds[walk.depth], F_DUPFD_CLOEXEC, 0);

	walk_end(&walk);
	return out;
}

static int open_in_root(int root_fd, const char *path, int flags, uint64_t more)
{
	const uint64_t resolve = SYS_RESOLVE_IN_ROOT | SYS_RESOLVE_NO_MAGICLINKS | more;

	for (int i = 0; i < RETRIES; i++) {
		const int fd = sys_openat2(root_fd, path[0] ? path : ".",
					   (uint64_t)(O_PATH | O_CLOEXEC | flags), 0, resolve);

		if (fd >= 0 || (errno != EAGAIN && errno != EINTR && errno != ENOSYS && errno != EPERM))
			return fd;
		if (errno == ENOSYS || errno == EPERM) {
			owned_fd walked = walk_open(root_fd, path, !(flags & O_NOFOLLOW),
						    more & SYS_RESOLVE_NO_SYMLINKS);
			struct stat status;

			if (walked < 0 || fstat(walked, &status) < 0)
				return -1;
			if ((flags & O_DIRECTORY) && !S_ISDIR(status.st_mode)) {
				errno = ENOTDIR;
				return -1;
			}
			return fd_keep(&walked);
		}
	}
	return -1;
}

int root_open(int root_fd, const char *path, int flags)
{
	return open_in_root(root_fd, path, flags, 0);
}

int root_open_nolinks(int root_fd, const char *path, int flags)
{
	return open_in_root(root_fd, path, flags, SYS_RESOLVE_NO_SYMLINKS);
}

/* Split off the last component; trailing slashes do not count. "/" has none. */
static int split_last(const char *path, char *parent, size_t size, const char **name, char *last)
{
	size_t end = strlen(path);

	while (end > 0 && path[end - 1] == '/')
		end--;
	size_t start = end;

	while (start > 0 && path[start - 1] != '/')
		start--;
	if (start == end || end - start > NAME_MAX || start >= size) {
		errno = start == end ? EISDIR : ENAMETOOLONG;
		return -1;
	}
	memcpy(parent, path, start);
	parent[start] = '\0';
	memcpy(last, path + start, end - start);
	last[end - start] = '\0';
	*name = path + start;
	return 0;
}

/* Put a dangling link's text into `path` where its name stands, from `start` on. EINVAL: no link. */
static int splice_link(int parent_fd, char path[static PATH_MAX], size_t start, size_t length)
{
	char name[NAME_MAX + 1], text[PATH_MAX], whole[PATH_MAX];

	memcpy(name, path + start, length);
	name[length] = '\0';
	const ssize_t size = readlinkat(parent_fd, name, text, sizeof(text) - 1);

	if (size < 0)
		return -1;
	text[size] = '\0';
	const int before = text[0] == '/' ? 0 : (int)start;

	if (snprintf(whole, sizeof(whole), "%.*s%s%s", before, path, text, path + start + length) >=
	    (int)sizeof(whole)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path, whole, sizeof(whole));
	return 0;
}

/* Make the directory that the first `end` bytes of `path` name, if it is not there. */
static int mkdir_one(int root_fd, int parent_fd, char *path, size_t start, size_t end,
		     unsigned int mode)
{
	const char behind = path[end];

	path[end] = '\0';
	int made = root_open(root_fd, path, O_DIRECTORY);

	if (made < 0 && errno == ENOENT && mkdirat(parent_fd, path + start, mode) == 0)
		made = openat(parent_fd, path + start,
			      O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	path[end] = behind;
	return made;
}

/*
 * One component after the other, in a loop: how many there are is the image's choice, which may
 * lead us through a link. A name that exists yet leads nowhere is a dangling link: what it names
 * is made, inside the root.
 */
static int mkdir_below(int root_fd, const char *path, unsigned int mode)
{
	char way[PATH_MAX];
	size_t end = 0;
	int links = 0;
	const int there = root_open(root_fd, path, O_DIRECTORY);

	if (there >= 0 || errno != ENOENT)
		return there;
	snprintf(way, sizeof(way), "%s", path); /* it fits: else ENAMETOOLONG, just now */
	owned_fd parent_fd = root_open(root_fd, "/", O_DIRECTORY);

	while (parent_fd >= 0) {
		const size_t start = end + strspn(way + end, "/");
		const size_t length = strcspn(way + start, "/");

		if (length == 0)
			return fd_keep(&parent_fd);
		owned_fd next = mkdir_one(root_fd, parent_fd, way, start, start + length, mode);

		end = start + length;
		if (next < 0 && errno == EEXIST) {
			if (++links > LINKS_AT_MOST) {
				errno = ELOOP;
				return -1;
			}
			/* EINVAL: no link, somebody else made it just now. Look again. */
			if (splice_link(parent_fd, way, start, length) < 0 && errno != EINVAL)
				return -1;
			next = root_open(root_fd, "/", O_DIRECTORY);
			end = 0;
		}
		fd_drop(&parent_fd);
		parent_fd = fd_keep(&next);
	}
	return -1;
}

int root_mkdir(int root_fd, const char *path, unsigned int mode)
{
	return mkdir_below(root_fd, path, mode);
}

int root_parent(int root_fd, const char *path, const char **name)
{
	char parent[PATH_MAX], last[NAME_MAX + 1];

	if (split_last(path, parent, sizeof(parent), name, last) < 0)
		return -1;
	if (strcmp(last, "..") == 0 || strcmp(last, ".") == 0) {
		errno = EINVAL;
		return -1;
	}
	return mkdir_below(root_fd, parent, 0755);
}

/* A dangling link is followed to what it names, as for directories: in many images
 * /etc/resolv.conf is one. */
static int file_target(int root_fd, char path[static PATH_MAX])
{
	for (int links = 0; links <= LINKS_AT_MOST; links++) {
		const char *name;
		char last[NAME_MAX + 1];
		const int there = root_open(root_fd, path, 0);

		if (there >= 0 || errno != ENOENT)
			return there;
		owned_fd parent_fd = root_parent(root_fd, path, &name);

		if (parent_fd < 0)
			return -1;
		const size_t length = strcspn(name, "/");

		snprintf(last, sizeof(last), "%.*s", (int)length, name);
		owned_fd made = openat(parent_fd, last,
				       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

		if (made >= 0)
			return openat(parent_fd, last, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (errno != EEXIST)
			return -1;
		/* EINVAL: no link, somebody else made it just now. Look again. */
		if (splice_link(parent_fd, path, (size_t)(name - path), length) < 0 &&
		    errno != EINVAL)
			return -1;
	}
	errno = ELOOP;
	return -1;
}

int root_target(int root_fd, const char *path, int is_directory)
{
	char way[PATH_MAX];

	if (is_directory)
		return root_mkdir(root_fd, path, 0755);
	if (snprintf(way, sizeof(way), "%s", path) >= (int)sizeof(way)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return file_target(root_fd, way);
}
