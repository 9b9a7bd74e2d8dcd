/* SPDX-License-Identifier: MIT */
/*
 * shell_quote.h - a string as one word of sh(1).
 */
#ifndef SHELL_QUOTE_H
#define SHELL_QUOTE_H

/* Returns the quoted word, which the caller frees, or NULL with errno. */
char *shell_quote(const char *text);

#endif
