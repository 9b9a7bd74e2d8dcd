/*
 * write_all.h - write all of a text, or fail.
 */
#ifndef WRITE_ALL_H
#define WRITE_ALL_H

#include <stddef.h>

/* Returns 0, or -1 with errno: EIO if a write(2) did nothing. */
int write_all(int fd, const char *text, size_t length);

#endif
