/* sources: record.c */
/* The record of a container with a right checksum and any content. */
#include <stdlib.h>
#include <string.h>

#include "checked.h"
#include "record.h"

/* So that nothing that is read is optimized away. */
static volatile size_t total;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t checked = offsetof(struct record_header, start);
	char *const bytes = malloc(size ? size : 1);
	struct record record;

	memcpy(bytes, data, size);
	if (size >= sizeof(struct record_header)) {
		const uint32_t head[] = {
			RECORD_MAGIC, RECORD_VERSION, (uint32_t)size,
			checked_sum(bytes + checked, size - checked),
		};

		memcpy(bytes, head, sizeof(head));
	}
	if (record_decode(&record, bytes, size)) {
		const char *string;

		for (uint32_t i = 0; (string = record_string(&record, i)); i++)
			total = total + strlen(string);
	}
	free(bytes);
	return 0;
}
