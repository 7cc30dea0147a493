/* Plans made by hand, for tests of what reads them. Zeroed memory is an empty plan. */
#ifndef PYRUNC_PLANS_H
#define PYRUNC_PLANS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

#define PLANS_MOST_OPS 16

/* Operations are added first, their strings as one goes; bytes() puts both together. */
struct draft {
	struct plan_op ops[PLANS_MOST_OPS];
	uint32_t op_count;
	char blobs[8192];
	uint32_t blobs_size;
	uint32_t slot_count;
	uint32_t flags;
};

static inline struct plan_op *draft_op(struct draft *draft, uint32_t code)
{
	struct plan_op *op = &draft->ops[draft->op_count++];

	op->code = code;
	return op;
}

/* Offsets count from the first blob until draft_bytes() moves them; 0 is absent, so + 1. */
static inline void draft_blob(struct draft *draft, struct plan_op *op, int slot,
			      const void *bytes, uint32_t length)
{
	const uint32_t at = draft->blobs_size;

	memcpy(draft->blobs + at, &length, sizeof(length));
	if (length)
		memcpy(draft->blobs + at + sizeof(length), bytes, length);
	draft->blobs_size = (at + (uint32_t)sizeof(length) + length + 4) & ~3u;
	op->blob[slot] = at + 1;
}

static inline void draft_string(struct draft *draft, struct plan_op *op, int slot, const char *text)
{
	draft_blob(draft, op, slot, text, (uint32_t)strlen(text));
}

/* The plan in memory of exactly its size, so that a byte too far is seen; to be freed. */
static inline char *draft_bytes(const struct draft *draft, size_t *size)
{
	const uint32_t ops_size = draft->op_count * (uint32_t)sizeof(struct plan_op);
	const uint32_t blobs = (uint32_t)sizeof(struct plan_header) + ops_size;
	const struct plan_header header = {
		.magic = PLAN_MAGIC, .version = PLAN_VERSION, .size = blobs + draft->blobs_size,
		.op_count = draft->op_count, .blobs = blobs, .slot_count = draft->slot_count,
		.flags = draft->flags,
	};
	struct plan_op ops[PLANS_MOST_OPS];
	char *bytes = malloc(header.size);

	memcpy(ops, draft->ops, sizeof(ops));
	for (uint32_t i = 0; i < draft->op_count; i++)
		for (int slot = 0; slot < 4; slot++)
			if (ops[i].blob[slot])
				ops[i].blob[slot] += blobs - 1;
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), ops, ops_size);
	memcpy(bytes + blobs, draft->blobs, draft->blobs_size);
	*size = header.size;
	return bytes;
}

#endif
