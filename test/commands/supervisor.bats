#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# How run looks after its command: signals, heartbeat, loss, the end.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

has_heartbeat() {
	[ -n "$(heartbeat_of "$1")" ]
}

gone() {
	! kill -0 "$1"
}

not_running() {
	! pgrep -f "$1"
}

lease_end() {
	stat -c %.9Y "$LOCK"
}

# A command that notes when it was last alive, and can't be told to end.
stubborn='trap "" TERM INT HUP; touch started
	while :; do date +%s.%N >alive.new; mv alive.new alive; done'

# revoke: what a breaker does to the holder of $LOCK.
revoke() {
	local claim

	claim=$(cat "$LOCK")
	rmdir "$claim|warrant"
	rm -f "$claim"		# the holder may have seen it by then
}

# Every signal that ends a process that does nothing about it, by number.
ending_signals() {
	local number

	for number in $(seq 31) $(seq "$(kill -l RTMIN)" "$(kill -l RTMAX)"); do
		case $(kill -l "$number") in
		KILL|STOP|PIPE|CHLD|CONT|TSTP|TTIN|TTOU|URG|XFSZ|WINCH) ;;
		*)	echo "$number" ;;
		esac
	done
}

# hears NUMBER: the command has got that signal, by the list of them.
hears() {
	grep -qx "$1" heard
}

