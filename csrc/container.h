/* A container as the fast commands see it: its folder below the state root and its record. */
#ifndef PYRUNC_CONTAINER_H
#define PYRUNC_CONTAINER_H

#include <stdbool.h>

#include "record.h"

#define FIFO_FILE "exec.fifo"

enum status { STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED, STATUS_UNKNOWN };

struct container {
	int root_fd;   /* the state root */
	int folder_fd; /* the container's folder; with a lock on it if one was asked for */
	struct record record;
	char bytes[RECORD_AT_MOST];
};

/* Open and read; with `locked` take the folder's lock first. False: ask Python. */
bool container_open(struct container *container, const char *root, const char *id, bool locked);

/* The words of enum status, as `state` prints them. */
const char *status_word(enum status status);

/* What it is now, found in the order of runtime/state.py, Container.status(). */
enum status container_status(const struct container *container);

/* Init runs, and is the process that we started. */
bool container_is_init_alive(const struct container *container);

/* Init has ended, or not yet begun, as the executor: it did not get to its execve(2). */
bool container_is_still_ours(const struct container *container);

/* A pidfd of init, verified to be the process that we started; -1 without one. */
int container_open_init(const struct container *container);

#endif
