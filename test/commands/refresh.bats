#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# nlock refresh: make a lock last longer, or learn that it is lost.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

listing() {
	find "$DIR" -mindepth 1 -printf '%P %y %m %i %n %s %T@\n' | sort
}

# is_not_ours ARG...: "nlock refresh ARG..." says that and changes nothing.
is_not_ours() {
	local before

	before=$(listing)
	run -76 --separate-stderr nlock refresh "$@"
	complains
	[ -z "$output" ]
	[ "$(listing)" = "$before" ]
}

@test "refresh: sets the lease's end, silently, and nothing else" {
	local claim

	eval "$(nlock acquire -l 1h "$LOCK")"
	claim=$(stat -c '%i %h %s' "$LOCK")
	run -0 --separate-stderr nlock refresh -l 2h "$LOCK"
	# shellcheck disable=SC2154	# set by run
	[ -z "$output$stderr" ]
	between 7100 "$(remaining)" 7200
	[ "$(stat -c '%i %h %s' "$LOCK")" = "$claim" ]
	[ "$LOCK" -ef "$NLOCK_CLAIM" ]
}

@test "refresh: may shorten the lease" {
	eval "$(nlock acquire -l 2h "$LOCK")"
	run -0 nlock refresh -l 1h
	between 3500 "$(remaining)" 3600
}

@test "refresh: the lease then lasts 15 s, or NLOCK_LIFETIME, or what -l says" {
	eval "$(nlock acquire -l 2h "$LOCK")"
	run -0 nlock refresh
	between 1 "$(remaining)" 15
	NLOCK_LIFETIME=1h run -0 nlock refresh
	between 3500 "$(remaining)" 3600
	NLOCK_LIFETIME=1h run -0 nlock refresh --lifetime 1d
	between 86300 "$(remaining)" 86400
}

@test "refresh: does not change since when the lock is held" {
	local since

	eval "$(nlock acquire -l 1h "$LOCK")"
	touch -d "2001-02-03 04:05:06Z" "$NLOCK_CLAIM|warrant"
	nlock refresh -l 2h
	since=$(nlock status --json "$LOCK" | json since)
	[[ $since == 2001-02-03T04:05:06* ]]
}

@test "refresh: needs no LOCK, and takes the claim from --claim or --state" {
	local first

	eval "$(nlock acquire "$LOCK")"
	first=$NLOCK_CLAIM
	eval "$(nlock acquire "$DIR/other.lock")"
	run -0 nlock refresh -l 1h --claim "$first"
	between 3500 "$(remaining)" 3600
	run -0 nlock refresh -l 2h --claim "$first" "$LOCK"
	between 7100 "$(remaining)" 7200

	nlock release --claim "$first"
	nlock acquire --state state "$LOCK"
	run -0 nlock refresh -l 1h --state state
	between 3500 "$(remaining)" 3600
	[ -s state ]
	LOCK=$DIR/other.lock between 0 "$(LOCK=$DIR/other.lock remaining)" 15
}

@test "refresh: a lock whose lease is over, but not taken, is ours again" {
	eval "$(nlock acquire "$LOCK")"
	touch -d "1 hour ago" "$LOCK"
	run -1 nlock status --mine "$LOCK"
	run -0 nlock refresh -l 1h
	run -0 nlock status --mine "$LOCK"
	run -75 env -u NLOCK_CLAIM nlock acquire -n --clock-slop 1ms "$LOCK"
}

@test "refresh: a lock that was released is not ours" {
	eval "$(nlock acquire "$LOCK")"
	nlock release
	is_not_ours
	is_not_ours "$LOCK"
	is_not_ours --claim "$NLOCK_CLAIM"
	nothing_left
}

@test "refresh: a lock that was broken is lost, and its next holder keeps it" {
	local lost

	eval "$(nlock acquire "$LOCK")"
	lost=$NLOCK_CLAIM
	unset NLOCK_CLAIM
	touch -d "1 hour ago" "$LOCK"
	eval "$(nlock acquire -n "$LOCK")"
	is_not_ours --claim "$lost"
	is_not_ours --claim "$lost" "$LOCK"
	nlock status --mine "$LOCK"
	nlock release
	nothing_left
}

@test "refresh: without any claim is a usage error, with LOCK as without" {
	local before option

	nlock acquire "$LOCK" >/dev/null
	before=$(listing)
	for option in --quiet --unconditionally; do
		run -64 --separate-stderr nlock refresh "$option" "$LOCK"
		complains
		[[ $stderr == *"refresh: no claim: NLOCK_CLAIM is not set; "* ]]
		run -64 --separate-stderr nlock refresh "$option"
		complains
	done
	NLOCK_CLAIM='' run -64 nlock refresh "$LOCK"
	[ "$(listing)" = "$before" ]
}

@test "refresh: without a claim in the state file is not ours" {
	is_not_ours --state nosuch "$LOCK"
	nlock acquire "$LOCK" >/dev/null
	is_not_ours --state nosuch
	is_not_ours --state nosuch "$LOCK"
}

@test "refresh: a claim that never had the lock is not ours" {
	is_not_ours --claim "$LOCK|$(hostname)|$$|n0123456789abcdef"
	nlock acquire "$LOCK" >/dev/null
	is_not_ours --claim "$LOCK|$(hostname)|$$|n0123456789abcdef"
	is_not_ours --claim "$LOCK|$(hostname)|$$|123456789" "$LOCK"
}

