#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seccomp.h"

#define X32_BIT 0x40000000U

/* struct seccomp_data, as the loads of a filter address it. */
#define DATA_NR 0
#define DATA_ARCH 4

/* More than libseccomp knows; keeps the stub short enough for 8-bit jumps. */
#define ARCHES_MAX 32

/* Jumps of the stub that leave it are patched when its length is known. */
#define TO_ENOSYS 254
#define TO_FILTER 255

#define STUB_MAX 250

/* An architecture, and the largest number that a rule names on it. */
struct arch_top {
	uint32_t token;
	uint32_t top;           /* without X32_BIT; 0 is none */
};

struct tops {
	struct arch_top arch[ARCHES_MAX + 1];
	size_t count;
};

struct stub {
	struct sock_filter code[STUB_MAX];
	size_t count;
};

static void fd_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define owned_fd __attribute__((cleanup(fd_drop))) int

static void context_drop(scmp_filter_ctx *context)
{
	if (*context)
		seccomp_release(*context);
}
#define owned_context __attribute__((cleanup(context_drop))) scmp_filter_ctx

static void stub_add(struct stub *stub, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (stub->count < STUB_MAX)
		stub->code[stub->count] = (struct sock_filter){ code, jt, jf, k };
	stub->count++;
}

static uint32_t audit_arch(uint32_t token)
{
	return token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token;
}

static uint32_t top_of(const struct tops *tops, uint32_t token)
{
	for (size_t i = 0; i < tops->count; i++)
		if (tops->arch[i].token == token)
			return tops->arch[i].top;
	return 0;
}

/* One architecture: its number is loaded and compared; an instruction that falls off the
 * end of the section is never reached, for each ends in a jump out of the stub. */
static void stub_section(struct stub *stub, const struct tops *tops, uint32_t audit)
{
	const uint16_t load = BPF_LD | BPF_W | BPF_ABS;
	const uint16_t equal = BPF_JMP | BPF_JEQ | BPF_K;
	const uint16_t greater = BPF_JMP | BPF_JGT | BPF_K;
	const uint32_t top = top_of(tops, audit);

	stub_add(stub, load, DATA_NR, 0, 0);
	if (audit == AUDIT_ARCH_X86_64) {
		const uint32_t x32 = top_of(tops, SCMP_ARCH_X32);

		/* One audit architecture, two tables told apart by a bit. Without rules for
		 * x32 its numbers go to libseccomp, which kills what is not listed. */
		stub_add(stub, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, x32 ? 0 : TO_FILTER, x32 ? 1 : 0);
		if (x32)
			stub_add(stub, greater, x32 | X32_BIT, TO_ENOSYS, TO_FILTER);
		if (!top) {
			stub_add(stub, equal, 0, TO_FILTER, TO_FILTER);
			return;
		}
	}
	/* s390 enters the kernel with number 0 for what does not fit its svc instruction. */
	if (audit == AUDIT_ARCH_S390 || audit == AUDIT_ARCH_S390X)
		stub_add(stub, equal, 0, TO_ENOSYS, 0);
	stub_add(stub, greater, top, TO_ENOSYS, TO_FILTER);
}

static bool has_section(const struct tops *tops, size_t i)
{
	const uint32_t audit = audit_arch(tops->arch[i].token);

	if (!tops->arch[i].top)
		return false;
	for (size_t j = 0; j < i; j++)
		if (tops->arch[j].top && audit_arch(tops->arch[j].token) == audit)
			return false;
	return true;
}

/*
 * What stands in front of libseccomp's program: a system call with a number above all that
 * the profile names did not exist when it was written, and gets the answer of a kernel that
 * has no such call. C libraries then fall back to an older one; EPERM would stop them.
 *
 *	load arch
 *	arch == A ? : next          one section an architecture
 *	load nr
 *	nr > top of A ? ENOSYS : FILTER
 *	next: ...
 *	jump FILTER                 an architecture that is not listed
 *	ENOSYS: return ERRNO|ENOSYS
 *	FILTER:                     libseccomp's program, which loads what it needs itself
 */
