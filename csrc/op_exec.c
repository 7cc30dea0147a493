/* The end: find the program, wait for start, become it. */
#define _GNU_SOURCE
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "child.h"
#include "rootpath.h"
#include "sys.h"

#define EXEC_DEFAULT_HOME 1u
#define EXEC_FROM_SLOT 2u
#define EXECUTABLE_NO_PATH 1u
#define PASSWD_AT_MOST (1 << 20) /* bytes; the file belongs to the image */
#define HEAD 4096
#define SHEBANG 256 /* BINPRM_BUF_SIZE, Linux 5.1 */

/* What execve(2) would say: 0, or -1 with errno. Directories are EISDIR, told apart on purpose. */
static int may_execute(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return -1;
	if (S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (!S_ISREG(status.st_mode)) {
		errno = EACCES;
		return -1;
	}
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

/* Where the ELF program header names the interpreter, NULL when it names none. */
static const char *elf_interpreter(const char *head, size_t size)
{
	const bool wide = head[EI_CLASS] == ELFCLASS64;
	uint64_t at, count, stride;

	if (wide) {
		Elf64_Ehdr header;

		memcpy(&header, head, sizeof(header));
		at = header.e_phoff, count = header.e_phnum, stride = header.e_phentsize;
	} else {
		Elf32_Ehdr header;

		memcpy(&header, head, sizeof(header));
		at = header.e_phoff, count = header.e_phnum, stride = header.e_phentsize;
	}
	for (uint64_t i = 0; i < count && i < 64; i++, at += stride) {
		uint64_t offset, length, type;

		if (at > size || size - at < (wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
			return NULL;
		if (wide) {
			Elf64_Phdr part;

			memcpy(&part, head + at, sizeof(part));
			type = part.p_type, offset = part.p_offset, length = part.p_filesz;
		} else {
			Elf32_Phdr part;

			memcpy(&part, head + at, sizeof(part));
			type = part.p_type, offset = part.p_offset, length = part.p_filesz;
		}
		if (type != PT_INTERP)
			continue;
		if (length < 2 || offset > size || length > size - offset || head[offset + length - 1])
			return NULL;
		return head + offset;
	}
	return NULL;
}

/* execve(2) says ENOENT of a program that is there when its interpreter is not: name that. */
static int check_interpreter(struct child *child, const char *name)
{
	char head[HEAD + 1];
	owned_fd fd = open(child->program, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	const ssize_t size = fd < 0 ? -1 : read(fd, head, HEAD);
	const char *interpreter = NULL;
	const char *place = "its ELF header";

	if (size < 4) /* not readable, or too short to tell: execve will */
		return 0;
	head[size] = '\0';
	if (head[0] == '#' && head[1] == '!') {
		char *start = head + 2 + strspn(head + 2, " \t");

		if (!memchr(head, '\n', size < SHEBANG ? (size_t)size : SHEBANG))
			return 0; /* longer than the kernel reads: its business */
		start[strcspn(start, " \t\n")] = '\0';
		interpreter = start;
		place = "its first line";
	} else if (memcmp(head, ELFMAG, SELFMAG) == 0 && (size_t)size >= sizeof(Elf64_Ehdr)) {
		interpreter = elf_interpreter(head, (size_t)size);
	}
	if (!interpreter || !*interpreter || access(interpreter, F_OK) == 0)
		return 0;
	if (errno != ENOENT && errno != ENOTDIR)
		return 0;
	const int keep = errno;

	child_say(child, "exec: \"%s\": the interpreter \"%s\" named in %s is missing", name,
		  interpreter, place);
	errno = keep;
	return -1;
}

static int search(struct child *child, const char *name, const char *path)
{
	int denied = 0;

	while (path && *path) {
		const size_t length = strcspn(path, ":");

		/* Empty and relative elements mean the working directory: never taken. */
		if (path[0] == '/' && snprintf(child->program, sizeof(child->program), "%.*s/%s",
					       (int)length, path, name) < (int)sizeof(child->program)) {
			if (may_execute(child->program) == 0)
				return 0;
			denied = denied || errno == EACCES;
		}
		path += length + (path[length] == ':');
	}
	errno = denied ? EACCES : ENOENT;
	return -1;
}

int op_executable(const struct plan_op *op, struct child *child, const char **call)
{
	const char *name = plan_string(child->plan, op, 0);
	const char *path = op->flags & EXECUTABLE_NO_PATH ? NULL : plan_string(child->plan, op, 1);

	*call = "stat";
	if (strchr(name, '/')) {
		if (strlen(name) >= sizeof(child->program)) {
			errno = ENAMETOOLONG;
			return child_say(child, "exec: \"%.100s...\"", name);
		}
		strcpy(child->program, name);
		if (may_execute(child->program) < 0) {
			if (errno == ENOENT || errno == ENOTDIR)
				return child_say(child, "exec: \"%s\": stat %s", name, name);
			if (errno == EISDIR) {
				errno = EACCES; /* engines turn "permission denied" into 126 */
				return child_say(child, "exec: \"%s\": is a directory", name);
			}
			return child_say(child, "exec: \"%s\"", name);
		}
	} else if (search(child, name, path) < 0) {
		if (errno == EACCES)
			return child_say(child, "exec: \"%s\"", name);
		return child_say(child, "exec: \"%s\": executable file not found in $PATH", name);
	}
	return check_interpreter(child, name);
}

/* Blocks until `start` opens the other end: that is what "created" means. */
int op_fifo(const struct plan_op *op, struct child *child, const char **call)
{
	const int slot = child_slot(child, op->number[0]);

	*call = "open(exec.fifo)";
	const int fd = slot < 0 ? -1 : proc_open_fd(child, slot, O_WRONLY);

	if (fd < 0)
		return -1;
	*call = "write(exec.fifo)";
	if (write(fd, "0", 1) != 1)
		return -1;
	child->report_fd = fd;
	return 0;
}

/* Lines of a file that belongs to the image: every byte counts, whatever it is. */
struct lines {
	int fd;
	size_t total, at, filled;
	char buffer[4096];
};

/* The next line without its newline; one that does not fit, or has a NUL, comes back empty.
 * False at the end of the file, or of our patience. */
static bool next_line(struct lines *lines, char *line, size_t size)
{
	size_t length = 0;
	bool fits = true;

	for (;;) {
		if (lines->at == lines->filled) {
			const ssize_t got = read(lines->fd, lines->buffer, sizeof(lines->buffer));

			if (got <= 0 || lines->total > PASSWD_AT_MOST)
				return false;
			lines->total += (size_t)got;
			lines->filled = (size_t)got;
			lines->at = 0;
		}
		const char byte = lines->buffer[lines->at++];

		if (byte == '\n')
			break;
		fits = fits && byte != '\0' && length + 1 < size;
		if (fits)
			line[length++] = byte;
	}
	line[fits ? length : 0] = '\0';
	return true;
}

/* The home in a line of passwd, if the line is of `uid`; else NULL. */
static char *home_of(char *line, unsigned long uid)
{
	char *field = line, *end;

	for (int i = 0; i < 2 && field; i++) {
		field = strchr(field, ':');
		field = field ? field + 1 : NULL;
	}
	if (!field || field[0] < '0' || field[0] > '9' || strtoul(field, &end, 10) != uid ||
	    *end != ':')
		return NULL;
	for (int i = 0; i < 3 && field; i++) {
		field = strchr(field, ':');
		field = field ? field + 1 : NULL;
	}
	if (!field || field[0] != '/')
		return NULL;
	field[strcspn(field, ":")] = '\0';
	return field;
}

/* HOME of the first line of the container's passwd with this uid, or "/". */
static void default_home(unsigned long uid, char *out, size_t size)
{
	char line[1024];
	struct stat status;
	owned_fd fd = open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct lines lines = { .fd = fd };

	snprintf(out, size, "HOME=/");
	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return;
	while (next_line(&lines, line, sizeof(line))) {
		const char *home = home_of(line, uid);

		if (home) {
			snprintf(out, size, "HOME=%s", home);
			return;
		}
	}
}

static void close_between(int first, unsigned int last)
{
	if (sys_close_range((unsigned int)first, last, 0) == 0)
		return;
	for (int fd = first; fd < 65536 && (unsigned int)fd <= last; fd++) /* before Linux 5.9 */
		close(fd);
}

/* Really closed, not marked: execve may resolve /proc/self/fd/N before it closes the marked
 * ones (CVE-2024-21626). The fifo or socket, no directory, stays to carry a failure. */
static void close_from(int first, int but)
{
	if (but > first)
		close_between(first, (unsigned int)but - 1);
	close_between(but >= first ? but + 1 : first, ~0u);
}

/* The descriptor of a program that the container has not, moved to where the others are kept
 * from: `first`, or behind the one that carries a failure. Sealed memory, no way to the host. */
static int keep_tool(const struct plan_op *op, const struct child *child, int first)
{
	const int slot = child_slot(child, op->number[2]);

	if (slot < 0)
		return -1;
	return dup3(slot, first + (child->report_fd == first), O_CLOEXEC);
}

int op_exec(const struct plan_op *op, struct child *child, const char **call)
{
	const int first = 3 + (int)op->number[0];
	int tool = -1;
	static char home[1024];
	sigset_t none;
	const bool wants_home = op->flags & EXEC_DEFAULT_HOME;

	if (wants_home)
		default_home((unsigned long)op->number[1], home, sizeof(home));
	*call = "calloc";
	char **argv = plan_pointers(child->plan, op, 0, NULL);
	char **envp = plan_pointers(child->plan, op, 1, wants_home ? home : NULL);

	if (!argv || !envp)
		return -1;
	if (op->flags & EXEC_FROM_SLOT) {
		*call = "dup3";
		tool = keep_tool(op, child, first);
		if (tool < 0)
			return -1;
	}
	close_from(tool < 0 ? first : tool + 1, child->report_fd);
	child->proc_fd = child->root_fd = child->mask_fd = -1;
	/* Tells the end by execve from a death in a hook. Nobody there to be told is no error;
	 * without hooks there is no time to die in, and the filter need not allow a write. */
	if (child->hooks_after_start && write(child->report_fd, "1", 1) < 0)
		errno = 0;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	*call = tool < 0 ? "execve" : "execveat";
	if (tool < 0)
		execve(child->program, argv, envp);
	else
		syscall(SYS_execveat, tool, "", argv, envp, AT_EMPTY_PATH);
	return child_say(child, "exec: \"%s\"", argv[0]);
}
