/* What is open. Numbers are tried one by one: there may be no procfs to list them. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { TRIED = 4096 };

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "directory";
	case S_IFCHR: return "character device";
	case S_IFBLK: return "block device";
	case S_IFIFO: return "pipe";
	case S_IFLNK: return "link";
	case S_IFSOCK: return "socket";
	}
	return "other";
}

static void describe(struct json *json, int fd, int fd_flags)
{
	struct stat stat;
	char number[16];

	snprintf(number, sizeof number, "%d", fd);
	json_key(json, number);
	json_begin(json, '{');
	json_key_number(json, "close on exec", fd_flags & FD_CLOEXEC);
	json_key(json, "flags");
	json_octal(json, (unsigned int)fcntl(fd, F_GETFL));
	if (fstat(fd, &stat) == 0) {
		json_key_text(json, "kind", kind_of(stat.st_mode));
		json_key(json, "mode");
		json_octal(json, stat.st_mode & 07777);
		json_key_number(json, "uid", stat.st_uid);
		json_key_number(json, "gid", stat.st_gid);
		json_key_number(json, "major", major(stat.st_rdev));
		json_key_number(json, "minor", minor(stat.st_rdev));
	}
	json_end(json, '}');
}

void report_descriptors(struct json *json)
{
	json_begin(json, '{');
	for (int fd = 0; fd < TRIED; fd++) {
		const int flags = fcntl(fd, F_GETFD);

		if (flags >= 0)
			describe(json, fd, flags);
	}
	json_end(json, '}');
}
