#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What waiters that were killed have left is removed by others, and nothing of
# anybody else's is.

load ../common
load ../pause/changes

HERS='job.lock|elsewhere|42|n0123456789abcdef.01234567.4026531836.1000.42'

# By whom nothing is known, and whose lease is over.
leave_lock() {
	nlock acquire -l 1 "$LOCK" >held
	touch -d '1 minute ago' "$LOCK"
}

wait_in_group() {
	in_group nlock run "$LOCK" true
	waiters+=($!)
}

kill_group() {
	kill_unkept "$1"
	eventually is_dead "$1"
}

claims() {
	find . -maxdepth 1 -name 'job.lock|*' -type f -printf '%f\n' | sort
}

# claim_of PID
claim_of() {
	claims | grep "|$1|"
}

has_no_claim() {
	! claim_of "$1"
}

hold_by_run() {
	in_group nlock run "$LOCK" sleep 1000
	holder=$!
	eventually is_state unknown
}

hold_with_three_waiting() {
	hold_by_run
	for _ in 1 2 3; do
		wait_in_group
	done
	eventually claims_are 4
}

give_back() {
	kill -TERM "$holder"
	ended_with 143 "$holder"
}

@test "claims of waiters that were killed are removed by the next one that waits" {
	local holder waiters=()

	hold_with_three_waiting
	for pid in "${waiters[@]}"; do
		kill_group "$pid"
	done
	claims_are 4
	wait_in_group
	eventually claims_are 2
	claim_of "$holder"
	claim_of "${waiters[3]}"
	give_back
	ended_with 0 "${waiters[3]}"
	nothing_left
}

@test "claims that a waiter had no time to remove are removed soon after" {
	local holder waiter waiters=()

	needs strace
	hold_with_three_waiting
	for pid in "${waiters[@]}"; do
		kill_group "$pid"
	done
	# Two calls for each claim, of which a sweep begins none after 200 ms.
	in_group "${STRACE[@]}" -o /dev/null -e trace=unlinkat \
		-e inject=unlinkat:delay_enter=80ms nlock run "$LOCK" true
	waiter=$!
	eventually claims_are 2
	give_back
	ended_with 0 "$waiter"
	nothing_left
}

@test "claims of waiters that live, even if stopped, are not removed" {
	local holder waiters=()

	hold_with_three_waiting
	kill_group "${waiters[0]}"
	kill -STOP "${waiters[1]}"
	wait_in_group
	eventually has_no_claim "${waiters[0]}"
	eventually claims_are 4
	claim_of "${waiters[1]}"
	claim_of "${waiters[2]}"
	claim_of "${waiters[3]}"
	kill -CONT "${waiters[1]}"
	give_back
	for pid in "${waiters[@]:1}"; do
		ended_with 0 "$pid"
	done
	nothing_left
}

@test "claims whose lease has been over for an hour are removed by whoever breaks the lock" {
	leave_claim "$HERS" '61 minutes'
	leave_claim 'job.lock|elsewhere|43|n0123456789abcdef' '400 days'
	rmdir 'job.lock|elsewhere|43|n0123456789abcdef|warrant'
	leave_lock
	nlock run "$LOCK" true
	nothing_left
}

@test "a claim to which others have made links is removed, too; the links stay" {
	leave_claim "$HERS" '400 days'
	ln "$HERS" copy
	leave_lock
	nlock run "$LOCK" true
	[ -s copy ]
	nothing_left
}

@test "no other file is removed, whatever its age" {
	local before

	leave_claim 'job.lock|elsewhere|42|n000000000000000a' '59 minutes'
	leave_claim 'job.lock|elsewhere|42|17' '400 days'
	leave_claim 'job.lock2|elsewhere|42|n000000000000000b' '400 days'
	leave_claim 'job.lock|elsewhere|42|n000000000000000c' '400 days'
	: >'job.lock|elsewhere|42|n000000000000000c'
	touch -d '400 days ago' 'job.lock|elsewhere|42|n000000000000000c'
	leave_claim 'job.lock|notes' '400 days'
	mkdir 'job.lock|elsewhere|42|n000000000000000e'
	touch -d '400 days ago' 'job.lock|elsewhere|42|n000000000000000e'
	before=$(ls -R)
	leave_lock
	nlock run "$LOCK" true
	rm held
	[ "$(ls -R)" = "$before" ]
}

