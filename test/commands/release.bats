#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# nlock release: give back one's own lock, and never anybody else's.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

# is_not_ours ARG...: "nlock release ARG..." says that and changes nothing.
is_not_ours() {
	local before

	before=$(listing)
	run -76 --separate-stderr nlock release "$@"
	complains
	[ -z "$output" ]
	[ "$(listing)" = "$before" ]
}

listing() {
	find "$DIR" -mindepth 1 -printf '%P %y %m %i %n %s %T@\n' | sort
}

# ---------------------------------------------------------------- our lock

@test "release: gives back the lock of NLOCK_CLAIM, silently" {
	eval "$(nlock acquire "$LOCK")"
	run -0 --separate-stderr nlock release "$LOCK"
	# shellcheck disable=SC2154	# set by run
	[ -z "$output$stderr" ]
	nothing_left
}

@test "release: needs no LOCK" {
	eval "$(nlock acquire "$LOCK")"
	run -0 nlock release
	nothing_left
}

@test "release: --claim goes before NLOCK_CLAIM" {
	local first

	eval "$(nlock acquire "$LOCK")"
	first=$NLOCK_CLAIM
	eval "$(nlock acquire "$DIR/other.lock")"
	run -0 nlock release --claim "$first"
	nothing_left
	[ -e other.lock ]
	run -0 nlock release
	[ -z "$(ls -A)" ]
}

@test "release: --state goes before NLOCK_CLAIM, and the file is removed" {
	nlock acquire --state state "$LOCK"
	eval "$(nlock acquire "$DIR/other.lock")"
	run -0 nlock release --state state
	nothing_left
	[ ! -e state ]
	[ -e other.lock ]
}

@test "release: of a lock whose lease is over, but not taken, succeeds" {
	eval "$(nlock acquire "$LOCK")"
	touch -d "1 hour ago" "$LOCK"
	run -0 nlock release
	nothing_left
}

@test "release: of one lock leaves the others" {
	local other

	eval "$(nlock acquire "$LOCK.2")"
	other=$NLOCK_CLAIM
	eval "$(nlock acquire "$LOCK")"
	nlock release
	[ "$LOCK.2" -ef "$other" ]
	nlock status --mine --claim "$other" "$LOCK.2"
	[ ! -e "$LOCK" ]
}

@test "release: the lock can be taken again at once" {
	local i

	for i in 1 2 3 4 5; do
		unset NLOCK_CLAIM
		eval "$(nlock acquire -n "$LOCK")"
		nlock release
	done
	nothing_left
}

@test "release: LOCK may be given by any path that leads to it" {
	local path

	mkdir sub
	ln -s "$DIR" link
	for path in job.lock ./job.lock sub/../job.lock link/job.lock \
	    "$DIR//job.lock"; do
		echo "path: $path"
		unset NLOCK_CLAIM
		eval "$(nlock acquire "$LOCK")"
		run -0 nlock release "$path"
		nothing_left
	done
}

# ---------------------------------------------------------------- not ours

@test "release: a second time is not ours" {
	eval "$(nlock acquire "$LOCK")"
	nlock release
	is_not_ours
	is_not_ours "$LOCK"
	is_not_ours --claim "$NLOCK_CLAIM"
}

@test "release: a second time by the state file is not ours" {
	nlock acquire --state state "$LOCK"
	nlock release --state state
	is_not_ours --state state
	is_not_ours --state state "$LOCK"
}

@test "release: without any claim is a usage error, with LOCK as without" {
	local before option

	nlock acquire "$LOCK" >/dev/null
	before=$(listing)
	for option in --quiet --unconditionally; do
		run -64 --separate-stderr nlock release "$option" "$LOCK"
		complains
		[[ $stderr == *"release: no claim: NLOCK_CLAIM is not set; "* ]]
		run -64 --separate-stderr nlock release "$option"
		complains
	done
	NLOCK_CLAIM='' run -64 nlock release "$LOCK"
	[ "$(listing)" = "$before" ]
}

