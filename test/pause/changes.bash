# SPDX-License-Identifier: MIT
# changes.bash - stop a command before one of its changes to the file system.
#
# A change is written NAME:NTH, the NTH call of NAME in one process; strace(1)
# counts each call, and each process, for itself.  Load after common.

# To strace, "?" means: if this machine has it.
CHANGING=$(sed -nE 's/^(MAYBE_)?CHANGE\((.*)\)$/?\2/p' "$TEST/changes.h" |
	paste -sd ,)

# hold LIFETIME...: take $LOCK; $CLAIM is the claim.
hold() {
	eval "$(nlock acquire "$@" --var CLAIM "$LOCK")"
}

# share LIFETIME...: be one of those who share $LOCK; $CLAIM is the claim.
share() {
	hold -s "$@"
}

# has_lock CLAIM: alone, or as one of those who share it.
has_lock() {
	[ "$1" -ef "$LOCK" ] || [ -f "$(cat "$LOCK")|sharers/${1##*/}" ]
}

# hold_other: share it for long; $OTHER is the claim.
hold_other() {
	eval "$(nlock acquire -s -l 10m --var OTHER "$LOCK")"
}

# Nothing has happened to that one, which then leaves.
other_is_unharmed() {
	has_lock "$OTHER"
	nlock refresh -l 10m --claim "$OTHER"
	nlock release --claim "$OTHER"
}

# modified_ns FILE: its modification time, which for a claim is its lease's end.
modified_ns() {
	stat -c %.9Y "$1" | tr -d .
}

# lease_end_ns: of $LOCK, or of the last one who shares it; 0 if there is none.
lease_end_ns() {
	local group

	if [ ! -e "$LOCK" ]; then
		echo 0
	elif group=$(cat "$LOCK"); [[ $group != *'|g'* ]]; then
		modified_ns "$LOCK"
	else
		{ echo 0; find "$group|sharers" -type f -exec stat -c %.9Y {} +; } \
			2>/dev/null | tr -d . | sort -n | tail -n 1
	fi
}

# now_ns: by the clock of the file system.
now_ns() {
	modified_ns "$(mktemp -p "$BATS_TEST_TMPDIR")"
}

# lease_over_by MS
lease_over_by() {
	[ $(($(now_ns) - $(lease_end_ns))) -gt $(($1 * 1000000)) ]
}

traced() {
	"${STRACE[@]}" -y "$@"
}

# changes_in LOG: the changes that strace has logged, each named once.
# Standard output and error, pipes and the like are not the file system's.
changes_in() {
	awk '$2 ~ /^[a-z0-9_]+\(/ {
		name = $2
		sub(/\(.*/, "", name)
		change = name ":" ++count[$1, name]
		if ((name ~ /^open/ && !/O_CREAT/) || $2 ~ /^write\(([12]<|[0-9]+<[^\/])/)
			next
		if (!seen[change]++)
			print change
	}' "$1"
}

# changes_of COMMAND...: run it to its end, and print its changes.
changes_of() {
	local log=$BATS_TEST_TMPDIR/log.$BASHPID

	traced -o "$log" -e "trace=$CHANGING" "$@" >/dev/null || true
	changes_in "$log"
}

# hold_up CHANGE LOG COMMAND...: start it, and wait until it is about to make
# the change, where it stays.  $HELD is its pid.  Fails if it ends before.
hold_up() {
	local change=$1 log=$2

	shift 2
	: >"$log"
	in_group "${STRACE[@]}" -D -y -o "$log" -e "trace=$CHANGING" \
		-e "inject=${change%:*}:delay_enter=3600s:when=${change#*:}" \
		"$@"
	HELD=$!
	ALL_HELD+=("$HELD")
	eventually held_or_ended "$change" "$log"
	is_held "$change" "$log"
}

# strace logs a call when it begins.
is_held() {
	changes_in "$2" | grep -qx "$1"
}

has_ended() {
	local stat

	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ $stat == *') Z '* ]]
}

held_or_ended() {
	is_held "$@" || has_ended "$HELD"
}

end_tracer() {
	local tracer

	tracer=$(sed -n 's/^TracerPid:[[:space:]]*//p' \
		"/proc/${1:-$HELD}/status" 2>/dev/null) || true
	[ "${tracer:-0}" = 0 ] || kill -KILL "$tracer"
}

# let_go [PID]: without its tracer a held process goes on.  Returns its exit
# status.
let_go() {
	local pid=${1:-$HELD}

	end_tracer "$pid"
	if ! eventually has_ended "$pid"; then
		kill -KILL -- "-$pid"
		return 1
	fi
	wait "$pid"
}

