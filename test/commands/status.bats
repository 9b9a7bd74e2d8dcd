#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# nlock status: who holds a lock, told without touching it.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

# All that a change could show in, but the times of access.
listing() {
	find "$DIR" -printf '%p %y %m %u %i %n %s %T@ %C@ %l\n' | sort
}

# One function for each state: make $LOCK be in it.

make_unlocked() {
	:
}

make_ours() {
	eval "$(nlock acquire -l 1h "$LOCK")"
}

make_ours_expired() {
	make_ours
	touch -d "1 hour ago" "$LOCK"
}

make_stale() {
	local pid

	in_group sleep 100
	pid=$!
	eventually leads $pid
	nlock acquire -l 1h --pid $pid "$LOCK" >/dev/null
	kill -KILL $pid
	wait $pid || true
	eventually is_dead $pid
}

make_theirs_expired() {
	nlock acquire "$LOCK" >/dev/null
	touch -d "1 hour ago" "$LOCK"
}

make_unknown() {
	nlock acquire -l 1h "$LOCK" >/dev/null
}

# The pid in the claim that $LOCK is.
pid_in_claim() {
	local claim

	claim=$(cat "$LOCK")
	claim=${claim%"|"*}
	echo "${claim##*"|"}"
}

make_foreign() {
	echo "of somebody else" >"$LOCK"
}

# by_hand HOST PID: a lock as another machine would have left it, its claim's
# path in $CLAIM.
by_hand() {
	CLAIM="$LOCK|$1|$2|n0123456789abcdef"
	printf '%s' "$CLAIM" >"$CLAIM"
	ln "$CLAIM" "$LOCK"
	mkdir "$CLAIM|warrant"
}

# members CODE: check the object on standard input, "o", by Python.
members() {
	python3 -c 'import json, sys
o, = [json.loads(line) for line in sys.stdin]
assert list(o) == ["lock", "state", "held", "claim", "host", "pid", "user",
                   "since", "expires", "remaining", "kept", "slot", "mode",
                   "token"], list(o)
assert eval("(" + sys.argv[1] + ")"), o' "$1"
}

# is_told STATE WORDS: status says so, in words and as JSON.
is_told() {
	run -0 --separate-stderr nlock status "$LOCK"
	echo "$output"
	# shellcheck disable=SC2053	# WORDS is a pattern
	[[ $output == "$LOCK: "$2 ]]
	[ "${#lines[@]}" = 1 ]
	[ -z "$stderr" ]
	is_state "$1"
}

# ------------------------------------------------------------------- states

@test "status: of a lock that nobody has is unlocked" {
	needs python3
	is_told unlocked "unlocked"
	nlock status --json "$LOCK" | members "o == {**o, 'lock': '$LOCK',
		'state': 'unlocked', 'held': False, 'claim': None,
		'host': None, 'pid': None, 'user': None, 'since': None,
		'expires': None, 'remaining': None, 'mode': None,
		'token': None}"
}

@test "status: of a lock of ours is ours" {
	needs python3
	make_ours
	is_told ours "held by $(hostname) pid $(pid_in_claim) (*) for *lease ends in *"
	nlock status --json "$LOCK" | members "o == {**o, 'lock': '$LOCK',
		'state': 'ours', 'held': True, 'claim': '$NLOCK_CLAIM',
		'host': '$(hostname)', 'pid': $(pid_in_claim),
		'mode': 'exclusive', 'user': '$(id -un)'} and 3500 < o['remaining'] <= 3600"
}

@test "status: of a lock of ours whose lease is over is ours_expired" {
	needs python3
	make_ours_expired
	is_told ours_expired "*$(hostname) pid $(pid_in_claim) *lease ended * ago*"
	nlock status --json "$LOCK" | members "o == {**o,
		'state': 'ours_expired', 'held': False,
		'claim': '$NLOCK_CLAIM'} and -3700 < o['remaining'] <= -3600"
}

