/* SPDX-License-Identifier: MIT */
/*
 * exit_status.h - what nlock's exit statuses mean; a contract with scripts.
 *
 * The numbers from 64 on are those of sysexits.h where it has one that fits.
 */
#ifndef EXIT_STATUS_H
#define EXIT_STATUS_H

enum exit_status {
	STATUS_DONE = 0,
	STATUS_NO = 1,			/* the answer of status -q, --mine */
	STATUS_USAGE = 64,
	STATUS_UNSUPPORTED = 69,	/* the file system can't do it */
	STATUS_ALREADY_OURS = 73,
	STATUS_SYSTEM = 74,
	STATUS_BUSY = 75,
	STATUS_NOT_OURS = 76,
	STATUS_NO_PERMISSION = 77,
	STATUS_IN_THE_WAY = 78,		/* something no waiting will remove */
	STATUS_CANNOT_RUN = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNALLED = 128		/* and the signal's number */
};

#endif