@test "refresh: the claim of a waiter is not a lock" {
	local waiter claim

	nlock acquire -l 1h "$LOCK" >/dev/null
	nlock acquire "$LOCK" >printed 3>&- &
	waiter=$!
	eventually waits
	claim=$(waits)
	run -76 nlock refresh --claim "$claim"
	kill $waiter
	wait $waiter || true
}

# The claim of whoever waits.
waits() {
	find "$DIR" -name 'job.lock|*' -type f -links 1 | grep .
}

@test "refresh: -q says nothing of a lock that is not ours" {
	run -76 --separate-stderr nlock refresh -q --state nosuch "$LOCK"
	[ -z "$output$stderr" ]
}

@test "refresh: --unconditionally of a lock that is not ours is no error" {
	local before old

	run -0 --separate-stderr nlock refresh --unconditionally --state nosuch
	[ -z "$output$stderr" ]
	eval "$(nlock acquire "$LOCK")"
	old=$NLOCK_CLAIM
	nlock release
	unset NLOCK_CLAIM
	nlock acquire -l 1h "$LOCK" >/dev/null
	before=$(listing)
	run -0 --separate-stderr nlock refresh --unconditionally --claim "$old"
	[ -z "$output$stderr" ]
	[ "$(listing)" = "$before" ]
}

@test "refresh: --unconditionally of our lock refreshes it" {
	eval "$(nlock acquire "$LOCK")"
	run -0 nlock refresh --unconditionally -l 1h
	between 3500 "$(remaining)" 3600
}

@test "refresh: a claim of another lock is a usage error, and both stay" {
	local before

	nlock acquire --state state "$LOCK"
	eval "$(nlock acquire "$DIR/other.lock")"
	before=$(listing)
	run -64 --separate-stderr nlock refresh "$LOCK"
	complains
	[[ $stderr == *NLOCK_CLAIM* ]]
	run -64 --separate-stderr nlock refresh --claim "$NLOCK_CLAIM" "$LOCK"
	complains
	[[ $stderr == *--claim* ]]
	run -64 --separate-stderr nlock refresh --state state other.lock
	complains
	[[ $stderr == *--state* ]]
	run -64 nlock refresh --unconditionally "$LOCK"
	[ "$(listing)" = "$before" ]
}

@test "refresh: what is no claim is a usage error" {
	local claim

	for claim in rubbish "$LOCK" "$LOCK|h|x|1" "$LOCK|h|1|n0123"; do
		run -64 --separate-stderr nlock refresh --claim "$claim"
		complains
		[[ $stderr == *--claim* ]]
	done
}

@test "refresh: from another process while waiters poll keeps them out" {
	local waiter i

	eval "$(nlock acquire -l 1h "$LOCK")"
	env -u NLOCK_CLAIM nlock acquire --clock-slop 10ms "$LOCK" \
		>printed 3>&- &
	waiter=$!
	eventually waits
	for i in {1..20}; do
		nlock refresh -l "$((i % 2 + 1))h"
	done
	[ ! -s printed ]
	run -0 nlock status --mine "$LOCK"
	nlock release
	wait $waiter
	[ -s printed ]
}

@test "refresh: renews the lease of a lock that acquire took, even with run's NLOCK_LOCK in the environment" {
	local options remaining

	export NLOCK_LOCK=$LOCK
	for options in "" "--pid $$"; do
		# shellcheck disable=SC2086
		eval "$(nlock acquire -l 5s $options "$LOCK")"
		nlock refresh -l 10m
		remaining=$(nlock status --json "$LOCK" | json remaining)
		[ "${remaining%.*}" -gt 500 ]
		nlock release
	done
	nothing_left
}

# says_lost WORDS: a refresh says that the lock is not ours, and why.
says_lost() {
	run -76 --separate-stderr nlock refresh
	complains
	[[ $stderr == "nlock: $LOCK: not ours: "*"$1"* ]]
}

@test "refresh: says how the lock was lost" {
	eval "$(nlock acquire "$LOCK")"
	rm "$LOCK"
	says_lost "the lock file is gone"
	rm "$NLOCK_CLAIM"
	says_lost "its claim is gone"
	rmdir "$NLOCK_CLAIM|warrant"

	eval "$(nlock acquire "$LOCK")"
	find . -type d -empty -delete
	says_lost "its warrant is gone"
	rm "$LOCK" "$NLOCK_CLAIM"

	eval "$(nlock acquire "$LOCK")"
	mv "$LOCK" elsewhere
	echo data >"$LOCK"
	says_lost "another file stands in place of the lock file"
	rm "$LOCK" elsewhere "$NLOCK_CLAIM"
	rmdir "$NLOCK_CLAIM|warrant"

	eval "$(nlock acquire "$LOCK")"
	touch -d '1 hour ago' "$LOCK"
	nlock acquire --var OTHER "$LOCK" >other
	says_lost "$(hostname) pid $BASHPID has it now"
	eval "$(cat other)"
	nlock release --claim "$OTHER"
	nothing_left
}

@test "refresh: a lock that somebody else has taken is lost, though the claim has as many links as before" {
	eval "$(nlock acquire "$LOCK")"
	ln "$LOCK" copy
	rm "$LOCK"
	nlock acquire --var OTHER "$LOCK" >other
	says_lost "$(hostname) pid $BASHPID has it now"
	run -76 nlock release
	[ -e "$LOCK" ]
	eval "$(cat other)"
	nlock release --claim "$OTHER"
	nothing_left
}

@test "refresh: a lease that ends after 2038 is kept" {
	eval "$(nlock acquire -l 10000d "$LOCK")"
	between 863999000 "$(remaining)" 864000000
	nlock refresh -l 20000d
	between 1727999000 "$(remaining)" 1728000000
}
