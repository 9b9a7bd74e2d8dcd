/*
 * heartbeat.c - keep a lease alive; see heartbeat.h.
 */
#define _GNU_SOURCE		/* MAP_ANONYMOUS */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../lib/helper.h"
#include "deadline.h"
#include "heartbeat.h"

struct beat {
	_Atomic int64_t lease_end_ns;	/* CLOCK_BOOTTIME */
	_Atomic int64_t confirmed_ns;	/* when it was last renewed; the same */
	atomic_int errnum;
	atomic_bool lost;
};

void heartbeat_init(struct heartbeat *heartbeat,
		    const struct nlock_claim *claim)
{
	*heartbeat = (struct heartbeat){
		.event_fd = -1,
		.at_first = { .lease_end_ns = nlock_claim_ends_boot_ns(claim) },
	};
}

/* What the process and we share.  Returns 0, or -1 with errno. */
static int share(struct heartbeat *heartbeat, const struct nlock_claim *claim)
{
	struct beat *beat;

	if (heartbeat->event_fd < 0)
		heartbeat->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (heartbeat->event_fd < 0)
		return -1;
	beat = mmap(NULL, sizeof(*beat), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (beat == MAP_FAILED)
		return -1;
	atomic_init(&beat->lease_end_ns, heartbeat->at_first.lease_end_ns);
	atomic_init(&beat->confirmed_ns, heartbeat->at_first.lease_end_ns -
		    claim->lifetime_ns);
	atomic_init(&beat->errnum, 0);
	atomic_init(&beat->lost, false);
	heartbeat->beat = beat;
	return 0;
}

struct heartbeat_news heartbeat_read(const struct heartbeat *heartbeat)
{
	if (heartbeat->beat == NULL)
		return heartbeat->at_first;
	return (struct heartbeat_news){
		.lost = atomic_load(&heartbeat->beat->lost),
		.lease_end_ns = atomic_load(&heartbeat->beat->lease_end_ns),
		.errnum = atomic_load(&heartbeat->beat->errnum),
	};
}

static void sleep_until(int64_t boot_ns)
{
	struct timespec left;
	int64_t left_ns;

	while ((left_ns = ns_sub(boot_ns, boot_now_ns())) > 0) {
		left = ns_to_timespec(left_ns);
		clock_nanosleep(CLOCK_BOOTTIME, 0, &left, NULL);
	}
}

static void tell(const struct heartbeat *heartbeat)
{
	static const uint64_t one = 1;
	/* It can only be full if nobody reads it; the news are in memory. */
	ssize_t ignored = write(heartbeat->event_fd, &one, sizeof(one));

	(void)ignored;
}

static void beat_on(const struct heartbeat *heartbeat,
		    struct nlock_claim *claim)
{
	struct beat *beat = heartbeat->beat;
	int64_t lifetime_ns = claim->lifetime_ns;
	int64_t next_ns = refresh_due_ns(atomic_load(&beat->confirmed_ns),
					 lifetime_ns);
	struct nlock_error error;

	for (;;) {
		int64_t began_ns;

		sleep_until(next_ns);
		began_ns = boot_now_ns();
		switch (nlock_refresh(claim, lifetime_ns, &error)) {
		case NLOCK_OK:
			atomic_store(&beat->confirmed_ns, began_ns);
			atomic_store(&beat->errnum, 0);
			atomic_store(&beat->lease_end_ns,
				     nlock_claim_ends_boot_ns(claim));
			next_ns = refresh_due_ns(began_ns, lifetime_ns);
			break;
		case NLOCK_LOST:
			atomic_store(&beat->lost, true);
			tell(heartbeat);
			return;
		default:
			atomic_store(&beat->errnum, error.errnum);
			next_ns = refresh_retry_ns(boot_now_ns(),
						   lifetime_ns);
			break;
		}
		tell(heartbeat);
	}
}

static int start(struct heartbeat *heartbeat, const struct nlock_claim *claim)
{
	struct nlock_claim own = *claim;
	int keep[3];

	if (heartbeat->beat == NULL && share(heartbeat, claim) < 0)
		return -1;
	keep[0] = heartbeat->event_fd;
	keep[1] = claim->lock->dirfd;
	keep[2] = claim->warrant_fd;
	heartbeat->pid = helper_start(keep, 3);
	if (heartbeat->pid == 0) {
		beat_on(heartbeat, &own);
		_exit(0);
	}
	return heartbeat->pid > 0 ? 0 : -1;
}

int heartbeat_start(struct heartbeat *heartbeat,
		    const struct nlock_claim *claim)
{
	if (start(heartbeat, claim) == 0)
		return 0;
	heartbeat->pid = 0;
	if (heartbeat->beat == NULL)
		heartbeat->at_first.errnum = errno;
	else
		atomic_store(&heartbeat->beat->errnum, errno);
	return -1;
}

void heartbeat_stop(struct heartbeat *heartbeat)
{
	if (heartbeat->pid > 0)
		kill(heartbeat->pid, SIGKILL);
	heartbeat->pid = 0;
}
