#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Who belongs to the job of a run: as long as it is known to live, or may do so,
# nobody on its machine gets its lock.
#
# shellcheck disable=SC2030,SC2031,SC2153	# each test is a subshell

load ../common

# What goes on though it is told to end, in the background, with its pid in
# the file "worker".
# shellcheck disable=SC2016	# for another shell
worker='trap "" TERM; echo $$ >worker; while :; do sleep 0.05; done'

# killed_run OPTION... [--] COMMAND...: a run whose nlock, heartbeat, and all of
# its process group, was killed, while a worker of its command's goes on.
killed_run() {
	in_group nlock run "$@"
	eventually test -s worker
	kill_unkept $!
	wait $! || true
	eventually is_dead $!
	kill -0 "$(cat worker)"
}

teardown() {
	[ ! -s worker ] || kill -KILL "$(cat worker)" 2>/dev/null || true
	common_teardown
}

ends() {
	kill -KILL "$1"
	eventually ended "$1"
}

# is_kept [STATUS]: nobody of this machine can have the lock.
is_kept() {
	run "-${1:-75}" --separate-stderr nlock acquire -n --clock-slop 1ms "$LOCK"
	complains
	is_state unknown
	nlock status -q "$LOCK"
}

over() {
	touch -d '1 hour ago' "$LOCK"
}

# ---------------------------------------------------------- nlock was killed

@test "run, killed: what its command has started keeps the lock, be it in another session" {
	killed_run -l 1h "$LOCK" -- setsid sh -c "$worker"
	is_kept
	ends "$(cat worker)"
	is_free
}

@test "run, killed: what its command has started keeps the lock, be it in another process group" {
	killed_run -l 1h "$LOCK" -- timeout 1000 sh -c "$worker"
	is_kept
	ends "$(cat worker)"
	eventually_seen is_state stale
	is_free
}

@test "run, killed: what is left of its command's children keeps the lock" {
	killed_run -l 1h "$LOCK" -- \
		sh -c 'setsid -f sh -c "$1"; sleep 1000' sh "$worker"
	is_kept
	ends "$(cat worker)"
	is_free
}

@test "run, killed: what was started by a run within it keeps its lock, too" {
	killed_run -l 1h "$LOCK" -- nlock run "$LOCK.2" \
		nlock run "$LOCK.3" setsid sh -c "$worker"
	is_kept
	LOCK=$LOCK.2 is_kept
	LOCK=$LOCK.3 is_kept
	ends "$(cat worker)"
	is_free
}

@test "run, killed: a process that has lost its main thread keeps the lock" {
	program lone_thread
	in_group nlock run -l 1h "$LOCK" -- setsid "$PROGRAM" file 15
	eventually test -s file
	kill_unkept $!
	wait $! || true
	eventually is_dead $!
	pgrep -f -x "$PROGRAM file 15" >worker ||
		pgrep -n -x lone_thread >worker
	grep -q '^State:.Z' "/proc/$(cat worker)/status"
	is_kept
	ends "$(cat worker)"
	eventually_seen is_state stale
	is_free
}

@test "run, killed: a process keeps the lock however large its environment is" {
	local i

	for i in {1..8}; do
		export "LARGE$i=$(head -c 100000 /dev/zero | tr '\0' x)"
	done
	# shellcheck disable=SC2016
	killed_run -l 1h "$LOCK" -- sh -c 'exec env -u NLOCK_CLAIM \
		"NLOCK_CLAIM=$NLOCK_CLAIM" setsid sh -c "$1"' sh "$worker"
	tail -c 1000 "/proc/$(cat worker)/environ" | grep -aq NLOCK_CLAIM
	is_kept
}

@test "run, killed: nobody else keeps the lock, such as a process with the claim of another" {
	local other holder

	NLOCK_CLAIM="$LOCK|$(hostname)|1|n0123456789abcdef" sleep 1000 &
	other=$!
	in_group nlock run -l 1h "$LOCK" -- sh -c 'touch began; sleep 1000'
	eventually test -e began
	NLOCK_CLAIM=$(cat "$LOCK").x sleep 1000 &
	env -i sleep 1000 &
	holder=$(pid_on_record)
	kill -KILL -- "-$holder"
	eventually is_dead "$holder"
	is_free
	kill -0 $other
}

