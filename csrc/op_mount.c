/* Filesystems and binds, each built detached and attached to a descriptor. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "child.h"
#include "copyup.h"
#include "mounts.h"
#include "rootpath.h"
#include "sys.h"

#define MOUNT_TMPCOPYUP 1u
#define MOUNT_REAL_DIR 2u
#define MOUNT_MODE_OF_TARGET 4u
#define MOUNT_SYSFS_FALLBACK 16u
#define MOUNT_CGROUP_FALLBACK 32u
#define MOUNT_REMOUNT 64u
#define BIND_RECURSIVE 1u
#define BIND_REPLACE_ATTRS 2u
#define BIND_SOURCE_IS_SLOT 4u

#define FSCONFIG_VALUE_MAX 255 /* the kernel copies 256 bytes at most, fsconfig(2) */
#define LOCKABLE (SYS_ATTR_RDONLY | SYS_ATTR_NOSUID | SYS_ATTR_NODEV | SYS_ATTR_NOEXEC | \
		  SYS_ATTR_ATIME_MASK | SYS_ATTR_NODIRATIME)

/* The kernel queues its own words about a failure on the context: "e tmpfs: Bad value...". */
static int say_kernel_words(struct child *child, int fs_fd, const char *option)
{
	char words[512];
	const int keep = errno;
	ssize_t length = read(fs_fd, words, sizeof(words) - 1);

	if (length < 0)
		length = 0;
	while (length > 0 && words[length - 1] == '\n')
		length--;
	words[length] = '\0';
	const char *text = length > 2 && words[1] == ' ' ? words + 2 : words;

	errno = keep;
	/* two strings, so that the runtime can find the option's place in config.json */
	return child_say(child, "%s%c%s", option, '\0', text);
}

/* The quotes of context="a,b" are for mount(2), which takes options apart at commas. */
static void unquote(const char *from, char *to, size_t size)
{
	const size_t length = strlen(from);
	const bool quoted = length >= 2 && from[0] == '"' && from[length - 1] == '"';

	snprintf(to, size, "%.*s", (int)(quoted ? length - 2 : length), from + quoted);
}

static int configure(struct child *child, int fs_fd, const char *option)
{
	char key[FSCONFIG_VALUE_MAX + 1], value[FSCONFIG_VALUE_MAX + 1];
	const char *equals = strchr(option, '=');
	int done;

	if (!equals) {
		done = sys_fsconfig(fs_fd, SYS_FSCONFIG_FLAG, option, NULL);
	} else {
		snprintf(key, sizeof(key), "%.*s", (int)(equals - option), option);
		unquote(equals + 1, value, sizeof(value));
		done = sys_fsconfig(fs_fd, SYS_FSCONFIG_STRING, key, value);
	}
	return done < 0 ? say_kernel_words(child, fs_fd, option) : 0;
}

/* Words of the superblock that only mount(2) takes as flags. */
static unsigned long superblock_flag(const char *option)
{
	static const struct { const char *word; unsigned long flag; } words[] = {
		{ "ro", MS_RDONLY }, { "sync", MS_SYNCHRONOUS }, { "dirsync", MS_DIRSYNC },
		{ "mand", MS_MANDLOCK }, { "lazytime", MS_LAZYTIME },
		{ "iversion", MS_I_VERSION }, { "silent", MS_SILENT },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, option) == 0)
			return words[i].flag;
	return 0;
}

/* fsconfig(2) cannot carry a long value (overlay's lowerdir) nor MS_I_VERSION, and a remount
 * changes the filesystem and the mount in one call. */
static bool needs_old_mount(const struct plan_op *op, const struct child *child)
{
	if (op->flags & MOUNT_REMOUNT)
		return true;
	for (const char *s = NULL; (s = plan_next(child->plan, op, 3, s));) {
		const char *equals = strchr(s, '=');

		if (equals && strlen(equals + 1) > FSCONFIG_VALUE_MAX)
			return true;
		if (strcmp(s, "iversion") == 0)
			return true;
	}
	return false;
}

