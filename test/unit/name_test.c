/* SPDX-License-Identifier: MIT */
/*
 * name_test.c - names of claims, made, read, and refused.
 */
#include <stdlib.h>

#include "../../lib/protocol/name.h"
#include "../tap.h"

#define OURS	"n0123456789abcdef"

static void test_format(void)
{
	struct claim_name parts = {
		.host = "web1", .pid = 4242, .by_nlock = true,
		.random = 0x0123456789abcdef,
	};
	char name[NAME_MAX + 1], lock[NAME_MAX + 1];
	struct claim_name read;

	ok(claim_name_format(name, sizeof(name), "job.lock", '|', &parts),
	   "a claim is given a name");
	is_string(name, "job.lock|web1|4242|" OURS,
		  "without a process it has four parts");
	parts.has_process = true;
	parts.process = (struct process_identity){
		.boot = 0xfeed, .pid_namespace = 4026531836,
		.start_ticks = 18446744073709551615ULL, .pgid = 4200,
	};
	claim_name_format(name, sizeof(name), "job.lock", '^', &parts);
	is_string(name, "job.lock^web1^4242^" OURS
		  ".0000feed.4026531836.18446744073709551615.4200",
		  "a process is identified in the last part");
	ok(claim_name_parse(name, "job.lock", '^', &read) &&
	   read.has_process && read.by_nlock && read.pid == 4242 &&
	   read.random == parts.random && strcmp(read.host, "web1") == 0 &&
	   read.process.boot == 0xfeed &&
	   read.process.pid_namespace == 4026531836 &&
	   read.process.start_ticks == 18446744073709551615ULL &&
	   read.process.pgid == 4200, "what is written is read back");
	parts.kept_by_run = true;
	claim_name_format(name, sizeof(name), "job.lock", '^', &parts);
	is_string(name, "job.lock^web1^4242^" OURS
		  ".0000feed.4026531836.18446744073709551615.4200.run",
		  "that run keeps it is said last");
	ok(claim_name_parse(name, "job.lock", '^', &read) &&
	   read.has_process && read.kept_by_run &&
	   read.process.pgid == 4200, "... and read back");
	parts.has_process = false;
	claim_name_format(name, sizeof(name), "job.lock", '^', &parts);
	is_string(name, "job.lock^web1^4242^" OURS ".run",
		  "... without a process, too");
	ok(claim_name_parse(name, "job.lock", '^', &read) &&
	   !read.has_process && read.kept_by_run, "... and read back");
	parts.kept_by_run = false;
	parts.kind = CLAIM_SHARER;
	claim_name_format(name, sizeof(name), "job.lock", '^', &parts);
	is_string(name, "job.lock^web1^4242^s0123456789abcdef",
		  "a claim to share the lock has another letter");
	ok(claim_name_parse(name, "job.lock", '^', &read) &&
	   read.kind == CLAIM_SHARER && read.by_nlock &&
	   read.random == parts.random, "... and is read back");
	parts.kind = CLAIM_EXCLUSIVE;
	memset(lock, 'x', sizeof(lock));
	lock[NAME_MAX - strlen("|web1|4242|" OURS)] = '\0';
	ok(!claim_name_format(name, sizeof(name), lock, '|', &parts),
	   "a name that leaves no room for its warrant's is refused");
	lock[NAME_MAX - strlen("|web1|4242|" OURS "|warrant")] = '\0';
	ok(claim_name_format(name, sizeof(name), lock, '|', &parts),
	   "a name that leaves just enough is made");
}

