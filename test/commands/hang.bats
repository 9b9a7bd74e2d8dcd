#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A file server that hangs, or hides what is open: one by FUSE, which can be
# stopped.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

setup() {
	needs root fuse bindfs
	common_setup
	mount_fuse "$BATS_TEST_TMPDIR/behind" mnt
	SERVER=$!
	LOCK=$DIR/mnt/job.lock
}

teardown() {
	kill -CONT "$SERVER" 2>/dev/null || true
	kill -CONT "${OTHER:-$SERVER}" 2>/dev/null || true
	umount -l "$DIR/mnt" "$BATS_TEST_TMPDIR/other" 2>/dev/null || true
	common_teardown
}

hang() {
	kill -STOP "$SERVER"
}

recover() {
	kill -CONT "$SERVER"
}

# Is it under way, the signals that end a wait blocked?
under_way() {
	grep -qE '^SigBlk:.*[4-7c-f]...$' "/proc/$1/status"
}

# gave_up STATUS PID: it has ended though the server still hangs.
gave_up() {
	ended_with "$@"
	grep -qx "nlock: $LOCK: the file server does not answer; gave up" errors
	grep -q '^State:.T' "/proc/$SERVER/status"
}

# Of the nlock run with that pid.
no_command() {
	! pgrep -P "$1" -x "${2:-sh}"
}

# What the server has of the lock.
nothing_behind() {
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/behind")" ]
}

# elapsed SECONDS, since $BEGAN.
elapsed() {
	[ $((${EPOCHREALTIME/./} - BEGAN)) -ge $(($1 * 1000000)) ]
}

# slow_server CALLS: the server takes an hour for each of these that it makes,
# and has read the request: nothing can end a process that waits for it.
slow_server() {
	"${STRACE[@]}" -o log -p "$SERVER" -e "trace=$1" \
		-e "inject=$1:delay_enter=3600s" 3>&- &
	TRACER=$!
	eventually grep -q "^TracerPid:.$TRACER$" "/proc/$SERVER/status"
}

@test "refresh, release, status: a signal ends them at once though the file server hangs, and the lock stays as it is" {
	local command lease

	needs strace
	eval "$(nlock acquire -l 1h "$LOCK")"
	lease=$(stat -c %Y "$BATS_TEST_TMPDIR/behind/job.lock")
	for command in "refresh -l 2h" release "status --json $LOCK"; do
		slow_server '?lstat,newfstatat,openat,utimensat,unlinkat,?unlink'
		# shellcheck disable=SC2086	# words
		in_group nlock $command >printed 2>errors
		eventually grep -q . log
		BEGAN=${EPOCHREALTIME/./}
		kill -TERM $!
		ended_with $((128 + 15)) $!
		run ! elapsed 4
		[ ! -s printed ]
		[ ! -s errors ]
		kill -KILL "$TRACER"
		eventually grep -qx "TracerPid:.0" "/proc/$SERVER/status"
	done
	[ "$(stat -c %Y "$BATS_TEST_TMPDIR/behind/job.lock")" = "$lease" ]
	nlock release
	eventually nothing_behind
}

@test "run: if the file server hangs, the command is ended before the lease is over, and nlock exits at once" {
	local end pid

	in_group nlock run -l 8s "$LOCK" -- bash -c 'trap "" TERM
		while :; do date +%s.%N >alive.new; mv alive.new alive; done' \
		2>errors
	pid=$!
	eventually test -e alive
	end=$(stat -c %.9Y "$BATS_TEST_TMPDIR/behind/job.lock")
	hang
	ended_with 76 "$pid"
	# A refresh may have got through after the look at the lease's end.
	end=$(stat -c %.9Y "$BATS_TEST_TMPDIR/behind/job.lock")
	[ "$(printf '%s\n' "$(cat alive)" "$end" | sort -n | head -n 1)" = \
		"$(cat alive)" ]
	[ "$(cat errors)" = "nlock: $LOCK: the lease can't be renewed: the file server does not answer; ending the command" ]
}