/* mount(2) on the target's descriptor; gives the new mount's root. */
static int old_mount(const struct plan_op *op, struct child *child, int target, const char **call)
{
	char data[4096] = "", path[64];
	size_t used = 0;
	unsigned long flags = mounts_old_flags((unsigned int)op->number[0]) |
			      (op->flags & MOUNT_REMOUNT ? MS_REMOUNT : 0);
	const char *source = plan_string(child->plan, op, 0);

	for (const char *s = NULL; (s = plan_next(child->plan, op, 3, s));) {
		const unsigned long flag = superblock_flag(s);

		flags |= flag;
		if (flag)
			continue;
		const int length = snprintf(data + used, sizeof(data) - used, "%s%s",
					    used ? "," : "", s);

		if (length < 0 || (size_t)length >= sizeof(data) - used) {
			errno = E2BIG;
			return -1;
		}
		used += (size_t)length;
	}
	*call = "mount";
	if (proc_handle(child) < 0)
		return -1;
	/* The path leads over the caller's /proc: the root is not pivoted yet, this is the host's. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", target);
	if (mount(source ? source : "none", path, plan_string(child->plan, op, 2), flags, data) < 0)
		return -1;
	return root_open(child->root_fd, plan_string(child->plan, op, 1), O_DIRECTORY);
}

static int new_mount(const struct plan_op *op, struct child *child, int target, bool was_there,
		     const char **call)
{
	/* Of a cgroup the string is what to bind instead: a path of the host, not to be shown. */
	const char *source = op->flags & MOUNT_CGROUP_FALLBACK ? "cgroup"
							       : plan_string(child->plan, op, 0);
	struct stat status;
	char mode[16];

	*call = "fsopen";
	owned_fd fs = sys_fsopen(plan_string(child->plan, op, 2));

	if (fs < 0)
		return -1;
	*call = "fsconfig";
	if (source && sys_fsconfig(fs, SYS_FSCONFIG_STRING, "source", source) < 0)
		return say_kernel_words(child, fs, "");
	if ((op->flags & MOUNT_MODE_OF_TARGET) && was_there && fstat(target, &status) == 0) {
		snprintf(mode, sizeof(mode), "mode=%04o", status.st_mode & 07777u);
		if (configure(child, fs, mode) < 0)
			return -1;
	}
	for (const char *s = NULL; (s = plan_next(child->plan, op, 3, s));)
		if (configure(child, fs, s) < 0)
			return -1;
	if (sys_fsconfig(fs, SYS_FSCONFIG_CREATE, NULL, NULL) < 0)
		return say_kernel_words(child, fs, "");
	*call = "fsmount";
	const int mounted = sys_fsmount(fs, (unsigned int)op->number[0]);

	return mounted < 0 ? say_kernel_words(child, fs, "") : mounted;
}

/* What stands in for a filesystem that a user namespace may not mount. */
static int fallback(const struct plan_op *op, struct child *child, const char **call)
{
	const char *source = op->flags & MOUNT_SYSFS_FALLBACK ? "/sys"
							      : plan_string(child->plan, op, 0);

	child->detail_length = 0;
	*call = "open_tree";
	owned_fd tree = sys_open_tree(AT_FDCWD, source ? source : "/sys/fs/cgroup",
				      SYS_OPEN_TREE_CLONE | SYS_AT_RECURSIVE);

	if (tree < 0)
		return -1;
	*call = "mount_setattr";
	if (mounts_set(child, tree, true, op->number[0], 0) < 0)
		return -1;
	return fd_keep(&tree);
}

static bool falls_back(const struct plan_op *op, int err)
{
	return ((op->flags & MOUNT_SYSFS_FALLBACK) && err == EPERM) ||
	       ((op->flags & MOUNT_CGROUP_FALLBACK) && (err == EPERM || err == EBUSY));
}

/* Propagation and the recursive attributes come last, on the attached mount. */
static int finish(const struct plan_op *op, struct child *child, int mount_fd, const char **call)
{
	*call = "mount_setattr";
	if ((op->number[2] || op->number[3]) &&
	    mounts_set(child, mount_fd, true, op->number[2], op->number[3]) < 0)
		return -1;
	return mounts_propagate(child, mount_fd, (uint32_t)op->number[4]);
}

