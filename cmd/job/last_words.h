/* SPDX-License-Identifier: MIT */
/*
 * last_words.h - what a command has to say when nlock ends without returning
 * to it: when a signal ends nlock, or nlock gives up on a file server.
 */
#ifndef LAST_WORDS_H
#define LAST_WORDS_H

/*
 * Called with the exit status that a shell will see.  Must not take long, even
 * if a file server hangs.
 */
typedef void last_words_say(const void *data, int status);

/* Children of the caller have none. */
void last_words_set(last_words_say *say, const void *data);

/* nlock is about to end: have it said, once. */
void last_words(int status);

#endif
