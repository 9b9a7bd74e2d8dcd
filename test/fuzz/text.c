/* SPDX-License-Identifier: MIT */
/*
 * text.c - what comes from paths and lock files, on its way out.
 */
#include "../../cmd/text/json.h"
#include "../../cmd/text/shell_quote.h"
#include "../../cmd/text/utf8.h"
#include "fuzz.h"

const char fuzz_behaviour[] =
	"text: whatever it is, it is quoted as one word for the shell, and "
	"as one line of JSON in UTF-8";

/* What a shell makes of a word in which only '...' and \' are special. */
static char *unquoted(const char *word)
{
	char *text = fuzz_text((const uint8_t *)word, strlen(word));
	char *end = text;

	while (*word != '\0') {
		if (*word == '\\') {
			HOLDS(word[1] == '\'');
			*end++ = '\'';
			word += 2;
			continue;
		}
		HOLDS(*word == '\'');
		for (word++; *word != '\''; word++) {
			HOLDS(*word != '\0');
			*end++ = *word;
		}
		word++;
	}
	*end = '\0';
	return text;
}

static void check_quoted(const char *text)
{
	char *word = shell_quote(text);
	char *again;

	HOLDS(word != NULL);
	again = unquoted(word);
	HOLDS(strcmp(again, text) == 0);
	free(again);
	free(word);
}

/* The characters of a string, its escapes undone, are those of the text. */
static void check_characters(const char *json, const unsigned char *text)
{
	while (*text != '\0') {
		size_t length = utf8_length(text);
		unsigned int code;
		int used;

		HOLDS(length <= strlen((const char *)text));
		if (*json != '\\') {
			HOLDS(length > 0 && (unsigned char)*json >= ' ');
			HOLDS(memcmp(json, text, length) == 0);
			json += length;
		} else if (json[1] != 'u') {
			HOLDS(json[1] == (char)*text);
			HOLDS(*text == '"' || *text == '\\');
			json += 2;
		} else {
			HOLDS(sscanf(json, "\\u%4x%n", &code, &used) == 1);
			HOLDS(used == 6);
			HOLDS(length == 0 ? code == 0xfffd :
					    code == text[length - 1]);
			json += used;
		}
		text += length == 0 ? 1 : length;
	}
	HOLDS(strcmp(json, "\"}\n") == 0);
}

static void check_json(const char *text)
{
	static const char head[] = "{\"\":\"";
	struct json json;
	char *printed;
	size_t size;
	FILE *file = open_memstream(&printed, &size);

	HOLDS(file != NULL);
	json_begin(&json, file);
	json_string(&json, "", text);
	json_end(&json);
	HOLDS(fclose(file) == 0);
	HOLDS(strncmp(printed, head, strlen(head)) == 0);
	check_characters(printed + strlen(head), (const unsigned char *)text);
	free(printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	check_quoted(text);
	check_json(text);
	free(text);
	return 0;
}
