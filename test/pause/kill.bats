#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Killed before any of its changes, a command leaves a lock that can be taken
# again once its lease is over, and not before.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common
load changes

CLAIM=

setup() {
	needs strace
	common_setup
}

LEASE=(-l 1s)
SLOP=(--clock-slop 50ms)

# killed_before CHANGE COMMAND...: and really killed, before it was made.
killed_before() {
	local status=0

	kill_before "$@" >"$DIR/printed" || status=$?
	[ $status = 137 ] || exit "$NEVER_CAME"
	[ ! -s "$DIR/printed" ]
}

# not_taken STATUS [at_once]: end the schedule as what that means.
not_taken() {
	if [ "$1" = 75 ] && [ "$2" = at_once ] && others_hide_jobs; then
		exit "$UNSEEN"
	fi
	exit "$1"
}

# The lock can be taken, but not while a lease is running.
takeable() {
	local lease_end claim

	lease_end=$(lease_end_ns)
	nlock acquire -w 30s -l 10m "${SLOP[@]}" --state "$DIR/next" "$LOCK" ||
		not_taken $? "${1-}"
	claim=$(cat "$DIR/next")
	[ "$claim" -ef "$LOCK" ]
	if [ "${1-}" != at_once ]; then
		echo "since $(modified_ns "$claim|warrant"), lease $lease_end"
		[ "$(modified_ns "$claim|warrant")" -gt "$lease_end" ]
	fi
	nlock release --state "$DIR/next" "$LOCK"
	[ ! -e "$LOCK" ]
	nlock run -n "$LOCK" true
	is_state unlocked
}

killed_acquire() {
	killed_before "$1" nlock acquire "${LEASE[@]}" "$LOCK"
	takeable
}

@test "acquire: killed before any change, it leaves a lock that can be taken" {
	local changes

	mapfile -t changes < <(changes_of nlock acquire "${LEASE[@]}" "$LOCK")
	at_each killed_acquire "${changes[@]}"
}

killed_release() {
	hold "${LEASE[@]}"
	killed_before "$1" nlock release --claim "$CLAIM"
	takeable
}

@test "release: killed before any change, it leaves a lock that can be taken" {
	local changes

	hold -l 1m
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	at_each killed_release "${changes[@]}"
}

# Released once more, after the first was killed.
killed_release_again() {
	hold -l 10m
	killed_before "$1" nlock release --claim "$CLAIM"
	nlock release --claim "$CLAIM" || [ $? = 76 ]
	if [ -e "$LOCK" ]; then
		nlock acquire -n "$LOCK" || [ $? = 75 ]
	else
		takeable
	fi
}

@test "release: killed before any change and then run again, it ends, and hands no lock out twice" {
	local changes

	hold -l 1m
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	at_each killed_release_again "${changes[@]}"
}

killed_refresh() {
	hold "${LEASE[@]}"
	killed_before "$1" nlock refresh "${LEASE[@]}" --claim "$CLAIM"
	takeable
}

@test "refresh: killed before any change, it leaves a lock that can be taken" {
	local changes

	hold -l 1m
	mapfile -t changes < <(changes_of nlock refresh "${LEASE[@]}" \
		--claim "$CLAIM")
	at_each killed_refresh "${changes[@]}"
}

# kill_run OPTION CALL: its process is known, and known to be dead.
kill_run() {
	local status=0

	kill_before "$2" nlock run "$1" -l 10m "$LOCK" true || status=$?
	[ $status = 137 ] || exit "$NEVER_CAME"
}

killed_run() {
	kill_run -x "$1"
	takeable at_once
}

@test "run: killed before any change, with all of its group, it leaves a lock that can be taken at once" {
	local changes

	mapfile -t changes < <(changes_of nlock run -l 10m "$LOCK" true)
	at_each killed_run "${changes[@]}"
}

killed_break() {
	hold -l 1ms
	eventually lease_over_by 100
	killed_before "$1" nlock acquire "${LEASE[@]}" "${SLOP[@]}" "$LOCK"
	takeable
}

