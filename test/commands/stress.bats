#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Run under stress: many at once, signals at random, children without number,
# everything stopped for longer than the lease.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

# no_process_of PATH: none that has it in its arguments is left, zombies aside.
no_process_of() {
	! pgrep -f -r D,R,S,T,t -- "$1" >/dev/null
}

# ------------------------------------------------------- signals at random

LOCKS=20
RUNS=200

# The oracle is flock(2), which the kernel takes back when the command dies,
# and only then: what the command starts does not have the descriptor.
# shellcheck disable=SC2016	# for another shell
section='exec 9>>"$1.inside"
	flock -n 9 || { echo "$$ came while another was inside" >>"$1.wrong"; exit 1; }
	until [ -e "${1%/*}/go" ]; do sleep 0.1 9>&-; done
	sleep 0.1 9>&-
	echo "$$" >>"$1.passes"'

# start_run I: one run of lock I, as the leader of a group, $!.
start_run() {
	local file=$BATS_TEST_TMPDIR/section.$1

	setsid nlock run -l 10s --clock-slop 100ms --kill-after 200ms \
		"$DIR/job.lock.$1" -- sh -c "$section" sh "$file" \
		3>&- 2>/dev/null &
}

# disturb PID: some signal to that run, to its command or to all its group.
disturb() {
	local victim=$1 signal

	case $((RANDOM % 3)) in
	0)	victim=$(pgrep -P "$1" | shuf -n 1) || return 0
		[ -n "$victim" ] || return 0 ;;
	1)	victim=-$1 ;;
	esac
	case $((RANDOM % 6)) in
	0)	set -- TERM ;;
	1)	set -- INT ;;
	2)	set -- HUP ;;
	3)	set -- KILL ;;
	*)	set -- STOP CONT ;;
	esac
	for signal; do
		if kill "-$signal" -- "$victim" 2>/dev/null; then
			sent=$((sent + 1))
		fi
	done
}

@test "run: 200 at once on 20 locks, with signals at random, never meet, and each lock can be taken at the end" {
	local i pid pids=() sent=0 killed=0 passes left status

	for ((i = 0; i < RUNS; i++)); do
		start_run $((i % LOCKS))
		pids+=($!)
	done
	# All are there, 20 inside, before the first one gets a signal.
	for ((i = 0; i < 250; i++)); do
		[ "$i" != 50 ] || touch "$BATS_TEST_TMPDIR/go"
		disturb "${pids[RANDOM % RUNS]}"
	done
	for pid in "${pids[@]}"; do
		kill -CONT -- "-$pid" 2>/dev/null || true
	done
	for pid in "${pids[@]}"; do
		status=0
		wait "$pid" || status=$?
		# Done, or ended by a signal.
		case $status in
		0|129|130|143) ;;
		137)	killed=$((killed + 1)) ;;
		*)	echo "exit status $status"
			return 1 ;;
		esac
	done
	eventually no_process_of "$BATS_TEST_TMPDIR/section."
	if cat "$BATS_TEST_TMPDIR"/section.*.wrong 2>/dev/null; then
		return 1
	fi
	for ((i = 0; i < LOCKS; i++)); do
		nlock run -w 30s --clock-slop 100ms "$DIR/job.lock.$i" true
		[ ! -e "$DIR/job.lock.$i" ]
	done
	passes=$(cat "$BATS_TEST_TMPDIR"/section.*.passes | wc -l)
	left=$(find "$DIR" -mindepth 1 -maxdepth 1 | wc -l)
	echo "sent $sent signals, $killed killed, $passes passes, $left left"
	[ "$sent" -gt 20 ]
	[ "$passes" -gt 20 ]
	# A claim and its warrant, and what a breaker made, of each killed one.
	[ "$left" -le $((killed * 4)) ]
	echo "# count: $sent signals" >&3
}

# ------------------------------------------------------------ many children

# count_of MARK: how many processes were started by that name and live.
count_of() {
	pgrep -c -r D,R,S,T,t -f "^$1" || true
}

are_many() {
	[ "$(count_of "$1")" -ge "$2" ]
}