@test "run: every signal that would end nlock reaches the command, and the lock is kept until it has ended" {
	local number pid

	needs python3
	cat >command.py <<-'PYTHON'
		import os, signal, sys, time
		def hear(number, _):
		    os.write(heard, b"%d\n" % number)
		heard = os.open("heard", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
		for number in sys.argv[1:]:
		    signal.signal(int(number), hear)
		open("ready", "w").close()
		while not os.path.exists("go"):
		    time.sleep(0.05)
		os._exit(5)
	PYTHON
	# Of an interactive shell's child nothing is ignored.
	# shellcheck disable=SC2046	# one argument for each
	in_group env --default-signal nlock run "$LOCK" -- \
		python3 command.py $(ending_signals)
	pid=$!
	eventually test -e ready
	for number in $(ending_signals); do
		kill "-$number" "$pid"
		eventually hears "$number"
	done
	is_state unknown
	touch go
	ended_with 5 "$pid"
	[ "$(sort -u heard | wc -l)" -ge 50 ]
	[ "$(sort heard | uniq -d)" = "" ]
	nothing_left
}

@test "run: an alarm that its caller has set ends the command, and the lock is free" {
	needs python3
	run -142 timeout 20 python3 -c 'import os, signal, sys
signal.alarm(1)
os.execvp("nlock", ["nlock", "run", sys.argv[1], "sh", "-c",
                    "echo $$ >pid; exec sleep 1000"])' "$LOCK"
	gone "$(cat pid)"
	nothing_left
}

@test "run: a signal that nlock's caller ignores stays ignored" {
	local name

	in_group env --ignore-signal=HUP,ALRM,RTMIN nlock run "$LOCK" -- \
		sh -c 'touch ready; until [ -e go ]; do sleep 0.05; done'
	eventually test -e ready
	for name in HUP ALRM RTMIN; do
		kill "-$name" $!
	done
	touch go
	ended_with 0 $!
}

@test "run: while it waits, too, a signal that its caller ignores stays ignored" {
	local claim name pid

	eval "$(nlock acquire --var claim -l 1m "$LOCK")"
	in_group env --ignore-signal=HUP,ALRM,RTMIN nlock run "$LOCK" touch ran
	pid=$!
	eventually claims_are 2
	for name in HUP ALRM RTMIN; do
		kill "-$name" "$pid"
		all_read() {
			grep -q '^ShdPnd:.0*$' "/proc/$1/status"
		}
		eventually all_read "$pid"
	done
	eventually claims_are 2
	nlock release --claim "$claim"
	ended_with 0 "$pid"
	[ -e ran ]
	nothing_left
}

@test "run: killed with SIGKILL, it takes its command along" {
	in_group nlock run "$LOCK" -- sh -c 'echo $$ >pid; exec sleep 1000'
	eventually test -s pid
	kill -KILL $!
	eventually gone "$(cat pid)"
}

# Those on its machine leave it alone all the same, as long as it lives.
lease_is_over() {
	awk -v left="$(remaining)" 'BEGIN { exit !(left < 0) }'
}

@test "run: killed with SIGKILL together with its heartbeat, the lock is left to its lease" {
	local heartbeat

	needs root
	in_group nlock run -l 1s "$LOCK" -- \
		sh -c 'trap "" TERM; touch ready; while :; do sleep 1; done'
	eventually has_heartbeat $!
	kill -STOP $!
	eventually is_stopped_now $!
	heartbeat=$(heartbeat_of $!)
	kill -KILL "$heartbeat"
	eventually ended "$heartbeat"	# and its guard, which would stand in
	kill -KILL $!
	eventually lease_is_over
	elsewhere nlock run --clock-slop 10ms -w 20s "$LOCK" true
	kill -KILL -- "-$!"	# the command is still there
}

@test "run: a command that outlasts the lease keeps the lock" {
	local first

	in_group nlock run -l 500ms "$LOCK" -- \
		sh -c 'touch ready; until [ -e go ]; do sleep 0.05; done'
	eventually test -e ready
	first=$(lease_end)
	run -75 nlock run -q --clock-slop 1ms -w 2s "$LOCK" true
	[ "$(lease_end)" != "$first" ]
	touch go
	wait $!
	nothing_left
}

@test "run: a heartbeat that is killed is replaced" {
	local old

	in_group nlock run -l 1s "$LOCK" -- \
		sh -c 'until [ -e go ]; do sleep 0.05; done'
	eventually has_heartbeat $!
	old=$(heartbeat_of $!)
	kill -KILL "$old"
	replaced() {
		has_heartbeat "$1" && [ "$(heartbeat_of "$1")" != "$2" ]
	}
	eventually replaced $! "$old"
	touch go
	wait $!
}

# costs_the_command [ENV...]: that the heartbeat hangs.  With this lease there
# are 400 ms for a busy machine.
costs_the_command() {
	local end leader pid

	in_group "$@" nlock run -l 8s "$LOCK" -- bash -c "$stubborn" 2>errors
	leader=$!
	eventually test -e alive
	pid=$(pgrep -o -g "$leader" -x nlock)
	eventually has_heartbeat "$pid"
	kill -STOP "$(heartbeat_of "$pid")"
	end=$(lease_end)
	ended_with 76 "$leader"
	[ "$(printf '%s\n' "$(cat alive)" "$end" | sort -n | head -n 1)" = \
		"$(cat alive)" ]
	[ "$(cat errors)" = \
		"nlock: $LOCK: the lease can't be renewed: the file server does not answer; ending the command" ]
	nothing_left
}

@test "run: if the heartbeat hangs, the command is ended before the lease is over" {
	costs_the_command
}

@test "run: if the heartbeat hangs and there is no timer, the command is ended before the lease is over" {
	preload no_timer
	costs_the_command "${PRELOAD[@]}"
}

# waiter_has_left LOW HIGH: so much of its lease, in seconds.
waiter_has_left() {
	local claim left

	claim=$(find "$DIR" -name 'job.lock|*' -type f -links 1)
	left=$(echo "$(stat -c %.9Y "$claim") $(date +%s.%N)" |
		awk '{ print $1 - $2 }')
	between "$1" "$left" "$2"
}

# As a rule there is none for the first tenth of a second.
@test "run: if the lock is won with a lease that is nearly half over, there is a heartbeat at once" {
	local claim

	needs strace
	eval "$(nlock acquire --var claim -l 1m "$LOCK")"
	in_group "${STRACE[@]}" -o log -e trace=clone,clone3,fork \
		nlock run -l 9s "$LOCK" true
	eventually waiter_has_left 4.6 5.8
	nlock release --claim "$claim"
	ended_with 0 $!
	grep -E '(clone3?|fork)\(' log
	nothing_left
}

@test "run: a command that ends when told is not killed" {
	local pid

	in_group nlock run -l 3s "$LOCK" -- bash -c \
		'trap "echo asked >end; exit 0" TERM
		while :; do sleep 0.05; done'
	pid=$!
	eventually has_heartbeat "$pid"
	kill -STOP "$(heartbeat_of "$pid")"
	ended_with 76 "$pid"
	[ "$(cat end)" = asked ]
	nothing_left
}

@test "run: the reason why the lease can't be renewed is told" {
	local pid

	needs strace
	in_group strace -f -qq -o /dev/null -e trace=utimensat \
		-e inject=utimensat:error=EIO:when=3+ \
		env ASAN_OPTIONS=detect_leaks=0 \
		nlock run -l 2s "$LOCK" -- sleep 1000 2>errors
	ended_with 76 $!
	grep -qx "nlock: $LOCK: the lease can't be renewed: Input/output error; ending the command" \
		errors
	nothing_left
}

@test "run: when the lock is lost, all that the command started is ended, daemons too" {
	local mark=$BATS_TEST_TMPDIR/mark pid

	cp "$(command -v sleep)" "$mark"
	in_group nlock run -l 3s "$LOCK" -- bash -c \
		"setsid -f '$mark' 1000
		('$mark' 1001 &)
		setsid -f bash -c 'trap \"\" TERM; \"$mark\" 1002; \"$mark\" 1003' &
		bash -c 'kill -STOP \$\$; \"$mark\" 1004' &
		exec '$mark' 1005"
	pid=$!
	eventually pgrep -f "$mark 1002"
	eventually pgrep -f "$mark 1000"
	eventually has_heartbeat "$pid"
	revoke
	ended_with 76 "$pid"
	not_running "$mark"
}

@test "run: when the lock is lost, what looks like a zombie, but has a thread that goes on, is ended, too" {
	local pid name=lone$BASHPID

	program lone_thread
	# shellcheck disable=SC2153	# program sets it
	cp "$PROGRAM" "./$name"
	# Both ignore SIGTERM, and one is the command itself.
	in_group nlock run -l 3s --kill-after 100ms "$LOCK" -- sh -c \
		"setsid -f './$name' daemon 15; exec './$name' command 15"
	pid=$!
	eventually test -s daemon
	eventually test -s command
	eventually has_heartbeat "$pid"
	[ "$(pgrep -c -r Z -x "$name")" = 2 ]
	revoke
	ended_with 76 "$pid"
	eventually not_named "$name"
}

not_named() {
	! pgrep -x "$1"
}

@test "run: a process that gets the pid of one that is to be ended is left alone" {
	needs root strace

	# The first call asks for its own group; by the third, after two
	# seconds, the child is to get SIGTERM.
	cat >reuse <<-'SHELL'
		. "$1"; shift
		"$@" -o /dev/null -e trace=kill,pidfd_open \
			-e inject=kill,pidfd_open:delay_enter=2s:when=3 \
			nlock run -l 9s --kill-after 3s "$LOCK" -- bash -c '
				trap "touch told" TERM
				sleep 1000 & echo $! >child; touch started
				while :; do sleep 0.05; done' &
		eventually test -e started
		child=$(cat child)
		rmdir "$(cat "$LOCK")|warrant"
		eventually test -e told
		kill -KILL "$child"
		absent() { ! kill -0 "$child"; }
		eventually absent
		echo $((child - 1)) >/proc/sys/kernel/ns_last_pid
		sleep 1000 &
		[ $! = "$child" ] || exit 1
		wait %1
		[ $? = 76 ] && kill -0 "$child"
	SHELL
	run -0 env LOCK="$LOCK" unshare --pid --fork --mount-proc bash reuse \
		"$TEST/common.bash" "${STRACE[@]}"
}

# run_blindly OPTION... COMMAND...: nlock run in a PID namespace with the /proc
# of another, as $runner.  There /proc shows a child of nlock's number, and that
# child's number is a stranger's in here.
run_blindly() {
	local parent

	# shellcheck disable=SC2016
	in_group sh -c 'sleep 1000 & echo $! >child; wait'
	parent=$!
	eventually test -s child
	# shellcheck disable=SC2016
	in_group unshare --pid --fork sh -c '
		echo $(($2 - 1)) >/proc/sys/kernel/ns_last_pid
		sleep 1000 &
		[ $! = "$2" ] || exit 1
		echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
		stranger=$2; shift 2
		nlock run "$@"
		status=$?
		kill -0 "$stranger" && touch unharmed
		exit $status' sh "$parent" "$(cat child)" "$@" 2>errors
	runner=$!
}

@test "run: with the /proc of another PID namespace, ending the command harms no stranger, and what can't be found is told" {
	needs root
	local runner

	# The group that the command leads is found, too.
	run_blindly -l 3s --kill-after 100ms "$LOCK" -- setsid bash -c \
		'trap "" TERM; setsid sh -c "echo \$\$ >inner; exec sleep 1001" &
		sleep 1002 & touch started; while :; do sleep 0.05; done'
	eventually test -e started
	eventually test -s inner
	eventually has_helper
	kill -STOP "$(heartbeat_of "$(pgrep -x nlock -g "$runner")")"
	ended_with 76 "$runner"
	cat errors
	[ -e unharmed ]
	grep -qx "nlock: $LOCK: what the command has started can't all be found, as /proc is not that of this PID namespace or can't be read; it may go on" \
		errors
	[ -e "$LOCK" ]
}

@test "run: with the /proc of another PID namespace, a command that leaves nobody is ended without further ado" {
	needs root
	local runner

	run_blindly -l 3s --kill-after 100ms "$LOCK" -- sleep 1000
	eventually is_state unknown
	eventually has_helper
	revoke
	ended_with 76 "$runner"
	[ -e unharmed ]
	run ! grep "be found" errors
}

has_helper() {
	has_heartbeat "$(pgrep -x nlock -g "$runner")"
}

@test "run: when the lock is lost, a command that forks without end is ended" {
	local pid

	in_group nlock run -l 2s --kill-after 100ms "$LOCK" -- bash -c '
		trap "" TERM
		forker() {
			exec -a nlock-test-forker bash -c "trap \"\" TERM
				for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
					(sleep 100; exit) & done
				touch forked; wait"
		}
		for i in $(seq 20); do forker & done; wait'
	pid=$!
	eventually test -e forked
	eventually has_heartbeat "$pid"
	revoke
	ended_with 76 "$pid"
	# What was killed takes a moment to go on a busy machine.
	eventually not_running nlock-test-forker
}

@test "run: when the lock is lost, the next holder is left alone" {
	local pid next

	in_group nlock run -l 2s "$LOCK" -- sleep 1000 2>errors
	pid=$!
	eventually has_heartbeat "$pid"
	revoke
	rm "$LOCK"
	next=$(nlock acquire -n -l 1m "$LOCK")
	ended_with 76 "$pid"
	eval "$next"
	is_state ours
	nlock release
	nothing_left
	[ "$(wc -l <errors)" = 1 ]
	[[ $(cat errors) == "nlock: $LOCK: the lock is lost: "*"; ending the command" ]]
}

@test "run --on-lost warn: the command goes on, and nlock exits 76 when it has ended" {
	local pid

	in_group nlock run --on-lost warn -l 1s "$LOCK" -- \
		sh -c 'until [ -e go ]; do sleep 0.05; done; touch finished' \
		2>errors
	pid=$!
	eventually has_heartbeat "$pid"
	revoke
	eventually test -s errors
	kill -0 "$pid"
	touch go
	ended_with 76 "$pid"
	[ -e finished ]
	[ "$(wc -l <errors)" = 1 ]
}

@test "run: a lock lost unnoticed while the command ran is told at the end" {
	run -76 --separate-stderr nlock run "$LOCK" -- \
		sh -c 'rmdir "$NLOCK_CLAIM|warrant"; rm "$NLOCK_CLAIM"'
	[[ $stderr == "nlock: $LOCK: the lock was lost while the command ran: its claim is gone: "* ]]
}

@test "run: all of it stopped past the lease and continued, it exits 76 and harms nobody" {
	needs root
	local pid next

	in_group nlock run -l 3s "$LOCK" -- bash -c "$stubborn" 2>/dev/null
	pid=$!
	eventually has_heartbeat "$pid"
	signal_all STOP "$pid"
	next=$(elsewhere nlock acquire --clock-slop 10ms -w 20s -l 1m "$LOCK")
	rm -f alive
	signal_all CONT "$pid"
	ended_with 76 "$pid"
	eval "$next"
	is_state ours
	nlock release
	nothing_left
}

# process_stopped PID
process_stopped() {
	grep -q '^State:.[Tt]' "/proc/$1/status"
}

# expires_stopped OPTION... COMMAND: a run of a command of bash's, in PID, that
# was stopped with all that belongs to it until its lease was over.
expires_stopped() {
	in_group nlock run "${@:1:$#-1}" "$LOCK" -- bash -c "${*: -1}" 2>errors
	PID=$!
	eventually test -e ready
	eventually has_heartbeat "$PID"
	signal_all STOP "$PID"
	eventually lease_is_over
}

lease_runs() {
	! lease_is_over
}

@test "run: all of it stopped past the lease while nobody else wanted the lock, it goes on" {
	expires_stopped -v -l 3s 'touch ready
		until [ -e go ]; do sleep 0.05; done; exit 3'
	# The heartbeat is continued by nlock.
	kill -CONT -- "-$PID"
	eventually lease_runs
	touch go
	ended_with 3 "$PID"
	[ "$(cat errors)" = \
		"nlock: $LOCK: nlock or the machine was stopped for too long, but the lock is still ours; the command goes on" ]
	nothing_left
}

# A job of a command and a worker in a session of its own.
# shellcheck disable=SC2016	# for another shell
job_and_worker='setsid -f sh -c "until [ -e go ] || ! touch alive
		do sleep 0.05; done"
	echo $$ >command; until [ -e go ]; do sleep 0.05; done'

# is_guarded PID
is_guarded() {
	pgrep -P "$(heartbeat_of "$1")" -x nlock
}

# woken_by_guard PID: a job that is stopped, when its heartbeat has been stopped
# until its lease was over.
woken_by_guard() {
	local guard heartbeat

	heartbeat=$(heartbeat_of "$1")
	guard=$(pgrep -P "$heartbeat" -x nlock)
	kill -STOP "$heartbeat" "$guard"
	eventually lease_is_over
	kill -CONT "$guard"
	eventually grep "but the lock is still ours; the command goes on" errors
	rm -f alive
	eventually test -e alive
	process_stopped "$(cat command)"
}

@test "run: a job stopped by a signal to its group stays stopped when nlock is woken and the lock is still ours" {
	local pid

	in_group nlock run -v -l 3s "$LOCK" -- sh -c "$job_and_worker" 2>errors
	pid=$!
	eventually test -s command
	eventually test -e alive
	eventually is_guarded "$pid"
	kill -STOP -- "-$pid"
	eventually process_stopped "$(cat command)"
	woken_by_guard "$pid"
	kill -CONT -- "-$pid"
	touch go
	ended_with 0 "$pid"
	nothing_left
}

@test "run: a job stopped as by ^Z stays stopped when nlock is woken, and nlock stops again until it is continued" {
	local pid

	set -m
	nlock run -v -l 3s "$LOCK" -- sh -c "$job_and_worker" 2>errors 3>&- &
	set +m
	pid=$!
	eventually test -s command
	eventually test -e alive
	eventually is_guarded "$pid"
	kill -TSTP "$pid"
	eventually process_stopped "$pid"
	woken_by_guard "$pid"
	eventually process_stopped "$pid"
	kill -CONT "$pid"
	touch go
	ended_with 0 "$pid"
	nothing_left
}

# A pipe to write to, which nobody reads and which is full, as descriptor 8.
full_pipe() {
	mkfifo pipe
	exec 8<>pipe
	python3 -c 'import os
pipe = os.open("pipe", os.O_WRONLY | os.O_NONBLOCK)
try:
    while True:
        os.write(pipe, b"\n" * 4096)
except BlockingIOError:
    pass'
}

# There: as many processes that write a message.
speakers_are() {
	[ "$(pgrep -c -g "$1" -x nlock)" = $(($2 + 1)) ]
}

# reads_when_gone PID: read the full pipe once that process is no more.  At
# once: nlock does not wait for long, and to start programs takes a while on a
# busy machine.
reads_when_gone() {
	while [ -e "/proc/$1" ]; do
		read -rt 0.01 <>never || true
	done
	exec cat <&8
}

@test "run: messages that nobody reads for a while are all printed, though the command is killed meanwhile" {
	local command pid reader

	needs python3
	full_pipe
	in_group nlock run -v -l 3s --kill-after 100ms "$LOCK" -- \
		bash -c "$stubborn" 2>pipe
	pid=$!
	eventually test -e started
	eventually has_heartbeat "$pid"
	signal_all STOP "$pid"
	eventually lease_is_over
	kill -CONT -- "-$pid"
	eventually speakers_are "$pid" 1
	command=$(pgrep -o -g "$pid" -x bash)
	mkfifo never
	reads_when_gone "$command" >told 3>&- &
	reader=$!
	revoke
	ended_with 76 "$pid"
	eventually grep "the lock is lost: " told
	kill "$reader"
	grep -q "but the lock is still ours" told
}

@test "run: all of it stopped until others took the lock, the command has its time to end" {
	needs root
	local next

	expires_stopped -l 3s --kill-after 1s 'trap "sleep 0.4; touch ended
		exit" TERM; touch ready; while :; do sleep 0.05; done'
	next=$(elsewhere nlock acquire --clock-slop 10ms -w 20s -l 1m "$LOCK")
	kill -CONT -- "-$PID"
	ended_with 76 "$PID"
	[ -e ended ]
	grep -qx "nlock: $LOCK: the lock is lost: elsewhere pid [0-9]* has it now: .*; ending the command" \
		errors		# bash tells of its child
	eval "$next"
	is_state ours
}

@test "run: stopped by a signal to its process group, the job keeps its lock" {
	local pid

	in_group nlock run -l 1s "$LOCK" -- \
		sh -c 'until [ -e go ]; do sleep 0.05; done'
	pid=$!
	eventually has_heartbeat "$pid"
	kill -STOP -- "-$pid"
	eventually process_stopped "$pid"
	run -75 nlock run -q --clock-slop 1ms -w 3s "$LOCK" true
	touch go
	kill -CONT -- "-$pid"
	ended_with 0 "$pid"
	nothing_left
}

# What ends a job that has lost its lock: a command, and a worker in a session
# of its own.
job_with_worker='setsid -f sh -c "echo \$\$ >worker; exec sleep 1000"
	echo $$ >command; exec sleep 1000'

@test "run: stopped when its lock is lost, nlock is woken and ends the command" {
	local pid

	in_group nlock run -l 3s "$LOCK" -- sh -c "$job_with_worker" 2>errors
	pid=$!
	eventually test -s worker
	eventually has_heartbeat "$pid"
	# Without the worker, as ^Z does.
	kill -STOP -- "-$pid"
	eventually process_stopped "$pid"
	revoke
	eventually gone "$(cat worker)"
	eventually gone "$(cat command)"
	ended_with 76 "$pid"
	[ "$(wc -l <errors)" = 1 ]
	cat errors
	[[ $(cat errors) == "nlock: $LOCK: the lock is lost: its claim is gone: "*"; ending the command" ]]
}

# loses_while_held MESSAGE COMMAND...: the lock of a run whose nlock can't be
# woken, by COMMAND; its command ends all the same.
loses_while_held() {
	local pid holder

	in_group nlock run -l 8s "$LOCK" -- sh -c "$job_with_worker" 2>errors
	pid=$!
	eventually test -s worker
	eventually has_heartbeat "$pid"
	# The guard is there before the first refresh.
	guarded() {
		pgrep -P "$(heartbeat_of "$1")" -x nlock
	}
	eventually guarded "$pid"
	python3 "$TEST/programs/hold.py" "$pid" letgo 3>&- &
	holder=$!
	eventually test -e letgo.held
	"${@:2}" "$pid"
	END=$(lease_end)
	eventually not_running_pid "$(cat worker)"
	eventually not_running_pid "$(cat command)"
	SEEN=$(date +%s.%N)
	touch letgo
	wait "$holder"
	ended_with 76 "$pid"
	grep -qx "nlock: $LOCK: $1; the command was ended" errors
}

# Gone, or a zombie whose parent is held.
not_running_pid() {
	! grep -q '^State:.[^Z]' "/proc/$1/status"
}

lose() {
	revoke
}

hang_heartbeat() {
	kill -STOP "$(heartbeat_of "$1")"
}

@test "run: if nlock hangs when its lock is lost, the heartbeat ends the command in its place" {
	needs python3
	loses_while_held "the lock is lost: its claim is gone: .*" lose
}

@test "run: if nlock hangs, and the file server, too, the command is ended before the lease is over" {
	needs python3
	loses_while_held "the lease can't be renewed: the file server does not answer" \
		hang_heartbeat
	between 0 "$(echo "$END $SEEN" | awk '{ print $1 - $2 }')" 8
	nothing_left
}

@test "run: stopped alone, it keeps the lock of its running command" {
	local pid

	in_group nlock run -l 500ms "$LOCK" -- \
		sh -c 'until [ -e go ]; do sleep 0.05; done'
	pid=$!
	eventually has_heartbeat "$pid"
	kill -STOP "$pid"
	run -75 nlock run -q --clock-slop 1ms -w 2s "$LOCK" true
	touch go
	kill -CONT "$pid"
	wait "$pid"
	nothing_left
}

@test "run: what stops a job stops the command and nlock, SIGCONT continues them" {
	local pid command name

	process_running() {
		! process_stopped "$1"
	}
	for name in TSTP TTIN TTOU; do
		rm -f go pid
		# In a group of its own in this session: nothing stops an
		# orphaned one.
		set -m
		nlock run "$LOCK" -- sh -c \
			'echo $$ >pid; until [ -e go ]; do sleep 0.05; done' \
			3>&- &
		set +m
		pid=$!
		eventually test -s pid
		command=$(cat pid)
		kill "-$name" "$pid"
		eventually process_stopped "$command"
		eventually process_stopped "$pid"
		kill -CONT "$pid"
		eventually process_running "$command"
		eventually process_running "$pid"
		touch go
		wait "$pid"
	done
}

# is_kept PID: the lock, with a lease of a second, by a job that is stopped.
is_kept() {
	eventually process_stopped "$1"
	run -75 nlock run -q --clock-slop 1ms -w 3s "$LOCK" true
}

@test "run: stopped in its command's first moment, the job keeps its lock" {
	local pid

	set -m
	# Not over before nlock is stopped, however slow that is.
	nlock run -l 1s "$LOCK" -- sh -c 'kill -TSTP $PPID
		until [ -e go ]; do sleep 0.05; done; touch ran' 3>&- &
	set +m
	pid=$!
	is_kept "$pid"
	touch go
	kill -CONT "$pid"
	wait "$pid"
	[ -e ran ]
	nothing_left
}

@test "run: stopped when it has just got the lock, it keeps that, and then starts its command" {
	local pid

	needs strace
	# The stop comes before there is a command, by a signal that is blocked.
	set -m
	"${STRACE[@]}" -D -o /dev/null -e trace=prctl \
		-e inject=prctl:delay_enter=1500000:when=1 \
		nlock run -l 4s "$LOCK" touch ran 3>&- &
	set +m
	pid=$!
	eventually test -e "$LOCK"
	kill -TSTP "$pid"
	eventually process_stopped "$pid"
	[ ! -e ran ]
	run -75 nlock run -q --clock-slop 1ms -w 6s "$LOCK" true
	kill -CONT "$pid"
	wait "$pid"
	[ -e ran ]
	nothing_left
}

@test "run: from a terminal, ^C reaches the command once, ^Z stops all and fg goes on" {
	needs python3
	# Bash would forget a ^C that comes as its child ends by itself.
	cat >command.py <<-'PYTHON'
		import os, signal, time
		# print() may be interrupted, but not by itself.
		signal.signal(signal.SIGINT, lambda *_: os.write(1, b"got INT\n"))
		print("ready", flush=True)
		while not os.path.exists("go"):
		    time.sleep(0.05)
		print("end")
	PYTHON
	run python3 "$TEST/programs/terminal.py" \
		nlock run "$LOCK" -- python3 command.py
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"stopped by SIGTSTP"* ]]
	[[ $output == *"exit 0"* ]]
	[ "$(grep -c 'got INT' <<<"$output")" = 1 ]
	nothing_left
}

