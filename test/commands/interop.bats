#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# One lock, taken by nlock and by the real flufl.lock (Python).
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common
load ../pause/changes

CLAIM=

# peer SECONDS: start a flufl.lock on $LOCK with that lifetime.
peer() {
	needs flufl
	mkfifo "$BATS_TEST_TMPDIR/to"
	: >"$BATS_TEST_TMPDIR/from"
	asked=0
	exec 7<>"$BATS_TEST_TMPDIR/to"
	setsid /usr/bin/python3 "$TEST/programs/flufl_peer.py" "$LOCK" \
		"$1" <&7 >"$BATS_TEST_TMPDIR/from" 3>&- 7>&- &
	PEER=$!
}

teardown() {
	[ -z "${PEER-}" ] || kill -KILL -- "-$PEER" 2>/dev/null || true
	wait "${PEER-}" 2>/dev/null || true
	common_teardown
}

# tell COMMAND...: have the peer begin with that.
tell() {
	echo "$*" >&7
	asked=$((asked + 1))
}

has_answered() {
	[ "$(wc -l <"$BATS_TEST_TMPDIR/from")" -ge "$asked" ]
}

# It answers so to the last command.
answers() {
	eventually has_answered
	echo "flufl.lock: $(sed -n "${asked}p" "$BATS_TEST_TMPDIR/from")"
	[ "$(sed -n "${asked}p" "$BATS_TEST_TMPDIR/from")" = "$1" ]
}

# ask ANSWER COMMAND...
ask() {
	tell "${@:2}"
	answers "$1"
}

# What flufl.lock calls this host, as $HOST.
learn_host() {
	tell host
	eventually has_answered
	HOST=$(sed -n "${asked}p" "$BATS_TEST_TMPDIR/from")
}

is_waiting() {
	[ "$(find "$DIR" -maxdepth 1 -name 'job.lock|*' -type f | wc -l)" = 2 ]
}

SOON=(--clock-slop 50ms)

# ------------------------------------------------------------------- waiting

@test "nlock waits until flufl.lock has unlocked" {
	peer 60
	ask 'done' lock 10
	run -75 nlock acquire -n "$LOCK"
	in_group nlock run -w 30s "$LOCK" touch "$DIR/ran" 7>&-
	eventually is_waiting
	[ ! -e "$DIR/ran" ]
	ask True locked
	ask 'done' unlock
	ended_with 0 $!
	[ -e "$DIR/ran" ]
	nothing_left
}

@test "flufl.lock waits until nlock has released" {
	peer 60
	hold -l 1m
	ask TimeOutError lock 0
	tell lock 30
	eventually is_waiting
	nlock status --mine --claim "$CLAIM" "$LOCK"
	nlock release --claim "$CLAIM"
	answers 'done'
	ask True locked
	ask 'done' unlock
	nothing_left
}

is_over_for() {
	nlock status --json --claim "$1" "$LOCK" | grep -q '"state":"ours_expired"'
}

@test "flufl.lock waits for those who share a lock, however short their leases, and they wait for it" {
	peer 60
	nlock acquire -s -l 100ms --print claim "$LOCK" >first
	nlock acquire -s -l 1m --print claim "$LOCK" >second
	eventually is_over_for "$(cat first)"
	ask TimeOutError lock 0
	nlock release --claim "$(cat second)"
	# The other one's lease is over, but only nlock finds that out.
	ask TimeOutError lock 0
	nlock run -n "${SOON[@]}" "$LOCK" true
	ask 'done' lock 0
	run -75 nlock run -ns "$LOCK" true
	ask 'done' unlock
	nlock run -ns "$LOCK" true
	nothing_left
}

@test "flufl.lock waits for the command of nlock run, however often the lease is refreshed" {
	local lease

	mkfifo "$DIR/end"
	in_group nlock run -l 1s "$LOCK" sh -c "read -r line <'$DIR/end'"
	eventually is_state unknown
	lease=$(stat -c %Y "$LOCK")
	peer 60
	tell lock 30
	eventually is_waiting
	eventually lease_ends_after $((lease + 3))
	is_waiting
	echo >"$DIR/end"
	answers 'done'
	ask 'done' unlock
	nothing_left
}

lease_ends_after() {
	[ "$(stat -c %Y "$LOCK")" -ge "$1" ]
}

# ------------------------------------------------------------------- reading

@test "flufl.lock reads nlock's host, pid and lock file" {
	peer 60
	hold -l 1m
	ask "$(hostname) $(nlock status --json "$LOCK" | json pid) $LOCK" \
		details
	nlock release --claim "$CLAIM"
	# Of a claim that identifies its process, too.
	hold --pid $$ -l 1m
	[[ $CLAIM == *.*.*.* ]]
	ask "$(hostname) $$ $LOCK" details
}