pid_on_record() {
	nlock status --json "$LOCK" | json pid
}

@test "run, killed: a job with the lock's directory and name of any bytes keeps it" {
	local path=$DIR/$'new\nline \xff|=/job\n.\xfelock'

	mkdir "${path%/*}"
	LOCK=$path
	killed_run -l 1h "$LOCK" -- setsid sh -c "$worker"
	run -75 nlock acquire -n "$LOCK"
	ends "$(cat worker)"
	is_free		# once the worker's last child has ended, too
}

# ------------------------------------------------- who can't be looked at

# vainly PID... -- COMMAND...: run it so that to read the environment of these
# processes takes for ever.
vainly() {
	local hanging=" "

	preload hanging_environ
	while [ "$1" != -- ]; do
		hanging+="/proc/$1/environ "
		shift
	done
	shift
	timeout -s KILL 30 "${PRELOAD[@]}" HANGING="$hanging" "$@"
}

@test "run, killed: a process that can't be looked at without end is not waited for, and keeps the lock" {
	needs cc
	in_group nlock run -l 1h "$LOCK" -- sleep 1000
	eventually is_state unknown
	kill_unkept $!
	wait $! || true
	eventually is_dead $!
	sleep 1000 3>&- &
	run -75 vainly $! $$ -- nlock acquire -n "$LOCK"
	[[ $output == *": held by "* ]]
	is_free
	kill $!
}

@test "run, killed: beyond a process that can't be looked at, one of the job is found" {
	needs cc
	killed_run -l 1h "$LOCK" -- setsid sh -c "$worker"
	over
	run -78 vainly $$ -- nlock acquire -n --clock-slop 1ms "$LOCK"
	[[ $output == *", but pid "*" of that job lives here; "* ]]
}

# as_nobody COMMAND...: in a PID namespace with nobody else in it, whose /proc
# has these options.  "${nobody[@]}" is the unprivileged user there.
as_nobody() {
	needs root
	chmod a+rx "$BATS_RUN_TMPDIR"
	chmod 777 .
	export LOCK NOBODY="setpriv --reuid=65534 --regid=65534 --clear-groups"
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH timeout 60 \
		unshare --pid --fork --mount sh -ec "mount -t proc $1 proc /proc
			$prelude $2"
}

# There: killed_run(), with its holder's lease long enough.  held() is whether
# the user can't have the lock now.
# shellcheck disable=SC2016	# for another shell
prelude='eventually() {
		i=0; until "$@"; do
			i=$((i + 1)); [ $i -lt 200 ] || exit 99; sleep 0.05
		done
	}
	killed_run() {
		sleep 0.05	# so that the shell is older
		$NOBODY setsid nlock run -l 1h "$LOCK" -- \
			sh -c "echo \$PPID >nlock; exec sleep 1000" &
		holder=$!
		eventually test -s nlock
		sleep 0.05	# a tick of the clock of start times
		"$@"
		kill -KILL -$(cat nlock)
		wait $holder || true
		eventually no_nlock	# nor its heartbeat
	}
	no_nlock() { ! pgrep -x nlock >pids; }
	held() {
		status=0
		$NOBODY nlock acquire -n "$LOCK" >printed 2>&1 || status=$?
		[ $status = 75 ]
	}
	'

@test "run, killed: for a user who can't look at a process that is younger, the lock is kept" {
	# shellcheck disable=SC2016
	as_nobody "" '
		start_one() { sleep 1000 & one=$!; }
		killed_run start_one
		held
		kill -KILL $one; wait $one || true
		! held || { cat printed; ps -ef; exit 1; }'
}

