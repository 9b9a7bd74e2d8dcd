/* SPDX-License-Identifier: MIT */
/*
 * speaker.h - print a message without waiting until it is written.
 *
 * Standard error may be a file on a server that hangs, or a pipe that nobody
 * reads.  So each message is written by a process of its own, a speaker.
 */
#ifndef SPEAKER_H
#define SPEAKER_H

#include <sys/types.h>

#include "heartbeat.h"

/*
 * The most speakers at a time; there is more than one only if nobody reads
 * their messages.  The heartbeat spares them, itself and the hint's helper.
 */
#define SPEAKERS	(HEARTBEAT_SPARED - 2)

struct speakers {
	const char *path;	/* the lock's, the first word of each message */
	const struct heartbeat *heartbeat;	/* knows why the lock is lost */
	pid_t pids[SPEAKERS];	/* 0: none */
	char unsaid[256];	/* the last message that had no speaker */
};

/*
 * Start a speaker that prints what, why and consequence in one line.  If why is
 * NULL, the speaker waits a moment for the reason why the lock is lost.
 */
void speakers_say(struct speakers *speakers, const char *what,
		  const char *why, const char *consequence);

/* Somebody has waited for this child; forget it if it was a speaker. */
void speakers_forget(struct speakers *speakers, pid_t pid);

/* Wait up to 2 seconds for all speakers to end, and kill the others. */
void speakers_await(struct speakers *speakers);

/* Print the message that had no speaker ourselves: this may hang. */
void speakers_say_unsaid(struct speakers *speakers);

#endif
