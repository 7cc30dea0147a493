/*
 * A procfs of our own. What lies on /proc inside a root filesystem, or what somebody mounted
 * there, may be a decoy that swallows labels and sysctls; a detached mount that no path leads
 * to cannot be covered.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "child.h"
#include "sys.h"

#define PROC_MAGIC 0x9fa0
#define PROC_ROOT_INODE 1

static bool is_procfs_root(int fd)
{
	struct statfs fs;
	struct stat status;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_MAGIC && fstat(fd, &status) == 0 &&
	       status.st_ino == PROC_ROOT_INODE;
}

static int proc_fresh(bool whole)
{
	owned_fd fs = sys_fsopen("proc");

	if (fs < 0)
		return -1;
	/* Linux 5.8; before that there is only all of it. */
	if (!whole)
		(void)sys_fsconfig(fs, SYS_FSCONFIG_STRING, "subset", "pid");
	if (sys_fsconfig(fs, SYS_FSCONFIG_CREATE, NULL, NULL) < 0)
		return -1;
	return sys_fsmount(fs, SYS_ATTR_NOSUID | SYS_ATTR_NODEV | SYS_ATTR_NOEXEC);
}

/* Not allowed to mount one (host pid namespace in a user namespace): clone the top mount alone;
 * not that either: the host's, before anything of the image is in place. */
static int proc_open(struct child *child, bool whole)
{
	owned_fd fd = proc_fresh(whole);

	if (fd < 0)
		fd = sys_open_tree(AT_FDCWD, "/proc", SYS_OPEN_TREE_CLONE);
	if (fd < 0)
		fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!is_procfs_root(fd)) {
		errno = ENOTSUP;
		return child_say(child, "/proc is not a procfs");
	}
	return fd_keep(&fd);
}

int proc_whole(struct child *child)
{
	return proc_open(child, true);
}

int proc_handle(struct child *child)
{
	if (child->proc_fd >= 0)
		return child->proc_fd;
	child->proc_fd = proc_open(child, false);
	return child->proc_fd;
}

int proc_open_fd(struct child *child, int fd, int flags)
{
	char path[32];

	if (proc_handle(child) < 0)
		return -1;
	snprintf(path, sizeof(path), "self/fd/%d", fd);
	return openat(child->proc_fd, path, flags | O_CLOEXEC);
}

int proc_chmod_fd(struct child *child, int fd, unsigned int mode)
{
	char path[32];

	if (proc_handle(child) < 0)
		return -1;
	snprintf(path, sizeof(path), "self/fd/%d", fd);
	return fchmodat(child->proc_fd, path, mode, 0);
}

int proc_fd_path(struct child *child, int fd, char *buffer, int size)
{
	char path[32];

	if (proc_handle(child) < 0)
		return -1;
	snprintf(path, sizeof(path), "self/fd/%d", fd);
	const ssize_t length = readlinkat(child->proc_fd, path, buffer, (size_t)size - 1);

	if (length < 0)
		return -1;
	buffer[length] = '\0';
	return (int)length;
}

int proc_open_attribute(struct child *child, const char *name)
{
	char path[64];

	if (proc_handle(child) < 0)
		return -1;
	snprintf(path, sizeof(path), "self/attr/%s", name);
	return openat(child->proc_fd, path, O_WRONLY | O_CLOEXEC);
}