@test "release: without a claim in the state file is not ours" {
	is_not_ours --state nosuch "$LOCK"
	nlock acquire "$LOCK" >/dev/null
	is_not_ours --state nosuch
	is_not_ours --state nosuch "$LOCK"
}

@test "release: a claim that never had the lock is not ours" {
	is_not_ours --claim "$LOCK|$(hostname)|$$|n0123456789abcdef"
	nlock acquire "$LOCK" >/dev/null
	is_not_ours --claim "$LOCK|$(hostname)|$$|n0123456789abcdef"
	is_not_ours --claim "$LOCK|$(hostname)|$$|123456789" "$LOCK"
}

@test "release: a lock that was broken meanwhile is lost, and its next holder keeps it" {
	local lost

	eval "$(nlock acquire "$LOCK")"
	lost=$NLOCK_CLAIM
	unset NLOCK_CLAIM
	touch -d "1 hour ago" "$LOCK"
	eval "$(nlock acquire -n "$LOCK")"
	is_not_ours --claim "$lost"
	nlock status --mine "$LOCK"
	nlock release
	nothing_left
}

@test "release: of the next holder's lock by an old claim changes nothing" {
	local old

	eval "$(nlock acquire "$LOCK")"
	old=$NLOCK_CLAIM
	nlock release
	eval "$(nlock acquire "$LOCK")"
	is_not_ours --claim "$old"
	nlock release
	nothing_left
}

# The claim of whoever waits.
waits() {
	find "$DIR" -name 'job.lock|*' -type f -links 1 | grep .
}

@test "release: by the claim of a waiter does not give back the holder's lock" {
	local waiter

	eval "$(nlock acquire -l 1h "$LOCK")"
	env -u NLOCK_CLAIM nlock acquire "$LOCK" >printed 3>&- &
	waiter=$!
	eventually waits
	run -76 --separate-stderr nlock release --claim "$(waits)"
	complains
	nlock status --mine "$LOCK"
	[ ! -s printed ]
	# The waiter has made itself another claim.
	eventually waits
	nlock release
	wait $waiter
	eval "$(cat printed)"
	nlock release
	nothing_left
}

@test "release: -q says nothing of a lock that is not ours" {
	run -76 --separate-stderr nlock release -q --state nosuch "$LOCK"
	[ -z "$output$stderr" ]
	run -76 --separate-stderr nlock release -q \
		--claim "$LOCK|$(hostname)|$$|n0123456789abcdef"
	[ -z "$output$stderr" ]
}

@test "release: of a lock that is lost removes the state file, too" {
	nlock acquire --state state "$LOCK"
	touch -d "1 hour ago" "$LOCK"
	nlock acquire -n "$LOCK" >/dev/null
	run -76 nlock release --state state
	[ ! -e state ]
	is_state unknown
}

@test "release: of several at the same time exactly one succeeds" {
	local round i pids status succeeded lost

	for round in 1 2 3 4; do
		unset NLOCK_CLAIM
		eval "$(nlock acquire "$LOCK")"
		pids=()
		for i in {1..6}; do
			nlock release 2>/dev/null 3>&- &
			pids+=($!)
		done
		succeeded=0
		lost=0
		for i in "${pids[@]}"; do
			status=0
			wait "$i" || status=$?
			case $status in
			0)	succeeded=$((succeeded + 1)) ;;
			76)	lost=$((lost + 1)) ;;
			esac
		done
		echo "round $round: $succeeded succeeded, $lost lost"
		[ $succeeded = 1 ]
		[ $lost = 5 ]
		nothing_left
	done
}

@test "release: twice at the same time never takes the next holder's lock" {
	local old i pids

	eval "$(nlock acquire "$LOCK")"
	old=$NLOCK_CLAIM
	unset NLOCK_CLAIM
	nlock acquire "$LOCK" >printed 3>&- &
	pids=($!)
	for i in 1 2 3 4; do
		nlock release --claim "$old" 2>/dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || [ $? = 76 ]
	done
	eval "$(cat printed)"
	nlock status --mine "$LOCK"
	nlock release
	nothing_left
}

# --------------------------------------------------------------- within run

REFUSES="not released: 'nlock run' keeps this lock and gives it back when its command ends; release it all the same by --claim"

