/* SPDX-License-Identifier: MIT */
/*
 * replay.c - run the inputs of a corpus without libFuzzer, in TAP.
 *
 * The corpus of the program test/fuzz/NAME is test/fuzz/corpus/NAME.
 */
#define _GNU_SOURCE		/* asprintf */
#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../tap.h"
#include "fuzz.h"

/* One that is longer was not made by libFuzzer as it is run here. */
#define INPUT_MAX	65536

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static size_t read_input(int corpus, const char *name, uint8_t *data)
{
	int fd = openat(corpus, name, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, data, INPUT_MAX);

	if (length < 0)
		die(name);
	close(fd);
	return (size_t)length;
}

/* In a process of its own, as a failure ends it. */
static bool holds(const uint8_t *data, size_t size)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		LLVMFuzzerTestOneInput(data, size);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	return status == 0;
}

/* Only one input in a process can have failed and left something. */
static void remove_scratch(const char *scratch)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", scratch, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static int replay(DIR *corpus)
{
	static uint8_t data[INPUT_MAX];
	const struct dirent *entry;
	int inputs = 0, failures = 0;

	while ((entry = readdir(corpus)) != NULL) {
		size_t size;

		if (entry->d_name[0] == '.')
			continue;
		inputs++;
		size = read_input(dirfd(corpus), entry->d_name, data);
		if (holds(data, size))
			continue;
		printf("# fails: %s\n", entry->d_name);
		failures++;
	}
	ok(inputs > 0 && failures == 0, fuzz_behaviour);
	count(inputs, "fuzzed inputs");
	return done();
}

int main(int argc, char *argv[])
{
	const char *slash = strrchr(argv[0], '/');
	const char *temporary = getenv("TMPDIR");
	char *scratch, *path;
	DIR *corpus;
	int result;

	(void)argc;
	if (asprintf(&path, "test/fuzz/corpus/%s",
		     slash == NULL ? argv[0] : slash + 1) < 0 ||
	    asprintf(&scratch, "%s/nlock-fuzz-XXXXXX",
		     temporary == NULL ? "/tmp" : temporary) < 0)
		die("asprintf");
	corpus = opendir(path);
	if (corpus == NULL)
		die(path);
	if (mkdtemp(scratch) == NULL || chdir(scratch) < 0)
		die(scratch);
	result = replay(corpus);
	closedir(corpus);
	remove_scratch(scratch);
	free(scratch);
	free(path);
	return result;
}
