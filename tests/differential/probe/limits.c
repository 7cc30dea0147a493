/* What the program gets of the machine: resource limits, scheduling, memory. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/sched/types.h, which musl does not bring along. */
struct attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
	uint32_t util_min;
	uint32_t util_max;
};

enum { IOPRIO_WHO_PROCESS = 1, MAX_NODES = 1024 };

static const char *const names[] = {
	"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE",
	"MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
};

static void limits(struct json *json)
{
	json_key(json, "rlimits");
	json_begin(json, '{');
	for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++) {
		struct rlimit limit;

		json_key(json, names[i]);
		if (getrlimit(i, &limit) < 0) {
			json_errno(json);
			continue;
		}
		json_begin(json, '[');
		json_number(json, (long long)limit.rlim_cur);   /* no limit is -1 */
		json_number(json, (long long)limit.rlim_max);
		json_end(json, ']');
	}
	json_end(json, '}');
}

static void scheduler(struct json *json)
{
	struct attributes found = { .size = sizeof found };

	json_key(json, "scheduler");
	if (syscall(SYS_sched_getattr, 0, &found, sizeof found, 0) < 0) {
		json_errno(json);
		return;
	}
	json_begin(json, '{');
	json_key_number(json, "policy", found.policy);
	json_key_number(json, "flags", (long long)found.flags);
	json_key_number(json, "nice", found.nice);
	json_key_number(json, "priority", found.priority);
	json_key_number(json, "deadline", (long long)found.deadline);
	json_key_number(json, "period", (long long)found.period);
	json_end(json, '}');
}

static void affinity(struct json *json)
{
	cpu_set_t set;

	json_key(json, "cpus");
	if (sched_getaffinity(0, sizeof set, &set) < 0) {
		json_errno(json);
		return;
	}
	json_begin(json, '[');
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set))
			json_number(json, cpu);
	}
	json_end(json, ']');
}

static void memory_policy(struct json *json)
{
	int mode = -1;
	unsigned long nodes[MAX_NODES / (8 * sizeof(long))] = { 0 };

	json_key(json, "memory policy");
	if (syscall(SYS_get_mempolicy, &mode, nodes, MAX_NODES, 0, 0) < 0) {
		json_errno(json);
		return;
	}
	json_begin(json, '[');
	json_number(json, mode);
	json_hex(json, nodes[0]);
	json_end(json, ']');
}

void report_limits(struct json *json)
{
	json_begin(json, '{');
	limits(json);
	scheduler(json);
	json_key_result(json, "io priority", syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
	affinity(json);
	memory_policy(json);
	json_key_result(json, "timer slack", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	json_key_result(json, "huge pages off", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	json_end(json, '}');
}
