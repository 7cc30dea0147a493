/* sources: plan.c op_scheduling.c */
#define _GNU_SOURCE
#include "child.h"

#include <sched.h>
#include <sys/resource.h>

#include "check.h"
#include "plans.h"
#include "sys.h"

static const char *call;

/* One operation with these numbers; the mask is of op_cpu_affinity. */
static int run(op_function *function, const struct plan_op *numbers, const void *mask, uint32_t size)
{
	struct draft draft = { .slot_count = 2 };
	struct plan plan;
	struct child child = { .plan = &plan };
	struct plan_op *op = draft_op(&draft, OP_cpu_affinity);
	const char *why;
	size_t length;

	memcpy(op->number, numbers->number, sizeof(op->number));
	op->flags = numbers->flags;
	draft_blob(&draft, op, 0, mask, size);
	char *bytes = draft_bytes(&draft, &length);

	need(plan_decode(&plan, bytes, length, &why) == 0, "plan");
	const int result = function(&plan.ops[0], &child, &call);
	const int keep = errno;

	free(bytes);
	errno = keep;
	return result;
}

static void scheduler(void)
{
	const struct plan_op batch = { .number = { SCHED_BATCH, 5 }, .flags = 1 };

	CHECK(run(op_scheduler, &batch, "", 0) == 0);
	CHECK(sched_getscheduler(0) == (SCHED_BATCH | SCHED_RESET_ON_FORK));
	CHECK(getpriority(PRIO_PROCESS, 0) == 5);
	const struct plan_op nicer = { .number = { SCHED_OTHER, (uint32_t)7 } };

	CHECK(run(op_scheduler, &nicer, "", 0) == 0);
	CHECK(getpriority(PRIO_PROCESS, 0) == 7);
	const struct plan_op iso = { .number = { 4, 0 } };

	CHECK_FAILS(run(op_scheduler, &iso, "", 0), EINVAL);
	CHECK_TEXT(call, "sched_setattr");
}

static void io_priority(void)
{
	const struct plan_op best_effort = { .number = { 2, 6 } };
	const struct plan_op none = { .number = { 7, 0 } };

	CHECK(run(op_io_priority, &best_effort, "", 0) == 0);
	CHECK(syscall(SYS_ioprio_get, 1, 0) == (2 << 13 | 6));
	CHECK_FAILS(run(op_io_priority, &none, "", 0), EINVAL);
}

static void cpu_affinity(void)
{
	const struct plan_op empty = { 0 };
	cpu_set_t before, after;

	need(sched_getaffinity(0, sizeof(before), &before) == 0, "sched_getaffinity");
	unsigned long one[2] = { 0 };
	int first = 0;

	while (!CPU_ISSET(first, &before))
		first++;
	one[0] = 1ul << first;
	CHECK(run(op_cpu_affinity, &empty, one, sizeof(one)) == 0);
	need(sched_getaffinity(0, sizeof(after), &after) == 0, "sched_getaffinity");
	CHECK(CPU_COUNT(&after) == 1 && CPU_ISSET(first, &after));
	CHECK(run(op_cpu_affinity, &empty, "", 0) == 0);
	need(sched_getaffinity(0, sizeof(after), &after) == 0, "sched_getaffinity");
	CPU_AND(&before, &before, &after);
	CHECK(CPU_COUNT(&after) >= CPU_COUNT(&before) && CPU_COUNT(&before) >= 1);
	memset(one, 0, sizeof(one));
	CHECK_FAILS(run(op_cpu_affinity, &empty, one, sizeof(one)), EINVAL);
}

static void refused_by_an_outer_filter(void)
{
	const struct plan_op empty = { 0 };
	const unsigned long one = 1;

	forbid(SYS_sched_setaffinity, EPERM);
	CHECK(run(op_cpu_affinity, &empty, "", 0) == 0);
	CHECK_FAILS(run(op_cpu_affinity, &empty, &one, sizeof(one)), EPERM);
}

static int policy_now(void)
{
	int mode = -1;

	need(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) == 0, "get_mempolicy");
	return mode;
}

static void memory_policy(void)
{
	const struct plan_op standard = { .number = { 0 } }, bind = { .number = { 2 } };
	const struct plan_op many = { .number = { 5 | 1 << 15 } };
	unsigned long first[1] = { 1 }, far[2] = { [1] = 1ul << 63 };

	if (syscall(SYS_set_mempolicy, 0, NULL, 0) < 0 && errno == ENOSYS)
		return; /* no NUMA in this kernel */
	CHECK(run(op_memory_policy, &bind, first, sizeof(first)) == 0);
	CHECK(policy_now() == 2);
	CHECK(run(op_memory_policy, &many, first, sizeof(first)) == 0);
	CHECK(policy_now() == (5 | 1 << 15));
	CHECK_FAILS(run(op_memory_policy, &bind, far, sizeof(far)), EINVAL);
	CHECK_TEXT(call, "set_mempolicy");
	CHECK(run(op_memory_policy, &standard, "", 0) == 0);
	CHECK(policy_now() == 0);
	CHECK_FAILS(run(op_memory_policy, &bind, "", 0), EINVAL);
}

int main(void)
{
	check_apart(scheduler);
	check_apart(io_priority);
	check_apart(cpu_affinity);
	check_apart(refused_by_an_outer_filter);
	check_apart(memory_policy);
	return check_status();
}
