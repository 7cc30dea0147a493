/*
 * A reader of process files: see fast_process.h.
 *
 * Small on purpose. Numbers without fractions, strings of ASCII, the members that engines write,
 * each at most once; anything else ends it, and runtime/jsonfile.py, which knows all of JSON,
 * begins anew.
 */
#include "fast_process.h"

#include <string.h>

struct reader {
	char *at;
	bool failed;
};

static bool fail(struct reader *reader)
{
	reader->failed = true;
	return false;
}

static char peek(struct reader *reader)
{
	reader->at += strspn(reader->at, " \t\r\n");
	return *reader->at;
}

static bool take(struct reader *reader, char wanted)
{
	if (reader->failed || peek(reader) != wanted)
		return false;
	reader->at++;
	return true;
}

static bool expect(struct reader *reader, char wanted)
{
	return take(reader, wanted) || fail(reader);
}

static bool take_word(struct reader *reader, const char *word)
{
	const size_t length = strlen(word);

	if (reader->failed || peek(reader) != word[0] || strncmp(reader->at, word, length) != 0)
		return false;
	reader->at += length;
	return true;
}

/* \u00XX of ASCII, but for NUL; -1 for what is none. */
static int hex_character(const char *digits)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		const char digit = digits[i];

		if (digit >= '0' && digit <= '9')
			value = value * 16 + digit - '0';
		else if (digit >= 'a' && digit <= 'f')
			value = value * 16 + digit - 'a' + 10;
		else if (digit >= 'A' && digit <= 'F')
			value = value * 16 + digit - 'A' + 10;
		else
			return -1;
	}
	return value > 0 && value < 128 ? value : -1;
}

static int escaped(struct reader *reader)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char letter = *reader->at;
	const char *found = letter ? strchr(from, letter) : NULL;

	if (letter == 'u') {
		const int value = hex_character(reader->at + 1);

		reader->at += value < 0 ? 0 : 5;
		return value;
	}
	reader->at += found != NULL;
	return found ? to[found - from] : -1;
}

/* A string, its escapes undone in place; NULL on failure. */
static const char *read_string(struct reader *reader)
{
	if (!expect(reader, '"'))
		return NULL;
	char *const start = reader->at, *end = start;

	while (*reader->at != '"') {
		int character = (unsigned char)*reader->at;

		if (character < ' ' || character > '~') {
			fail(reader);
			return NULL;
		}
		reader->at++;
		if (character == '\\' && (character = escaped(reader)) < 0) {
			fail(reader);
			return NULL;
		}
		*end++ = (char)character;
	}
	reader->at++;
	*end = '\0';
	return start;
}

static uint64_t read_number(struct reader *reader, uint64_t last)
{
	uint64_t value = 0;
	int digits = 0;

	peek(reader);
	for (; reader->at[digits] >= '0' && reader->at[digits] <= '9'; digits++) {
		const uint64_t digit = (uint64_t)(reader->at[digits] - '0');

		if (value > (UINT64_MAX - digit) / 10) {
			fail(reader);
			return 0;
		}
		value = value * 10 + digit;
	}
	/* No sign, no leading zero, nothing of a fraction or an exponent. */
	if (digits == 0 || (digits > 1 && reader->at[0] == '0') || value > last ||
	    strchr(".eE", reader->at[digits] ? reader->at[digits] : '.')) {
		fail(reader);
		return 0;
	}
	reader->at += digits;
	return value;
}

static bool read_flag(struct reader *reader)
{
	if (take_word(reader, "true"))
		return true;
	return !take_word(reader, "false") && fail(reader);
}

/* Call `one` for each element of an array. */
static void read_array(struct reader *reader, void (*one)(struct reader *, void *), void *into)
{
	if (!expect(reader, '[') || take(reader, ']'))
		return;
	do
		one(reader, into);
	while (take(reader, ','));
	expect(reader, ']');
}

struct members {
	const char *const *names;
	void (*read)(struct reader *, void *into, int index);
	void *into;
};

/* An object with members of these names only, each at most once. */
static void read_object(struct reader *reader, const struct members *members)
{
	uint32_t seen = 0;

	if (!expect(reader, '{') || take(reader, '}'))
		return;
	do {
		const char *name = read_string(reader);
		int index = 0;

		if (!name || !expect(reader, ':'))
			return;
		while (members->names[index] && strcmp(members->names[index], name) != 0)
			index++;
		if (!members->names[index] || seen & 1u << index) {
			fail(reader);
			return;
		}
		seen |= 1u << index;
		members->read(reader, members->into, index);
	} while (take(reader, ','));
	expect(reader, '}');
}

static void read_text(struct reader *reader, void *into)
{
	const char **const words = into;
	int count = 0;

	while (words[count])
		count++;
	if (count == PROCESS_WORDS) {
		fail(reader);
		return;
	}
	words[count] = read_string(reader);
	words[count + 1] = NULL;
}

static void read_group(struct reader *reader, void *into)
{
	struct process *const process = into;

	if (process->group_count == PROCESS_GROUPS)
		fail(reader);
	else
		process->groups[process->group_count++] = (uint32_t)read_number(reader, UINT32_MAX - 1);
}

static void read_user_member(struct reader *reader, void *into, int index)
{
	struct process *const process = into;

	switch (index) {
	case 0:
		process->uid = (uint32_t)read_number(reader, UINT32_MAX - 1);
		break;
	case 1:
		process->gid = (uint32_t)read_number(reader, UINT32_MAX - 1);
		break;
	case 2:
		read_array(reader, read_group, process);
		break;
	case 3:
		process->has_umask = true;
		process->umask = (uint32_t)read_number(reader, 0777);
		break;
	default:
		read_string(reader); /* username: of Windows */
	}
}