@test "run, killed: older processes, zombies and those of the user do not keep the lock" {
	needs python3
	# shellcheck disable=SC2016
	as_nobody "" '
		python3 -c "import os, time
while not os.path.exists(\"fork\"):
    time.sleep(0.01)
child = os.fork()
if child == 0:
    os._exit(0)
print(child, file=open(\"zombie\", \"w\"))
time.sleep(1000)" &
		sleep 0.05
		is_zombie() { grep -qs "^State:.Z" "/proc/$(cat zombie)/status"; }
		is_sleep() { grep -q sleep /proc/$1/comm; }
		leave_some() {
			touch fork
			eventually test -s zombie
			eventually is_zombie
			$NOBODY env -i /bin/sleep 1000 &
			eventually is_sleep $!
		}
		killed_run leave_some
		! held || { cat printed; exit 1; }'
}

@test "run, killed: where /proc hides processes, the lock is kept" {
	# shellcheck disable=SC2016
	as_nobody "-o hidepid=invisible" '
		killed_run true
		held'
}

# ------------------------------------------------------- the lease is over

@test "run: a lease that is over keeps those on its machine out while nlock lives, and nobody else" {
	needs root

	# As by a step of the machine's clock.
	in_group nlock run -l 10m "$LOCK" -- sleep 1000
	eventually is_state unknown
	over
	is_kept
	[[ $stderr == *"lease ended "*", but pid $! of that job lives here" ]]
	run -0 nlock status "$LOCK"
	[[ $output == *": held by "*", but pid $! of that job lives here" ]]
	run -0 elsewhere nlock status --json "$LOCK"
	[ "$(json state <<<"$output")" = theirs_expired ]
	run -0 elsewhere nlock acquire -n "$LOCK"
}

@test "run: a lease that is over keeps those on its machine out while it is stopped with all of its job" {
	in_group nlock run -l 1s "$LOCK" -- sleep 1000
	eventually is_state unknown
	eventually heartbeat_of $!
	signal_all STOP $!
	run -75 nlock run -q -w 4s --clock-slop 1ms "$LOCK" true
	is_kept
	# It is still ours, and so goes on.
	signal_all CONT $!
	kill $!
	ended_with 143 $!
}

@test "run, killed: a lease that is over keeps those on its machine out while its command goes on" {
	local waiter

	# One process, as any of the job may be named.
	killed_run -l 1h "$LOCK" -- setsid sh -c \
		'trap "" TERM; echo $$ >worker; exec sleep 1000'
	over
	is_kept 78
	[[ $stderr == *", but pid $(cat worker) of that job lives here; "* ]]
	in_group nlock run --clock-slop 1ms "$LOCK" -- true
	waiter=$!
	eventually claims_are 2
	ends "$(cat worker)"
	ended_with 0 "$waiter"
	nothing_left
}

@test "run: where nlock's process is not known, a lease that is over keeps those out who see its command" {
	needs root

	in_group unshare --pid --fork nlock run -l 10m "$LOCK" -- sleep 1000
	eventually is_state unknown
	over
	is_kept 78
	kill -KILL -- "-$!"
	wait $! || true
	run -0 nlock acquire -n -w 10s "$LOCK"
}

@test "acquire --pid: a lease that is over is over, though the process lives" {
	in_group sleep 1000
	nlock acquire --pid $! "$LOCK" >/dev/null
	over
	is_state theirs_expired
	run -0 nlock acquire -n "$LOCK"
}

@test "a waiter that leaves a lock alone though its lease is over says so, and does not spin" {
	needs strace
	in_group nlock run -l 10m "$LOCK" -- sleep 1000
	eventually is_state unknown
	over
	run -75 --separate-stderr "${STRACE[@]}" -o log -e trace=ppoll \
		nlock run -v -w 3s "$LOCK" true
	[ "$(grep -c "waiting: .*, but pid .* lives here" <<<"$stderr")" = 1 ]
	[ "$(grep -c ppoll log)" -le 60 ]
}

@test "a waiter that leaves a lock alone though its lease is over is woken when nlock has ended" {
	local holder waiter

	needs strace
	in_group nlock run -l 10m "$LOCK" -- sleep 1000
	holder=$!
	eventually is_state unknown
	over
	in_group "${STRACE[@]}" -y -o log -e trace=ppoll \
		nlock acquire --state state "$LOCK"
	waiter=$!
	eventually claims_are 2
	eventually is_polling
	kill -KILL -- "-$holder"
	ended_with 0 "$waiter"
	grep -q 'ppoll(.*\(pidfd\|<pid:\).* = [12] ' log
}

is_polling() {
	tail -n 1 log | grep -q 'ppoll('
}

# ----------------------------------------------------------- one's ancestors

# Without the variables, as sudo(8) has it.
forgetful=(env -u NLOCK_CLAIM -u NLOCK_CLAIMS -u NLOCK_LOCK timeout 20)

# all_are_73 COMMAND...: and then nlock of any kind for LOCK.
all_are_73() {
	run -73 --separate-stderr "$@" nlock run "$LOCK" touch ran
	[ "$stderr" = "nlock: $LOCK: the caller holds this lock already" ]
	run -73 "$@" nlock run -n "$LOCK" touch ran
	run -73 "$@" nlock acquire -w 10s "$LOCK"
	[ ! -e ran ]
}

@test "run: of a lock that an ancestor keeps is 73, without NLOCK_CLAIM, too" {
	all_are_73 nlock run "$LOCK" "${forgetful[@]}"
	# One that the command has left in the background is one still.
	# shellcheck disable=SC2016
	nlock run "$LOCK" "${forgetful[@]}" sh -c '
		(setsid sh -c "nlock run \"\$1\" true; echo \$? >status" sh "$1" &)
		until [ -s status ]; do sleep 0.05; done' sh "$LOCK"
	[ "$(cat status)" = 73 ]
	nothing_left
}

@test "run: of a lock that an outer run keeps is 73, within other locks, too" {
	all_are_73 nlock run "$LOCK" nlock run "$LOCK.2" nlock run "$LOCK.3" \
		timeout 20
	all_are_73 nlock run "$LOCK" nlock run "$LOCK.2" "${forgetful[@]}"
	nothing_left
}

@test "run: of a lock that an outer run keeps is 73 in another PID namespace, too" {
	needs root

	all_are_73 nlock run "$LOCK" nlock run "$LOCK.2" \
		unshare --pid --fork --mount-proc timeout 20
}

@test "run: the same within locks whose paths are as long as can be" {
	needs root
	local i inner=() long=$DIR

	while [ ${#long} -lt 3500 ]; do
		long+=/$(printf '%0200d' 0)
	done
	mkdir -p "$long"
	for i in {1..9}; do
		inner+=(nlock run "$long/$i")
	done
	run -73 nlock run "$LOCK" "${inner[@]}" \
		unshare --pid --fork --mount-proc timeout 20 nlock run "$LOCK" true
}

@test "run: of a lock that an ancestor keeps is 73, though its lease is over" {
	# shellcheck disable=SC2016
	all_are_73 nlock run "$LOCK" sh -c 'touch -d "1 hour ago" "$NLOCK_LOCK"
		exec "$@"' sh "${forgetful[@]}"
	all_are_73 nlock run "$LOCK" sh -c 'touch -d "1 hour ago" "$NLOCK_LOCK"
		exec timeout 20 "$@"' sh
}

@test "acquire --pid: of a lock that stands for an ancestor is 73, until its lease is over" {
	# shellcheck disable=SC2016
	all_are_73 sh -c 'nlock acquire --pid $$ "$1" >printed
		shift; "$@"' sh "$LOCK" timeout 20
	# shellcheck disable=SC2016
	run -73 sh -c 'nlock acquire --pid $$ "$1" >printed
		exec timeout 20 nlock run "$1" true' sh "$LOCK.2"
	# shellcheck disable=SC2016
	run -0 sh -c 'nlock acquire --pid $$ "$1" >printed
		touch -d "1 hour ago" "$1"
		timeout 20 nlock run "$1" true' sh "$LOCK.3"
}

@test "run: of a lock that a sibling keeps is waited for" {
	in_group nlock run "$LOCK" -- sleep 1000
	eventually is_state unknown
	run -75 "${forgetful[@]}" nlock run -n "$LOCK" true
	run -75 "${forgetful[@]}" nlock run -w 300ms "$LOCK" true
}