# A call that the server has begun to work on can't be ended, unlike one that it
# has not read yet.
@test "run: a heartbeat that nothing can end is not taken for a process of the command" {
	needs strace
	umount mnt
	# The third time that is set is a heartbeat's.
	"${STRACE[@]}" -o /dev/null -e trace=utimensat \
		-e inject=utimensat:delay_enter=3600s:when=3+ \
		bindfs -f --no-allow-other "$BATS_TEST_TMPDIR/behind" mnt \
		>/dev/null 2>&1 3>&- &
	eventually mountpoint -q mnt
	in_group nlock run -l 3s --kill-after 0.1s "$LOCK" -- sleep 1000 \
		2>errors
	ended_with 76 $!
	[ "$(cat errors)" = "nlock: $LOCK: the lease can't be renewed: the file server does not answer; ending the command" ]
	pkill -KILL -f "bindfs -f --no-allow-other $BATS_TEST_TMPDIR/behind"
}

@test "run: a file server that hangs for less than the lease does no harm" {
	local pid

	in_group nlock run -l 15s "$LOCK" -- \
		sh -c 'until [ -e go ]; do sleep 0.05; done; exit 3'
	pid=$!
	eventually test -e "$BATS_TEST_TMPDIR/behind/job.lock"
	eventually pgrep -P "$pid" -x nlock
	hang
	# Until a refresh, due after a third of the lease, is late ...
	end=$(stat -c %.9Y "$BATS_TEST_TMPDIR/behind/job.lock")
	late() {
		[ "$(date +%s)" -gt $((${1%.*} - 15 + 15 / 3 + 1)) ]
	}
	eventually late "$end"
	recover
	# ... which is made up for.
	renewed() {
		[ "$(stat -c %.9Y "$BATS_TEST_TMPDIR/behind/job.lock")" != "$1" ]
	}
	eventually renewed "$end"
	touch go
	ended_with 3 "$pid"
	eventually nothing_behind
}

# stopped_past_lease OPTION... COMMAND: a run of a command of bash's, in PID,
# that finds the file server hanging once it goes on.
stopped_past_lease() {
	local guard heartbeat

	# In a group of its own in this session: nothing stops an orphaned one.
	set -m
	nlock run "${@:1:$#-1}" "$LOCK" -- bash -c "${*: -1}
		touch ready
		while :; do date +%s.%N >alive.new; mv alive.new alive; done" \
		2>errors 3>&- &
	set +m
	PID=$!
	eventually test -e ready
	eventually pgrep -P "$PID" -x nlock || { cat errors; return 1; }
	heartbeat=$(pgrep -o -P "$PID" -x nlock)	# then comes the hint
	eventually pgrep -P "$heartbeat" -x nlock
	guard=$(pgrep -P "$heartbeat" -x nlock)
	kill -STOP -- "-$PID"
	kill -STOP "$heartbeat" "$guard"
	eventually expired
	hang
	kill -CONT -- "-$PID"
	eventually is_held
}

expired() {
	[ "$(date +%s)" -gt \
	  "$(stat -c %Y "$BATS_TEST_TMPDIR/behind/job.lock")" ]
}

is_held() {
	cp alive before
	command sleep 0.3
	cmp before alive
}

@test "run: stopped past its lease while the file server hangs, it keeps the command stopped, and then gives it time to end" {
	stopped_past_lease -l 3s --kill-after 1s \
		'trap "sleep 0.4; touch ended; exit" TERM'
	[ ! -e ended ]
	ended_with 76 "$PID"
	[ -e ended ]
	grep -qx "nlock: $LOCK: the lease can't be renewed: nlock or the machine was stopped for too long; ending the command" \
		errors
}

# By the signal, not because the file server is given up.
@test "run: stopped past its lease while the file server hangs, a signal ends the command at once" {
	stopped_past_lease -l 9s --kill-after 500ms 'trap "touch told" USR1'
	# One that does not end it leaves it stopped.
	kill -USR1 "$PID"
	is_held
	[ ! -e told ]
	kill -TERM "$PID"
	eventually no_command "$PID" bash
	recover
	ended_with $((128 + 15)) "$PID"
	eventually nothing_behind
}