@test "break: killed before any change, it leaves a lock that can be taken" {
	local changes

	hold -l 1ms
	eventually lease_over_by 100
	mapfile -t changes < <(changes_of nlock acquire "${LEASE[@]}" \
		"${SLOP[@]}" "$LOCK")
	at_each killed_break "${changes[@]}"
}

killed_sweep() {
	local claim='job.lock|elsewhere|42|n0123456789abcdef'

	leave_claim "$claim" '2 hours'
	killed_break "$1"
	hold -l 1ms
	eventually lease_over_by 100
	takeable
	[ ! -e "$claim" ]
	[ ! -e "$claim|warrant" ]
}

@test "break: killed before any change while it removes an old claim, it leaves what the next breaker removes" {
	local changes

	leave_claim 'job.lock|elsewhere|42|n0123456789abcdef' '2 hours'
	hold -l 1ms
	eventually lease_over_by 100
	mapfile -t changes < <(changes_of nlock acquire "${LEASE[@]}" \
		"${SLOP[@]}" "$LOCK")
	at_each killed_sweep "${changes[@]}"
}

# Which is what a crash of its machine may do to a lock file.
killed_break_of_empty() {
	hold -l 1ms
	: >"$CLAIM"
	touch -d '1 minute ago' "$CLAIM"
	killed_before "$1" nlock acquire "${LEASE[@]}" "${SLOP[@]}" "$LOCK"
	takeable
}

@test "break: of an emptied lock file, killed before any change, it leaves a lock that can be taken" {
	local changes

	hold -l 1ms
	: >"$CLAIM"
	touch -d '1 minute ago' "$CLAIM"
	mapfile -t changes < <(changes_of nlock acquire "${LEASE[@]}" \
		"${SLOP[@]}" "$LOCK")
	at_each killed_break_of_empty "${changes[@]}"
}

# ---------------------------------------------------------------- shared locks

# Others share the lock at once, whatever is left; and then it can be taken.
shareable() {
	nlock run -ns "$LOCK" true
	takeable "$@"
	nlock run -ns "$LOCK" true
}

killed_share() {
	killed_before "$1" nlock acquire -s "${LEASE[@]}" "$LOCK"
	shareable
}

@test "acquire -s: killed before any change, it leaves a lock that others share at once, and that can be taken" {
	local changes

	mapfile -t changes < <(changes_of nlock acquire -s "${LEASE[@]}" "$LOCK")
	at_each killed_share "${changes[@]}"
}

killed_share_beside() {
	hold_other
	killed_before "$1" nlock acquire -s "${LEASE[@]}" "$LOCK"
	other_is_unharmed
	takeable
}

@test "acquire -s: killed before any change, it leaves another one who shares the lock alone" {
	local changes

	hold_other
	mapfile -t changes < <(changes_of nlock acquire -s "${LEASE[@]}" "$LOCK")
	at_each killed_share_beside "${changes[@]}"
}

killed_leave() {
	share "${LEASE[@]}"
	killed_before "$1" nlock release --claim "$CLAIM"
	shareable
}

killed_leave_beside() {
	hold_other
	share "${LEASE[@]}"
	killed_before "$1" nlock release --claim "$CLAIM"
	other_is_unharmed
	takeable
}

# The second leaves nothing for a lease to end.
killed_leave_again() {
	share -l 10m
	killed_before "$1" nlock release --claim "$CLAIM"
	nlock release --claim "$CLAIM" || [ $? = 76 ]
	nlock run -n "$LOCK" true
}

@test "release: of a shared lock, killed before any change, it leaves a lock that others share at once, and that can be taken" {
	local changes

	share -l 1m
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	at_each killed_leave "${changes[@]}"
}

@test "release: of a shared lock, killed before any change, it leaves another one who shares it alone" {
	local changes

	hold_other
	share -l 1m
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	at_each killed_leave_beside "${changes[@]}"
}

@test "release: of a shared lock, killed before any change and then run again, it leaves a lock that can be taken at once" {
	local changes

	share -l 1m
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	at_each killed_leave_again "${changes[@]}"
}

