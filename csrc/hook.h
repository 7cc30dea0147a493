/* Running a hook: used by the executor and, through cffi, by the runtime itself. */
#ifndef PYRUNC_HOOK_H
#define PYRUNC_HOOK_H

#include <stddef.h>

/* A longer one is none: 2^31 ms are 24 days. */
#define HOOK_TIMEOUT_S_MAX 2147483ul

enum hook_end { HOOK_EXITED = 0, HOOK_SIGNALED = 1, HOOK_TIMED_OUT = 2, HOOK_NOT_STARTED = 3 };

struct hook_run {
	const char *path;
	char *const *argv;
	char *const *envp;
	const char *input; /* the state, written to its standard input, then end of file */
	size_t input_size;
	long timeout_ms;   /* 0 is none */
	char *output;      /* what it printed, cut at output_size - 1, NUL-terminated */
	size_t output_size;
	int interruptible; /* a signal with a handler ends the hook: -1 with EINTR */
	enum hook_end end; /* and in `value` the status, the signal or the errno of execve */
	int value;
};

/* 0 when the hook ran to some end; -1 with errno when it could not be tried. */
int hook_run(struct hook_run *run);

#endif
