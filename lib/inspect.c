/* SPDX-License-Identifier: MIT */
/*
 * inspect.c - infer the state of a lock without changing anything.
 */
#define _GNU_SOURCE		/* O_TMPFILE */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "inspect.h"
#include "os/attributes.h"
#include "os/path.h"
#include "os/process.h"
#include "protocol/group.h"
#include "protocol/holder.h"
#include "protocol/keeper_socket.h"
#include "protocol/token.h"
#include "protocol/warrant.h"

/* How many looks to make if each turns out to be out of date. */
#define LOOKS		5

/* How often to try again after one of options.retry_errnos. */
#define RETRIES		100
#define RETRY_PAUSE_NS	(10 * NS_PER_MS)

enum nlock_state state_infer(const struct state_evidence *e)
{
	bool over = lease_over(e->lease_end_ns, e->server_now_ns, 0);

	switch (e->kind) {
	case HOLDER_NONE:
		return NLOCK_STATE_UNLOCKED;
	case HOLDER_FOREIGN:
		return NLOCK_STATE_FOREIGN;
	case HOLDER_UNREADABLE:
		return over ? NLOCK_STATE_THEIRS_EXPIRED : NLOCK_STATE_UNKNOWN;
	case HOLDER_CLAIM:
	case HOLDER_SHARED:
		break;
	}
	if (e->ours)
		return over ? NLOCK_STATE_OURS_EXPIRED : NLOCK_STATE_OURS;
	if (e->process_dead)
		return NLOCK_STATE_STALE;
	return over && !e->kept ? NLOCK_STATE_THEIRS_EXPIRED :
	       NLOCK_STATE_UNKNOWN;
}

bool nlock_state_is_held(enum nlock_state state)
{
	return state == NLOCK_STATE_OURS || state == NLOCK_STATE_UNKNOWN ||
	       state == NLOCK_STATE_FOREIGN;
}

/*
 * Does the directory list the lock file?  A client may answer a lookup from its
 * cache.  Returns 1, 0, or -1 with errno.
 */
static int name_is_there(const struct nlock_lock *lock)
{
	DIR *directory = fresh_directory(lock->dirfd);
	const struct dirent *entry;
	int there = 0;

	if (directory == NULL)
		return -1;
	while (!there && (entry = next_name(directory)) != NULL)
		there = strcmp(entry->d_name, lock->name) == 0;
	if (!there && errno != 0)
		there = -1;
	closedir_keeping_errno(directory);
	return there;
}

static enum nlock_result look(const struct nlock_lock *lock,
			      struct nlock_holder *holder,
			      struct nlock_error *error)
{
	enum nlock_result result;
	int looks, retries = 0;

