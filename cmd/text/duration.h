/* SPDX-License-Identifier: MIT */
/*
 * duration.h - durations as people write and read them.
 */
#ifndef DURATION_H
#define DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Read a decimal number and an optional unit (ms, s, m, h, d; none: s) into
 * nanoseconds.  Returns false for anything else, for more than 36500 days, and
 * for zero unless zero_allowed.
 */
bool duration_parse(const char *text, bool zero_allowed, int64_t *ns);

/* Write a duration in its largest whole unit: 300ms, 9s, 12m, 3h, 2d. */
char *duration_format(int64_t ns, char *buffer, size_t size);

#endif
