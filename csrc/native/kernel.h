/*
 * What the Python side needs from the kernel and CPython has not. Every function returns a
 * negative errno on failure. kernel.cdef declares the same for cffi.
 */
#ifndef PYRUNC_KERNEL_H
#define PYRUNC_KERNEL_H

#include <stddef.h>

/* A sealed, executable copy of the file in memory: what runs inside cannot be written to. */
int k_sealed_copy(const char *path);
/* The same for bytes: the plan. */
int k_sealed_bytes(const void *bytes, size_t size);
/* Two ends of a SOCK_SEQPACKET socket, close-on-exec. */
int k_channel(int *pair);
/* One message; its length, 0 when the peer is gone. A descriptor that came along, else -1. */
int k_receive(int fd, void *buffer, size_t size, int *passed_fd);
/* The word to go on, with a descriptor or -1. */
int k_send_word(int fd, int passed_fd);
/*
 * A detached copy of the mount at `path`, a slave of it: what happens to it in the container
 * does not reach the host. Linux 5.12.
 */
int k_open_tree(const char *path, int recursive);
/* A user namespace with these maps, lines as in /proc/PID/uid_map, and nobody in it. */
int k_user_namespace(const char *uid_map, const char *gid_map);
/* Let a detached mount show ids as the user namespace maps them. Linux 5.12. */
int k_map_ids(int tree_fd, int userns_fd, int recursive);
/*
 * clone3(2) or clone(2) with CLONE_NEW* `flags`, then execveat of `exe_fd` as `pyrunc init
 * BASE`, with fds[i] as descriptor base + i, those from 3 to base - 1 as they are, all others
 * closed. The pid; a pidfd in *pid_fd. cgroup_fd: a v2 cgroup to be born in (Linux 5.7), or -1.
 */
int k_spawn(int exe_fd, int base, const int *fds, int count, unsigned long long flags,
	    int cgroup_fd, int *pid_fd);
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
/* Lift a hard limit that is lower; for a process that has lost the right in its user namespace. */
int k_raise_hard_limit(int pid, int resource, unsigned long long hard);
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
