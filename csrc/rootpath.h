/*
 * Everything that opens or makes something under the root filesystem. The image is hostile and
 * may change while we work: a path is resolved once, by the kernel, confined to the root, and
 * from then on only the descriptor is used.
 */
#ifndef PYRUNC_ROOTPATH_H
#define PYRUNC_ROOTPATH_H

/* O_PATH descriptor of what `path` names inside the root, links followed inside it. */
int root_open(int root_fd, const char *path, int flags);
/* The same, but no component may be a symbolic link. */
int root_open_nolinks(int root_fd, const char *path, int flags);
/* The directory `path`, made with its parents when missing. */
int root_mkdir(int root_fd, const char *path, unsigned int mode);
/* The parent directory of `path`, made when missing; *name points at the last component. */
int root_parent(int root_fd, const char *path, const char **name);
/* A mount target: what is there, else a new directory or an empty file. */
int root_target(int root_fd, const char *path, int is_directory);

#endif
