#include "plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What each string slot of an operation holds, by code: see ops.def. */
static const char *strings_of(uint32_t code)
{
	switch (code) {
#define OP(number, name, strings) case number: return strings;
#include "ops.def"
#undef OP
	default: return NULL; /* codes come from outside */
	}
}

static bool blob_fits(const struct plan_header *header, const char *bytes, uint32_t at)
{
	uint32_t length;

	if (at < header->blobs || at % sizeof(uint32_t) != 0)
		return false;
	if (at > header->size || header->size - at < sizeof(uint32_t) + 1)
		return false;
	memcpy(&length, bytes + at, sizeof(length));
	if (length > header->size - at - sizeof(uint32_t) - 1)
		return false;
	return bytes[at + sizeof(uint32_t) + length] == '\0';
}

static bool blob_is(const char *bytes, uint32_t at, char kind)
{
	const char *text = bytes + at + sizeof(uint32_t);
	uint32_t length;

	memcpy(&length, bytes + at, sizeof(length));
	switch (kind) {
	case 's':
	case 'o':
		return memchr(text, '\0', length) == NULL;
	case 'l':
		return length == 0 || text[length - 1] == '\0';
	case 'b':
		return true;
	default:
		return false;
	}
}

static const char *op_fault(const struct plan_header *header, const struct plan_op *op,
			    const char *bytes)
{
	const char *kinds = strings_of(op->code);

	if (!kinds)
		return "unknown operation";
	for (int i = 0; i < 4; i++) {
		const uint32_t at = op->blob[i];

		if (at == 0) {
			if (kinds[i] == 's' || kinds[i] == 'b')
				return "an operation lacks a string";
			continue;
		}
		if (!blob_fits(header, bytes, at))
			return "a string lies outside the plan";
		if (!blob_is(bytes, at, kinds[i]))
			return "a string is not what its operation takes";
	}
	return NULL;
}

int plan_decode(struct plan *plan, const void *bytes, size_t size, const char **why)
{
	const struct plan_header *header = bytes;
	const struct plan_op *ops = (const void *)((const char *)bytes + sizeof(*header));

	*why = "the plan is cut short";
	errno = EPROTO;
	if (size < sizeof(*header) || size > UINT32_MAX)
		return -1;
	*why = "this is no plan";
	if (header->magic != PLAN_MAGIC)
		return -1;
	*why = "the plan is of another version";
	if (header->version != PLAN_VERSION)
		return -1;
	*why = "the plan's size is wrong";
	if (header->size != size || header->blobs > size || header->blobs < sizeof(*header))
		return -1;
	if (header->op_count > (header->blobs - sizeof(*header)) / sizeof(struct plan_op))
		return -1;
	for (uint32_t i = 0; i < header->op_count; i++) {
		const char *fault = op_fault(header, &ops[i], bytes);

		if (fault) {
			*why = fault;
			errno = EPROTO;
			return -1;
		}
	}
	*plan = (struct plan){
		.header = header, .ops = ops, .bytes = bytes, .count = header->op_count,
	};
	*why = NULL;
	return 0;
}

const char *plan_next(const struct plan *plan, const struct plan_op *op, int i, const char *previous)
{
	const char *first = plan_string(plan, op, i);
	const char *next = previous ? previous + strlen(previous) + 1 : first;

	if (!first || next >= first + plan_length(plan, op, i))
		return NULL;
	return next;
}

char **plan_pointers(const struct plan *plan, const struct plan_op *op, int i, char *last)
{
	size_t count = last ? 1 : 0;

	for (const char *s = NULL; (s = plan_next(plan, op, i, s));)
		count++;
	char **list = calloc(count + 1, sizeof(*list));

	if (!list)
		return NULL;
	count = 0;
	for (const char *s = NULL; (s = plan_next(plan, op, i, s));)
		list[count++] = (char *)(uintptr_t)s;
	list[count] = last;
	return list;
}
