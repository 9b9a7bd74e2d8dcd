#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Those who wait on the machine where a lock is given back are woken; on a file
# system of its own one by one, in the order in which they came.

load ../common

# By then it pauses for more than a tenth of a second between two looks, so
# that one of them is hardly what lets it have the lock.
wait_for_a_release() {
	local began claim

	eval "$(nlock acquire --var claim -l 1m "$LOCK")"
	in_group "${STRACE[@]}" -y -o log -e trace=read \
		nlock acquire --state state "$LOCK"
	eventually claims_are 2
	began=$(date +%s)
	waited() {
		[ "$(date +%s)" -gt $((began + 3)) ]
	}
	eventually waited
	nlock release --claim "$claim"
	ended_with 0 $!
	nlock release --state state
}

was_woken() {
	grep -q 'read([0-9]*<[^>]*inotify>.* = [1-9]' log
}

# Where a release takes long it may look in the middle of one, now and then.
@test "a waiter on the same machine is woken by the release" {
	needs strace
	for _ in 1 2 3; do
		wait_for_a_release
		! was_woken || break
	done
	was_woken
}

@test "a waiter on the same machine is woken by the holder's death" {
	local holder waiter

	needs strace
	in_group nlock run "$LOCK" sleep 1000
	holder=$!
	eventually is_state unknown
	in_group "${STRACE[@]}" -y -o log -e trace=ppoll \
		nlock acquire --state state "$LOCK"
	waiter=$!
	eventually claims_are 2
	eventually is_polling
	kill -KILL -- "-$holder"
	ended_with 0 "$waiter"
	tail -n 1 log
	grep -q 'ppoll(.*\(pidfd\|<pid:\).* = [12] ' log
}

is_polling() {
	tail -n 1 log | grep -q 'ppoll('
}

# Whoever tries first has it, but only the first in line is woken.
@test "waiters on a local file system are woken in the order in which they came" {
	local claim number waiters=()

	eval "$(nlock acquire --var claim -l 1m "$LOCK")"
	for number in 1 2 3 4 5; do
		in_group nlock run "$LOCK" sh -c "echo $number >>order"
		waiters+=($!)
		eventually claims_are $((number + 1))
		# It has looked who is there, and waits.
		eventually has_inotify $!
	done
	nlock release --claim "$claim"
	for waiter in "${waiters[@]}"; do
		ended_with 0 "$waiter"
	done
	[ "$(tr '\n' ' ' <order)" = "1 2 3 4 5 " ]
}

has_inotify() {
	grep -q '^inotify wd' "/proc/$1/fdinfo"/*
}

# watches FILE PID
watches() {
	grep -q "^inotify wd:.* ino:$(printf %x "$(stat -c %i "$1")") " \
		"/proc/$2/fdinfo"/*
}

@test "a waiter on a local file system waits behind the one before it, but not behind flufl.lock's, another machine's, or one that is stopped" {
	local claim first second

	eval "$(nlock acquire --var claim -l 1m "$LOCK")"
	touch -d '1 hour' "$LOCK|$(hostname)|1|123456" \
		"$LOCK|elsewhere|1|n0123456789abcdef"
	in_group nlock run "$LOCK" true
	first=$!
	eventually watches "$LOCK" "$first"
	in_group nlock run "$LOCK" true
	second=$!
	eventually watches "$(echo "$LOCK|$(hostname)|$first|"*.run)" "$second"
	kill -STOP "$first"
	eventually watches "$LOCK" "$second"
	nlock release --claim "$claim"
	ended_with 0 "$second"
	kill -CONT "$first"
	ended_with 0 "$first"
}

# The names of a directory cost the more the more wait.
@test "a waiter whose predecessor has got the lock knows that it is the next" {
	local first second

	needs strace
	in_group nlock run "$LOCK" sleep 1000
	eventually is_state unknown
	in_group nlock run "$LOCK" sleep 1000
	first=$!
	eventually watches "$LOCK" "$first"
	in_group "${STRACE[@]}" -o log -e trace=getdents64,linkat,ppoll \
		nlock run "$LOCK" true
	second=$!
	eventually claims_are 3
	eventually is_polling
	grep -q getdents64 log
	kill -TERM "$(pid_of_holder)"
	eventually tried_twice
	eventually is_polling
	run ! grep getdents64 <(after_second_try)
	kill -TERM "$first"
	ended_with 0 "$second"
}

pid_of_holder() {
	nlock status --json "$LOCK" | json pid
}

tried_twice() {
	[ "$(grep -c linkat log)" -ge 2 ]
}

after_second_try() {
	awk '/linkat/ { n++ } n >= 2' log
}

# wait_saying OPTION...: wait for a lock until it is released, traced to log.
wait_saying() {
	local claim

	eval "$(nlock acquire --var claim -l 1m "$LOCK")"
	in_group "${STRACE[@]}" -o log -e trace=openat,ppoll \
		nlock run "$@" "$LOCK" true
	eventually is_polling
	nlock release --claim "$claim"
	ended_with 0 $!
}

has_asked_for_users() {
	grep -q '"/etc/\(nsswitch.conf\|passwd\)"' log
}

# One may have to ask a server, and hang with it.
@test "a waiter that says nothing does not ask for the name of the holder's user" {
	needs strace
	wait_saying
	run ! has_asked_for_users
	wait_saying -q
	run ! has_asked_for_users
	wait_saying -v
	has_asked_for_users
}

is_writing() {
	tail -n 1 log | grep -q 'write(2, '
}

# Its message goes into a pipe that is full, and is read later.
@test "a waiter that is held up by its message until the holder's lease is over breaks the lock without a pause" {
	needs strace
	mkfifo pipe
	exec 7<>pipe
	head -c 65536 /dev/zero >&7
	nlock acquire -l 1s "$LOCK"
	in_group "${STRACE[@]}" -o log -e trace=write,ppoll \
		nlock acquire -v --clock-slop 1ms --state state "$LOCK" 2>&7
	eventually is_writing
	eventually is_state theirs_expired
	head -c 65536 <&7 >/dev/null
	ended_with 0 $!
	grep 'ppoll(' log >pauses
	# One of a millisecond at the most.
	run ! grep -v 'tv_sec=0, tv_nsec=[0-9]\{1,6\}}' pauses
}
