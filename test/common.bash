# SPDX-License-Identifier: MIT
# common.bash - what the .bats files share.
#
# A test runs in an empty directory of its own, with LOCK a path in it.  Wait
# for a condition with "eventually", never for a time to pass.

TEST=$(cd "${BASH_SOURCE[0]%/*}" && pwd)

# strace(1), under which a process can't look for its leaks.
# shellcheck disable=SC2034	# by those who load this
STRACE=(env ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
	strace -f -qq)

# preload NAME: have in PRELOAD what runs a command with the library made of
# preload/NAME.c.
preload() {
	local library=$BATS_FILE_TMPDIR/$1.so

	needs cc
	[ -e "$library" ] || "${CC:-cc}" -O1 -shared -fPIC -o "$library" \
		"$TEST/preload/$1.c" || return 1
	# shellcheck disable=SC2034	# by those who load this
	PRELOAD=(env LD_PRELOAD="$library"
		ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0")
}

# program NAME: build programs/NAME.c, for $PROGRAM to be its path.
program() {
	needs cc
	# shellcheck disable=SC2034	# by those who load this
	PROGRAM=$BATS_FILE_TMPDIR/$1

	[ -e "$PROGRAM" ] || "${CC:-cc}" -O1 -pthread -o "$PROGRAM" \
		"$TEST/programs/$1.c"
}

# needs WHAT...: skip the test where that can't be had: "root", "fuse", "flufl",
# "cc" for a compiler, "attach" for strace -p, or a program.  Within "run" or
# $(...) nothing is skipped.
needs() {
	local what

	for what; do
		case $what in
		root)	[ "$(id -u)" = 0 ] ;;
		fuse)	[ -r /dev/fuse ] && [ -w /dev/fuse ] ;;
		flufl)	/usr/bin/python3 -c 'import flufl.lock' ;;
		cc)	has_compiler ;;
		attach)	may_attach ;;
		*)	command -v "$what" ;;
		esac >/dev/null 2>&1 || skip "needs $what"
	done
}

# Not only to its own children.
may_attach() {
	[ "$(id -u)" = 0 ] ||
		! grep -v '^0$' /proc/sys/kernel/yama/ptrace_scope
}

has_compiler() {
	command -v "${CC:-cc}"
}

common_setup() {
	bats_require_minimum_version 1.5.0
	: "${NLOCK:=$TEST/../build/nlock}"
	PATH=$(dirname "$NLOCK"):$PATH
	unset NLOCK_CLAIM NLOCK_CLAIMS NLOCK_LOCK NLOCK_TIMEOUT NLOCK_LIFETIME
	DIR=$BATS_TEST_TMPDIR/d
	LOCK=$DIR/job.lock
	mkdir "$DIR"
	cd "$DIR" || return 1
}

# Whatever a test has left running ends with it.
common_teardown() {
	local pid

	for pid in $(jobs -p); do
		kill -KILL -- "-$pid" 2>/dev/null ||
			kill -KILL "$pid" 2>/dev/null || true
	done
	return 0
}

# A file with more to set up or take down defines its own, and calls those.
setup() {
	common_setup
}

teardown() {
	common_teardown
}

# eventually COMMAND...: until it succeeds; fails after 20 s.
eventually() {
	local tries=400

	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		if [ $tries -le 0 ]; then
			echo "never came true: $*" >&2
			return 1
		fi
		command sleep 0.05
	done
}

# in_group COMMAND...: start it in the background as the leader of a process
# group of its own, with $! its pid.  (A holder counts as dead only once its
# whole group is.)
in_group() {
	setsid "$@" 3>&- &
	eventually leads_group $!
}

leads_group() {
	[ "$(ps -o pgid= -p "$1" | tr -d ' ')" = "$1" ] || ! kill -0 "$1"
}

# wait_traced OPTION...: start, as in_group, an nlock run with these that waits
# for $LOCK and watches a file, once its pauses last for a fifth of a second.
wait_traced() {
	in_group "${STRACE[@]}" -y -o ppoll.log -e trace=ppoll \
		nlock run -l 10m "$@" "$LOCK" true
	eventually grep -qE 'inotify.*tv_(sec=[1-9]|nsec=[2-9].{8}\}).* = 0 ' \
		ppoll.log
}

# was_woken: what wait_traced has started has got the lock by an event, and not
# by a pause's end, which may come at the same time.
was_woken() {
	grep inotify ppoll.log | tail -n 1 | grep revents
}

# ended PID: it has, whether or not it was waited for.
ended() {
	! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"
}

# ended_with STATUS PID: wait for a background process, at most 100 s, which
# must exit so.
ended_with() {
	local status=0 tries=2000

	until ended "$2"; do
		tries=$((tries - 1))
		if [ $tries -le 0 ]; then
			echo "does not end: $2" >&2
			return 1
		fi
		command sleep 0.05
	done
	wait "$2" || status=$?
	[ "$status" = "$1" ] || {
		echo "exit status $status, not $1" >&2
		return 1
	}
}

# Nothing of a lock is left in the directory: no claim, warrant, breaker.
nothing_left() {
	local left

	left=$(find "$DIR" -mindepth 1 -name 'job.lock*')
	[ -z "$left" ] || { echo "left: $left" >&2; return 1; }
}

# is_state STATE: the state of $LOCK, as status --json has it.
is_state() {
	nlock status --json "$LOCK" | grep -q "\"state\":\"$1\""
}

# json NAME: a member of the JSON object on standard input; text as it is.
json() {
	local object

	read -r object
	case $object in
	*\\*)	python3 -c 'import json, sys