killed_refresh_of_shared() {
	hold_other
	share "${LEASE[@]}"
	killed_before "$1" nlock refresh "${LEASE[@]}" --claim "$CLAIM"
	other_is_unharmed
	shareable
}

@test "refresh: of a shared lock, killed before any change, it leaves a lock that others share at once, and that can be taken" {
	local changes

	share -l 1m
	mapfile -t changes < <(changes_of nlock refresh "${LEASE[@]}" \
		--claim "$CLAIM")
	at_each killed_refresh_of_shared "${changes[@]}"
}

killed_run_shared() {
	kill_run -s "$1"
	shareable at_once
}

killed_run_beside() {
	hold_other
	kill_run -s "$1"
	other_is_unharmed
	takeable at_once
}

@test "run -s: killed before any change, with all of its process group, it leaves a lock that can be taken at once" {
	local changes

	mapfile -t changes < <(changes_of nlock run -s -l 10m "$LOCK" true)
	at_each killed_run_shared "${changes[@]}"
}

@test "run -s: killed before any change, with all of its process group, it leaves another one who shares the lock alone" {
	local changes

	hold_other
	mapfile -t changes < <(changes_of nlock run -s -l 10m "$LOCK" true)
	at_each killed_run_beside "${changes[@]}"
}

EVICT=(nlock acquire -n "${LEASE[@]}" "${SLOP[@]}")

killed_evict() {
	share -l 1ms
	eventually lease_over_by 100
	killed_before "$1" "${EVICT[@]}" "$LOCK"
	takeable
}

@test "evict: killed before any change, it leaves a lock that can be taken" {
	local changes

	share -l 1ms
	eventually lease_over_by 100
	mapfile -t changes < <(changes_of "${EVICT[@]}" "$LOCK")
	at_each killed_evict "${changes[@]}"
}

killed_evict_of_one() {
	share -l 1ms
	eventually lease_over_by 100
	hold_other
	killed_before "$1" "${EVICT[@]}" "$LOCK"
	nlock run -ns "$LOCK" true
	other_is_unharmed
	takeable
}

@test "evict: of one of two, killed before any change, it leaves the other one alone" {
	local changes

	share -l 1ms
	eventually lease_over_by 100
	hold_other
	mapfile -t changes < <(changes_of "${EVICT[@]}" "$LOCK")
	at_each killed_evict_of_one "${changes[@]}"
}

# ----------------------------------------------------------------------- slots

SLOT=--slots=1

# The slot can be taken, and then the lock.
slot_takeable() {
	nlock run -w 30s "${SLOP[@]}" "$SLOT" "$LOCK" true
	takeable "$@"
}

killed_slot() {
	killed_before "$1" nlock acquire "$SLOT" "${LEASE[@]}" "$LOCK"
	slot_takeable
}

killed_slot_beside() {
	hold_other
	killed_before "$1" nlock acquire "$SLOT" "${LEASE[@]}" "$LOCK"
	nlock run -w 30s "${SLOP[@]}" "$SLOT" "$LOCK" true
	other_is_unharmed
	takeable
}

@test "acquire --slots: killed before any change, it leaves a slot, and a lock, that can be taken" {
	local changes

	mapfile -t changes < <(changes_of nlock acquire "$SLOT" "${LEASE[@]}" \
		"$LOCK")
	at_each killed_slot "${changes[@]}"
}

@test "acquire --slots: killed before any change, it leaves one who shares the lock alone, and a slot that can be taken" {
	local changes

	hold_other
	mapfile -t changes < <(changes_of nlock acquire "$SLOT" "${LEASE[@]}" \
		"$LOCK")
	at_each killed_slot_beside "${changes[@]}"
}

killed_release_of_slot() {
	hold "$SLOT" "${LEASE[@]}"
	killed_before "$1" nlock release --claim "$CLAIM"
	slot_takeable
}

killed_release_of_slot_beside() {
	hold_other
	hold "$SLOT" "${LEASE[@]}"
	killed_before "$1" nlock release --claim "$CLAIM"
	nlock run -w 30s "${SLOP[@]}" "$SLOT" "$LOCK" true
	other_is_unharmed
	takeable
}

