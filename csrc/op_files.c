/* Directories, links and device nodes inside the root. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "child.h"
#include "mounts.h"
#include "rootpath.h"
#include "sys.h"

#define SYMLINK_REPLACE 1u
#define MKNOD_BIND 1u
#define MKNOD_BIND_ON_EPERM 2u

int op_mkdir(const struct plan_op *op, struct child *child, const char **call)
{
	*call = "mkdir";
	owned_fd made = root_mkdir(child->root_fd, plan_string(child->plan, op, 0),
				   (unsigned int)op->number[0]);

	return made < 0 ? -1 : 0;
}

int op_symlink(const struct plan_op *op, struct child *child, const char **call)
{
	const char *target = plan_string(child->plan, op, 0);
	const char *name;

	*call = "mkdir";
	owned_fd parent = root_parent(child->root_fd, plan_string(child->plan, op, 1), &name);

	if (parent < 0)
		return -1;
	*call = "symlink";
	if (symlinkat(target, parent, name) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	if (!(op->flags & SYMLINK_REPLACE))
		return 0;
	*call = "unlink";
	if (unlinkat(parent, name, 0) < 0)
		return -1;
	*call = "symlink";
	return symlinkat(target, parent, name);
}

static bool same_node(const struct stat *status, unsigned int mode, dev_t device)
{
	const bool has_number = S_ISCHR(mode) || S_ISBLK(mode);

	return (status->st_mode & S_IFMT) == (mode & S_IFMT) &&
	       (!has_number || status->st_rdev == device);
}

/* A user namespace may not make devices: show the host's over an empty file. */
static int bind_node(const struct plan_op *op, struct child *child, const char **call, dev_t device)
{
	const char *source = plan_string(child->plan, op, 1);
	struct stat status;

	*call = "open_tree";
	owned_fd tree = sys_open_tree(AT_FDCWD, source, SYS_OPEN_TREE_CLONE);

	if (tree < 0 || fstat(tree, &status) < 0)
		return -1;
	if (!same_node(&status, (unsigned int)op->number[0], device)) {
		errno = ENODEV;
		return child_say(child, "the host's %s is another device", source);
	}
	*call = "openat2";
	owned_fd target = root_target(child->root_fd, plan_string(child->plan, op, 0), 0);

	if (target < 0 || mounts_check_place(child, target, false) < 0)
		return -1;
	*call = "move_mount";
	return sys_move_mount(tree, target);
}

int op_mknod(const struct plan_op *op, struct child *child, const char **call)
{
	const unsigned int mode = (unsigned int)op->number[0];
	const dev_t device = makedev((unsigned int)op->number[1], (unsigned int)op->number[2]);
	const uid_t uid = (uid_t)op->number[3];
	const gid_t gid = (gid_t)op->number[4];
	const char *name;
	struct stat status;

	if (op->flags & MKNOD_BIND)
		return bind_node(op, child, call, device);
	*call = "mkdir";
	owned_fd parent = root_parent(child->root_fd, plan_string(child->plan, op, 0), &name);

	if (parent < 0)
		return -1;
	*call = "mknod";
	const bool made = mknodat(parent, name, mode, device) == 0;

	if (!made && errno == EPERM && (op->flags & MKNOD_BIND_ON_EPERM))
		return bind_node(op, child, call, device);
	if (!made && errno != EEXIST)
		return -1;
	*call = "open";
	owned_fd node = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (node < 0 || fstat(node, &status) < 0)
		return -1;
	if (!same_node(&status, mode, device)) {
		*call = "mknod";
		errno = EEXIST;
		return child_say(child, "another kind of file is there");
	}
	*call = "chmod";
	if ((status.st_mode & 07777) != (mode & 07777) &&
	    proc_chmod_fd(child, node, mode & 07777) < 0)
		return -1;
	/* Owner last: a change of owner may clear mode bits, never the other way round. */
	*call = "chown";
	if ((status.st_uid != uid || status.st_gid != gid) &&
	    fchownat(node, "", uid, gid, AT_EMPTY_PATH) < 0)
		return -1;
	return 0;
}