value = json.loads(sys.argv[1])[sys.argv[2]]
print(value if isinstance(value, str) else json.dumps(value))' "$object" "$1" ;;
	*)	sed -nE "s/.*\"$1\":(\"([^\"]*)\"|([^\",}]+)).*/\2\3/p" \
			<<<"$object" | grep . ;;
	esac
}

# Standard error is one line of nlock's.
complains() {
	# shellcheck disable=SC2154	# set by run
	echo "stderr: $stderr"
	[[ $stderr == "nlock: "* && $stderr != *$'\n'* ]]
}

# Of the lease, in seconds.
remaining() {
	nlock status --json "$LOCK" | json remaining
}

# between LOW NUMBER HIGH
between() {
	echo "between: $*"
	awk -v l="$1" -v n="$2" -v h="$3" 'BEGIN { exit !(l <= n && n <= h) }'
}

# leave_claim NAME AGE: as a waiter that was killed has left it beside $LOCK,
# its lease over for so long.
leave_claim() {
	mkdir "$DIR/$1|warrant"
	printf '%s/%s' "$DIR" "$1" >"$DIR/$1"
	touch -d "$2 ago" "$DIR/$1"
}

# start_of PID: in ticks since the boot; nothing if it is gone.
start_of() {
	local stat

	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	# shellcheck disable=SC2086	# words
	set -- ${stat##*) }
	echo "${20}"
}

# A process that this user can't look at has started since this test has: it may
# be one of any job that was killed meanwhile.
others_have_started() {
	local began directory started

	began=$(start_of $$)
	for directory in /proc/[0-9]*; do
		[ ! -r "$directory/environ" ] || continue
		started=$(start_of "${directory#/proc/}")
		[ "${started:-0}" -lt "$began" ] || return 0
	done
	return 1
}

# A killed job's lock may stay locked for want of a look at others' processes.
# They may be short, and one look through /proc is slow; root can look at all.
others_hide_jobs() {
	[ "$(id -u)" != 0 ] && eventually others_have_started
}

skip_unseen() {
	skip "processes of others have started"
}

# seen COMMAND...: nlock gets a killed job's lock in time, or the test is
# skipped where nlock can't look at all that might be that job's.
seen() {
	local status=0

	"$@" || status=$?
	[ $status != 75 ] || ! others_hide_jobs || skip_unseen
	return $status
}

# eventually_seen COMMAND...: the same, of what becomes true without waiting.
eventually_seen() {
	if ! eventually "$@"; then
		! others_hide_jobs || skip_unseen
		return 1
	fi
}

# is_free: the lock can be had at once, though its lease runs.
is_free() {
	eventually_seen nlock acquire -n "$LOCK"
}

# How many claims there are, be it of holders or of waiters.
claims_are() {
	[ "$(find "$DIR" -maxdepth 1 -name 'job.lock|*' -type f | wc -l)" = "$1" ]
}

# mount_fuse DIRECTORY MOUNT [OPTION...]: have a file system by FUSE, whose files
# are DIRECTORY's; $! is its server.
mount_fuse() {
	needs fuse bindfs
	mkdir -p "$1" "$2"
	bindfs -f --no-allow-other "${@:3}" "$1" "$2" >/dev/null 2>&1 3>&- &
	eventually mountpoint -q "$2"
}

# elsewhere COMMAND...: as if on another machine, by a host name of its own.
# Only root can.
elsewhere() {
	# shellcheck disable=SC2016
	unshare --uts sh -c 'echo elsewhere >/proc/sys/kernel/hostname
		exec "$@"' sh "$@"
}

# leads PID: its process group has begun to be.
leads() {
	kill -0 -- "-$1"
}

# is_dead PID: it has ended and its whole group.
is_dead() {
	! leads "$1"
}

# The process that renews the lease of the nlock run with that pid.
heartbeat_of() {
	pgrep -P "$1" -x nlock
}

# kill_unkept PID: kill the nlock run with that pid, its whole process group with
# the runs in it and, before those can become keepers, their heartbeats.
kill_unkept() {
	kill -STOP -- "-$1"
	eventually is_stopped_now "$1"
	kill_heartbeats_below "$1"
	kill -KILL -- "-$1"
}

# is_heartbeat PID: an nlock with a session of its own.
is_heartbeat() {
	local sid comm

	read -r sid comm <<<"$(ps -o sid=,comm= -p "$1")"
	[ "$sid $comm" = "$1 nlock" ]
}

kill_heartbeats_below() {
	local child

	for child in $(pgrep -P "$1"); do
		if is_heartbeat "$child"; then
			kill -KILL "$child"
			eventually ended "$child"
		else
			kill_heartbeats_below "$child"
		fi
	done
}

# By the shell alone: a busy machine takes its time to start programs.
is_stopped_now() {
	local line

	read -r line <"/proc/$1/stat" && [[ ${line##*)} == " "[Tt]* ]]
}

# signal_all SIGNAL PID: to the job, and then to its heartbeat, which is in no
# group that anybody knows, and to what that has started.
signal_all() {
	local heartbeat others=

	heartbeat=$(heartbeat_of "$2") || true
	if [ -n "$heartbeat" ] && [ "$1" = STOP ]; then
		# It may be just about to start its guard.
		kill -STOP "$heartbeat"
		eventually is_stopped_now "$heartbeat"
	fi
	[ -z "$heartbeat" ] ||
		read -r others <"/proc/$heartbeat/task/$heartbeat/children" ||
		others=$(pgrep -P "$heartbeat") || true
	kill "-$1" -- "-$2" || return 1
	# Once the job goes on, it may end them.
	# shellcheck disable=SC2086	# a list
	[ -z "$heartbeat" ] || kill "-$1" $heartbeat $others 2>/dev/null || true
}
