/*
 * A plan on the wire, and its decoder. Written by runtime/plan/encode.py.
 *
 *   header | operations, 64 bytes each | blobs
 *
 * A blob is a 32-bit length, the bytes, a NUL, padding to 4. Operations name blobs by their
 * offset from the start of the plan; 0 means absent. Numbers are in the byte order of the
 * machine. The plan arrives in a sealed memfd, so what was checked cannot change.
 */
#ifndef PYRUNC_PLAN_H
#define PYRUNC_PLAN_H

#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC 0x50525950u /* "PYRP" read as a little-endian number */
#define PLAN_VERSION 1u
#define PLAN_DUMPABLE_FOR_MAPS 1u /* an unprivileged parent must open our /proc files, up to a barrier */

enum op_code {
#define OP(number, name, strings) OP_##name = (number),
#include "ops.def"
#undef OP
};

struct plan_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size;
	uint32_t op_count;
	uint32_t blobs;      /* offset of the first blob */
	uint32_t slot_count; /* descriptors passed, control socket and plan included */
	uint32_t flags;
	uint32_t trace;      /* slot of the memory that takes the times of operations; 0 is none */
};

struct plan_op {
	uint32_t code;
	uint32_t flags;
	uint32_t blob[4];
	uint64_t number[5];
};

struct plan {
	const struct plan_header *header;
	const struct plan_op *ops;
	const char *bytes;
	uint32_t count;
};

/*
 * Check every byte that the executor will rely on. 0, or -1 with errno EPROTO and *why set to
 * a constant text.
 */
int plan_decode(struct plan *plan, const void *bytes, size_t size, const char **why);

/* The operation's string, NULL when absent. */
static inline const char *plan_string(const struct plan *plan, const struct plan_op *op, int i)
{
	return op->blob[i] ? plan->bytes + op->blob[i] + sizeof(uint32_t) : NULL;
}

/* Length of the blob without its NUL. */
static inline uint32_t plan_length(const struct plan *plan, const struct plan_op *op, int i)
{
	return op->blob[i] ? *(const uint32_t *)(const void *)(plan->bytes + op->blob[i]) : 0;
}

/* Walk a list: `for (const char *s = NULL; (s = plan_next(plan, op, i, s));)`. */
const char *plan_next(const struct plan *plan, const struct plan_op *op, int i, const char *previous);

/* The list as argv or envp, `last` (may be NULL) at its end; to be freed. NULL without memory. */
char **plan_pointers(const struct plan *plan, const struct plan_op *op, int i, char *last);

#endif
