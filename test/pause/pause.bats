#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A process that is held up before any of its changes, for longer than any
# lease, harms nobody when it comes back.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common
load changes
load interleave

CLAIM=

setup_file() {
	build_interleave
}

SHORT=(-l 500ms)
SLOP=(--clock-slop 20ms)

# Another process takes the lock, for long: of another machine, as it seems, since
# those of this one leave the lock of a run that is held up alone.
next_takes() {
	elsewhere nlock acquire -w 30s -l 10m "${SLOP[@]}" --state "$DIR/next" \
		"$LOCK"
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

# --------------------------------------------------------------- by interleave

@test "release: held up before any change, it leaves the next holder alone, and says 76 if it came too late" {
	interleaved held over RA
	interleaved held running RA
}

@test "release: twice at the same time, each held up before any change, leaves the next holder alone" {
	interleaved changes over RS
}

@test "refresh: held up before any change while the lock is broken, it says 76 and leaves the next holder alone" {
	interleaved held over FA
}

@test "acquire: held up before any change while another takes the lock, it does not have it" {
	interleaved held none AB
}

@test "run: held up before any change, it starts its command with the lock only" {
	interleaved held none NA
	interleaved held over NA
}

@test "a waiter held up before any change while another takes the lock leaves that one alone, and has its turn" {
	interleaved held over WA
}

@test "a waiter held up before any change while the holder releases gets the lock" {
	interleaved held running WR
	interleaved held running RW
}

@test "break: held up before any change while another breaks and takes the lock, it leaves that one alone" {
	interleaved held over AB
	interleaved held swept AB
}

@test "break: held up before any change while the holder refreshes, either it gives up or the holder is told 76" {
	interleaved held over AF
}

@test "break: held up before any change while the holder releases, it leaves the next holder alone" {
	interleaved held over AR
}

@test "acquire: held up before any change while others come to share the lock, it does not have it" {
	interleaved held none Aa
	interleaved held shared Aa
	interleaved held empty Aa
	interleaved held closed Aa
}

@test "acquire -s: held up before any change while another comes to share the lock, both share it" {
	interleaved held shared ab
	interleaved held none ab
}

@test "acquire -s: held up before any change while another takes the lock, it does not have it" {
	interleaved held none aA
	interleaved held empty aA
	interleaved held closed aA
}

@test "run: held up before any change while others share the lock, it starts its command with the lock only" {
	interleaved held none Na
	interleaved held none nA
	interleaved held shared nR
}

@test "evict: held up before any change while another comes to share the lock, it leaves that one alone" {
	interleaved held shared-over Aa
}

@test "evict: held up before any change while the sharer refreshes, either it gives up or the sharer is told 76" {
	interleaved held shared-over AF
	interleaved held shared-over FA
}

@test "release: of a shared lock, held up before any change while another comes, it leaves that one alone" {
	interleaved held shared RA
	interleaved held shared Ra
	interleaved held shared-over RA
}

@test "break: by one who would share the lock, held up before any change, it leaves whoever comes alone" {
	interleaved held over aA
	interleaved held closed AB
	interleaved held closed ab
}

@test "a waiter held up before any change while the last sharer leaves, or the one who has the lock alone, has its turn" {
	interleaved held shared WR
	interleaved held running wR
}

@test "acquire: held up before any change while another comes to take the slot, it does not have the lock" {
	interleaved held slot Aa 3
	interleaved held slot-none Aa 3
}

@test "acquire --slots: held up before any change while another takes the slot, or the lock, it does not have it" {
	interleaved held slot ab 4
	interleaved held slot-none ab 3
	interleaved held slot-none aA 3
}

@test "run --slots: held up before any change, it starts its command with the slot only" {
	interleaved held slot nR 4
	interleaved held slot-none na 4
}

@test "evict: of one with a slot, held up before any change while another takes the slot, or the lock, it leaves that one alone" {
	interleaved held slot-over Aa 7
	interleaved held slot-over aA 7
	interleaved held slot-over ab 2
}

@test "evict: of one with a slot, held up before any change while that one refreshes, either it gives up or that one is told 76" {
	interleaved held slot-over aF 5
	interleaved held slot-over Fa 3
}

@test "release: of a slot, held up before any change while another takes the slot, or the lock, it leaves that one alone" {
	interleaved held slot Ra 2
	interleaved held slot-over RA 2
	interleaved held slot-over Ra 2
	interleaved held slot-over aR 5
}

@test "release: of a slot, twice at the same time, each held up before any change, leaves the next one alone" {
	interleaved changes slot-over RS 11 5
}

@test "a waiter for a slot held up before any change while that is released has its turn" {
	interleaved held slot wR 4
}

# ----------------------------------------------------------------- refreshing

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

	needs strace
	hold -l 1m
	mapfile -t changes < <(changes_of nlock refresh -l 1m --claim "$CLAIM")
	at_each late_refresh_alone "${changes[@]}"
}

