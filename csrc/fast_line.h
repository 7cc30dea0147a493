/* The command lines that the fast commands understand: those of engines, word for word. */
#ifndef PYRUNC_FAST_LINE_H
#define PYRUNC_FAST_LINE_H

#include <stdbool.h>

enum fast_kind { FAST_STATE, FAST_START, FAST_KILL, FAST_DELETE, FAST_EXEC };

#define FAST_VARIABLES 64

struct fast_line {
	enum fast_kind kind;
	const char *root; /* NULL: the default */
	const char *log;  /* NULL: standard error */
	const char *id;
	const char *signal; /* NULL: the default */
	bool force;
	/* Of exec: "" is not given. */
	const char *process_file, *pid_file, *cwd, *user;
	const char *variables[FAST_VARIABLES + 1];
	char *const *args; /* NULL-terminated: the rest of argv */
	bool detach;
};

/* False for whatever is not plainly one of them: wrong ones too, which Python explains. */
bool fast_line_read(struct fast_line *line, int argc, char **argv);

/* A signal by number, or by name in any case, SIG or not; -1 for Python to look at. */
int fast_signal(const char *text);

#endif