@test "run: ^C ends a shell's loop, too" {
	needs python3
	cat >loop.py <<-'PYTHON'
		import os, pty, sys
		pid, terminal = pty.fork()
		if pid == 0:
		    os.execvp("env", ["env", "--default-signal", "bash", "-c", """
		        for i in 1 2 3; do
		            echo round $i
		            nlock run "$1" sh -c 'echo ready; exec sleep 5'
		        done
		        echo after""", "bash", sys.argv[1]])
		shown = b""
		while b"ready" not in shown:
		    shown += os.read(terminal, 4096)
		os.write(terminal, b"\x03")
		try:
		    while more := os.read(terminal, 4096):
		        shown += more
		except OSError:
		    pass
		_, status = os.waitpid(pid, 0)
		print(shown.decode(), "exit", os.waitstatus_to_exitcode(status))
	PYTHON
	run timeout 20 python3 loop.py "$LOCK"
	echo "$output"
	[[ $output == *"exit -2" ]]
	[[ $output != *"round 2"* && $output != *after* ]]
	nothing_left
}

@test "run: if its command dies of SIGINT or SIGQUIT, so does nlock, without a core, after the release" {
	local name

	needs python3
	for name in INT QUIT; do
		run -0 python3 -c 'import os, resource, signal, sys
resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096))
pid = os.fork()
if pid == 0:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status = os.waitpid(pid, 0)
print("SIG" + sys.argv[-1], signal.Signals(os.WTERMSIG(status)).name,
      os.WCOREDUMP(status))' nlock run "$LOCK" \
			sh -c 'ulimit -c 0; kill -s "$1" $$' sh "$name"
		[ "$output" = "SIG$name SIG$name False" ]
		nothing_left
	done
}