static int stub_build(struct stub *stub, const struct tops *tops)
{
	stub_add(stub, BPF_LD | BPF_W | BPF_ABS, DATA_ARCH, 0, 0);
	for (size_t i = 0; i < tops->count; i++) {
		if (!has_section(tops, i))
			continue;
		const uint32_t audit = audit_arch(tops->arch[i].token);
		const size_t at = stub->count;

		stub_add(stub, BPF_JMP | BPF_JEQ | BPF_K, audit, 0, 0);
		stub_section(stub, tops, audit);
		if (stub->count > STUB_MAX)
			return -E2BIG;
		stub->code[at].jf = (uint8_t)(stub->count - at - 1);
	}
	stub_add(stub, BPF_JMP | BPF_JA, 1, 0, 0);
	stub_add(stub, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
	if (stub->count > STUB_MAX)
		return -E2BIG;
	for (size_t i = 0; i < stub->count; i++) {
		struct sock_filter *code = &stub->code[i];
		const uint8_t to_enosys = (uint8_t)(stub->count - 2 - i);

		if (BPF_CLASS(code->code) != BPF_JMP)
			continue;
		if (code->jt >= TO_ENOSYS)
			code->jt = code->jt == TO_ENOSYS ? to_enosys : to_enosys + 1;
		if (code->jf >= TO_ENOSYS)
			code->jf = code->jf == TO_ENOSYS ? to_enosys : to_enosys + 1;
	}
	return 0;
}

static void tops_raise(struct tops *tops, const char *name)
{
	for (size_t i = 0; i < tops->count; i++) {
		struct arch_top *arch = &tops->arch[i];
		int nr = seccomp_syscall_resolve_name_arch(arch->token, name);

		/* Negative: not on this architecture, or only behind socketcall or ipc. */
		if (nr < 0)
			continue;
		if (arch->token == SCMP_ARCH_X32)
			nr &= ~(int)X32_BIT;
		if ((uint32_t)nr > arch->top)
			arch->top = (uint32_t)nr;
	}
}

static int add_arches(scmp_filter_ctx context, const struct filter_request *request,
		      struct tops *tops, struct filter_failure *failure)
{
	failure->step = FILTER_ARCH;
	tops->arch[tops->count++] = (struct arch_top){ .token = seccomp_arch_native() };
	for (uint32_t i = 0; i < request->arch_count; i++) {
		failure->index = i;
		const int added = seccomp_arch_add(context, request->arches[i]);
		if (added == -EEXIST)   /* named twice, or the native one */
			continue;
		if (added < 0)
			return added;
		if (tops->count > ARCHES_MAX)
			return -E2BIG;
		tops->arch[tops->count++] = (struct arch_top){ .token = request->arches[i] };
	}
	return 0;
}

/* One system call of a rule. An unknown one is told, not refused: profiles name what newer
 * kernels have. */
static int add_call(scmp_filter_ctx context, const struct filter_rule *rule, const char *name,
		    uint32_t default_ret, struct tops *tops, uint8_t *unknown)
{
	const int nr = seccomp_syscall_resolve_name(name);

	*unknown = nr == __NR_SCMP_ERROR;
	if (nr == __NR_SCMP_ERROR)
		return 0;
	tops_raise(tops, name);
	/* The default's own action is no rule to libseccomp (EACCES), but the profile does
	 * know the call. */
	if (rule->ret == default_ret)
		return 0;
	/* Not the _exact call: it fails where one of several architectures lacks the call. */
	return seccomp_rule_add_array(context, rule->ret, nr, 0, NULL);
}

static int add_rules(scmp_filter_ctx context, const struct filter_request *request,
		     struct tops *tops, uint8_t *unknown, size_t unknown_size,
		     struct filter_failure *failure)
{
	const char *name = request->names;
	const char *const names_end = request->names + request->names_size;
	size_t number = 0;

	for (uint32_t r = 0; r < request->rule_count; r++) {
		const struct filter_rule *rule = &request->rules[r];

		*failure = (struct filter_failure){ .step = FILTER_TABLE, .index = r };
		for (uint32_t n = 0; n < rule->name_count; n++, number++) {
			const char *const nul = memchr(name, 0, (size_t)(names_end - name));
			if (!nul || number >= unknown_size)
				return -EINVAL;
			const int added = add_call(context, rule, name, request->default_ret,
						   tops, &unknown[number]);
			if (added < 0) {
				failure->step = FILTER_RULE;
				failure->name = n;
				return added;
			}
			name = nul + 1;
		}
	}
	return 0;
}

static int read_all(int fd, uint8_t *buffer, size_t size)
{
	for (size_t done = 0; done < size;) {
		const ssize_t got = pread(fd, buffer + done, size - done, (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EIO;
		done += (size_t)got;
	}
	return 0;
}

/* libseccomp 2.5 exports to descriptors only. */
static int export(scmp_filter_ctx context, const struct stub *stub, uint8_t *program,
		  size_t program_size, struct filter_failure *failure)
{
	const size_t stub_size = stub->count * sizeof(struct sock_filter);
	struct stat exported;

	*failure = (struct filter_failure){ .step = FILTER_EXPORT };
	owned_fd fd = memfd_create("seccomp filter", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	const int written = seccomp_export_bpf(context, fd);
	if (written < 0)
		return written;
	if (fstat(fd, &exported) < 0)
		return -errno;

	const size_t size = stub_size + (size_t)exported.st_size;
	if (size > program_size || size / sizeof(struct sock_filter) > BPF_MAXINSNS) {
		failure->step = FILTER_SIZE;
		failure->index = (uint32_t)(size / sizeof(struct sock_filter));
		return -E2BIG;
	}
	memcpy(program, stub->code, stub_size);
	const int copied = read_all(fd, program + stub_size, (size_t)exported.st_size);
	return copied < 0 ? copied : (int)size;
}

int filter_compile(const struct filter_request *request, uint8_t *program,
		   size_t program_size, uint8_t *unknown, size_t unknown_size,
		   struct filter_failure *failure)
{
	struct tops tops = { .count = 0 };
	struct stub stub = { .count = 0 };

	*failure = (struct filter_failure){ .step = FILTER_INIT };
	owned_context context = seccomp_init(request->default_ret);
	if (!context)
		return -EINVAL;
	const int arches = add_arches(context, request, &tops, failure);
	if (arches < 0)
		return arches;
	if (request->optimize) {
		*failure = (struct filter_failure){ .step = FILTER_OPTIMIZE };
		const int optimized = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		if (optimized < 0)
			return optimized;
	}
	const int rules = add_rules(context, request, &tops, unknown, unknown_size, failure);
	if (rules < 0)
		return rules;
	if (request->wants_enosys) {
		*failure = (struct filter_failure){ .step = FILTER_EXPORT };
		const int built = stub_build(&stub, &tops);
		if (built < 0)
			return built;
	}
	return export(context, &stub, program, program_size, failure);
}

uint32_t filter_native(void)
{
	return seccomp_arch_native();
}

int filter_number(uint32_t arch, const char *name)
{
	return seccomp_syscall_resolve_name_arch(arch, name);
}

int filter_library(char *path, size_t size, unsigned int version[3])
{
	const struct scmp_version *const library = seccomp_version();
	Dl_info found;

	version[0] = library->major;
	version[1] = library->minor;
	version[2] = library->micro;
	/* By its data: the address of a function may be a jump table's, here in this module. */
	if (!dladdr(library, &found) || !found.dli_fname)
		return -ENOENT;
	if (strlen(found.dli_fname) >= size)
		return -ENAMETOOLONG;
	strcpy(path, found.dli_fname);
	return 0;
}
