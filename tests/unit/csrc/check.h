/* What the programs here share: checks that say what failed, a folder to work in. */
#ifndef PYRUNC_CHECK_H
#define PYRUNC_CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int check_failures;

#define CHECK(condition)                                                                      \
	do {                                                                                  \
		if (!(condition)) {                                                           \
			check_failures++;                                                     \
			fprintf(stderr, "%s:%d: not true: %s (errno %d)\n", __FILE__, __LINE__, \
				#condition, errno);                                           \
		}                                                                             \
	} while (0)

/* The call gives -1 and this errno. */
#define CHECK_FAILS(call, expected)                                                           \
	do {                                                                                  \
		errno = 0;                                                                    \
		const long check_got = (long)(call);                                          \
		if (check_got != -1 || errno != (expected)) {                                 \
			check_failures++;                                                     \
			fprintf(stderr, "%s:%d: %s gave %ld, errno %d, not %s\n", __FILE__,   \
				__LINE__, #call, check_got, errno, #expected);                \
		}                                                                             \
	} while (0)

#define CHECK_TEXT(got, expected)                                                             \
	do {                                                                                  \
		const char *check_text = (got);                                               \
		if (!check_text || strcmp(check_text, (expected)) != 0) {                     \
			check_failures++;                                                     \
			fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, \
				#got, check_text ? check_text : "(null)", (expected));        \
		}                                                                             \
	} while (0)

static inline int check_status(void)
{
	return check_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What a test cannot do without. */
static inline void need(int done, const char *what)
{
	if (!done) {
		perror(what);
		exit(EXIT_FAILURE);
	}
}

static inline void put_file(const char *path, const void *bytes, size_t size, unsigned int mode)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	need(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && fchmod(fd, mode) == 0, path);
	close(fd);
}

/* How many descriptors are open: the same before and after, or something leaks. */
static inline int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* From here on the call says `err`, in this process and its children: an old kernel. */
static inline void forbid(long number, int err)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	     prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp filter");
}

/* Run a part of the test in a child of its own; its failures count here. */
static inline void check_apart(void (*part)(void))
{
	int status = 0;

	fflush(NULL);
	const pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid == 0) {
		check_failures = 0;
		part();
		fflush(NULL);
		_exit(check_failures ? 1 : 0);
	}
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#endif
