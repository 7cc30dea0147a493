/*
 * The terminal: a new pair from the container's own devpts, its slave on the standard streams,
 * its master sent to the runtime.
 *
 * Names in /dev/pts belong to the image. The devpts itself is recognised by its superblock, the
 * slave is the master's by the kernel's word (TIOCGPTPEER), never by the name /dev/pts/N.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "child.h"
#include "mounts.h"
#include "rootpath.h"
#include "sys.h"

#define CONSOLE_BIND 1u

#define DEVPTS_MAGIC 0x1cd1
#define DEVPTS_ROOT_INODE 1
#define PTMX_INODE 2
#define PTY_SLAVE_MAJOR 136 /* and seven more, Documentation/admin-guide/devices.txt */
#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441 /* Linux 4.13, the same on all but alpha, mips, powerpc and sparc */
#endif

/* 0 if `fd` is the root of a devpts, its device in *device. */
static int check_devpts(int fd, dev_t *device)
{
	struct statfs fs;
	struct stat status;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &status) < 0)
		return -1;
	if (fs.f_type != DEVPTS_MAGIC || status.st_ino != DEVPTS_ROOT_INODE) {
		errno = ENOTTY;
		return -1;
	}
	*device = status.st_dev;
	return 0;
}

/* 0 if `fd` is the ptmx of the devpts `device`: nothing bound over it, no other file. */
static int check_ptmx(int fd, dev_t device)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -1;
	if (status.st_dev == device && status.st_ino == PTMX_INODE && S_ISCHR(status.st_mode) &&
	    status.st_rdev == makedev(5, 2))
		return 0;
	errno = ENOTTY;
	return -1;
}

/* 0 if `fd` is a terminal of the devpts `device`. */
static int check_slave(int fd, dev_t device)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -1;
	const unsigned int number = major(status.st_rdev);

	if (status.st_dev == device && S_ISCHR(status.st_mode) && number >= PTY_SLAVE_MAJOR &&
	    number < PTY_SLAVE_MAJOR + 8)
		return 0;
	errno = ENOTTY;
	return -1;
}

static int open_master(struct child *child, const char **call, dev_t *device)
{
	*call = "open(/)";
	if (child->root_fd < 0) /* who joins a container has not made its root filesystem */
		child->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (child->root_fd < 0)
		return -1;
	*call = "open(/dev/pts)";
	owned_fd devpts = root_open(child->root_fd, "dev/pts", O_DIRECTORY);

	if (devpts < 0)
		return child_say(child, "a terminal needs a devpts on /dev/pts");
	if (check_devpts(devpts, device) < 0)
		return child_say(child, "a terminal needs a devpts on /dev/pts, another file system is there");
	*call = "open(/dev/pts/ptmx)";
	owned_fd ptmx = openat(devpts, "ptmx", O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (ptmx < 0)
		return -1;
	if (check_ptmx(ptmx, *device) < 0)
		return child_say(child, "/dev/pts/ptmx is not the one of its devpts");
	return proc_open_fd(child, ptmx, O_RDWR | O_NOCTTY);
}

static int open_slave(int master, dev_t device, const char **call)
{
	const int locked = 0;

	*call = "ioctl(TIOCSPTLCK)";
	if (ioctl(master, TIOCSPTLCK, &locked) < 0)
		return -1;
	*call = "ioctl(TIOCGPTPEER)";
	owned_fd slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (slave < 0 || check_slave(slave, device) < 0)
		return -1;
	return fd_keep(&slave);
}

static int set_size(int master, uint64_t height, uint64_t width, const char **call)
{
	const struct winsize size = {
		.ws_row = (unsigned short)height, .ws_col = (unsigned short)width,
	};

	*call = "ioctl(TIOCSWINSZ)";
	return height && width ? ioctl(master, TIOCSWINSZ, &size) : 0;
}

/* Where /dev/console is, or a new empty file. A link, wherever it leads, is not followed. */
static int console_target(struct child *child, const char **call)
{
	const char *name;
	struct stat status;

	*call = "mkdir";
	owned_fd parent = root_parent(child->root_fd, "dev/console", &name);

	if (parent < 0)
		return -1;
	*call = "open(/dev/console)";
	owned_fd made = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			       0600);

	if (made < 0 && errno != EEXIST)
		return -1;
	owned_fd target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (target < 0 || fstat(target, &status) < 0)
		return -1;
	if (S_ISLNK(status.st_mode)) {
		errno = ELOOP;
		return child_say(child, "/dev/console is a symbolic link");
	}
	return fd_keep(&target);
}

static int bind_console(struct child *child, int slave, const char **call)
{
	*call = "open_tree";
	owned_fd tree = sys_open_tree(slave, "", AT_EMPTY_PATH | SYS_OPEN_TREE_CLONE);

	if (tree < 0)
		return -1;
	owned_fd target = console_target(child, call);

	if (target < 0 || mounts_check_place(child, target, false) < 0)
		return -1;
	*call = "move_mount";
	return sys_move_mount(tree, target);
}

int op_console(const struct plan_op *op, struct child *child, const char **call)
{
	dev_t device;

	*call = "open(/)";
	if (child->root_fd < 0) /* exec: we are inside already */
		child->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (child->root_fd < 0)
		return -1;
	owned_fd master = open_master(child, call, &device);

	if (master < 0)
		return -1;
	owned_fd slave = open_slave(master, device, call);

	if (slave < 0)
		return -1;
	if (set_size(master, op->number[0], op->number[1], call) < 0)
		return -1;
	if ((op->flags & CONSOLE_BIND) && bind_console(child, slave, call) < 0)
		return -1;
	*call = "sendmsg";
	if (child_send_master(child, master) < 0)
		return -1;
	*call = "dup2";
	for (int fd = 0; fd < 3; fd++)
		if (dup2(slave, fd) < 0)
			return -1;
	/* Ours since setsid(2), and nobody else's: the pair is new. */
	*call = "ioctl(TIOCSCTTY)";
	return ioctl(STDIN_FILENO, TIOCSCTTY, 0);
}