int op_mount(const struct plan_op *op, struct child *child, const char **call)
{
	const char *path = plan_string(child->plan, op, 1);

	*call = "openat2";
	owned_fd target = op->flags & MOUNT_REAL_DIR ? mounts_real_dir(child, path)
						     : root_open(child->root_fd, path, O_DIRECTORY);
	const bool was_there = target >= 0;

	if (target < 0 && errno == ENOENT && !(op->flags & MOUNT_REAL_DIR))
		target = root_mkdir(child->root_fd, path, 0755);
	if (target < 0)
		return -1;
	if (mounts_check_place(child, target, strcmp(plan_string(child->plan, op, 2), "proc") == 0) < 0)
		return -1;
	if (needs_old_mount(op, child)) {
		owned_fd old = old_mount(op, child, target, call);

		return old < 0 ? -1 : finish(op, child, old, call);
	}
	owned_fd mounted = new_mount(op, child, target, was_there, call);

	if (mounted < 0 && falls_back(op, errno))
		mounted = fallback(op, child, call);
	if (mounted < 0)
		return -1;
	if (op->flags & MOUNT_TMPCOPYUP) {
		*call = "copy";
		if (copyup(target, mounted) < 0)
			return -1;
	}
	*call = "move_mount";
	if (sys_move_mount(mounted, target) < 0)
		return -1;
	return finish(op, child, mounted, call);
}

/*
 * Attributes of a bind become exactly what was asked for. In a user namespace some are locked:
 * then what the source has stays, unless the configuration says to clear it.
 */
static int bind_attributes(const struct plan_op *op, struct child *child, int tree)
{
	const uint64_t set = op->number[0], cleared = op->number[1];
	const uint64_t all = SYS_ATTR_RDONLY | SYS_ATTR_NOSUID | SYS_ATTR_NODEV | SYS_ATTR_NOEXEC |
			     SYS_ATTR_NOSYMFOLLOW;
	struct statfs fs;

	if (mounts_set(child, tree, false, set, (all & ~set) | cleared) == 0)
		return 0;
	if (errno != EPERM || fstatfs(tree, &fs) < 0)
		return -1;
	const uint64_t locked = mounts_from_statfs((unsigned long)fs.f_flags) & LOCKABLE;
	const uint64_t lost = cleared & ~set & locked & ~(uint64_t)SYS_ATTR_ATIME_MASK;

	if (lost) {
		errno = EPERM;
		return child_say(child, "the source's flag %s is locked in this user namespace",
				 mounts_attr_name(lost));
	}
	return mounts_set(child, tree, false, set, cleared & SYS_ATTR_ATIME_MASK);
}

int op_bind(const struct plan_op *op, struct child *child, const char **call)
{
	const char *source = plan_string(child->plan, op, 0);
	const char *path = plan_string(child->plan, op, 1);
	const unsigned int deep = op->flags & BIND_RECURSIVE ? SYS_AT_RECURSIVE : 0;
	owned_fd tree = -1;
	struct stat status;
	struct statfs fs;

	*call = "open_tree";
	if (op->flags & BIND_SOURCE_IS_SLOT)
		tree = fcntl(child_slot(child, op->number[4] >> 32), F_DUPFD_CLOEXEC, 0);
	else
		tree = sys_open_tree(AT_FDCWD, source ? source : "", SYS_OPEN_TREE_CLONE | deep);
	/* Below a folder that is closed to the root of our user namespace: the runtime sees it. */
	if (tree < 0 && errno == EACCES && source)
		tree = child_want_tree(child, source, deep != 0);
	if (tree < 0)
		return -1;
	*call = "fstat";
	if (fstat(tree, &status) < 0 || fstatfs(tree, &fs) < 0)
		return -1;
	*call = "openat2";
	owned_fd target = root_target(child->root_fd, path, S_ISDIR(status.st_mode));

	if (target < 0)
		return -1;
	if (mounts_check_place(child, target, fs.f_type == MOUNTS_PROC_MAGIC) < 0)
		return -1;
	/* While the tree is detached nobody can write through it before it turns read-only. */
	*call = "mount_setattr";
	if ((op->flags & BIND_REPLACE_ATTRS) && mounts_have_setattr() &&
	    bind_attributes(op, child, tree) < 0)
		return -1;
	*call = "move_mount";
	if (sys_move_mount(tree, target) < 0)
		return -1;
	/* Linux before 5.12 changes attributes of attached mounts only. */
	*call = "mount";
	if ((op->flags & BIND_REPLACE_ATTRS) && !mounts_have_setattr() &&
	    bind_attributes(op, child, tree) < 0)
		return -1;
	return finish(op, child, tree, call);
}

