/* stamp LIBRARY PROGRAM ARGUMENT...: note the time, then become the program under the library. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[32];
	struct timespec now;

	if (argc < 3 || setenv("LD_PRELOAD", argv[1], 1) < 0)
		return 126;
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "%lld", now.tv_sec * 1000000000LL + now.tv_nsec);
	if (setenv("STOPWATCH_BEGIN", text, 1) == 0)
		execv(argv[2], argv + 2);
	return 127;
}