@test "status: of a lock whose process is dead is stale" {
	needs python3
	make_stale
	is_told stale "*stale*$(hostname) pid *"
	nlock status --json "$LOCK" | members "o == {**o, 'state': 'stale',
		'held': False, 'host': '$(hostname)'} and
		3500 < o['remaining'] <= 3600"
}

@test "status: of a lock of others whose lease is over is theirs_expired" {
	needs python3
	make_theirs_expired
	is_told theirs_expired "*$(hostname) pid $BASHPID *lease ended * ago*"
	nlock status --json "$LOCK" | members "o == {**o,
		'state': 'theirs_expired', 'held': False, 'pid': $(pid_in_claim)
		} and -3700 < o['remaining'] <= -3600"
}

@test "status: of a lock that others have is unknown" {
	needs python3
	make_unknown
	is_told unknown "held by $(hostname) pid $BASHPID (*) for *ends in *"
	nlock status --json "$LOCK" | members "o == {**o, 'state': 'unknown',
		'held': True, 'pid': $(pid_in_claim), 'user': '$(id -un)'} and
		o['claim'].startswith('$LOCK|') and
		3500 < o['remaining'] <= 3600"
}

@test "status: of a file that is none of nlock's is foreign" {
	needs python3
	make_foreign
	is_told foreign "*foreign*"
	nlock status --json "$LOCK" | members "o == {**o, 'lock': '$LOCK',
		'state': 'foreign', 'held': True, 'claim': None,
		'host': None, 'pid': None}"
}

# ------------------------------------------------------------------- values

@test "status: says host, pid, user, since when and until when" {
	by_hand web1 4242
	# Not just at the edge of a minute: a file's stamp may be older than the
	# clock by a tick.
	touch -d "750 seconds ago" "$CLAIM|warrant"
	touch -d "+150 minutes" "$LOCK"
	run -0 nlock status "$LOCK"
	echo "$output"
	[ "$output" = "$LOCK: held by web1 pid 4242 ($(id -un)) for 12m, lease ends in 2h" ]
}

@test "status: the times in JSON are those of the file server's clock" {
	needs python3
	by_hand web1 4242
	touch -d "2001-02-03 04:05:06.789Z" "$CLAIM|warrant"
	touch -d "2101-12-31 23:59:58.5Z" "$LOCK"
	TZ=America/New_York nlock status --json "$LOCK" | members "o == {**o,
		'host': 'web1', 'pid': 4242, 'claim': '$CLAIM',
		'since': '2001-02-03T04:05:06.789Z',
		'expires': '2101-12-31T23:59:58.500Z'}"
}

@test "status: since is when the lock was taken, expires when the lease ends" {
	local before after

	needs python3
	before=$(date +%s)
	make_ours
	after=$(date +%s)
	nlock status --json "$LOCK" >printed
	members "$before - 2 <= $(date -d "$(json since <printed)" +%s) <=
		$after + 2 and $(date -d "$(json expires <printed)" +%s) ==
		$(stat -c %Y "$LOCK")" <printed
}

@test "status: a claim from another mount point is this lock's all the same" {
	needs python3
	CLAIM="$LOCK|web1|4242|n0123456789abcdef"
	printf '/mnt/other/job.lock|web1|4242|n0123456789abcdef' >"$CLAIM"
	ln "$CLAIM" "$LOCK"
	touch -d "+1 hour" "$LOCK"
	nlock status --json "$LOCK" | members "o == {**o, 'state': 'unknown',
		'host': 'web1', 'pid': 4242, 'claim': '$CLAIM'}"
	NLOCK_CLAIM="/mnt/other/job.lock|web1|4242|n0123456789abcdef" \
		is_state ours
}