# The second leaves nothing for a lease to end.
killed_release_of_slot_again() {
	hold "$SLOT" -l 10m
	killed_before "$1" nlock release --claim "$CLAIM"
	nlock release --claim "$CLAIM" || [ $? = 76 ]
	nlock run -n "$SLOT" "$LOCK" true
	nlock run -w 20s "$LOCK" true
}

@test "release: of a slot, killed before any change, it leaves a slot, and a lock, that can be taken" {
	local changes

	hold "$SLOT" -l 1m
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	at_each killed_release_of_slot "${changes[@]}"
}

@test "release: of a slot, killed before any change, it leaves one who shares the lock alone, and a slot that can be taken" {
	local changes

	hold_other
	hold "$SLOT" -l 1m
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	at_each killed_release_of_slot_beside "${changes[@]}"
}

@test "release: of a slot, killed before any change and then run again, it leaves a slot that can be taken at once" {
	local changes

	hold "$SLOT" -l 1m
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	at_each killed_release_of_slot_again "${changes[@]}"
}

killed_run_with_slot() {
	kill_run "$SLOT" "$1"
	slot_takeable at_once
}

@test "run --slots: killed before any change, with all of its process group, it leaves a slot, and a lock, that can be taken" {
	local changes

	mapfile -t changes < <(changes_of nlock run "$SLOT" -l 10m "$LOCK" true)
	at_each killed_run_with_slot "${changes[@]}"
}

killed_evict_of_slot() {
	hold "$SLOT" -l 1ms
	eventually lease_over_by 100
	killed_before "$1" "${EVICT[@]}" "$LOCK"
	slot_takeable
}

@test "evict: from a slot, killed before any change, it leaves a slot, and a lock, that can be taken" {
	local changes

	hold "$SLOT" -l 1ms
	eventually lease_over_by 100
	mapfile -t changes < <(changes_of "${EVICT[@]}" "$LOCK")
	at_each killed_evict_of_slot "${changes[@]}"
}

# --------------------------------------------------------------------- keepers

killed_keeper() {
	keep 3s "${@:2}"
	kill_from_now "$KEEPER" "$1"
	kill "$WARD"
	eventually no_keepers
	was_killed || exit "$NEVER_CAME"
	takeable
}

@test "acquire --keep: its keeper killed before any change, once the process has ended, leaves a lock that can be taken" {
	local changes

	needs attach
	mapfile -t changes < <(changes_of_keeper)
	at_each killed_keeper "${changes[@]}"
}

# is_renewed END: the lease does not end then any more.
is_renewed() {
	[ "$(lease_end_ns)" != "$1" ]
}

# Which may have renewed it already.
killed_beat() {
	local end

	keep 3s "${@:2}"
	kill_from_now "$HEARTBEAT" "$1"
	eventually ended "$HEARTBEAT"
	was_killed || exit "$NEVER_CAME"
	end=$(lease_end_ns)
	eventually is_renewed "$end"
	has_lock "$CLAIM"
	kill "$WARD"
	eventually no_keepers
	takeable at_once
}

@test "acquire --keep: its heartbeat killed before any change is replaced, and the lock is kept" {
	local changes

	needs attach
	mapfile -t changes < <(changes_of_beat)
	at_each killed_beat "${changes[@]}"
}

# Either the lock is still kept, or released as far as its process can see.
killed_release_of_kept() {
	local end

	keep 3s
	killed_before "$1" nlock release --claim "$CLAIM"
	end=$(lease_end_ns)
	eventually kept_or_given_up "$end"
	run ! ended "$WARD"
	kill "$WARD"
	eventually no_keepers
	takeable
}

kept_or_given_up() {
	no_keepers || { has_lock "$CLAIM" && is_renewed "$1"; }
}

@test "acquire --keep: a release killed before any change ends nobody, and leaves a lock that can be taken" {
	local changes

	keep 1h
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	at_each killed_release_of_kept "${changes[@]}"
}

killed_keeper_of_shared() {
	killed_keeper "$1" -s
}

killed_beat_of_shared() {
	killed_beat "$1" -s
}

