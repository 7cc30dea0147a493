#define _GNU_SOURCE
#include "mounts.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "rootpath.h"
#include "sys.h"

static const struct {
	uint64_t attribute;
	unsigned long old_flag;
	const char *name;
} attributes[] = {
	{ SYS_ATTR_RDONLY, MS_RDONLY, "ro" },
	{ SYS_ATTR_NOSUID, MS_NOSUID, "nosuid" },
	{ SYS_ATTR_NODEV, MS_NODEV, "nodev" },
	{ SYS_ATTR_NOEXEC, MS_NOEXEC, "noexec" },
	{ SYS_ATTR_NOATIME, MS_NOATIME, "noatime" },
	{ SYS_ATTR_STRICTATIME, MS_STRICTATIME, "strictatime" },
	{ SYS_ATTR_NODIRATIME, MS_NODIRATIME, "nodiratime" },
	{ SYS_ATTR_NOSYMFOLLOW, 256 /* MS_NOSYMFOLLOW, 5.10 */, "nosymfollow" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

unsigned long mounts_old_flags(unsigned int wanted)
{
	unsigned long flags = 0;

	for (size_t i = 0; i < COUNT(attributes); i++)
		if (wanted & attributes[i].attribute)
			flags |= attributes[i].old_flag;
	return flags;
}

const char *mounts_attr_name(uint64_t wanted)
{
	for (size_t i = 0; i < COUNT(attributes); i++)
		if (wanted & attributes[i].attribute)
			return attributes[i].name;
	return "?";
}

uint64_t mounts_from_statfs(unsigned long flags)
{
	uint64_t found = 0;

	found |= flags & ST_RDONLY ? SYS_ATTR_RDONLY : 0;
	found |= flags & ST_NOSUID ? SYS_ATTR_NOSUID : 0;
	found |= flags & 4 /* ST_NODEV */ ? SYS_ATTR_NODEV : 0;
	found |= flags & 8 /* ST_NOEXEC */ ? SYS_ATTR_NOEXEC : 0;
	found |= flags & 0x800 /* ST_NODIRATIME */ ? SYS_ATTR_NODIRATIME : 0;
	found |= flags & 0x2000 /* ST_NOSYMFOLLOW */ ? SYS_ATTR_NOSYMFOLLOW : 0;
	if (flags & 0x400 /* ST_NOATIME */)
		found |= SYS_ATTR_NOATIME;
	else if (!(flags & 0x1000 /* ST_RELATIME */))
		found |= SYS_ATTR_STRICTATIME; /* no atime bit at all means strictatime */
	return found;
}

bool mounts_have_setattr(void)
{
	const struct sys_mount_attr nothing = { 0 };
	const int keep = errno;
	const bool have = sys_mount_setattr(-1, 0, &nothing) == 0 || errno != ENOSYS;

	errno = keep;
	return have;
}

/* Before 5.12: remount by the descriptor's path, what the mount already has kept. */
static int old_set(struct child *child, int fd, uint64_t set, uint64_t clear)
{
	char path[64];
	struct statvfs fs;

	if (proc_handle(child) < 0 || fstatvfs(fd, &fs) < 0)
		return -1;
	const uint64_t wanted = (mounts_from_statfs(fs.f_flag) & ~clear) | set;

	/* fchdir to our own procfs: "/proc" may be the container's by now. */
	owned_fd here = open(".", O_PATH | O_CLOEXEC);

	if (here < 0 || fchdir(child->proc_fd) < 0)
		return -1;
	snprintf(path, sizeof(path), "self/fd/%d", fd);
	const int done = mount(NULL, path, NULL,
			       MS_BIND | MS_REMOUNT | mounts_old_flags((unsigned int)wanted), NULL);
	const int keep = errno;

	if (fchdir(here) < 0)
		return -1;
	errno = keep;
	return done;
}

int mounts_set(struct child *child, int fd, bool recursive, uint64_t set, uint64_t clear)
{
	const uint64_t atime = set & SYS_ATTR_ATIME_MASK ? SYS_ATTR_ATIME_MASK : 0;
	const struct sys_mount_attr attr = { .attr_set = set, .attr_clr = clear | atime };

	if (set == 0 && clear == 0)
		return 0;
	const int done = sys_mount_setattr(fd, recursive ? SYS_AT_RECURSIVE : 0, &attr);

	if (done == 0 || errno != ENOSYS || recursive)
		return done;
	return old_set(child, fd, set, attr.attr_clr);
}

int mounts_propagate(struct child *child, int fd, uint32_t packed)
{
	static const unsigned long kinds[] = { 0, MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE };

	for (; packed; packed >>= 8) {
		const unsigned int kind = packed & 0x7f;
		const bool recursive = packed & 0x80;
		char path[64];

		if (kind == 0 || kind >= COUNT(kinds)) {
			errno = EINVAL;
			return -1;
		}
		const struct sys_mount_attr attr = { .propagation = kinds[kind] };

		if (sys_mount_setattr(fd, recursive ? SYS_AT_RECURSIVE : 0, &attr) == 0)
			continue;
		if (errno != ENOSYS || proc_handle(child) < 0)
			return -1;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); /* not pivoted: the host's */
		if (mount(NULL, path, NULL, kinds[kind] | (recursive ? MS_REC : 0), NULL) < 0)
			return -1;
	}
	return 0;
}

int mounts_real_dir(struct child *child, const char *path)
{
	struct stat status;
	const int there = root_open_nolinks(child->root_fd, path, O_NOFOLLOW);

	if (there < 0 && errno == ENOENT)
		return root_mkdir(child->root_fd, path, 0755);
	if (there < 0 && errno == ELOOP)
		return child_say(child, "%s is or lies behind a symbolic link", path);
	if (there < 0)
		return -1;
	owned_fd found = there;

	if (fstat(found, &status) < 0)
		return -1;
	if (S_ISDIR(status.st_mode))
		return fd_keep(&found);
	errno = S_ISLNK(status.st_mode) ? ELOOP : ENOTDIR;
	return child_say(child, "%s is not a directory", path);
}

/* lxcfs and friends: files that may be replaced below /proc without harm. */
static bool may_cover(const char *below_proc)
{
	static const char *const harmless[] = {
		"cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg",
		"slabinfo", "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled",
	};

	for (size_t i = 0; i < COUNT(harmless); i++)
		if (strcmp(below_proc, harmless[i]) == 0)
			return true;
	return false;
}

int mounts_check_place(struct child *child, int target, bool source_is_procfs)
{
	char place[PATH_MAX];
	const size_t root = strlen(child->root_path);

	if (proc_fd_path(child, target, place, sizeof(place)) < 0)
		return -1;
	const char *inside = place + root;

	if (strncmp(place, child->root_path, root) != 0 || (*inside != '/' && *inside != '\0')) {
		errno = EXDEV;
		return child_say(child, "the target lies outside the root filesystem");
	}
	if (*inside == '\0' || strcmp(inside, "/") == 0) {
		errno = EBUSY;
		return child_say(child, "the target is the root filesystem itself");
	}
	if (strncmp(inside, "/proc", 5) != 0 || (inside[5] != '/' && inside[5] != '\0'))
		return 0;
	if (inside[5] == '\0' ? source_is_procfs : may_cover(inside + 6))
		return 0;
	errno = EPERM;
	return child_say(child, "%s may not be mounted over", inside);
}

int mounts_null(struct child *child)
{
	struct stat status;
	owned_fd fd = root_open(child->root_fd, "dev/null", O_NOFOLLOW);

	if (fd < 0 || fstat(fd, &status) < 0)
		return -1;
	if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
		errno = ENODEV;
		return child_say(child, "/dev/null in the container is not the null device");
	}
	return fd_keep(&fd);
}
