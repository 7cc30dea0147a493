/* The root filesystem: prepared, and made "/". */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "child.h"
#include "sys.h"

#define ROOT_NO_BIND 1u
#define ROOT_SLAVE 2u
#define MOVE_ROOT_CHROOT 1u

int op_root_propagation(const struct plan_op *op, struct child *child, const char **call)
{
	(void)child;
	*call = "mount";
	return mount(NULL, "/", NULL, (unsigned long)op->number[0], NULL);
}

/*
 * pivot_root(2) refuses a shared parent, and our binds would leak through it: the mount that
 * holds the rootfs is found by trying from the rootfs upward.
 */
static int isolate_parent(const char *rootfs, unsigned long propagation)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", rootfs);
	for (;;) {
		if (mount(NULL, path, NULL, propagation, NULL) == 0)
			return 0;
		if (errno != EINVAL && errno != EACCES)
			return -1;
		char *slash = strrchr(path, '/');

		if (!slash || strcmp(path, "/") == 0)
			return -1;
		*(slash == path ? slash + 1 : slash) = '\0';
	}
}

int op_root(const struct plan_op *op, struct child *child, const char **call)
{
	const char *path = plan_string(child->plan, op, 0);

	*call = "open(/proc)";
	if (proc_handle(child) < 0)
		return -1;
	if (op->flags & ROOT_NO_BIND) {
		*call = "open";
		child->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (child->root_fd < 0)
			return -1;
	} else {
		*call = "mount";
		if (isolate_parent(path, op->flags & ROOT_SLAVE ? MS_SLAVE : MS_PRIVATE) < 0)
			return -1;
		/* The runtime started us inside the rootfs: "." works where its parents may not
		 * be searched by the user namespace's root. */
		*call = "open_tree";
		owned_fd place = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (place < 0 && errno == EACCES)
			place = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (place < 0)
			return -1;
		owned_fd tree = sys_open_tree(place, "", AT_EMPTY_PATH | SYS_OPEN_TREE_CLONE |
							 SYS_AT_RECURSIVE);

		if (tree < 0)
			return -1;
		*call = "move_mount";
		if (sys_move_mount(tree, place) < 0)
			return -1;
		child->root_fd = fd_keep(&tree);
	}
	*call = "readlink";
	if (proc_fd_path(child, child->root_fd, child->root_path, sizeof(child->root_path)) < 0)
		return -1;
	if (strcmp(child->root_path, "/") == 0)
		child->root_path[0] = '\0';
	return 0;
}

int op_pivot(const struct plan_op *op, struct child *child, const char **call)
{
	(void)op;
	*call = "open";
	owned_fd old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old < 0)
		return -1;
	*call = "fchdir";
	if (fchdir(child->root_fd) < 0)
		return -1;
	/* Both at one place: the old root lies under the new one and is taken away at once. */
	*call = "pivot_root";
	if (sys_pivot_root(".", ".") < 0)
		return -1;
	*call = "fchdir";
	if (fchdir(old) < 0)
		return -1;
	/* Slave, so that the unmount does not reach the host; not private, which would pin
	 * mounts that the host takes away meanwhile. */
	*call = "mount";
	if (mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return -1;
	*call = "umount2";
	if (umount2(".", MNT_DETACH) < 0)
		return -1;
	*call = "chdir";
	child->root_path[0] = '\0';
	return chdir("/");
}

/* mountinfo writes a space in a path as \\040, and so on. In place. */
static void unescape(char *path)
{
	char *out = path;

	for (const char *in = path; *in; out++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] && in[3]) {
			*out = (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

/* One line of mountinfo: the mount point if it is a whole proc or sysfs outside the rootfs. */
static const char *kernel_mount_outside(char *line, const char *rootfs)
{
	char *root = NULL, *point = NULL, *save = NULL;
	char *dash = strstr(line, " - ");
	int field = 0;

	if (!dash || (strncmp(dash + 3, "proc ", 5) != 0 && strncmp(dash + 3, "sysfs ", 6) != 0))
		return NULL;
	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		field++;
		if (field == 4)
			root = word;
		if (field == 5)
			point = word;
	}
	const size_t length = strlen(rootfs);

	if (point)
		unescape(point);
	if (!root || !point || strcmp(root, "/") != 0)
		return NULL;
	if (strncmp(point, rootfs, length) == 0 && (point[length] == '/' || point[length] == '\0'))
		return NULL;
	return point;
}

/* After MS_MOVE and chroot the old root stays reachable for who escapes the chroot: take its
 * procfs and sysfs away, or cover them where they are locked. */
static int hide_kernel_mounts(struct child *child)
{
	owned_fd fd = openat(child->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	FILE *lines = fd < 0 ? NULL : fdopen(fd, "re");
	char *line = NULL;
	size_t size = 0;
	int done = 0;

	if (!lines)
		return -1;
	(void)fd_keep(&fd);
	while (done == 0 && getline(&line, &size, lines) >= 0) {
		const char *point = kernel_mount_outside(line, child->root_path);

		if (!point)
			continue;
		(void)mount(NULL, point, NULL, MS_SLAVE | MS_REC, NULL); /* EINVAL: gone already */
		if (umount2(point, MNT_DETACH) < 0) {
			if (errno != EINVAL && errno != EPERM)
				done = -1;
			else if (mount("tmpfs", point, "tmpfs", 0, NULL) < 0 && errno != ENOENT)
				done = -1;
		}
	}
	const int keep = errno;

	free(line);
	fclose(lines);
	errno = keep;
	return done;
}

int op_move_root(const struct plan_op *op, struct child *child, const char **call)
{
	*call = "umount2";
	if (!(op->flags & MOVE_ROOT_CHROOT) && hide_kernel_mounts(child) < 0)
		return -1;
	*call = "fchdir";
	if (fchdir(child->root_fd) < 0)
		return -1;
	*call = "mount";
	if (!(op->flags & MOVE_ROOT_CHROOT) && mount(".", "/", NULL, MS_MOVE, NULL) < 0)
		return -1;
	*call = "chroot";
	if (chroot(".") < 0)
		return -1;
	*call = "chdir";
	child->root_path[0] = '\0';
	return chdir("/");
}