# ------------------------------------------------------------------ acquiring

ACQUIRE=(nlock acquire -n "${SHORT[@]}" "${SLOP[@]}" --var LATE)

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

	claim=$(find "$DIR" -type f -name 'job.lock|*|[ns]*' | head -n 1)
	[ -z "$claim" ] || [ "$claim" -ot "$(mktemp -p "$DIR")" ]
}

@test "acquire: held up before any change for longer than its lease, it gets a lock with time left" {
	local changes

	needs strace
	mapfile -t changes < <(changes_of "${ACQUIRE[@]}" "$LOCK")
	at_each late_link "${changes[@]}"
}

late_join() {
	local now

	hold_up "$1" "$DIR/log" "${ACQUIRE[@]}" -s "$LOCK" >"$DIR/printed" ||
		exit "$NEVER_CAME"
	eventually old_claim
	now=$(now_ns)
	late 0
	echo "lease: $(lease_end_ns), let go: $now"
	[ "$(lease_end_ns)" -gt "$now" ]
}

@test "acquire -s: held up before any change for longer than its lease, it shares the lock with time left" {
	local changes

	needs strace
	mapfile -t changes < <(changes_of "${ACQUIRE[@]}" -s "$LOCK")
	at_each late_join "${changes[@]}"
}

# late_run_by HELD OPTION CALL: HELD says whether it has the lock still.
late_run_by() {
	local expected=75 ran=

	hold_up "$3" "$DIR/log" nlock run -n "$2" -l 1s "${SLOP[@]}" "$LOCK" \
		echo ran >"$DIR/ran" || exit "$NEVER_CAME"
	ran=$(cat "$DIR/ran")
	if [ -n "$ran" ]; then
		expected=0
		! "$1" || expected=76
	fi
	next_takes
	late $expected
	[ "$(cat "$DIR/ran")" = "$ran" ]
	next_is_unharmed
	nothing_left
}

is_there() {
	[ -e "$LOCK" ]
}

late_run() {
	late_run_by is_there -x "$1"
}

@test "run: held up before any change, it starts no command without the lock, and leaves the next holder alone" {
	local changes

	needs root strace
	mapfile -t changes < <(changes_of nlock run -n -l 1s "$LOCK" echo ran)
	at_each late_run "${changes[@]}"
}

# Once it has removed its claim it has released it.
has_share() {
	[ -n "$(find "$DIR" -type f -name 'job.lock|*|s*')" ]
}

late_run_shared() {
	late_run_by has_share -s "$1"
}

@test "run -s: held up before any change, it starts no command without the lock, and leaves the next holder alone" {
	local changes

	needs root strace
	mapfile -t changes < <(changes_of nlock run -ns -l 1s "$LOCK" echo ran)
	at_each late_run_shared "${changes[@]}"
}

# ------------------------------------------------------------------- breaking