int op_remount_ro(const struct plan_op *op, struct child *child, const char **call)
{
	*call = "openat2";
	owned_fd place = root_open(child->root_fd, plan_string(child->plan, op, 0), 0);

	if (place < 0)
		return -1;
	*call = "mount_setattr";
	return mounts_set(child, place, false, SYS_ATTR_RDONLY, 0);
}

int op_readonly_path(const struct plan_op *op, struct child *child, const char **call)
{
	*call = "openat2";
	owned_fd target = root_open(child->root_fd, plan_string(child->plan, op, 0), 0);

	if (target < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	*call = "open_tree";
	owned_fd tree = sys_open_tree(target, "", AT_EMPTY_PATH | SYS_OPEN_TREE_CLONE | SYS_AT_RECURSIVE);

	if (tree < 0)
		return -1;
	*call = "mount_setattr";
	if (mounts_have_setattr() && mounts_set(child, tree, false, SYS_ATTR_RDONLY, 0) < 0)
		return -1;
	*call = "move_mount";
	if (sys_move_mount(tree, target) < 0)
		return -1;
	*call = "mount";
	return mounts_have_setattr() ? 0 : mounts_set(child, tree, false, SYS_ATTR_RDONLY, 0);
}

/* The first masked directory mounts it, the others show the same mount. */
static int empty_directory(const struct plan_op *op, struct child *child, const char **call)
{
	const char *context = plan_string(child->plan, op, 1);

	if (child->mask_fd >= 0) {
		*call = "open_tree";
		return sys_open_tree(child->mask_fd, "", AT_EMPTY_PATH | SYS_OPEN_TREE_CLONE);
	}
	*call = "fsopen";
	owned_fd fs = sys_fsopen("tmpfs");

	if (fs < 0)
		return -1;
	*call = "fsconfig";
	if (sys_fsconfig(fs, SYS_FSCONFIG_STRING, "source", "tmpfs") < 0 ||
	    sys_fsconfig(fs, SYS_FSCONFIG_STRING, "nr_blocks", "1") < 0 ||
	    sys_fsconfig(fs, SYS_FSCONFIG_STRING, "nr_inodes", "2") < 0 ||
	    sys_fsconfig(fs, SYS_FSCONFIG_STRING, "mode", "755") < 0 ||
	    (context && configure(child, fs, context) < 0) ||
	    sys_fsconfig(fs, SYS_FSCONFIG_FLAG, "ro", NULL) < 0 ||
	    sys_fsconfig(fs, SYS_FSCONFIG_CREATE, NULL, NULL) < 0)
		return -1;
	*call = "fsmount";
	return sys_fsmount(fs, SYS_ATTR_RDONLY);
}

int op_mask_path(const struct plan_op *op, struct child *child, const char **call)
{
	struct stat status;

	*call = "openat2";
	owned_fd target = root_open(child->root_fd, plan_string(child->plan, op, 0), 0);

	if (target < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	*call = "fstat";
	if (fstat(target, &status) < 0)
		return -1;
	if (S_ISDIR(status.st_mode)) {
		owned_fd empty = empty_directory(op, child, call);

		if (empty < 0)
			return -1;
		*call = "move_mount";
		if (sys_move_mount(empty, target) < 0)
			return -1;
		if (child->mask_fd < 0)
			child->mask_fd = fd_keep(&empty);
		return 0;
	}
	*call = "openat2(/dev/null)";
	owned_fd null_fd = mounts_null(child);

	if (null_fd < 0)
		return -1;
	*call = "open_tree";
	owned_fd tree = sys_open_tree(null_fd, "", AT_EMPTY_PATH | SYS_OPEN_TREE_CLONE);

	if (tree < 0)
		return -1;
	*call = "move_mount";
	return sys_move_mount(tree, target);
}
