/* sources: fast_process.c */
/* A process file of any text. */
#include <stdlib.h>
#include <string.h>

#include "fast_process.h"

static struct process process;

/* So that nothing that is read is optimized away. */
static volatile size_t total;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *const text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (process_read(&process, text, size) && process_settle_env(&process)) {
		for (int i = 0; process.args[i]; i++)
			total = total + strlen(process.args[i]);
		for (int i = 0; process.env[i]; i++)
			total = total + strlen(process.env[i]);
		total = total + process_caps_fit(&process, ~0ull >> 23) + strlen(process.cwd);
	}
	free(text);
	return 0;
}