# shellcheck disable=SC2153	# LOCK is not LOCKS
@test "run: when the lock is lost, a command with a thousand children, half of them daemons, is ended before the lease is" {
	local mark=$BATS_TEST_TMPDIR/mark pid end claim

	cp "$(command -v sleep)" "$mark"
	in_group nlock run -l 20s --kill-after 500ms "$LOCK" -- bash -c "
		trap '' TERM
		for i in {1..500}; do
			(trap '' TERM; exec '$mark' 1000) &
			(setsid '$mark' 1000 &)
			/bin/true &
		done
		wait" 2>/dev/null
	pid=$!
	eventually are_many "$mark" 1000
	end=$(stat -c %Y "$LOCK")
	claim=$(cat "$LOCK")
	rmdir "$claim|warrant"
	rm "$claim"
	ended_with 76 "$pid"
	[ "$(date +%s)" -lt "$end" ]
	[ "$(count_of "$mark")" = 0 ]
	echo "# count: 1000 children" >&3
}

# ------------------------------------------------------- many refreshes

# of_all NAME PID: that line of /proc/PID/status, summed over the processes
# of its group that are nlock's.
of_all() {
	local pid sum=0

	for pid in $(pgrep -x -g "$2" nlock); do
		sum=$((sum + $(sed -n "s/^$1:[^0-9]*\\([0-9]*\\).*/\\1/p" \
			"/proc/$pid/status")))
	done
	echo "$sum"
}

descriptors_of() {
	local pid

	for pid in $(pgrep -x -g "$1" nlock); do
		ls "/proc/$pid/fd"
	done | wc -l
}

# has_renewed END: the lease does not end then any more.
has_renewed() {
	local end

	end=$(stat -c %.9Y "$LOCK") && [ "$end" != "$1" ]
}

@test "run: a heartbeat that has renewed its lease fifty times has no more memory and descriptors than after ten" {
	local pid i last memory descriptors

	# A third of it goes by between two.  One of 0.9 s was lost now and then
	# on a busy machine.
	in_group nlock run -l 3s "$LOCK" -- sleep 1000
	pid=$!
	eventually test -e "$LOCK"
	for i in {1..50}; do
		last=$(stat -c %.9Y "$LOCK")
		eventually has_renewed "$last"
		if [ "$i" = 10 ]; then
			memory=$(of_all VmRSS "$pid")
			descriptors=$(descriptors_of "$pid")
		fi
	done
	echo "$memory kB, now $(of_all VmRSS "$pid")"
	[ "$memory" -gt 0 ]
	[ "$(of_all VmRSS "$pid")" -le "$((memory + 64))" ]
	[ "$(descriptors_of "$pid")" = "$descriptors" ]
	kill "$pid"
	ended_with 143 "$pid"
	nothing_left
}

# ------------------------------------------------------------------- keepers

# keepers [LOCK]: of all locks or one in this test's directory, each with its
# heartbeat.
keepers() {
	pgrep -f "^nlock acquire .*$DIR/${1-}"
}

no_keepers() {
	! keepers
}

# keep LOCK LIFETIME [COMMAND...]: have it kept until $WARD ends.
keep() {
	"${@:3}" nlock acquire --keep --pid "$WARD" -l "$2" --state "$1.state" \
		"$DIR/$1"
}

start_ward() {
	sleep 1000 3>&- &
	WARD=$!
}

end_ward() {
	kill "$WARD"
	eventually no_keepers
	nothing_left
}

# The sanitizers take more.
needs_little_memory() {
	! grep -q __asan_init "$NLOCK" || skip "built with a sanitizer"
}

KEEPERS=1000

# all_last_until TIME: so many locks are held until then, in seconds since 1970.
all_last_until() {
	[ "$(find "$DIR" -name 'job.lock.*' ! -name '*|*' -links 2 \
		-newermt "@$1" | wc -l)" = "$KEEPERS" ]
}

@test "acquire --keep: a thousand locks are kept at once, each for longer than its lifetime, and all are given back" {
	local start

	needs_little_memory
	start_ward
	seq "$KEEPERS" | xargs -P 4 -I '{}' nlock acquire --keep --pid "$WARD" \
		-l 15s --state '{}.state' "$DIR/job.lock.{}"
	start=$(date +%s)
	# By then the first leases of all of them are over.
	eventually all_last_until $((start + 21))
	[ "$(keepers | wc -l)" = $((2 * KEEPERS)) ]
	end_ward
	echo "# count: $KEEPERS keepers" >&3
}

