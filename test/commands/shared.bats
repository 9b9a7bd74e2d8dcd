#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Shared locks: run -s and acquire -s.
# SC2016: for other shells.  SC2030, SC2031: each test is a subshell.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153

bats_require_minimum_version 1.5.0
load ../common

# let_others_in: to this test's directory and its parents.
let_others_in() {
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" \
		"$(dirname "$BATS_TEST_TMPDIR")"
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	chmod "$1" "$DIR"
}

as_nobody() {
	env -u NLOCK_CLAIM setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$BATS_TEST_TMPDIR/bin/nlock" "$@"
}

# share [OPTION...]: $CLAIM is the claim of a new sharer.
share() {
	eval "$(nlock acquire -s --var CLAIM "$@" "$LOCK")"
}

holds() {
	nlock status -q --mine --claim "$1" "$LOCK"
}

# The claims in the directory of the group that has the lock.
sharers() {
	local group

	group=$(basename "$(cat "$LOCK" 2>/dev/null)")
	find "$DIR/$group|sharers" -mindepth 1 -type f 2>/dev/null
}

sharers_are() {
	[ "$(sharers | wc -l)" = "$1" ]
}

# Groups that wait for the lock, or have it.
groups_are() {
	[ "$(find "$DIR" -maxdepth 1 -name '*|sharers' | wc -l)" = "$1" ]
}

claim_of() {
	echo "$DIR/$(basename "$(cat "$LOCK")")|sharers/$(basename "$1")"
}

@test "run -s: two share the lock at once, and whoever wants it alone waits for both" {
	in_group nlock run -s "$LOCK" -- sh -c 'until [ -e go1 ]; do sleep 0.05; done'
	first=$!
	in_group nlock run -s "$LOCK" -- sh -c 'until [ -e go2 ]; do sleep 0.05; done'
	second=$!
	eventually sharers_are 2
	run -75 nlock run -n "$LOCK" true
	in_group nlock run "$LOCK" -- touch alone
	alone=$!
	touch go1
	ended_with 0 "$first"
	eventually sharers_are 1
	run -75 nlock run -n "$LOCK" true
	[ ! -e alone ]
	touch go2
	ended_with 0 "$second"
	ended_with 0 "$alone"
	[ -e alone ]
	nothing_left
}

@test "run -s: while somebody has the lock alone, nobody shares it" {
	eval "$(nlock acquire --var CLAIM "$LOCK")"
	run -75 nlock run -ns "$LOCK" true
	in_group nlock run -s "$LOCK" -- touch shared
	eventually groups_are 1
	[ ! -e shared ]
	nlock release --claim "$CLAIM"
	ended_with 0 $!
	nothing_left
}

