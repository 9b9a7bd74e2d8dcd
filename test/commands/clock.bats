#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Machines whose clocks are an hour off agree on leases all the same: these
# are on the file server's clock, which here is that of the file system.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

setup() {
	needs cc
	common_setup
}

# skewed SECONDS COMMAND...: its clock is so far off.  The server's stamps
# stay what they are, and so does the clock that counts since boot.
skewed() {
	skew "$1"
	"${SKEW[@]}" "${@:2}"
}

skew() {
	preload skewed_clock
	SKEW=("${PRELOAD[@]}" SKEW="$1")
}

remaining_is_between() {
	local remaining

	remaining=$(skewed "${3-0}" nlock status --json "$LOCK" |
		json remaining)
	echo "remaining: $remaining"
	awk -v l="$1" -v n="$remaining" -v h="$2" \
		'BEGIN { exit !(l < n && n <= h) }'
}

# hold SECONDS OPTION...: take the lock; $CLAIM is the claim.
hold() {
	eval "$(skewed "$1" nlock acquire --var CLAIM "${@:2}" "$LOCK")"
}

inode() {
	stat -c %i "$LOCK"
}

@test "this test's clock is off by an hour, and the file system's is not" {
	local skew now

	now=$(date +%s)
	for skew in 3600 -3600; do
		run -0 skewed "$skew" date +%s
		[ $((output - now - skew)) -ge 0 ]
		[ $((output - now - skew)) -lt 100 ]
		run -0 skewed "$skew" sh -c 'mkdir now && stat -c %Y now'
		rmdir now
		# A stamp may be a tick old.
		[ $((output - now)) -ge -1 ]
		[ $((output - now)) -lt 100 ]
	done
}

# ------------------------------------------------------------------- waiting

respects_a_running_lease() {
	local before

	hold 0 -l 1m
	before=$(inode)
	run -75 skewed "$1" nlock acquire -n --clock-slop 10ms "$LOCK"
	run -75 skewed "$1" nlock run -w 300ms --clock-slop 10ms "$LOCK" true
	[ "$(inode)" = "$before" ]
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "a waiter an hour ahead does not break a running lease" {
	respects_a_running_lease 3600
}

@test "a waiter an hour behind does not break a running lease" {
	respects_a_running_lease -3600
}

# A waiter's view of the server's clock is renewed as it waits.
respects_a_refreshed_lease() {
	hold 0 -l 1m
	before=$(inode)
	skew "$1"
	in_group "${SKEW[@]}" nlock acquire -w 30s -l 200ms \
		--clock-slop 10ms "$LOCK" >"$DIR/printed"
	eventually waiter_renewed_twice
	[ "$(inode)" = "$before" ]
	nlock release --claim "$CLAIM"
	ended_with 0 $!
	[ -s "$DIR/printed" ]
}

# A waiter renews its own lease, seen by the times of its claim.
waiter_renewed_twice() {
	find . -name 'job.lock|*' -type f ! -samefile "$LOCK" -printf '%T@\n' \
		>>renewals
	[ "$(sort -u renewals | wc -l)" -ge 3 ]
}

@test "a waiter an hour ahead that waits for long does not break a running lease" {
	respects_a_refreshed_lease 3600
}

@test "a waiter an hour behind that waits for long does not break a running lease" {
	respects_a_refreshed_lease -3600
}

breaks_what_is_over() {
	hold 0 -l 300ms
	skewed "$1" timeout 30 \
		nlock run --clock-slop 50ms "$LOCK" touch "$DIR/ran"
	[ -e "$DIR/ran" ]
	run -76 nlock release --claim "$CLAIM"
	nothing_left
}

@test "a waiter an hour ahead takes a lock whose lease is over" {
	breaks_what_is_over 3600
}

@test "a waiter an hour behind takes a lock whose lease is over" {
	breaks_what_is_over -3600
}

# ------------------------------------------------------------------- holding

is_respected() {
	hold "$1" -l 1m
	remaining_is_between 30 60
	run -75 nlock acquire -n --clock-slop 10ms "$LOCK"
	skewed "$1" nlock refresh --claim "$CLAIM" -l 5m
	remaining_is_between 270 300
	run -75 nlock acquire -n --clock-slop 10ms "$LOCK"
	skewed "$1" nlock release --claim "$CLAIM"
	nothing_left
}

@test "a holder an hour ahead has the lease it asked for, refreshes and releases it" {
	is_respected 3600
}

@test "a holder an hour behind has the lease it asked for, refreshes and releases it" {
	is_respected -3600
}

@test "a holder half a minute ahead has the lease that it asks a refresh for" {
	hold 0 -l 1m
	skewed 30 nlock refresh --claim "$CLAIM" -l 5m
	remaining_is_between 270 300
	skewed 30 nlock refresh --claim "$CLAIM" -l 2m
	remaining_is_between 100 120
}

does_not_hold_for_longer() {
	hold "$1" -l 300ms
	timeout 30 nlock run --clock-slop 50ms "$LOCK" touch "$DIR/ran"
	[ -e "$DIR/ran" ]
	run -76 skewed "$1" nlock refresh --claim "$CLAIM"
	run -76 skewed "$1" nlock release --claim "$CLAIM"
	nothing_left
}

@test "a holder an hour ahead loses the lock once its lease is over, and is told so" {
	does_not_hold_for_longer 3600
}

@test "a holder an hour behind loses the lock once its lease is over, and is told so" {
	does_not_hold_for_longer -3600
}

lease_ends_after() {
	[ "$(stat -c %Y "$LOCK")" -gt "$1" ]
}

keeps_its_lock() {
	local began

	mkfifo "$DIR/end"
	skew "$1"
	in_group "${SKEW[@]}" nlock run -l 2s "$LOCK" \
		sh -c "read -r line <'$DIR/end'"
	eventually test -e "$LOCK"
	began=$(date +%s)
	# Refreshed when the first lease would have been over.
	eventually lease_ends_after $((began + 4))
	run -75 nlock acquire -n --clock-slop 10ms "$LOCK"
	remaining_is_between 0 2.1
	echo >"$DIR/end"
	ended_with 0 $!
	nothing_left
}

@test "run: an hour ahead it keeps its lock, and its command is not killed" {
	keeps_its_lock 3600
}

@test "run: an hour behind it keeps its lock, and its command is not killed" {
	keeps_its_lock -3600
}

# -------------------------------------------------------------------- status

tells_the_state() {
	hold 0 -l 1m
	run -0 skewed "$1" nlock status --json --claim "$CLAIM" "$LOCK"
	[[ $output == *'"state":"ours"'* ]]
	run -0 skewed "$1" nlock status --json "$LOCK"
	[[ $output == *'"state":"unknown"'* ]]
	run -0 skewed "$1" nlock status -q "$LOCK"
	remaining_is_between 30 60 "$1"
	touch -d '1 second ago' "$LOCK"
	eventually remaining_is_between -60 -0.001 "$1"
	run -0 skewed "$1" nlock status --json --claim "$CLAIM" "$LOCK"
	[[ $output == *'"state":"ours_expired"'* ]]
	run -0 skewed "$1" nlock status --json "$LOCK"
	[[ $output == *'"state":"theirs_expired"'* ]]
	run -1 skewed "$1" nlock status -q "$LOCK"
}

@test "status: an hour ahead it tells a running lease from one that is over" {
	tells_the_state 3600
}

@test "status: an hour behind it tells a running lease from one that is over" {
	tells_the_state -3600
}
