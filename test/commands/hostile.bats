#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Lock files that were not made as they should be: whatever stands at LOCK,
# nlock leaves it alone, and says so.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

# Everything that is there, with its content.
listing() {
	(
		cd "$BATS_TEST_TMPDIR" || exit
		find d -mindepth 1 \
			-printf '%p %y %m %u %i %n %s %T@ %C@ %l\n' \
			-type f -exec cksum {} + | sort
	)
}

# is_left_alone STATE: nlock says that LOCK is in this state, can't take it,
# and changes nothing.
is_left_alone() {
	local before busy=75

	# What no waiting will remove.
	[ "$1" = unknown ] || busy=78
	before=$(listing)
	echo "$before"
	timeout 20 nlock status --json "$LOCK" | grep -q "\"state\":\"$1\""
	run -$busy --separate-stderr timeout 20 nlock acquire -n "$LOCK"
	complains
	[ "$output" = "(exit $busy)" ]
	[[ $stderr != *[[:cntrl:]]* ]]
	[ "$(listing)" = "$before" ]
}

# is_foreign: LOCK is left alone, and called what it is, by all who want it;
# by a waiter, once.  As old as it may be, it is no lease that is over.
is_foreign() {
	local before

	is_left_alone foreign
	touch -h -d "1 hour ago" "$LOCK"
	is_left_alone foreign
	before=$(listing)
	run -0 --separate-stderr timeout 20 nlock status "$LOCK"
	[[ $output == "$LOCK: "*foreign* ]]
	[[ $output != *[[:cntrl:]]* ]]
	run -78 --separate-stderr timeout 20 nlock run -n -l 1s \
		--clock-slop 1ms "$LOCK" touch "$BATS_TEST_TMPDIR/ran"
	complains
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
	run -78 --separate-stderr timeout 20 nlock acquire -w 250ms "$LOCK"
	echo "stderr: $stderr"
	# shellcheck disable=SC2154	# set by run
	[ "${#stderr_lines[@]}" = 2 ]
	[[ ${stderr_lines[0]} == "nlock: "*waiting*foreign* ]]
	[[ ${stderr_lines[1]} == "nlock: "*"in the way"*foreign* ]]
	tells_what_to_do -q -w 50ms
	tells_what_to_do -nqE0
	[ "$(listing)" = "$before" ]
}

