# SPDX-License-Identifier: MIT
# interleave.bash - for the tests that have interleave.c stop commands.  Load
# after common.
#
# To see one schedule again, run the program by hand; see interleave.c.

build_interleave() {
	export INTERLEAVE=$BATS_FILE_TMPDIR/interleave

	has_compiler >/dev/null || return 0	# "interleaved" skips then
	"${CC:-cc}" -std=c11 -O1 -Wall -Wextra -Werror -o "$INTERLEAVE" \
		"$TEST/pause/interleave.c"
}

# interleaved HOW LEASE...: see interleave.c.
interleaved() {
	needs cc
	run "$INTERLEAVE" "$(command -v nlock)" "$DIR" "$@"
	# shellcheck disable=SC2154	# set by run
	echo "$output" | head -n 200
	echo "# count: ${output##*$'\n'}" |
		sed 's/ schedules,.*/ schedules/' >&3
	# shellcheck disable=SC2154	# set by run
	[ "$status" = 0 ]
}
