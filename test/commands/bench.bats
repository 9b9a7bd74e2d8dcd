#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# make bench works: as little is measured as can be.

load ../common

setup_file() {
	local name program

	# shellcheck disable=SC2030	# for all tests
	export BUILD=$BATS_FILE_TMPDIR/build BENCH=$TEST/bench

	mkdir -p "$BUILD/test/bench"
	: "${NLOCK:=$TEST/../build/nlock}"
	ln -s "$NLOCK" "$BUILD/nlock"
	has_compiler >/dev/null || return 0	# "setup" skips then
	for program in "$BENCH"/*.c; do
		name=$(basename "$program" .c)
		"${CC:-cc}" -O1 -o "$BUILD/test/bench/$name" "$program"
	done
}

setup() {
	needs cc python3
	common_setup
}

# measure [CASE...]: here, and as little as possible.
measure() {
	BENCH_SMALL=1 BENCH_DIR=$DIR BENCH_TSV=$DIR/tsv TMPDIR=$DIR \
		"$BENCH/run" "$BUILD" "$@" 3>&-
}

# with_nlock SCRIPT: have this instead of nlock, in a build of this test's.
with_nlock() {
	cp -R "$BUILD" "$DIR.build"
	BUILD=$DIR.build
	rm "$BUILD/nlock"
	printf '#!/bin/sh\n%s\n' "$1" >"$BUILD/nlock"
	chmod +x "$BUILD/nlock"
}

# figures CASE: its lines that have a positive value.
figures() {
	awk -F '\t' -v name="$1" '$1 == name && $5 > 0' "$DIR/tsv"
}

# python CODE...: with the modules of the bench.
python() {
	PYTHONPATH=$TEST python3 -B -c "$@"
}

@test "bench: the table has a figure of each case" {
	local name

	measure >"$DIR/out"
	cat "$DIR/out"
	"$BENCH/run" --list >"$DIR/list"
	while read -r name _; do
		# What can't be measured here is said to be left out.
		[ -n "$(figures "$name")" ] ||
			grep -q "^# $name: left out, " "$DIR/out"
	done <"$DIR/list"
	[ -n "$(figures uncontended)" ]
	[ -n "$(figures handover)" ]
	[ -n "$(figures growth)" ]
}

nothing_runs() {
	! pgrep -f -- "$DIR"
}

@test "bench: nothing is left of it, neither file nor process" {
	measure handover memory
	[ "$(ls "$DIR")" = tsv ]
	[ -z "$(pgrep -f -- "$DIR")" ]
}

@test "bench: ended by a signal, it leaves nothing either" {
	local bench

	BENCH_SMALL=1 BENCH_WAIT_S=100 BENCH_DIR=$DIR BENCH_TSV=$DIR/tsv \
		TMPDIR=$DIR "$BENCH/run" "$BUILD" waiting >/dev/null 3>&- &
	bench=$!
	eventually pgrep -f -- "$BUILD/nlock run $DIR/.*/w4.nlock"
	kill -TERM "$bench"
	ended_with 143 "$bench"
	eventually nothing_runs
	[ -z "$(ls "$DIR")" ]
}

@test "bench: one case can be run alone, by its name" {
	measure memory
	[ -n "$(figures memory)" ]
	[ "$(grep -cv '^#' "$DIR/tsv")" = \
		"$(($(figures memory | wc -l) + 1))" ]
	run -64 measure nonesuch
}

@test "bench: a peer that isn't installed is left out by a line that says so" {
	local tool

	needs python3
	mkdir "$DIR/bin"
	# What is called python3 may be a script that chooses one.
	ln -s "$(python3 -c 'import sys; print(sys.executable)')" \
		"$DIR/bin/python3"
	for tool in env df true sh flock; do
		ln -s "$(type -P "$tool")" "$DIR/bin/$tool"
	done
	PATH=$DIR/bin measure uncontended >"$DIR/out"
	cat "$DIR/out"
	grep -q '^# setlock: left out, not installed' "$DIR/out"
	grep -q '^# lockfile-create: left out, not installed' "$DIR/out"
	figures uncontended >"$DIR/figures"
	grep -q flock "$DIR/figures"
	run ! grep setlock "$DIR/figures"
}

@test "bench: a lock that lets two in at once is reported, not measured" {
	with_nlock 'shift 2; exec "$@"'
	run --separate-stderr measure handover
	echo "$output"
	echo "stderr: $stderr"
	[ "$status" = 1 ]
	[[ $stderr == *"two tasks ran at once"* ]]
	[ ! -e "$DIR/tsv" ]
}

@test "bench: tasks are spread over the mounts of a directory that has several" {
	mkdir "$DIR/one"
	ln -s one "$DIR/other"
	with_nlock "echo \"\$2\" >>'$DIR.locks'; exec '$NLOCK' \"\$@\""
	BENCH_SMALL=1 BENCH_TSV=$DIR/tsv BENCH_DIR=$DIR/one:$DIR/other \
		"$BENCH/run" "$BUILD" handover 3>&-
	[ -n "$(figures handover)" ]
	[ "$(grep -c "^$DIR/one/" "$DIR.locks")" = \
		"$(grep -c "^$DIR/other/" "$DIR.locks")" ]
}

@test "bench: a command that fails is reported, not measured" {
	run ! --separate-stderr "$BUILD/test/bench/starts" 2 /bin/true --- \
		/bin/false
	[[ $stderr == *"/bin/false"* ]]
	[ "$output" = "" ]
}

@test "bench: several steps and alternatives are each timed" {
	"$BUILD/test/bench/starts" 3 /bin/sleep 0.2 +++ /bin/sleep 0.2 \
		--- /bin/true --- /bin/sleep 0.2 --- /bin/echo no \
		>"$DIR/times"
	cat "$DIR/times"
	awk -F '\t' 'NF != 4 || $1 < 400000000 || $2 <= 0 || $3 < 200000000 ||
			$4 <= 0 { exit 1 }
		END { if (NR != 3) exit 1 }' "$DIR/times"
	# Each time is its own command's, in either order.
	awk -F '\t' '{ a += $1; b += $3; c += $2 }
		END { exit !(a > b && b > c) }' "$DIR/times"
}

@test "bench: ratios are of rounds, and their quartiles are shown" {
	needs python3
	python 'from bench.figures import *
figure = Figure("x", "ms", [2, 4, 6, 9, 10], "peer", [1, 4, 6, 1, 10], 0.9)
assert figure.value() == 6 and figure.beside_value() == 4
assert figure.ratio() == 1 and quartiles(figure.ratios()) == (1, 2)
assert figure.is_over()
assert not Figure("x", "ms", [2], "peer", [1], 2).is_over()
assert Figure("x", "ms", [6], "peer", [0], 5, True).is_over()
assert Figure("x", "ms", [6], "peer", [0], 5).ratio() is None'
}

@test "bench: requests are read from mountstats, of the mount that is meant" {
	needs python3
	python 'import sys
from bench.mountstats import *
with open(sys.argv[1]) as file:
    text = file.read()
four = requests(text, "/mnt/nfs/d")
assert four == {"NULL": 1, "READ": 0, "WRITE": 4, "OPEN": 7, "SETATTR": 9,
                "SEQUENCE": 3}, four
three = requests(text, "/mnt/nfs/three spaces")
assert three == {"GETATTR": 5, "LINK": 2}, three
assert requests(text, "/mnt/nfs-not") is None
assert requests(text, "/run") is None
after = dict(four, OPEN=9, SEQUENCE=50, RENAME=1)
assert difference(after, four) == {"OPEN": 2, "RENAME": 1}' \
		"$BENCH/mountstats.txt"
}
