#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# nlock run: a command under a lock, as if there were no nlock.
#
# shellcheck disable=SC2016	# what is quoted is for other shells
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

# ------------------------------------------------------------- exit status

@test "run: exits as the command does, and leaves nothing" {
	local status

	for status in 0 1 2 64 69 73 74 75 76 77 125 126 127 128 200 255; do
		run "-$status" --separate-stderr \
			nlock run "$LOCK" sh -c "exit $status"
		[ -z "$output$stderr" ]
		nothing_left
	done
}

@test "run: a command that is killed by signal N is 128+N" {
	local name

	for name in TERM KILL INT HUP SEGV ABRT USR1 ALRM; do
		echo "signal: $name"
		run --separate-stderr nlock run "$LOCK" \
			sh -c "ulimit -c 0; kill -s $name \$\$"
		# shellcheck disable=SC2154	# set by run
		[ "$status" = $((128 + $(kill -l $name))) ]
		nothing_left
	done
}

@test "run: a command that is not found is 127" {
	run -127 --separate-stderr nlock run "$LOCK" nosuch-command
	complains
	[[ $stderr == *nosuch-command* ]]
	run -127 --separate-stderr nlock run "$LOCK" ./nosuch
	complains
	run -127 --separate-stderr nlock run "$LOCK" ""
	complains
	nothing_left
}

@test "run: a command that can't be run is 126" {
	echo "no program" >file
	mkdir directory
	printf '\177ELF' >broken
	chmod +x broken
	run -126 --separate-stderr nlock run "$LOCK" ./file
	complains
	[[ $stderr == *./file* ]]
	run -126 --separate-stderr nlock run "$LOCK" ./directory
	complains
	run -126 --separate-stderr nlock run "$LOCK" ./file/below
	complains
	nothing_left
}

@test "run: a script without a first line is run by the shell" {
	echo 'echo "script: $*"' >script
	chmod +x script
	run -0 nlock run "$LOCK" ./script a b
	[ "$output" = "script: a b" ]
}

# --------------------------------------------------------------- the lock

@test "run: holds the lock while the command runs, and only then" {
	in_group nlock run "$LOCK" sh -c '
		test "$1" -ef "$NLOCK_CLAIM" && touch same
		until [ -e go ]; do sleep 0.05; done' sh "$LOCK"
	eventually test -e same
	run -75 nlock acquire -n "$LOCK"
	touch go
	ended_with 0 $!
	nothing_left
}

@test "run: commands of several runs never overlap" {
	local i pids=()

	for i in {1..8}; do
		nlock run "$LOCK" sh -c '
			mkdir inside && echo . >>ran && rmdir inside
		' 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(wc -l <ran)" = 8 ]
	nothing_left
}

@test "run: the command sees NLOCK_CLAIM and NLOCK_LOCK" {
	mkdir sub
	run -0 nlock run sub/../job.lock sh -ec '
		cd /
		test "$NLOCK_LOCK" -ef "$NLOCK_CLAIM"
		test "$NLOCK_LOCK" -ef "$1"
		nlock status --mine "$NLOCK_LOCK" >/dev/null
		nlock refresh -l 1h "$NLOCK_LOCK"
		nlock refresh -l 1h
	' sh "$LOCK"
	nothing_left
}

@test "run: does not change the environment otherwise" {
	env | grep -v ^_= | sort >without
	nlock run "$LOCK" env | grep -v '^\(_\|NLOCK_CLAIM\|NLOCK_LOCK\)=' |
		sort >with
	diff without with
	nothing_left
}

@test "run: inside of a run of the same lock is 73, of another lock is not" {
	run -73 timeout 20 nlock run "$LOCK" nlock run "$LOCK" touch ran
	[ ! -e ran ]
	run -0 timeout 20 nlock run "$LOCK" nlock run "$LOCK.2" \
		sh -c 'echo "$NLOCK_LOCK"'
	[ "$output" = "$LOCK.2" ]
	nothing_left
}

@test "run: a lock that its command has released is lost, which is 76" {
	local release='nlock release --claim "$NLOCK_CLAIM"'

	run -76 --separate-stderr timeout 20 nlock run "$LOCK" -c "$release"
	complains
	nothing_left
	run -76 --separate-stderr timeout 20 nlock run -q "$LOCK" -c "$release"
	[ -z "$stderr" ]
	nothing_left
}

@test "run: the lease lasts 2 m, or NLOCK_LIFETIME, or what -l says" {
	local show='nlock status --json "$NLOCK_LOCK"'

	nlock run "$LOCK" -c "$show" | json remaining >a
	NLOCK_LIFETIME=1h nlock run "$LOCK" -c "$show" | json remaining >b
	NLOCK_LIFETIME=1h nlock run -l 1d "$LOCK" -c "$show" |
		json remaining >c
	paste a b c
	paste a b c | awk '{ exit !(100 < $1 && $1 <= 120 &&
		3500 < $2 && $2 <= 3600 && 86300 < $3 && $3 <= 86400) }'
}

