/*
 * What the Python side needs from the kernel and CPython has not. Every function returns a
 * negative errno on failure. kernel.cdef declares the same for cffi.
 */
#ifndef PYRUNC_KERNEL_H
#define PYRUNC_KERNEL_H

#include <stddef.h>

#include "../spawn.h"

/*
 * A detached copy of the mount at `path`, a slave of it: what happens to it in the container
 * does not reach the host. Linux 5.12.
 */
int k_open_tree(const char *path, int recursive);
/* A user namespace with these maps, lines as in /proc/PID/uid_map, and nobody in it. */
int k_user_namespace(const char *uid_map, const char *gid_map);
/* This thread goes on in another network namespace, setns(2). */
int k_enter_network(int netns_fd);
/* Let a detached mount show ids as the user namespace maps them. Linux 5.12. */
int k_map_ids(int tree_fd, int userns_fd, int recursive);
/*
 * Read the exec fifo until the program has been executed (end of file), init has died or said
 * why it failed. Bytes read: see child.h; 0 that init died before.
 */
int k_wait_started(int fifo_fd, int pid_fd, void *buffer, size_t size);
/*
 * poll(2) for reading, bit i for fds[i]; 0 after timeout_ms, -1 is for ever. interruptible: the
 * signals that stop the runtime come in, with -EINTR; for the main thread only.
 */
int k_wait_readable(const int *fds, int count, int timeout_ms, int interruptible);
/* hook.h with lists as NUL-terminated strings one after the other. -EINTR: a signal came. */
int k_run_hook(const char *path, const char *args, size_t args_size, const char *env,
	       size_t env_size, const char *input, size_t input_size, long timeout_ms,
	       char *output, size_t output_size, int *end, int *value);
/* bpf(2): a descriptor or 0. */
int k_bpf(int command, void *attr, unsigned int size);
/* Orphans of the container become our children. */
int k_become_subreaper(void);
/* A non-blocking descriptor of all signals that are blocked. */
int k_signal_fd(void);
/* The number of the next signal there; -EAGAIN if none waits. */
int k_read_signal(int fd);
/* flock(2), exclusive; waits. */
int k_lock(int fd);

#endif