@test "status: a process on another host, or of another boot, is never stale" {
	local identity

	identity=$(printf '%.8s.%s.1.999999' \
		"$(cat /proc/sys/kernel/random/boot_id)" \
		"$(stat -L -c %i /proc/self/ns/pid)")
	CLAIM="$LOCK|not-$(hostname)|999999|n0123456789abcdef.$identity"
	printf '%s' "$CLAIM" >"$CLAIM"
	ln "$CLAIM" "$LOCK"
	touch -d "+1 hour" "$LOCK"
	is_state unknown
	rm "$LOCK" "$CLAIM"

	CLAIM="$LOCK|$(hostname)|999999|n0123456789abcdef.00000000.${identity#*.}"
	printf '%s' "$CLAIM" >"$CLAIM"
	ln "$CLAIM" "$LOCK"
	touch -d "+1 hour" "$LOCK"
	is_state unknown
	run -75 nlock acquire -n "$LOCK"
}

@test "status: knows the claims of flufl.lock" {
	needs python3
	CLAIM="$LOCK|web1.example.com|4242|1234567890123"
	printf '%s' "$CLAIM" >"$CLAIM"
	ln "$CLAIM" "$LOCK"
	touch -d "+1 hour" "$LOCK"
	is_told unknown "held by web1.example.com pid 4242 (*"
	nlock status --json "$LOCK" | members "o == {**o, 'since': None,
		'claim': '$CLAIM', 'host': 'web1.example.com', 'pid': 4242}"
	touch -d "1 hour ago" "$LOCK"
	is_state theirs_expired
}

@test "status: NLOCK_CLAIM, --claim and --state say which claim is ours" {
	needs python3
	nlock acquire -l 1h --state state "$LOCK"
	is_state unknown
	NLOCK_CLAIM=$(cat state) is_state ours
	nlock status --json --claim "$(cat state)" "$LOCK" |
		members "o['state'] == 'ours'"
	nlock status --json --state state "$LOCK" |
		members "o['state'] == 'ours'"
	# The option goes before the variable.
	NLOCK_CLAIM=$(cat state) nlock status --json \
		--claim "$LOCK|h|1|n0123456789abcdef" "$LOCK" |
		members "o['state'] == 'unknown'"
}

@test "status: a claim that is not this lock's, or none, is not ours" {
	make_unknown
	NLOCK_CLAIM="$LOCK|h|1|n0123456789abcdef" is_state unknown
	NLOCK_CLAIM="$LOCK" is_state unknown
	run -0 nlock status --state nosuch "$LOCK"
	[[ $output == *"held by"* ]]
}

# ------------------------------------------------------------- exit status

@test "status: -q says by its exit status whether the lock is held" {
	local state expected

	while read -r state expected; do
		echo "state: $state"
		(
			LOCK=$LOCK.$state
			"make_$state"
			run "-$expected" --separate-stderr \
				nlock status -q "$LOCK"
			[ -z "$output$stderr" ]
			run "-$expected" --separate-stderr \
				nlock status -q --json "$LOCK"
			[ -z "$output$stderr" ]
		)
	done <<-EOT
	unlocked 1
	ours 0
	ours_expired 1
	stale 1
	theirs_expired 1
	unknown 0
	foreign 0
	EOT
}

@test "status: --mine says by its exit status whether the lock is ours" {
	local state expected

	while read -r state expected; do
		echo "state: $state"
		(
			LOCK=$LOCK.$state
			"make_$state"
			run "-$expected" nlock status --mine "$LOCK"
			run "-$expected" --separate-stderr \
				nlock status -q --mine "$LOCK"
			[ -z "$output$stderr" ]
		)
	done <<-EOT
	unlocked 1
	ours 0
	ours_expired 1
	stale 1
	theirs_expired 1
	unknown 1
	foreign 1
	EOT
}

@test "status: the member held in JSON agrees with -q" {
	local state

	needs python3
	for state in unlocked ours ours_expired stale theirs_expired unknown \
	    foreign; do
		(
			LOCK=$LOCK.$state
			"make_$state"
			if nlock status -q "$LOCK"; then
				nlock status --json "$LOCK" |
					members "o['held'] is True"
			else
				nlock status --json "$LOCK" |
					members "o['held'] is False"
			fi
		)
	done
}

