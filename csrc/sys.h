/*
 * System calls that a libc of 2022 may lack, and descriptors that own themselves.
 * Each wrapper returns what the call returns: -1 with errno set on failure.
 */
#ifndef PYRUNC_SYS_H
#define PYRUNC_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Same number on every architecture that has them: they came after the tables were unified. */
#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438 /* Linux 5.6 */
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#define SYS_ATTR_RDONLY 0x1u
#define SYS_ATTR_NOSUID 0x2u
#define SYS_ATTR_NODEV 0x4u
#define SYS_ATTR_NOEXEC 0x8u
#define SYS_ATTR_ATIME_MASK 0x70u
#define SYS_ATTR_NOATIME 0x10u
#define SYS_ATTR_STRICTATIME 0x20u
#define SYS_ATTR_NODIRATIME 0x80u
#define SYS_ATTR_NOSYMFOLLOW 0x200000u
#define SYS_ATTR_IDMAP 0x100000u

#define SYS_AT_RECURSIVE 0x8000u
#define SYS_OPEN_TREE_CLONE 1u
#define SYS_MOVE_F_EMPTY 0x4u
#define SYS_MOVE_T_EMPTY 0x40u
#define SYS_FSCONFIG_FLAG 0u
#define SYS_FSCONFIG_STRING 1u
#define SYS_FSCONFIG_CREATE 6u
#define SYS_RESOLVE_NO_XDEV 0x1u
#define SYS_RESOLVE_NO_MAGICLINKS 0x2u
#define SYS_RESOLVE_NO_SYMLINKS 0x4u
#define SYS_RESOLVE_BENEATH 0x8u
#define SYS_RESOLVE_IN_ROOT 0x10u
#define SYS_CLOSE_RANGE_CLOEXEC 0x4u

/* musl-gcc does not see the kernel's own headers: the few things needed of them. */
#define SYS_KEYCTL_JOIN_SESSION_KEYRING 1
#define SYS_KEYCTL_SETPERM 5
#define SYS_KEYCTL_DESCRIBE 6
#define SYS_CAPABILITY_VERSION_3 0x20080522u
#define SYS_SECCOMP_SET_MODE_FILTER 1u
#define SYS_SECCOMP_NEW_LISTENER 8u
#define SYS_BPF_MAXINSNS 4096u

struct sys_cap_header {
	uint32_t version;
	int pid;
};

struct sys_cap_data { /* two of them: low and high 32 bits */
	uint32_t effective;
	uint32_t permitted;
	uint32_t inheritable;
};

struct sys_sock_filter {
	uint16_t code;
	uint8_t jt;
	uint8_t jf;
	uint32_t k;
};

struct sys_sock_fprog {
	unsigned short len;
	const struct sys_sock_filter *filter;
};

struct sys_open_how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

struct sys_mount_attr {
	uint64_t attr_set;
	uint64_t attr_clr;
	uint64_t propagation;
	uint64_t userns_fd;
};

struct sys_clone_args {
	uint64_t flags;
	uint64_t pidfd;
	uint64_t child_tid;
	uint64_t parent_tid;
	uint64_t exit_signal;
	uint64_t stack;
	uint64_t stack_size;
	uint64_t tls;
	uint64_t set_tid;
	uint64_t set_tid_size;
	uint64_t cgroup;
};

/* Linux 5.6. */
static inline int sys_openat2(int dir_fd, const char *path, uint64_t flags, uint64_t mode,
			      uint64_t resolve)
{
	struct sys_open_how how = { .flags = flags, .mode = mode, .resolve = resolve };

	return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
}

/* Linux 5.2, as the next four. */
static inline int sys_open_tree(int dir_fd, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_open_tree, dir_fd, path, flags | (unsigned int)O_CLOEXEC);
}

static inline int sys_move_mount(int from_fd, int to_fd)
{
	return (int)syscall(SYS_move_mount, from_fd, "", to_fd, "",
			    SYS_MOVE_F_EMPTY | SYS_MOVE_T_EMPTY);
}

static inline int sys_fsopen(const char *fstype)
{
	return (int)syscall(SYS_fsopen, fstype, 1u /* FSOPEN_CLOEXEC */);
}

static inline int sys_fsconfig(int fs_fd, unsigned int command, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fs_fd, command, key, value, 0);
}

static inline int sys_fsmount(int fs_fd, unsigned int attributes)
{
	return (int)syscall(SYS_fsmount, fs_fd, 1u /* FSMOUNT_CLOEXEC */, attributes);
}

/* Linux 5.12. */
static inline int sys_mount_setattr(int fd, unsigned int flags, const struct sys_mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, fd, "", flags | AT_EMPTY_PATH, attr, sizeof(*attr));
}

/* Linux 5.9. */
static inline int sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

/* Linux 5.3; CLONE_INTO_CGROUP 5.7. */
static inline long sys_clone3(struct sys_clone_args *args)
{
	return syscall(SYS_clone3, args, sizeof(*args));
}

/* struct sched_attr up to Linux 5.3; an older kernel takes it as its last fields are 0. */
struct sys_sched_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime; /* nanoseconds, as the next two */
	uint64_t deadline;
	uint64_t period;
	uint32_t util_min;
	uint32_t util_max;
};

static inline int sys_sched_setattr(pid_t pid, const struct sys_sched_attr *attr)
{
	return (int)syscall(SYS_sched_setattr, pid, attr, 0u);
}

/* Not libc's: its cpu_set_t ends at 1024 CPUs. */
static inline int sys_sched_setaffinity(pid_t pid, size_t size, const void *mask)
{
	return (int)syscall(SYS_sched_setaffinity, pid, size, mask);
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

static inline void fd_drop(int *fd)
{
	const int keep = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = keep; /* cleaning up must not repaint the failure */
}
#define owned_fd __attribute__((cleanup(fd_drop))) int

/* Hand a descriptor out of the function that owns it. */
static inline int fd_keep(int *fd)
{
	const int out = *fd;

	*fd = -1;
	return out;
}

#endif
