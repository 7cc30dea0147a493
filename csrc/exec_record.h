/*
 * The second record of a container: the plan of an exec of its own process, made in advance by
 * runtime/exec_record.py. fast_exec.c puts the process that is asked for in its place.
 *
 *   header | strings, each with its NUL | padding to 8 | plan
 *
 * The strings: the bundle's config.json, the v2 cgroup to be born in (may be empty), then what
 * each descriptor of the plan is, in order: "init", or "cgroup DIRECTORY" of version 1.
 */
#ifndef PYRUNC_EXEC_RECORD_H
#define PYRUNC_EXEC_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"

#define EXEC_FILE "exec"
#define EXEC_MAGIC 0x58525950u /* "PYRX" read as a little-endian number */
#define EXEC_VERSION 1u
#define EXEC_AT_MOST 262144 /* bytes */

#define EXEC_SETS_GROUPS 1u /* setgroups(2) is permitted */
#define EXEC_IDS_FIXED 2u   /* mapped ids: whether others exist, Python knows */
#define EXEC_HAS_SCORE 4u   /* the container has an oom score of its own, in `score` */

enum exec_string { EXEC_CONFIG, EXEC_BORN_IN, EXEC_SLOTS };

struct exec_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size;
	uint32_t checksum; /* CRC-32 of all behind it */
	uint64_t start;    /* of init, as in the record */
	uint64_t config_inode, config_mtime; /* of the config.json that was read; mtime in ns */
	uint64_t known_caps;
	uint32_t pid;
	uint32_t flags;
	int32_t score;
	uint32_t string_count;
	uint32_t plan_offset;
	uint32_t reserved;
};

struct exec_record {
	struct exec_header header;
	const char *strings;
	const char *plan;
	size_t plan_size;
};

/* False for whatever is not a whole one of this version; `bytes`, aligned to 8, stay the caller's. */
bool exec_record_decode(struct exec_record *record, const void *bytes, size_t size);

/* String number `index`, NULL past the last. */
const char *exec_record_string(const struct exec_record *record, uint32_t index);

#endif