changes_of_break() {
	hold -l 1ms
	eventually lease_over_by 100
	changes_of "${ACQUIRE[@]}" "$LOCK"
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

	needs strace
	leave_claim 'job.lock|elsewhere|42|n0123456789abcdef' '2 hours'
	mapfile -t changes < <(changes_of_break)
	at_each returned_while_swept "${changes[@]}"
}

# -------------------------------------------------------------------- keepers

# It may have got SIGKILL meanwhile.
goes_on() {
	end_tracer "$1"
	kill -CONT "$1"
}

late_keeper() {
	keep 3s
	hold_from_now "$KEEPER" "$1"
	kill "$WARD"
	eventually held_or_gone "$1"
	is_held "$1" "$DIR/log" || exit "$NEVER_CAME"
	next_takes
	goes_on "$KEEPER"
	eventually no_keepers
	next_is_unharmed
	nothing_left
}

held_or_gone() {
	is_held "$1" "$DIR/log" || no_keepers
}

@test "acquire --keep: its keeper held up before any change, once the process has ended, leaves the next holder alone" {
	local changes

	needs root strace
	mapfile -t changes < <(changes_of_keeper)
	at_each late_keeper "${changes[@]}"
}

# hold_beat LIFETIME CHANGE
hold_beat() {
	keep "$1"
	hold_from_now "$HEARTBEAT" "$2"
	eventually is_held "$2" "$DIR/log"
}

# The keeper is stopped, too: by a suspend, nobody could do anything.
late_beat() {
	hold_beat 1s "$1"
	kill -STOP "$KEEPER"
	next_takes
	goes_on "$HEARTBEAT"
	goes_on "$KEEPER"
	ended_with 143 "$WARD"
	eventually no_keepers
	next_is_unharmed
	nothing_left
}

@test "acquire --keep: with its keeper, held up before any change of a beat past the lease, the next holder is left alone, and the process ended" {
	local changes

	needs root strace
	mapfile -t changes < <(changes_of_beat)
	at_each late_beat "${changes[@]}"
}

beat_that_hangs() {
	local end

	hold_beat 3s "$1"
	end=$(modified_ns "$LOCK")
	ended_with 143 "$WARD"
	[ "$(now_ns)" -lt "$end" ]
	goes_on "$HEARTBEAT" || true
	eventually no_keepers
	next_takes
	next_is_unharmed
	nothing_left
}

@test "acquire --keep: if a beat hangs before any change the process is ended before the lease is over" {
	local changes

	needs root strace
	mapfile -t changes < <(changes_of_beat)
	at_each beat_that_hangs "${changes[@]}"
}

end_of_process_meanwhile() {
	hold_beat 5s "$1"
	kill "$WARD"
	next_takes
	goes_on "$HEARTBEAT" || true
	eventually no_keepers
	next_is_unharmed
	nothing_left
}

@test "acquire --keep: if the process ends while a beat is held up before any change, the lock is released, and the next holder left alone" {
	local changes

	needs root strace
	mapfile -t changes < <(changes_of_beat)
	at_each end_of_process_meanwhile "${changes[@]}"
}

# The lease must last until then, on a busy machine, too.
release_meanwhile() {
	hold_beat 5s "$1"
	nlock release --claim "$CLAIM"
	next_takes
	goes_on "$HEARTBEAT" || true
	eventually no_keepers
	run ! ended "$WARD"
	kill "$WARD"
	next_is_unharmed
	nothing_left
}

@test "acquire --keep: a release while a beat is held up before any change ends nobody, and the next holder is left alone" {
	local changes

	needs root strace
	mapfile -t changes < <(changes_of_beat)
	at_each release_meanwhile "${changes[@]}"
}

# -------------------------------------------------------------------- clocks

# A waiter has the server stamp its warrant, and is held up before it reads the
# stamp; meanwhile somebody lists the directory, which sets its access time.
@test "a waiter held up while it reads the server's clock breaks no running lease" {
	local tracer lease_end

	needs strace
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