@test "run: a command may run longer than the lease lasts" {
	local waiter

	# The waiter would have broken a lease that ran out.
	nlock run -l 1s "$LOCK" sh -c '
		: >began; until test -e enough; do sleep 0.05; done
		nlock status --mine "$NLOCK_LOCK" >mine' 3>&- &
	waiter=$!
	eventually test -e began
	run -75 nlock acquire --clock-slop 10ms -w 2500ms "$LOCK"
	touch enough
	wait $waiter
	nothing_left
}

# ----------------------------------------------------------------- waiting

@test "run: of a lock that is held, -n, -w and -E are as for acquire" {
	nlock acquire -l 1h "$LOCK" >/dev/null
	run -75 --separate-stderr timeout 20 nlock run -n "$LOCK" touch ran
	complains
	[[ $stderr == *"$(hostname) pid $BASHPID "*"lease ends in"* ]]
	run -75 --separate-stderr timeout 20 nlock run -w 50ms "$LOCK" touch ran
	complains
	run -3 timeout 20 nlock run -n -E 3 "$LOCK" touch ran
	run -0 timeout 20 nlock run -w 50ms -E 0 "$LOCK" touch ran
	NLOCK_TIMEOUT=50ms run -75 timeout 20 nlock run "$LOCK" touch ran
	run -75 --separate-stderr nlock run -q -n "$LOCK" touch ran
	[ -z "$output$stderr" ]
	[ ! -e ran ]
	claims_are 1
}

@test "run: waits for the lock, then runs the command" {
	local waiter

	eval "$(nlock acquire -l 1h "$LOCK")"
	env -u NLOCK_CLAIM nlock run "$LOCK" touch ran 3>&- &
	waiter=$!
	eventually claims_are 2
	[ ! -e ran ]
	nlock release
	wait $waiter
	[ -e ran ]
	nothing_left
}

@test "run: a signal while it waits ends it, and the command is not run" {
	local waiter name status

	nlock acquire -l 1h "$LOCK" >/dev/null
	ulimit -c 0
	for name in TERM INT HUP QUIT USR1 USR2 ALRM VTALRM PROF IO PWR XCPU \
			STKFLT ABRT RTMIN RTMAX; do
		echo "signal: $name"
		env --default-signal nlock run "$LOCK" touch ran 3>&- &
		waiter=$!
		eventually claims_are 2
		kill -s $name $waiter
		status=0
		wait $waiter || status=$?
		[ $status = $((128 + $(kill -l $name))) ]
		claims_are 1
		[ ! -e ran ]
	done
}

@test "run: if nlock is killed together with its command, the lock is free at once" {
	local pid

	in_group nlock run "$LOCK" sh -c ': >began; exec sleep 100'
	pid=$!
	eventually test -e began
	run -75 nlock acquire -n "$LOCK"
	kill -KILL -- -$pid
	wait $pid || true
	is_free
	claims_are 1
}

# ------------------------------------------------------------------ flock's

@test "run: -c before and after LOCK runs a script" {
	run -4 nlock run -c 'echo "$((1 + 1))"; exit 4' "$LOCK"
	[ "$output" = 2 ]
	run -4 nlock run "$LOCK" -c 'echo "$((1 + 1))"; exit 4'
	[ "$output" = 2 ]
	run -4 nlock run "$LOCK" --command 'exit 4'
	run -4 nlock run --command='exit 4' "$LOCK"
	run -4 nlock run -n -c 'exit 4' -x -- "$LOCK"
	nothing_left
}

@test "run: -c uses SHELL, else /bin/sh" {
	printf '#!/bin/sh\necho "shell: $*"\n' >my-shell
	chmod +x my-shell
	SHELL=$PWD/my-shell run -0 nlock run "$LOCK" -c "a  b"
	[ "$output" = "shell: -c a  b" ]
	SHELL=$PWD/my-shell run -0 nlock run -c "a  b" "$LOCK"
	[ "$output" = "shell: -c a  b" ]
	SHELL='' run -0 nlock run "$LOCK" -c 'readlink /proc/$$/exe'
	[ "$output" -ef /bin/sh ]
	run -0 env -u SHELL nlock run "$LOCK" -c 'readlink /proc/$$/exe'
	[ "$output" -ef /bin/sh ]
	SHELL=/nosuch/shell run -127 nlock run "$LOCK" -c true
}

@test "run: takes the options of flock that change nothing" {
	run -5 nlock run -x "$LOCK" sh -c 'exit 5'
	run -5 nlock run -e "$LOCK" sh -c 'exit 5'
	run -5 nlock run -o "$LOCK" sh -c 'exit 5'
	run -5 nlock run --exclusive --close "$LOCK" sh -c 'exit 5'
	run -5 nlock run -xno -w 5 -E 9 "$LOCK" -c 'exit 5'
	run -5 nlock run -exon --wait 5 "$LOCK" -c 'exit 5'
	run -5 nlock run --nonblock --timeout 5 --conflict-exit-code 9 \
		"$LOCK" -c 'exit 5'
	nothing_left
}