@test "run: a command that has become root, so that nlock may not end it, keeps the lock to the end of its lease" {
	local up=$BATS_TEST_TMPDIR/up pid program=$BATS_TEST_TMPDIR/bin/nlock

	needs root
	chmod a+rx "$BATS_RUN_TMPDIR"
	chmod 777 "$DIR"
	install -D "$NLOCK" "$program"
	# As sudo(8) does.
	install -m 4755 "$(command -v setpriv)" "$up"
	in_group setpriv --reuid 1234 --regid 1234 --clear-groups \
		"$program" run -l 3s "$LOCK" -- \
		"$up" --reuid 0 --regid 0 --clear-groups \
		sh -c 'id -u >uid; echo $$ >pid; exec sleep 1000' 2>errors
	pid=$!
	eventually test -s pid
	[ "$(cat uid)" = 0 ] || skip "set-user-ID has no effect here"
	eventually has_heartbeat "$pid"
	kill -STOP "$(heartbeat_of "$pid")"
	ended_with 76 "$pid"
	cat errors
	kill -KILL "$(cat pid)"
	[ -e "$LOCK" ]
	grep -qx "nlock: $LOCK: the command could not be ended, and goes on" errors
}

@test "run: if the command does not stop when told, nlock does not stop either, and looks after it" {
	local pid

	set -m
	nlock run -l 1s "$LOCK" -- sh -c 'trap "" TSTP; echo $$ >pid
		until [ -e go ]; do sleep 0.05; done' 3>&- &
	set +m
	pid=$!
	eventually test -s pid
	eventually has_heartbeat "$pid"
	kill -TSTP "$pid"
	revoke
	eventually gone "$(cat pid)"
	ended_with 76 "$pid"
}

