/* SPDX-License-Identifier: MIT */
/*
 * json.h - print a JSON object on one line.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *file;
	bool begun;	/* a member, or an object in a list, was printed */
};

void json_begin(struct json *json, FILE *file);
void json_end(struct json *json);

/* Members.  A NULL string is null; bytes that are not UTF-8 become U+FFFD. */
void json_string(struct json *json, const char *name, const char *value);
void json_integer(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

/* A member that is a list of objects.  All between is of the innermost. */
void json_begin_list(struct json *json, const char *name);
void json_begin_object(struct json *json);
void json_end_object(struct json *json);
void json_end_list(struct json *json);

/* Nanoseconds as seconds with three decimals. */
void json_seconds(struct json *json, const char *name, int64_t ns);

/*
 * Nanoseconds since 1970 as RFC 3339 has it, in UTC, to the millisecond; null
 * if the year has not four digits.
 */
void json_time(struct json *json, const char *name, int64_t ns);

#endif