# To flufl.lock a host is its full name, which may differ from nlock's name
# for it; then it knows of no process.
@test "flufl.lock reads nlock's state: running, over, its process dead, unlocked" {
	local dead

	peer 60
	ask unlocked state
	hold --pid $$ -l 1m
	ask unknown state
	ask 'done' host "$(hostname)"
	ask unknown state
	nlock refresh -l 10m --claim "$CLAIM"
	touch -d '1 second ago' "$LOCK"
	ask theirs_expired state
	nlock release --claim "$CLAIM"
	in_group nlock run -l 1m "$LOCK" sleep 100
	dead=$!
	eventually is_state unknown
	ask unknown state
	kill_unkept "$dead"	# or its keeper would release the lock
	ended_with 137 "$dead"
	ask stale state
}

@test "nlock reads who flufl.lock's holder is and how long it holds" {
	peer 60
	learn_host
	ask 'done' lock 10
	is_state unknown
	[ "$(nlock status --json "$LOCK" | json host)" = "$HOST" ]
	[ "$(nlock status --json "$LOCK" | json pid)" = "$PEER" ]
	[ "$(nlock status --json "$LOCK" | json claim)" = "$(cat "$LOCK")" ]
	[ "$(nlock status --json "$LOCK" | json held)" = true ]
	nlock status --json "$LOCK" | json remaining |
		awk '{ exit !(30 < $1 && $1 <= 60) }'
	nlock status "$LOCK" | grep -q "held by $HOST pid $PEER "
	run -75 --separate-stderr nlock acquire -n "$LOCK"
	# shellcheck disable=SC2154	# set by run
	[[ $stderr == *"$HOST pid $PEER"* ]]
	ask 'done' unlock
}

@test "nlock shows the lock of a flufl.lock whose process is dead as stale, but breaks it only when its lease is over" {
	peer 60
	ask 'done' lock 10
	kill -KILL "$PEER"
	wait "$PEER" || [ $? = 137 ]
	is_state stale
	run -75 nlock acquire -n "${SOON[@]}" "$LOCK"
	touch -d '2 seconds ago' "$LOCK"
	run -0 nlock run -n "${SOON[@]}" "$LOCK" true
	nothing_left
}

@test "nlock does not take the lock of a flufl.lock on another host for stale" {
	local claim="$LOCK|elsewhere.example|999999999|1234567890"

	printf %s "$claim" >"$claim"
	ln "$claim" "$LOCK"
	touch -d '1 minute' "$claim"
	is_state unknown
}

# ------------------------------------------------------------------ breaking

@test "nlock breaks flufl.lock's expired lock, and flufl.lock's unlock says so" {
	peer 1
	ask 'done' lock 10
	nlock run -w 30s "${SOON[@]}" "$LOCK" touch "$DIR/ran"
	[ -e "$DIR/ran" ]
	nothing_left
	ask NotLockedError unlock
	ask NotLockedError refresh
	nothing_left
}

@test "flufl.lock that comes back after nlock broke its lock leaves nlock's alone" {
	local inode

	peer 1
	ask 'done' lock 10
	hold -w 30s -l 1m "${SOON[@]}"
	inode=$(stat -c %i "$LOCK")
	ask False locked
	ask NotLockedError unlock
	[ "$(stat -c %i "$LOCK")" = "$inode" ]
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "flufl.lock breaks nlock's expired lock, and nlock's refresh and release say so" {
	local inode

	hold -l 100ms
	peer 60
	ask 'done' lock 30
	inode=$(stat -c %i "$LOCK")
	run -1 nlock status --mine --claim "$CLAIM" "$LOCK"
	run -76 nlock refresh --claim "$CLAIM"
	run -76 nlock release --claim "$CLAIM"
	[ "$(stat -c %i "$LOCK")" = "$inode" ]
	ask True locked
	ask 'done' unlock
	nothing_left
}

@test "nlock's refresh and release leave the next lock alone when flufl.lock broke theirs but for the claim" {
	local inode

	hold -l 1m
	peer 60
	rm "$LOCK"
	ask 'done' lock 10
	inode=$(stat -c %i "$LOCK")
	run -76 nlock refresh --claim "$CLAIM"
	run -76 nlock release --claim "$CLAIM"
	[ "$(stat -c %i "$LOCK")" = "$inode" ]
	ask True locked
	ask 'done' unlock
	nothing_left
}

@test "run: after flufl.lock broke its lock it exits 76, and leaves flufl.lock's alone" {
	local runner

	in_group nlock run -l 2s "$LOCK" sleep 100
	runner=$!
	eventually is_state unknown
	eventually heartbeat_of "$runner"
	signal_all STOP "$runner"
	peer 60
	ask 'done' lock 30
	signal_all CONT "$runner"
	eventually has_ended "$runner"
	ended_with 76 "$runner"
	ask True locked
	ask 'done' unlock
	nothing_left
}

@test "nlock breaks an expired lock that flufl.lock began to unlock and did not finish" {
	peer 60
	ask 'done' lock 10
	rm "$(cat "$LOCK")"
	touch -d '2 seconds ago' "$LOCK"
	run -0 nlock run -n "${SOON[@]}" "$LOCK" true
	nothing_left
}

@test "nlock takes a lock that flufl.lock unlocked but for its claim" {
	peer 60
	ask 'done' lock 10
	rm "$LOCK"
	run -0 nlock run -n "$LOCK" true
	ask NotLockedError unlock
	find "$DIR" -name 'job.lock|*' -delete
	nothing_left
}
