/* sources: record.c */
/* The record's decoder: what runtime/record.py writes, and every way to damage it. */
#include "record.h"

#include "check.h"

/* boot, freezer, head, tail, two cgroups; the sum is zlib's. */
static size_t make(unsigned char *bytes, uint32_t count, const char *strings, size_t size)
{
	struct record_header header = {
		.magic = RECORD_MAGIC, .version = RECORD_VERSION,
		.size = (uint32_t)(sizeof(header) + size), .start = 77, .pid = 4711,
		.flags = RECORD_PLAIN_START, .string_count = count,
	};

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), strings, size);
	return sizeof(header) + size;
}

/* A checksum of our own reckoning, bit by bit. */
static void sum(unsigned char *bytes, size_t size)
{
	uint32_t crc = ~0u;

	for (size_t i = offsetof(struct record_header, start); i < size; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	crc = ~crc;
	memcpy(bytes + offsetof(struct record_header, checksum), &crc, sizeof(crc));
}

int main(void)
{
	static const char strings[] = "boot\0/f\0head\0tail\0/a\0/b";
	unsigned char bytes[256];
	struct record record;
	const size_t size = make(bytes, 6, strings, sizeof(strings));

	CHECK(!record_decode(&record, bytes, size)); /* no checksum yet */
	sum(bytes, size);
	CHECK(record_decode(&record, bytes, size));
	CHECK(record.header.pid == 4711 && record.header.start == 77);
	CHECK_TEXT(record_string(&record, RECORD_BOOT), "boot");
	CHECK_TEXT(record_string(&record, RECORD_TAIL), "tail");
	CHECK_TEXT(record_string(&record, RECORD_CGROUPS + 1), "/b");
	CHECK(!record_string(&record, RECORD_CGROUPS + 2));

	/* Each bit matters, the ones of the checksum too. */
	for (size_t bit = 0; bit < size * 8; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		CHECK(!record_decode(&record, bytes, size));
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	for (size_t shorter = 0; shorter < size; shorter++) {
		unsigned char *const copy = malloc(shorter ? shorter : 1);

		need(copy != NULL, "malloc");
		memcpy(copy, bytes, shorter);
		CHECK(!record_decode(&record, copy, shorter));
		free(copy);
	}
	/* Well summed, and yet wrong. */
	static const struct {
		uint32_t count;
		const char *strings;
		size_t size;
	} wrong[] = {
		{ 5, strings, sizeof(strings) },
		{ 7, strings, sizeof(strings) },
		{ 5, strings, sizeof(strings) - 1 },
		{ 3, "a\0b\0c", 6 },
		{ 0, "", 0 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const size_t whole = make(bytes, wrong[i].count, wrong[i].strings, wrong[i].size);

		sum(bytes, whole);
		CHECK(!record_decode(&record, bytes, whole));
	}
	return check_status();
}