# kill_before CHANGE COMMAND...: run it in a process group of its own and kill
# it before it makes the change.  Returns its exit status, 137 if it was.
kill_before() {
	local change=$1

	shift
	in_group "${STRACE[@]}" -o /dev/null -e "trace=${change%:*}" \
		-e "inject=${change%:*}:signal=KILL:when=${change#*:}" "$@"
	wait $!
}

# keep LIFETIME [OPTION...]: have $LOCK kept for the process $WARD, by the
# process $KEEPER and its heartbeat $HEARTBEAT; $CLAIM is the claim.
keep() {
	sleep 1000 >/dev/null 3>&- &
	WARD=$!
	ALL_KEPT+=("$WARD")
	eval "$(nlock acquire --keep --pid "$WARD" -l "$@" --var CLAIM "$LOCK")"
	KEEPER=$(keepers | head -n 1)
	eventually heartbeat_of "$KEEPER"
	HEARTBEAT=$(heartbeat_of "$KEEPER")
}

# The oldest comes first.
keepers() {
	pgrep -f "^nlock acquire --keep .* $LOCK\$"
}

no_keepers() {
	! keepers
}

# trace PID OPTION...: have strace(1) log its changes from now on.
trace() {
	: >"$DIR/log"
	"${STRACE[@]}" -y -o "$DIR/log" -e "trace=$CHANGING" "${@:2}" -p "$1" \
		>/dev/null 3>&- &
	ALL_KEPT+=("$!")
	eventually has_tracer "$1"
}

has_tracer() {
	! grep -q '^TracerPid:.0$' "/proc/$1/status"
}

# hold_from_now PID CHANGE: it is to stay where it is about to make the change.
hold_from_now() {
	trace "$1" -e "inject=${2%:*}:delay_enter=3600s:when=${2#*:}"
}

# kill_from_now PID CHANGE: the same, to be killed there.
kill_from_now() {
	trace "$1" -e "inject=${2%:*}:signal=KILL:when=${2#*:}"
}

was_killed() {
	grep -q 'killed by SIGKILL' "$DIR/log"
}

# The changes of a keeper once $WARD is dead, and of its heartbeat's next beat.
changes_of_keeper() {
	keep 1h "$@"
	trace "$KEEPER"
	kill "$WARD"
	eventually no_keepers
	changes_in "$DIR/log"
}

changes_of_beat() {
	keep 3s "$@"
	trace "$HEARTBEAT"
	eventually is_held "utimensat:3" "$DIR/log"
	kill "$WARD"
	changes_in "$DIR/log" | grep ':[12]$'
}

# Whatever a schedule that failed still holds up.
end_held() {
	local pid

	for pid in "${ALL_HELD[@]}"; do
		kill -KILL -- "-$pid" 2>/dev/null || true
	done
	for pid in "${ALL_KEPT[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
}

# Exit statuses of a schedule whose change never came, and of one where nlock
# could not see that the job had ended; see others_hide_jobs.
NEVER_CAME=99
UNSEEN=98

# at_each FUNCTION CHANGE...: call FUNCTION CHANGE for all of them at the same
# time, each with a directory and a LOCK of its own.  Fails if one fails, or
# if there are too few to be true.
at_each() {
	local function=$1 schedule pid status failed=0 never=0 unseen=0
	local -A pids=()

	shift
	for schedule; do
		(
			ALL_HELD=()
			ALL_KEPT=()
			trap end_held EXIT
			DIR=$BATS_TEST_TMPDIR/$schedule
			LOCK=$DIR/job.lock
			mkdir "$DIR"
			cd "$DIR" || exit
			"$function" "$schedule"
		) >"$BATS_TEST_TMPDIR/out.$schedule" 2>&1 3>&- &
		pids[$schedule]=$!
	done
	for schedule; do
		status=0
		wait "${pids[$schedule]}" || status=$?
		[ $status != 0 ] || continue
		if [ $status = $NEVER_CAME ]; then
			never=$((never + 1))
			continue
		fi
		if [ $status = $UNSEEN ]; then
			unseen=$((unseen + 1))
			continue
		fi
		failed=$((failed + 1))
		echo "$function $schedule: exit status $status"
		sed 's/^/  /' "$BATS_TEST_TMPDIR/out.$schedule"
		find "$BATS_TEST_TMPDIR/$schedule" -mindepth 1 -printf '  %P\n'
	done
	echo "# count: $(($# - never - unseen)) schedules" >&3
	[ $(($# - never)) -gt $(($# / 2)) ] && [ $failed = 0 ] || return 1
	[ $unseen = 0 ] || skip_unseen
}