static void test_parse(void)
{
	static const struct {
		const char *behaviour;
		const char *name;
		bool good;
	} rows[] = {
		{ "flufl.lock's name", "L|web1|42|123456789", true },
		{ "our name", "L|web1|42|" OURS, true },
		{ "a host with the separator", "L|we|b1|42|" OURS, false },
		{ "a lock's whose name goes on", "L|2|web1|42|" OURS, false },
		{ "one that run keeps", "L|web1|42|" OURS ".run", true },
		{ "one that run keeps, cut short", "L|web1|42|" OURS "run",
		  false },
		{ "a later version's suffix", "L|web1|42|" OURS ".x.y", true },
		{ "another lock", "M|web1|42|" OURS, false },
		{ "a longer lock", "LL|web1|42|" OURS, false },
		{ "a shorter one", "|web1|42|" OURS, false },
		{ "no host", "L||42|" OURS, false },
		{ "three parts", "L|42|" OURS, false },
		{ "two parts", "L|" OURS, false },
		{ "the lock itself", "L", false },
		{ "nothing", "", false },
		{ "a path", "L|../web1|42|" OURS, false },
		{ "no pid", "L|web1||" OURS, false },
		{ "pid 0", "L|web1|0|" OURS, false },
		{ "a negative pid", "L|web1|-1|" OURS, false },
		{ "a signed pid", "L|web1|+1|" OURS, false },
		{ "a pid with a blank", "L|web1| 1|" OURS, false },
		{ "a pid in hexadecimal", "L|web1|0x1|" OURS, false },
		{ "a huge pid", "L|web1|2147483648|" OURS, false },
		{ "the hugest pid", "L|web1|18446744073709551657|" OURS,
		  false },
		{ "no random part", "L|web1|42|", false },
		{ "a warrant", "L|web1|42|" OURS "|warrant", false },
		{ "a random part too short", "L|web1|42|n0123", false },
		{ "one that is no number", "L|web1|42|n0123456789abcdeg",
		  false },
		{ "one that is too long", "L|web1|42|" OURS "0", false },
		{ "one with 0x", "L|web1|42|n0x23456789abcdef", false },
		{ "letters as flufl.lock's", "L|web1|42|12a", false },
	};
	struct claim_name parts;
	char title[80];
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		snprintf(title, sizeof(title), "parse: %s is %s",
			 rows[i].behaviour, rows[i].good ? "a claim" :
			 "no claim");
		ok(claim_name_parse(rows[i].name, "L", '|', &parts) ==
		   rows[i].good, title);
	}
	ok(claim_name_parse("L|h|1|" OURS ".0000feed.1.2.0", "L", '|',
			    &parts) && !parts.has_process,
	   "parse: a process group of 0 identifies no process");
	ok(claim_name_parse("L|h|1|" OURS ".xfeed.1.2.3", "L", '|',
			    &parts) && !parts.has_process,
	   "parse: a boot id that is no number identifies no process");
	ok(claim_name_parse("L|h|1|" OURS ".0000feed.1.2.3.x", "L", '|',
			    &parts) && !parts.has_process &&
	   !parts.kept_by_run,
	   "parse: with a part more that is not known it names no process");
	ok(claim_name_parse("L|h|1|" OURS ".0000feed.1.2.3.run.x", "L", '|',
			    &parts) && !parts.has_process &&
	   !parts.kept_by_run, "parse: ... nor that run keeps it");
	ok(claim_name_parse("L|h|1|" OURS ".0000feed.1.2.run", "L", '|',
			    &parts) && !parts.has_process && parts.kept_by_run,
	   "parse: run may keep it for a process that can't be read");
	ok(claim_name_parse("L|h|1|" OURS ".xrun", "L", '|', &parts) &&
	   !parts.kept_by_run, "parse: run is a part of its own");
	ok(claim_name_parse("a|b|c|h|1|" OURS, "a|b|c", '|', &parts) &&
	   strcmp(parts.host, "h") == 0,
	   "parse: the lock's own name may have the separator");
}

static void test_lock_length(void)
{
	static const struct {
		const char *path;
		size_t length;
	} rows[] = {
		{ "/nfs/L|web1|42|" OURS, 6 },
		{ "L|web1|42|" OURS, 1 },
		{ "/a|b/c|d|web1|42|" OURS, 8 },
		{ "/nfs/|web1|42|" OURS, 0 },
		{ "/nfs/web1|42|" OURS, 0 },
		{ "/n|f|s|/L", 0 },
		{ "/nfs/L|web1|x|" OURS, 0 },
		{ "", 0 },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		is_number((long long)claim_path_lock_length(rows[i].path, '|'),
			  (long long)rows[i].length,
			  "the lock's path is what is left of the last three "
			  "separators");
}

static void test_lists(void)
{
	static const struct {
		const char *behaviour;
		const char *list;
		bool listed;
	} rows[] = {
		{ "alone", "/nfs/L|h|1|2", true },
		{ "first", "/nfs/L|h|1|2\n/M|h|1|3", true },
		{ "last", "/M|h|1|3\n/nfs/L|h|1|2", true },
		{ "in the middle", "/M\n/x/L|h|1|2\n/N", true },
		{ "without a directory", "L|h|1|2", true },
		{ "after one that is similar", "/LL|h|1|2\n/L|h|1|2", true },
		{ "in no list", "", false },
		{ "with something before it", "/LL|h|1|2", false },
		{ "with something after it", "/L|h|1|23", false },
		{ "as a warrant's name", "/L|h|1|2|warrant", false },
		{ "as a directory's name", "/L|h|1|2/x", false },
	};
	char title[80];
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		snprintf(title, sizeof(title), "a claim %s is %s",
			 rows[i].behaviour, rows[i].listed ? "listed" :
			 "not listed");
		ok(claim_is_listed(rows[i].list, "L|h|1|2") == rows[i].listed,
		   title);
	}
	ok(claim_is_listed("/x\n/d/a\nb|h|1|2\n/y", "a\nb|h|1|2"),
	   "a claim is listed whatever is in its name");
}

