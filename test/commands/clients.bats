#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What clients of some file servers do, as a file system by FUSE can, too: they
# say that times are set that are only in their cache, and stamp files by
# clocks of their own.

load ../common

setup() {
	needs root fuse bindfs
	common_setup
	LOCK=$DIR/mnt/job.lock
}

teardown() {
	umount -l "$DIR/mnt" 2>/dev/null || true
	common_teardown
}

# What the server has of the lock.
nothing_behind() {
	[ -z "$(ls "$BATS_TEST_TMPDIR/behind")" ]
}

# not_synced COMMAND...: what it syncs does not reach the server.
not_synced() {
	"${STRACE[@]}" -o /dev/null -e trace=fsync -e inject=fsync:error=EIO "$@"
}

@test "refresh: a renewal that did not reach the server is an error" {
	needs strace
	mount_fuse "$BATS_TEST_TMPDIR/behind" mnt
	eval "$(nlock acquire "$LOCK")"
	run -74 --separate-stderr not_synced nlock refresh
	complains
	nlock refresh
	nlock release
	nothing_behind
}

@test "acquire: a claim whose lease did not reach the server takes no lock, and is not left" {
	needs strace
	mount_fuse "$BATS_TEST_TMPDIR/behind" mnt
	run -74 --separate-stderr not_synced nlock acquire -n "$LOCK"
	complains
	[ "$output" = "(exit 74)" ]
	nothing_behind
}

@test "acquire: -w gives up in time where another process makes the calls" {
	local began took

	mount_fuse "$BATS_TEST_TMPDIR/behind" mnt
	nlock acquire -l 1h "$LOCK" >/dev/null
	began=${EPOCHREALTIME/./}
	run -75 --separate-stderr timeout 20 nlock acquire -w 300ms "$LOCK"
	took=$((${EPOCHREALTIME/./} - began))
	complains
	[[ $stderr == *": timed out after 300ms: held by "* ]]
	[ $took -ge 300000 ]
	[ $took -lt 5000000 ]
}

# ------------------------------------------------------------------- clocks

# mount_skewed SECONDS: have one whose clients' clock is so far off.
mount_skewed() {
	preload client_stamps
	mkdir "$BATS_TEST_TMPDIR/behind" mnt
	"${PRELOAD[@]}" SKEW="$1" bindfs -f --no-allow-other \
		"$BATS_TEST_TMPDIR/behind" mnt >/dev/null 2>&1 3>&- &
	eventually mountpoint -q mnt
}

@test "this test's client stamps changes by a clock that is an hour off, but not new files" {
	mount_skewed -3600
	touch mnt/new mnt/old
	touch mnt/old
	mkdir mnt/directory
	is_off() {
		[ $(($(date +%s) - $(stat -c %Y "$1"))) -gt 3000 ]
	}
	is_off mnt/old
	run ! is_off mnt/directory
}

@test "acquire, refresh: a client's clock that is an hour off does not set the lease's end" {
	local skew

	for skew in -3600 3600; do
		mount_skewed "$skew"
		eval "$(nlock acquire -l 1m "$LOCK")"
		between 40 "$(remaining)" 61
		run -75 env -u NLOCK_CLAIM nlock acquire -n "$LOCK"
		nlock refresh -l 2m
		between 100 "$(remaining)" 121
		nlock refresh -l 3m
		between 160 "$(remaining)" 181
		nlock release
		nothing_behind
		umount mnt
		rmdir mnt "$BATS_TEST_TMPDIR/behind"
	done
}

@test "run: a client's clock that is an hour off breaks no running lock" {
	local pid

	mount_skewed 3600
	in_group nlock run -l 3s "$LOCK" -- \
		sh -c 'touch began; until [ -e go ]; do sleep 0.05; done; exit 7'
	pid=$!
	eventually test -e began
	run -75 nlock run -w 5s --clock-slop 100ms "$LOCK" touch ran
	[ ! -e ran ]
	touch go
	ended_with 7 "$pid"
	nothing_behind
}

@test "run, acquire: -v says where clocks may have to agree" {
	mount_fuse "$BATS_TEST_TMPDIR/behind" mnt
	run -0 --separate-stderr nlock run -v "$LOCK" true
	[[ $stderr == "nlock: $LOCK: "*"clock"* ]]
	run -0 --separate-stderr nlock run "$LOCK" true
	[ -z "$stderr" ]
	run -0 --separate-stderr nlock run -v "$DIR/job.lock" true
	[ -z "$stderr" ]
}
