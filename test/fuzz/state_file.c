/* SPDX-License-Identifier: MIT */
/*
 * state_file.c - files that --state names.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../cmd/state_file.h"
#include "fuzz.h"

const char fuzz_behaviour[] =
	"state file: one line is read whole or not at all, and what is "
	"written is read back";

static void write_file(const char *content, size_t length)
{
	int fd = open("state", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	HOLDS(fd >= 0 && write(fd, content, length) == (ssize_t)length);
	close(fd);
}

static int files(void)
{
	DIR *directory = opendir(".");
	const struct dirent *entry;
	int count = 0;

	HOLDS(directory != NULL);
	while ((entry = readdir(directory)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 &&
			 strcmp(entry->d_name, "..") != 0;
	closedir(directory);
	return count;
}

static void check_written(const char *claim)
{
	const char *step;
	struct stat st;
	char *again;

	HOLDS(state_file_write("state", claim, &step) == 0);
	HOLDS(stat("state", &st) == 0 && (st.st_mode & 07777) == 0600);
	HOLDS(files() == 1);
	again = state_file_read("state");
	HOLDS(again != NULL && strcmp(again, claim) == 0);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length;
	char *content = fuzz_content(data, size, &length);
	char *claim;

	write_file(content, length);
	claim = state_file_read("state");
	if (length > 0 && content[length - 1] == '\n')
		content[--length] = '\0';
	if (length == 0) {
		HOLDS(claim == NULL && errno == ENODATA);
	} else if (length > PATH_MAX || strlen(content) != length) {
		HOLDS(claim == NULL && errno == EINVAL);
	} else {
		HOLDS(claim != NULL && strcmp(claim, content) == 0);
		check_written(claim);
	}
	unlink("state");
	free(claim);
	free(content);
	return 0;
}
