/* The decoder of a container's record: see record.h. */
#include "record.h"

#include <string.h>

#include "checked.h"

bool record_decode(struct record *record, const void *bytes, size_t size)
{
	const size_t checked = offsetof(struct record_header, start);
	struct record_header *const header = &record->header;

	if (size <= sizeof(*header))
		return false;
	memcpy(header, bytes, sizeof(*header));
	if (header->magic != RECORD_MAGIC || header->version != RECORD_VERSION ||
	    header->size != size ||
	    header->checksum != checked_sum((const char *)bytes + checked, size - checked))
		return false;
	record->strings = (const char *)bytes + sizeof(*header);
	const uint32_t count = checked_count(record->strings, size - sizeof(*header));

	return record->strings[size - sizeof(*header) - 1] == '\0' &&
	       count == header->string_count && count >= RECORD_CGROUPS;
}

const char *record_string(const struct record *record, uint32_t index)
{
	return index < record->header.string_count ? checked_string(record->strings, index) : NULL;
}
