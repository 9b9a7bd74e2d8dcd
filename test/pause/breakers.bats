#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Two commands on one lock, each held up before each of its changes, in every
# combination, and what comes then in several orders, with one of them killed
# and with a third: the lock is never in two hands, can be taken again, and
# nothing is left that is not explained.
#
# To see one schedule again, run the program by hand; see interleave.c.

load ../common

setup_file() {
	export INTERLEAVE=$BATS_FILE_TMPDIR/interleave

	"${CC:-cc}" -std=c11 -O1 -Wall -Wextra -Werror -o "$INTERLEAVE" \
		"$BATS_TEST_DIRNAME/interleave.c"
}

# interleaved HOW LEASE...: see interleave.c.
interleaved() {
	run "$INTERLEAVE" "$(command -v nlock)" "$DIR" "$@"
	# shellcheck disable=SC2154	# set by run
	echo "$output" | head -n 200
	echo "# count: ${output##*$'\n'}" |
		sed 's/ schedules,.*/ schedules/' >&3
	# shellcheck disable=SC2154	# set by run
	[ "$status" = 0 ]
}

@test "two breakers, each held up before every change" {
	interleaved changes over AB
}

@test "two that take a free lock, each held up before every change" {
	interleaved changes none AB
}

@test "a releaser and then a breaker, each held up before every change" {
	interleaved changes over RA
}

@test "a breaker and then a releaser, each held up before every change" {
	interleaved changes over AR
}

@test "a refresher and then a breaker, each held up before every change" {
	interleaved changes over FA
}

@test "a breaker and then a refresher, each held up before every change" {
	interleaved changes over AF
}

@test "a releaser and a refresher of an old lease, each held up before every change" {
	interleaved changes over RF
	interleaved changes over FR
}

@test "a releaser and one who wants the lock, each held up before every call" {
	interleaved calls running RA
	interleaved calls running AR
}

@test "a refresher and one who wants the lock, each held up before every change" {
	interleaved changes running FA
	interleaved changes running AF
}

@test "a taker held up for longer than its lease, and one who wants the lock" {
	interleaved changes none TA
}

@test "up to six commands that take turns at random" {
	interleaved random over 400 "${SEED:-1}"
	interleaved random running 200 "${SEED:-1}"
	interleaved random none 200 "${SEED:-1}"
}
