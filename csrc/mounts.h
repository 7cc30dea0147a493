/* Attributes, propagation and the allowed places of a mount; used by the op_* files. */
#ifndef PYRUNC_MOUNTS_H
#define PYRUNC_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "child.h"

#define MOUNTS_PROC_MAGIC 0x9fa0

/* Whether the kernel has mount_setattr(2): 5.12. */
bool mounts_have_setattr(void);
/* Set and clear MOUNT_ATTR_* bits; before 5.12 by remount of the (attached) mount. */
int mounts_set(struct child *child, int fd, bool recursive, uint64_t set, uint64_t clear);
/* Apply packed propagation bytes (PROPAGATION_BYTE in ops.py) in their order. */
int mounts_propagate(struct child *child, int fd, uint32_t packed);
/* MOUNT_ATTR_* as flags of mount(2). */
unsigned long mounts_old_flags(unsigned int attributes);
/* statfs f_flags as MOUNT_ATTR_* bits: ST_* values are not MS_* values. */
uint64_t mounts_from_statfs(unsigned long flags);
/* Name of the lowest attribute set, for messages. */
const char *mounts_attr_name(uint64_t attributes);
/* A directory that no symbolic link leads to, made when missing. */
int mounts_real_dir(struct child *child, const char *path);
/* Refuse the root itself, places outside it, and /proc but for what is known to be harmless. */
int mounts_check_place(struct child *child, int target, bool source_is_procfs);
/* The container's own /dev/null, verified to be character device 1:3. */
int mounts_null(struct child *child);

#endif
