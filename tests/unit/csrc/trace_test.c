/* sources: trace.c */
#define _GNU_SOURCE
#include "trace.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

int main(void)
{
	const int fd = memfd_create("stamps", 0);

	need(fd >= 0 && ftruncate(fd, 3 * sizeof(struct stamp)) == 0, "memory");
	struct stamp *stamps = trace_open(fd, 3);

	need(stamps != NULL, "trace_open");
	const pid_t child = fork();

	if (child == 0) { /* as after the fork of the intermediate */
		trace_begin(&stamps[1]);
		errno = ENOENT;
		trace_end(&stamps[1], EPERM);
		_exit(errno == ENOENT ? 0 : 1);
	}
	int status = -1;

	need(waitpid(child, &status, 0) == child && status == 0, "errno is kept");
	CHECK(stamps[1].pid == child);
	CHECK(stamps[1].begin > 0 && stamps[1].end >= stamps[1].begin);
	CHECK(stamps[1].err == EPERM);
	CHECK(stamps[0].begin == 0 && stamps[2].begin == 0);
	CHECK(trace_open(-1, 3) == NULL);
	return check_status();
}
