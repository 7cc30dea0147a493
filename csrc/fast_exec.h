/* exec in the forms that engines and people at a shell use most: see fast.h. */
#ifndef PYRUNC_FAST_EXEC_H
#define PYRUNC_FAST_EXEC_H

#include "container.h"
#include "fast_line.h"

/* The exit status of the process, 0 when detached, or FAST_NOT with no process left. */
int fast_exec(struct container *container, const struct fast_line *line);

#endif
