/* sources: copyup.c */
#define _GNU_SOURCE
#include "copyup.h"

#include <sys/sysmacros.h>

#include "check.h"

static int folder(const char *name)
{
	need(mkdir(name, 0755) == 0, name);
	const int fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	need(fd >= 0, name);
	return fd;
}

static void every_kind(void)
{
	struct stat status;
	char text[16] = "";
	const int from = folder("from"), to = folder("to");

	put_file("from/file", "content", 7, 04755);
	put_file("from/empty", "", 0, 0600);
	need(mkdirat(from, "dir", 01777) == 0 && fchmodat(from, "dir", 01777, 0) == 0, "dir");
	put_file("from/dir/inner", "x", 1, 0444);
	need(symlinkat("/etc/passwd", from, "link") == 0, "link");
	need(mkfifoat(from, "fifo", 0620) == 0, "fifo");
	if (geteuid() == 0)
		need(fchownat(from, "file", 7, 8, 0) == 0 && fchmodat(from, "file", 04755, 0) == 0, "chown");
	const int before = count_fds();

	CHECK(copyup(from, to) == 0);
	CHECK(count_fds() == before);
	CHECK(fstatat(to, "file", &status, 0) == 0 && (status.st_mode & 07777) == 04755);
	if (geteuid() == 0)
		CHECK(status.st_uid == 7 && status.st_gid == 8);
	CHECK(fstatat(to, "dir", &status, 0) == 0 && (status.st_mode & 07777) == 01777);
	CHECK(fstatat(to, "dir/inner", &status, 0) == 0 && (status.st_mode & 07777) == 0444);
	CHECK(readlinkat(to, "link", text, sizeof(text)) == 11 && memcmp(text, "/etc/passwd", 11) == 0);
	CHECK(fstatat(to, "fifo", &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISFIFO(status.st_mode));
	const int copy = openat(to, "file", O_RDONLY | O_CLOEXEC);

	memset(text, 0, sizeof(text));
	CHECK(read(copy, text, sizeof(text)) == 7 && memcmp(text, "content", 7) == 0);
	close(copy);
	/* Not over what is there. */
	CHECK_FAILS(copyup(from, to), EEXIST);
	CHECK(count_fds() == before);
}

static void too_deep(void)
{
	const int from = folder("deep"), to = folder("shallow");
	int at = dup(from);

	for (int i = 0; i < 80; i++) {
		need(mkdirat(at, "d", 0755) == 0, "d");
		const int next = openat(at, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);

		close(at);
		at = next;
	}
	close(at);
	const int before = count_fds();

	CHECK_FAILS(copyup(from, to), ELOOP);
	CHECK(count_fds() == before);
}

int main(void)
{
	umask(0);
	every_kind();
	too_deep();
	return check_status();
}
