/* Bytes above ASCII become \u00XX: the reader gets them back as Latin-1. */
#include "json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3)))
static void put(struct json *json, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const size_t room = json->size - json->used;
	const int length = vsnprintf(json->text + json->used, room, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= room)
		abort();        /* half a report would look like a difference */
	json->used += (size_t)length;
}

static void separate(struct json *json)
{
	if (json->comma)
		put(json, ",");
	json->comma = true;
}

static void quote(struct json *json, const char *value)
{
	put(json, "\"");
	for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			put(json, "\\%c", *c);
		else if (*c < 0x20 || *c >= 0x7f)
			put(json, "\\u%04x", *c);
		else
			put(json, "%c", *c);
	}
	put(json, "\"");
}

void json_begin(struct json *json, char bracket)
{
	separate(json);
	put(json, "%c", bracket);
	json->comma = false;
}

void json_end(struct json *json, char bracket)
{
	put(json, "%c", bracket);
	json->comma = true;
}

void json_key(struct json *json, const char *key)
{
	separate(json);
	quote(json, key);
	put(json, ":");
	json->comma = false;
}

void json_number(struct json *json, long long value)
{
	separate(json);
	put(json, "%lld", value);
}

void json_text(struct json *json, const char *value)
{
	separate(json);
	quote(json, value);
}

void json_octal(struct json *json, unsigned int value)
{
	separate(json);
	put(json, "\"%04o\"", value);
}

void json_hex(struct json *json, unsigned long long value)
{
	separate(json);
	put(json, "\"%#llx\"", value);
}

void json_errno(struct json *json)
{
	separate(json);
	put(json, "\"error: %s\"", strerror(errno));
}

void json_result(struct json *json, long long result)
{
	if (result == -1)
		json_errno(json);
	else
		json_number(json, result);
}

void json_key_number(struct json *json, const char *key, long long value)
{
	json_key(json, key);
	json_number(json, value);
}

void json_key_text(struct json *json, const char *key, const char *value)
{
	json_key(json, key);
	json_text(json, value);
}

void json_key_result(struct json *json, const char *key, long long result)
{
	const int keep = errno;

	json_key(json, key);
	errno = keep;
	json_result(json, result);
}
