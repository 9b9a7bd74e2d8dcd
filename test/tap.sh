# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# tap.sh - the Test Anything Protocol, as test/check reads it.
#
# Results are printed as they come, without numbers, and go through "numbered".

# skip_all REASON: print that, and exit.
skip_all() {
	echo "1..0 # skip $1"
	exit 0
}

# is_skipped FILE: the TAP in it says so.
is_skipped() {
	grep -qi '^1\.\.0 # skip' "$1"
}

# result STATUS SENTENCE [FILE...]: 0 is a success; of a failure, what the files
# say.
result() {
	if [ "$1" = 0 ]; then
		echo "ok $2"
		return
	fi
	echo "not ok $2"
	shift 2
	[ $# = 0 ] || sed 's/^/# /' "$@"
}

# numbered: number the results on standard input, and add a plan.  Fails if one
# of them has, or if there are none.
numbered() {
	awk '
		/^1\.\./ { next }
		/^(not )?ok / { sub(/ok ([0-9]+ )?/, "ok " ++n " ") }
		/^not ok / { failed = 1 }
		{ print; fflush() }
		END { print "1.." n + 0; exit failed || n == 0 }'
}

# ended_early FILE STATUS: the TAP in it is of a program that has died, or has run
# nothing; says how.
ended_early() {
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$1" | head -n 1)
	ran=$(grep -cE '^(not )?ok ' "$1")
	if [ "${planned:-0}" = "$ran" ] && [ "$ran" != 0 ] &&
	   { [ "$2" = 0 ] || grep -q '^not ok ' "$1"; }; then
		return 1
	fi
	echo "ended early: status $2, $ran of ${planned:-?} tests"
}