@test "a waiter that breaks nothing leaves another host's claim alone, whatever its age" {
	local holder waiters=()

	leave_claim "$HERS" '400 days'
	hold_by_run
	wait_in_group
	wait_in_group
	kill_group "${waiters[0]}"
	wait_in_group
	eventually has_no_claim "${waiters[0]}"
	eventually claims_are 4
	[ -d "$HERS|warrant" ]
	give_back
	ended_with 0 "${waiters[1]}"
	ended_with 0 "${waiters[2]}"
}

# Both had renewed their leases until they were stopped.
@test "an old claim of a stopped process on this machine is not removed, one that names no process is" {
	local holder waiters=() known unknown

	hold_by_run
	wait_in_group
	in_group nlock acquire -w 1m --state state "$LOCK"
	waiters+=($!)
	eventually claims_are 3
	known=$(claim_of "${waiters[0]}")
	unknown=$(claims | grep '|n[0-9a-f]*$')
	kill -STOP "${waiters[@]}"
	touch -d '2 hours ago' "$known" "$unknown"
	kill_group "$holder"
	nlock run "$LOCK" true
	[ -e "$known" ]
	[ -d "$known|warrant" ]
	[ ! -e "$unknown" ]
	[ ! -e "$unknown|warrant" ]
	# It takes the lock by a new one.
	kill -CONT "${waiters[1]}"
	ended_with 0 "${waiters[1]}"
	nlock release --state state
	kill -CONT "${waiters[0]}"
	ended_with 0 "${waiters[0]}"
	nothing_left
}

@test "a waiter that links its claim after its warrant was removed has not won, and does not wait for itself" {
	local first waiter claim

	needs strace
	eval "$(nlock acquire -l 10m --var first "$LOCK")"
	in_group "${STRACE[@]}" -D -y -o log -e trace=linkat \
		-e inject=linkat:delay_enter=3600s:when=2 \
		nlock acquire -l 10m -w 15s --state state "$LOCK"
	waiter=$!
	eventually claims_are 2
	claim=$(claims | grep -vF "${first##*/}")
	nlock release --claim "$first"
	eventually is_held linkat:2 log
	rmdir "$claim|warrant"
	let_go "$waiter"
	nlock status --mine --state state "$LOCK"
	[ "$(cat state)" != "$DIR/$claim" ]
	nlock release --state state
	nothing_left
}

@test "acquire --pid: if the process dies during the wait, the waiter gives up once its claim is removed" {
	local holder waiters=() process

	hold_by_run
	in_group sleep 1000
	process=$!
	in_group nlock acquire --pid "$process" -w 1m "$LOCK" 2>said
	waiters+=($!)
	eventually claims_are 2
	kill_group "$process"
	wait "$process" || true
	wait_in_group
	eventually swept "$process"
	give_back
	ended_with 74 "${waiters[0]}"
	[ "$(cat said)" = "nlock: $LOCK: find the process: No such process" ]
	ended_with 0 "${waiters[1]}"
	nothing_left
}

# swept PID: its claim is not there any more, the two others are.
swept() {
	claims_are 2 && ! claim_of "$1"
}

@test "a claim that can't be removed keeps nobody from the lock" {
	leave_claim "$HERS" '2 hours'
	: >"$HERS|warrant/file"
	leave_lock
	nlock run "$LOCK" true
	[ -e "$HERS" ]
	[ -e "$HERS|warrant/file" ]
}

@test "taking a free lock does not list the directory" {
	needs strace
	leave_claim "$HERS" '400 days'
	"${STRACE[@]}" -o log -e trace=getdents64,linkat nlock run "$LOCK" true
	grep -q linkat log
	run ! grep getdents log
	[ -e "$HERS" ]
}

# As an NFS client does to a file that it has open when it is unlinked.
@test "break: a file that a crashed client left in a breaker's warrant is in nobody's way" {
	hold -l 1ms
	eventually lease_over_by 100
	mkdir -p "$LOCK|breaker/warrant"
	touch "$LOCK|breaker/warrant/lock" "$LOCK|breaker/warrant/.nfs0001"
	touch -d '1 minute ago' "$LOCK|breaker/warrant"
	nlock run -w 20s --clock-slop 50ms "$LOCK" true
	nothing_left
}
