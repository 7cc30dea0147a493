/*
 * A seccomp profile, already read and checked, becomes a program for seccomp(2).
 *
 * The whole profile comes in one call as flat tables: rule r owns the next
 * rules[r].name_count strings of `names` (each NUL-terminated), counted from where rule r - 1
 * ended. Rules have no conditions: see runtime/plan/seccomp_conditions.py.
 */
#ifndef PYRUNC_NATIVE_SECCOMP_H
#define PYRUNC_NATIVE_SECCOMP_H

/* libseccomp's header has the same name. Where this folder is on the include path, an
 * #include <seccomp.h> arrives here first, and goes on from here. */
#ifndef SCMP_VER_MAJOR
#include_next <seccomp.h>
#endif

#include <stddef.h>
#include <stdint.h>

struct filter_rule {
	uint32_t ret;           /* SECCOMP_RET_*, errno included */
	uint32_t name_count;
};

struct filter_request {
	uint32_t default_ret;
	uint32_t wants_enosys;  /* system calls newer than the profile answer ENOSYS */
	uint32_t optimize;      /* a binary tree over the system call numbers */
	uint32_t arch_count;
	uint32_t rule_count;
	size_t names_size;
	const uint32_t *arches; /* SCMP_ARCH_*; the native one is always added */
	const struct filter_rule *rules;
	const char *names;
};

/* Where the compilation stopped, and what `index` and `name` then count. */
enum filter_step {
	FILTER_INIT,            /* the default action */
	FILTER_ARCH,            /* index: into arches */
	FILTER_OPTIMIZE,
	FILTER_TABLE,           /* index: of the rule whose names or args run past the tables */
	FILTER_RULE,            /* index: into rules; name: within the rule */
	FILTER_EXPORT,
	FILTER_SIZE,            /* index: instructions that the program would have */
};

struct filter_failure {
	uint32_t step;
	uint32_t index;
	uint32_t name;
};

/*
 * Write the program, an array of struct sock_filter, to `program`.
 *
 * unknown[n] becomes 1 where this libseccomp does not know the n-th of all names, else 0.
 * Returns the size in bytes, or a negative errno with `failure` filled in.
 */
int filter_compile(const struct filter_request *request, uint8_t *program,
		   size_t program_size, uint8_t *unknown, size_t unknown_size,
		   struct filter_failure *failure);

/* SCMP_ARCH_* of this machine. */
uint32_t filter_native(void);

/* The number of a system call on an architecture; negative where it has none of its own. */
int filter_number(uint32_t arch, const char *name);

/*
 * Which file libseccomp was loaded from, and its version (major, minor, micro).
 *
 * Returns 0, or -ENOENT where the loader cannot say, -ENAMETOOLONG where `path` is short.
 */
int filter_library(char *path, size_t size, unsigned int version[3]);

#endif
