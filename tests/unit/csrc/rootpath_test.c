/* sources: rootpath.c */
#define _GNU_SOURCE
#include "rootpath.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include "check.h"

/*
 * A root filesystem with every trap an image can set, beside an "outside" that nothing may
 * touch. All is done twice: by openat2(2), and by the walker that stands in for it.
 */
static int root;
static char here[PATH_MAX];

static void link_to(const char *target, const char *path)
{
	need(symlinkat(target, root, path) == 0, path);
}

static void make_root(void)
{
	need(getcwd(here, sizeof(here)) != NULL, "getcwd");
	need(mkdir("rootfs", 0755) == 0 && mkdir("outside", 0755) == 0, "mkdir");
	put_file("outside/secret", "secret", 6, 0600);
	root = open("rootfs", O_PATH | O_DIRECTORY | O_CLOEXEC);
	need(root >= 0, "rootfs");
	need(mkdirat(root, "dir", 0755) == 0 && mkdirat(root, "dir/sub", 0755) == 0 &&
	     mkdirat(root, "proc", 0755) == 0, "mkdirat");
	put_file("rootfs/file", "file", 4, 0644);
	put_file("rootfs/dir/file", "deep", 4, 0644);
	char outside[PATH_MAX + 16];

	snprintf(outside, sizeof(outside), "%s/outside", here);
	link_to(outside, "absolute");
	link_to("../../../../../../../../../../outside", "upward");
	link_to("dir", "relative");
	link_to("/dir/sub", "rooted");
	link_to("../file", "dir/back");
	link_to("loop", "loop");
	link_to("two", "one");
	link_to("one", "two");
	link_to("nowhere", "dangling");
	link_to("/made/by/link", "dangling-deep");
	link_to("../../../made-above", "dir/dangling-above");
	link_to("relative/sub", "chain");
	link_to("self/root", "proc-root");
}

/* The descriptor lies where `path` (below rootfs) lies. */
static int is_at(int fd, const char *path)
{
	struct stat got, wanted;
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "rootfs/%s", path);
	const int same = fd >= 0 && fstat(fd, &got) == 0 && lstat(full, &wanted) == 0 &&
			 got.st_ino == wanted.st_ino && got.st_dev == wanted.st_dev;

	if (fd >= 0)
		close(fd);
	return same;
}

#define CHECK_OPENS(call, path) CHECK(is_at((call), (path)))

static void opens_inside(void)
{
	CHECK_OPENS(root_open(root, "", 0), ".");
	CHECK_OPENS(root_open(root, "/", 0), ".");
	CHECK_OPENS(root_open(root, "/..", 0), ".");
	CHECK_OPENS(root_open(root, "../../..", 0), ".");
	CHECK_OPENS(root_open(root, "file", 0), "file");
	CHECK_OPENS(root_open(root, "//dir//./sub//", 0), "dir/sub");
	CHECK_OPENS(root_open(root, "dir/sub/../file", 0), "dir/file");
	CHECK_OPENS(root_open(root, "relative/file", 0), "dir/file");
	CHECK_OPENS(root_open(root, "relative", 0), "dir");
	CHECK_OPENS(root_open(root, "relative", O_NOFOLLOW), "relative");
	CHECK_OPENS(root_open(root, "relative/", O_NOFOLLOW), "dir");
	CHECK_OPENS(root_open(root, "rooted/..", 0), "dir");
	CHECK_OPENS(root_open(root, "rooted/../file", 0), "dir/file");
	CHECK_OPENS(root_open(root, "dir/back", 0), "file");
	CHECK_OPENS(root_open(root, "chain", 0), "dir/sub");
	CHECK_OPENS(root_open(root, "dir", O_DIRECTORY), "dir");
}

