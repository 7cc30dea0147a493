/*
 * The installed executable: what engines and people call `pyrunc`.
 *
 *   pyrunc init ...   the in-container role (init.c)
 *   pyrunc state ID   and the like are answered here if they are plain (fast.c)
 *   pyrunc anything   exec of  python3.X -I -S -B -X utf8 -X pyrunc=SELF MAIN anything...
 *
 * Which Python and which MAIN is decided by where this file lies, never by the environment
 * or the working directory: a runtime that root calls must not be steered by PATH or
 * PYTHONPATH. The code lies in the prefix that this file's real path names:
 *
 *   PREFIX/bin/pyrunc
 *   PREFIX/lib/python3.X/site-packages/runtime/__main__.py   virtual environment, pip --user
 *   PREFIX/lib/python3.X/dist-packages/...                   Debian's pip, outside of one
 *   PREFIX/lib64/python3.X/site-packages/...                 Fedora and its kin
 *   PREFIX/lib/python3/dist-packages/...                     a Debian package
 *
 * and runs on the interpreter of the same X: beside this file, else where the virtual
 * environment says it came from, else the system's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fast.h"
#include "init.h"

/* The wheel asks for 3.11 (pyproject.toml); the upper end only bounds the search. The Python
 * that the build was made with comes first: nearly always it is the one, and found at once. */
enum { MINOR_OLDEST = 11, MINOR_NEWEST = 30 };
#ifndef PYTHON_MINOR
#define PYTHON_MINOR MINOR_NEWEST
#endif

struct python {
	char interpreter[PATH_MAX];
	char main[PATH_MAX];
};

/* Write `parts` (NULL-terminated) to standard error as one line: one writev, so that lines of
 * several runtimes in one log do not mix. */
static void complain(const char *const *parts)
{
	struct iovec line[12] = { { .iov_base = "pyrunc: ", .iov_len = 8 } };
	int count = 1;

	while (*parts && count < 11) {
		line[count].iov_base = (void *)*parts;
		line[count++].iov_len = strlen(*parts++);
	}
	line[count++] = (struct iovec){ .iov_base = "\n", .iov_len = 1 };
	/* Nobody is left to hear that standard error does not work. */
	if (writev(STDERR_FILENO, line, count) < 0)
		return;
}

#define COMPLAIN(...) complain((const char *const[]){ __VA_ARGS__, NULL })

/* Put the strings up to NULL one after the other into `out`; false if they do not fit. */
static bool join(char out[static PATH_MAX], ...)
{
	size_t used = 0;
	bool fits = true;
	va_list parts;

	va_start(parts, out);
	for (const char *part; fits && (part = va_arg(parts, const char *));) {
		const size_t length = strlen(part);

		fits = length < PATH_MAX - used;
		if (fits) {
			memcpy(out + used, part, length);
			used += length;
		}
	}
	va_end(parts);
	out[used] = '\0';
	return fits;
}

/* Cut the last component off an absolute path; "/x" becomes "". */
static void cut(char *path)
{
	char *const slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* The descriptors 0, 1 and 2 exist from here on. Else the first file that is opened becomes
 * standard output, and what is printed lands in it. */
static int open_stdio(void)
{
	struct pollfd streams[3] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };

	if (poll(streams, 3, 0) < 0)
		return -1;
	for (int fd = 0; fd < 3; fd++)
		if (streams[fd].revents & POLLNVAL && open("/dev/null", O_RDWR) != fd)
			return -1;
	return 0;
}

/* The real path of this executable, all symbolic links resolved. */
static int find_self(char self[static PATH_MAX])
{
	static const char deleted[] = " (deleted)";
	const ssize_t length = readlink("/proc/self/exe", self, PATH_MAX - 1);
	const char *started_as;

	if (length > 0 && self[0] == '/') {
		const size_t end = (size_t)length;
		const size_t tail = sizeof(deleted) - 1;

		self[end] = '\0';
		/* An upgrade replaced us between execve and here: the new file will do. */
		if (end > tail && !strcmp(self + end - tail, deleted) && access(self, F_OK))
			self[end - tail] = '\0';
		return 0;
	}
	/* No /proc here. The kernel remembers the path that was executed. */
	started_as = (const char *)getauxval(AT_EXECFN);
	return started_as && realpath(started_as, self) ? 0 : -1;
}