@test "run: the command ends with its terminal, even if nlock is the session's leader" {
	needs python3
	cat >hangup.py <<-'PYTHON'
		import os, pty, sys
		pid, terminal = pty.fork()
		if pid == 0:
		    os.execvp(sys.argv[1], sys.argv[1:])
		shown = b""
		while b"ready" not in shown:
		    shown += os.read(terminal, 4096)
		os.close(terminal)
		_, status = os.waitpid(pid, 0)
		print("exit", os.waitstatus_to_exitcode(status))
	PYTHON
	run timeout 20 python3 hangup.py nlock run "$LOCK" -- \
		sh -c 'echo ready; exec sleep 1000'
	[ "$output" = "exit 129" ]
	nothing_left
}

# interrupted CALLS WHEN REDIRECTION: ^C half a second after the lock is taken,
# when nlock is in the first of these calls.
interrupted() {
	cat >early.py <<-'PYTHON'
		import os, pty, sys, time
		lock = sys.argv[1]
		pid, terminal = pty.fork()
		if pid == 0:
		    os.execvp(sys.argv[2], sys.argv[2:])
		while not os.path.exists(lock):
		    time.sleep(0.01)
		time.sleep(0.5)
		os.write(terminal, b"\x03")
		_, status = os.waitpid(pid, 0)
		print("exit", os.waitstatus_to_exitcode(status))
	PYTHON
	rm -f ran
	run timeout 20 python3 early.py "$LOCK" "${STRACE[@]}" -I never \
		-o calls -e "inject=$1:delay_enter=2000000:when=1" \
		sh -c "exec nlock run \"\$1\" touch ran $2" sh "$LOCK"
	echo "$output"
	[ "$output" = "exit -2" ]
	[ ! -e ran ]
	nothing_left
}

