#!/usr/bin/env bats
# What waiters that were killed have left is removed by others, and nothing of
# anybody else's is.

load common

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
	kill -KILL -- "-$1"
	eventually is_dead "$1"
}

claims() {
	find . -maxdepth 1 -name 'job.lock|*' -type f -printf '%f\n' | sort
}

# claim_of PID
claim_of() {
	claims | grep "|$1|"
}

hold_by_run() {
	in_group nlock run "$LOCK" sleep 1000
	holder=$!
	eventually is_state unknown
}

give_back() {
	kill -TERM "$holder"
	ended_with 143 "$holder"
}

@test "claims of waiters that were killed are removed by the next one that waits" {
	local holder waiters=()

	hold_by_run
	for _ in 1 2 3; do
		wait_in_group
	done
	eventually claims_are 4
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

@test "claims of waiters that live, even if stopped, are not removed" {
	local holder waiters=()

	hold_by_run
	for _ in 1 2 3; do
		wait_in_group
	done
	eventually claims_are 4
	kill_group "${waiters[0]}"
	kill -STOP "${waiters[1]}"
	wait_in_group
	eventually claims_are 4
	run ! claim_of "${waiters[0]}"
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

# Nor the claim that the lock file of another name is a link to.
@test "no other file is removed, whatever its age" {
	local before

	leave_claim 'job.lock|elsewhere|42|n000000000000000a' '59 minutes'
	leave_claim 'job.lock|elsewhere|42|17' '400 days'
	leave_claim 'job.lock2|elsewhere|42|n000000000000000b' '400 days'
	leave_claim 'job.lock|elsewhere|42|n000000000000000c' '400 days'
	: >'job.lock|elsewhere|42|n000000000000000c'
	touch -d '400 days ago' 'job.lock|elsewhere|42|n000000000000000c'
	leave_claim 'job.lock|elsewhere|42|n000000000000000d' '400 days'
	ln 'job.lock|elsewhere|42|n000000000000000d' other
	leave_claim 'job.lock|notes' '400 days'
	mkdir 'job.lock|elsewhere|42|n000000000000000e'
	touch -d '400 days ago' 'job.lock|elsewhere|42|n000000000000000e'
	before=$(ls -R)
	leave_lock
	nlock run "$LOCK" true
	rm held
	[ "$(ls -R)" = "$before" ]
}

@test "who only waits leaves a claim of another host's alone, whatever its age" {
	local holder waiters=()

	leave_claim "$HERS" '400 days'
	hold_by_run
	wait_in_group
	wait_in_group
	kill_group "${waiters[0]}"
	wait_in_group
	eventually claims_are 4
	run ! claim_of "${waiters[0]}"
	[ -d "$HERS|warrant" ]
	give_back
	ended_with 0 "${waiters[1]}"
	ended_with 0 "${waiters[2]}"
}

# It has renewed its lease until it was stopped.
@test "a waiter whose claim was removed while it was stopped takes the lock by a new one" {
	local holder waiters=() claim

	hold_by_run
	wait_in_group
	eventually claims_are 2
	claim=$(claim_of "${waiters[0]}")
	kill -STOP "${waiters[0]}"
	touch -d '2 hours ago' "$claim"
	kill_group "$holder"
	nlock run "$LOCK" true
	[ ! -e "$claim" ]
	[ ! -e "$claim|warrant" ]
	kill -CONT "${waiters[0]}"
	ended_with 0 "${waiters[0]}"
	nothing_left
}

@test "a claim that can't be removed keeps nobody from the lock" {
	leave_claim "$HERS" '2 hours'
	: >"$HERS|warrant/file"
	leave_lock
	nlock run "$LOCK" true
	[ -e "$HERS" ]
	[ -e "$HERS|warrant/file" ]
}

@test "to take a free lock nobody lists the directory" {
	leave_claim "$HERS" '400 days'
	"${STRACE[@]}" -o log -e trace=getdents64,linkat nlock run "$LOCK" true
	grep -q linkat log
	run ! grep getdents log
	[ -e "$HERS" ]
}
