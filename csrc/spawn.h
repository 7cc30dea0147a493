/*
 * The birth of the container's side: see spawn.c. Every function returns a negative errno on
 * failure.
 */
#ifndef PYRUNC_SPAWN_H
#define PYRUNC_SPAWN_H

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
 * clone3(2) or clone(2) with CLONE_NEW* `flags`, then execveat of `exe_fd` as `pyrunc init
 * BASE`, with fds[i] as descriptor base + i, those from 3 to base - 1 as they are, all others
 * closed. The pid; a pidfd in *pid_fd. cgroup_fd: a v2 cgroup to be born in (Linux 5.7), or -1.
 */
int k_spawn(int exe_fd, int base, const int *fds, int count, unsigned long long flags,
	    int cgroup_fd, int *pid_fd);
/* Lift a hard limit that is lower; for a process that has lost the right in its user namespace. */
int k_take_fd(int pid_fd, int number);
int k_raise_hard_limit(int pid, int resource, unsigned long long hard);

#endif