@test "run: what hangs with a file server, and can't be killed, holds up nobody who reads its output" {
	local pid reader

	needs strace
	# A server with threads goes on to read requests, and a process whose
	# request was read can't be killed.
	umount "$DIR/mnt"
	mount_fuse "$BATS_TEST_TMPDIR/behind" mnt --multithreaded
	SERVER=$!
	mkfifo said
	cat said >errors 3>&- &
	reader=$!
	in_group nlock run -l 3s --kill-after 200ms "$LOCK" -- \
		sh -c 'touch ready; exec sleep 1000' 2>said
	pid=$!
	eventually test -e ready
	slow_server '?lstat,newfstatat,openat,utimensat,unlinkat,?unlink'
	ended_with 76 "$pid"
	eventually ended "$reader"
	grep -q "the file server does not answer" errors
	kill -KILL "$TRACER"
}

@test "run: stopped past its lease, and by ^Z before the file server answers, nlock and all of the job stay stopped until they are continued" {
	# shellcheck disable=SC2016	# for another shell
	stopped_past_lease -v -l 9s 'setsid -f sh -c "echo \$\$ >pid
		while :; do touch worker; sleep 0.05; done"'
	kill -TSTP "$PID"
	recover
	eventually process_stopped "$PID"
	rm -f worker
	is_held
	[ ! -e worker ]
	grep -q "but the lock is still ours" errors
	kill -CONT "$PID"
	eventually test -e worker
	rm -f alive
	eventually test -e alive
	kill -TERM "$PID"
	ended_with $((128 + 15)) "$PID"
	kill -KILL "$(cat pid)"
	eventually nothing_behind
}

# process_stopped PID
process_stopped() {
	grep -q '^State:.[Tt]' "/proc/$1/status"
}

@test "acquire -w: gives up though the file server hangs" {
	hang
	in_group nlock acquire -w 100ms "$LOCK" >printed 2>errors
	gave_up 75 $!
	[ "$(cat printed)" = "(exit 75)" ]
}

@test "acquire -w: the time to open the directory is part of the wait" {
	mkdir "$BATS_TEST_TMPDIR/behind/sub"
	echo foreign >"$BATS_TEST_TMPDIR/behind/sub/job.lock"
	hang
	BEGAN=${EPOCHREALTIME/./}
	in_group nlock acquire -w 6s "$DIR/mnt/sub/job.lock" 2>errors
	eventually elapsed 5
	recover
	ended_with 78 $!
	run ! elapsed 10
}

@test "acquire: a signal ends it at once if it has not even opened the directory" {
	mkdir "$BATS_TEST_TMPDIR/behind/sub"
	hang
	BEGAN=${EPOCHREALTIME/./}
	in_group nlock acquire "$DIR/mnt/sub/job.lock" 2>errors
	eventually under_way $!
	kill -TERM $!
	ended_with $((128 + 15)) $!
	run ! elapsed 4
	[ ! -s errors ]
}

@test "acquire: a signal ends it though the file server hangs" {
	hang
	in_group nlock acquire "$LOCK" >printed 2>errors
	eventually under_way $!
	kill -TERM $!
	gave_up $((128 + 15)) $!
	[ "$(cat printed)" = "(exit 143)" ]
}

# Both claims are there, and the waiter looks for the lock.
waits_behind() {
	[ "$(find "$BATS_TEST_TMPDIR/behind" -name 'job.lock|*' -type f |
		wc -l)" = 2 ]
}

@test "acquire: a signal ends a wait though the file server hangs" {
	nlock acquire -l 1h "$LOCK" >/dev/null
	in_group nlock acquire "$LOCK" 2>errors
	eventually waits_behind
	hang
	kill -TERM $!
	gave_up $((128 + 15)) $!
}

