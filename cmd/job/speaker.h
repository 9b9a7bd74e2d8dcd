/* SPDX-License-Identifier: MIT */
/*
 * speaker.h - say something without waiting for it to be heard.
 *
 * Standard error may be a file on a server that hangs, or a pipe that nobody
 * reads.  So each message is written by a process of its own, a speaker.
 */
#ifndef SPEAKER_H
#define SPEAKER_H

#include <sys/types.h>

#include "heartbeat.h"

/*
 * So many messages may be on their way at once; more than one only if nobody
 * reads them.  Besides those that speak, the heartbeat and the hint are spared.
 */
#define SPEAKERS	(HEARTBEAT_SPARED - 2)

struct speakers {
	const char *path;	/* the lock's, with which each message begins */
	const struct heartbeat *heartbeat;	/* knows why the lock is lost */
	pid_t pids[SPEAKERS];	/* 0: none */
	char unsaid[256];	/* a message, if no process could be had */
};

/*
 * Say what, why, and the consequence, in one line.  If why is NULL, the speaker
 * waits a moment for the reason why the lock is lost.
 */
void speakers_say(struct speakers *speakers, const char *what,
		  const char *why, const char *consequence);

/* This child, if it was a speaker, has been waited for. */
void speakers_forget(struct speakers *speakers, pid_t pid);

/* Give what is being said its time, and then end it. */
void speakers_await(struct speakers *speakers);

/* Say by ourselves what no speaker could be had for: this may hang. */
void speakers_say_unsaid(struct speakers *speakers);

#endif
