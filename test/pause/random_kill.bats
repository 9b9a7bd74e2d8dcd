#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# One of the processes of nlock run is killed at a random moment, a thousand
# times; KILL_ROUNDS says how often, and KILL_SEED when.

load ../common

no_process_of() {
	! pgrep -f -- "$1" >/dev/null
}

@test "run: with any one of its processes killed at any moment, the next command comes in only once this one is gone, daemons too" {
	local program=$BATS_TEST_TMPDIR/random_kill

	needs cc
	"${CC:-cc}" -std=c11 -O1 -Wall -Wextra -Werror -o "$program" \
		"$TEST/pause/random_kill.c"
	run "$program" "$(command -v nlock)" "$DIR" "${KILL_ROUNDS:=1000}" \
		"${KILL_SEED:=$RANDOM}"
	echo "seed $KILL_SEED"
	echo "$output" | head -n 200
	[ "$status" = 0 ]
	eventually no_process_of "$DIR"
	echo "# count: $KILL_ROUNDS random kills" >&3
}
