/*
 * The record of a container: what create learned and later commands need, in a form that
 * needs no interpreter. Written by runtime/record.py beside state.json, which stays the truth.
 *
 *   header | strings, each with its NUL: boot id, freezer file, state text before the pid,
 *            state text after the status, directory of the cgroup in each hierarchy
 *
 * Numbers are in the byte order of the machine. The checksum is CRC-32 of all behind it.
 */
#ifndef PYRUNC_RECORD_H
#define PYRUNC_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_FILE "record"
#define RECORD_MAGIC 0x52525950u /* "PYRR" read as a little-endian number */
#define RECORD_VERSION 1u
#define RECORD_AT_MOST 65536 /* bytes; a state with longer annotations is Python's business */

#define RECORD_OWN_PID_NAMESPACE 1u /* init's end is the end of every process */
#define RECORD_PLAIN_START 2u       /* start has nothing to do but to let init go on */
#define RECORD_PLAIN_DELETE 4u      /* delete: nothing but processes, cgroup and state */
#define RECORD_FREEZER_V1 8u        /* the freezer file is freezer.state, else cgroup.freeze */

enum record_string { RECORD_BOOT, RECORD_FREEZER, RECORD_HEAD, RECORD_TAIL, RECORD_CGROUPS };

struct record_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size; /* of the whole file */
	uint32_t checksum;
	uint64_t start; /* of init, in clock ticks after boot */
	uint64_t state_inode; /* of the state.json that this was made from, and its mtime in ns: */
	uint64_t state_mtime; /* written since, by whomever, it is no longer what this says */
	uint32_t pid;
	uint32_t flags;
	uint32_t string_count;
	uint32_t reserved;
};

struct record {
	struct record_header header;
	const char *strings;
};

/* False for whatever is not a whole record of this version; the bytes stay the caller's. */
bool record_decode(struct record *record, const void *bytes, size_t size);

/* String number `index`, NULL past the last. */
const char *record_string(const struct record *record, uint32_t index);

#endif
