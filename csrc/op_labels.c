/* Labels of the security modules, which the next execve(2) takes up. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "child.h"
#include "rootpath.h"
#include "sys.h"

/* The module wants it in one piece. */
static int put_whole(int fd, const char *text, size_t length)
{
	const ssize_t written = write(fd, text, length);

	if (written >= 0 && (size_t)written != length)
		errno = EIO;
	return written == (ssize_t)length ? 0 : -1;
}

/* With its own directory (Linux 5.8) AppArmor is found though another module owns attr/exec. */
int op_apparmor(const struct plan_op *op, struct child *child, const char **call)
{
	char text[PATH_MAX];
	const int length = snprintf(text, sizeof(text), "exec %s", plan_string(child->plan, op, 0));

	*call = "open(attr/exec)";
	if (length >= (int)sizeof(text)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	owned_fd fd = proc_open_attribute(child, "apparmor/exec");

	if (fd < 0 && errno == ENOENT)
		fd = proc_open_attribute(child, "exec");
	if (fd < 0)
		return -1;
	*call = "write(attr/exec)";
	return put_whole(fd, text, (size_t)length);
}

int op_process_label(const struct plan_op *op, struct child *child, const char **call)
{
	*call = "open(attr/exec)";
	owned_fd fd = proc_open_attribute(child, "exec");

	if (fd < 0)
		return -1;
	*call = "write(attr/exec)";
	return put_whole(fd, plan_string(child->plan, op, 0), plan_length(child->plan, op, 0));
}

/* Keys made from now on get the label; "" is the default again. */
int label_new_keys(struct child *child, const char *label)
{
	owned_fd fd = proc_open_attribute(child, "keycreate");

	return fd < 0 ? -1 : put_whole(fd, label, strlen(label));
}

/* What was mounted just now: a filesystem that does not take its label as an option. */
int op_file_label(const struct plan_op *op, struct child *child, const char **call)
{
	const char *label = plan_string(child->plan, op, 1);
	char path[64];

	*call = "openat2";
	owned_fd place = root_open(child->root_fd, plan_string(child->plan, op, 0), 0);

	if (place < 0)
		return -1;
	*call = "setxattr";
	if (proc_handle(child) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", place); /* not pivoted: the host's */
	return setxattr(path, "security.selinux", label, strlen(label) + 1, 0);
}
