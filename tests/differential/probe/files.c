/* Files: the device nodes, and what may be done with the paths that runtimes treat specially. */
#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char *const looked_at[] = {
	"/", "/bin", "/data", "/data/inner", "/data/inner/file", "/dev", "/dev/console",
	"/dev/fd", "/dev/full", "/dev/mqueue", "/dev/null", "/dev/ptmx", "/dev/pts",
	"/dev/pts/ptmx", "/dev/shm", "/dev/tty", "/etc", "/etc/hosts", "/etc/passwd",
	"/etc/resolv.conf", "/made", "/made/deep", "/masked", "/masked/file", "/mnt", "/proc",
	"/proc/1/environ", "/proc/acpi", "/proc/asound", "/proc/bus", "/proc/fs",
	"/proc/interrupts", "/proc/irq", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/self", "/proc/self/attr/exec",
	"/proc/self/oom_score_adj", "/proc/self/uid_map", "/proc/sys", "/proc/sys/kernel",
	"/proc/sys/kernel/shmmax", "/proc/sys/net", "/proc/sys/net/ipv4/ip_forward",
	"/proc/sysrq-trigger", "/proc/timer_list", "/proc/timer_stats", "/readonly",
	"/readonly/file", "/root", "/run", "/run/.containerenv", "/sys", "/sys/class/net",
	"/sys/dev/block", "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/cgroup",
	"/sys/kernel", "/tmp", "/volume", "/volume/file",
};

static void kind_and_owner(struct json *json, const struct stat *stat)
{
	static const char letters[] = "?pc?d?b?-?l?s???";
	const char letter[] = { letters[(stat->st_mode & S_IFMT) >> 12], '\0' };

	json_key_text(json, "kind", letter);
	json_key(json, "mode");
	json_octal(json, stat->st_mode & 07777);
	json_key_number(json, "uid", stat->st_uid);
	json_key_number(json, "gid", stat->st_gid);
	if (S_ISCHR(stat->st_mode) || S_ISBLK(stat->st_mode)) {
		json_key_number(json, "major", major(stat->st_rdev));
		json_key_number(json, "minor", minor(stat->st_rdev));
	}
}

static void link_text(struct json *json, const char *path)
{
	char target[PATH_MAX];
	const ssize_t length = readlink(path, target, sizeof target - 1);

	if (length < 0)
		return;
	target[length] = '\0';
	json_key_text(json, "to", target);
}

static const char *fullness(const char *path, mode_t mode)
{
	char byte;
	ssize_t got = -1;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return 0;
	if (S_ISDIR(mode)) {
		DIR *const directory = fdopendir(fd);

		if (!directory)
			return 0;
		got = 0;
		for (const struct dirent *entry; (entry = readdir(directory));)
			got += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
		closedir(directory);
	} else {
		got = read(fd, &byte, 1);
		close(fd);
	}
	return got < 0 ? 0 : got == 0 ? "empty" : "something";
}

static void content(struct json *json, const char *path, const struct stat *stat)
{
	/* Reading from a terminal, or what stands for one, would wait for somebody to type. */
	const int null = S_ISCHR(stat->st_mode) && stat->st_rdev == makedev(1, 3);

	if (!S_ISREG(stat->st_mode) && !S_ISDIR(stat->st_mode) && !null)
		return;
	const char *const found = fullness(path, stat->st_mode);

	json_key(json, "content");
	if (found)
		json_text(json, found);
	else
		json_errno(json);
}

static void permission(struct json *json, const char *key, const char *path, int mode)
{
	json_key_result(json, key, faccessat(AT_FDCWD, path, mode, AT_EACCESS));
}

static void look_at(struct json *json, const char *path)
{
	struct stat stat;

	json_key(json, path);
	if (lstat(path, &stat) < 0) {
		json_errno(json);
		return;
	}
	json_begin(json, '{');
	kind_and_owner(json, &stat);
	link_text(json, path);
	content(json, path, &stat);
	permission(json, "write", path, W_OK);
	permission(json, "execute", path, X_OK);
	json_end(json, '}');
}

void report_paths(struct json *json)
{
	json_begin(json, '{');
	for (size_t i = 0; i < sizeof looked_at / sizeof looked_at[0]; i++)
		look_at(json, looked_at[i]);
	json_end(json, '}');
}

void report_devices(struct json *json)
{
	DIR *const directory = opendir("/dev");

	if (!directory) {
		json_errno(json);
		return;
	}
	json_begin(json, '{');
	for (const struct dirent *entry; (entry = readdir(directory));) {
		char path[PATH_MAX];
		struct stat stat;

		snprintf(path, sizeof path, "/dev/%s", entry->d_name);
		if (strcmp(entry->d_name, "..") == 0 || lstat(path, &stat) < 0)
			continue;
		json_key(json, entry->d_name);
		json_begin(json, '{');
		kind_and_owner(json, &stat);
		link_text(json, path);
		json_end(json, '}');
	}
	json_end(json, '}');
	closedir(directory);
}