@test "run: ^C before there is a command ends nlock, and none is started" {
	needs strace python3
	interrupted prctl ""
}

@test "run: ^C while the command is just being started ends both, with a terminal or without" {
	needs strace python3
	interrupted clone,clone3,fork,vfork ""
	interrupted clone,clone3,fork,vfork "</dev/null 2>/dev/null"
}

@test "run: a signal during the release ends nlock, after the release" {
	local pid

	needs strace
	"${STRACE[@]}" -D -o /dev/null -e trace=/rename \
		-e inject=/rename:delay_enter=2000000:when=1 \
		nlock run "$LOCK" true 3>&- &
	pid=$!
	no_claim() {
		[ -e "$LOCK" ] && claims_are 0
	}
	eventually no_claim
	kill -TERM "$pid"
	ended_with $((128 + 15)) "$pid"
	nothing_left
}

@test "run: a signal that comes when the command has just ended ends nlock" {
	local pid

	in_group nlock run "$LOCK" -- \
		sh -c 'echo $$ >pid; until [ -e go ]; do sleep 0.05; done'
	pid=$!
	eventually test -s pid
	kill -STOP "$pid"
	eventually process_stopped "$pid"
	touch go
	eventually not_running_pid "$(cat pid)"
	kill -TERM "$pid"
	kill -CONT "$pid"
	ended_with $((128 + 15)) "$pid"
	nothing_left
}