/* The `home` of a virtual environment's pyvenv.cfg: the directory its interpreter is from. */
static bool read_home(const char *prefix, char home[static PATH_MAX])
{
	char path[PATH_MAX];
	char line[PATH_MAX];
	FILE *config;
	bool found = false;

	if (!join(path, prefix, "/pyvenv.cfg", NULL))
		return false;
	config = fopen(path, "re");
	if (!config)
		return false;
	while (!found && fgets(line, sizeof(line), config)) {
		char *value = line + strspn(line, " \t");

		if (strncmp(value, "home", 4))
			continue;
		value += 4 + strspn(value + 4, " \t");
		if (*value != '=')
			continue;
		value += 1 + strspn(value + 1, " \t");
		value[strcspn(value, "\r\n")] = '\0';
		/* A relative home would be looked up from the working directory. */
		found = value[0] == '/' && join(home, value, NULL);
	}
	fclose(config);
	return found;
}

static bool is_program(char out[static PATH_MAX], const char *folder, const char *name)
{
	return join(out, folder, "/", name, NULL) && !access(out, X_OK);
}

/* Find the interpreter called `name` for code that lies in `prefix`. */
static bool find_interpreter(struct python *python, const char *bin, const char *prefix,
			     const char *name)
{
	char home[PATH_MAX];

	return is_program(python->interpreter, bin, name) ||
	       (read_home(prefix, home) && is_program(python->interpreter, home, name)) ||
	       is_program(python->interpreter, "/usr/bin", name) ||
	       is_program(python->interpreter, "/usr/local/bin", name);
}

static bool is_code(struct python *python, const char *prefix, const char *lib, const char *name,
		    const char *packages)
{
	return join(python->main, prefix, lib, name, packages, "/runtime/__main__.py", NULL) &&
	       !access(python->main, R_OK);
}

/* Find the code of Python 3.`minor` and its interpreter. Code without an interpreter leaves its
 * place in `orphan`. */
static bool find_minor(struct python *python, const char *bin, const char *prefix, int minor,
		       char orphan[static PATH_MAX])
{
	const char name[] = { 'p', 'y', 't', 'h', 'o', 'n', '3', '.', (char)('0' + minor / 10),
			      (char)('0' + minor % 10), '\0' };

	if (!is_code(python, prefix, "/lib/", name, "/site-packages") &&
	    !is_code(python, prefix, "/lib/", name, "/dist-packages") &&
	    !is_code(python, prefix, "/lib64/", name, "/site-packages"))
		return false;
	if (find_interpreter(python, bin, prefix, name))
		return true;
	join(orphan, python->main, NULL);
	return false;
}

/* Find code and interpreter; complains when there is no such pair. */
static int find_python(const char *self, struct python *python)
{
	char bin[PATH_MAX];
	char prefix[PATH_MAX];
	char orphan[PATH_MAX] = "";

	join(bin, self, NULL);
	cut(bin);
	join(prefix, bin, NULL);
	cut(prefix);
	if (find_minor(python, bin, prefix, PYTHON_MINOR, orphan))
		return 0;
	for (int minor = MINOR_NEWEST; minor >= MINOR_OLDEST; minor--)
		if (find_minor(python, bin, prefix, minor, orphan))
			return 0;
	if (is_code(python, prefix, "/lib/", "python3", "/dist-packages")) {
		if (find_interpreter(python, bin, prefix, "python3"))
			return 0;
		join(orphan, python->main, NULL);
	}
	if (orphan[0])
		COMPLAIN("no Python interpreter for ", orphan, ": looked beside ", self,
			 ", in /usr/bin and /usr/local/bin; install pyrunc again with the Python "
			 "that is there now");
	else
		COMPLAIN("the Python code of ", self, " is not installed: looked for ", prefix,
			 "/lib/python3.*/{site,dist}-packages/runtime; link to the installed "
			 "executable instead of copying it");
	return -1;
}