@test "status: tells of several locks, in their order, one line each" {
	make_unknown
	(LOCK=$DIR/foreign.lock make_foreign)
	run -0 --separate-stderr nlock status nosuch.lock "$LOCK" \
		foreign.lock nosuch.lock
	[ "${#lines[@]}" = 4 ]
	[ "${lines[0]}" = "nosuch.lock: unlocked" ]
	[[ ${lines[1]} == "$LOCK: held by "* ]]
	[[ ${lines[2]} == "foreign.lock: "*foreign* ]]
	[ "${lines[3]}" = "nosuch.lock: unlocked" ]
	run -0 --separate-stderr nlock status --json nosuch.lock "$LOCK"
	[ "${#lines[@]}" = 2 ]
	[ "$(json state <<<"${lines[0]}")" = unlocked ]
	[ "$(json state <<<"${lines[1]}")" = unknown ]
	[ "$(json lock <<<"${lines[1]}")" = "$LOCK" ]
}

@test "status: of several locks tells of the others if one can't be looked at" {
	make_unknown
	run -74 --separate-stderr nlock status nosuch/job.lock "$LOCK"
	complains
	[[ $stderr == *nosuch* ]]
	[[ $output == "$LOCK: held by "* ]]
}

@test "status: in a directory that is missing is a system error" {
	run -74 --separate-stderr nlock status nosuch/job.lock
	complains
	[[ $stderr == *nosuch/job.lock* ]]
	[ -z "$output" ]
	run -74 nlock status -q nosuch/job.lock
	run -74 nlock status --json nosuch/job.lock
}

@test "status: that can't be written is a system error" {
	local option

	for option in -v --json --mine; do
		# shellcheck disable=SC2016
		run -74 --separate-stderr sh -c 'nlock status "$@" >/dev/full' \
			sh $option "$LOCK"
		complains
	done
}

@test "status: does not wait for a fifo that is given as the state file" {
	mkfifo fifo
	run -64 --separate-stderr timeout 20 nlock status --state fifo "$LOCK"
	complains
}

# -------------------------------------------------------------- no changes

@test "status: changes nothing, in any state" {
	local state options before

	for state in unlocked ours ours_expired stale theirs_expired unknown \
	    foreign; do
		(
			mkdir "$state"
			LOCK=$DIR/$state/job.lock
			"make_$state"
			before=$(listing)
			for options in -v --json --mine -q; do
				run timeout 20 nlock status $options "$LOCK"
				[[ $status = [01] ]]
			done
			[ "$(listing)" = "$before" ]
		)
	done
}

@test "status: changes nothing of what a breaker or a crash has left" {
	local before

	mkdir -p "$LOCK|breaker/warrant"
	mkdir "$LOCK|h|1|n0123456789abcdef|warrant"
	before=$(listing)
	run -0 nlock status "$LOCK"
	[ "$output" = "$LOCK: unlocked" ]
	by_hand web1 4242
	touch -d "1 hour ago" "$LOCK" "$LOCK|breaker/warrant"
	before=$(listing)
	run -0 nlock status --json "$LOCK"
	[ "$(listing)" = "$before" ]
}

@test "status: does not wait while others do" {
	local waiter

	make_unknown
	nlock acquire "$LOCK" >/dev/null 3>&- &
	waiter=$!
	run -0 timeout 20 nlock status "$LOCK"
	kill $waiter
	wait $waiter || true
}

@test "status: a lock whose claim is gone is no longer ours" {
	eval "$(nlock acquire -l 1m "$LOCK")"
	nlock status --mine "$LOCK"
	rm "$NLOCK_CLAIM"
	run ! nlock status -q --mine "$LOCK"
	run -75 nlock acquire -n "$LOCK"
}
