#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A process that is held up before any of its changes, for longer than any
# lease, harms nobody when it comes back.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common
load changes

CLAIM=

setup() {
	needs strace
	common_setup
}

SHORT=(-l 500ms)
SLOP=(--clock-slop 20ms)

# Another process takes the lock, for long: of another machine, as it seems, since
# those of this one leave the lock of a run that is held up alone.
next_takes() {
	local where=elsewhere

	[ "$(id -u)" = 0 ] || where=
	$where nlock acquire -w 30s -l 10m "${SLOP[@]}" --state "$DIR/next" "$LOCK"
	inode=$(stat -c %i "$LOCK")
	cp "$LOCK" "$DIR/content"
}

# That process's lock is as it was, and it can release it.
next_is_unharmed() {
	[ "$(stat -c %i "$LOCK")" = "$inode" ]
	cmp "$LOCK" "$DIR/content"
	nlock status --mine --state "$DIR/next" "$LOCK"
	nlock release --state "$DIR/next" "$LOCK"
}

# late EXPECTED...: let the held process go; it exits with one of these,
# $status.
late() {
	status=0
	let_go || status=$?
	echo "exit status $status, should be $*"
	[[ " $* " == *" $status "* ]]
}

# ------------------------------------------------------------------ releasing

late_release() {
	local expected=76

	hold "${SHORT[@]}"
	hold_up "$1" "$DIR/log" nlock release --claim "$CLAIM" ||
		exit "$NEVER_CAME"
	[ -e "$LOCK" ] || expected=0
	next_takes
	late $expected
	next_is_unharmed
	nothing_left
}

@test "release: held up before any change, it leaves the next holder alone, and says 76 if it came too late" {
	local changes

	hold -l 1m
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	at_each late_release "${changes[@]}"
}

# Two releases of one claim, each held up somewhere.
late_twins() {
	local first second

	hold "${SHORT[@]}"
	hold_up "${1%,*}" "$DIR/log" nlock release --claim "$CLAIM" ||
		exit "$NEVER_CAME"
	first=$HELD
	hold_up "${1#*,}" "$DIR/log2" nlock release --claim "$CLAIM" || true
	second=$HELD
	next_takes
	HELD=$first late 0 76
	next_is_still_there
	HELD=$second late 0 76
	next_is_unharmed
	nothing_left
}

next_is_still_there() {
	[ "$(stat -c %i "$LOCK")" = "$inode" ]
}

@test "release: twice at the same time, each held up before any change, leaves the next holder alone" {
	local changes first second pairs=()

	hold -l 1m
	mapfile -t changes < <(changes_of nlock release --claim "$CLAIM")
	for first in "${changes[@]}"; do
		for second in "${changes[@]}"; do
			pairs+=("$first,$second")
		done
	done
	at_each late_twins "${pairs[@]}"
}

# ----------------------------------------------------------------- refreshing

late_refresh() {
	hold "${SHORT[@]}"
	hold_up "$1" "$DIR/log" nlock refresh "${SHORT[@]}" --claim "$CLAIM" ||
		exit "$NEVER_CAME"
	next_takes
	late 76
	next_is_unharmed
	nothing_left
}

# Nobody else is there; but the lease that it asked for is over by then.
late_refresh_alone() {
	local now

	hold -l 10m
	hold_up "$1" "$DIR/log" nlock refresh -l 300ms --claim "$CLAIM" ||
		exit "$NEVER_CAME"
	touch -d '1 second' "$DIR/later"
	eventually is_past "$DIR/later"
	now=$(now_ns)
	late 0 76
	echo "lease: $(modified_ns "$LOCK"), let go: $now"
	[ "$status" != 0 ] || [ "$(modified_ns "$LOCK")" -gt "$now" ]
}

# is_past FILE: its modification time is.
is_past() {
	[ "$(modified_ns "$1")" -lt "$(now_ns)" ]
}

@test "refresh: held up before any change for longer than the new lease, it does not call a lease that is over refreshed" {
	local changes

	hold -l 1m
	mapfile -t changes < <(changes_of nlock refresh -l 1m --claim "$CLAIM")
	at_each late_refresh_alone "${changes[@]}"
}

@test "refresh: held up before any change while the lock is broken, it says 76 and leaves the next holder alone" {
	local changes

	hold -l 1m
	mapfile -t changes < <(changes_of nlock refresh -l 1m --claim "$CLAIM")
	at_each late_refresh "${changes[@]}"
}

# ------------------------------------------------------------------ acquiring

ACQUIRE=(nlock acquire -n "${SHORT[@]}" "${SLOP[@]}" --var LATE)

late_acquire() {
	hold_up "$1" "$DIR/log" "${ACQUIRE[@]}" "$LOCK" >"$DIR/printed" ||
		exit "$NEVER_CAME"
	next_takes
	late 75
	[ ! -s "$DIR/printed" ]
	next_is_unharmed
	nothing_left
}

@test "acquire: held up before any change while another takes the lock, it does not have it" {
	local changes

	mapfile -t changes < <(changes_of "${ACQUIRE[@]}" "$LOCK")
	at_each late_acquire "${changes[@]}"
}

