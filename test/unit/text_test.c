/* SPDX-License-Identifier: MIT */
/*
 * text_test.c - quoting for shells, formats of claims, JSON, names of errors.
 */
#include <errno.h>
#include <stdlib.h>

#include "../../cmd/text/claim_format.h"
#include "../../cmd/text/errno_names.h"
#include "../../cmd/text/json.h"
#include "../../cmd/text/shell_quote.h"
#include "../tap.h"

static void test_quote(void)
{
	static const struct {
		const char *text, *sh, *csh, *fish;
	} rows[] = {
		{ "", "''", "''", "''" },
		{ "/tmp/a b", "'/tmp/a b'", "'/tmp/a b'", "'/tmp/a b'" },
		{ "it's", "'it'\\''s'", "'it'\\''s'", "'it\\'s'" },
		{ "''", "''\\'''\\'''", "''\\'''\\'''", "'\\'\\''" },
		{ "$(rm -rf ~)`x`", "'$(rm -rf ~)`x`'", "'$(rm -rf ~)`x`'",
		  "'$(rm -rf ~)`x`'" },
		{ "a\\", "'a\\'", "'a'\\\\''", "'a\\\\'" },
		{ "hi!", "'hi!'", "'hi'\\!''", "'hi!'" },
		{ "two\nlines", "'two\nlines'", "'two'$'\\n''lines'",
		  "'two'\\n'lines'" },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		char *sh = shell_quote(rows[i].text);
		char *csh = shell_quote_csh(rows[i].text);
		char *fish = shell_quote_fish(rows[i].text);

		is_string(sh, rows[i].sh, "quoted as one word of sh");
		is_string(csh, rows[i].csh, "quoted as one word of csh");
		is_string(fish, rows[i].fish, "quoted as one word of fish");
		free(sh);
		free(csh);
		free(fish);
	}
}

static void test_formats(void)
{
	const struct claim_format *env = claim_format_find("env");
	const struct claim_format *json = claim_format_find("json");
	const struct claim_format *sh = claim_format_find("sh");

	ok(claim_format_find("") == NULL && claim_format_find("shell") == NULL,
	   "what is no name of a format");
	ok(claim_format_obstacle(env, "a b'\"$=") == NULL &&
	   claim_format_obstacle(env, "a\nb") != NULL &&
	   claim_format_obstacle(env, "a\rb") != NULL,
	   "an environment file has one line for a claim");
	ok(claim_format_obstacle(json, "\xc3\xa9\n") == NULL &&
	   claim_format_obstacle(json, "a\xe9") != NULL,
	   "JSON has only UTF-8");
	ok(claim_format_obstacle(sh, "\xff\n\r") == NULL,
	   "a shell takes any claim");
}

/* What json_string() prints for a value. */
static void is_json(const char *value, const char *expected,
		    const char *behaviour)
{
	char text[256] = "", whole[256];
	FILE *file = fmemopen(text, sizeof(text), "w");
	struct json json;

	json_begin(&json, file);
	json_string(&json, "a", value);
	json_end(&json);
	fclose(file);
	snprintf(whole, sizeof(whole), "{\"a\":%s}\n", expected);
	is_string(text, whole, behaviour);
}

static void test_json(void)
{
	char text[256] = "";
	FILE *file;
	struct json json;

	is_json("plain", "\"plain\"", "plain text");
	is_json(NULL, "null", "no text");
	is_json("\"\\", "\"\\\"\\\\\"", "quotes and backslashes");
	is_json("\n\x1b\x7f", "\"\\u000a\\u001b\\u007f\"",
		"control characters");
	is_json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x92",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x92\"", "UTF-8");
	is_json("\xc2\x9b", "\"\\u009b\"", "a control character of 8 bits");
	is_json("\xff", "\"\\ufffd\"", "a byte that is not UTF-8");
	is_json("\xc0\xaf", "\"\\ufffd\\ufffd\"", "a form that is too long");
	is_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"", "a surrogate");
	is_json("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"",
		"beyond Unicode");
	is_json("\xe2\x82", "\"\\ufffd\\ufffd\"", "a sequence cut short");

	file = fmemopen(text, sizeof(text), "w");
	json_begin(&json, file);
	json_seconds(&json, "s", -1500000000);
	json_seconds(&json, "t", -1000000);
	json_integer(&json, "i", -7);
	json_bool(&json, "b", true);
	json_end(&json);
	fclose(file);
	is_string(text, "{\"s\":-1.500,\"t\":-0.001,\"i\":-7,\"b\":true}\n",
		  "numbers, and members with commas between");

	file = fmemopen(text, sizeof(text), "w");
	json_begin(&json, file);
	json_time(&json, "t", INT64_C(1234567890123999999));
	json_end(&json);
	fclose(file);
	is_string(text, "{\"t\":\"2009-02-13T23:31:30.123Z\"}\n",
		  "a time in UTC, to the millisecond");
}

static void test_errnos(void)
{
	int errnos[2];
	const char *bad;
	size_t count, length;

	ok(errno_names_parse("ESTALE,EIO", errnos, 2, &count, &bad,
			     &length) && count == 2 && errnos[0] == ESTALE &&
	   errnos[1] == EIO, "errors by their names");
	ok(!errno_names_parse("ESTALE,EFOO", errnos, 2, &count, &bad,
			      &length) && length == 4 &&
	   strncmp(bad, "EFOO", 4) == 0, "the one that is none is shown");
	ok(!errno_names_parse("", errnos, 2, &count, &bad, &length),
	   "an empty list has none");
	ok(!errno_names_parse("EIO,", errnos, 2, &count, &bad, &length),
	   "nor has the end after a comma");
	ok(!errno_names_parse("EIOX", errnos, 2, &count, &bad, &length),
	   "a name must be whole");
	ok(!errno_names_parse("EI", errnos, 2, &count, &bad, &length),
	   "and not the beginning of one");
	ok(!errno_names_parse("EIO,EIO,EIO", errnos, 2, &count, &bad,
			      &length), "more than there is room for");
}

int main(void)
{
	test_quote();
	test_formats();
	test_json();
	test_errnos();
	return done();
}