@test "release: refuses the claim that nlock run has put into NLOCK_CLAIM, and the run keeps its lock" {
	run -0 --separate-stderr nlock run "$LOCK" sh -c '
		nlock release; echo $?
		nlock release -q "$NLOCK_LOCK"; echo $?
		nlock status --mine "$NLOCK_LOCK" >/dev/null && echo held'
	[ "$output" = $'76\n76\nheld' ]
	[ "$stderr" = "nlock: $LOCK: $REFUSES" ]
	nothing_left
}

@test "release: by --claim, or by a state file, releases what nlock run keeps" {
	run -76 --separate-stderr nlock run "$LOCK" \
		-c 'nlock release --claim "$NLOCK_CLAIM" && [ ! -e "$NLOCK_LOCK" ]'
	[[ $stderr == *"the lock was lost while the command ran"* ]]
	run -76 --separate-stderr nlock run "$LOCK" \
		-c 'echo "$NLOCK_CLAIM" >state && nlock release --state state &&
			[ ! -e "$NLOCK_LOCK" ]'
	[[ $stderr == *"the lock was lost while the command ran"* ]]
	nothing_left
}

@test "release: --unconditionally leaves to nlock run the lock that it keeps, without a word" {
	run -0 --separate-stderr nlock run "$LOCK" sh -c '
		nlock release --unconditionally &&
		nlock status --mine "$NLOCK_LOCK" >/dev/null'
	[ -z "$output$stderr" ]
	nothing_left
}

@test "release: within nlock run, a lock that the script has taken itself is released" {
	run -0 --separate-stderr nlock run "$LOCK.2" sh -ec '
		eval "$(nlock acquire "$1")"
		nlock release
		nlock status "$1"' sh "$LOCK"
	[ "$output" = "$LOCK: unlocked" ]
}

@test "release: of a lock that nlock run has lost says that it is lost" {
	run -76 --separate-stderr nlock run --on-lost warn "$LOCK" sh -c '
		rm "$NLOCK_LOCK"
		nlock release; echo $?'
	[ "$output" = 76 ]
	[[ $stderr == *"nlock: $LOCK: not ours: the lock file is gone"* ]]
	[[ $stderr != *"$REFUSES"* ]]
}

@test "release: once an nlock run has been killed with its heartbeat, its claim in NLOCK_CLAIM will do" {
	in_group nlock run -l 1h "$LOCK" sh -c '
		echo "$NLOCK_CLAIM" >claim.new
		mv claim.new claim; exec sleep 1000'
	eventually test -e claim
	NLOCK_CLAIM=$(cat claim) run -76 nlock release
	kill_unkept $!
	ended_with 137 $!
	NLOCK_CLAIM=$(cat claim) run -0 nlock release
	nothing_left
}

# --------------------------------------------------------- unconditionally

@test "release: --unconditionally of a lock that is not ours is no error" {
	local before old

	run -0 --separate-stderr nlock release --unconditionally --state nosuch
	[ -z "$output$stderr" ]
	run -0 nlock release --unconditionally \
		--claim "$LOCK|$(hostname)|$$|n0123456789abcdef"

	eval "$(nlock acquire "$LOCK")"
	old=$NLOCK_CLAIM
	nlock release
	unset NLOCK_CLAIM
	nlock acquire "$LOCK" >/dev/null
	before=$(listing)
	run -0 --separate-stderr nlock release --unconditionally --claim "$old"
	[ -z "$output$stderr" ]
	run -0 nlock release --unconditionally --claim "$old" "$LOCK"
	[ "$(listing)" = "$before" ]
}

@test "release: --unconditionally of our lock releases it" {
	eval "$(nlock acquire "$LOCK")"
	run -0 nlock release --unconditionally
	nothing_left
}

@test "release: --unconditionally is no excuse for other errors" {
	run -64 nlock release --unconditionally --claim rubbish
	run -64 nlock release --unconditionally \
		--claim "$LOCK.2|h|1|n0123456789abcdef" "$LOCK"
	run -64 nlock release --unconditionally
}