@test "acquire: if the process that makes its calls is killed while the file server hangs, it ends, and says which claim is left" {
	local other pid

	nlock acquire -l 1h "$LOCK" >/dev/null
	in_group nlock acquire "$LOCK" 2>errors
	pid=$!
	eventually waits_behind
	# In no call that the server has begun to work on.
	other=$(pgrep -P "$pid" -x nlock -r S,D,R,T)
	kill -STOP "$other"
	eventually grep -q '^State:.T' "/proc/$other/status"
	hang
	kill -KILL "$other"
	ended_with 74 "$pid"
	recover
	[[ $(cat errors) == "nlock: $LOCK: the process that makes nlock's calls was killed; its claim may be left; release it by: nlock release --claim '$LOCK|"*"'" ]]
	# It never had the lock.
	run -76 sh -c "$(sed 's/.* by: //' errors)"
	[ "$(find "$BATS_TEST_TMPDIR/behind" -name 'job.lock|*' -type f |
		wc -l)" = 1 ]
}

@test "acquire: whoever reads its messages to their end need not wait for a file server that hangs" {
	local reader

	nlock acquire -l 1h "$LOCK" >/dev/null
	mkfifo messages
	cat messages >errors 3>&- &
	reader=$!
	in_group nlock acquire -v "$LOCK" 2>messages
	eventually grep -q "waiting: held by" errors
	hang
	kill -TERM $!
	gave_up $((128 + 15)) $!
	ended_with 0 "$reader"
}

# unread FD COMMAND...: start it with FD a pipe that is full, in $UNREAD.
unread() {
	[ -e unread ] || mkfifo unread
	in_group bash -c 'exec 9<>unread; eval "exec $1>&9"
		head -c 65536 /dev/zero >&9; exec 9>&-; exec "${@:2}"' bash "$@"
	UNREAD=$!
}

# $UNREAD writes, or waits to, or has another write.
writes() {
	local writer

	for writer in "$UNREAD" $(pgrep -P "$UNREAD"); do
		! grep -qsE 'pipe_write|poll_schedule' "/proc/$writer/wchan" ||
			return 0
	done
	return 1
}

