/* SPDX-License-Identifier: MIT */
/*
 * speaker.c - print messages in processes of their own; see speaker.h.
 */
#include <stdio.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "../text/message.h"
#include "reaper.h"
#include "speaker.h"

/* How long speakers_await() waits for all speakers together. */
#define SPEAKING_NS	(2 * NS_PER_S)

/* Returns a free slot, or NULL. */
static pid_t *free_speaker(struct speakers *speakers)
{
	size_t i;

	for (i = 0; i < SPEAKERS; i++)
		if (speakers->pids[i] == 0)
			return &speakers->pids[i];
	return NULL;
}

void speakers_say(struct speakers *speakers, const char *what,
		  const char *why, const char *consequence)
{
	pid_t *speaker = free_speaker(speakers);
	pid_t pid = speaker == NULL ? -1 : fork();

	if (pid == 0) {
		message("%s: %s%s%s", speakers->path, what, why != NULL ? why :
			heartbeat_reason(speakers->heartbeat), consequence);
		_exit(0);
	}
	if (pid > 0)
		*speaker = pid;
	else
		snprintf(speakers->unsaid, sizeof(speakers->unsaid), "%s%s%s",
			 what, why != NULL ? why :
			 "the reason is not known", consequence);
}

void speakers_forget(struct speakers *speakers, pid_t pid)
{
	size_t i;

	for (i = 0; i < SPEAKERS; i++)
		if (speakers->pids[i] == pid)
			speakers->pids[i] = 0;
}

void speakers_await(struct speakers *speakers)
{
	int64_t until_ns = ns_add(boot_now_ns(), SPEAKING_NS);
	size_t i;

	for (i = 0; i < SPEAKERS; i++) {
		if (speakers->pids[i] > 0 &&
		    !child_await(speakers->pids[i],
				  ns_sub(until_ns, boot_now_ns())))
			reaper_note(speakers->pids[i]);
		speakers->pids[i] = 0;
	}
}

void speakers_say_unsaid(struct speakers *speakers)
{
	if (speakers->unsaid[0] != '\0')
		message("%s: %s", speakers->path, speakers->unsaid);
	speakers->unsaid[0] = '\0';
}
