/* SPDX-License-Identifier: MIT */
/*
 * lone_thread.c - a process whose main thread has ended, while another one
 * goes on.  It looks like a zombie.
 *
 * Usage: lone_thread FILE [IGNORED-SIGNAL...]
 *
 * The thread writes to FILE until the process is ended.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *work(void *path)
{
	for (;;) {
		FILE *file = fopen(path, "a");

		if (file != NULL) {
			fputs(".\n", file);
			fclose(file);
		}
		usleep(10000);
	}
	return NULL;
}

int main(int argc, char *argv[])
{
	pthread_t thread;
	int i;

	for (i = 2; i < argc; i++)
		signal(atoi(argv[i]), SIG_IGN);
	if (argc < 2 || pthread_create(&thread, NULL, work, argv[1]) != 0)
		return 1;
	pthread_exit(NULL);
}
