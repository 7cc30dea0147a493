/* sources: plan.c */
/* A plan of any bytes: refused, or every string and list of it can be read. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

static size_t read_op(const struct plan *plan, const struct plan_op *op)
{
	size_t length = 0;

	for (int i = 0; i < 4; i++) {
		if (!op->blob[i])
			continue;
		length += strlen(plan_string(plan, op, i)) + plan_length(plan, op, i);
		char **const words = plan_pointers(plan, op, i, NULL);

		for (char **word = words; word && *word; word++)
			length += strlen(*word);
		free(words);
	}
	return length;
}

/* So that nothing that is read is optimized away. */
static volatile size_t total;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of the very size, aligned as a mapping is. */
	void *const bytes = malloc(size ? size : 1);
	struct plan plan;
	const char *why = NULL;

	memcpy(bytes, data, size);
	if (plan_decode(&plan, bytes, size, &why) == 0)
		for (uint32_t i = 0; i < plan.count; i++)
			total = total + read_op(&plan, &plan.ops[i]);
	else if (!why)
		abort();
	free(bytes);
	return 0;
}
