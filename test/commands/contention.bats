#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Many processes, one lock: no two of them are ever inside at the same time.

load ../common

critical=$TEST/programs/critical

prepare() {
	inside=$BATS_TEST_TMPDIR/inside
	mkdir "$inside"
	echo 0 >"$inside/count"
	: >"$inside/passes"
	export LOCK critical inside
}

# What the oracle saw: nothing wrong, no number given out twice.
nobody_met() {
	if [ -e "$inside/wrong" ]; then
		cat "$inside/wrong"
		return 1
	fi
	sort -C -n -u "$inside/passes"
}

# all_ended PID...: with exit status 0.
all_ended() {
	local pid

	for pid; do
		wait "$pid"
	done
}

passes_are() {
	[ "$(cat "$inside/count")" = "$1" ]
	[ "$(wc -l <"$inside/passes")" = "$1" ]
}

# What each worker does; the variables are in its environment.
run_once='nlock run "$@" "$LOCK" "$critical" "$inside"'
acquire_once='eval "$(nlock acquire "$@" "$LOCK")" &&
	"$critical" "$inside" && nlock release'
acquire_pid_once='eval "$(nlock acquire --pid $$ "$@" "$LOCK")" &&
	"$critical" "$inside" && nlock release'

# work TIMES ONCE [OPTION...]: a worker in the background, as $!.
work() {
	local times=$1 once=$2

	shift 2
	in_group bash -c "for ((i = 0; i < $times; i++)); do
		{ $once; } || exit
	done" worker "$@"
}

@test "run: of eight processes in a loop no two are ever inside, and each gets in every time" {
	local pids=()

	prepare
	for _ in {1..8}; do
		work 25 "$run_once"
		pids+=($!)
	done
	all_ended "${pids[@]}"
	nobody_met
	passes_are 200
	nothing_left
}

@test "acquire and release: of eight processes in a loop no two are ever inside, and each gets in every time" {
	local pids=()

	prepare
	for _ in {1..8}; do
		work 25 "$acquire_once" -l 1m
		pids+=($!)
	done
	all_ended "${pids[@]}"
	nobody_met
	passes_are 200
	nothing_left
}

# ------------------------------------------------------------ killed holders

# kill_holder: kill whoever is inside, and note its process group in $victim.
kill_holder() {
	victim=$(readlink "$inside/inside") || return 1
	kill -STOP -- "-$victim" 2>/dev/null || return 1
	# It may have left before it was stopped.
	if [ "$(readlink "$inside/inside")" = "$victim" ]; then
		kill -KILL -- "-$victim"
	else
		kill -CONT -- "-$victim"
		return 1
	fi
}

# ... at once, or the holder may be gone.
kill_some_holder() {
	local tries=4000

	until kill_holder; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "nobody came inside"; return 1; }
	done
}

was_found_killed() {
	grep -qx "$1" "$inside/killed"
}

# killing ROUNDS ONCE...: workers of each kind; whenever a holder is killed,
# another worker takes its place.
killing() {
	local rounds=$1 short=(-l 2s --clock-slop 500ms)
	local -A once=()
	local kind round pid again

	shift
	for kind; do
		work 100000 "$kind" "${short[@]}"
		once[$!]=$kind
		work 100000 "$kind" "${short[@]}"
		once[$!]=$kind
	done
	for ((round = 0; round < rounds; round++)); do
		kill_some_holder
		echo "killed: $victim"
		wait "$victim" || [ $? = 137 ]
		eventually was_found_killed "$victim"
		again=${once[$victim]}
		unset "once[$victim]"
		work 100000 "$again" "${short[@]}"
		once[$!]=$again
	done
	# Before those that are left die, who may find each other killed, too.
	[ "$(sort -u "$inside/killed" | wc -l)" = "$rounds" ]
	for pid in "${!once[@]}"; do
		kill -KILL -- "-$pid"
		wait "$pid" || [ $? = 137 ]
	done
	nobody_met
}

@test "run: with holders killed at random, their locks are broken, and no two are ever inside" {
	prepare
	killing 4 "$run_once"
}

@test "acquire: with holders killed at random, their locks are broken, and no two are ever inside" {
	prepare
	killing 2 "$acquire_once"
}

@test "acquire --pid: with holders killed at random, their locks are broken, and no two are ever inside" {
	prepare
	killing 4 "$acquire_pid_once"
}

@test "run and acquire together: with holders killed at random, no two are ever inside" {
	prepare
	killing 4 "$run_once" "$acquire_once" "$acquire_pid_once"
}

@test "break: of eight processes that find the same expired lock no two are ever inside, ten times over" {
	local pids round

	prepare
	for round in {1..10}; do
		nlock acquire -l 1ms "$LOCK"
		pids=()
		for _ in {1..8}; do
			work 2 "$run_once" --clock-slop 10ms
			pids+=($!)
		done
		all_ended "${pids[@]}"
		nobody_met
		passes_are $((round * 16))
	done
	nothing_left
}

# ---------------------------------------------------------------- flufl.lock

@test "together with flufl.lock: no two are ever inside, and each gets in every time" {
	local pids=()

	needs flufl
	prepare
	for _ in {1..3}; do
		work 20 "$run_once"
		pids+=($!)
		work 20 "$acquire_once" -l 1m
		pids+=($!)
		in_group /usr/bin/python3 "$TEST/programs/flufl_peer.py" \
			"$LOCK" 60 "'$critical' '$inside'" 20
		pids+=($!)
	done
	all_ended "${pids[@]}"
	nobody_met
	passes_are 180
	nothing_left
}