@test "run: ^Z before the command is one stops nlock, too, and fg goes on" {
	local redirection

	needs python3
	preload slow_exec
	cat >early.py <<-'PYTHON'
		import os, pty, signal, sys, time
		pid, terminal = pty.fork()
		if pid == 0:
		    child = os.fork()
		    if child == 0:
		        os.setpgid(0, 0)
		        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
		        os.tcsetpgrp(0, os.getpgrp())
		        os.execvp(sys.argv[1], sys.argv[1:])
		    _, status = os.waitpid(child, os.WUNTRACED)
		    with open("seen", "w") as seen:
		        print(os.WIFSTOPPED(status), file=seen, flush=True)
		        os.killpg(child, signal.SIGCONT)
		        _, status = os.waitpid(child, 0)
		        print(os.waitstatus_to_exitcode(status), file=seen)
		    os._exit(0)
		while not os.path.exists("becoming"):
		    time.sleep(0.01)
		os.write(terminal, b"\x1a")
		os.waitpid(pid, 0)
	PYTHON
	# With its descriptors elsewhere, the terminal still controls it.
	for redirection in "" "</dev/null >/dev/null 2>&1"; do
		rm -f becoming ran seen
		timeout 20 python3 early.py "${PRELOAD[@]}" sh -c \
			"exec nlock run \"\$1\" touch ran $redirection" \
			sh "$LOCK"
		cat seen
		[ "$(cat seen)" = "True"$'\n'"0" ]
		[ -e ran ]
		nothing_left
	done
}

