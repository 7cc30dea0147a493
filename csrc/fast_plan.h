/* A plan made in advance, with another process in it. */
#ifndef PYRUNC_FAST_PLAN_H
#define PYRUNC_FAST_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "exec_record.h"
#include "fast_process.h"

/*
 * The plan for `process`, in `size` bytes at `out` (aligned to 8); its length, 0 if it is not of the
 * shape of the record's plan, or does not fit: then Python makes one. The process's variables are
 * settled (process_settle_env).
 */
size_t fast_plan(void *out, size_t size, const struct exec_record *record,
		 struct process *process);

/*
 * The container's own process, without a program: what exec runs where no file says otherwise.
 * Its strings lie in the record. False if the record holds no valid plan, or too much.
 */
bool fast_plan_process(struct process *process, const struct exec_record *record);

#endif
