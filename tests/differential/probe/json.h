/* A JSON writer for one report: keys and values in the order of the calls. */
#ifndef PROBE_JSON_H
#define PROBE_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct json {
	char *text;
	size_t used;
	size_t size;
	bool comma;     /* the next value or key follows another one */
};

void json_begin(struct json *json, char bracket);
void json_end(struct json *json, char bracket);
void json_key(struct json *json, const char *key);
void json_number(struct json *json, long long value);
void json_text(struct json *json, const char *value);
void json_octal(struct json *json, unsigned int value);
void json_hex(struct json *json, unsigned long long value);

/* What errno says in place of a value: "error: Operation not permitted". */
void json_errno(struct json *json);

/* The result of a system call: a number, or what errno says for -1. */
void json_result(struct json *json, long long result);

/* A key with its value. */
void json_key_number(struct json *json, const char *key, long long value);
void json_key_text(struct json *json, const char *key, const char *value);
void json_key_result(struct json *json, const char *key, long long result);

#endif
