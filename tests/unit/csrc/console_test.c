/* sources: mounts.c proc.c rootpath.c */
#define _GNU_SOURCE
#include "op_console.c" /* its functions are static */

#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <termios.h>

#include "check.h"

static int sent_master = -1;

/* What op_console.c takes from init.c. */
int child_say(struct child *child, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(child->detail, sizeof(child->detail), format, arguments);
	va_end(arguments);
	return -1;
}

int child_send_master(struct child *child, int master_fd)
{
	(void)child;
	sent_master = fcntl(master_fd, F_DUPFD_CLOEXEC, 0);
	return sent_master < 0 ? -1 : 0;
}

static struct child child = { .root_fd = -1, .proc_fd = -1 };
static const char *call;
static dev_t device;

/* A root filesystem with a devpts of its own, in namespaces of our own. */
static void enter_root(void)
{
	const int flags = CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER);

	need(unshare(flags) == 0, "unshare");
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
	need(mkdir("root", 0755) == 0 && mkdir("root/dev", 0755) == 0 &&
	     mkdir("root/dev/pts", 0755) == 0, "mkdir");
	need(mount("devpts", "root/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666") == 0,
	     "mount devpts");
	child.root_fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	need(child.root_fd >= 0 && proc_handle(&child) >= 0, "root");
}

static void a_pair(void)
{
	struct winsize size;

	enter_root();
	const int before = count_fds();
	const int master = open_master(&child, &call, &device);

	CHECK(master >= 0);
	const int slave = open_slave(master, device, &call);

	CHECK(slave >= 0 && isatty(slave));
	CHECK(fcntl(master, F_GETFD) == FD_CLOEXEC && fcntl(slave, F_GETFD) == FD_CLOEXEC);
	CHECK(set_size(master, 33, 77, &call) == 0);
	CHECK(ioctl(slave, TIOCGWINSZ, &size) == 0 && size.ws_row == 33 && size.ws_col == 77);
	CHECK(set_size(master, 0, 90, &call) == 0 && set_size(master, 90, 0, &call) == 0);
	CHECK(ioctl(slave, TIOCGWINSZ, &size) == 0 && size.ws_row == 33 && size.ws_col == 77);
	CHECK_FAILS(check_ptmx(slave, device), ENOTTY);
	CHECK_FAILS(check_slave(master, device), ENOTTY);
	CHECK_FAILS(check_slave(slave, device + 1), ENOTTY);
	close(slave);
	close(master);
	CHECK(count_fds() == before);
}

static void refuses(const char *why, int err)
{
	const int before = count_fds();

	child.detail[0] = '\0';
	CHECK_FAILS(open_master(&child, &call, &device), err);
	CHECK_TEXT(child.detail, why);
	CHECK(count_fds() == before);
}

static void other_places(void)
{
	enter_root();
	/* The host's ptmx over the one of this devpts: the same device, another superblock. */
	need(mount("/dev/pts/ptmx", "root/dev/pts/ptmx", NULL, MS_BIND, NULL) == 0, "bind");
	refuses("/dev/pts/ptmx is not the one of its devpts", ENOTTY);
	need(umount("root/dev/pts/ptmx") == 0, "umount");
	need(mount("/dev/null", "root/dev/pts/ptmx", NULL, MS_BIND, NULL) == 0, "bind null");
	refuses("/dev/pts/ptmx is not the one of its devpts", ENOTTY);
	need(umount("root/dev/pts/ptmx") == 0 && umount2("root/dev/pts", MNT_DETACH) == 0, "umount");
	refuses("a terminal needs a devpts on /dev/pts, another file system is there", ENOTTY);
	need(rmdir("root/dev/pts") == 0, "rmdir");
	refuses("a terminal needs a devpts on /dev/pts", ENOENT);
	need(symlink("/proc/self/root/dev/pts", "root/dev/pts") == 0, "symlink");
	refuses("a terminal needs a devpts on /dev/pts", ENOENT);
}

static void place_of_the_console(void)
{
	struct stat status;

	enter_root();
	int target = console_target(&child, &call);

	CHECK(target >= 0 && fstat(target, &status) == 0 && S_ISREG(status.st_mode));
	close(target);
	put_file("root/dev/console", "kept", 4, 0644);
	target = console_target(&child, &call);
	CHECK(target >= 0 && fstat(target, &status) == 0 && status.st_size == 4);
	close(target);
	need(unlink("root/dev/console") == 0 && symlink("../victim", "root/dev/console") == 0, "link");
	const int before = count_fds();

	CHECK_FAILS(console_target(&child, &call), ELOOP);
	CHECK_TEXT(child.detail, "/dev/console is a symbolic link");
	CHECK(count_fds() == before);
	CHECK(access("root/victim", F_OK) < 0);
}

/* All of it, in a session of its own. */
static void the_operation(void)
{
	const struct plan_op op = { .flags = CONSOLE_BIND, .number = { 25, 81 } };
	struct winsize size;
	struct stat status, console;

	enter_root();
	need(proc_fd_path(&child, child.root_fd, child.root_path, sizeof(child.root_path)) > 0, "path");
	need(setsid() > 0, "setsid");
	const int saved_stderr = dup(STDERR_FILENO);
	const int done = op_console(&op, &child, &call);

	CHECK(dup2(saved_stderr, STDERR_FILENO) == STDERR_FILENO);
	CHECK(done == 0);
	CHECK(isatty(0) && isatty(1) && isatty(sent_master));
	CHECK(tcgetsid(0) == getpid());
	CHECK(ioctl(0, TIOCGWINSZ, &size) == 0 && size.ws_row == 25 && size.ws_col == 81);
	CHECK(fstat(0, &status) == 0 && stat("root/dev/console", &console) == 0);
	CHECK(status.st_rdev == console.st_rdev && status.st_dev == console.st_dev);
}

int main(void)
{
	check_apart(a_pair);
	need(system("rm -rf root") == 0, "rm");
	check_apart(other_places);
	need(system("rm -rf root") == 0, "rm");
	check_apart(place_of_the_console);
	need(system("rm -rf root") == 0, "rm");
	check_apart(the_operation);
	return check_status();
}