# The link is made, though long after the lease that it was to begin.
late_link() {
	local now

	hold_up "$1" "$DIR/log" "${ACQUIRE[@]}" "$LOCK" >"$DIR/printed" ||
		exit "$NEVER_CAME"
	eventually old_claim
	now=$(now_ns)
	late 0
	echo "lease: $(modified_ns "$LOCK"), let go: $now"
	[ "$(modified_ns "$LOCK")" -gt "$now" ]
}

# The only claim there is has a lease that is over.
old_claim() {
	local claim

	claim=$(find "$DIR" -type f -name 'job.lock|*' | head -n 1)
	[ -z "$claim" ] || [ "$claim" -ot "$(mktemp -p "$DIR")" ]
}

@test "acquire: held up before any change for longer than its lease, it gets a lock with time left" {
	local changes

	mapfile -t changes < <(changes_of "${ACQUIRE[@]}" "$LOCK")
	at_each late_link "${changes[@]}"
}

late_run() {
	local expected=75 ran=

	hold_up "$1" "$DIR/log" nlock run -n -l 1s "${SLOP[@]}" "$LOCK" \
		echo ran >"$DIR/ran" || exit "$NEVER_CAME"
	ran=$(cat "$DIR/ran")
	if [ -n "$ran" ]; then
		expected=0
		[ ! -e "$LOCK" ] || expected=76
	fi
	next_takes
	late $expected
	[ "$(cat "$DIR/ran")" = "$ran" ]
	next_is_unharmed
	nothing_left
}

@test "run: held up before any change, it starts no command without the lock, and leaves the next holder alone" {
	local changes

	mapfile -t changes < <(changes_of nlock run -n -l 1s "$LOCK" echo ran)
	at_each late_run "${changes[@]}"
}

# -------------------------------------------------------------------- waiting

WAIT=(nlock acquire "${SHORT[@]}" "${SLOP[@]}" --state late)

# It waits for a lease to end, breaks the lock, and takes it.
changes_of_wait() {
	hold "${SHORT[@]}"
	changes_of "${WAIT[@]}" "$LOCK"
}

# The next holder finds its lock unharmed; once it gives that back, the late
# one has it.
late_waiter() {
	hold "${SHORT[@]}"
	hold_up "$1" "$DIR/log" "${WAIT[@]}" "$LOCK" || exit "$NEVER_CAME"
	[ ! -e late ]
	next_takes
	end_tracer
	eventually has_gone_on
	next_is_unharmed
	late 0
	nlock release --state late || [ $? = 76 ]
	nothing_left
}

# Without its tracer it is about to sleep, or has ended.
has_gone_on() {
	has_ended "$HELD" || grep -q '^State:.S' "/proc/$HELD/status"
}

@test "a waiter held up before any change while another takes the lock leaves that one alone, and has its turn" {
	local changes

	mapfile -t changes < <(changes_of_wait)
	at_each late_waiter "${changes[@]}"
}

# The holder gives it back while the waiter is held up.
released_while_waiting() {
	hold -l 10m
	hold_up "$1" "$DIR/log" "${WAIT[@]}" "$LOCK" || exit "$NEVER_CAME"
	[ ! -e late ]
	nlock release --claim "$CLAIM"
	late 0
}

@test "a waiter held up before any change while the holder releases gets the lock" {
	local changes

	hold -l 10m
	# Those by which this one gives up are not meant.
	mapfile -t changes < <(changes_of nlock acquire -w 500ms "$LOCK" |
		grep -v unlink)
	at_each released_while_waiting "${changes[@]}"
}

# ------------------------------------------------------------------- breaking

changes_of_break() {
	hold -l 1ms
	eventually lease_over_by 100
	changes_of "${ACQUIRE[@]}" "$LOCK"
}

late_break() {
	hold -l 1ms
	eventually lease_over_by 100
	late_acquire "$1"
}

@test "break: held up before any change while another breaks and takes the lock, it leaves that one alone" {
	local changes

	mapfile -t changes < <(changes_of_break)
	at_each late_break "${changes[@]}"
}

# A waiter that was suspended for hours comes back, while a breaker that removes
# its claim is held up before a change: it has the claim linked.
returned_while_swept() {
	local claim='job.lock|elsewhere|42|n0123456789abcdef'

	leave_claim "$claim" '2 hours'
	hold -l 1ms
	eventually lease_over_by 100
	hold_up "$1" "$DIR/log" "${ACQUIRE[@]}" "$LOCK" >"$DIR/printed" ||
		exit "$NEVER_CAME"
	[ -e "$claim" ] || exit 0
	ln "$claim" linked
	touch -d '10 minutes' "$claim"
	late 0
	grep -q 'unlinkat(.*|n0123456789abcdef", 0' "$DIR/log" ||
		[ "$claim" -ef linked ]
}

@test "break: held up before any change while a waiter whose claim it removes comes back, it leaves that if it can" {
	local changes

	leave_claim 'job.lock|elsewhere|42|n0123456789abcdef' '2 hours'
	mapfile -t changes < <(changes_of_break)
	at_each returned_while_swept "${changes[@]}"
}

