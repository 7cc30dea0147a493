/* The wait of `start`: see started.h. */
#define _GNU_SOURCE
#include "started.h"

#include <errno.h>
#include <unistd.h>

#include "interrupt.h"

int wait_started(int fifo_fd, int pid_fd, void *buffer, size_t size)
{
	size_t got = 0;

	for (;;) {
		struct pollfd watched[2] = {
			{ .fd = fifo_fd, .events = POLLIN }, { .fd = pid_fd, .events = POLLIN },
		};

		if (interruptible_poll(watched, 2, -1) < 0)
			return -errno;
		if (watched[0].revents && got < size) {
			const ssize_t put = read(fifo_fd, (char *)buffer + got, size - got);

			if (put < 0 && errno != EAGAIN)
				return -errno;
			if (put == 0 && got > 0)
				return (int)got; /* the other end closed: execve, or a last word */
			if (put > 0)
				got += (size_t)put;
			if (put > 0)
				continue;
		}
		if (watched[1].revents)
			return (int)got;
	}
}