# ------------------------------------------------------------------- usage

@test "release: a claim of another lock is a usage error, and both stay" {
	local before

	nlock acquire --state state "$LOCK"
	eval "$(nlock acquire "$DIR/other.lock")"
	before=$(listing)
	run -64 --separate-stderr nlock release "$LOCK"
	complains
	[[ $stderr == *NLOCK_CLAIM* ]]
	run -64 --separate-stderr nlock release --claim "$NLOCK_CLAIM" "$LOCK"
	complains
	[[ $stderr == *--claim* ]]
	run -64 --separate-stderr nlock release --state state other.lock
	complains
	[[ $stderr == *--state* ]]
	[ "$(listing)" = "$before" ]
}

@test "release: a claim of a lock with the same name elsewhere is a usage error" {
	mkdir sub
	eval "$(nlock acquire "$LOCK")"
	run -64 nlock release sub/job.lock
	run -64 nlock release nosuch/job.lock
	run -0 nlock release
}

@test "release: what is no claim is a usage error" {
	local claim

	for claim in rubbish "$LOCK" "$LOCK|" "$LOCK|h|1" "$LOCK|h|x|1" \
	    "$LOCK|h|0|n0123456789abcdef" "$LOCK|h|1|n0123" "|h|1|1" \
	    "$DIR/" /; do
		run -64 --separate-stderr nlock release --claim "$claim"
		complains
		[[ $stderr == *--claim* ]]
		NLOCK_CLAIM=$claim run -64 --separate-stderr nlock release
		complains
		[[ $stderr == *NLOCK_CLAIM* ]]
	done
}

@test "release: what is no state file is a usage error, and stays" {
	local before

	echo rubbish >rubbish
	printf 'nul\0nul\n' >nul
	head -c 100000 /dev/zero | tr '\0' x >large
	mkdir directory
	mkfifo fifo
	before=$(listing)
	for file in rubbish nul large directory fifo /dev/null; do
		run -64 --separate-stderr timeout 20 \
			nlock release --state "$file"
		complains
		[[ $stderr == *--state* ]]
	done
	[ "$(listing)" = "$before" ]
}

@test "release: what follows the claim in a state file is seen, however long the claim" {
	nlock acquire --state state "$LOCK"
	{ printf '%4096s' "$(cat state)" | tr ' ' /; printf '\nmore\n'; } >long
	run -64 --separate-stderr nlock release --state long
	complains
	[ -e "$LOCK" ]
	nlock release --state state
}

@test "release: an empty or missing state file means not locked" {
	: >state
	is_not_ours --state state
	is_not_ours --state nosuch
	is_not_ours --state nosuch "$LOCK"
}

@test "release: one that is slow takes the lock down, though a second one had waited for it" {
	local slow

	needs strace
	eval "$(nlock acquire -l 1h "$LOCK")"
	"${STRACE[@]}" -o log -e trace=rename,renameat,renameat2 \
		-e inject=rename,renameat,renameat2:delay_enter=4s \
		nlock release 3>&- &
	slow=$!
	eventually grep -q rename log
	run -76 nlock release
	wait "$slow"
	nothing_left
}

# By somebody who took it for one of a waiter that was killed.
@test "release: of a lock whose warrant was revoked though its lease runs, it lets others break it at once" {
	eval "$(nlock acquire -l 10m "$LOCK")"
	rmdir "$NLOCK_CLAIM|warrant"
	nlock release
	[ -e "$LOCK" ]
	unset NLOCK_CLAIM
	nlock run -n "$LOCK" true
	nothing_left
}

# as UID COMMAND...
as() {
	setpriv --reuid "$1" --regid "$1" --clear-groups \
		"$BATS_TEST_TMPDIR/bin/nlock" "${@:2}"
}

@test "release: by somebody who may not use the warrant changes nothing" {
	needs root

	chmod a+rx "$BATS_RUN_TMPDIR"
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	chmod 777 "$DIR"
	eval "$(as 1234 acquire -l 10m "$LOCK")"
	run -77 --separate-stderr as 1235 release
	[ "$stderr" = "nlock: $LOCK: take down the lock file: Permission denied" ]
	as 1234 refresh -l 1m
	is_state ours
	as 1234 release
	nothing_left
}

