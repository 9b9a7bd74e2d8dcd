#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Two users of one lock, who share a group or not, in directories of all the
# usual kinds.  Neither is root, and neither need have an account.

load ../common

AL=65533
BO=65534
SHARED=65530

setup() {
	needs root
	common_setup
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" \
		"$(dirname "$BATS_TEST_TMPDIR")"
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	mkdir -m 777 "$BATS_TEST_TMPDIR/theirs"
	al=(as "$AL")
	bo=(as "$BO")
	groups=--clear-groups
	umask=0022
}

# as UID COMMAND...: by that user, and its umask.
as() {
	local uid=$1

	shift
	env -u NLOCK_CLAIM setpriv "--reuid=$uid" "--regid=$uid" "$groups" \
		sh -c 'umask "$0"; exec "$@"' "$umask" timeout 60 "$@"
}

nl=nlock

# each_place: set up the directories in which both may contend, one after the
# other, with $place what it is.
places=("any user 0777 root" "sticky 1777 root" "group 0770 $SHARED"
	"setgid 2770 $SHARED" "sticky, setgid 3770 $SHARED")

be_in() {
	local mode group

	place=$1
	group=${1##* }
	mode=${1% *}
	mode=${mode##* }
	cd /
	rm -rf "$DIR"
	mkdir "$DIR"
	groups=--clear-groups
	if [ "$group" != root ]; then
		chown ":$group" "$DIR"
		groups=--groups=$group
	fi
	chmod "$mode" "$DIR"
	cd "$DIR" || return 1
	nl=$BATS_TEST_TMPDIR/bin/nlock
	echo "place: $place, umask $umask"
}

is_sticky() {
	[[ $place == sticky* ]]
}

# Everything that is there.
listing() {
	find "$DIR" -mindepth 1 -printf '%p %y %m %u %g %i %n %s %T@ %C@\n' |
		sort
}

# claim_of USER OPTION...: by acquire; printed.
claim_of() {
	local user=$1

	shift
	as "$user" "$nl" acquire "$@" "$LOCK" | sed "s/^[^']*'\\([^']*\\)'.*/\\1/"
}

# Nothing of the lock's that is there has changed since $before; one line says
# so and names LOCK.
refuses() {
	# shellcheck disable=SC2154	# set by run
	echo "status $status, $stderr"
	[ "$status" = 77 ] && complains && [[ $stderr == *"$LOCK"* ]] &&
		[[ $stderr == *ermi* ]] && [ "$(listing)" = "$before" ]
}

@test "users: each gets the lock after the other, by run and acquire, and nothing is left" {
	local umask claim

	for umask in 0022 0077 0177 0777; do
		for place in "${places[@]}"; do
			be_in "$place"
			run -0 --separate-stderr "${al[@]}" "$nl" run "$LOCK" true
			[ -z "$stderr" ]
			nothing_left
			claim=$(claim_of "$AL" -l 1h)
			run -75 --separate-stderr "${bo[@]}" "$nl" run -n \
				"$LOCK" true
			complains
			[[ $stderr == *"held by $(hostname) pid "*"($AL)"* ]]
			run -0 "${bo[@]}" "$nl" status --json "$LOCK"
			[[ $output == *'"state":"unknown"'* ]]
			run -0 "${al[@]}" "$nl" refresh -l 1h --claim "$claim"
			run -0 "${al[@]}" "$nl" release --claim "$claim"
			nothing_left
			run -0 --separate-stderr "${bo[@]}" "$nl" run "$LOCK" true
			[ -z "$stderr" ]
			nothing_left
		done
	done
}

@test "users: a waiter of another user's gets the lock once it is free" {
	local holder waiter

	for place in "${places[@]}"; do
		be_in "$place"
		rm -f "$BATS_TEST_TMPDIR"/theirs/*
		"${al[@]}" "$nl" run "$LOCK" -- sh -c 'touch "$1/held"
			until [ -e "$1/end" ]; do sleep 0.02; done' sh \
			"$BATS_TEST_TMPDIR/theirs" 3>&- &
		holder=$!
		eventually test -e "$BATS_TEST_TMPDIR/theirs/held"
		"${bo[@]}" "$nl" run -w 30s "$LOCK" -- touch \
			"$BATS_TEST_TMPDIR/theirs/inside" 3>&- &
		waiter=$!
		eventually claims_are 2
		[ ! -e "$BATS_TEST_TMPDIR/theirs/inside" ]
		touch "$BATS_TEST_TMPDIR/theirs/end"
		ended_with 0 "$holder"
		ended_with 0 "$waiter"
		[ -e "$BATS_TEST_TMPDIR/theirs/inside" ]
		nothing_left
	done
}

@test "users: what one holds the other can neither release nor refresh, is told so, and changes nothing" {
	local umask claim before

	for umask in 0022 0077; do
		for place in "${places[@]}"; do
			be_in "$place"
			claim=$(claim_of "$AL" -l 1h)
			before=$(listing)
			run --separate-stderr "${bo[@]}" "$nl" release \
				--claim "$claim"
			refuses
			run --separate-stderr "${bo[@]}" "$nl" refresh \
				--claim "$claim"
			refuses
			run -0 "${al[@]}" "$nl" release --claim "$claim"
			nothing_left
		done
	done
}

@test "users: a lock whose lease is over is broken by the other, but in a sticky directory it stays, and the reason is said" {
	local umask claim before

	for umask in 0022 0077 0177; do
		for place in "${places[@]}"; do
			be_in "$place"
			claim=$(claim_of "$AL" -l 1h)
			touch -d "1 hour ago" "$LOCK"
			before=$(listing)
			if is_sticky; then
				run -78 --separate-stderr "${bo[@]}" "$nl" \
					run -n "$LOCK" true
				complains
				[[ $stderr == *"$LOCK"*"can't be broken: "*ermi* ]]
				[ "$(listing)" = "$before" ]
				# Its owner may.
				run -0 "${al[@]}" "$nl" run -n "$LOCK" true
			else
				run -0 --separate-stderr "${bo[@]}" "$nl" \
					run -w 10s "$LOCK" true
				[ -z "$stderr" ]
			fi
			run -76 "${al[@]}" "$nl" refresh --claim "$claim"
			run -76 "${al[@]}" "$nl" release --claim "$claim"
			nothing_left
		done
	done
}

@test "users: what a killed breaker has left keeps another user from nothing" {
	local umask

	needs strace
	for umask in 0022 0077; do
		for place in "${places[@]}"; do
			be_in "$place"
			! is_sticky || continue
			claim_of "$AL" -l 1ms >/dev/null
			# It has become the breaker, and takes nothing down.
			run as "$AL" "${STRACE[@]}" -o /dev/null \
				-e trace=renameat,renameat2 \
				-e inject=renameat:signal=KILL:when=2 \
				-e inject=renameat2:signal=KILL \
				"$nl" run -w 5s --clock-slop 10ms "$LOCK" true
			[ -d "$LOCK|breaker/warrant" ]
			touch -d "1 minute ago" "$LOCK|breaker/warrant"
			run -0 "${bo[@]}" "$nl" run -w 20s --clock-slop 10ms \
				"$LOCK" true
			[ ! -e "$LOCK" ]
		done
	done
}

@test "users: a user who may not write to the directory is told so, and nothing is left" {
	local mode before

	for mode in 0755 0700; do
		be_in "any user $mode root"
		chown "$AL" "$DIR"
		run -0 "${al[@]}" "$nl" run "$LOCK" true
		before=
		run --separate-stderr "${bo[@]}" "$nl" run -n "$LOCK" true
		refuses
		run --separate-stderr "${bo[@]}" "$nl" acquire -w 1s "$LOCK"
		refuses
		[ "$output" = "(exit $status)" ]
	done
}