# tells_what_to_do OPTION...: a cron job that is skipped quietly while the lock
# is held is not when something is in the way: it is told what, and what to do.
tells_what_to_do() {
	run -78 --separate-stderr timeout 20 nlock run "$@" "$LOCK" \
		touch "$BATS_TEST_TMPDIR/ran"
	complains
	[[ $stderr == "nlock: $LOCK: in the way: "*"; "* ]]
	[ -z "$output" ]
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

# write_lock TEXT: the lock file is this, and nothing else is there.
write_lock() {
	printf '%s' "$1" >"$LOCK"
	touch -d "+1 hour" "$LOCK"
}

# claim_lock PARTS [TEXT]: the lock file is a link to the claim LOCK|PARTS,
# whose lease lasts for an hour, and whose content is its path, or TEXT.
claim_lock() {
	CLAIM="$LOCK|$1"
	printf '%s' "${2-$CLAIM}" >"$CLAIM"
	ln "$CLAIM" "$LOCK"
	touch -d "+1 hour" "$LOCK"
}

# What the helpers check can fail.
@test "hostile: a proper claim is broken once its lease is over" {
	claim_lock "web1|4242|n0123456789abcdef"
	is_left_alone unknown
	touch -d "1 hour ago" "$LOCK"
	is_state theirs_expired
	run -0 nlock acquire -n "$LOCK"
	[ ! -e "$CLAIM" ]
}

# ------------------------------------------------------- not regular files

@test "hostile: a directory is foreign" {
	mkdir "$LOCK"
	is_foreign
	: >"$LOCK/file"
	is_left_alone foreign
}

@test "hostile: a directory with something in it is not waited for" {
	local entry waiter

	mkdir "$LOCK"
	for entry in file .hidden "job.lock|h|1|1"; do
		: >"$LOCK/$entry"
		run -78 --separate-stderr timeout 20 nlock acquire "$LOCK"
		complains
		[[ $stderr == *"in the way: foreign: a directory "*"; it has something in it, "* ]]
		[ "$output" = "(exit 78)" ]
		tells_what_to_do -q
		tells_what_to_do -w 1h -E 0
		rm "$LOCK/$entry"
	done
	# Nor any longer, when it gets something.
	timeout 20 nlock run "$LOCK" touch ran 2>errors 3>&- &
	waiter=$!
	eventually grep -q "waiting: foreign: a directory " errors
	mkdir "$LOCK/sub"
	ended_with 78 $waiter
	[ "$(wc -l <errors)" = 2 ]
	[ ! -e ran ]
	[ "$(ls -A)" = $'errors\njob.lock' ]
}

@test "hostile: an empty directory is waited for, and may go away" {
	local waiter

	mkdir "$LOCK"
	nlock run "$LOCK" touch ran 2>errors 3>&- &
	waiter=$!
	eventually grep -q "waiting: foreign: a directory " errors
	rmdir "$LOCK"
	ended_with 0 $waiter
	[ -e ran ]
}

@test "hostile: a fifo is foreign, and is not waited for" {
	mkfifo "$LOCK"
	is_foreign
}

@test "hostile: a socket is foreign" {
	needs python3
	python3 -c 'import socket
socket.socket(socket.AF_UNIX).bind("job.lock")'
	is_foreign
}

@test "hostile: a device is foreign, and is not read" {
	needs root
	mknod "$LOCK" c 1 5	# /dev/zero
	is_foreign
}

@test "hostile: a symbolic link to nothing is foreign" {
	ln -s nosuch "$LOCK"
	is_foreign
	[ ! -e nosuch ]
}

@test "hostile: a symbolic link to itself is foreign" {
	ln -s job.lock "$LOCK"
	is_foreign
}

@test "hostile: a symbolic link to a claim is foreign" {
	local claim="$LOCK|web1|4242|n0123456789abcdef"

	printf '%s' "$claim" >"$claim"
	touch -d "1 hour ago" "$claim"
	ln "$claim" other
	ln -s "$claim" "$LOCK"
	is_foreign
}

@test "hostile: a symbolic link to a file of the system is foreign" {
	local before

	before=$(stat -c '%i %h %s %Y %Z %a' /etc/passwd)
	ln -s /etc/passwd "$LOCK"
	is_foreign
	[ "$(stat -c '%i %h %s %Y %Z %a' /etc/passwd)" = "$before" ]
}

@test "hostile: a symbolic link to another lock is foreign, and the other lock stays" {
	eval "$(nlock acquire -l 1h "$DIR/other.lock")"
	ln -s other.lock "$LOCK"
	is_foreign
	run -0 nlock status --mine other.lock
	nlock release
}

# ----------------------------------------------------------------- content

@test "hostile: any other file is foreign" {
	local text

	for text in "x" $'\n' "/" "//" "|" "|||" "/|/|/|" "." \
	    "pid 4242" "4242" "$LOCK" "$LOCK|" "$LOCK|||" "$LOCK|h|1" \
	    "$LOCK|h|1|" "$LOCK||1|1" "$LOCK|h||1" "job.loc|h|1|1" \
	    "xjob.lock|h|1|1" "$LOCK/|h|1|1" "$LOCK|h|1|1/"; do
		echo "text: $text"
		write_lock "$text"
		touch -d "1 hour ago" "$LOCK"
		is_left_alone foreign
	done
	is_foreign
}

@test "hostile: an empty file with one link is foreign" {
	: >"$LOCK"
	is_foreign
}

@test "hostile: an empty file with a link that is no claim is foreign" {
	: >"$LOCK"
	ln "$LOCK" "$LOCK.save"
	is_foreign
	rm "$LOCK.save"
	ln "$LOCK" "$LOCK|h|0|1"
	is_left_alone foreign
	rm "$LOCK|h|0|1"
}

@test "hostile: an empty file with links of others and one that is a claim is broken" {
	: >"$LOCK"
	ln "$LOCK" "$LOCK|h|4242|n0123456789abcdef"
	ln "$LOCK" save
	touch -d "1 hour ago" "$LOCK"
	is_state theirs_expired
	nlock run -n "$LOCK" true
	[ -e save ]
	nothing_left
}

@test "hostile: a file of 3 MB is foreign, whatever it begins or ends with" {
	claim_lock "web1|4242|n0123456789abcdef"
	head -c 3000000 /dev/zero | tr '\0' ' ' >>"$CLAIM"
	is_left_alone foreign
	head -c 3000000 /dev/zero | tr '\0' / >"$CLAIM"
	printf '%s' "$CLAIM" >>"$CLAIM"
	is_foreign
}

@test "hostile: a claim that is followed by anything is foreign" {
	local rest

	for rest in $'\n' " " x "|" "|warrant" "/"; do
		claim_lock "web1|4242|n0123456789abcdef" \
			"$LOCK|web1|4242|n0123456789abcdef$rest"
		touch -d "1 hour ago" "$LOCK"
		is_left_alone foreign
		rm "$LOCK" "$CLAIM"
	done
}

@test "hostile: a claim with NULs is foreign" {
	claim_lock "web1|4242|n0123456789abcdef"
	printf '\0' >>"$CLAIM"
	is_left_alone foreign
	printf '\0%s' "$CLAIM" >"$CLAIM"
	is_left_alone foreign
	printf '%s\0%s' "$CLAIM" "$CLAIM" >"$CLAIM"
	is_left_alone foreign
	head -c 100 /dev/zero >"$CLAIM"
	is_foreign
}

@test "hostile: a claim to another lock is foreign, and stays" {
	local name

	for name in other.lock job.lock2 job job.loc "job.lock|2" .job.lock; do
		echo "name: $name"
		CLAIM="$DIR/$name|web1|4242|n0123456789abcdef"
		printf '%s' "$CLAIM" >"$CLAIM"
		mkdir "$CLAIM|warrant"
		ln "$CLAIM" "$LOCK"
		touch -d "1 hour ago" "$LOCK"
		is_left_alone foreign
		rm -r "$LOCK" "$CLAIM" "$CLAIM|warrant"
	done
}

@test "hostile: a lock file with the path of a live claim to another lock does that lock no harm" {
	eval "$(nlock acquire -l 1h "$DIR/other.lock")"
	printf '%s' "$NLOCK_CLAIM" >"$LOCK"
	is_foreign
	run -0 nlock status --mine other.lock
	nlock release
	[ "$(ls -A)" = job.lock ]
}

@test "hostile: a claim with an impossible pid is foreign" {
	local pid

	for pid in 0 -1 -4242 +1 "" " 1" "1 " 0x1 1.5 x 4294967297 2147483648 \
	    9223372036854775807 99999999999999999999999; do
		echo "pid: $pid"
		claim_lock "$(hostname)|$pid|n0123456789abcdef"
		touch -d "1 hour ago" "$LOCK"
		is_left_alone foreign
		rm "$LOCK" "$CLAIM"
	done
}

@test "hostile: a claim with an impossible number at its end is foreign" {
	local number

	for number in n n0123 n0123456789abcdeg n0123456789abcdefg N0123456789abcdef \
	    n0x23456789abcdef "n 123456789abcdef" n-123456789abcdef x -1 1x \
	    0x12 1.5 ""; do
		echo "number: $number"
		claim_lock "$(hostname)|4242|$number"
		touch -d "1 hour ago" "$LOCK"
		is_left_alone foreign
		rm "$LOCK" "$CLAIM"
	done
}

@test "hostile: a process that is not described in full is not known to be dead" {
	local boot ns identity

	boot=$(head -c 8 /proc/sys/kernel/random/boot_id)
	ns=$(stat -L -c %i /proc/self/ns/pid)
	for identity in "" . .. "$boot" "$boot.$ns" "$boot.$ns.1" \
	    "$boot.$ns.1.0" "$boot.$ns.1.-1" "$boot.$ns.1.-4242" \
	    "$boot.$ns.1.1" "$boot.$ns.1.99999999999" "$boot.$ns.1.x" \
	    "$boot.$ns..4194304" "$boot.$ns.1.4194304.1" \
	    "$boot.$ns.1.4194304 " "-$boot.$ns.1.4194304"; do
		echo "identity: $identity"
		claim_lock "$(hostname)|4194304|n0123456789abcdef.$identity"
		is_left_alone unknown
		rm "$LOCK" "$CLAIM"
	done
	# No pid is over 2^22, so of these one could tell that they are dead.
	claim_lock "$(hostname)|4194305|n0123456789abcdef.$boot.$ns.1.4194305"
	is_state stale
}

@test "hostile: the directory in a claim's path is not where nlock looks" {
	local outside="$BATS_TEST_TMPDIR/job.lock|web1|4242|n0123456789abcdef"
	local before path

	printf '%s' "$outside" >"$outside"
	mkdir "$outside|warrant"
	touch -d "1 hour ago" "$outside" "$outside|warrant"
	before=$(stat -c '%i %h %s %Y %Z' "$outside" "$outside|warrant")
	for path in "../${outside##*/}" "$outside" "../d/../${outside##*/}" \
	    "/nosuch/${outside##*/}"; do
		echo "path: $path"
		write_lock "$path"
		is_left_alone unknown
		# It is taken for a lock of ours, and may go once it is over.
		touch -d "1 hour ago" "$LOCK"
		eval "$(nlock acquire -n "$LOCK")"
		nlock release
		unset NLOCK_CLAIM
		[ "$(stat -c '%i %h %s %Y %Z' "$outside" \
			"$outside|warrant")" = "$before" ]
		nothing_left
	done
}

@test "hostile: a claim's path that leaves the directory is foreign" {
	local path

	for path in "$LOCK|../../x|4242|n0123456789abcdef" \
	    "job.lock|h|1|1/../job.lock" ".." "../.." \
	    "$LOCK|h|4242|n0123456789abcdef/../../../etc/passwd"; do
		write_lock "$path"
		touch -d "1 hour ago" "$LOCK"
		is_left_alone foreign
	done
	is_foreign
}

# --------------------------------------------------------------- a terminal

@test "hostile: control characters in a lock file don't reach the terminal" {
	local host

	needs python3
	for host in $'\e[31mred' $'a\nnlock: b' $'\a\b\r\t' $'\x7f' \
	    $'\e]0;title\a'; do
		claim_lock "$host|4242|n0123456789abcdef"
		is_left_alone unknown
		run -0 nlock status --json "$LOCK"
		[ "${#lines[@]}" = 1 ]
		[[ $output != *[[:cntrl:]]* ]]
		[ "$(json host <<<"$output")" = "$host" ]
		run -75 --separate-stderr nlock acquire -v -w 2s "$LOCK"
		[ "${#stderr_lines[@]}" = 2 ]
		[[ ${stderr//$'\n'/} != *[[:cntrl:]]* ]]
		rm "$LOCK" "$CLAIM"
	done
}

@test "hostile: 8-bit control characters don't reach the terminal either" {
	local host

	# CSI and OSC, as Latin-1 and as UTF-8 have them.
	for host in $'\x9b31m' $'\x9d0;title' $'\xc2\x9b31m' \
	    $'\xc2\x9d0;title'; do
		claim_lock "$host|4242|n0123456789abcdef"
		nlock status "$LOCK" >printed
		nlock acquire -n "$LOCK" 2>>printed || [ $? = 75 ]
		[ "$(wc -l <printed)" = 2 ]
		# shellcheck disable=SC2094	# not the same at all
		if LC_ALL=C grep -q $'[\x80-\x9f]' printed; then
			od -c printed
			return 1
		fi
		rm "$LOCK" "$CLAIM" printed
	done
}

@test "hostile: a claim that is not UTF-8 is valid JSON, and can be broken" {
	needs python3
	claim_lock $'h\xff\xfe\xc3|4242|n0123456789abcdef'
	is_left_alone unknown
	run -0 nlock status --json "$LOCK"
	[[ $(json host <<<"$output") == h* ]]
	touch -d "1 hour ago" "$LOCK"
	run -0 nlock acquire -n "$LOCK"
	[ ! -e "$CLAIM" ]
}

# ------------------------------------------------------------------ a crash

@test "hostile: a claim whose content a crash has lost is found by its name" {
	claim_lock "web1|4242|n0123456789abcdef" ""
	mkdir "$CLAIM|warrant"
	is_left_alone unknown
	run -0 nlock status "$LOCK"
	[[ $output == *"held by web1 pid 4242 "* ]]
	[ "$(nlock status --json "$LOCK" | json claim)" = "$CLAIM" ]
}

@test "hostile: a claim whose content is lost is broken when its lease is over" {
	local parts

	for parts in "web1|4242|n0123456789abcdef" "web1|4242|123456789"; do
		claim_lock "$parts" ""
		mkdir "$CLAIM|warrant"
		touch -d "1 hour ago" "$LOCK"
		is_state theirs_expired
		run -75 nlock acquire -n --clock-slop 2h "$LOCK"
		[ -e "$CLAIM" ]
		eval "$(nlock acquire -n "$LOCK")"
		[ ! -e "$CLAIM" ]
		nlock release
		unset NLOCK_CLAIM
		[ ! -e "$CLAIM|warrant" ]
		nothing_left
	done
}

@test "hostile: a lock whose claim is gone is broken when its lease is over" {
	claim_lock "web1|4242|n0123456789abcdef"
	mkdir "$CLAIM|warrant"
	rm "$CLAIM"
	is_left_alone unknown
	touch -d "1 hour ago" "$LOCK"
	eval "$(nlock acquire -n "$LOCK")"
	nlock release
	nothing_left
}

# -------------------------------------------------------------- other users

# Let "${nobody[@]}" run nlock without privileges in the test's directory.
be_nobody() {
	needs root
	chmod a+rx "$BATS_RUN_TMPDIR"
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups
		timeout 20 "$BATS_TEST_TMPDIR/bin/nlock")
	chmod 777 .
}

@test "hostile: a lock file that we may not read is left alone" {
	local when before busy state

	be_nobody
	while read -r state busy when; do
		claim_lock "web1|4242|n0123456789abcdef"
		chmod 600 "$LOCK"
		touch -d "$when" "$LOCK"
		before=$(listing)
		run -0 "${nobody[@]}" status --json "$LOCK"
		[ "$(json state <<<"$output")" = "$state" ]
		run -0 "${nobody[@]}" status "$LOCK"
		[ "${#lines[@]}" = 1 ]
		run "-$busy" --separate-stderr "${nobody[@]}" acquire -n \
			--clock-slop 30m "$LOCK"
		complains
		run "-$busy" "${nobody[@]}" acquire -w 300ms \
			--clock-slop 30m "$LOCK"
		[ "$(listing)" = "$before" ]
		rm "$LOCK" "$CLAIM"
	done <<-EOT
	unknown 75 +1 hour
	theirs_expired 75 5 minutes ago
	theirs_expired 78 1 hour ago
	EOT
}

@test "hostile: a lock that we may not read is in the way once its lease is over" {
	be_nobody
	claim_lock "web1|4242|n0123456789abcdef"
	chmod 600 "$LOCK"
	touch -d "1 hour ago" "$LOCK"
	run -78 --separate-stderr "${nobody[@]}" run -nqE0 "$LOCK" true
	complains
	[[ $stderr == *"in the way: "*"can't be read, lease ended 1h"*" ago; "* ]]
}

@test "hostile: another user's lock that we may not break is left, and nlock says so" {
	local claim before

	be_nobody
	chmod 1777 .
	eval "$(nlock acquire "$LOCK")"
	claim=$NLOCK_CLAIM
	touch -d "1 hour ago" "$LOCK"
	before=$(listing)
	run -78 --separate-stderr env -u NLOCK_CLAIM "${nobody[@]}" \
		acquire -n "$LOCK"
	complains
	[[ $stderr == *"in the way: held by $(hostname)"*"can't be broken: "*"; its owner, "* ]]
	run -78 --separate-stderr env -u NLOCK_CLAIM "${nobody[@]}" \
		acquire -w 400ms "$LOCK"
	[ "$(grep -c "waiting" <<<"$stderr")" = 1 ]
	run -78 --separate-stderr env -u NLOCK_CLAIM "${nobody[@]}" \
		run -nqE0 "$LOCK" true
	complains
	[ "$(listing)" = "$before" ]
	run -0 nlock release --claim "$claim"
	nothing_left
}

@test "hostile: a lock that we may not break is held again once it is refreshed" {
	local waiter

	be_nobody
	chmod 1777 .
	eval "$(nlock acquire "$LOCK")"
	touch -d "1 hour ago" "$LOCK"
	env -u NLOCK_CLAIM "${nobody[@]}" acquire -w 4s "$LOCK" 2>errors 3>&- &
	waiter=$!
	eventually grep -q "can't be broken" errors
	nlock refresh -l 1h
	ended_with 75 $waiter
	[[ $(tail -n 1 errors) == *"timed out after 4s: held by "* ]]
	[[ $(tail -n 1 errors) != *"can't be broken"* ]]
}

@test "hostile: another user can't take what we hold by knowing our claim" {
	local before

	be_nobody
	chmod 1777 .
	eval "$(nlock acquire -l 1h "$LOCK")"
	before=$(listing)
	run --separate-stderr "${nobody[@]}" release
	[ "$status" = 77 ]
	complains
	run --separate-stderr "${nobody[@]}" refresh -l 2h
	[ "$status" = 77 ]
	complains
	[ "$(listing)" = "$before" ]
	run -0 nlock release
	nothing_left
}

# expired_lock: of web1, with a warrant.
expired_lock() {
	claim_lock "web1|4242|n0123456789abcdef"
	mkdir "$CLAIM|warrant"
	touch -d "1 hour ago" "$LOCK"
}

@test "hostile: what other programs leave in a dead holder's warrant is removed with it" {
	expired_lock
	mkdir "$CLAIM|warrant/@eaDir"
	: >"$CLAIM|warrant/@eaDir/SYNO@.fileindexdb"
	: >"$CLAIM|warrant/.DS_Store"
	: >"$CLAIM|warrant/.nfs000000000012345600000001"
	nlock run -n "$LOCK" true
	nothing_left
}

@test "hostile: what other programs leave in a breaker's directory is removed with it" {
	expired_lock
	mkdir -p "$LOCK|breaker/@eaDir" "$LOCK|breaker/warrant/@eaDir"
	: >"$LOCK|breaker/@eaDir/SYNO@.fileindexdb"
	: >"$LOCK|breaker/warrant/lock"
	touch -d "1 hour ago" "$LOCK|breaker/warrant"
	nlock run -w 19s "$LOCK" true
	nothing_left
}

# mkdirs COMMAND...: how many directories it makes if nothing wakes it, because
# its user has no inotify(7) left.  (A call that was traced in two parts has its
# name in both.)
mkdirs() {
	"${STRACE[@]}" -tt -e trace=mkdir,mkdirat,inotify_init1 \
		-e inject=inotify_init1:error=EMFILE -o trace "$@" || true
	grep -cE 'mkdir(at)?\(' trace
}

@test "hostile: what may be data in a warrant is left and reported, and the break is seldom tried again" {
	local place

	needs strace
	for place in "$LOCK|web1|4242|n0123456789abcdef|warrant" \
			"$LOCK|breaker" "$LOCK|breaker/warrant"; do
		expired_lock
		mkdir -p "$place"
		echo thesis >"$place/thesis.tex"
		touch -d "1 hour ago" "$place"
		run --separate-stderr nlock run -w 8s "$LOCK" true
		[ "$status" = 78 ]
		[[ $stderr == *"can't be broken"*"Directory not empty"* ]]
		[ "$(cat "$place/thesis.tex")" = thesis ]
		# Two for each try, with pauses of half a second or more; it
		# would be well over a hundred without them.
		mkdirs nlock run -w 4s "$LOCK" true 2>/dev/null >count
		[ "$(cat count)" -lt 30 ] || { cat trace; false; }
		# What is left of the holder can be used as before.
		[ -e "$LOCK" ]
		rm "$place/thesis.tex"
		nlock run -w 19s "$LOCK" true
		nothing_left
	done
}

@test "hostile: a link to the lock file in its own warrant keeps nobody from breaking it" {
	expired_lock
	ln "$LOCK" "$CLAIM|warrant/lock"
	nlock run -n "$LOCK" true
	nothing_left
}

@test "hostile: a file in a warrant hinders no release, even by the lock file's name" {
	# shellcheck disable=SC2016
	nlock run "$LOCK" sh -c 'ln "$NLOCK_LOCK" "$NLOCK_CLAIM|warrant/lock"'
	nothing_left
	# shellcheck disable=SC2016
	nlock run "$LOCK" sh -c 'echo >"$NLOCK_CLAIM|warrant/.DS_Store"'
	nothing_left
}

@test "hostile: a refresh sets no time of a file that was put in the claim's place" {
	local before

	echo data >outside
	touch -d "2 hours ago" outside
	before=$(stat -c %.9Y outside)
	eval "$(nlock acquire "$LOCK")"
	rm "$NLOCK_CLAIM"
	ln outside "$NLOCK_CLAIM"
	run -76 nlock refresh -l 1h
	[ "$(stat -c %.9Y outside)" = "$before" ]
	rm "$NLOCK_CLAIM"
	ln -s outside "$NLOCK_CLAIM"
	run -76 nlock refresh -l 1h
	[ "$(stat -c %.9Y outside)" = "$before" ]
	rm "$NLOCK_CLAIM"
	# shellcheck disable=SC2016
	run -76 nlock run -l 900ms -w 19s --clock-slop 1ms "$LOCK" sh -c '
		rm "$NLOCK_CLAIM" && ln outside "$NLOCK_CLAIM" && sleep 20'
	[ "$(stat -c %.9Y outside)" = "$before" ]
}

# somebodys DIRECTORY: with things in it that nlock knows by name, and one that
# it does not.
somebodys() {
	mkdir -p "$1/.smb" "$1/._work" "$1/@eaDir" "$1/warrant"
	for file in .smb/smb.conf .smbcredentials ._work/thesis .nfs_settings \
			@eaDir/index warrant/lock lock data .DS_Store; do
		echo "$file" >"$1/$file"
	done
	touch -d "1 hour ago" "$1" "$1/warrant"
}

@test "hostile: somebody's directory that was renamed to one of nlock's keeps all that is in it" {
	local name before

	expired_lock
	for name in "$LOCK|breaker" "$CLAIM|warrant"; do
		rmdir "$CLAIM|warrant"
		somebodys theirs
		before=$(cd theirs && find . -exec stat -c "%n %i %a" {} + | sort)
		mv theirs "$name"
		run -78 --separate-stderr nlock run -n "$LOCK" true
		[[ $stderr == *"Directory not empty"* ]]
		[ "$(cd "$name" && find . -exec stat -c "%n %i %a" {} + | sort)" = "$before" ]
		rm -r "$name"
		mkdir "$CLAIM|warrant"
	done
	nlock run -n "$LOCK" true
	nothing_left
}

@test "hostile: a release by another process removes and replaces nothing that is called lock in its warrant" {
	eval "$(nlock acquire "$LOCK")"
	mv "$NLOCK_CLAIM|warrant" moved
	mkdir "$NLOCK_CLAIM|warrant"
	echo precious >"$NLOCK_CLAIM|warrant/lock"
	nlock release
	[ "$(ls "$NLOCK_CLAIM|warrant")" = lock ]
	[ "$(cat "$NLOCK_CLAIM|warrant/lock")" = precious ]
	rm -r "$NLOCK_CLAIM|warrant" moved
	nothing_left
}

@test "hostile: a warrant that is not empty and of another owner has not been revoked" {
	needs root
	expired_lock
	echo junk >"$CLAIM|warrant/junk"
	chown 1234 "$LOCK"
	run -78 --separate-stderr nlock run -n "$LOCK" true
	[[ $stderr == *"can't be broken: Operation not permitted"* ]]
	[ -e "$LOCK" ]
}

@test "hostile: setting the times of nlock's new directories ends no lease" {
	nlock acquire -l 1h "$LOCK"
	# As a copy that keeps times does, or a clock that was wrong.
	while [ ! -e enough ]; do
		touch -d "+1 year" "$LOCK|"*warrant "$LOCK|breaker"*/warrant
	done 2>/dev/null 3>&- &
	for _ in {1..40}; do
		run -75 nlock acquire -n "$LOCK"
	done
	touch enough
	wait
	is_state unknown
}

@test "hostile: without /proc, and on a kernel that sets no times by a path's descriptor, a lock is refreshed" {
	needs root strace
	eval "$(nlock acquire "$LOCK")"
	# The address sanitizer reads its options there.
	# shellcheck disable=SC2016
	run -0 env "${STRACE[1]}" unshare --mount sh -c '
		cat /proc/self/environ >"$0"
		mount -t tmpfs none /proc
		mkdir /proc/self
		cp "$0" /proc/self/environ
		exec "$@"' "$BATS_TEST_TMPDIR/environ" \
		"${STRACE[@]}" -o "$BATS_TEST_TMPDIR/calls" \
		-e inject=utimensat:error=EINVAL:when=1 nlock refresh -l 10m
	between 500 "$(remaining)" 600
}
