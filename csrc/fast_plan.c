/*
 * What runtime/plan/exec.py would plan, from what it planned before: the operations stay, their
 * numbers and strings become those of the process that is asked for. A process that would need
 * other operations is not for us.
 */
#include "fast_plan.h"

#include <string.h>

#define CAP_SYS_ADMIN_BIT (1ull << 21)
#define EXECUTABLE_NO_PATH 1u /* the flags are those of runtime/plan/ops.py */
#define EXEC_DEFAULT_HOME 1u

struct maker {
	char *out;
	size_t size, used;
	bool failed;
	const struct exec_record *record;
	const struct process *process;
	const char *path; /* PATH of the environment */
	bool has_home;
	uint32_t limits, caps_seen; /* operations met so far */
};

/* Put a blob behind what is there; its offset, as an operation names it. */
static uint32_t begin_blob(struct maker *maker, size_t length)
{
	const size_t whole = (sizeof(uint32_t) + length) / 4 * 4 + 4; /* at least one NUL behind */
	const size_t at = maker->used;

	if (whole > maker->size - at || length > UINT32_MAX / 2) {
		maker->failed = true;
		return 0;
	}
	memset(maker->out + at, 0, whole);
	memcpy(maker->out + at, &(uint32_t){ (uint32_t)length }, sizeof(uint32_t));
	maker->used += whole;
	return (uint32_t)at;
}

static uint32_t put_bytes(struct maker *maker, const void *bytes, size_t length)
{
	const uint32_t at = begin_blob(maker, length);

	if (at && length)
		memcpy(maker->out + at + sizeof(uint32_t), bytes, length);
	return at;
}

static uint32_t put_list(struct maker *maker, const char *const *words)
{
	size_t length = 0;

	for (int i = 0; words[i]; i++)
		length += strlen(words[i]) + 1;
	const uint32_t at = begin_blob(maker, length);
	char *end = maker->out + at + sizeof(uint32_t);

	for (int i = 0; at && words[i]; i++)
		end = stpcpy(end, words[i]) + 1;
	return at;
}

static uint32_t put_string(struct maker *maker, const char *text)
{
	return text ? put_bytes(maker, text, strlen(text)) : 0;
}

static void set_limit(struct maker *maker, struct plan_op *op)
{
	const struct process *process = maker->process;
	const uint32_t index = maker->limits++;

	if (process->limit_count == 0)
		return;
	if (index >= process->limit_count || process->limits[index].resource != op->number[0]) {
		maker->failed = true;
		return;
	}
	op->number[1] = process->limits[index].soft;
	op->number[2] = process->limits[index].hard;
}

/* The first set may keep CAP_SYS_ADMIN for the filter, the second is the last word. */
static void set_caps(struct maker *maker, struct plan_op *op, bool keeps)
{
	const uint64_t *caps = maker->process->caps;
	const uint64_t extra = keeps && maker->caps_seen == 0 ? CAP_SYS_ADMIN_BIT : 0;

	maker->caps_seen++;
	if (!maker->process->has_caps)
		return;
	op->number[0] = caps[CAP_EFFECTIVE] | extra;
	op->number[1] = caps[CAP_PERMITTED] | extra;
	op->number[2] = caps[CAP_INHERITABLE];
	op->number[3] = caps[CAP_AMBIENT];
}

static void set_user(struct maker *maker, struct plan_op *op)
{
	const struct process *process = maker->process;
	const uint32_t flags = maker->record->header.flags;

	if ((flags & EXEC_IDS_FIXED) &&
	    (op->number[0] != process->uid || op->number[1] != process->gid || process->group_count))
		maker->failed = true;
	if (process->group_count && !(flags & EXEC_SETS_GROUPS))
		maker->failed = true;
	op->number[0] = process->uid;
	op->number[1] = process->gid;
	op->blob[0] = put_bytes(maker, process->groups, process->group_count * sizeof(uint32_t));
}

static void set_program(struct maker *maker, struct plan_op *op)
{
	const struct process *process = maker->process;

	op->flags = maker->has_home ? 0 : EXEC_DEFAULT_HOME;
	op->number[1] = process->uid;
	op->blob[0] = put_list(maker, process->args);
	op->blob[1] = put_list(maker, process->env);
}

