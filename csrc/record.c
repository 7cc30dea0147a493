/* The decoder of a container's record: see record.h. */
#include "record.h"

#include <string.h>

static uint32_t crc32(const unsigned char *bytes, size_t size)
{
	/* The remainders of four bits, polynomial 0xedb88320. */
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = ~0u;

	for (size_t i = 0; i < size; i++) {
		crc = crc >> 4 ^ table[(crc ^ bytes[i]) & 15];
		crc = crc >> 4 ^ table[(crc ^ (uint32_t)bytes[i] >> 4) & 15];
	}
	return ~crc;
}

bool record_decode(struct record *record, const void *bytes, size_t size)
{
	const size_t checked = offsetof(struct record_header, start);
	struct record_header *const header = &record->header;
	uint32_t count = 0;

	if (size <= sizeof(*header))
		return false;
	memcpy(header, bytes, sizeof(*header));
	if (header->magic != RECORD_MAGIC || header->version != RECORD_VERSION ||
	    header->size != size ||
	    header->checksum != crc32((const unsigned char *)bytes + checked, size - checked))
		return false;
	record->strings = (const char *)bytes + sizeof(*header);
	for (size_t i = 0; i < size - sizeof(*header); i++)
		count += record->strings[i] == '\0';
	return record->strings[size - sizeof(*header) - 1] == '\0' &&
	       count == header->string_count && count >= RECORD_CGROUPS;
}

const char *record_string(const struct record *record, uint32_t index)
{
	const char *string = record->strings;

	if (index >= record->header.string_count)
		return NULL;
	while (index--)
		string += strlen(string) + 1;
	return string;
}
