/* sources: plan.c proc.c */
#define _GNU_SOURCE
#include "op_exec.c" /* its functions are static */

#include <stdarg.h>

#include "check.h"

/* What op_exec.c takes from init.c. */
int child_slot(const struct child *child, uint64_t slot)
{
	return child->base + (int)slot;
}

int child_say(struct child *child, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(child->detail, sizeof(child->detail), format, arguments);
	va_end(arguments);
	return -1;
}

static struct child child = { .proc_fd = -1 };

static int interpreter_of(const void *bytes, size_t size)
{
	put_file("program", bytes, size, 0755);
	strcpy(child.program, "./program");
	child.detail[0] = '\0';
	return check_interpreter(&child, "program");
}

static void scripts(void)
{
	char line[400];

	CHECK(interpreter_of("#!/bin/sh\n", 10) == 0);
	CHECK(interpreter_of("#! /bin/sh -e\n", 14) == 0);
	CHECK(interpreter_of("#!\n", 3) == 0);
	CHECK_FAILS(interpreter_of("#!/none/sh -e\n", 14), ENOENT);
	CHECK_TEXT(child.detail,
		   "exec: \"program\": the interpreter \"/none/sh\" named in its first line is missing");
	CHECK_FAILS(interpreter_of("#!/bin/sh/x\n", 12), ENOTDIR);
	memset(line, 'x', sizeof(line));
	memcpy(line, "#!/", 3);
	CHECK(interpreter_of(line, sizeof(line)) == 0); /* the kernel does not read that far */
	CHECK(interpreter_of("", 0) == 0);
}

static void elf(void)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr part;
		char name[16];
	} image = {
		.header = { .e_ident = { ELFMAG0, 'E', 'L', 'F', ELFCLASS64 },
			    .e_phoff = sizeof(Elf64_Ehdr), .e_phnum = 1,
			    .e_phentsize = sizeof(Elf64_Phdr) },
		.part = { .p_type = PT_INTERP, .p_offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
			  .p_filesz = 12 },
		.name = "/none/ld.so",
	};

	CHECK_FAILS(interpreter_of(&image, sizeof(image)), ENOENT);
	CHECK_TEXT(child.detail,
		   "exec: \"program\": the interpreter \"/none/ld.so\" named in its ELF header is missing");
	strcpy(image.name, "/");
	image.part.p_filesz = 2;
	CHECK(interpreter_of(&image, sizeof(image)) == 0);
	/* Damage of every kind: no interpreter is found, nothing outside is read. */
	image.part.p_filesz = UINT64_MAX;
	CHECK(interpreter_of(&image, sizeof(image)) == 0);
	image.part.p_filesz = 12, image.part.p_offset = UINT64_MAX - 4;
	CHECK(interpreter_of(&image, sizeof(image)) == 0);
	image.header.e_phoff = UINT64_MAX - 8;
	CHECK(interpreter_of(&image, sizeof(image)) == 0);
	image.header.e_phoff = sizeof(Elf64_Ehdr), image.header.e_phnum = 0xffff;
	image.header.e_phentsize = 0xffff, image.part.p_type = PT_NULL;
	CHECK(interpreter_of(&image, sizeof(image)) == 0);
	CHECK(interpreter_of(&image, sizeof(image.header)) == 0);
	CHECK(interpreter_of(&image, 5) == 0);
}

static void search_path(void)
{
	need(mkdir("bin", 0755) == 0 && mkdir("none", 0755) == 0 && mkdir("none/tool", 0755) == 0, "mkdir");
	char here[PATH_MAX], path[3 * PATH_MAX];

	need(getcwd(here, sizeof(here)) != NULL, "getcwd");
	put_file("bin/tool", "#!/bin/sh\n", 10, 0755);
	put_file("tool", "#!/bin/sh\n", 10, 0755);
	put_file("bin/plain", "x", 1, 0644);
	snprintf(path, sizeof(path), "%s/none:%s/bin", here, here);
	CHECK(search(&child, "tool", path) == 0);
	CHECK(strcmp(child.program + strlen(here), "/bin/tool") == 0);
	CHECK_FAILS(search(&child, "absent", path), ENOENT);
	CHECK_FAILS(search(&child, "tool", "::.:bin"), ENOENT); /* never the working directory */
	CHECK_FAILS(search(&child, "tool", NULL), ENOENT);
	if (geteuid() != 0)
		CHECK_FAILS(search(&child, "plain", path), EACCES);
}

static const char *home_in(const char *passwd, size_t size, unsigned long uid)
{
	static char out[1024];
	struct lines lines = { .fd = open("passwd", O_RDONLY | O_CLOEXEC) };
	char line[1024];

	if (size) {
		put_file("passwd", passwd, size, 0644);
		lines.fd = open("passwd", O_RDONLY | O_CLOEXEC);
	}
	strcpy(out, "/");
	while (next_line(&lines, line, sizeof(line))) {
		const char *home = home_of(line, uid);

		if (home) {
			strcpy(out, home);
			break;
		}
	}
	close(lines.fd);
	return out;
}

#define HOME_IN(text, uid) home_in((text), sizeof(text) - 1, (uid))

static void passwd(void)
{
	CHECK_TEXT(HOME_IN("root:x:0:0::/root:/bin/sh\n", 0), "/root");
	CHECK_TEXT(HOME_IN("a:x:1:1:g:/a:\nb:x:2:2:g:/b:/bin/sh", 1), "/a");
	CHECK_TEXT(HOME_IN("a:x:11:1:g:/a:s\nb:x:1:2:g:/b:s\n", 1), "/b");
	CHECK_TEXT(HOME_IN("a:x:1x:1:g:/a:s\n", 1), "/");
	CHECK_TEXT(HOME_IN("a:x:-1:1:g:/a:s\n", 1), "/");
	CHECK_TEXT(HOME_IN("a:x:1:1:g:relative:s\n", 1), "/");
	CHECK_TEXT(HOME_IN(":::::::\n\n:\na:x\n", 1), "/");
	CHECK_TEXT(HOME_IN("a\0:x:1:1:g:/a:s\nb:x:1:2:g:/b:s\n", 1), "/b");
	/* A sparse file of a gigabyte: read no further than we said. */
	const int fd = open("passwd", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	need(fd >= 0 && ftruncate(fd, 1 << 30) == 0, "sparse");
	close(fd);
	struct lines lines = { .fd = open("passwd", O_RDONLY | O_CLOEXEC) };
	char line[1024];

	CHECK(!next_line(&lines, line, sizeof(line)));
	CHECK(lines.total <= PASSWD_AT_MOST + sizeof(lines.buffer));
	close(lines.fd);
}

static void closing(void)
{
	const int low = fcntl(0, F_DUPFD, 20), kept = fcntl(0, F_DUPFD, 30), high = fcntl(0, F_DUPFD, 40);

	close_from(10, kept);
	CHECK(fcntl(low, F_GETFD) < 0 && fcntl(high, F_GETFD) < 0 && fcntl(kept, F_GETFD) >= 0);
	close_from(10, -1);
	CHECK(fcntl(kept, F_GETFD) < 0);
}

static void closing_without_close_range(void)
{
	forbid(SYS_close_range, ENOSYS);
	closing();
}

int main(void)
{
	scripts();
	elf();
	search_path();
	passwd();
	check_apart(closing);
	check_apart(closing_without_close_range);
	return check_status();
}