# -------------------------------------------------------- what is passed on

@test "run: the command has the descriptors that it would have without nlock" {
	local command=(ls /proc/self/fd)

	exec 7<"$BATS_TEST_FILENAME"
	"${command[@]}" >without
	nlock run "$LOCK" "${command[@]}" >with
	diff without with
	# ... and if there is nothing to read and write.
	sh -c 'exec <&- 2>&-; exec "$@"' sh "${command[@]}" >without
	sh -c 'exec <&- 2>&-; exec "$@"' sh \
		nlock run "$LOCK" "${command[@]}" >with
	diff without with
	exec 7<&-
	nothing_left
}

@test "run: the command's descriptors are the caller's files" {
	exec 7<"$BATS_TEST_FILENAME"
	run -0 nlock run "$LOCK" sh -c 'cat <&7'
	exec 7<&-
	diff <(printf '%s\n' "$output" | head -n 5) \
		<(head -n 5 "$BATS_TEST_FILENAME")
}

@test "run: standard input, output and error pass through unchanged" {
	head -c 300000 /dev/urandom >bytes
	nlock run "$LOCK" sh -c 'cat; echo words >&2' <bytes >copy 2>errors
	cmp bytes copy
	[ "$(cat errors)" = words ]
	nlock run "$LOCK" cat <bytes >copy
	cmp bytes copy
	nlock run "$LOCK" true <bytes
	nothing_left
}

@test "run: does not read the standard input that it passes on" {
	printf 'one\ntwo\n' >lines
	{
		nlock run "$LOCK" true
		nlock run "$LOCK.2" sh -c 'read -r line; echo "1: $line"'
	} <lines >seen
	[ "$(cat seen)" = "1: one" ]
}

@test "run: the arguments arrive as they were given" {
	run -0 nlock run "$LOCK" printf '<%s>' "" " a  b" "*" '$x' "-n" "--" \
		$'new\nline' "'\""
	[ "$output" = $'<>< a  b><*><$x><-n><--><new\nline><\'\">' ]
}

@test "run: the command has the signals that it would have without nlock" {
	# Not by a shell, which has use for SIGCHLD.
	local command=(sed -n 's/^\(Sig[BIC]..\):.*\(........\)$/\1 \2/p'
		/proc/self/status)
	local other=(env "--ignore-signal=HUP,PIPE,CHLD" --block-signal=USR2)

	"${command[@]}" >without
	nlock run "$LOCK" "${command[@]}" >with
	diff without with
	"${other[@]}" "${command[@]}" >without
	"${other[@]}" nlock run "$LOCK" "${command[@]}" >with
	diff without with
	nothing_left
}

@test "run: works with SIGCHLD ignored" {
	run -7 env --ignore-signal=CHLD timeout 20 \
		nlock run "$LOCK" sh -c 'exit 7'
	nothing_left
}

@test "run: the command has the directory, umask and limits of the caller" {
	local script='pwd; umask; ulimit -a; nice; ps -o pgid=,sid= $$'

	mkdir sub
	cd sub
	umask 027
	ulimit -n 512
	sh -c "$script" >without
	nlock run "$LOCK" sh -c "$script" >with
	diff without with
}

@test "run: a full or closed output of the command is the command's matter" {
	run -1 --separate-stderr nlock run "$LOCK" \
		sh -c 'echo x 2>/dev/null >/dev/full || exit 1'
	run -0 sh -c 'nlock run "$1" true <&- >&- 2>&-' sh "$LOCK"
	run -0 sh -c 'nlock run "$1" true >/dev/full 2>&1' sh "$LOCK"
	nothing_left
}

@test "run: a process that the command leaves does not hold the lock" {
	in_group nlock run "$LOCK" sh -c 'sleep 100 & :'
	wait $!
	nothing_left
	kill -KILL -- -$!
}

@test "run: in a directory that is missing is 74, and nothing is run" {
	run -74 --separate-stderr nlock run nosuch/job.lock touch ran
	complains
	[[ $stderr == *nosuch/job.lock* ]]
	[ ! -e ran ]
}

@test "run, acquire: if nobody reads their messages, exit status and lock are the same" {
	local command

	mkfifo pipe
	exec 6<>pipe
	exec 7>pipe
	exec 6>&-
	eval "$(nlock acquire -l 1m "$LOCK")"
	for command in "run -n $LOCK true" "acquire -n $LOCK"; do
		run -75 env -u NLOCK_CLAIM sh -c "nlock $command 2>&7"
	done
	nlock release
	exec 7>&-
	nothing_left
}

@test "run: a lock that was lost before its command began is taken anew" {
	needs strace
	in_group "${STRACE[@]}" -o calls -e trace=linkat \
		-e inject=linkat:delay_exit=700000:when=1 \
		nlock run -w 19s "$LOCK" touch ran
	eventually test -e "$LOCK"
	rmdir "$LOCK|"*"|warrant"
	ended_with 0 $!
	[ -e ran ]
	nothing_left
}
