#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# One of at most N holders: run --slots and acquire --slots.
# SC2016: for other shells.  SC2030, SC2031: each test is a subshell.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153

bats_require_minimum_version 1.5.0
load ../common

# take N [OPTION...]: $CLAIM is the claim of a new holder, and $NLOCK_SLOT its
# slot.
take() {
	eval "$(nlock acquire --slots "$1" --var CLAIM "${@:2}" "$LOCK")"
}

holds() {
	nlock status -q --mine --claim "$1" "$LOCK"
}

# group: the directory of those who share the lock.
group() {
	echo "$DIR/$(basename "$(cat "$LOCK")")|sharers"
}

# slots: the numbers that are taken.
slots() {
	find "$(group)" -mindepth 1 -type f -name '[0-9]*' -printf '%f\n' |
		sort -n | xargs
}

slots_are() {
	[ "$(slots)" = "$1" ]
}

# Groups that wait for the lock, or have it.
groups_are() {
	[ "$(find "$DIR" -maxdepth 1 -name '*|sharers' | wc -l)" = "$1" ]
}

# hold_slot N: in the background, until the file go is there.
hold_slot() {
	in_group nlock run --slots "$1" "$LOCK" -- sh -c '
		touch "in.$NLOCK_SLOT"; until [ -e go ]; do sleep 0.05; done'
}

@test "run --slots: of five, three hold the lock at once, each with a number of its own, and the others come next" {
	local pids=()

	for _ in 1 2 3; do
		hold_slot 3
		pids+=($!)
	done
	eventually test -e in.1 -a -e in.2 -a -e in.3
	run -75 nlock run -n --slots 3 "$LOCK" touch ran
	[[ $output == *"shared by 3, one of them: held by "*", slot "[123]", lease "* ]]
	for _ in 4 5; do
		in_group nlock run --slots 3 "$LOCK" -- sh -c 'echo "$NLOCK_SLOT" >>late'
		pids+=($!)
	done
	eventually groups_are 3
	[ ! -e late ]
	touch go
	for pid in "${pids[@]}"; do
		ended_with 0 "$pid"
	done
	[ "$(grep -c '^[123]$' late)" = 2 ]
	[ ! -e ran ]
	nothing_left
}

@test "run --slots: who wants the lock alone waits for all, and all for that one" {
	take 4
	first=$CLAIM
	take 4
	run -75 nlock run -n "$LOCK" true
	in_group nlock run "$LOCK" -- sh -c '
		touch alone; until [ -e go ]; do sleep 0.05; done'
	nlock release --claim "$first"
	run -75 nlock run -n "$LOCK" true
	[ ! -e alone ]
	nlock release --claim "$CLAIM"
	eventually test -e alone
	run -75 nlock run -n --slots 4 "$LOCK" true
	in_group nlock run --slots 4 "$LOCK" touch after
	after=$!
	eventually groups_are 1
	[ ! -e after ]
	touch go
	ended_with 0 "$after"
	nothing_left
}

