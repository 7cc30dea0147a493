/*
 * The container side: what an operation may look at, and the table of operations.
 *
 *   runtime (Python)                          child (this)
 *      |  clone3 + execveat, descriptors at base...  |
 *      |  <------------- REACHED barrier ----------- |   operations up to a sync
 *      |  --------------- go on -------------------> |
 *      |  <------------- CHILD pid, pidfd ---------- |   fork: the intermediate leaves,
 *      |  --------------- go on -------------------> |   its child waits to be known
 *      |  <------------- WANT path ----------------- |   a bind source out of our reach
 *      |  --------------- go on, descriptor -------> |   a detached mount of it
 *      |  <------------- MASTER, descriptor -------- |   of the new terminal
 *      |  <------------- FAILED op, call, errno ---- |   and exits 1
 *      |  <------------- LISTENER number ----------- |   of the seccomp filter: taken by pidfd
 *      |  --------------- go on -------------------> |
 *      |          ... REACHED created, go on ...     |   the socket closes
 *   start: opens exec.fifo  <------- "0" ----------- |   blocked in open(2) until then
 *      |  <-------------------- "1" ---------------- |   its hooks, if any, are done
 *      |  <------- a FAILED message, or end -------- |   execve closes the fifo; so does death
 *
 * exec has neither the last barrier nor the fifo:
 *      |  <----------- REACHED program ------------- |   all but seccomp and execve is done
 *      |  <------- a FAILED message, or end -------- |   execve closes the socket
 */
#ifndef PYRUNC_CHILD_H
#define PYRUNC_CHILD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan.h"

#define CHILD_DETAIL 1024

struct child {
	const struct plan *plan;
	int base;          /* slot 0; slot n is descriptor base + n */
	int control_fd;    /* socket to the runtime; -1 once created */
	int report_fd;     /* where a failing execve is told: exec fifo after start, exec's socket */
	int root_fd;       /* the root filesystem, O_PATH; -1 before op_root */
	int proc_fd;       /* a procfs of our own that nothing is mounted over; -1 until needed */
	int mask_fd;       /* the empty directory that masks directories; -1 until needed */
	uint32_t deferred; /* slots whose setns was refused and will be tried again */
	bool cwd_done;
	bool hooks_after_start;
	mode_t umask;      /* for hooks: the caller's, then the container's; ours is 0 */
	char root_path[PATH_MAX];  /* where root_fd lies as seen from "/"; "" after the pivot */
	char program[PATH_MAX];    /* found by op_executable */
	char detail[CHILD_DETAIL]; /* words about a failure: "option\0kernel's own words" or text */
	uint32_t detail_length;
};

/* What a failing operation tells: its call; errno says the rest. */
typedef int op_function(const struct plan_op *op, struct child *child, const char **call);

#define OP(number, name, strings) op_function op_##name;
#include "ops.def"
#undef OP

/* Descriptor of a slot, -1 with EBADF if the plan names one that was not passed. */
int child_slot(const struct child *child, uint64_t slot);

/* Words for the failure message; printf-like. Always returns -1, errno kept. */
int child_say(struct child *child, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The child's own procfs (proc.c). -1 with errno. It has processes only and is kept until execve:
 * who gets hold of it, by the right to trace us, finds no /proc/sys in it that is not masked. */
int proc_handle(struct child *child);
/* A whole one, for the caller to close. */
int proc_whole(struct child *child);
/* "self/fd/N" of it, for calls that want a path. */
int proc_open_fd(struct child *child, int fd, int flags);
int proc_chmod_fd(struct child *child, int fd, unsigned int mode);
/* "self/attr/NAME" of it, for writing. */
int proc_open_attribute(struct child *child, const char *name);
/* Where a descriptor lies, as d_path sees it; length or -1. */
int proc_fd_path(struct child *child, int fd, char *buffer, int size);

/* SELinux: the label of keys made from now on (op_labels.c). */
int label_new_keys(struct child *child, const char *label);

/* Message to the runtime and the wait for its word (init.c). */
int child_reach(struct child *child, uint32_t barrier);
/* The same without the wait. */
int child_tell(struct child *child, uint32_t barrier);
/* And the wait alone. */
int child_await_word(struct child *child);
/* The seccomp filter is in: the runtime takes its listener, and says so. */
int child_show_listener(struct child *child, int listener_fd);
int child_announce(struct child *child, int pid, int pid_fd);
/* A detached mount of a host path that our user namespace may not walk: the runtime may. */
int child_want_tree(struct child *child, const char *path, bool recursive);
/* The terminal's other end, for whoever copies; no answer comes. */
int child_send_master(struct child *child, int master_fd);

#endif