@test "release: one that is slow leaves the state file to the next holder" {
	local slow waiter

	needs strace
	nlock acquire -l 10m --state state "$LOCK"
	in_group "${STRACE[@]}" -o calls \
		-e inject=renameat,renameat2:delay_exit=3000000:when=1 \
		nlock release --state state
	slow=$!
	eventually test ! -e "$LOCK"
	nlock acquire -l 10m --state state "$LOCK"
	wait "$slow"
	nlock release --state state
	[ ! -e state ]
	nothing_left
}

@test "release: if the reply to the removal of the claim is lost, others can break the lock at once" {
	local library=$BATS_TEST_TMPDIR/fault.so

	needs cc
	"${CC:-cc}" -O1 -shared -fPIC -o "$library" \
		"$TEST/fault/fault.c"
	eval "$(nlock acquire -l 10m "$LOCK")"
	run -76 env FAULT_DIR="$(realpath "$DIR")" FAULT=unlink:1:done:2 \
		FAULT_LOG="$BATS_TEST_TMPDIR/log" LD_PRELOAD="$library" \
		ASAN_OPTIONS=verify_asan_link_order=0 nlock release
	grep -q ' struck$' "$BATS_TEST_TMPDIR/log"
	unset NLOCK_CLAIM
	nlock run -n "$LOCK" true
	nothing_left
}

@test "release: of a lock whose file somebody has removed says that, and not that its claim is gone" {
	eval "$(nlock acquire -l 1h "$LOCK")"
	rm "$LOCK"
	run -76 --separate-stderr nlock release
	complains
	[[ $stderr == *"the lock file is gone"* ]]
	nothing_left
	# shellcheck disable=SC2016
	run -76 --separate-stderr nlock run "$LOCK" sh -c 'rm "$NLOCK_LOCK"'
	[[ $stderr == *"the lock file is gone"* ]]
}

@test "release: after one that was killed half-way, it lets others break the lock at once" {
	needs strace
	eval "$(nlock acquire -l 10m "$LOCK")"
	run "${STRACE[@]}" -o calls -e inject=renameat,renameat2:signal=KILL:when=1 \
		nlock release
	[ -e "$LOCK" ] && [ ! -e "$NLOCK_CLAIM" ]
	run -76 nlock release
	unset NLOCK_CLAIM
	nlock run -n "$LOCK" true
	nothing_left
}

@test "release: empties the state file where it can't be removed" {
	needs root
	chmod a+rx "$BATS_RUN_TMPDIR"
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	mkdir state_dir
	chmod 777 "$DIR" state_dir
	as 1234 acquire -l 10m --state state_dir/state "$LOCK"
	chmod 755 state_dir
	as 1234 release --state state_dir/state
	[ -e state_dir/state ] && [ ! -s state_dir/state ]
	nothing_left
}

@test "release: a state file that can't even be emptied is reported, and the lock is released" {
	needs root
	chmod a+rx "$BATS_RUN_TMPDIR"
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	mkdir state_dir
	chmod 777 "$DIR" state_dir
	as 1234 acquire -l 10m --state state_dir/state "$LOCK"
	chmod 755 state_dir
	chmod 444 state_dir/state
	run -77 --separate-stderr as 1234 release --state state_dir/state
	[ "$stderr" = "nlock: state_dir/state: remove the state file: Permission denied" ]
	nothing_left
}

@test "release: shows nothing of a file that is no state file" {
	echo secret >file
	run -64 --separate-stderr nlock release --state file
	[ "$stderr" = "nlock: --state: file: not a state file; takes one that acquire --state wrote" ]
}

@test "release: a claim whose removal is answered by ESTALE is removed all the same, and it was ours" {
	needs strace
	eval "$(nlock acquire -l 10m "$LOCK")"
	run -0 "${STRACE[@]}" -o calls -e inject=unlinkat:error=ESTALE:when=1 \
		nlock release
	grep -q INJECTED calls
	nothing_left
}
