/*
 * utf8.h - tell text from what a terminal might obey.
 */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The length of the UTF-8 sequence that text begins with, or 0 if it is not
 * one (RFC 3629: no surrogates, nothing over U+10FFFF, no longer form than
 * needed).
 */
size_t utf8_length(const unsigned char *text);

/* Is that sequence, which is one, a control character: C0, DEL or C1? */
bool utf8_is_control(const unsigned char *text);

#endif
