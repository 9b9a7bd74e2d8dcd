/* SPDX-License-Identifier: MIT */
/*
 * json.h - print a flat JSON object on one line.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *file;
	bool begun;	/* a member has been printed */
};

void json_begin(struct json *json, FILE *file);
void json_end(struct json *json);

/* Members.  A NULL string is null; bytes that are not UTF-8 become U+FFFD. */
void json_string(struct json *json, const char *name, const char *value);
void json_integer(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

/* Nanoseconds as seconds with three decimals. */
void json_seconds(struct json *json, const char *name, int64_t ns);

/*
 * Nanoseconds since 1970 as RFC 3339 has it, in UTC, to the millisecond; null
 * if the year has not four digits.
 */
void json_time(struct json *json, const char *name, int64_t ns);

#endif