# own_memory PID...: what these share with each other at most, in kB.
own_memory() {
	local pid

	for pid; do
		cat "/proc/$pid/smaps_rollup"
	done | awk '/^Pss_Anon/ { sum += $2 } END { print sum }'
}

needs_own_memory() {
	grep -q Pss_Anon /proc/self/smaps_rollup || skip "needs Pss_Anon"
	needs_little_memory
}

# has_heartbeat LOCK
has_heartbeat() {
	[ "$(keepers "$1" | wc -l)" = 2 ]
}

@test "acquire --keep: a keeper and its heartbeat have less than 1 MB of memory of their own" {
	needs_own_memory
	start_ward
	keep job.lock 3s
	eventually has_renewed "$(stat -c %.9Y "$LOCK")"
	# shellcheck disable=SC2046	# a list
	between 1 "$(own_memory $(keepers))" 1023
	rm job.lock.state
	end_ward
}

@test "acquire --keep: a keeper that has seen ten thousand beats has no more memory and descriptors than after a hundred, nor has its heartbeat" {
	local beats
	local -A memory descriptors

	needs_own_memory
	preload no_naps
	start_ward
	for beats in 100 10000; do
		keep "job.lock.$beats" 1m "${PRELOAD[@]}" NAPS="$beats" \
			NAPPED="$DIR/napped.$beats"
		eventually test -e "napped.$beats"
		# shellcheck disable=SC2046	# a list
		set -- $(keepers "job.lock.$beats")
		[ $# = 2 ]
		memory[$beats]=$(own_memory "$@")
		descriptors[$beats]=$(ls "/proc/$1/fd" "/proc/$2/fd")
		rm "job.lock.$beats.state"
	done
	echo "memory: ${memory[100]} kB and ${memory[10000]} kB"
	[ "${memory[10000]}" -le $((memory[100] + 64)) ]
	diff <(echo "${descriptors[100]}" | grep -v :) \
		<(echo "${descriptors[10000]}" | grep -v :)
	end_ward
	echo "# count: 10000 beats" >&3
}

# waits_of PID...: how often these have gone to sleep, or waited for a disk.
waits_of() {
	local pid

	for pid; do
		cat "/proc/$pid/status"
	done | awk '/^voluntary/ { sum += $2 } END { print sum }'
}

@test "acquire --keep: a keeper and its heartbeat wake for their beats, and for nothing else" {
	local i last waits

	start_ward
	keep job.lock 6s
	eventually has_renewed "$(stat -c %.9Y "$LOCK")"
	# shellcheck disable=SC2046	# a list
	set -- $(keepers)
	waits=$(waits_of "$@")
	for i in 1 2 3 4; do
		last=$(stat -c %.9Y "$LOCK")
		eventually has_renewed "$last"
	done
	# The last one may still be on its way to the keeper, and a beat may wait
	# for a disk.  To look once a second would take twice as many.
	between 6 $(($(waits_of "$@") - waits)) 14
	rm job.lock.state
	end_ward
}

# ----------------------------------------------------------------- suspended

@test "run: with all of it stopped past the lease, as by a suspend, the next holder is unharmed, and the command does nothing more when it goes on" {
	needs root
	local pid next

	in_group nlock run -l 3s --kill-after 0.1s "$LOCK" -- bash -c \
		'trap "" TERM; touch ready; while :; do
			[ ! -e resumed ] || echo . >>alive; sleep 0.05
		done' 2>errors
	pid=$!
	eventually test -e ready
	eventually pgrep -x -P "$pid" nlock
	signal_all STOP "$pid"
	next=$(elsewhere nlock acquire --clock-slop 10ms -w 20s -l 10m \
		"$LOCK")
	touch resumed
	signal_all CONT "$pid"
	ended_with 76 "$pid"
	# SIGKILL comes at once; the command, told only, would go on for 2 s.
	[ ! -e alive ] || [ "$(wc -l <alive)" -le 4 ]
	eval "$next"
	is_state ours
	nlock refresh
	nlock release
	nothing_left
}
