/* SPDX-License-Identifier: MIT */
/*
 * json.c - print a JSON object; see json.h.
 */
#include <inttypes.h>
#include <time.h>

#include "../../lib/os.h"
#include "json.h"
#include "utf8.h"

static void put_string(FILE *file, const char *value)
{
	const unsigned char *p = (const unsigned char *)value;

	putc('"', file);
	while (*p != '\0') {
		size_t length = utf8_length(p);

		if (length == 0)
			fputs("\\ufffd", file);
		else if (*p == '"' || *p == '\\')
			fprintf(file, "\\%c", *p);
		else if (utf8_is_control(p))
			fprintf(file, "\\u%04x", p[length - 1]);
		else
			fwrite(p, 1, length, file);
		p += length == 0 ? 1 : length;
	}
	putc('"', file);
}

void json_begin(struct json *json, FILE *file)
{
	json->file = file;
	json->begun = false;
	putc('{', file);
}

void json_end(struct json *json)
{
	fputs("}\n", json->file);
}

static void separate(struct json *json)
{
	if (json->begun)
		putc(',', json->file);
	json->begun = true;
}

static FILE *member(struct json *json, const char *name)
{
	separate(json);
	put_string(json->file, name);
	putc(':', json->file);
	return json->file;
}

void json_string(struct json *json, const char *name, const char *value)
{
	if (value == NULL)
		json_null(json, name);
	else
		put_string(member(json, name), value);
}

void json_integer(struct json *json, const char *name, int64_t value)
{
	fprintf(member(json, name), "%" PRId64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	fputs(value ? "true" : "false", member(json, name));
}

void json_null(struct json *json, const char *name)
{
	fputs("null", member(json, name));
}

void json_begin_list(struct json *json, const char *name)
{
	putc('[', member(json, name));
	json->begun = false;
}

void json_begin_object(struct json *json)
{
	separate(json);
	putc('{', json->file);
	json->begun = false;
}

void json_end_object(struct json *json)
{
	putc('}', json->file);
	json->begun = true;
}

void json_end_list(struct json *json)
{
	putc(']', json->file);
	json->begun = true;
}

void json_seconds(struct json *json, const char *name, int64_t ns)
{
	int64_t ms = ns / 1000000;
	int64_t magnitude = ms < 0 ? -ms : ms;

	fprintf(member(json, name), "%s%" PRId64 ".%03" PRId64,
		ms < 0 ? "-" : "", magnitude / 1000, magnitude % 1000);
}

void json_time(struct json *json, const char *name, int64_t ns)
{
	struct timespec ts = ns_to_timespec(ns);
	char seconds[64], text[80];
	struct tm tm;

	if (gmtime_r(&ts.tv_sec, &tm) == NULL || tm.tm_year + 1900 > 9999 ||
	    tm.tm_year + 1900 < 0) {
		json_null(json, name);
		return;
	}
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03ldZ", seconds,
		 ts.tv_nsec / 1000000);
	json_string(json, name, text);
}