/* In the kernel's order, as runtime/plan/capabilities.py has them. */
static const char *const cap_names[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
	"SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
	"IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
	"SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
	"LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
	"WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
};

static void read_cap(struct reader *reader, void *into)
{
	uint64_t *const set = into;
	const char *const name = read_string(reader);

	for (unsigned int i = 0; name && i < sizeof(cap_names) / sizeof(cap_names[0]); i++) {
		if (strncmp(name, "CAP_", 4) == 0 && strcmp(name + 4, cap_names[i]) == 0) {
			*set |= 1ull << i;
			return;
		}
	}
	fail(reader);
}

static void read_cap_set(struct reader *reader, void *into, int index)
{
	struct process *const process = into;

	read_array(reader, read_cap, &process->caps[index]);
}

static uint32_t read_resource(struct reader *reader)
{
	static const char *const names[] = {
		"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS",
		"LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
	};
	const char *const name = read_string(reader);

	for (uint32_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(name, "RLIMIT_", 7) == 0 && strcmp(name + 7, names[i]) == 0)
			return i;
	fail(reader);
	return 0;
}

static void read_limit_member(struct reader *reader, void *into, int index)
{
	struct process_limit *const limit = into;

	switch (index) {
	case 0:
		limit->resource = read_resource(reader);
		break;
	case 1:
		limit->soft = read_number(reader, UINT64_MAX);
		break;
	default:
		limit->hard = read_number(reader, UINT64_MAX);
	}
}

static void read_limit(struct reader *reader, void *into)
{
	static const char *const names[] = { "type", "soft", "hard", NULL };
	struct process *const process = into;
	struct process_limit limit = { .resource = UINT32_MAX };

	read_object(reader, &(struct members){ names, read_limit_member, &limit });
	if (process->limit_count == PROCESS_LIMITS || limit.resource == UINT32_MAX ||
	    limit.soft > limit.hard) {
		fail(reader);
		return;
	}
	for (uint32_t i = 0; i < process->limit_count; i++)
		if (process->limits[i].resource == limit.resource)
			fail(reader);
	process->limits[process->limit_count++] = limit;
}

/* A label or profile: none is asked for by an empty one. */
static void read_nothing(struct reader *reader)
{
	const char *const text = read_string(reader);

	if (text && *text)
		fail(reader);
}

static void read_score(struct reader *reader, struct process *process)
{
	const int sign = take(reader, '-') ? -1 : 1;

	process->has_score = true;
	process->score = sign * (int32_t)read_number(reader, 1000);
}

enum member {
	M_TERMINAL, M_USER, M_ARGS, M_ENV, M_CWD, M_CAPABILITIES, M_RLIMITS, M_NO_NEW_PRIVS,
	M_SCORE, M_PROFILE, M_LABEL,
};

static void read_member(struct reader *reader, void *into, int index)
{
	static const char *const user[] = { "uid", "gid", "additionalGids", "umask", "username", NULL };
	static const char *const sets[] = {
		"bounding", "effective", "permitted", "inheritable", "ambient", NULL,
	};
	struct process *const process = into;

	switch ((enum member)index) {
	case M_TERMINAL:
		if (read_flag(reader))
			fail(reader);
		break;
	case M_USER:
		read_object(reader, &(struct members){ user, read_user_member, process });
		break;
	case M_ARGS:
		read_array(reader, read_text, process->args);
		break;
	case M_ENV:
		read_array(reader, read_text, process->env);
		break;
	case M_CWD:
		process->cwd = read_string(reader);
		break;
	case M_CAPABILITIES:
		process->has_caps = true;
		read_object(reader, &(struct members){ sets, read_cap_set, process });
		break;
	case M_RLIMITS:
		read_array(reader, read_limit, process);
		break;
	case M_NO_NEW_PRIVS:
		process->no_new_privs = read_flag(reader);
		break;
	case M_SCORE:
		read_score(reader, process);
		break;
	case M_PROFILE:
	case M_LABEL:
		read_nothing(reader);
		break;
	}
}

bool process_read(struct process *process, char *text, size_t size)
{
	static const char *const names[] = {
		"terminal", "user", "args", "env", "cwd", "capabilities", "rlimits",
		"noNewPrivileges", "oomScoreAdj", "apparmorProfile", "selinuxLabel", NULL,
	};
	struct reader reader = { .at = text };

	memset(process, 0, sizeof(*process));
	read_object(&reader, &(struct members){ names, read_member, process });
	return !reader.failed && peek(&reader) == '\0' && reader.at == text + size &&
	       process->args[0] && *process->args[0] && process->cwd && process->cwd[0] == '/';
}

bool process_settle_env(struct process *process)
{
	int kept = 0;

	for (int i = 0; process->env[i]; i++) {
		const size_t name = strcspn(process->env[i], "=");
		bool is_last = true;

		if (name == 0 || process->env[i][name] == '\0')
			return false;
		for (int later = i + 1; process->env[later] && is_last; later++)
			is_last = strncmp(process->env[i], process->env[later], name + 1) != 0;
		if (is_last)
			process->env[kept++] = process->env[i];
	}
	process->env[kept] = NULL;
	return true;
}

bool process_caps_fit(const struct process *process, uint64_t known)
{
	uint64_t all = 0;

	for (int i = 0; i < CAP_SETS; i++)
		all |= process->caps[i];
	return !(all & ~known) && !(process->caps[CAP_EFFECTIVE] & ~process->caps[CAP_PERMITTED]) &&
	       !(process->caps[CAP_AMBIENT] &
		 ~(process->caps[CAP_PERMITTED] & process->caps[CAP_INHERITABLE]));
}