	for (looks = 0; looks < LOOKS; looks++) {
		/* Opening the directory makes the client ask the server. */
		int fd = openat(lock->dirfd, ".",
				O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
		result = holder_look(lock, holder, NULL, error);
		if (result != NLOCK_OK) {
			if (!holder_wants_retry(lock, error->errnum) ||
			    ++retries > RETRIES)
				return result;
			looks--;
			sleep_ns(RETRY_PAUSE_NS);
			continue;
		}
		if (holder->kind != HOLDER_NONE)
			return NLOCK_OK;
		/* If the directory can't be read, go by the look alone. */
		if (name_is_there(lock) != 1)
			return NLOCK_OK;
	}
	return NLOCK_OK;	/* locks come and go too fast to be seen */
}

/*
 * When was the file last changed, by the server's clock?  0: not known.  For
 * the change time Linux's SMB client and ceph-fuse give the modification time,
 * which is the lease's end.
 */
static int64_t change_stamp_ns(const struct stat *st)
{
	int64_t changed_ns = ns_from_timespec(&st->st_ctim);
	int64_t modified_ns = ns_from_timespec(&st->st_mtim);

	return changed_ns == modified_ns ? 0 : changed_ns;
}

/*
 * Read the server's time without changing anything that others can see.
 *
 * Make a file without a name and read its time stamp.  NFS has no such files:
 * there use this host's clock, or the server's stamp on the lock file if that
 * is later.
 */
static int64_t server_now_ns(const struct nlock_lock *lock)
{
	struct stat st;
	int64_t stamp_ns = 0;

#ifdef O_TMPFILE
	int fd = openat(lock->dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC,
			0600);
	if (fd >= 0) {
		struct attributes made;
		int failed = fresh_attributes_fd(fd, &made);

		close(fd);
		if (!failed)
			return made.modified_ns;
	}
#endif
	if (fstatat(lock->dirfd, lock->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		stamp_ns = change_stamp_ns(&st);
	return ns_max(wall_now_ns(), stamp_ns);
}

static bool is_dead(const struct nlock_lock *lock,
		    const struct nlock_holder *holder)
{
	if (holder->kind != HOLDER_CLAIM)
		return false;
	if (holder->parts.by_nlock)
		return holder_is_dead(lock, holder);
	/* Judge as flufl.lock does.  No lock is broken because of this. */
	return process_absent(holder->parts.pid) &&
	       host_name_is_ours_to_flufl(holder->parts.host);
}

static bool is_own(const struct nlock_lock *lock,
		   const struct nlock_holder *holder, const char *own_claim)
{
	return own_claim != NULL && holder->kind == HOLDER_CLAIM &&
	       strcmp(last_component(own_claim), holder->claim) == 0 &&
	       nlock_holder_has_claim(lock, holder);
}

/*
 * Add to *holder, whose claim is in the directory dirfd, what its name and its
 * warrant tell, and infer the state.
 */
static enum nlock_state infer(const struct nlock_lock *lock, int dirfd,
			      bool ours, int64_t now_ns,
			      struct nlock_holder *holder)
{
	struct state_evidence evidence = {
		.kind = holder->kind, .server_now_ns = now_ns,
		.lease_end_ns = holder->lease_end_ns, .ours = ours,
	};

	evidence.process_dead = !evidence.ours && is_dead(lock, holder);
	if (!evidence.ours && lease_over(evidence.lease_end_ns, now_ns, 0))
		holder->survivor = holder_survivor(lock, holder);
	evidence.kept = holder->survivor != 0;
	holder->kept = holder->kind == HOLDER_CLAIM &&
		       keeper_keeps(lock, &holder->parts, holder->uid);
	holder->remaining_ns = ns_sub(evidence.lease_end_ns, now_ns);
	/* On failure since_ns stays 0: not known. */
	warrant_read_date(lock, dirfd, holder->claim, &holder->since_ns);
	return state_infer(&evidence);
}

/* ------------------------------------------------------------------ sharing */

static bool is_own_sharer(const struct nlock_holder *sharer,
			  const char *own_claim)
{
	return own_claim != NULL &&
	       strcmp(last_component(own_claim), sharer->claim) == 0 &&
	       !sharer->claim_gone &&
	       (sharer->parts.kind != CLAIM_SLOT || sharer->slot != 0);
}

static enum nlock_result judge_sharers(const struct nlock_lock *lock,
				       int group_fd, const char *own_claim,
				       const struct sharers *found,
				       struct nlock_sharer **sharers,
				       struct nlock_error *error)
{
	int64_t now_ns = server_now_ns(lock);
	size_t i;

	*sharers = calloc(found->count + 1, sizeof(**sharers));
	if (*sharers == NULL)
		return fail(error, "list who shares the lock");
	for (i = 0; i < found->count; i++) {
		struct nlock_holder *one = &(*sharers)[i].holder;

		*one = found->list[i];
		(*sharers)[i].state = infer(lock, group_fd,
					    is_own_sharer(one, own_claim),
					    now_ns, one);
	}
	return NLOCK_OK;
}

static enum nlock_result list_group(const struct nlock_lock *lock,
				    const char *group, const char *own_claim,
				    struct nlock_sharer **sharers,
				    size_t *count, struct nlock_error *error)
{
	struct sharers found = { .list = NULL };
	enum nlock_result result;
	int fd = group_open(lock, group);

	*sharers = NULL;
	*count = 0;
	if (fd < 0 && is_gone(errno))
		return NLOCK_OK;
	if (fd < 0)
		return fail(error, "open the group's directory");
	if (sharers_list(lock, fd, &found) < 0 && !is_gone(errno)) {
		result = fail(error, "list who shares the lock");
	} else {
		result = judge_sharers(lock, fd, own_claim, &found, sharers,
				       error);
		*count = result == NLOCK_OK ? found.count : 0;
		free(found.list);
	}
	close(fd);
	return result;
}

enum nlock_result nlock_list_sharers(const struct nlock_lock *lock,
				     const char *own_claim,
				     struct nlock_sharer **sharers,
				     size_t *count,
				     struct nlock_error *error)
{
	struct nlock_holder holder;
	enum nlock_result result = look(lock, &holder, error);

	*sharers = NULL;
	*count = 0;
	if (result != NLOCK_OK || holder.kind != HOLDER_SHARED)
		return result;
	return list_group(lock, holder.claim, own_claim, sharers, count,
			  error);
}

/* Which of them says most of the lock?  Ours; else one that holds it. */
static int rank(enum nlock_state state)
{
	if (state == NLOCK_STATE_OURS || state == NLOCK_STATE_OURS_EXPIRED)
		return 2;
	return nlock_state_is_held(state);
}

static enum nlock_result inspect_group(const struct nlock_lock *lock,
				       const char *own_claim,
				       enum nlock_state *state,
				       struct nlock_holder *holder,
				       struct nlock_error *error)
{
	struct nlock_sharer *sharers;
	size_t count, i, best = 0;
	enum nlock_result result = list_group(lock, holder->claim, own_claim,
					      &sharers, &count, error);

	if (result != NLOCK_OK)
		return result;
	for (i = 1; i < count; i++)
		if (rank(sharers[i].state) > rank(sharers[best].state))
			best = i;
	*holder = (struct nlock_holder){ .kind = HOLDER_NONE };
	*state = NLOCK_STATE_UNLOCKED;
	if (count > 0) {
		*holder = sharers[best].holder;
		*state = sharers[best].state;
		holder->kind = HOLDER_SHARED;
		holder->sharers = count;
	}
	free(sharers);
	return NLOCK_OK;
}

enum nlock_result nlock_inspect(const struct nlock_lock *lock,
				const char *own_claim,
				enum nlock_state *state,
				struct nlock_holder *holder,
				struct nlock_error *error)
{
	enum nlock_result result = look(lock, holder, error);

	if (result != NLOCK_OK)
		return result;
	if (holder->kind == HOLDER_SHARED)
		return inspect_group(lock, own_claim, state, holder, error);
	*state = holder->kind == HOLDER_NONE ? NLOCK_STATE_UNLOCKED :
		 infer(lock, lock->dirfd, is_own(lock, holder, own_claim),
		       server_now_ns(lock), holder);
	return NLOCK_OK;
}

enum nlock_result nlock_read_token(const struct nlock_lock *lock,
				   uint64_t *token, struct nlock_error *error)
{
	return token_read(lock, token) < 0 ?
	       fail(error, "read the token") : NLOCK_OK;
}
