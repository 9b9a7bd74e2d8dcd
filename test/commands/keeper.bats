#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A lock that a keeper keeps: acquire --keep, run --no-fork, run --at-least, and
# nlock run whose nlock was killed.
# shellcheck disable=SC2016	# for other shells

bats_require_minimum_version 1.5.0
load ../common

# What is left of keepers when a test fails ends with its lock.
teardown() {
	common_teardown
	rm -rf "$DIR"
}

# The keepers of locks in this test's directory.
keepers() {
	pgrep -f "^nlock (acquire|run) .*$DIR"
}

# ... and the children that refresh their leases.
heartbeats() {
	keepers | while read -r pid; do
		pgrep -P "$pid" -x nlock
	done | grep .
}

no_keepers() {
	! keepers
}

free() {
	is_state unlocked && nothing_left
}

# holds CLAIM: it has the lock.
holds() {
	nlock status -q --mine --claim "$1" "$LOCK"
}

# start_script COMMANDS: a script that takes $LOCK, says so by the file held,
# which has its claim, and then does that; $! is its pid.
start_script() {
	rm -f held
	sh -c 'eval "$(nlock acquire '"$KEEP"' "$0")" || exit
		echo "$NLOCK_CLAIM" >held.new
		mv held.new held
		'"$1" "$LOCK" 3>&- &
	eventually test -s held
	CLAIM=$(<held)
}

# Renewed every second; a busy machine stops for one.
KEEP="--keep -l 3s"

# lease_end: of the lock, in seconds since 1970.
lease_end() {
	stat -c %.Y "$LOCK"
}

is_renewed() {
	[ "$(lease_end)" != "$1" ]
}

@test "acquire --keep: a script keeps its lock for longer than its lifetime, and its end gives it back" {
	mkfifo go
	start_script 'read -r line <go'
	script=$!
	for _ in 1 2 3 4; do
		before=$(lease_end)
		eventually is_renewed "$before"
	done
	holds "$CLAIM"
	echo >go
	wait "$script"
	eventually free
	eventually no_keepers
}

@test "acquire --keep: a script that is killed gives its lock back at once" {
	KEEP="--keep -l 10m"
	start_script 'sleep 1000'
	kill -KILL $!
	run -0 nlock run -w 5s "$LOCK" true
	eventually no_keepers
}

# The next refresh is due in minutes.
@test "acquire --keep: release ends the keeper long before its next refresh, and the script goes on" {
	KEEP="--keep -l 10m"
	start_script 'nlock release; touch released; sleep 1000'
	script=$!
	eventually test -e released
	eventually no_keepers
	kill "$script"
	free
}

@test "acquire --keep: a release on another machine ends the keeper with its next beat, and the script goes on" {
	needs root
	start_script 'sleep 1000'
	script=$!
	elsewhere unshare --net nlock release --claim "$CLAIM"
	eventually no_keepers
	kill "$script"
	free
}

@test "acquire --keep: when the lock is lost, the script and what it started are ended, and the next holder is left alone" {
	start_script 'trap "" TERM; setsid sleep 1001 & sleep 1002 & wait; sleep 1003'
	script=$!
	eventually pgrep -f "^sleep 1001"
	rm "$LOCK"
	eval "$(nlock acquire -l 1m "$LOCK")"
	ended_with 137 "$script"
	eventually no_keepers
	run -1 pgrep -f "^sleep 100[123]"
	holds "$NLOCK_CLAIM"
	nlock release
	nothing_left
}

# Each of them holds up a search for a second.
@test "acquire --keep: a script is told to end in time, and killed before the lease is over, though some processes can't be looked at" {
	preload hanging_environ
	mount_fuse d mnt
	fuse=$!
	hanging=" "
	for _ in 1 2 3 4; do
		sleep 1000 3>&- &
		hanging+="/proc/$!/environ "
	done
	sh -c 'trap "date +%s%N >told" TERM
		eval "$("$@" acquire --keep -l 6s "$0")" || exit
		while :; do date +%s%N >alive.new; mv alive.new alive; done' \
		"$PWD/mnt/job.lock" "${PRELOAD[@]}" \
		HANGING="$hanging" nlock 3>&- &
	script=$!
	eventually test -e alive
	kill -STOP "$fuse"
	ended_with 137 "$script"
	lease_end=$(stat -c %.9Y d/job.lock)
	lease_end=${lease_end/./}
	between 0 "$(<told)" $((lease_end - 1500000000))
	between 0 "$(<alive)" "$lease_end"
	kill -CONT "$fuse"
	eventually no_keepers
	# shellcheck disable=SC2046	# a list
	kill $(pgrep -x sleep -P $$)
	umount mnt
}

