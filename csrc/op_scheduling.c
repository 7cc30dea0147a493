/* When and where the process gets its share: scheduler, disk, CPUs, memory. */
#define _GNU_SOURCE
#include <string.h>

#include "child.h"
#include "sys.h"

#define IOPRIO_CLASS_SHIFT 13
#define IOPRIO_WHO_PROCESS 1
#define CPUS_MOST 8192 /* CONFIG_NR_CPUS does not go beyond; the kernel cuts what it has not */

int op_scheduler(const struct plan_op *op, struct child *child, const char **call)
{
	const struct sys_sched_attr attr = {
		.size = sizeof(attr),
		.policy = (uint32_t)op->number[0],
		.flags = op->flags,
		.nice = (int32_t)(uint32_t)op->number[1],
		.priority = (uint32_t)(op->number[1] >> 32),
		.runtime = op->number[2], .deadline = op->number[3], .period = op->number[4],
	};

	(void)child;
	*call = "sched_setattr";
	return sys_sched_setattr(0, &attr);
}

int op_io_priority(const struct plan_op *op, struct child *child, const char **call)
{
	const uint64_t value = op->number[0] << IOPRIO_CLASS_SHIFT | op->number[1];

	(void)child;
	*call = "ioprio_set";
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, (int)value) < 0 ? -1 : 0;
}

/*
 * An empty mask is every CPU. That much is best effort: since Linux 6.2 a task keeps the mask
 * of whoever started the runtime within its new cpuset, before it did not; where an outer
 * seccomp profile refuses the call, the container works all the same.
 */
int op_cpu_affinity(const struct plan_op *op, struct child *child, const char **call)
{
	const uint32_t size = plan_length(child->plan, op, 0);
	unsigned char every[CPUS_MOST / 8];

	*call = "sched_setaffinity";
	if (size)
		return sys_sched_setaffinity(0, size, plan_string(child->plan, op, 0));
	memset(every, 0xff, sizeof(every));
	(void)sys_sched_setaffinity(0, sizeof(every), every);
	return 0;
}

/* Every bit of the mask counts: the kernel takes one less than it is told of. */
int op_memory_policy(const struct plan_op *op, struct child *child, const char **call)
{
	const uint32_t size = plan_length(child->plan, op, 0);
	const char *mask = size ? plan_string(child->plan, op, 0) : NULL;
	const unsigned long bits = mask ? 8ul * size + 1 : 0;

	*call = "set_mempolicy";
	return syscall(SYS_set_mempolicy, (int)op->number[0], mask, bits) < 0 ? -1 : 0;
}