@test "run: of -s, -x and -e the last one counts" {
	share
	nlock run -n -x -s "$LOCK" true
	nlock run -n -e -s "$LOCK" true
	nlock run -n --exclusive --shared "$LOCK" true
	run -75 nlock run -n -s -x "$LOCK" true
	run -75 nlock run -n -s -e "$LOCK" true
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "run -s: the last one to leave wakes whoever wants the lock alone" {
	needs strace
	for _ in 1 2 3 4 5; do
		share -l 10m
		wait_traced -x
		nlock release --claim "$CLAIM"
		ended_with 0 $!
		! was_woken || break
	done
	was_woken
}

@test "run -s: the end of who had the lock alone lets all sharers in at once" {
	eval "$(nlock acquire --var CLAIM "$LOCK")"
	for i in 1 2 3 4 5; do
		in_group nlock run -s "$LOCK" -- sh -c '
			touch "in$0"
			until [ -e go ]; do sleep 0.05; done' "$i"
	done
	eventually groups_are 5
	nlock release --claim "$CLAIM"
	eventually sharers_are 5
	eventually test -e in1 -a -e in2 -a -e in3 -a -e in4 -a -e in5
	touch go
	wait
	nothing_left
}

@test "acquire -s: a lease that is over is nobody's, the others stay, and its holder is told" {
	share -l 1h
	stays=$CLAIM
	share -l 100ms
	run -75 nlock run --clock-slop 1ms -w 1s "$LOCK" true
	eventually sharers_are 1
	holds "$stays"
	run -76 nlock refresh --claim "$CLAIM"
	run -76 nlock release --claim "$CLAIM"
	holds "$stays"
	nlock release --claim "$stays"
	nlock run -n "$LOCK" true
	nothing_left
}

@test "acquire -s: refresh renews the lease of one, and of no other" {
	share -l 1m
	first=$CLAIM
	share -l 1m
	end=$(stat -c %Y "$(claim_of "$first")")
	nlock refresh -l 1h --claim "$CLAIM"
	[ "$(stat -c %Y "$(claim_of "$first")")" = "$end" ]
	[ "$(stat -c %Y "$(claim_of "$CLAIM")")" -gt $((end + 3000)) ]
	nlock release --claim "$CLAIM"
	nlock release --claim "$first"
}

@test "acquire -s: released twice, the second is told, and nobody is harmed" {
	share
	first=$CLAIM
	share
	nlock release --claim "$first"
	run -76 nlock release --claim "$first"
	holds "$CLAIM"
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "acquire -s: a sharer that has died is evicted at once on its machine" {
	setsid sh -c 'nlock acquire -s -l 1h --pid $$ --state state "$0"' "$LOCK"
	sharers_are 1
	is_state stale
	nlock run -n "$LOCK" true
	nothing_left
}

@test "run -s: killed with SIGKILL, its command is ended and it holds nothing up" {
	in_group nlock run -s "$LOCK" -- sh -c 'trap "" TERM; touch ready
		while :; do sleep 0.1; done'
	eventually test -e ready
	eventually is_kept_by_its_heartbeat
	kill -KILL $!
	run -0 nlock run -w 20s "$LOCK" true
	nothing_left
}

is_kept_by_its_heartbeat() {
	grep -q "nlock/$(sharers | sed 's/.*|s\(.\{16\}\).*/\1/')" /proc/net/unix
}

@test "run -s: a command that outlasts its lease keeps its share" {
	in_group nlock run -s -l 500ms "$LOCK" -- \
		sh -c 'touch ready; until [ -e go ]; do sleep 0.05; done'
	eventually test -e ready
	run -75 nlock run -q --clock-slop 1ms -w 2s "$LOCK" true
	touch go
	ended_with 0 $!
	nothing_left
}

@test "run -s: a claim that somebody removes is lost, and the command is ended" {
	in_group nlock run -s -l 1s "$LOCK" -- sleep 1000
	eventually sharers_are 1
	rm -r "$DIR/"*sharers/*
	ended_with 76 $!
	nlock run -n "$LOCK" true
	nothing_left
}

@test "acquire --keep -s: the share is kept for longer than its lifetime, and the script's end gives it back" {
	sh -c 'eval "$(nlock acquire -s --keep -l 1s "$0")" || exit
		echo "$NLOCK_CLAIM" >held
		until [ -e go ]; do sleep 0.05; done' "$LOCK" 3>&- &
	eventually test -s held
	run -75 nlock run --clock-slop 1ms -w 2s "$LOCK" true
	touch go
	wait $!
	run -0 nlock run -w 10s "$LOCK" true
	eventually nothing_left
}

@test "run -s, acquire -s: if somebody removes LOCK, the message says so, and nothing is left" {
	run -76 nlock run -s "$LOCK" rm "$LOCK"
	[[ $output == *"the lock file is gone"* ]]
	nothing_left
	share
	other=$CLAIM
	share
	rm "$LOCK"
	for CLAIM in "$CLAIM" "$other"; do
		run -76 nlock refresh --claim "$CLAIM"
		[[ $output == *"the lock file is gone"* ]]
		run -76 nlock release --claim "$CLAIM"
		[[ $output == *"the lock file is gone"* ]]
	done
	nothing_left
}

@test "release: a client that says that the group's directory was removed, though it was not, takes the lock from nobody" {
	needs strace
	share
	other=$CLAIM
	share
	# The claim, its warrant, and then that directory.
	"${STRACE[@]}" -o /dev/null -e trace=unlinkat \
		-e inject=unlinkat:retval=0:when=3 \
		nlock release --claim "$CLAIM"
	run -75 nlock run -n "$LOCK" true
	holds "$other"
	nlock release --claim "$other"
	nothing_left
}

@test "refresh: a client that does not find the group's directory at once, though it is there, loses nothing" {
	needs strace
	share
	"${STRACE[@]}" -o /dev/null \
		-P "$(basename "$(dirname "$(claim_of "$CLAIM")")")" \
		-e trace=openat -e inject=openat:error=ENOENT:when=1 \
		nlock refresh --claim "$CLAIM"
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "run -s: on a file system where that was not seen to be safe, nobody shares a lock, and nothing is left" {
	needs root fuse bindfs
	mount_fuse "$BATS_TEST_TMPDIR/behind" mnt -o subtype=mfs
	run -69 nlock run -s "$DIR/mnt/job.lock" true
	[[ $output == *"share the lock: Operation not supported (shared locks are not known to be safe on this file system; leave out -s)" ]]
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/behind")" ]
	umount "$DIR/mnt"
}

@test "run -s: on another file system by FUSE, sharers keep out who wants the lock alone" {
	needs root fuse bindfs
	mount_fuse "$BATS_TEST_TMPDIR/behind" mnt
	LOCK=$DIR/mnt/job.lock
	share
	nlock run -ns "$LOCK" true
	run -75 nlock run -n "$LOCK" true
	nlock release --claim "$CLAIM"
	nlock run -n "$LOCK" true
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/behind")" ]
	umount "$DIR/mnt"
}

@test "run -s: a lease that is renewed once the lock is won leaves no descriptor open" {
	needs strace
	share -l 1m
	# The second time that it sets dates its warrant, when half is over.
	run -0 "${STRACE[@]}" -o /dev/null -e trace=utimensat \
		-e inject=utimensat:delay_enter=1200ms:when=2 \
		nlock run -s -l 2s "$LOCK" sh -c 'ls -l /proc/$PPID/fd'
	[[ $output == *"|warrant"* ]]
	[[ $output != *"|sharers"$'\n'* ]]
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "run -s: a directory at LOCK is left alone" {
	mkdir "$LOCK"
	run -78 nlock run -ns "$LOCK" true
	[ -d "$LOCK" ]
}

@test "run -s: what a NAS puts into the group's directory is in nobody's way" {
	share
	group=$(dirname "$(claim_of "$CLAIM")")
	mkdir "$group/@eaDir"
	echo index >"$group/@eaDir/SYNO"
	touch "$group/.DS_Store"
	nlock release --claim "$CLAIM"
	nlock run -n "$LOCK" true
	nothing_left
}

@test "run: what a client keeps of a claim that was open when it was removed is in nobody's way" {
	share
	touch "$(dirname "$(claim_of "$CLAIM")")/.nfs00000000000012ab00000001"
	nlock release --claim "$CLAIM"
	nlock run -n "$LOCK" true
	nothing_left
}

@test "run -s: data that somebody puts into the group's directory stays, and is said to be in the way" {
	share
	group=$(dirname "$(claim_of "$CLAIM")")
	echo data >"$group/data"
	nlock release --claim "$CLAIM"
	run -78 nlock run -n "$LOCK" true
	[[ $output == *"find out what else is in the directory"* ]]
	[ "$(cat "$group/data")" = data ]
}

@test "release: the group's claim, which LOCK names, is nobody's to release" {
	share -l 1h
	for command in release "refresh -l 1s"; do
		# shellcheck disable=SC2086	# words
		run -64 nlock $command --claim "$(cat "$LOCK")"
		[[ $output == *"is the claim of all who share $LOCK; "* ]]
	done
	run -75 nlock run -n "$LOCK" true
	holds "$CLAIM"
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "run -s: if whoever made the group dies early, the next one sets the group's lease" {
	needs strace
	strace -o /dev/null -e trace=utimensat \
		-e inject=utimensat:signal=KILL:when=4 \
		nlock acquire -s -l 1s "$LOCK" || true
	[ "$(stat -c %Y "$LOCK")" -lt $(($(date +%s) + 60)) ]
	share
	[ "$(stat -c %Y "$LOCK")" -gt $(($(date +%s) + 3600)) ]
	nlock release --claim "$CLAIM"
	nlock run -w 20s --clock-slop 10ms "$LOCK" true
}

@test "run -s: links that others make of all there is are in nobody's way" {
	share
	cp -al "$DIR" "$DIR.copy"
	run -75 nlock run -n "$LOCK" true
	nlock run -ns "$LOCK" true
	nlock refresh --claim "$CLAIM"
	nlock release --claim "$CLAIM"
	nlock run -n "$LOCK" true
	nothing_left
}

@test "run -s: a symbolic link in the place of the group's directory is not followed" {
	share
	group=$(dirname "$(claim_of "$CLAIM")")
	mkdir elsewhere
	mv "$group" gone
	ln -s "$PWD/elsewhere" "$group"
	run ! nlock run -ns "$LOCK" true
	[ -z "$(ls elsewhere)" ]
	run -76 nlock refresh --claim "$CLAIM"
}

@test "status: of a shared lock it tells how many share it, and in JSON all of them" {
	share
	first=$CLAIM
	run -0 nlock status "$LOCK"
	[[ $output == "$LOCK: shared, held by "* ]]
	share
	run -0 nlock status "$LOCK"
	[[ $output == "$LOCK: shared by 2, one of them: held by "* ]]
	run -0 nlock status --json "$LOCK"
	[ "$(echo "$output" | json mode)" = shared ]
	[ "$(echo "$output" | grep -o '"claim":' | wc -l)" = 3 ]
	nlock release --claim "$CLAIM"
	nlock release --claim "$first"
	run -0 nlock status "$LOCK"
	[ "$output" = "$LOCK: unlocked" ]
}

@test "run -s: where another user may not remove LOCK, because of a sticky bit, that user can't share it" {
	needs root
	let_others_in 1777
	share
	run -77 as_nobody run -ns "$LOCK" true
	nlock release --claim "$CLAIM"
	run -0 as_nobody run -ns "$LOCK" true
	nothing_left
}

@test "run -s: where there is a sticky bit, no other user can remove a claim of the group" {
	needs root
	let_others_in 1777
	share -l 1h
	group=$(dirname "$(claim_of "$CLAIM")")
	run ! setpriv --reuid=65534 --regid=65534 --clear-groups \
		rm -rf "$group"
	run -75 nlock run -n "$LOCK" true
	nlock refresh --claim "$CLAIM"
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "run: where users may not list the directory, another user waits for sharers all the same" {
	needs root
	let_others_in 733
	share
	run -75 as_nobody run -n "$LOCK" true
	nlock release --claim "$CLAIM"
	as_nobody run -n "$LOCK" true
	nothing_left
}

@test "run -s: a user whom an access control list lets in shares the lock, and takes it once the lease is over" {
	needs root setfacl
	let_others_in 755
	setfacl -m u:65534:rwx "$DIR" || skip "needs access control lists"
	share -l 100ms
	run -0 as_nobody run -ns "$LOCK" true
	run -0 as_nobody run -w 20s --clock-slop 1ms "$LOCK" true
	nothing_left
}

@test "release: a user who could not release another user's lock can't release that user's share" {
	needs root
	let_others_in 777
	share
	run -77 as_nobody release --claim "$CLAIM"
	holds "$CLAIM"
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "run -s: users of a directory that is theirs together share a lock" {
	needs root
	let_others_in 777
	share
	as_nobody run -ns "$LOCK" true
	nlock release --claim "$CLAIM"
	as_nobody run -n "$LOCK" true
	nothing_left
}

@test "run: whoever shares the lock, and would wait for itself, is told so, though its environment does not say so" {
	share
	run -73 nlock run -s "$LOCK" -- env -u NLOCK_CLAIM -u NLOCK_CLAIMS \
		nlock run -w 20s "$LOCK" true
	nlock release --claim "$CLAIM"
	nothing_left
}

# share_on_and_on: each takes the lock again and again, and they overlap.
share_on_and_on() {
	while [ ! -e end ]; do
		nlock run -s "$LOCK" sleep 1 || break
		echo >>shared
	done
}

shared_more_often_than() {
	[ "$(wc -l <shared)" -gt "$1" ]
}

@test "run: sharers that come and go without end let one who wants the lock alone have a turn, and go on" {
	: >shared
	for _ in 1 2 3 4 5 6; do
		share_on_and_on 3>&- &
		sleep 0.15
	done
	eventually sharers_are 6
	nlock run -w 30s "$LOCK" true
	before=$(wc -l <shared)
	eventually shared_more_often_than $((before + 6))
	touch end
	wait
	eventually nothing_left
}

@test "run -s: who is not to wait shares the lock though somebody waits to have it alone; who may wait holds back" {
	share -l 10m
	in_group nlock run -w 60s "$LOCK" touch alone
	eventually test -d "$LOCK|waits"
	nlock run -ns "$LOCK" true
	run -75 nlock run -s -w 2s "$LOCK" true
	nlock release --claim "$CLAIM"
	ended_with 0 $!
	[ -e alone ]
	nothing_left
}

@test "run -s: a mark that somebody waits, left by one who was killed, holds nobody back for long, and goes" {
	share
	mkdir "$LOCK|waits"
	touch -d '1 hour ago' "$LOCK|waits"
	run -0 nlock run -s -w 5s "$LOCK" true
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "run: whoever shares the lock, and would wait for itself, is told so, whoever else shares it" {
	# Before and after it, as a directory may list them in any order.
	share -l 1h
	run -73 timeout 20 nlock run -s -l 1m "$LOCK" -- sh -c '
		env -u NLOCK_CLAIM nlock acquire -s -l 1h --state after "$0" &&
		nlock run other -- nlock run "$0" true' "$LOCK"
	run -73 timeout 20 nlock run -s -l 1m "$LOCK" -- sh -c '
		unset NLOCK_CLAIM NLOCK_CLAIMS
		nlock acquire -s -l 1h --state last "$0" &&
		nlock run "$0" true' "$LOCK"
	nlock release --state last
	nlock release --state after
	nlock release --claim "$CLAIM"
	nothing_left
}

@test "run: whoever has acquired a share, and would wait for itself, is told so" {
	share -l 1h --pid $$
	run -73 timeout 20 nlock run "$LOCK" true
	nlock release --claim "$CLAIM"
	nothing_left
}

# going GROUP: a sharer that goes for 2 seconds, its claim gone.
going() {
	mkdir "$1/job.lock|elsewhere|1|s0123456789abcdef|warrant"
}

@test "run: whoever has made the group, but left it, does not have the lock" {
	share --pid $$
	made=$CLAIM
	share
	nlock release --claim "$made"
	group=$(dirname "$(claim_of "$CLAIM")")
	going "$group"
	rm "$(claim_of "$CLAIM")"
	run -0 nlock run -w 20s "$LOCK" true
	nothing_left
}

@test "run -n: one that comes or goes is no reason to say that something is in the way" {
	share
	going "$(dirname "$(claim_of "$CLAIM")")"
	rm "$(claim_of "$CLAIM")"
	run -75 nlock run -n "$LOCK" true
	[[ $output == *": shared until a moment ago" ]]
	run -0 nlock run -w 20s "$LOCK" true
	nothing_left
}

@test "run -s: within a job that shares the lock, nobody is let first who waits for that job" {
	in_group nlock run -s "$LOCK" -- sh -c '
		until [ -e "$0|waits" ]; do sleep 0.05; done
		nlock run other -- nlock run -s -w 1h "$0" touch nested' "$LOCK"
	job=$!
	eventually sharers_are 1
	in_group nlock run "$LOCK" touch alone
	alone=$!
	eventually test -e nested
	ended_with 0 $job
	ended_with 0 $alone
	nothing_left
}

@test "run: who waits for sharers, too, cleans up after waiters that were killed" {
	share -l 1h
	in_group nlock run "$LOCK" true
	killed=$!
	eventually claims_are 2
	kill -KILL $killed
	in_group nlock run "$LOCK" true
	eventually claims_are 3
	eventually claims_are 2
	nlock release --claim "$CLAIM"
	ended_with 0 $!
	nothing_left
}

# contend KIND OPTION: one after the other, until told to end.
contend() {
	while [ ! -e end ]; do
		in_group nlock run -q -l 2s --kill-after 200ms "$2" "$LOCK" \
			"$PROGRAM" "$DIR/inside" "$1" $((RANDOM % 5))
		wait $! || true
	done
}

kill_some() {
	local pids

	while [ ! -e end ]; do
		mapfile -t pids < <(pgrep -f "^nlock run .*$LOCK")
		[ ${#pids[@]} = 0 ] ||
			kill -KILL "${pids[RANDOM % ${#pids[@]}]}" || true
		sleep 0.2
	done 2>/dev/null
}

entries_are() {
	[ "$(wc -l <inside.log)" -ge "$1" ]
}

@test "run -s: whoever is killed, nobody is inside with one who has the lock alone" {
	program sharing
	mkdir inside
	: >inside.log
	for _ in 1 2 3 4; do
		contend r -s 3>&- &
	done
	for _ in 1 2; do
		contend w -x 3>&- &
	done
	kill_some 3>&- &
	eventually entries_are 400
	touch end
	wait
	run ! grep met inside.log
	grep -q r inside.log
	grep -q w inside.log
	echo "# count: $(wc -l <inside.log) entries of sharers and others" >&3
	run -0 nlock run -w 30s --clock-slop 100ms "$LOCK" true
}