static void set_op(struct maker *maker, struct plan_op *op, bool keeps)
{
	const struct process *process = maker->process;

	switch (op->code) {
	case OP_umask:
		if (process->has_umask)
			op->number[0] = process->umask;
		break;
	case OP_rlimit:
		set_limit(maker, op);
		break;
	case OP_bounding:
		if (process->has_caps)
			op->number[0] = process->caps[CAP_BOUNDING];
		break;
	case OP_stdio_owner:
		op->number[0] = process->uid;
		break;
	case OP_chdir:
		op->blob[0] = put_string(maker, process->cwd);
		break;
	case OP_user:
		set_user(maker, op);
		break;
	case OP_caps:
		set_caps(maker, op, keeps);
		break;
	case OP_executable:
		op->flags = maker->path ? 0 : EXECUTABLE_NO_PATH;
		op->blob[0] = put_string(maker, process->args[0]);
		op->blob[1] = put_string(maker, maker->path);
		break;
	case OP_exec:
		set_program(maker, op);
		break;
	default: /* of the container, not of the process */
		break;
	}
}

static uint32_t count_ops(const struct plan *plan, uint32_t code)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->count; i++)
		count += plan->ops[i].code == code;
	return count;
}

/* The same operations would be planned for it: see plan_identity() of runtime/plan/process.py. */
static bool has_shape(const struct maker *maker, const struct plan *plan, bool keeps)
{
	const struct process *process = maker->process;
	const uint32_t limits = count_ops(plan, OP_rlimit);
	const bool had_score = maker->record->header.flags & EXEC_HAS_SCORE;

	if (process->no_new_privs != (count_ops(plan, OP_no_new_privs) > 0) ||
	    (process->limit_count && process->limit_count != limits) ||
	    (process->has_score && !had_score && !limits))
		return false;
	if (!process->has_caps)
		return true;
	const bool needs_second = keeps && !(process->caps[CAP_EFFECTIVE] & CAP_SYS_ADMIN_BIT);

	return count_ops(plan, OP_caps) == (needs_second ? 2 : 1);
}

/* PATH for the search, HOME or its absence: an empty one counts as none. */
static void look_at_env(struct maker *maker, struct process *process)
{
	int kept = 0;

	for (int i = 0; process->env[i]; i++) {
		const char *const variable = process->env[i];

		if (strcmp(variable, "HOME=") == 0)
			continue;
		maker->has_home = maker->has_home || strncmp(variable, "HOME=", 5) == 0;
		if (strncmp(variable, "PATH=", 5) == 0)
			maker->path = variable + 5;
		process->env[kept++] = variable;
	}
	process->env[kept] = NULL;
}

size_t fast_plan(void *out, size_t size, const struct exec_record *record, struct process *process)
{
	struct maker maker = {
		.out = out, .size = size, .used = record->plan_size, .record = record,
		.process = process,
	};
	struct plan plan;
	const char *why;

	if (record->plan_size > size || record->plan_size % 4)
		return 0;
	memcpy(out, record->plan, record->plan_size);
	if (plan_decode(&plan, out, record->plan_size, &why) < 0)
		return 0;
	const bool keeps = count_ops(&plan, OP_seccomp) && !process->no_new_privs;

	if (!has_shape(&maker, &plan, keeps))
		return 0;
	look_at_env(&maker, process);
	struct plan_op *const ops = (struct plan_op *)((char *)out + sizeof(struct plan_header));

	for (uint32_t i = 0; i < plan.count && !maker.failed; i++)
		set_op(&maker, &ops[i], keeps);
	((struct plan_header *)out)->size = (uint32_t)maker.used;
	return maker.failed ? 0 : maker.used;
}

bool fast_plan_process(struct process *process, const struct exec_record *record)
{
	struct plan plan;
	const char *why;
	int count = 0;

	memset(process, 0, sizeof(*process));
	if (plan_decode(&plan, record->plan, record->plan_size, &why) < 0)
		return false;
	process->no_new_privs = count_ops(&plan, OP_no_new_privs) > 0;
	for (const struct plan_op *op = plan.ops; op < plan.ops + plan.count; op++) {
		if (op->code == OP_chdir)
			process->cwd = plan_string(&plan, op, 0);
		if (op->code == OP_exec)
			for (const char *text = NULL; (text = plan_next(&plan, op, 1, text)); count++)
				if (count < PROCESS_WORDS)
					process->env[count] = text;
		if (op->code != OP_user)
			continue;
		const size_t size = plan_length(&plan, op, 0);

		process->uid = (uint32_t)op->number[0];
		process->gid = (uint32_t)op->number[1];
		if (size > sizeof(process->groups))
			return false;
		memcpy(process->groups, plan_string(&plan, op, 0), size);
		process->group_count = (uint32_t)(size / sizeof(uint32_t));
	}
	return process->cwd && count <= PROCESS_WORDS;
}
