/* What the container's process says through the exec fifo once it may go on: csrc/child.h. */
#ifndef PYRUNC_STARTED_H
#define PYRUNC_STARTED_H

#include <stddef.h>

/*
 * Read until the other end is closed, or the process has ended: how many bytes came, or -errno.
 * EINTR when a signal with a handler came.
 */
int wait_started(int fifo_fd, int pid_fd, void *buffer, size_t size);

#endif