@test "acquire: a wait ends though nobody reads its messages" {
	local lock

	for lock in "$LOCK" "$DIR/job.lock"; do
		echo foreign >"$lock"
		unread 2 nlock acquire "$lock"
		claimed() {
			[ "$(find "${lock%/*}" -maxdepth 1 -name 'job.lock|*' \
				-type f | wc -l)" = 1 ]
		}
		eventually claimed
		eventually writes
		kill -TERM "$UNREAD"
		ended_with $((128 + 15)) "$UNREAD"
		rm "$lock"
	done
	nothing_left
	eventually nothing_behind
}

@test "acquire: a signal ends it though nobody reads what it says of a lock that is held, or missing" {
	local lock

	nlock acquire -l 1h "$DIR/job.lock" >/dev/null
	for lock in "$DIR/job.lock" "$DIR/missing/job.lock"; do
		unread 2 nlock acquire -n "$lock"
		eventually writes
		kill -TERM "$UNREAD"
		ended_with $((128 + 15)) "$UNREAD"
	done
}

@test "acquire: while nobody reads the claim, a signal ends it, and the lock is free" {
	local lock

	for lock in "$LOCK" "$DIR/job.lock"; do
		unread 1 nlock acquire -l 1h "$lock"
		eventually test -e "$lock"
		eventually writes
		kill -TERM "$UNREAD"
		ended_with $((128 + 15)) "$UNREAD"
	done
	nothing_left
	eventually nothing_behind
}

@test "acquire: it ends though nobody reads what it prints without the lock" {
	nlock acquire -l 1h "$DIR/job.lock" >/dev/null
	unread 1 nlock acquire -n "$DIR/job.lock"
	ended_with 75 "$UNREAD"
}

@test "run -v: it runs its command though nobody reads what it says of clocks" {
	unread 2 nlock run -v "$LOCK" touch ran
	ended_with 0 "$UNREAD"
	[ -e ran ]
	eventually nothing_behind
}

@test "acquire: without standard input, output and error it waits all the same" {
	local pid

	eval "$(nlock acquire --var CLAIM -l 1h "$LOCK")"
	# shellcheck disable=SC2016
	in_group sh -c 'exec nlock acquire -v --state state "$1" <&- >&- 2>&-' \
		sh "$LOCK"
	pid=$!
	eventually waits_behind
	nlock release --claim "$CLAIM"
	ended_with 0 "$pid"
	nlock release --state state
	eventually nothing_behind
}

@test "acquire: a stopped wait takes the lock once nlock is continued, even if its worker is not" {
	local pid

	eval "$(nlock acquire --var CLAIM -l 1h "$LOCK")"
	in_group nlock acquire --var OTHER "$LOCK" >claim
	pid=$!
	eventually waits_behind
	kill -STOP -- "-$pid"	# as ^Z does
	all_are_stopped() {
		[ "$(pgrep -c -s "$pid")" = "$(pgrep -c -s "$pid" -r T)" ]
	}
	eventually all_are_stopped
	nlock release --claim "$CLAIM"
	kill -CONT "$pid"
	ended_with 0 "$pid"
	eval "$(cat claim)"
	nlock release --claim "$OTHER"
	eventually nothing_behind
}

@test "run: a wait takes no lock while nlock is stopped, even if its worker is not" {
	local pid

	eval "$(nlock acquire --var CLAIM -l 1h "$LOCK")"
	in_group nlock run "$LOCK" touch ran
	pid=$!
	eventually waits_behind
	kill -STOP "$pid"
	nlock release --claim "$CLAIM"
	# The waiter looks more often than that.
	run -0 timeout 10 nlock run -w 5s "$LOCK" sleep 3
	run -0 nlock run -n "$LOCK" true
	[ ! -e ran ]
	kill -CONT "$pid"
	ended_with 0 "$pid"
	[ -e ran ]
	eventually nothing_behind
}

@test "acquire: a signal that its caller ignores does not end it when the file server hangs" {
	local pid

	hang
	in_group env --ignore-signal=ALRM nlock acquire "$LOCK" >claim \
		2>errors
	pid=$!
	eventually under_way "$pid"
	kill -ALRM "$pid"
	all_read() {
		grep -q '^ShdPnd:.0*$' "/proc/$1/status"
	}
	eventually all_read "$pid"
	kill -TERM "$pid"
	gave_up $((128 + 15)) "$pid"
}

@test "acquire: a file server that comes back in time does no harm" {
	local pid

	hang
	in_group nlock acquire -w 20s "$LOCK" >claim
	pid=$!
	eventually under_way "$pid"
	recover
	ended_with 0 "$pid"
	eval "$(cat claim)"
	nlock release
	eventually nothing_behind
}

@test "run: a signal ends it though the file server hangs when the command has ended" {
	local pid

	in_group nlock run "$LOCK" -- \
		sh -c 'touch ready; until [ -e go ]; do sleep 0.05; done' \
		2>errors
	pid=$!
	eventually test -e ready
	touch -d '2 seconds' later
	is_past() {
		[ "$(date +%s)" -gt "$(stat -c %Y "$1")" ]
	}
	eventually is_past later
	hang
	touch go
	eventually no_command "$pid"
	kill -TERM "$pid"
	gave_up $((128 + 15)) "$pid"
}

@test "run: a signal ends it though the file server hangs as soon as there is a command" {
	local pid

	in_group nlock run "$LOCK" -- sh -c 'kill -STOP "$1"' sh "$SERVER" \
		2>errors
	pid=$!
	eventually grep -q '^State:.T' "/proc/$SERVER/status"
	eventually no_command "$pid"
	kill -TERM "$pid"
	gave_up $((128 + 15)) "$pid"
}

@test "run, acquire: if no process can be started for calls that may hang, no lock is taken" {
	local command

	needs strace
	for command in "run $LOCK touch ran" "acquire $LOCK" \
			"run -w 1m $LOCK touch ran"; do
		# shellcheck disable=SC2086	# words
		run -74 --separate-stderr without_processes nlock $command
		complains
		[[ $stderr == *"Resource temporarily unavailable" ]]
		[[ $command == run* || $output == "(exit 74)" ]]
	done
	[ ! -e ran ]
	eventually nothing_behind
	# There, nothing can hang.
	run -0 without_processes nlock acquire -w 1m "$DIR/local.lock"
}

@test "run: if its children are in another PID namespace than itself, it takes no lock, and says what to do" {
	# A process that can't start others can't look for its leaks.
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	run -74 --separate-stderr unshare --pid nlock run "$LOCK" touch ran
	complains
	[[ $stderr == "nlock: $LOCK: "*"use unshare --fork" ]]
	[ ! -e ran ]
	eventually nothing_behind
	run -0 unshare --pid --fork nlock run "$LOCK" touch ran
	[ -e ran ]
	eventually nothing_behind
}

without_processes() {
	"${STRACE[@]}" -o /dev/null -e trace=clone,clone3,fork \
		-e inject=clone,clone3,fork:error=EAGAIN "$@"
}

# has_tried TIMES: to remove the warrant, by the log of strace.
has_tried() {
	[ "$(grep -cF 'warrant", AT_REMOVEDIR) = -1 ENOTEMPTY' log)" -ge "$1" ]
}

@test "refresh: several at once of one claim all succeed" {
	local i pids=()

	eval "$(nlock acquire -l 10m "$LOCK")"
	refreshes() {
		local left=40

		while [ $left -gt 0 ]; do
			nlock refresh -l 10m || return
			left=$((left - 1))
		done
	}
	for i in 1 2 3 4; do
		refreshes 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		ended_with 0 "$i"
	done
	nlock release
	eventually nothing_behind
}

@test "refresh: one whose look at the clock is cut short by another has not lost the lock" {
	local name

	needs strace
	eval "$(nlock acquire -l 10m "$LOCK")"
	name=${NLOCK_CLAIM##*/}
	"${STRACE[@]}" -o trace -P "$name|clock" \
		-e inject=openat:delay_exit=300000:when=1 \
		nlock refresh -l 10m 3>&- &
	eventually grep -q openat trace
	run -0 nlock refresh -l 10m
	ended_with 0 $!
	grep -q DELAYED trace
	nlock release
	eventually nothing_behind
}

@test "release: while somebody has the lock file open the warrant can't be removed; it is once the file is closed" {
	local pid

	needs strace
	eval "$(nlock acquire -l 1h "$LOCK")"
	exec 9<"$LOCK"
	# Slowly, or on a busy machine it has given up before that is seen.
	"${STRACE[@]}" -o log -e trace=unlinkat \
		-e inject=unlinkat:delay_enter=60000 \
		nlock release 3>&- 9<&- &
	pid=$!
	eventually has_tried 3
	exec 9<&-
	wait "$pid"
	eventually nothing_behind
}

@test "run: while another server is slow to load the command, the lock is kept" {
	local first other=$BATS_TEST_TMPDIR/other pid

	mkdir "$other.behind"
	printf '#!/bin/sh\ntouch %s/ran\n' "$DIR" >"$other.behind/command"
	chmod +x "$other.behind/command"
	mount_fuse "$other.behind" "$other"
	OTHER=$!
	kill -STOP "$OTHER"
	in_group nlock run -l 2s "$LOCK" -- "$other/command"
	pid=$!
	eventually test -e "$LOCK"
	first=$(stat -c %Y "$LOCK")
	lease_is_renewed() {
		[ "$(stat -c %Y "$LOCK")" -ge $((first + 2)) ]
	}
	eventually lease_is_renewed
	[ ! -e ran ]
	kill -CONT "$OTHER"
	ended_with 0 "$pid"
	[ -e ran ]
	eventually nothing_behind
}

@test "run -s: if the process that releases a shared lock is killed halfway, the lock was not lost, and nothing is left" {
	needs strace
	# The sixth name that it removes is after the claim, in the last steps.
	run -0 "${STRACE[@]}" -o /dev/null -e trace=unlinkat \
		-e inject=unlinkat:signal=KILL:when=6 \
		nlock run -s -l 1m "$LOCK" true
	eventually nothing_behind
}