@test "acquire --keep: what a script starts to clean up, once told to end, is not told to end" {
	preload hanging_environ
	sleep 1000 3>&- &
	hanging=$!
	bash -c '
		trap "sleep 0.2
			sh -c \"trap \\\"echo told >>log\\\" TERM
				echo began >>log; sleep 2; echo ended >>log\"
			exit 3" TERM
		eval "$("${@:2}" nlock acquire --keep -l 10s "$0")" || exit
		touch held
		while :; do sleep 0.05; done' "$LOCK" - "${PRELOAD[@]}" \
		HANGING=" /proc/$hanging/environ " 3>&- &
	eventually test -e held
	rm "$LOCK"
	ended_with 3 $!
	[ "$(<log)" = "began
ended" ]
	kill "$hanging"
	eventually no_keepers
}

@test "acquire --keep: while it ends a script whose lock is lost, a keeper that is called does not spin" {
	KEEP="--keep -l 10s --kill-after 6s"
	start_script 'trap "touch told" TERM; while :; do sleep 0.1; done'
	keeper=$(keepers | head -n 1)
	rm "$LOCK"
	eventually test -e told
	run -76 nlock release --claim "$CLAIM"
	before=$(ticks_of "$keeper")
	sleep 2
	[ $(($(ticks_of "$keeper") - before)) -lt 50 ]
	kill -KILL $!
	eventually no_keepers
}

# ticks_of PID: its processor time, in hundredths of a second.
ticks_of() {
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

@test "acquire --keep --on-lost warn: when the lock is lost, the script goes on, and the keeper ends" {
	KEEP="--keep -l 3s --on-lost warn"
	start_script 'sleep 1000; :'
	script=$!
	rm "$LOCK"
	eventually no_keepers
	kill "$script"
}

@test "acquire --keep: whoever reads nlock's output or error to its end does not wait for the keeper" {
	eval "$(timeout 10 nlock acquire --keep --pid $$ -l 10m "$LOCK" 2>&1 | cat)"
	holds "$NLOCK_CLAIM"
	nlock release
}

@test "acquire --keep: refresh only confirms, and says so if the lock is lost" {
	KEEP="--keep -l 1h"
	start_script 'sleep 1000'
	before=$(lease_end)
	nlock refresh -l 1s --claim "$CLAIM"
	[ "$(lease_end)" = "$before" ]
	rm "$LOCK"
	run -76 --separate-stderr nlock refresh --claim "$CLAIM"
	complains
}

@test "acquire --keep: if the keeper is killed, the lease runs out, and refresh renews it" {
	KEEP="--keep -l 1m"
	start_script 'sleep 1000'
	keepers | xargs kill -KILL
	eventually no_keepers
	nlock status --json "$LOCK" | grep '"kept":false'
	before=$(lease_end)
	nlock refresh -l 2m --claim "$CLAIM"
	is_renewed "$before"
	nlock refresh -l 1ms --claim "$CLAIM"
}

@test "acquire --keep: a heartbeat of the keeper that is killed is replaced" {
	start_script 'sleep 1000'
	for _ in 1 2 3; do
		eventually heartbeats
		heartbeats | xargs kill -KILL
		before=$(lease_end)
		eventually is_renewed "$before"
	done
	holds "$CLAIM"
}

@test "acquire --keep: status says that the lock is kept, and for whom" {
	start_script 'sleep 1000'
	run -0 nlock status "$LOCK"
	[[ $output == *" pid $! ($(id -un)), kept, for "* ]]
	nlock status --json "$LOCK" | grep '"kept":true'
}

@test "acquire --keep: the lock is the shell's, not that of a subshell which reads the claim" {
	for shell in sh bash dash ksh zsh busybox; do
		command -v "$shell" || continue
		[ "$shell" != busybox ] || shell="busybox sh"
		rm -f go
		mkfifo go
		$shell -c 'claim=$(:; nlock acquire --keep -l 3s "$0"; :)
			eval "$claim"
			echo "$NLOCK_CLAIM" >held.new
			mv held.new held
			read -r line <go' "$LOCK" 3>&- &
		eventually test -s held
		before=$(lease_end)
		eventually is_renewed "$before"
		holds "$(<held)"
		[ "$(nlock status --json "$LOCK" | json pid)" = $! ]
		echo >go
		wait $!
		rm held
		eventually free
	done
}

@test "acquire --keep: by sudo, the lock is kept for the process that calls sudo" {
	local claim

	# By its name it is known.
	cp "$(command -v bash)" sudo
	claim=$(./sudo -c 'nlock acquire --keep --print claim -l 3s "$0"; :' \
		"$LOCK")
	[ "$(nlock status --json "$LOCK" | json pid)" = $$ ]
	before=$(lease_end)
	eventually is_renewed "$before"
	nlock release --claim "$claim"
	eventually no_keepers
}

@test "acquire --keep: in a container whose PID 1 is the script, release leaves nothing; without it the lease decides" {
	needs root
	unshare --pid --fork --mount-proc sh -c '
		eval "$(nlock acquire --keep "$0")" && nlock release' "$LOCK"
	nothing_left
	unshare --pid --fork --mount-proc sh -c '
		eval "$(nlock acquire --keep -l 1s "$0")"' "$LOCK"
	no_keepers
	nlock run --clock-slop 10ms -w 20s "$LOCK" true
	nothing_left
}

@test "acquire --keep: in a container with an init the end of the script gives the lock back" {
	needs root
	unshare --pid --fork --mount-proc sh -c '
		sh -c "eval \"\$(nlock acquire --keep -l 1h \"\$0\")\"" "$0"
		nlock run -w 10s "$0" true
		# The container ends the keeper, which removes its warrant last.
		for _ in $(seq 400); do
			pgrep -x nlock >/dev/null || break
			sleep 0.05
		done' "$LOCK"
	nothing_left
}

@test "acquire --keep: a process that is dead already is a failure, and nothing is left" {
	true &
	dead=$!
	wait $dead
	run -74 --separate-stderr nlock acquire --keep --pid $dead "$LOCK"
	complains
	nothing_left
}

@test "acquire --keep: a lock for a machine's process 1, as for an orphan's, is refused, since a loss would end all there is" {
	[ "$(readlink /proc/self/ns/pid)" = "pid:[4026531836]" ] ||
		skip "in a container"
	run -64 --separate-stderr nlock acquire --keep --pid 1 "$LOCK"
	complains
	[[ $stderr == *"process 1 "* ]]
	nothing_left
}

@test "acquire --keep: the lock is not that of timeout(1), which ends as nlock does" {
	eval "$(timeout 20 nlock acquire --keep -l 1m "$LOCK")"
	[ "$(nlock status --json "$LOCK" | json pid)" = $$ ]
	nlock release
}

@test "acquire --keep: a keeper has no terminal, no descriptor of its caller's, and its own session and directory" {
	exec 9<"$BATS_TEST_FILENAME"
	start_script 'sleep 1000'
	exec 9<&-
	for keeper in $(keepers); do
		[ "$(ps -o sid= -p "$keeper" | tr -d ' ')" = "$keeper" ]
		[ "$(ps -o tty= -p "$keeper")" = "?" ]
		[ "$(readlink "/proc/$keeper/cwd")" = / ]
		! readlink "/proc/$keeper/fd/"* | grep -v -e /dev/null \
			-e anon_inode -e '^socket' -e "^$DIR"
	done
}

@test "acquire --keep: the signals that end a program do not end the keeper" {
	start_script 'sleep 1000'
	for signal in HUP INT QUIT TERM USR1 ALRM PIPE TSTP; do
		keepers | xargs kill -$signal
	done
	before=$(lease_end)
	eventually is_renewed "$before"
	holds "$CLAIM"
}

# all_of PID: it, its keeper and the keeper's children.
all_of() {
	echo "$1"
	keepers
	heartbeats || true
}

# As systemd and others end a service: all of its control group at once.
@test "acquire --keep: if all of it is told to end at once, the lock is free as soon as the script has ended" {
	KEEP="--keep -l 10m"
	start_script 'sleep 1000'
	# shellcheck disable=SC2046	# a list
	kill -TERM $(all_of $!)
	ended_with 143 $!
	eventually free
	eventually no_keepers
}

@test "acquire --keep: if all of it is killed at once, the lock is left to its lease" {
	KEEP="--keep -l 10m"
	start_script 'sleep 1000'
	script=$!
	eventually heartbeats
	mapfile -t all < <(all_of "$script")
	# kill(1) has one after the other; meanwhile none may act.
	kill -STOP "${all[@]}"
	for pid in "${all[@]}"; do
		eventually is_stopped_now "$pid"
	done
	kill -KILL "${all[@]}"
	ended_with 137 "$script"
	eventually no_keepers
	is_state unknown	# its process group lives: that of this test
	end=$(lease_end)
	run -75 nlock run -n "$LOCK" true
	[ "$(lease_end)" = "$end" ]
}

@test "acquire --keep: if the claim can't be printed, the lock is given back, and no keeper is left" {
	run -74 --separate-stderr bash -c 'nlock acquire --keep "$0" >/dev/full' "$LOCK"
	eventually no_keepers
	free
}

@test "acquire --keep: a keeper that is stopped is there, however many have looked for it" {
	in_group sh -c 'nlock acquire --keep -l 10m --state "$1" "$0" &&
		sleep 1000' "$LOCK" state
	script=$!
	eventually test -s state
	keeper=$(keepers | head -n 1)
	kill -STOP "$keeper"
	eventually is_stopped_now "$keeper"
	kill -KILL -- "-$script"
	ended_with 137 "$script"
	eventually is_dead "$script"
	for _ in {1..20}; do
		run -75 nlock run -n -q "$LOCK" true
	done
	kill -CONT "$keeper"
	eventually free
}

@test "acquire --keep: a keeper whose name is taken for a moment, by one that was killed, is found all the same" {
	"${STRACE[@]}" -o trace -e trace=bind \
		-e inject=bind:error=EADDRINUSE:when=1 \
		nlock acquire --keep --pid $$ -l 10m --state state "$LOCK" 3>&- &
	eventually test -s state
	eventually grep -q EADDRINUSE trace
	eventually kept
	nlock release --state state
	eventually no_keepers
}

kept() {
	nlock status --json "$LOCK" | grep '"kept":true'
}

# is_past SECONDS: since 1970.
is_past() {
	awk -v now="$(date +%s.%N)" -v then="$1" 'BEGIN { exit !(now > then) }'
}

@test "acquire --keep: a script that has released its lock goes on, though its keeper was stopped past the lease" {
	start_script 'sleep 1000'
	script=$!
	keepers | xargs kill -STOP
	end=$(lease_end)
	nlock release --claim "$CLAIM"
	eventually is_past "$end"
	keepers | xargs kill -CONT || true	# the first may end the second
	eventually no_keepers
	run -1 ended "$script"
	kill "$script"
}

# ---------------------------------------------------------- nlock run, killed

# start_run OPTIONS COMMANDS: by nlock run; it says that it lives by the file
# alive, ignores SIGTERM, and has a daemon that does, too; $! is nlock's pid.
start_run() {
	# shellcheck disable=SC2086	# options
	setsid nlock run $1 --kill-after 1s "$LOCK" -- bash -c '
		trap "" TERM
		(setsid bash -c "trap \"\" TERM; while :; do
			touch \"\$0\"; sleep 0.05; done" "$0" &)
		'"$2" "$DIR/alive" 3>&- &
	eventually test -e alive
	eventually is_kept "$!"
}

# is_kept PID: that nlock has its heartbeat, which can be found.
is_kept() {
	heartbeat_of "$1" &&
		grep -q "nlock/" /proc/net/unix
}

# nobody_lives: what start_run has started has ended.
nobody_lives() {
	! pgrep -f "$(living)"
}

# Not nlock, which has that among its arguments, too.
living() {
	echo "^(/[^ ]*)?bash -c.* $DIR/alive"
}

@test "run: killed with SIGKILL, what it started is ended, daemons too, and only then is the lock free" {
	start_run "-l 1m" 'while :; do sleep 0.05; done'
	killed=$!
	kill -KILL "$killed"
	seen nlock run -w 20s "$LOCK" sh -c '! pgrep -f "$0"' "$(living)"
	nobody_lives
	eventually no_keepers
}

@test "run: killed with SIGKILL, and its process group, the lock is kept until the rest is ended" {
	start_run "-l 1m" 'while :; do sleep 0.05; done'
	kill -KILL -- "-$!"
	seen nlock run -w 20s "$LOCK" sh -c '! pgrep -f "$0"' "$(living)"
	nobody_lives
}

@test "run: killed with SIGKILL, a child of its command that cleared its environment is ended, too" {
	nlock run -l 1m --kill-after 1s "$LOCK" -- bash -c '
		trap "" TERM
		env -i "$(command -v bash)" -c "trap \"\" TERM
			while :; do /bin/touch \$0; /bin/sleep 0.05; done" "$0" &
		wait; wait; while :; do sleep 0.05; done' "$DIR/alive" 3>&- &
	eventually test -e alive
	eventually is_kept "$!"
	kill -KILL $!
	seen nlock run -w 20s "$LOCK" sh -c '! pgrep -f "$0"' "$(living)"
	nobody_lives
}

@test "run: killed with SIGKILL, such a child is ended though the command itself has ended before" {
	nlock run -l 1m --kill-after 3s "$LOCK" -- bash -c '
		trap "touch told" TERM
		env -i "$(command -v bash)" -c "trap \"\" TERM
			while :; do /bin/touch \$0; /bin/sleep 0.05; done" "$0" &
		until [ -e told ]; do sleep 0.05; done; sleep 0.5' "$DIR/alive" 3>&- &
	eventually test -e alive
	eventually is_kept "$!"
	kill -KILL $!
	nlock run -w 20s "$LOCK" sh -c '! pgrep -f "$0"' "$(living)"
	nobody_lives
}

# How often a process has given up the processor to wait.
waits_of() {
	awk '/^voluntary/ { print $2 }' "/proc/$1/status"
}

# has_noted PID: that heartbeat has waited, noted the job, and waits again.
has_noted() {
	[ "$(waits_of "$1")" -ge 2 ]
}

# start_with_noted_child: a run, $!, whose command dies at once when it is told to
# end, and has a child without the claim, which the heartbeat has noted.
start_with_noted_child() {
	rm -f alive
	nlock run -l 1m --kill-after 500ms "$LOCK" -- bash -c '
		env -i setsid "$(command -v bash)" -c "
			while :; do /bin/touch \$0; /bin/sleep 0.05; done" "$0" &
		wait' "$DIR/alive" 3>&- &
	eventually test -e alive
	eventually is_kept "$!"
	eventually has_noted "$(heartbeat_of "$!")"
}

@test "run: killed with SIGKILL, such a child is ended though the command dies at once, if it had time to be noted" {
	for _ in 1 2 3 4 5; do
		start_with_noted_child
		kill -KILL $!
		nlock run -w 20s "$LOCK" sh -c '! pgrep -f "$0"' "$(living)"
	done
	nobody_lives
}

looks_again() {
	grep -q getdents64 trace
}

@test "run: killed with SIGKILL while its heartbeat looks at what it started, such a child is ended all the same" {
	needs strace root
	start_with_noted_child
	# Not "${STRACE[@]}", which would delay its children, too.
	strace -q -o trace -e trace=getdents64 \
		-e inject=getdents64:delay_exit=1500000:when=1 \
		-p "$(heartbeat_of "$!")" 3>&- &
	tracer=$!
	eventually looks_again
	kill -KILL "$(pgrep -x nlock -P $$)"
	nlock run -w 20s "$LOCK" sh -c '! pgrep -f "$0"' "$(living)"
	nobody_lives
	kill "$tracer" || true
}

@test "run: killed with SIGKILL, the lock is free in the end though to search for what it started takes seconds" {
	needs root
	preload hanging_environ
	all=(/proc/[0-9]*)
	in_group "${PRELOAD[@]}" SLOWLY_US=$((1500000 / ${#all[@]})) nlock run \
		--kill-after 100ms "$LOCK" -- sh -c 'trap "" TERM
			touch ready; while :; do sleep 0.1; done'
	eventually test -e ready
	eventually is_kept $!
	kill -KILL $!
	run -0 elsewhere nlock run -w 60s "$LOCK" true
	eventually no_keepers
}

@test "run: killed with SIGKILL, with the /proc of another PID namespace its command is ended" {
	needs root
	unshare --pid --fork sh -c '
		nlock run -l 6s --kill-after 500ms "$0" -- sh -c "
			trap : TERM
			echo \$\$ >command
			while :; do touch alive; sleep 0.05; done" 3>&- &
		soon() {
			for _ in $(seq 400); do
				"$@" && return
				sleep 0.05
			done
			exit 1
		}
		soon test -s command
		# The name of the socket at which its heartbeat listens.
		random=$(sed "s/.*|n\(................\).*/\1/" "$0")
		soon grep -q "nlock/$random" /proc/net/unix
		kill -KILL $!
		for _ in $(seq 200); do
			rm -f alive
			sleep 0.2
			[ -e alive ] || exit 0
		done
		exit 1' "$LOCK"
}

@test "run: killed with SIGKILL with a short lease, its command is ended before the lease is over, though some processes can't be looked at" {
	needs root
	preload hanging_environ
	hanging=" "
	for _ in 1 2 3 4; do
		sleep 1000 3>&- &
		hanging+="/proc/$!/environ "
	done
	in_group "${PRELOAD[@]}" HANGING="$hanging" nlock run -l 6s \
		--kill-after 20s "$LOCK" -- sh -c 'trap "" TERM
			while :; do date +%s%N >alive.new; mv alive.new alive
			sleep 0.05; done'
	eventually test -e alive
	eventually is_kept $!
	kill -KILL $!
	# Whatever it had on the lease, some of it was left.
	ended_after_its_last_lease() {
		[ $(($(<alive) + 2000000000)) -lt "$(date +%s%N)" ]
	}
	watch_lease 3>&- &
	watcher=$!
	eventually ended_after_its_last_lease
	touch end
	wait "$watcher"
	run ! cat late
	# shellcheck disable=SC2046	# a list
	kill $(pgrep -x sleep -P $$)
}

# Note if the command was alive, as it says itself, when the lease was over.
watch_lease() {
	local alive end

	while [ ! -e end ]; do
		end=$(stat -c %.9Y "$LOCK" 2>/dev/null) && alive=$(<alive) &&
			[ "$alive" -gt "${end/./}" ] &&
			echo "alive at $alive, lease until $end" >>late
		sleep 0.02
	done
}

@test "run: killed with SIGKILL where there is no /proc, its command is ended" {
	unshare --mount true || skip "no mount namespaces"
	unshare --mount bash -c 'umount -l /proc; exec "$@"' bash \
		nlock run -l 1m --kill-after 300ms "$LOCK" -- bash -c '
			trap "" TERM; echo $$ >pid.new; mv pid.new pid
			while :; do sleep 0.05; done' 3>&- &
	eventually test -s pid
	eventually is_kept "$!"
	kill -KILL $!
	eventually ended "$(<pid)"
}

# as_user COMMAND...: without privileges, in this test's directory.
as_user() {
	needs root
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	chmod 777 .
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH \
		setpriv --reuid=65534 --clear-groups "$@"
}

@test "run: killed with SIGKILL, for a user who can't look at all processes, the lock is free when its lease is over" {
	needs root
	as_user setsid nlock run -l 5s --kill-after 1m "$LOCK" sleep 1006 3>&- &
	eventually pgrep -f "^sleep 1006"
	leader=$(pgrep -o -f "^setsid nlock run .*$LOCK|^nlock run .*$LOCK")
	eventually heartbeat_of "$leader"
	sleep 1000 3>&- &
	kill -KILL -- "-$(ps -o pgid= -p "$leader" | tr -d ' ')"
	as_user nlock run -w 10s --clock-slop 20ms "$LOCK" true
	kill $!
	nothing_left
	eventually no_keepers
}

@test "run: killed with SIGKILL while its heartbeat hangs, what it started is ended all the same" {
	needs root
	mount_fuse d mnt
	fuse=$!
	nlock run -l 3s --kill-after 500ms "$PWD/mnt/job.lock" -- bash -c '
		while :; do touch "$0"; sleep 0.05; done' "$DIR/alive" 3>&- &
	killed=$!
	eventually test -e alive
	eventually heartbeat_of "$killed"
	beat=$(heartbeat_of "$killed" | head -n 1)
	kill -STOP "$fuse"
	# It hangs, and has its guard.
	eventually pgrep -P "$beat"
	kill -KILL "$killed"
	eventually nobody_lives
	kill -CONT "$fuse"
	eventually no_keepers
	umount mnt
	nothing_left
}

@test "run --no-fork: the command has nlock's pid, parent and terminal, and its status is the command's own" {
	run -7 bash -c 'nlock run --no-fork "$0" sh -c '\''
		echo $$ $PPID >ids
		[ "$NLOCK_LOCK" = "$0" ] || exit 1
		exit 7'\'' "$0" & echo $! $$ >wanted; wait $!' "$LOCK"
	diff wanted ids
	eventually free
	run -0 bash -c 'nlock run -F "$0" sh -c '\''kill -TERM $$'\''
		[ $? = 143 ]' "$LOCK"
	eventually free
	eventually no_keepers
}

@test "run --no-fork: the lock is kept for longer than its lifetime, and while something lives that the command started" {
	mkfifo go
	nlock run -F -l 3s "$LOCK" -- bash -c '
		(setsid bash -c "read -r line <go" &); exit' 3>&- &
	wait $!
	for _ in 1 2 3 4; do
		before=$(lease_end)
		eventually is_renewed "$before"
	done
	run -75 nlock run -n "$LOCK" true
	echo >go
	eventually free
}

@test "run --no-fork: while it waits for what the command started, the keeper looks for that only now and then" {
	mkfifo go
	nlock run -F -l 3s "$LOCK" -- bash -c '
		(setsid bash -c "read -r line <go" &); exit' 3>&- &
	wait $!
	keeper=$(keepers | head -n 1)
	waits=$(waits_of "$keeper")
	for _ in 1 2 3 4 5 6 7 8; do
		before=$(lease_end)
		eventually is_renewed "$before"
	done
	between 0 $(($(waits_of "$keeper") - waits)) 60
	echo >go
	eventually free
}

@test "run --no-fork: for a user, the processes of others do not keep the lock" {
	needs root
	mkfifo -m 666 go
	as_user nlock run -F -l 10m "$LOCK" -- sh -c 'read -r line <go' 3>&- &
	eventually is_state unknown
	sleep 1000 3>&- &
	echo >go
	eventually free
	eventually no_keepers
	kill $!
}

@test "run --no-fork: where /proc may hide processes, those that are seen keep the lock" {
	needs root
	unshare --mount sh -c '
		mount -t proc -o hidepid=invisible proc /proc || exit
		nlock run -F -l 3s "$0" sh -c "setsid sleep 1030 & sleep 0.1" 3>&-
		! nlock run -w 6s --clock-slop 1ms "$0" true 2>/dev/null' "$LOCK"
	pkill -f "^sleep 1030"
	eventually free
	eventually no_keepers
}

# Each look at it takes a second, which is longer than that lease has.
@test "run --no-fork: beside a process that can't be looked at, a lock with a short lease is given back" {
	preload hanging_environ
	sleep 1000 3>&- &
	"${PRELOAD[@]}" HANGING=" /proc/$!/environ " \
		nlock run -F -l 2s "$LOCK" true 3>&-
	eventually free
	eventually no_keepers
	kill $!
}

@test "run --no-fork: when the lock is lost, the command and what it started are ended" {
	nlock run -F -l 3s --kill-after 500ms "$LOCK" -- bash -c '
		trap "" TERM; (setsid sleep 1004 &) ; while :; do sleep 0.05; done' 3>&- &
	eventually pgrep -f "^sleep 1004"
	rm "$LOCK"
	ended_with 137 $!
	eventually no_keepers
	run -1 pgrep -f "^sleep 1004"
	nothing_left
}

@test "run --no-fork: a command that can't be run is 126 or 127, and nothing is left" {
	run -127 --separate-stderr nlock run -F "$LOCK" ./missing
	complains
	touch file
	run -126 --separate-stderr nlock run -F "$LOCK" ./file
	complains
	nothing_left
	no_keepers
}

@test "run --no-fork: the command finds the signals as nlock's caller has set them" {
	bash -c 'trap "" USR1 PIPE; exec nlock run -F "$0" \
		grep -E "^Sig(Blk|Ign)" /proc/self/status' "$LOCK" >under
	bash -c 'trap "" USR1 PIPE
		exec grep -E "^Sig(Blk|Ign)" /proc/self/status' >without
	diff without under
}

@test "run --at-least: nlock exits as its command did, at once, and the lock stays for the rest" {
	before=$(date +%s%N)
	run -3 nlock run --at-least 3s "$LOCK" sh -c 'exit 3'
	between 0 $(($(date +%s%N) - before)) 2000000000
	run -75 nlock run -n "$LOCK" true
	nlock run -w 20s "$LOCK" true
	between 3000000000 $(($(date +%s%N) - before)) 6000000000
	nothing_left
	eventually no_keepers
}

@test "run --at-least: the lock stays for longer than its lifetime" {
	nlock run -l 3s --at-least 8s "$LOCK" true
	for _ in 1 2 3 4; do
		before=$(lease_end)
		eventually is_renewed "$before"
	done
	run -75 nlock run -n --clock-slop 1ms "$LOCK" true
	eventually free
}

@test "run --at-least: when the lock is lost after the command has ended, what that has left behind goes on" {
	nlock run -l 1s --at-least 1h "$LOCK" bash -c 'setsid sleep 1005 3>&- &'
	left=$(pgrep -f "^sleep 1005")
	rm "$LOCK"
	eventually no_keepers
	run -1 ended "$left"
	kill "$left"
}

@test "run --at-least: a command that takes longer gives the lock back when it ends" {
	nlock run --at-least 10ms "$LOCK" sleep 0.1
	free
}

@test "run --at-least: a lock that was lost while the command ran is told when it ends, and nothing is left" {
	run -76 --separate-stderr nlock run --at-least 1h "$LOCK" \
		sh -c 'rm "$NLOCK_LOCK"'
	complains
	[[ $stderr == *"the lock was lost while the command ran"* ]]
	nothing_left
	no_keepers
}

@test "run --at-least: if no keeper can be started, the lease lasts for the rest" {
	needs strace
	"${STRACE[@]}" -o trace -e trace=clone,clone3 \
		-e inject=clone,clone3:error=EAGAIN \
		nlock run -l 5s --at-least 1h "$LOCK" true </dev/null
	grep -q INJECTED trace
	between 3500 "$(remaining)" 3600
	no_keepers
}

@test "run --at-least: a command that can't be run holds nobody up" {
	run -127 nlock run --at-least 1h "$LOCK" ./missing
	free
	no_keepers
}

@test "run --at-least: killed with SIGKILL, it ends what it started and keeps the lock for the rest" {
	before=$(date +%s%N)
	start_run "-l 1m --at-least 4s" 'while :; do sleep 0.05; done'
	kill -KILL $!
	nlock run -w 20s "$LOCK" true
	between 4000000000 $(($(date +%s%N) - before)) 9000000000
	nobody_lives
}
