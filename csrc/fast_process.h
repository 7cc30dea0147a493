/* The process that exec is to run, as far as it can be told without Python. */
#ifndef PYRUNC_FAST_PROCESS_H
#define PYRUNC_FAST_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCESS_AT_MOST 65536 /* bytes of a process file */
#define PROCESS_WORDS 1024    /* arguments, and variables */
#define PROCESS_GROUPS 64
#define PROCESS_LIMITS 16

enum cap_set { CAP_BOUNDING, CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE, CAP_AMBIENT, CAP_SETS };

struct process_limit {
	uint32_t resource;
	uint64_t soft, hard;
};

/* has_*: the file says so; else it is the container's. Strings lie in the caller's text. */
struct process {
	const char *args[PROCESS_WORDS + 1], *env[PROCESS_WORDS + 1];
	const char *cwd;
	uint32_t uid, gid, groups[PROCESS_GROUPS], group_count;
	bool has_umask, has_score, has_caps, no_new_privs;
	uint32_t umask;
	int32_t score;
	uint64_t caps[CAP_SETS];
	struct process_limit limits[PROCESS_LIMITS];
	uint32_t limit_count; /* 0: the container's */
};

/*
 * Read a process file: a JSON object as engines write it. `text` has a NUL at `size` and is
 * changed. False for whatever is unusual, and for what is wrong: Python says which.
 */
bool process_read(struct process *process, char *text, size_t size);

/* Each variable is NAME=VALUE; of a name given twice the last one stays, where it stands. */
bool process_settle_env(struct process *process);

/* What capset(2) and the ambient set would refuse, and what runc only warns of, is for Python. */
bool process_caps_fit(const struct process *process, uint64_t known);

#endif