static void test_names(void)
{
	char name[64], small[20];

	warrant_name_format(name, sizeof(name), "L|h|1|2", '|');
	is_string(name, "L|h|1|2|warrant", "a warrant is named by its claim");
	breaker_name_format(name, sizeof(name), "L", '^');
	is_string(name, "L^breaker", "a breaker's directory by the lock");
	breaker_draft_name_format(name, sizeof(name), "L", '|', 0xab);
	is_string(name, "L|breaker|n00000000000000ab",
		  "its draft by a random number, too");
	ok(!breaker_draft_name_format(small, sizeof(small), "L", '|', 1),
	   "a name that does not fit is refused");
	host_name_clean(name, sizeof(name), "we|b/1", '|');
	is_string(name, "we_b_1", "a host's name can't end its part early");
	host_name_clean(name, sizeof(name), "we_b", '_');
	is_string(name, "we-b", "whatever the separator");
}

/* Each has to be what GlusterFS takes for a temporary file of the same one. */
static void test_drafts(void)
{
	static const struct {
		const char *lock;
		const char *draft;
		const char *behaviour;
	} rows[] = {
		{ "job.lock", ".job.lock.00000000000000ab",
		  "a claim's draft is a temporary file of the lock's" },
		{ ".job.lock", ".job.00000000000000ab",
		  "... of the same file as the lock if that is such a file" },
		{ ".lock", "..lock.00000000000000ab",
		  "... which a hidden file is not" },
		{ ".job.", "..job..00000000000000ab",
		  "... nor one without a suffix" },
	};
	char name[64];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		claim_draft_name_format(name, sizeof(name), rows[i].lock, 0xab);
		is_string(name, rows[i].draft, rows[i].behaviour);
	}
}

static void test_separator(void)
{
	ok(separator_is_usable('|') && separator_is_usable('^') &&
	   separator_is_usable('-') && separator_is_usable('~'),
	   "punctuation separates");
	ok(!separator_is_usable('a') && !separator_is_usable('7') &&
	   !separator_is_usable('.') && !separator_is_usable('/') &&
	   !separator_is_usable(' ') && !separator_is_usable('\n') &&
	   !separator_is_usable('\0') && !separator_is_usable((char)0xc3),
	   "what the parts are made of, and what is no character, does not");
}

static void test_group(void)
{
	struct claim_name parts = {
		.host = "web1", .pid = 4242, .by_nlock = true,
		.random = 0x0123456789abcdef,
	};
	char name[NAME_MAX + 1], directory[NAME_MAX + 1], back[NAME_MAX + 1];
	struct claim_name read;

	parts.kind = CLAIM_GROUP;
	claim_name_format(name, sizeof(name), "job.lock", '^', &parts);
	ok(group_name_format(directory, sizeof(directory), name, '^') &&
	   group_name_parse(directory, "job.lock", '^', back, sizeof(back),
			    &read) &&
	   read.kind == CLAIM_GROUP && strcmp(back, name) == 0,
	   "the name of a group's directory is read back");
	ok(!group_name_parse(name, "job.lock", '^', back, sizeof(back), &read),
	   "... and its claim's name is none");
	parts.kind = CLAIM_SHARER;
	claim_name_format(name, sizeof(name), "job.lock", '^', &parts);
	ok(group_name_format(directory, sizeof(directory), name, '^') &&
	   !group_name_parse(directory, "job.lock", '^', back, sizeof(back), &read),
	   "... nor has a sharer's claim such a directory");
}

static void test_breaker(void)
{
	char name[NAME_MAX + 1];

	ok(breaker_name_format(name, sizeof(name), "1", '|') &&
	   breaker_name_parse(name, "1", '|') &&
	   !breaker_name_parse(name, "2", '|') &&
	   !breaker_name_parse(name, "1", '^'),
	   "the name of a breaker's directory is read back");
	ok(breaker_draft_name_format(name, sizeof(name), "1", '|', 42) &&
	   breaker_name_parse(name, "1", '|'),
	   "... also while it is prepared");
	ok(!breaker_name_parse("1|breaker|4242|s0123456789abcdef", "1", '|') &&
	   !breaker_name_parse("1|breaker|n0123456789abcdef.x", "1", '|') &&
	   !breaker_name_parse("1|breakers", "1", '|') &&
	   !breaker_name_parse("1", "1", '|'),
	   "... and is not that of a claim of a host called breaker");
}

int main(void)
{
	test_format();
	test_group();
	test_breaker();
	test_parse();
	test_lock_length();
	test_lists();
	test_names();
	test_drafts();
	test_separator();
	return done();
}