# The holder comes back while the breaker is held up before a change.
refreshed_while_breaking() {
	local refreshed=0

	hold -l 1ms
	eventually lease_over_by 100
	inode=$(stat -c %i "$LOCK")
	hold_up "$1" "$DIR/log" "${ACQUIRE[@]}" "$LOCK" >"$DIR/printed" ||
		exit "$NEVER_CAME"
	nlock refresh -l 10m --claim "$CLAIM" || refreshed=$?
	echo "refresh: exit status $refreshed"
	if [ $refreshed = 0 ]; then
		late 75
		[ "$(stat -c %i "$LOCK")" = "$inode" ]
		nlock status --mine --claim "$CLAIM" "$LOCK"
	else
		[ $refreshed = 76 ]
		late 0 75
	fi
}

@test "break: held up before any change while the holder refreshes, either it gives up or the holder is told 76" {
	local changes

	mapfile -t changes < <(changes_of_break)
	at_each refreshed_while_breaking "${changes[@]}"
}

# Both are held up, each somewhere; the holder goes on first.
both_late() {
	local refresher

	hold -l 1ms
	eventually lease_over_by 100
	inode=$(stat -c %i "$LOCK")
	hold_up "${1%,*}" "$DIR/log" nlock refresh -l 10m --claim "$CLAIM" ||
		exit "$NEVER_CAME"
	refresher=$HELD
	hold_up "${1#*,}" "$DIR/log2" "${ACQUIRE[@]}" "$LOCK" \
		>"$DIR/printed" || exit "$NEVER_CAME"
	HELD=$refresher late 0 76
	if [ "$status" = 0 ]; then
		late 75
		[ "$(stat -c %i "$LOCK")" = "$inode" ]
		nlock status --mine --claim "$CLAIM" "$LOCK"
	else
		late 0 75
	fi
}

@test "break: held up before it removes or moves anything, with the holder's refresh held up, too, one of them gives up" {
	local breaks refreshes break refresh pairs=()

	mapfile -t breaks < <(changes_of_break | grep -E '^(unlink|rename)')
	nlock release --claim "$CLAIM" 2>/dev/null || true
	hold -l 1m
	mapfile -t refreshes < <(changes_of nlock refresh -l 1m \
		--claim "$CLAIM")
	for refresh in "${refreshes[@]}"; do
		for break in "${breaks[@]}"; do
			pairs+=("$refresh,$break")
		done
	done
	at_each both_late "${pairs[@]}"
}

released_while_breaking() {
	hold -l 1ms
	eventually lease_over_by 100
	hold_up "$1" "$DIR/log" "${ACQUIRE[@]}" "$LOCK" >"$DIR/printed" ||
		exit "$NEVER_CAME"
	nlock release --claim "$CLAIM" || [ $? = 76 ]
	next_takes
	late 75
	[ ! -s "$DIR/printed" ]
	next_is_unharmed
	nothing_left
}

@test "break: held up before any change while the holder releases, it leaves the next holder alone" {
	local changes

	mapfile -t changes < <(changes_of_break)
	at_each released_while_breaking "${changes[@]}"
}

# -------------------------------------------------------------------- clocks

# A waiter has the server stamp its warrant, and is held up before it reads the
# stamp; meanwhile somebody lists the directory, which sets its access time.
@test "a waiter held up while it reads the server's clock breaks no running lease" {
	local tracer lease_end

	eval "$(nlock acquire -l 10m --var CLAIM "$LOCK")"
	in_group "${STRACE[@]}" -D -o log -e trace=utimensat \
		-e inject=utimensat:delay_exit=3600s:when=3 \
		nlock acquire -w 30s -l 400ms "${SLOP[@]}" --state next "$LOCK"
	HELD=$!
	eventually was_called utimensat 3 log
	# It is to stop as soon as the call returns, and to go on to the next.
	kill -STOP "$HELD"
	end_tracer
	eventually is_stopped
	strace -qq -o log2 -e trace=statx -p "$HELD" \
		-e inject=statx:delay_enter=3600s:when=1 3>&- &
	tracer=$!
	eventually is_traced
	kill -CONT "$HELD"
	eventually was_called statx 1 log2

	touch -d '2 seconds' later
	eventually is_past later
	nlock refresh -l 1500ms --claim "$CLAIM"
	ls "$LOCK|"*warrant
	lease_end=$(modified_ns "$LOCK")
	kill -KILL "$tracer"
	eventually has_ended "$HELD"
	ended_with 0 "$HELD"
	echo "taken $(modified_ns "$(cat next)|warrant"), lease $lease_end"
	[ "$(modified_ns "$(cat next)|warrant")" -gt "$lease_end" ]
}

was_called() {
	[ "$(grep -c "$1(" "$3")" -ge "$2" ]
}

is_stopped() {
	grep -q '^State:.T' "/proc/$HELD/status"
}

is_traced() {
	! grep -q '^TracerPid:.0$' "/proc/$HELD/status"
}
