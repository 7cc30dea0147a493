/* sources: exec_record.c fast_plan.c fast_process.c plan.c */
/*
 * The record of exec with a right checksum: any header and strings, any plan in it; and what the
 * executable makes of it for a process. Its own result must be a valid plan.
 */
#include <stdlib.h>
#include <string.h>

#include "checked.h"
#include "fast_plan.h"

static struct process process;
static _Alignas(8) char made[2 * EXEC_AT_MOST];

static void put_process(const struct exec_record *record)
{
	static char text[] = "{\"cwd\": \"/\", \"args\": [\"a\", \"b\"], \"env\": [\"A=1\"],"
			     " \"user\": {\"uid\": 5, \"gid\": 6}}";
	char copy[sizeof(text)];
	struct plan plan;
	const char *why;

	if (fast_plan_process(&process, record)) {
		process.args[0] = "/bin/other";
		process.args[1] = NULL;
		if (!process_settle_env(&process))
			return;
	} else {
		memcpy(copy, text, sizeof(text));
		if (!process_read(&process, copy, sizeof(text) - 1) || !process_settle_env(&process))
			abort();
	}
	const size_t size = fast_plan(made, sizeof(made), record, &process);

	if (size && plan_decode(&plan, made, size, &why) < 0)
		abort();
}

/* So that nothing that is read is optimized away. */
static volatile size_t total;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t checked = offsetof(struct exec_header, start);
	char *const bytes = malloc(size ? size : 1);
	struct exec_record record;

	memcpy(bytes, data, size);
	if (size >= sizeof(struct exec_header)) {
		const uint32_t head[] = {
			EXEC_MAGIC, EXEC_VERSION, (uint32_t)size,
			checked_sum(bytes + checked, size - checked),
		};

		memcpy(bytes, head, sizeof(head));
	}
	if (exec_record_decode(&record, bytes, size)) {
		const char *string;

		for (uint32_t i = 0; (string = exec_record_string(&record, i)); i++)
			total = total + strlen(string);
		put_process(&record);
	}
	free(bytes);
	return 0;
}