/* Drop what speaks to Python from the environment. -I ignores nearly all of it; but a
 * pyvenv.cfg beside the file that PYTHONEXECUTABLE names would still say, in isolated mode
 * too, where the standard library lies (CPython's getpath.py). */
static void forget_python_variables(void)
{
	char **kept = environ;

	for (char **variable = environ; variable && *variable; variable++)
		if (strncmp(*variable, "PYTHON", 6) && strncmp(*variable, "__PYVENV", 8))
			*kept++ = *variable;
	if (kept)
		*kept = NULL;
}

/* Become the interpreter; returns only on failure. */
static void run_python(const struct python *python, const char *self, int words_fd, int argc,
		       char **argv)
{
	static const char option_name[] = "pyrunc=";
	char own_path[sizeof(option_name) + PATH_MAX];
	char words[32];
	/* The full path as argv[0]: Python would search a bare name in PATH, and take its
	 * standard library from beside what it finds there. */
	const char *const fixed[] = {
		python->interpreter, "-I", "-S", "-B", "-X", "utf8", "-X", own_path,
	};
	size_t count = sizeof(fixed) / sizeof(fixed[0]);
	/* On the stack: the kernel allows arguments, pointers included, a quarter of it. */
	const char *all[count + 4 + (size_t)argc];

	stpcpy(stpcpy(own_path, option_name), self);
	memcpy(all, fixed, sizeof(fixed));
	if (words_fd >= 0) { /* see fast.h */
		snprintf(words, sizeof(words), "pyrunc_words=%d", words_fd);
		all[count++] = "-X";
		all[count++] = words;
	}
	all[count++] = python->main;
	for (int i = 1; i < argc; i++)
		all[count++] = argv[i];
	all[count] = NULL;
	forget_python_variables();
	execve(python->interpreter, (char *const *)all, environ);
	COMPLAIN("execute ", python->interpreter, ": ", strerror(errno));
}

/*
 * PYRUNC_FAST=no sends each command to Python, so that a test can hold the two against one
 * another; with PYRUNC_FAST=only it can see that Python was not asked.
 */
static int try_fast(int argc, char **argv, int *words_fd)
{
	const char *wish = getenv("PYRUNC_FAST");

	*words_fd = -1;
	if (wish && strcmp(wish, "no") == 0)
		return FAST_NOT;
	const int status = fast_command(argc, argv, words_fd);

	if (status == FAST_NOT && wish && strcmp(wish, "only") == 0) {
		COMPLAIN("PYRUNC_FAST=only: this command needs Python");
		return EXIT_FAILURE;
	}
	return status;
}

int main(int argc, char **argv)
{
	char self[PATH_MAX];
	struct python python;
	int words_fd = -1;

	/* Everything below trusts its caller's arguments and environment. */
	if (getauxval(AT_SECURE)) {
		COMPLAIN("refusing to run with more rights than the caller has: remove the "
			 "set-user-ID bit, the set-group-ID bit and file capabilities");
		return EXIT_FAILURE;
	}
	if (argc > 1 && !strcmp(argv[1], "init"))
		return init_main(argc, argv);
	if (open_stdio() < 0) {
		COMPLAIN("open /dev/null for a closed standard stream: ", strerror(errno));
		return EXIT_FAILURE;
	}
	const int status = try_fast(argc, argv, &words_fd);

	if (status != FAST_NOT)
		return status;
	if (find_self(self) < 0) {
		COMPLAIN("cannot tell where this executable lies: mount /proc");
		return EXIT_FAILURE;
	}
	if (find_python(self, &python) == 0)
		run_python(&python, self, words_fd, argc, argv);
	return EXIT_FAILURE;
}
