/* The probe: prints as one line of JSON all that a program can see of where it is.
 *
 * With a file /stay in its root it stays until it is killed, its standard output closed. No
 * argument and no variable asks for it: both are among the things to be seen. */
#include "probe.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static char text[1 << 20];

static int write_all(const char *data, size_t size)
{
	while (size > 0) {
		const ssize_t written = write(STDOUT_FILENO, data, size);

		if (written < 0 && errno != EINTR)
			return -1;
		if (written > 0) {
			data += written;
			size -= (size_t)written;
		}
	}
	return 0;
}

int main(int argc, char **argv, char **env)
{
	struct json json = { .text = text, .size = sizeof text - 1 };

	(void)argc;
	json_begin(&json, '{');
	/* First what later sections change: descriptors, and the access to them. */
	json_key(&json, "descriptors");
	report_descriptors(&json);
	json_key(&json, "terminals");
	report_terminals(&json);
	json_key(&json, "signals");
	report_signals(&json);
	json_key(&json, "process");
	report_process(&json, argv, env);
	json_key(&json, "identity");
	report_identity(&json);
	json_key(&json, "limits");
	report_limits(&json);
	json_key(&json, "namespaces");
	report_namespaces(&json);
	json_key(&json, "kernel");
	report_kernel(&json);
	json_key(&json, "network");
	report_network(&json);
	json_key(&json, "proc");
	report_proc(&json);
	json_key(&json, "devices");
	report_devices(&json);
	json_key(&json, "paths");
	report_paths(&json);
	json_end(&json, '}');
	text[json.used++] = '\n';
	/* Asked before the report is seen: then the file goes. */
	const bool stay = access("/stay", F_OK) == 0;

	if (write_all(text, json.used) < 0)
		return EXIT_FAILURE;
	if (stay) {
		close(STDOUT_FILENO);
		for (;;)
			pause();
	}
	return EXIT_SUCCESS;
}
