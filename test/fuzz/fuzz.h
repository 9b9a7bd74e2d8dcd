/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzzed inputs share.
 *
 * Each NAME.c here feeds one kind of outside input to the code that reads
 * it, and states what must hold for all of them.  libFuzzer finds inputs (see
 * check), and those worth keeping are in corpus/NAME; replay.c runs these
 * without it.
 *
 * The current directory is an empty one, to be left empty.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What holds of every input, in a sentence. */
extern const char fuzz_behaviour[];

/* Called by libFuzzer or by replay.c.  Returns 0, or does not return. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(3): this is no debugging aid, and NDEBUG must not matter. */
#define HOLDS(condition)	fuzz_holds(condition, #condition, \
					   __FILE__, __LINE__)

static inline void fuzz_holds(int holds, const char *condition,
			      const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

/* The bytes as a string, in memory that ends with it; to be freed. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	HOLDS(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/*
 * The content of a file.  Limits lie near 4096 bytes; inputs get there by a
 * first byte of 'x', which stands for 4000 of them, so that they stay small.
 */
#define FUZZ_PADDING	4000

static inline char *fuzz_content(const uint8_t *data, size_t size,
				 size_t *length)
{
	size_t padding = size > 0 && data[0] == 'x' ? FUZZ_PADDING : 0;
	char *content = malloc(padding + size + 1);

	HOLDS(content != NULL);
	memset(content, 'x', padding);
	if (size > 0)
		memcpy(content + padding, data, size);
	*length = padding + size;
	content[*length] = '\0';
	return content;
}

#endif
