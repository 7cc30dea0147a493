/* When each operation ran, for --trace: written to memory that the runtime shares with us. */
#ifndef PYRUNC_TRACE_H
#define PYRUNC_TRACE_H

#include <stdint.h>

/* One for each operation; zeros where it did not run. runtime/lifecycle/trace.py reads them. */
struct stamp {
	uint64_t begin; /* nanoseconds of CLOCK_REALTIME: the only clock no time namespace shifts */
	uint64_t end;   /* 0: it never ended, or nobody was there to look */
	int32_t err;
	int32_t pid;    /* as its pid namespace counts */
};

/* The stamps in the memory open at `fd`, NULL with errno. */
struct stamp *trace_open(int fd, uint32_t count);

void trace_begin(struct stamp *stamp);
/* errno is kept. */
void trace_end(struct stamp *stamp, int err);

#endif
