/* sources: plan.c proc.c rootpath.c op_labels.c */
#define _GNU_SOURCE
#include "child.h"

#include <limits.h>
#include <sys/xattr.h>

#include "check.h"
#include "plans.h"
#include "sys.h"

/* proc.c says so of a /proc that is none. */
int child_say(struct child *child, const char *format, ...)
{
	(void)child;
	(void)format;
	return -1;
}

/* A procfs of files, which take what is written to them; a kernel has no more to it here. */
static struct child child;
static struct plan plan;
static struct draft draft;
static const char *call;

static void fresh(const char *profile)
{
	size_t size;
	const char *why;

	memset(&draft, 0, sizeof(draft));
	memset(&child, 0, sizeof(child));
	draft.slot_count = 2;
	draft_string(&draft, draft_op(&draft, OP_apparmor), 0, profile);
	draft_string(&draft, draft_op(&draft, OP_process_label), 0, "u:r:t:s0");
	struct plan_op *label = draft_op(&draft, OP_file_label);

	draft_string(&draft, label, 0, "/queue");
	draft_string(&draft, label, 1, "u:r:f:s0");
	const char *bytes = draft_bytes(&draft, &size);

	need(plan_decode(&plan, bytes, size, &why) == 0, "plan");
	child.plan = &plan;
	child.proc_fd = open("proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	need(child.proc_fd >= 0, "proc");
}

static void done(void)
{
	close(child.proc_fd);
	free((void *)(uintptr_t)plan.bytes);
}

static const char *content(const char *path)
{
	static char text[8192];
	owned_fd fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (got < 0)
		return NULL;
	text[got] = '\0';
	return text;
}

static void attributes(int with_apparmor)
{
	mkdir("proc", 0755);
	mkdir("proc/self", 0755);
	mkdir("proc/self/attr", 0755);
	put_file("proc/self/attr/exec", "", 0, 0666);
	put_file("proc/self/attr/keycreate", "", 0, 0666);
	if (with_apparmor) {
		mkdir("proc/self/attr/apparmor", 0755);
		put_file("proc/self/attr/apparmor/exec", "", 0, 0666);
	}
}

static void apparmor(void)
{
	attributes(0);
	fresh("default");
	CHECK(op_apparmor(&plan.ops[0], &child, &call) == 0);
	CHECK_TEXT(content("proc/self/attr/exec"), "exec default"); /* before Linux 5.8 */
	done();

	attributes(1);
	fresh("default");
	CHECK(op_apparmor(&plan.ops[0], &child, &call) == 0);
	CHECK_TEXT(content("proc/self/attr/apparmor/exec"), "exec default");
	CHECK_TEXT(content("proc/self/attr/exec"), ""); /* another module's */
	done();
}

static void too_long(void)
{
	char name[PATH_MAX + 1];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	fresh(name);
	CHECK_FAILS(op_apparmor(&plan.ops[0], &child, &call), ENAMETOOLONG);
	done();
}

static void selinux(void)
{
	attributes(0);
	fresh("x");
	CHECK(op_process_label(&plan.ops[1], &child, &call) == 0);
	CHECK_TEXT(content("proc/self/attr/exec"), "u:r:t:s0");
	CHECK(label_new_keys(&child, "u:r:k:s0") == 0);
	CHECK_TEXT(content("proc/self/attr/keycreate"), "u:r:k:s0");
	CHECK(label_new_keys(&child, "") == 0);
	done();
}

static void file_label(void)
{
	char seen[32] = "";

	mkdir("queue", 0755);
	fresh("x");
	child.root_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (op_file_label(&plan.ops[2], &child, &call) == 0) {
		CHECK(getxattr("queue", "security.selinux", seen, sizeof(seen)) == 9);
		CHECK_TEXT(seen, "u:r:f:s0");
	} else { /* not root, or a filesystem without such labels */
		CHECK(errno == EPERM || errno == EOPNOTSUPP);
		CHECK_TEXT(call, "setxattr");
	}
	need(rmdir("queue") == 0, "rmdir");
	CHECK_FAILS(op_file_label(&plan.ops[2], &child, &call), ENOENT);
	CHECK_TEXT(call, "openat2");
	close(child.root_fd);
	done();
}

static void absent(void)
{
	need(rename("proc/self/attr", "proc/self/none") == 0, "rename");
	fresh("x");
	CHECK_FAILS(op_apparmor(&plan.ops[0], &child, &call), ENOENT);
	CHECK_TEXT(call, "open(attr/exec)");
	CHECK_FAILS(op_process_label(&plan.ops[1], &child, &call), ENOENT);
	CHECK_FAILS(label_new_keys(&child, "x"), ENOENT);
	done();
}

int main(void)
{
	const int before = count_fds();

	apparmor();
	too_long();
	selinux();
	file_label();
	absent();
	CHECK(count_fds() == before);
	return check_status();
}
