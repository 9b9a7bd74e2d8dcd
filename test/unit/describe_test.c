/* SPDX-License-Identifier: MIT */
/*
 * describe_test.c - how a loss is put into words.
 */
#include "../../cmd/text/describe.h"
#include "../../cmd/text/message.h"
#include "../tap.h"

static void test_loss(void)
{
	static const struct {
		const char *behaviour;
		struct nlock_loss_report loss;
		const char *has;	/* these words are in it */
	} rows[] = {
		{ "unknown: what can have happened",
		  { .kind = NLOCK_LOSS_UNKNOWN },
		  "released, or broken after its lease was over" },
		{ "taken: the new holder's host and pid",
		  { .kind = NLOCK_LOSS_TAKEN, .host = "web1", .pid = 4242 },
		  "web1 pid 4242 has it now" },
		{ "taken: what gives more time",
		  { .kind = NLOCK_LOSS_TAKEN, .host = "web1", .pid = 4242 },
		  "-l makes it longer" },
		{ "replaced: that another file is there",
		  { .kind = NLOCK_LOSS_REPLACED }, "find out what put it there" },
		{ "removed: who must not do that",
		  { .kind = NLOCK_LOSS_REMOVED }, "cleaners of old files" },
		{ "warrant: who clears empty directories",
		  { .kind = NLOCK_LOSS_WARRANT }, "find -empty -delete" },
		{ "claim: that it was released or broken",
		  { .kind = NLOCK_LOSS_CLAIM }, "released the lock, or broke it" },
	};
	char text[512];
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		describe_loss(&rows[i].loss, text, sizeof(text));
		ok(strstr(text, rows[i].has) != NULL && strlen(text) < 200 &&
		   strchr(text, '\n') == NULL, rows[i].behaviour);
	}
}

static void test_small_buffer(void)
{
	struct nlock_loss_report loss = {
		.kind = NLOCK_LOSS_TAKEN, .pid = INT_MAX,
	};
	char text[16];

	memset(loss.host, 'x', sizeof(loss.host) - 1);
	is_string(describe_loss(&loss, text, sizeof(text)), "xxxxxxxxxxxxxxx",
		  "a small buffer has the beginning");
}

int main(void)
{
	test_loss();
	test_small_buffer();
	return done();
}
