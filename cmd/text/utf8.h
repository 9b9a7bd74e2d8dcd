/* SPDX-License-Identifier: MIT */
/*
 * utf8.h - tell printable text from control characters.
 */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The length in bytes of the UTF-8 sequence at the start of text, or 0 if there
 * is no valid one (RFC 3629: no surrogates, nothing above U+10FFFF, only the
 * shortest form).
 */
size_t utf8_length(const unsigned char *text);

/* Is the valid sequence at the start of text a control: C0, DEL or C1? */
bool utf8_is_control(const unsigned char *text);

#endif