@test "run: a daemon that the command leaves behind does not keep the lock" {
	nlock run "$LOCK" -- \
		sh -c 'setsid -f sh -c "echo \$\$ >pid; exec sleep 1000" >/dev/null 2>&1'
	eventually test -s pid
	kill -0 "$(cat pid)"
	nothing_left
	kill "$(cat pid)"
}

@test "run: a command found but not executable is 126, and nothing is left" {
	touch plain
	run -126 --separate-stderr nlock run "$LOCK" -- ./plain
	[ "$stderr" = "nlock: ./plain: run: Permission denied" ]
	nothing_left
}

@test "run: its command can't shorten the lease that nlock relies on" {
	nlock run -l 1m "$LOCK" -- sh -c 'stat -c %.9Y "$NLOCK_LOCK" >before
		nlock refresh -l 1s; stat -c %.9Y "$NLOCK_LOCK" >after'
	[ "$(cat before)" = "$(cat after)" ]
	run -76 --separate-stderr nlock run "$LOCK" -- sh -c \
		'rm "$NLOCK_CLAIM"; nlock refresh; [ $? = 76 ]'
}

@test "run: its command can't shorten the lease either where nlock's process is not known" {
	needs root

	# In a PID namespace with the /proc of another.
	unshare --pid --fork nlock run -l 1m "$LOCK" -- sh -c \
		'cat "$NLOCK_LOCK" >claim; stat -c %.9Y "$NLOCK_LOCK" >before
		nlock refresh -l 1s && stat -c %.9Y "$NLOCK_LOCK" >after'
	grep -Eq '[|]n[0-9a-f]{16}(\.run)?$' claim
	[ "$(cat before)" = "$(cat after)" ]
}

@test "run: its command, having outlived nlock, renews the lease of its lock, but does not shorten it" {
	in_group nlock run -l 1m "$LOCK" -- sh -c 'trap "" TERM; touch started
		until [ -e go ]; do sleep 0.05; done
		nlock refresh -l 1s; stat -c %Y "$NLOCK_LOCK" >shorter
		nlock refresh -l 1h; stat -c %Y "$NLOCK_LOCK" >longer
		touch refreshed'
	eventually test -e started
	kill -KILL $!
	wait $! || true
	touch go
	eventually test -e refreshed
	[ "$(cat shorter)" -gt $(($(date +%s) + 20)) ]
	[ "$(cat longer)" -gt $(($(date +%s) + 3000)) ]
}

@test "run: stopped past its lease before its command was started, it starts none" {
	needs strace
	# Of nlock alone, not of what cleans up in the end.
	run -76 --separate-stderr env "${STRACE[1]}" strace -qq -o /dev/null \
		-e trace=prctl -e inject=prctl:delay_enter=3s:when=1 \
		nlock run -l 2s "$LOCK" touch ran
	[ ! -e ran ]
	[[ $stderr == *"nlock: $LOCK: the lease can't be renewed: "*stopped* ]]
	nothing_left
}

@test "run: stopped past its lease before its command was started, it frees the lock though nobody reads its message" {
	needs strace python3
	full_pipe
	in_group env "${STRACE[1]}" strace -qq -o /dev/null -e trace=prctl \
		-e inject=prctl:delay_enter=3s:when=1 \
		nlock run -l 2s "$LOCK" touch ran 2>pipe
	eventually gone $!
	ended_with 76 $!
	[ ! -e ran ]
	nothing_left
}

@test "run: if no process can be started it says so, ends the command, and releases the lock" {
	needs strace
	run -76 --separate-stderr "${STRACE[@]}" -o /dev/null \
		-e trace=clone,clone3,fork \
		-e inject=clone,clone3,fork:error=EAGAIN \
		nlock run -l 1s "$LOCK" sleep 1000
	[ "$stderr" = "nlock: $LOCK: the lease can't be renewed: Resource temporarily unavailable; ending the command" ]
	nothing_left
}

@test "run: a command that starts a PID namespace, as after unshare --pid without --fork, is run, and keeps its lock" {
	needs root
	local pid

	# A process that can't start others can't look for its leaks.
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	run -3 unshare --pid nlock run "$LOCK" sh -c 'exit 3'
	in_group unshare --pid nlock run -l 1s "$LOCK" \
		sh -c 'until [ -e go ]; do sleep 0.05; done; exit 3'
	pid=$!
	eventually test -e "$LOCK"
	run -75 elsewhere nlock run -w 2s --clock-slop 1ms "$LOCK" true
	touch go
	ended_with 3 "$pid"
	nothing_left
}