static void refuses(void)
{
	char name[PATH_MAX + 8];

	CHECK_FAILS(root_open(root, "absolute", 0), ENOENT);
	CHECK_FAILS(root_open(root, "absolute/secret", 0), ENOENT);
	CHECK_FAILS(root_open(root, "upward", 0), ENOENT);
	CHECK_FAILS(root_open(root, "upward/secret", 0), ENOENT);
	CHECK_FAILS(root_open(root, "missing", 0), ENOENT);
	CHECK_FAILS(root_open(root, "missing/..", 0), ENOENT);
	CHECK_FAILS(root_open(root, "dangling", 0), ENOENT);
	CHECK_FAILS(root_open(root, "loop", 0), ELOOP);
	CHECK_FAILS(root_open(root, "one/x", 0), ELOOP);
	CHECK_FAILS(root_open(root, "file/x", 0), ENOTDIR);
	CHECK_FAILS(root_open(root, "file/", 0), ENOTDIR);
	CHECK_FAILS(root_open(root, "file/.", 0), ENOTDIR);
	CHECK_FAILS(root_open(root, "file/..", 0), ENOTDIR);
	CHECK_FAILS(root_open(root, "file", O_DIRECTORY), ENOTDIR);
	memset(name, 'n', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	CHECK_FAILS(root_open(root, name, 0), ENAMETOOLONG);
	name[NAME_MAX + 1] = 'n';
	name[PATH_MAX] = '\0';
	CHECK_FAILS(root_open(root, name, 0), ENAMETOOLONG);
}

static void no_links(void)
{
	CHECK_OPENS(root_open_nolinks(root, "dir/sub", 0), "dir/sub");
	CHECK_OPENS(root_open_nolinks(root, "dir/sub/..", O_NOFOLLOW), "dir");
	CHECK_FAILS(root_open_nolinks(root, "relative", 0), ELOOP);
	CHECK_FAILS(root_open_nolinks(root, "relative/sub", 0), ELOOP);
	CHECK_FAILS(root_open_nolinks(root, "relative/sub", O_NOFOLLOW), ELOOP);
	CHECK_FAILS(root_open_nolinks(root, "rooted/..", 0), ELOOP);
	CHECK_FAILS(root_open_nolinks(root, "missing", 0), ENOENT);
}

/* With the real procfs as root filesystem: its magic links lead anywhere. */
static void no_magic(void)
{
	const int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const int self = root_open(proc, "self", O_DIRECTORY); /* an ordinary link */
	char fd_link[32];

	snprintf(fd_link, sizeof(fd_link), "self/fd/%d", root);
	CHECK(self >= 0);
	CHECK_FAILS(root_open(proc, "self/root", 0), ELOOP);
	CHECK_FAILS(root_open(proc, "self/root/etc", 0), ELOOP);
	CHECK_FAILS(root_open(proc, "self/cwd", 0), ELOOP);
	CHECK_FAILS(root_open(proc, "self/exe", 0), ELOOP);
	CHECK_FAILS(root_open(proc, "self/ns/mnt", 0), ELOOP);
	CHECK_FAILS(root_open(proc, fd_link, 0), ELOOP);
	close(self);
	close(proc);
}

static void makes_directories(void)
{
	struct stat status;

	CHECK_OPENS(root_mkdir(root, "dir", 0700), "dir");
	CHECK_OPENS(root_mkdir(root, "/", 0700), ".");
	CHECK_OPENS(root_mkdir(root, "new", 0711), "new");
	CHECK(stat("rootfs/new", &status) == 0 && (status.st_mode & 07777) == 0711);
	CHECK_OPENS(root_mkdir(root, "/new/a//b/./c/", 0755), "new/a/b/c");
	CHECK_OPENS(root_mkdir(root, "relative/new", 0755), "dir/new");
	CHECK_OPENS(root_mkdir(root, "new/x/../y", 0755), "new/y");
	CHECK(access("rootfs/new/x", F_OK) == 0);
	CHECK_OPENS(root_mkdir(root, "../../climbed", 0755), "climbed");
	CHECK_OPENS(root_mkdir(root, "dangling-deep/x", 0755), "made/by/link/x");
	CHECK_OPENS(root_mkdir(root, "dir/dangling-above", 0755), "made-above");
	CHECK_FAILS(root_mkdir(root, "loop/x", 0755), ELOOP);
	CHECK_FAILS(root_mkdir(root, "file", 0755), ENOTDIR);
	CHECK_FAILS(root_mkdir(root, "file/x", 0755), ENOTDIR);
	/* What the links name is made inside the root, at the path they name. */
	const int inside = root_mkdir(root, "absolute/x", 0755);

	CHECK(inside >= 0);
	close(inside);
	CHECK_OPENS(root_mkdir(root, "upward/x", 0755), "outside/x");
}

/* The image decides how deep a link leads; a small stack must do. */
static void deep_links(void)
{
	char path[PATH_MAX];
	const struct rlimit small = { 512 << 10, 512 << 10 };

	for (size_t i = 0; i + 2 < sizeof(path); i += 2)
		memcpy(path + i, "a/", 2);
	path[sizeof(path) - 2] = '\0';
	link_to(path, "bottomless");
	need(setrlimit(RLIMIT_STACK, &small) == 0, "setrlimit");
	const int fd = root_mkdir(root, "bottomless", 0755);

	CHECK(fd >= 0 || errno == ENAMETOOLONG);
	close(fd);
}

static void makes_targets(void)
{
	struct stat status;

	CHECK_OPENS(root_target(root, "file", 0), "file");
	CHECK_OPENS(root_target(root, "dir", 0), "dir");
	CHECK_OPENS(root_target(root, "dir/back", 0), "file");
	CHECK_OPENS(root_target(root, "targets/some/file", 0), "targets/some/file");
	CHECK(stat("rootfs/targets/some/file", &status) == 0 && S_ISREG(status.st_mode) &&
	      (status.st_mode & 07777) == 0644 && status.st_size == 0);
	CHECK_OPENS(root_target(root, "targets/some/dir", 1), "targets/some/dir");
	CHECK_OPENS(root_target(root, "targets/slash/", 0), "targets/slash");
	CHECK_FAILS(root_target(root, "file", 1), ENOTDIR);
	CHECK_FAILS(root_target(root, "file/x", 0), ENOTDIR);
	CHECK_FAILS(root_target(root, "one", 0), ELOOP);
	/* As /etc/resolv.conf of many images: what the link names is made, inside. */
	link_to("../run/stub/resolv.conf", "dir/resolv.conf");
	CHECK_OPENS(root_target(root, "dir/resolv.conf", 0), "run/stub/resolv.conf");
	link_to("/run/second", "first");
	link_to("../../../../first", "dir/zeroth");
	CHECK_OPENS(root_target(root, "dir/zeroth", 0), "run/second");
}

static void finds_parents(void)
{
	const char *name = NULL;

	CHECK_OPENS(root_parent(root, "/dev/made/null", &name), "dev/made");
	CHECK_TEXT(name, "null");
	CHECK_OPENS(root_parent(root, "relative/x", &name), "dir");
	CHECK_TEXT(name, "x");
	CHECK_OPENS(root_parent(root, "top", &name), ".");
	CHECK_TEXT(name, "top");
	CHECK_FAILS(root_parent(root, "/", &name), EISDIR);
	CHECK_FAILS(root_parent(root, "", &name), EISDIR);
	CHECK_FAILS(root_parent(root, "dir/..", &name), EINVAL);
	CHECK_FAILS(root_parent(root, "dir/.", &name), EINVAL);
}

static void all(void)
{
	make_root();
	const int before = count_fds();

	opens_inside();
	refuses();
	no_links();
	no_magic();
	makes_directories();
	makes_targets();
	finds_parents();
	CHECK(count_fds() == before);
	/* "outside" itself: nothing came, nothing went. */
	CHECK(rmdir("outside") == -1 && errno == ENOTEMPTY);
	CHECK(unlink("outside/secret") == 0 && rmdir("outside") == 0);
	check_apart(deep_links);
}

static void by_openat2(void)
{
	need(mkdir("openat2", 0755) == 0 && chdir("openat2") == 0, "openat2");
	all();
}

static void without_openat2(void)
{
	need(mkdir("walker", 0755) == 0 && chdir("walker") == 0, "walker");
	forbid(SYS_openat2, ENOSYS);
	all();
}

static void with_openat2_refused(void)
{
	need(mkdir("refused", 0755) == 0 && chdir("refused") == 0, "refused");
	forbid(SYS_openat2, EPERM);
	all();
}

int main(void)
{
	umask(0);
	check_apart(by_openat2);
	check_apart(without_openat2);
	check_apart(with_openat2_refused);
	return check_status();
}
