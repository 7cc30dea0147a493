/*
 * fast_plan_dump RECORD PROCESS: the plan for a process file, from a record, on standard output;
 * exit status 3 if it is left to Python. Without PROCESS the container's own, with two words to
 * run. For tests/unit/test_exec_record.py, which knows what Python would plan.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fast_plan.h"

#define LEFT_TO_PYTHON 3

static struct process process;
static _Alignas(8) char record_bytes[EXEC_AT_MOST], plan[2 * EXEC_AT_MOST];
static char text[PROCESS_AT_MOST + 1];

static size_t read_file(const char *path, char *buffer, size_t size)
{
	FILE *const file = fopen(path, "rb");

	if (!file)
		exit(1);
	const size_t got = fread(buffer, 1, size, file);

	fclose(file);
	return got;
}

int main(int argc, char **argv)
{
	struct exec_record record;

	if (argc < 2)
		return 1;
	if (!exec_record_decode(&record, record_bytes,
				read_file(argv[1], record_bytes, sizeof(record_bytes))))
		return 2;
	if (argc > 2) {
		if (!process_read(&process, text, read_file(argv[2], text, sizeof(text) - 1)))
			return LEFT_TO_PYTHON;
	} else {
		if (!fast_plan_process(&process, &record))
			return 1;
		process.args[0] = "/bin/other";
		process.args[1] = "word";
	}
	if (!process_settle_env(&process) ||
	    (process.has_caps && !process_caps_fit(&process, record.header.known_caps)))
		return LEFT_TO_PYTHON;
	const size_t size = fast_plan(plan, sizeof(plan), &record, &process);

	if (size == 0)
		return LEFT_TO_PYTHON;
	return fwrite(plan, 1, size, stdout) == size ? 0 : 1;
}
