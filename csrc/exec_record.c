/* The decoder of the plan made in advance: see exec_record.h. */
#include "exec_record.h"

#include "checked.h"

bool exec_record_decode(struct exec_record *record, const void *bytes, size_t size)
{
	const size_t checked = offsetof(struct exec_header, start);
	struct exec_header *const header = &record->header;

	if (size <= sizeof(*header))
		return false;
	memcpy(header, bytes, sizeof(*header));
	if (header->magic != EXEC_MAGIC || header->version != EXEC_VERSION || header->size != size ||
	    header->plan_offset % 8 || header->plan_offset >= size ||
	    header->plan_offset <= sizeof(*header) ||
	    header->checksum != checked_sum((const char *)bytes + checked, size - checked))
		return false;
	record->strings = (const char *)bytes + sizeof(*header);
	record->plan = (const char *)bytes + header->plan_offset;
	record->plan_size = size - header->plan_offset;
	/* The padding counts as empty strings behind the last. */
	const size_t room = header->plan_offset - sizeof(*header);

	return record->strings[room - 1] == '\0' && header->string_count >= EXEC_SLOTS &&
	       checked_count(record->strings, room) >= header->string_count;
}

const char *exec_record_string(const struct exec_record *record, uint32_t index)
{
	return index < record->header.string_count ? checked_string(record->strings, index) : NULL;
}