@test "acquire --keep -s: its keeper killed before any change, once the process has ended, leaves a lock that can be taken" {
	local changes

	needs attach
	mapfile -t changes < <(changes_of_keeper -s)
	at_each killed_keeper_of_shared "${changes[@]}"
}

@test "acquire --keep -s: its heartbeat killed before any change is replaced, and the lock is kept" {
	local changes

	needs attach
	mapfile -t changes < <(changes_of_beat -s)
	at_each killed_beat_of_shared "${changes[@]}"
}

# ------------------------------------------------------------ another process

# mount_behind: have a file system that may hang, whose files are in BEHIND.
# There another process makes nlock's calls.
mount_behind() {
	needs root
	BEHIND=$BATS_TEST_TMPDIR/behind
	MOUNT=$BATS_TEST_TMPDIR/mnt
	mount_fuse "$BEHIND" "$MOUNT"
}

teardown() {
	umount -l "$BATS_TEST_TMPDIR/mnt" 2>/dev/null || true
	common_teardown
}

# other_killed CHANGE COMMAND...: only that process is killed, before it makes
# the change.  $STATUS is the exit status of the command.
other_killed() {
	local other

	STATUS=0
	hold_up "$1" "$BATS_TEST_TMPDIR/log.$BASHPID" "${@:2}" >printed \
		2>errors || exit "$NEVER_CAME"
	other=$(pgrep -P "$HELD" -s "$HELD" -x nlock) || exit "$NEVER_CAME"
	# shellcheck disable=SC2086	# one that opened the directory is a zombie
	kill -KILL $other
	let_go || STATUS=$?
}

says_who_was_killed() {
	[ "$(said)" = "nlock: $LOCK: the process that makes nlock's calls was killed" ]
}

# strace(1) has a word about the kill, too.
said() {
	grep -v '^strace: ' errors || true
}

nothing_behind() {
	[ -z "$(ls "$BEHIND/$1")" ]
}

other_of_acquire_killed() {
	mkdir "$MOUNT/$1"
	LOCK=$MOUNT/$1/job.lock
	other_killed "$1" nlock acquire -l 1h "$LOCK"
	[ "$STATUS" = 74 ]
	says_who_was_killed
	[ "$(cat printed)" = "(exit 74)" ]
	nothing_behind "$1"
}

@test "acquire: if only the process that makes its calls is killed, before any change, it says so and leaves nothing" {
	local changes

	mount_behind
	mapfile -t changes < <(changes_of nlock acquire "$MOUNT/first.lock")
	at_each other_of_acquire_killed "${changes[@]}"
}

# Before the command or after it.
other_of_run_killed() {
	mkdir "$MOUNT/$1"
	LOCK=$MOUNT/$1/job.lock
	other_killed "$1" nlock run -l 1h "$LOCK" touch ran
	if [ -e ran ]; then
		[ "$STATUS" = 0 ]
		[ -z "$(said)" ]
		nlock run -n "$LOCK" true
	else
		[ "$STATUS" = 74 ]
		says_who_was_killed
	fi
	nothing_behind "$1"
}

@test "run: if only the process that makes its calls is killed, before any change, it leaves no lock, and its exit status is true" {
	local changes

	mount_behind
	mapfile -t changes < <(changes_of nlock run "$MOUNT/first.lock" true)
	at_each other_of_run_killed "${changes[@]}"
}

other_of_release_killed() {
	mkdir "$MOUNT/$1"
	LOCK=$MOUNT/$1/job.lock
	hold -l 1h
	other_killed "$1" nlock release --claim "$CLAIM" "$LOCK"
	[ "$STATUS" = 74 ]
	says_who_was_killed
	nlock release --claim "$CLAIM" || [ $? = 76 ]
	nlock run -n "$LOCK" true
}

@test "release: if only the process that makes its calls is killed, before any change, it says so, and another release frees the lock" {
	local changes

	mount_behind
	eval "$(nlock acquire -l 1h --var CLAIM "$MOUNT/first.lock")"
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	at_each other_of_release_killed "${changes[@]}"
}
