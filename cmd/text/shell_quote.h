/* SPDX-License-Identifier: MIT */
/*
 * shell_quote.h - a string as one word of a shell.
 *
 * Whatever the string contains, the shell expands nothing in the word, and runs
 * nothing.
 */
#ifndef SHELL_QUOTE_H
#define SHELL_QUOTE_H

/* For sh(1).  Returns the word, which the caller frees, or NULL with errno. */
char *shell_quote(const char *text);

/*
 * The same for csh(1) and fish(1), in one line: when these shells substitute
 * what a command prints, each line becomes a word of its own.  For a newline,
 * csh has to be a tcsh(1) that knows $'...'; another csh reports an error.
 */
char *shell_quote_csh(const char *text);
char *shell_quote_fish(const char *text);

#endif