@test "run --slots: those who share the lock take no slot, and none who has one keeps them out" {
	take 1
	nlock run -ns "$LOCK" true
	run -75 nlock run -n --slots 1 "$LOCK" true
	nlock run -ns "$LOCK" nlock status --json "$LOCK" >object
	[ "$(grep -o '"claim":' object | wc -l)" = 3 ]
	nlock release --claim "$CLAIM"
	nothing_left
	eval "$(nlock acquire -s --var CLAIM "$LOCK")"
	run -0 nlock run -n --slots 1 "$LOCK" sh -c 'echo "$NLOCK_SLOT"'
	[ "$output" = 1 ]
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "run --slots: of different N, the larger one may use the numbers that the smaller does not" {
	take 1
	run -75 nlock run -n --slots 1 "$LOCK" true
	run -0 nlock run -n --slots 2 "$LOCK" sh -c 'echo "$NLOCK_SLOT"'
	[ "$output" = 2 ]
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "run --slots: takes a number from 1 to 4096, and of -s, -x and --slots the last one counts" {
	for number in 0 4097 -1 '' 1x x 0x10; do
		run -64 nlock run --slots "$number" "$LOCK" true
		[ "$output" = "nlock: --slots: not a number of holders: '$number'; takes a number from 1 to 4096" ]
	done
	run -0 nlock run --slots 4096 "$LOCK" sh -c 'echo "$NLOCK_SLOT"'
	[ "$output" -ge 1 ]
	[ "$output" -le 4096 ]
	take 1
	nlock run -n --slots 1 -s "$LOCK" true
	run -75 nlock run -n -s --slots 1 "$LOCK" true
	run -75 nlock run -n --slots 1 -x "$LOCK" true
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "run: a command without a slot does not have that of a run around it" {
	run -0 nlock run --slots 2 "$LOCK" nlock run other.lock sh -c \
		'echo "${NLOCK_SLOT-none}"'
	[ "$output" = none ]
}

@test "acquire --slots: each format has the slot" {
	for format in 'sh:NLOCK_SLOT=1; export NLOCK_SLOT' \
		      'csh:setenv NLOCK_SLOT 1' \
		      'fish:set -gx NLOCK_SLOT 1' 'env:NLOCK_SLOT=1'; do
		nlock acquire --slots 1 --print "${format%%:*}" "$LOCK" >printed
		grep -qxF "${format#*:}" printed
		CLAIM=$(nlock status --json "$LOCK" | json claim)
		nlock release --claim "$CLAIM"
	done
	run -0 nlock acquire --slots 1 --print json "$LOCK"
	[ "$(echo "$output" | json slot)" = 1 ]
	nlock release --claim "$(echo "$output" | json claim)"
	nothing_left
}

@test "status: of a lock with slots it tells the slots, and in JSON those of all" {
	take 2
	first=$CLAIM
	run -0 nlock status "$LOCK"
	[[ $output == "$LOCK: shared, held by "*", slot $NLOCK_SLOT, lease ends in "* ]]
	take 2
	run -0 nlock status --json --claim "$CLAIM" "$LOCK"
	[ "$(echo "$output" | json mode)" = slots ]
	[ "$(echo "${output%%,\"holders*}" | json slot)" = "$NLOCK_SLOT" ]
	[[ $output == *'"slot":1'* ]]
	[[ $output == *'"slot":2'* ]]
	nlock release --claim "$CLAIM"
	nlock release --claim "$first"
	nothing_left
}

@test "acquire --slots: refresh renews the lease, and release gives back the slot, and no other" {
	take 3 -l 1m
	first=$CLAIM
	take 3 -l 1m
	nlock refresh -l 1h --claim "$CLAIM"
	run -0 nlock status --json --claim "$CLAIM" "$LOCK"
	[ "$(echo "${output%%,\"holders*}" | json remaining | cut -d. -f1)" -gt 3000 ]
	holds "$first"
	nlock release --claim "$first"
	slots_are "$NLOCK_SLOT"
	holds "$CLAIM"
	run -76 nlock refresh --claim "$first"
	run -76 nlock release --claim "$first"
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "acquire --slots: a lease that is over is nobody's, and its holder is told" {
	take 2 -l 1h
	stays=$CLAIM
	take 2 -l 100ms
	old=$NLOCK_SLOT
	run -0 nlock run --clock-slop 1ms -w 20s --slots 2 "$LOCK" \
		sh -c 'echo "$NLOCK_SLOT"'
	[ "$output" = "$old" ]
	run -76 nlock refresh --claim "$CLAIM"
	run -76 nlock release --claim "$CLAIM"
	holds "$stays"
	nlock release --claim "$stays"
	nothing_left
}

@test "acquire --slots: while nobody wants its slot, a lease that is over can be renewed" {
	take 2 -l 100ms
	eventually is_state theirs_expired
	nlock run -n --slots 2 "$LOCK" true
	nlock refresh --claim "$CLAIM"
	holds "$CLAIM"
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "acquire --slots: who waits to have the lock alone breaks the slots whose lease is over" {
	take 3 -l 100ms
	take 3 -l 100ms
	nlock run --clock-slop 1ms -w 20s "$LOCK" true
	run -76 nlock refresh --claim "$CLAIM"
	nothing_left
}

@test "acquire --slots: the slot of one that has died is taken at once on its machine" {
	setsid sh -c 'nlock acquire --slots 1 -l 1h --pid $$ --state state "$0"' \
		"$LOCK"
	slots_are 1
	nlock run -w 20s --slots 1 "$LOCK" true
	nothing_left
}

@test "run --slots: killed with SIGKILL, its command is ended, and its slot free" {
	in_group nlock run --slots 1 "$LOCK" -- sh -c 'trap "" TERM; touch ready
		while :; do sleep 0.1; done'
	eventually test -e ready
	eventually heartbeat_of $!
	kill -KILL $!
	nlock run -w 30s --slots 1 "$LOCK" true
	eventually nothing_left
}

@test "run --slots: the end of one wakes one that waits" {
	needs strace
	# So that the lock file stays.
	eval "$(nlock acquire -s -l 10m --var OTHER "$LOCK")"
	for _ in 1 2 3 4 5; do
		take 1 -l 10m
		wait_traced --slots 1
		nlock release --claim "$CLAIM"
		ended_with 0 $!
		! was_woken || break
	done
	was_woken
	nlock release --claim "$OTHER"
	nothing_left
}

@test "run --slots: its command outlasts its lifetime, and keeps its slot" {
	in_group nlock run -l 500ms --slots 1 "$LOCK" -- \
		sh -c 'touch ready; until [ -e go ]; do sleep 0.05; done'
	eventually test -e ready
	run -75 nlock run -q --clock-slop 1ms -w 2s --slots 1 "$LOCK" true
	touch go
	ended_with 0 $!
	nothing_left
}

@test "run --slots: if somebody removes the slot's file, the lock is lost, and the command is ended" {
	in_group nlock run -l 1s --slots 1 "$LOCK" -- sleep 1000
	eventually test -e "$LOCK"
	eventually slots_are 1
	rm "$(group)/1"
	ended_with 76 $!
	nlock run -n "$LOCK" true
	nothing_left
}

@test "refresh: if somebody has put another file in the slot's place, the lock is lost" {
	take 1 -l 1h
	ln "$(group)/1" second
	rm "$(group)/1"
	echo data >"$(group)/1"
	run -76 nlock refresh --claim "$CLAIM"
	run -76 nlock release --claim "$CLAIM"
	run -78 nlock run -n "$LOCK" true
	[ "$(cat "$(group)/1")" = data ]
}

@test "acquire --keep --slots: the slot is kept for longer than its lifetime, and the script's end gives it back" {
	sh -c 'eval "$(nlock acquire --slots 1 --keep -l 1s "$0")" || exit
		echo "$NLOCK_SLOT" >held
		until [ -e go ]; do sleep 0.05; done' "$LOCK" 3>&- &
	eventually test -s held
	[ "$(cat held)" = 1 ]
	run -75 nlock run --clock-slop 1ms -w 2s --slots 1 "$LOCK" true
	touch go
	wait $!
	nlock run -w 10s --slots 1 "$LOCK" true
	eventually nothing_left
}

@test "run --no-fork --slots: the command has the slot's number, and its end gives it back" {
	run -0 nlock run --no-fork --slots 1 "$LOCK" sh -c 'echo "$NLOCK_SLOT"'
	[ "$output" = 1 ]
	nlock run -w 10s --slots 1 "$LOCK" true
	eventually nothing_left
}

@test "run --slots --token: each gets a number of its own" {
	take 2 --token
	first=$CLAIM
	[ "$NLOCK_TOKEN" = 1 ]
	take 2 --token
	[ "$NLOCK_TOKEN" = 2 ]
	nlock release --claim "$CLAIM"
	nlock release --claim "$first"
}

@test "run --slots: what a breaker of a slot has left, killed, is in nobody's way" {
	take 1
	mkdir -p "$(group)/1|breaker/warrant" "$(group)/2|breaker|n0123456789abcdef"
	touch -d '1 hour ago' "$(group)/1|breaker/warrant" "$(group)"/*breaker*
	nlock release --claim "$CLAIM"
	# Nobody can set the change time to what is past.
	nlock run -w 30s "$LOCK" true
	rm -rf "$LOCK|token"
	nothing_left
}

@test "run --slots: a slot whose claim somebody removes is free once its lease is over" {
	take 1 -l 1s
	rm "$(group)/job.lock"*[!t]
	run -75 nlock run -n --slots 1 "$LOCK" true
	nlock run -w 20s --clock-slop 1ms --slots 1 "$LOCK" true
	run -76 nlock refresh --claim "$CLAIM"
	nothing_left
}

@test "run --slots: links that others make of all there is are in nobody's way" {
	take 2
	cp -al "$DIR" "$DIR.copy"
	run -75 nlock run -n "$LOCK" true
	nlock run -n --slots 2 "$LOCK" true
	nlock refresh --claim "$CLAIM"
	nlock release --claim "$CLAIM"
	nlock run -n "$LOCK" true
	nothing_left
}

@test "run --slots: two releases at once of one slot leave nothing, and take nobody else's" {
	needs strace
	take 1
	# One has removed the claim, and not yet moved the slot's file.
	in_group "${STRACE[@]}" -o log -e trace=renameat,renameat2 \
		-e inject=renameat,renameat2:delay_enter=1s:when=1 \
		nlock release --claim "$CLAIM"
	eventually test ! -e "$(group)/$(basename "$CLAIM")"
	run nlock release --claim "$CLAIM"
	ended_with 0 $! || true
	nlock run -n --slots 1 "$LOCK" true
	nothing_left
}

# calls_of NAME: how many of these calls are in log.
calls_of() {
	grep -c "$1(" log
}

@test "release: killed before any of its changes of a slot, it keeps nobody from having the lock alone" {
	local when

	needs strace
	for when in {1..5}; do
		take 1 -l 1s
		"${STRACE[@]}" -o /dev/null -e trace=unlinkat,renameat2,renameat \
			-e "inject=unlinkat,renameat2,renameat:signal=KILL:when=$when" \
			nlock release --claim "$CLAIM" || true
		nlock run -w 20s --clock-slop 1ms "$LOCK" true
	done
	nothing_left
}

@test "release: after one that was killed when it had removed the claim, the next one frees the slot" {
	needs strace
	take 1 -l 1h
	"${STRACE[@]}" -o /dev/null -e trace=renameat2,renameat \
		-e inject=renameat2,renameat:signal=KILL:when=1 \
		nlock release --claim "$CLAIM" || true
	run -76 nlock release --claim "$CLAIM"
	nlock run -n --slots 1 "$LOCK" true
	nothing_left
}

@test "run --slots: one that waits for a slot that can't be broken does not wake itself" {
	needs strace
	take 1 -l 100ms
	eventually is_state theirs_expired
	echo data >"$(group)/$(basename "$CLAIM")|warrant/data"
	run -78 "${STRACE[@]}" -o log -e trace=mkdirat \
		nlock run -w 3s --clock-slop 1ms --slots 1 "$LOCK" true
	between 1 "$(calls_of mkdirat)" 60
}

@test "run --slots: data in a slot's place is left alone, and said to be in the way" {
	needs strace
	take 2
	rest=$((3 - NLOCK_SLOT))
	echo data >"$(group)/$rest"
	nlock release --claim "$CLAIM"
	run -0 nlock run -n --slots 2 "$LOCK" sh -c 'echo "$NLOCK_SLOT"'
	[ "$output" = "$NLOCK_SLOT" ]
	echo data >"$(group)/$NLOCK_SLOT"
	for options in -n '-w 3s'; do
		# shellcheck disable=SC2086	# words
		run -78 "${STRACE[@]}" -o log -e trace=mkdirat \
			nlock run $options --slots 2 "$LOCK" true
		[[ $output == *"slots are taken by what can't be read, or no nlock has made; find out what else is in the directory"* ]]
		between 1 "$(calls_of mkdirat)" 20
	done
	[ "$(cat "$(group)/1" "$(group)/2")" = "data"$'\n'"data" ]
}

@test "run --slots: of two that hold slots, one of which can't be broken, the other is waited for" {
	take 2 -l 100ms
	eventually is_state theirs_expired
	echo data >"$(group)/$(basename "$CLAIM")|warrant/data"
	take 2 -l 1h
	run -75 nlock run -n --clock-slop 1ms --slots 2 "$LOCK" true
	[[ $output == *"shared by 2, one of them: held by "* ]]
	nlock release --claim "$CLAIM"
}

@test "acquire --slots: a link that is reported and was not made, or is not told apart, gets nobody a slot" {
	needs strace
	"${STRACE[@]}" -o /dev/null -e trace=linkat \
		-e inject=linkat:retval=0:when=1 \
		nlock acquire --slots 1 --state state "$LOCK"
	slots_are 1
	nlock release --state state
	nothing_left
	run -69 "${STRACE[@]}" -o /dev/null -e trace=linkat \
		-e inject=linkat:error=EMLINK:when=1 \
		nlock acquire --slots 1 "$LOCK"
	nothing_left
}

@test "status: a slot whose file somebody has replaced is not ours" {
	take 1 -l 1h
	holds "$CLAIM"
	ln "$(group)/1" second
	rm "$(group)/1"
	run ! holds "$CLAIM"
	nlock run -n --slots 1 "$LOCK" true
	run -76 nlock release --claim "$CLAIM"
	nothing_left
}

@test "status: a slot whose claim somebody has removed is not ours" {
	take 1 -l 1h
	ln "$(group)/1" copy	# as a backup does
	rm "$(group)/$(basename "$CLAIM")"
	run ! holds "$CLAIM"
	run -76 nlock refresh --claim "$CLAIM"
	run -76 nlock release --claim "$CLAIM"
	rm copy
	nothing_left
}

@test "run --slots: a slot whose file has lost what was in it is said to be in the way, and no new claim is made for it again and again" {
	needs strace
	take 1 -l 100ms
	printf '\0\0\0\0' >"$(group)/1"
	touch -d '1 hour ago' "$(group)/1"
	run -78 "${STRACE[@]}" -o log -e trace=mkdirat \
		nlock run -w 2s --slots 1 "$LOCK" true
	between 1 "$(calls_of mkdirat)" 20
}

@test "run: what stands in the place of a breaker of a slot, and is none, is said to be in the way, and not followed" {
	mkdir elsewhere
	touch elsewhere/data
	take 1
	ln -s "$PWD/elsewhere" "$(group)/1|breaker"
	nlock release --claim "$CLAIM"
	run -78 nlock run -n "$LOCK" true
	[[ $output == *"find out what else is in the directory"* ]]
	[ -e elsewhere/data ]
	rm "$(group)/1|breaker"
	nlock run -n "$LOCK" true
}

@test "acquire -s: on a host called breaker, a lock called 1 is not taken for a slot's breaker" {
	needs root unshare
	cd "$DIR"
	unshare --uts sh -c 'hostname breaker && exec nlock acquire -s -l 1h --state state 1'
	touch -d '1 hour ago' "$DIR"/1*sharers/1*warrant
	run -75 unshare --uts sh -c 'hostname breaker && exec nlock run -w 7s 1 true'
	nlock refresh --state state
	nlock release --state state
	nothing_left
}

# Each who is in says so by a directory of its slot, which nobody else can make.
@test "run --slots: of 24 at once for 3 slots never more than three are in, nor two with one number" {
	local pids=() pid

	mkdir in
	for _ in {1..24}; do
		nlock run -l 2s --clock-slop 50ms --slots 3 "$LOCK" -- sh -c '
			mkdir "in/$NLOCK_SLOT" || echo "$NLOCK_SLOT" >>violation
			[ "$NLOCK_SLOT" -le 3 ] || echo "$NLOCK_SLOT" >>violation
			sleep 0.1
			rmdir "in/$NLOCK_SLOT"; echo >>count' 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		ended_with 0 "$pid"
	done
	[ ! -e violation ]
	[ "$(wc -l <count)" = 24 ]
	nothing_left
}
