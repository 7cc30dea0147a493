/* The program itself: arguments, environment, where it stands, what execve(2) was told. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void strings(struct json *json, const char *key, char **list)
{
	json_key(json, key);
	json_begin(json, '[');
	for (; *list; list++)
		json_text(json, *list);
	json_end(json, ']');
}

static void link_target(struct json *json, const char *key, const char *path)
{
	char target[PATH_MAX];
	const ssize_t length = readlink(path, target, sizeof target - 1);

	json_key(json, key);
	if (length < 0) {
		json_errno(json);
		return;
	}
	target[length] = '\0';
	json_text(json, target);
}

static void directory(struct json *json)
{
	char path[PATH_MAX];

	json_key(json, "cwd");
	if (getcwd(path, sizeof path))
		json_text(json, path);
	else
		json_errno(json);
}

static mode_t mask(void)
{
	const mode_t found = umask(0);

	umask(found);
	return found;
}

void report_process(struct json *json, char **argv, char **env)
{
	int subreaper = -1;

	json_begin(json, '{');
	strings(json, "argv", argv);
	strings(json, "environment", env);
	json_key_text(json, "executed", (const char *)getauxval(AT_EXECFN));
	json_key_number(json, "secure", (long long)getauxval(AT_SECURE));
	link_target(json, "exe", "/proc/self/exe");
	directory(json);
	json_key(json, "umask");
	json_octal(json, mask());
	json_key_number(json, "pid", getpid());
	json_key_number(json, "parent", getppid());
	json_key_number(json, "group", getpgrp());
	json_key_number(json, "session", getsid(0));
	json_key(json, "personality");
	json_hex(json, (unsigned int)personality(0xffffffff));
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0);
	json_key_number(json, "subreaper", subreaper);
	json_key_result(json, "store bypass",
			prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0));
	json_key_result(json, "indirect branches",
			prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, 0, 0, 0));
	json_end(json, '}');
}
