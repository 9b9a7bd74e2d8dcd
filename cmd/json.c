/*
 * json.c - print a flat JSON object; see json.h.
 */
#include <inttypes.h>
#include <stddef.h>

#include "json.h"

/*
 * The length of the UTF-8 sequence that text begins with, or 0 if it is not
 * one (RFC 3629: no surrogates, nothing over U+10FFFF, no longer form than
 * needed).
 */
static size_t utf8_length(const unsigned char *text)
{
	static const struct {
		unsigned char first, last;	/* of the leading byte */
		unsigned char low, high;	/* of the second */
		size_t length;
	} forms[] = {
		{ 0x01, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t i, j;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (forms[i].length == 1)
			return 1;
		if (text[1] < forms[i].low || text[1] > forms[i].high)
			return 0;
		for (j = 2; j < forms[i].length; j++)
			if ((text[j] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

static void put_string(FILE *file, const char *value)
{
	const unsigned char *p = (const unsigned char *)value;

	putc('"', file);
	while (*p != '\0') {
		size_t length = utf8_length(p);

		if (length == 0) {
			fputs("\\ufffd", file);
			p++;
			continue;
		}
		if (*p == '"' || *p == '\\')
			fprintf(file, "\\%c", *p);
		else if (*p < ' ' || *p == 0x7f)
			fprintf(file, "\\u%04x", *p);
		else
			fwrite(p, 1, length, file);
		p += length;
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

static FILE *member(struct json *json, const char *name)
{
	if (json->begun)
		putc(',', json->file);
	json->begun = true;
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

void json_seconds(struct json *json, const char *name, int64_t ns)
{
	int64_t ms = ns / 1000000;
	int64_t magnitude = ms < 0 ? -ms : ms;

	fprintf(member(json, name), "%s%" PRId64 ".%03" PRId64,
		ms < 0 ? "-" : "", magnitude / 1000, magnitude % 1000);
}
