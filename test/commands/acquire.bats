#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# nlock acquire: what it prints and leaves, and how long it waits.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

listing() {
	find "$DIR" -mindepth 1 -printf '%P %y %m %i %n %s %T@\n' | sort
}

# ------------------------------------------------------------------- output

@test "acquire: prints an assignment of the claim, and exports it" {
	local claim

	run -0 --separate-stderr nlock acquire "$LOCK"
	[[ $output =~ ^NLOCK_CLAIM=\'([^\']*)\'\;\ export\ NLOCK_CLAIM$ ]]
	claim=${BASH_REMATCH[1]}
	[[ $claim == "$LOCK|$(hostname)|"*"|n"???????????????? ]]
	# shellcheck disable=SC2154	# set by run
	[ -z "$stderr" ]

	eval "$output"
	# shellcheck disable=SC2016
	run -0 sh -c 'echo "$NLOCK_CLAIM"'
	[ "$output" = "$claim" ]
}

@test "acquire: makes the lock file a link to the claim, which holds its path" {
	eval "$(nlock acquire "$LOCK")"
	[ "$LOCK" -ef "$NLOCK_CLAIM" ]
	[ "$(stat -c %h "$LOCK")" = 2 ]
	printf '%s' "$NLOCK_CLAIM" | cmp - "$LOCK"
	[ -d "$NLOCK_CLAIM|warrant" ]
}

@test "acquire: what it prints is quoted for any shell and any path" {
	local shell name

	name=$'it\'s "$HOME" `id`; \\ * \t\n $(touch ran)&|x'
	for shell in sh bash; do
		mkdir "$name"
		# shellcheck disable=SC2016
		run -0 "$shell" -ec '
			eval "$(nlock acquire "$1/$1")"
			test "$1/$1" -ef "$NLOCK_CLAIM"
			nlock release "$1/$1"
			ls -A "$1"
		' "$shell" "$name"
		[ -z "$output" ]
		rmdir "$name"
		[ ! -e ran ]
	done
}

@test "acquire: --var names the variable" {
	run -0 nlock acquire --var _My_Lock1 "$LOCK"
	[[ $output =~ ^_My_Lock1=\'[^\']*\'\;\ export\ _My_Lock1$ ]]
	eval "$output"
	# shellcheck disable=SC2154	# by eval
	nlock release --claim "$_My_Lock1"
	nothing_left
}

@test "acquire: without the lock it prints what exits with its status when it is evaluated" {
	local options

	nlock acquire -l 1h "$LOCK" >/dev/null
	for options in -n -qn "-w 50ms" "-v -n"; do
		# shellcheck disable=SC2086	# words
		run -75 --separate-stderr nlock acquire $options "$LOCK"
		[ "$output" = "(exit 75)" ]
		# shellcheck disable=SC2086
		run -75 --separate-stderr nlock acquire --print csh $options \
			"$LOCK"
		[ "$output" = "(exit 75)" ]
		# shellcheck disable=SC2086
		run -75 --separate-stderr nlock acquire $options --print fish \
			"$LOCK"
		[ "$output" = "command sh -c 'exit 75'" ]
	done
	run -74 --separate-stderr nlock acquire nosuch/lock
	[ "$output" = "(exit 74)" ]
}

@test "acquire: without the lock it prints nothing for programs, or with --state" {
	local option

	nlock acquire -l 1h "$LOCK" >/dev/null
	for option in "--print env" "--print json" "--print claim" \
			"--state state" "--state state --print fish"; do
		# shellcheck disable=SC2086	# words
		run -75 --separate-stderr nlock acquire $option -n "$LOCK"
		[ -z "$output" ]
		# shellcheck disable=SC2086
		run -64 --separate-stderr nlock acquire $option "$LOCK" more
		[ -z "$output" ]
	done
}

@test "acquire: a usage error is printed to be evaluated, too, as the options after it ask for" {
	run -64 --separate-stderr nlock acquire
	[ "$output" = "(exit 64)" ]
	run -64 --separate-stderr nlock acquire --nosuch --print fish "$LOCK"
	complains
	[ "$output" = "command sh -c 'exit 64'" ]
	run -64 --separate-stderr nlock acquire -w 5x --print=json "$LOCK"
	[ -z "$output" ]
	run -64 --separate-stderr nlock acquire -w 5x -Z --state state "$LOCK"
	complains
	[ -z "$output" ]
	run -64 --separate-stderr nlock acquire --print fish -w
	[ "$output" = "command sh -c 'exit 64'" ]
	run -0 nlock acquire --help
	[[ $output != *"(exit"* ]]
}

@test "acquire: what it prints without the lock changes no exit status if it can't be written" {
	nlock acquire -l 1h "$LOCK" >/dev/null
	# shellcheck disable=SC2016
	run -75 --separate-stderr sh -c 'nlock acquire -n "$1" >/dev/full' \
		sh "$LOCK"
	complains
	# shellcheck disable=SC2016
	run -75 --separate-stderr sh -c 'nlock acquire -n "$1" >&-' sh "$LOCK"
	complains
	mkfifo pipe
	exec 6<>pipe
	exec 7>pipe
	exec 6>&-
	# shellcheck disable=SC2016
	run -64 --separate-stderr sh -c 'nlock acquire -Z >&7' sh
	exec 7>&-
	complains
}

# ------------------------------------------------------------------- formats

@test "acquire: --print sh, csh and fish print a command that sets the variable" {
	local claim format

	for format in sh='A=CLAIM; export A' csh='setenv A CLAIM' \
			fish='set -gx A CLAIM'; do
		run -0 --separate-stderr nlock acquire --var A \
			--print "${format%%=*}" "$LOCK"
		claim=$(nlock status --json "$LOCK" | json claim)
		format=${format#*=}
		[ "$output" = "${format/CLAIM/"'$claim'"}" ]
		nlock release --claim "$claim"
	done
}

@test "acquire: --print claim prints the bare path, and env an assignment without quotes" {
	local name="it's \$HOME"

	nlock acquire --print claim "$name" >printed
	[ "$(cat printed)" -ef "$name" ]
	nlock release --claim "$(cat printed)"
	nlock acquire --print env "$name" >printed
	[[ $(cat printed) == "NLOCK_CLAIM=$DIR/$name|"* ]]
	[ "$(wc -l <printed)" = 1 ]
	nlock release --claim "$(cut -d = -f 2- printed)"
	nlock acquire --var B --print env "$name" >printed
	[[ $(cat printed) == "B=$DIR/$name|"* ]]
}

@test "acquire: --print json says what status --json says" {
	local name status

	nlock acquire --print json -l 10m job.lock >printed
	status=$(nlock status --json job.lock)
	for name in lock claim host pid expires; do
		[ "$(json $name <printed)" = "$(json $name <<<"$status")" ]
	done
	[[ $(json lifetime <printed) =~ ^600\.0+$ ]]
	nlock release --claim "$(json claim <printed)"
	nothing_left
}

@test "acquire: --print env refuses a claim that is not one line, and gives the lock back" {
	local end

	for end in $'\n' $'\r'; do
		run -64 --separate-stderr nlock acquire -q --print env \
			"$LOCK${end}PATH=evil"
		complains
		[[ $stderr == *"--print: "*" newline "* ]]
		[ -z "$output" ]
		nothing_left
	done
}

@test "acquire: --print json refuses a claim that is not UTF-8, and gives the lock back" {
	local name=$LOCK$'\n"\\é'

	run -64 --separate-stderr nlock acquire --print json "$LOCK"$'\xff'
	complains
	[[ $stderr == *"--print: "*" UTF-8"* ]]
	[ -z "$output" ]
	nothing_left
	run -0 nlock acquire --print json "$name"
	[ "$(json claim <<<"$output")" -ef "$name" ]
}

@test "acquire: --print of no format is a usage error, and takes nothing" {
	local format

	for format in bash '' SH 'sh '; do
		run -64 --separate-stderr nlock acquire --print "$format" "$LOCK"
		complains
		[[ $stderr == "nlock: --print: not a format: '$format'; takes sh, csh, fish, env, json or claim" ]]
		[ "$output" = "(exit 64)" ]
	done
	nothing_left
}

@test "acquire: records the pid of its parent" {
	nlock acquire "$LOCK" >/dev/null
	[ "$(nlock status --json "$LOCK" | json pid)" = "$BASHPID" ]
}

# --------------------------------------------------------------------- state

@test "acquire: --state writes the claim, for its user alone, and prints nothing" {
	umask 0
	run -0 --separate-stderr nlock acquire --state state "$LOCK"
	[ -z "$output$stderr" ]
	[ "$(stat -c %a state)" = 600 ]
	[ "$(cat state)" -ef "$LOCK" ]
	[ "$(wc -l <state)" = 1 ]
}

@test "acquire: --state replaces an old state file, and never changes it" {
	echo "of old" >state
	chmod 644 state
	ln state other_link
	nlock acquire --state state "$LOCK"
	[ "$(cat other_link)" = "of old" ]
	[ "$(stat -c %a other_link)" = 644 ]
	[ "$(stat -c %a state)" = 600 ]
	[ "$(cat state)" -ef "$LOCK" ]
	[ "$(find . -name 'state*')" = ./state ]
}

@test "acquire: --state that can't be written releases the lock" {
	local file

	mkdir -m 755 directory
	for file in nosuch/state directory; do
		run --separate-stderr nlock acquire --state "$file" "$LOCK"
		[[ $status = 74 || $status = 64 ]]
		complains
		[[ $stderr == *"$file"* ]]
		nothing_left
	done
	[ "$(ls -A)" = directory ]
}

@test "acquire: --state that can't be written for want of permission is 77" {
	needs root
	chmod a+rx "$BATS_RUN_TMPDIR"
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	mkdir -m 755 closed
	chmod 777 .
	run -77 --separate-stderr setpriv --reuid=65534 --regid=65534 \
		--clear-groups "$BATS_TEST_TMPDIR/bin/nlock" acquire \
		--state closed/state "$LOCK"
	complains
	nothing_left
	[ -z "$(ls -A closed)" ]
}

@test "acquire: --state can't be the lock file, by any path" {
	local file

	mkdir sub
	for file in "$LOCK" job.lock sub/../job.lock; do
		run --separate-stderr nlock acquire --state "$file" "$LOCK"
		[[ $status = 64 || $status = 74 ]]
		complains
		nothing_left
	done
}

@test "acquire: --state overwrites a claim that no longer holds the lock" {
	nlock acquire --state state "$LOCK"
	cp state old
	nlock release --state state
	cp old state
	nlock acquire -n --state state "$LOCK"
	run ! cmp state old
	nlock release --state state "$LOCK"
	nothing_left
}

# ------------------------------------------------------------------- waiting

@test "acquire: -n fails at once, and says who has the lock and until when" {
	local before

	nlock acquire "$LOCK" >/dev/null
	before=$(listing)
	run -75 --separate-stderr timeout 20 nlock acquire -n "$LOCK"
	complains
	[[ $stderr == *"$LOCK"*"$(hostname) pid $BASHPID"*"lease ends in "* ]]
	[ "$(listing)" = "$before" ]
}

@test "acquire: -w gives up in time, not before, and leaves nothing" {
	local before began took

	nlock acquire -l 1h "$LOCK" >/dev/null
	before=$(listing)
	began=${EPOCHREALTIME/./}
	run -75 --separate-stderr timeout 20 nlock acquire -w 300ms "$LOCK"
	took=$((${EPOCHREALTIME/./} - began))
	complains
	[[ $stderr == *"$(hostname) pid $BASHPID"*"lease ends in "* ]]
	[ $took -ge 300000 ]
	[ "$(listing)" = "$before" ]
}

@test "acquire: -w takes the lock when it is released in time" {
	local waiter

	eval "$(nlock acquire -l 1h "$LOCK")"
	env -u NLOCK_CLAIM nlock acquire -w 1m "$LOCK" >printed 3>&- &
	waiter=$!
	eventually claims_are 2
	nlock release
	wait "$waiter"
	eval "$(cat printed)"
	nlock status --mine "$LOCK" >/dev/null
	claims_are 1
}

@test "acquire: without -w it waits until the lock is released" {
	local waiter

	eval "$(nlock acquire -l 1h "$LOCK")"
	env -u NLOCK_CLAIM nlock acquire "$LOCK" >printed 3>&- &
	waiter=$!
	eventually claims_are 2
	nlock release
	wait "$waiter"
	eval "$(cat printed)"
	nlock release
	nothing_left
}

@test "acquire: -q is silent when the lock is held, -v says what it waits for" {
	nlock acquire -l 1h "$LOCK" >/dev/null
	run -75 --separate-stderr nlock acquire -q -n "$LOCK"
	[ -z "$stderr" ]
	run -75 --separate-stderr nlock acquire -q -w 50ms "$LOCK"
	[ -z "$stderr" ]
	# Long enough to begin to wait on a machine that is busy.
	run -75 --separate-stderr nlock acquire -v -w 2s "$LOCK"
	[[ $stderr == *"waiting"*"$(hostname) pid $BASHPID"* ]]
	run -75 --separate-stderr nlock acquire -w 50ms "$LOCK"
	[[ $stderr != *"waiting"* ]]
}

@test "acquire: -E sets the status for a held lock and a timeout" {
	nlock acquire -l 1h "$LOCK" >/dev/null
	run -3 nlock acquire -n -E 3 "$LOCK"
	run -0 --separate-stderr nlock acquire -w 50ms -E 0 "$LOCK"
	[ "$output" = "(exit 0)" ]
	run -3 --separate-stderr nlock acquire -n -E 3 "$LOCK"
	complains
}

@test "acquire: -E leaves the status of other failures as it is" {
	run -74 nlock acquire -n -E 3 nosuch/lock
	run -0 nlock acquire -n -E 3 "$LOCK"
}

@test "acquire: NLOCK_TIMEOUT is the default of -w, and -w and -n override it" {
	nlock acquire -l 1h "$LOCK" >/dev/null
	NLOCK_TIMEOUT=50ms run -75 timeout 20 nlock acquire "$LOCK"
	[[ $output == *"50ms"* ]]
	NLOCK_TIMEOUT=1h run -75 timeout 20 nlock acquire -w 60ms "$LOCK"
	[[ $output == *"60ms"* ]]
	NLOCK_TIMEOUT=1h run -75 timeout 20 nlock acquire -n "$LOCK"
}

@test "acquire: of several at the same time exactly one succeeds" {
	local i pids=() succeeded=0

	for i in {1..12}; do
		nlock acquire -n "$LOCK" >"printed$i" 2>/dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		if wait "$i"; then
			succeeded=$((succeeded + 1))
		fi
	done
	[ $succeeded = 1 ]
	[ "$(cat printed* | grep -cvxF '(exit 75)')" = 1 ]
	claims_are 1
	eval "$(grep -h NLOCK_CLAIM printed*)"
	nlock release
	nothing_left
}

@test "acquire: a signal while it waits leaves nothing, and ends it" {
	local name before waiter status

	nlock acquire -l 1h "$LOCK" >/dev/null
	before=$(listing)
	for name in TERM INT HUP QUIT USR1 USR2; do
		echo "signal: $name"
		env --default-signal nlock acquire "$LOCK" \
			>printed 2>/dev/null 3>&- &
		waiter=$!
		eventually claims_are 2
		kill -s "$name" $waiter
		status=0
		wait $waiter || status=$?
		[ $status = $((128 + $(kill -l $name))) ]
		[ "$(cat printed)" = "(exit $status)" ]
		rm printed
		[ "$(listing)" = "$before" ]
	done
}

@test "acquire: a signal that its caller ignores does not end its wait" {
	local waiter

	eval "$(nlock acquire -l 1h "$LOCK")"
	env -u NLOCK_CLAIM --ignore-signal=HUP nlock acquire "$LOCK" \
		>printed 3>&- &
	waiter=$!
	eventually claims_are 2
	kill -s HUP $waiter
	nlock release
	wait $waiter
	[ -s printed ]
}

# -------------------------------------------------------------- already ours

@test "acquire: of a lock that NLOCK_CLAIM shows as ours is 73 at once" {
	local before

	eval "$(nlock acquire "$LOCK")"
	before=$(listing)
	run -73 --separate-stderr timeout 20 nlock acquire "$LOCK"
	complains
	[ "$output" = "(exit 73)" ]
	run -73 timeout 20 nlock run "$LOCK" touch ran
	[ ! -e ran ]
	run -73 --separate-stderr timeout 20 nlock acquire -q "$LOCK"
	[ -z "$stderr" ]
	[ "$(listing)" = "$before" ]
}

@test "acquire: of a lock that the state file shows as ours is 73 at once" {
	local before

	nlock acquire --state state "$LOCK"
	before=$(listing)
	run -73 --separate-stderr timeout 20 nlock acquire --state state "$LOCK"
	complains
	[ "$(listing)" = "$before" ]
}

@test "acquire: of our lock by another path is 73, too" {
	mkdir sub
	ln -s "$DIR" link
	eval "$(nlock acquire "$LOCK")"
	run -73 timeout 20 nlock acquire job.lock
	run -73 timeout 20 nlock acquire sub/../job.lock
	run -73 timeout 20 nlock acquire link/job.lock
}

@test "acquire: another lock can be taken while we hold one" {
	eval "$(nlock acquire "$LOCK")"
	run -0 nlock acquire -n "$LOCK.2"
	mkdir sub
	run -0 nlock acquire -n sub/job.lock
}

@test "acquire: an NLOCK_CLAIM that is over, or rubbish, is no obstacle" {
	eval "$(nlock acquire "$LOCK")"
	nlock release
	run -0 nlock acquire -n "$LOCK"
	run -75 nlock acquire -n "$LOCK"
	NLOCK_CLAIM=rubbish run -75 nlock acquire -n "$LOCK"
	NLOCK_CLAIM=rubbish run -0 nlock acquire -n "$LOCK.2"
}

@test "acquire: of our lock without its claim is 75, not 73, whatever links others have made" {
	eval "$(nlock acquire -l 1h "$LOCK")"
	ln "$LOCK" copy
	ln "$LOCK" another
	run -73 timeout 20 nlock acquire -n "$LOCK"
	rm "$NLOCK_CLAIM"
	run -75 timeout 20 nlock acquire -n "$LOCK"
	# Another file by the claim's name is not the claim.
	cp -p copy "$NLOCK_CLAIM"
	run -75 timeout 20 nlock acquire -n "$LOCK"
}

@test "acquire: our own lock is taken anew once its lease is over" {
	eval "$(nlock acquire "$LOCK")"
	touch -d "1 hour ago" "$LOCK"
	run -0 timeout 20 nlock acquire -n "$LOCK"
	run -76 nlock release
}

# --------------------------------------------------------------------- lease

@test "acquire: the lease lasts 15 s, or NLOCK_LIFETIME, or what -l says" {
	nlock acquire "$LOCK" >/dev/null
	between 1 "$(remaining)" 15
	NLOCK_LIFETIME=1h run -0 nlock acquire "$LOCK.1h"
	LOCK=$LOCK.1h between 3500 "$(LOCK=$LOCK.1h remaining)" 3600
	NLOCK_LIFETIME=1h run -0 nlock acquire -l 1d "$LOCK.1d"
	between 86300 "$(LOCK=$LOCK.1d remaining)" 86400
}

@test "acquire: a lock whose lease is over can be taken, and its holder notices" {
	local lost

	eval "$(nlock acquire -l 300ms "$LOCK")"
	lost=$NLOCK_CLAIM
	unset NLOCK_CLAIM
	eval "$(nlock acquire -w 1m --clock-slop 10ms "$LOCK")"
	[ "$NLOCK_CLAIM" != "$lost" ]
	[ ! -e "$lost" ]
	[ ! -e "$lost|warrant" ]
	run -76 nlock refresh --claim "$lost"
	run -76 nlock release --claim "$lost"
	run -0 nlock status --mine "$LOCK"
	nlock release
	nothing_left
}

@test "acquire: a lock is left alone until its lease is over by the clock slop" {
	nlock acquire "$LOCK" >/dev/null
	touch -d "10 minutes ago" "$LOCK"
	run -75 --separate-stderr nlock acquire -n --clock-slop 1h "$LOCK"
	complains
	run -0 nlock acquire -n --clock-slop 9m "$LOCK"
}

@test "acquire: the clock slop is 10 s" {
	nlock acquire "$LOCK" >/dev/null
	# 8 s are left for this to happen.
	touch -d "2 seconds ago" "$LOCK"
	run -75 nlock acquire -n "$LOCK"
	touch -d "11 seconds ago" "$LOCK"
	run -0 nlock acquire -n "$LOCK"
}

@test "acquire: a waiter takes a lock once its lease has run out" {
	nlock acquire -l 200ms "$LOCK" >/dev/null
	run -0 timeout 20 nlock acquire --clock-slop 10ms "$LOCK"
	claims_are 1
}

@test "acquire: after a wait longer than its lifetime half of the lease is left" {
	local waiter end won after

	eval "$(nlock acquire -l 1h "$LOCK")"
	env -u NLOCK_CLAIM nlock acquire -l 1s "$LOCK" >printed 3>&- &
	waiter=$!
	eventually claims_are 2
	# More than the lifetime of the waiter's claim.
	run -75 env -u NLOCK_CLAIM nlock acquire -w 1500ms "$LOCK"
	nlock release
	wait $waiter
	eval "$(cat printed)"
	# The warrant is dated when the lock is won; the lease may have been
	# renewed after that.
	touch after
	end=$(stat -c %.9Y "$LOCK")
	won=$(stat -c %.9Y "$NLOCK_CLAIM|warrant")
	after=$(stat -c %.9Y after)
	echo "won at $won, until $end, seen at $after"
	awk -v end="$end" -v won="$won" -v after="$after" \
		'BEGIN { exit !(0.45 <= end - won && end - after <= 1.01) }'
}

# ----------------------------------------------------------------------- pid

@test "acquire: --pid is recorded as the holder's pid" {
	local pid

	in_group sleep 100
	pid=$!
	eventually leads $pid
	nlock acquire --pid $pid "$LOCK" >/dev/null
	[ "$(nlock status --json "$LOCK" | json pid)" = $pid ]
}

@test "acquire: a lock with --pid is free once that process is dead" {
	local pid

	in_group sleep 100
	pid=$!
	eventually leads $pid
	nlock acquire -l 1h --pid $pid "$LOCK" >/dev/null
	run -75 nlock acquire -n "$LOCK"
	is_state unknown
	kill -KILL $pid
	wait $pid || true
	eventually is_dead $pid
	is_state stale
	run -0 nlock acquire -n "$LOCK"
	claims_are 1
}

@test "acquire: a lock with --pid is held while any of its group is left" {
	local pid

	# shellcheck disable=SC2016
	in_group sh -c 'sleep 100 & echo $! >child; wait'
	pid=$!
	eventually test -s child
	nlock acquire -l 1h --pid $pid "$LOCK" >/dev/null
	kill -KILL $pid
	wait $pid || true
	run -75 nlock acquire -n "$LOCK"
	is_state unknown
	kill -KILL "$(cat child)"
	eventually is_dead $pid
	run -0 nlock acquire -n "$LOCK"
}

@test "acquire: the death of --pid wakes a waiter long before the lease ends" {
	local pid waiter

	in_group sleep 100
	pid=$!
	eventually leads $pid
	nlock acquire -l 1h --pid $pid "$LOCK" >/dev/null
	nlock acquire -w 1m "$LOCK" >printed 3>&- &
	waiter=$!
	eventually claims_are 2
	kill -KILL $pid
	wait $waiter
	[ -s printed ]
}

@test "acquire: without --pid the lock outlives its caller" {
	local pid

	# shellcheck disable=SC2016
	in_group sh -c 'nlock acquire -l 1h "$1" >printed' sh "$LOCK"
	pid=$!
	wait $pid
	eventually is_dead $pid
	[ -s printed ]
	is_state unknown
	run -75 nlock acquire -n "$LOCK"
}

@test "acquire: --pid of no process fails and leaves nothing" {
	local pid

	in_group true
	pid=$!
	wait $pid
	eventually is_dead $pid
	run --separate-stderr nlock acquire --pid $pid "$LOCK"
	[ "$status" != 0 ]
	complains
	[ "$output" = "(exit $status)" ]
	nothing_left
}

# ------------------------------------------------------- output that fails

@test "acquire: printing to a full disk releases the lock and is 74" {
	# shellcheck disable=SC2016
	run -74 --separate-stderr sh -c 'nlock acquire "$1" >/dev/full' \
		sh "$LOCK"
	complains
	nothing_left
}

@test "acquire: printing to a closed pipe releases the lock and is 74" {
	mkfifo pipe
	# The reader is gone before anything is written.
	exec 6<>pipe
	exec 7>pipe
	exec 6>&-
	# shellcheck disable=SC2016
	run -74 --separate-stderr sh -c 'nlock acquire "$1" >&7' sh "$LOCK"
	exec 7>&-
	complains
	nothing_left
}

@test "acquire: printing to nowhere releases the lock and is 74" {
	local closed

	for closed in '>&-' '>&- <&-'; do
		# shellcheck disable=SC2016
		run -74 --separate-stderr \
			sh -c "nlock acquire \"\$1\" $closed" sh "$LOCK"
		complains
		nothing_left
	done
	# shellcheck disable=SC2016
	run -74 sh -c 'nlock acquire "$1" <&- >&- 2>&-' sh "$LOCK"
	nothing_left
}

@test "acquire: with all standard descriptors closed it takes the lock all the same" {
	# shellcheck disable=SC2016
	run -0 sh -c 'nlock acquire --state state "$1" <&- >&- 2>&-' sh "$LOCK"
	printf '%s' "$(cat state)" | cmp - "$LOCK"
	# shellcheck disable=SC2016
	run -75 sh -c 'nlock acquire -n "$1" <&- >&- 2>&-' sh "$LOCK"
	printf '%s' "$(cat state)" | cmp - "$LOCK"
	nlock release --state state
	nothing_left
}

# --------------------------------------------------------------- permissions

@test "acquire: with umask 077 others can read who has the lock, and break it" {
	needs root
	local nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups
		"$BATS_TEST_TMPDIR/bin/nlock")

	chmod a+rx "$BATS_RUN_TMPDIR"
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	chmod 777 .
	umask 077
	nlock acquire "$LOCK" >/dev/null
	run -0 "${nobody[@]}" status "$LOCK"
	[[ $output == *"held by $(hostname) pid $BASHPID "* ]]
	run -75 --separate-stderr "${nobody[@]}" acquire -n "$LOCK"
	[[ $stderr == *"pid $BASHPID "* ]]
	touch -d "1 hour ago" "$LOCK"
	run -0 "${nobody[@]}" acquire -n "$LOCK"
	claims_are 1
	[ "$(stat -c %u "$LOCK")" = 65534 ]
}

@test "acquire: --pid of a zombie fails, too" {
	local zombie

	# The shell, which would take note of its end, is gone by then.
	in_group sh -c 'until [ -e go ]; do :; done &
		echo $! >zombie; exec sleep 1000'
	eventually test -s zombie
	zombie=$(cat zombie)
	is_sleep() {
		grep -q '^Name:.*sleep' "/proc/$!/status"
	}
	eventually is_sleep
	touch go
	eventually grep -q '^State:.*zombie' "/proc/$zombie/status"
	run -74 --separate-stderr nlock acquire --pid "$zombie" "$LOCK"
	complains
	nothing_left
}

@test "acquire: --pid of a process that lives without its main thread is no zombie" {
	program lone_thread
	in_group "$PROGRAM" file
	eventually test -s file
	grep -q '^State:.*zombie' "/proc/$!/status"
	nlock acquire -l 1h --pid $! "$LOCK" >/dev/null
	grep -Eq '[.][0-9]+$' "$LOCK"
}

@test "acquire, run: where /proc is of another pid namespace, a lock stands for no process" {
	needs root
	local processless='[|]n[0-9a-f]{16}(\.run)?$'

	# With a number that an outsider has, too.
	# shellcheck disable=SC2016
	run -0 unshare --pid --fork sh -c '
		echo $(($2 - 1)) >/proc/sys/kernel/ns_last_pid
		nlock run "$1" cat "$1"; exit' sh "$LOCK" "$$"
	[[ $output == *"|$$|"* ]]
	[[ $output =~ $processless ]]
	run -0 unshare --pid --fork --mount-proc \
		setsid --wait nlock run "$LOCK" cat "$LOCK"
	[[ ! $output =~ $processless ]]
	# shellcheck disable=SC2016
	run -0 unshare --pid --fork sh -c '
		nlock acquire --pid $$ "$1" >printed; cat "$1"' sh "$LOCK"
	[[ $output =~ $processless ]]
}

# killed_breaker: it has published its warrant, and revoked nobody's.
killed_breaker() {
	nlock acquire -l 1ms "$LOCK"
	run "${STRACE[@]}" -o /dev/null -e trace=unlinkat \
		-e inject=unlinkat:signal=KILL:when=1 \
		nlock acquire -w 5s --clock-slop 1ms "$LOCK"
	# On a file server it is another process of nlock's that breaks.
	[ "$status" = 137 ] || [ "$status" = 74 ]
	[ -d "$LOCK|breaker/warrant" ]
}

# member COMMAND...: by a user of the directory's group.
member() {
	chmod 775 "$DIR"
	chgrp 12345 "$DIR"
	setpriv --reuid 1234 --regid 1234 --groups 12345 "$@"
}

@test "acquire: what a breaker leaves belongs to the directory's group, so that its members can go on" {
	needs root strace

	member true
	killed_breaker
	[ "$(stat -c %g:%a "$LOCK|breaker")" = 12345:775 ]
	[ "$(stat -c %g:%a "$LOCK|breaker/warrant")" = 12345:775 ]
	eval "$(member nlock acquire -l 1m -w 19s --clock-slop 1ms "$LOCK")"
	nlock release
}

@test "acquire: a dead breaker's directory that we may not remove is reported" {
	needs root strace

	killed_breaker
	run -78 --separate-stderr member nlock acquire -w 7s --clock-slop 1ms \
		"$LOCK"
	[[ $stderr == *", but it can't be broken: Permission denied; "* ]]
	run -0 nlock acquire -w 19s --clock-slop 1ms "$LOCK"
}

@test "acquire: --state replaces no symbolic link" {
	echo mine >target
	ln -s target link
	ln -s nowhere dangling
	for file in link dangling; do
		run -64 --separate-stderr nlock acquire --state "$file" "$LOCK"
		complains
		[ -L "$file" ]
	done
	[ "$(cat target)" = mine ]
	nothing_left
}

@test "acquire: a lock whose lease is over is broken though others have made links of it" {
	nlock acquire -l 100ms "$LOCK" >/dev/null
	ln "$LOCK" copy
	ln "$LOCK" another
	run -0 --separate-stderr nlock run -w 19s --clock-slop 1ms "$LOCK" true
	[ -z "$stderr" ]
	# Some file systems keep an old number for a second.
	eventually links_are 2 copy
	nothing_left
}

# links_are NUMBER FILE
links_are() {
	[ "$(stat -c %h "$2")" = "$1" ]
}

# with_umask UMASK COMMAND...: by a user who may not do everything.
with_umask() {
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	chmod a+rx "$BATS_RUN_TMPDIR"
	chmod 777 .
	(
		umask "$1"
		shift
		PATH=$BATS_TEST_TMPDIR/bin:$PATH
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	)
}

@test "acquire, run: whatever the umask, the lock is taken, kept, broken and released" {
	needs root
	local mask

	for mask in 0177 0277 0477 0577 0777; do
		echo "umask $mask"
		run -7 with_umask $mask nlock run "$LOCK" \
			sh -c 'nlock refresh && nlock status --mine "$NLOCK_LOCK" && exit 7'
		nothing_left
		# shellcheck disable=SC2016
		run -0 with_umask $mask sh -c 'eval "$(nlock acquire "$1")" &&
			nlock refresh && nlock release' sh "$LOCK"
		nothing_left
		run -0 with_umask $mask nlock acquire -l 1ms "$LOCK"
		run -0 with_umask $mask nlock run -w 19s --clock-slop 1ms \
			"$LOCK" true
		nothing_left
	done
}

@test "acquire, run: an access control list that denies the owner everything hinders nobody" {
	needs root
	setfacl -d -m u::---,g::rwx,o::rwx . || skip "no access control lists"

	run -0 with_umask 022 nlock run "$LOCK" true
	nothing_left
	run -0 with_umask 022 nlock acquire -l 1ms "$LOCK"
	run -0 with_umask 022 nlock run -w 19s --clock-slop 1ms "$LOCK" true
	nothing_left
}

@test "run: a limit on file size is reported, leaves nothing behind, and applies to the command" {
	# shellcheck disable=SC2016
	run -74 sh -c 'ulimit -f 0; nlock run "$0" true' "$LOCK"
	[ "$output" = "nlock: $LOCK: write the claim: File too large" ]
	nothing_left
	# shellcheck disable=SC2016
	run -153 nlock run "$LOCK" sh -c 'ulimit -f 0; echo x >file'
	nothing_left
}

@test "acquire: a caller outside the PID namespace, as under docker exec, gets a lock that can be released" {
	needs root
	local claim

	claim=$(unshare --pid --fork nlock acquire -l 10m "$LOCK")
	run -75 nlock acquire -n "$LOCK"
	eval "$claim"
	run -0 nlock refresh -l 1s
	env -u NLOCK_CLAIM nlock run -w 19s --clock-slop 1ms "$LOCK" true
	nothing_left
}
