/* What the records of a container have in common: a checksum, and strings one after the other. */
#ifndef PYRUNC_CHECKED_H
#define PYRUNC_CHECKED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* CRC-32 as zlib has it. */
static inline uint32_t checked_sum(const void *bytes, size_t size)
{
	/* The remainders of four bits, polynomial 0xedb88320. */
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const unsigned char *byte = bytes;
	uint32_t crc = ~0u;

	for (size_t i = 0; i < size; i++) {
		crc = crc >> 4 ^ table[(crc ^ byte[i]) & 15];
		crc = crc >> 4 ^ table[(crc ^ (uint32_t)byte[i] >> 4) & 15];
	}
	return ~crc;
}

/* How many strings end within `size` bytes. */
static inline uint32_t checked_count(const char *strings, size_t size)
{
	uint32_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += strings[i] == '\0';
	return count;
}

/* String number `index` of those that were counted. */
static inline const char *checked_string(const char *strings, uint32_t index)
{
	while (index--)
		strings += strlen(strings) + 1;
	return strings;
}

#endif
