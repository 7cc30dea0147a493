/* sources: fast_line.c */
/* A command line of any words, each up to its NUL. */
#include <stdlib.h>
#include <string.h>

#include "fast_line.h"

#include <stddef.h>
#include <stdint.h>

#define WORDS 200

static size_t length_of(const char *text)
{
	return text ? strlen(text) : 0;
}

/* So that nothing that is read is optimized away. */
static volatile size_t total;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *const text = malloc(size + 1), *argv[WORDS + 1];
	static char name[] = "pyrunc";
	struct fast_line line;
	int argc = 1;

	memcpy(text, data, size);
	text[size] = '\0';
	argv[0] = name;
	for (size_t at = 0; at < size && argc < WORDS; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	argv[argc] = NULL;
	if (fast_line_read(&line, argc, argv)) {
		total = total + length_of(line.root) + length_of(line.log) + length_of(line.id);
		total = total + (size_t)(fast_signal(line.signal ? line.signal : "TERM") + 1);
		if (line.kind == FAST_EXEC) {
			total = total + length_of(line.process_file) + length_of(line.cwd) + length_of(line.user);
			for (int i = 0; line.variables[i]; i++)
				total = total + strlen(line.variables[i]);
			for (int i = 0; line.args[i]; i++)
				total = total + strlen(line.args[i]);
		}
	}
	free(text);
	return 0;
}
