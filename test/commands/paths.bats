#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Where a lock can be: names, directories, permissions, file systems.
#
# shellcheck disable=SC2016	# what is quoted is for other shells
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

# works PATH: a lock there can be taken, seen, refreshed, contended for, given
# back, and nothing is left.
works() {
	local path=$1

	printf 'path: %q\n' "$path"
	unset NLOCK_CLAIM
	run -0 nlock status -- "$path"
	[[ $output == *": unlocked" ]]
	[ "${#lines[@]}" = 1 ]
	eval "$(nlock acquire -l 1h -- "$path")"
	[ "$path" -ef "$NLOCK_CLAIM" ]
	run -0 nlock status --mine -- "$path"
	[ "${#lines[@]}" = 1 ]
	run -0 nlock refresh -l 2h -- "$path"
	run -73 --separate-stderr nlock acquire -- "$path"
	complains
	run -75 --separate-stderr env -u NLOCK_CLAIM nlock run -n -- "$path" \
		false
	complains
	# From elsewhere, the claim alone is enough.
	(cd / && nlock refresh && nlock release)
	unset NLOCK_CLAIM
	run -0 nlock run -- "$path" \
		sh -c 'nlock status --mine "$NLOCK_LOCK" >/dev/null'
	nlock acquire --state "$BATS_TEST_TMPDIR/state" -- "$path"
	run -0 nlock release --state "$BATS_TEST_TMPDIR/state" -- "$path"
	[ ! -e "$BATS_TEST_TMPDIR/state" ]
	[ -z "$(find "$DIR" -type f -o -name '*|warrant')" ]
}

# ------------------------------------------------------------------- names

@test "paths: any characters may be in a lock's name" {
	local name

	for name in " " "a b" "'" '"' "it's" '$HOME' '`id`' '$(id)' "\\" "*" \
	    "a;b" "a&b" "#" "~" "a=b" "%s%n" $'\t' $'a\nb' $'\n' $'\e[31m' \
	    $'\x7f' "ä" "日本"; do
		works "$name"
	done
}

@test "paths: the separator may be in a lock's name" {
	local name

	for name in "|" "||" "a|b" "|a" "a|" "a|h|1|1" \
	    "a|h|1|n0123456789abcdef" "a|warrant" "a|breaker"; do
		works "$name"
	done
}

@test "paths: any characters may be in a lock's directory" {
	local name

	for name in " " "it's" '"$HOME" `id`' $'a\nb' "a|b" "a|h|1|1" "|" \
	    "-n" $'\xff\xfe' "*"; do
		mkdir -- "$name"
		works "./$name/job.lock"
		works "$DIR/$name/job.lock"
		rmdir -- "$name"
	done
}

@test "paths: bytes that are not UTF-8 may be in a lock's name" {
	local name

	needs python3
	for name in $'\xff' $'a\xc3' $'\xed\xa0\x80' $'\xc0\xaf' \
	    $'\xf4\x90\x80\x80' $'\xe9t\xe9'; do
		works "$name"
		eval "$(nlock acquire -- "$name")"
		nlock status --json -- "$name" >printed
		python3 -c 'import json, sys
for line in open("printed", "rb"):
    o = json.loads(line.decode("utf-8"))
    assert o["state"] == "ours" and o["pid"] > 0, o'
		rm printed
		nlock release
		unset NLOCK_CLAIM
	done
}

@test "paths: any name is valid JSON, and the same again unless it is not UTF-8" {
	local name

	needs python3
	for name in "it's" '"' "\\" $'a\nb\t' $'\e[31m' $'\x7f' "ä" "日本" \
	    $'\x01' "<a>"; do
		nlock acquire -- "$name" >/dev/null
		nlock status --json -- "$name" >printed
		[ "$(wc -l <printed)" = 1 ]
		[ "$(json lock <printed; echo x)" = "$name"$'\n'x ]
		[[ "$(json claim <printed)" == "$DIR/$name|"* ]]
	done
}

@test "paths: a lock's name may begin with a dash, after --" {
	local name

	for name in -x -n --nonblock --state=x -c --help; do
		works "$name"
	done
}

@test "paths: messages are one line, whatever is in a name" {
	local name=$'a\nnlock: b\e[31m'

	nlock acquire "$name" >/dev/null
	run -75 --separate-stderr nlock acquire -n "$name"
	complains
	[[ $stderr != *[[:cntrl:]]* ]]
	run -76 --separate-stderr nlock release --state nosuch "$name"
	complains
	[[ $stderr != *[[:cntrl:]]* ]]
	run -74 --separate-stderr nlock acquire "$name/$name"
	complains
	[[ $stderr != *[[:cntrl:]]* ]]
	run -0 --separate-stderr nlock status "$name"
	[ "${#lines[@]}" = 1 ]
	[[ $output != *[[:cntrl:]]* ]]
}

# ------------------------------------------------------------------ lengths

@test "paths: a name that is too long is 74 and one line, and leaves nothing" {
	local length name taken=0 refused=0

	for length in 100 150 {190..246..4} 250 254 255 256 300; do
		name=$(printf "%0${length}d" 0)
		run --separate-stderr nlock acquire -n "$name"
		echo "length $length: $status"
		if [ "$status" = 0 ]; then
			taken=$length
			[ "$refused" = 0 ]
			# What was taken can be seen, given back and broken.
			run -0 nlock status --claim x "$name"
			[[ $output == *"held by"* ]]
			touch -d "1 hour ago" "$name"
			eval "$(nlock acquire -n "$name")"
			run -0 nlock refresh "$name"
			run -0 nlock release "$name"
			unset NLOCK_CLAIM
		else
			refused=$length
			[ "$status" = 74 ]
			complains
			[ "$output" = "(exit 74)" ]
		fi
		[ -z "$(ls -A)" ]
	done
	[ "$taken" -ge 150 ]
	[ "$refused" -ge 255 ]
}

@test "paths: whether a name is too long does not depend on the process" {
	needs root
	local length name status

	for length in {150..255}; do
		name=$(printf "%0${length}d" 0)
		status=0
		nlock run "$name" true 2>/dev/null || status=$?
		echo "length $length: $status"
		# Where pids have few digits, the same.
		run -$status unshare --pid --fork --mount-proc \
			setsid nlock run "$name" true
		[ -z "$(ls -A)" ]
	done
}

@test "paths: a name that is too long for run is 74, and nothing is run" {
	local length name taken=0 refused=0

	for length in 100 {130..210..8} 255 256; do
		name=$(printf "%0${length}d" 0)
		run --separate-stderr nlock run "$name" touch ran
		echo "length $length: $status"
		if [ "$status" = 0 ]; then
			taken=$length
			[ "$refused" = 0 ]
			rm ran
		else
			refused=$length
			[ "$status" = 74 ]
			complains
		fi
		[ -z "$(ls -A)" ]
	done
	[ "$taken" -ge 100 ]
	[ "$refused" -ge 255 ]
}

@test "paths: a path that is too long is 74 and one line, and leaves nothing" {
	local directory long

	directory=$(printf '%0200d' 0)
	long=$DIR
	while [ ${#long} -lt 3800 ]; do
		long=$long/$directory
	done
	mkdir -p "$long"
	run -74 --separate-stderr nlock acquire -n "$long/job.lock"
	complains
	[ -z "$(ls -A "$long")" ]
	cd "$long"
	run -74 --separate-stderr nlock acquire -n job.lock
	complains
	[ -z "$(ls -A)" ]
	mkdir "$directory"
	cd "$directory"
	mkdir "$directory"
	cd "$directory"
	run -74 --separate-stderr nlock run job.lock touch ran
	complains
	[ -z "$(ls -A)" ]
	run -74 --separate-stderr nlock acquire -n \
		"$(printf 'x/%.0s' {1..3000})job.lock"
	complains
}

@test "paths: a state file may have as long a name as any file" {
	local name

	name=$(printf '%0255d' 0)
	: >"$name"
	run -0 --separate-stderr nlock acquire --state "$name" "$LOCK"
	[ "$(cat "$name")" -ef "$LOCK" ]
	run -0 nlock release --state "$name"
	nothing_left
}

@test "paths: a path of 3000 characters is fine" {
	local directory long

	directory=$(printf '%0200d' 0)
	long=$DIR
	while [ ${#long} -lt 3000 ]; do
		long=$long/$directory
	done
	mkdir -p "$long"
	works "$long/job.lock"
}

# -------------------------------------------------------------- directories

@test "paths: a relative LOCK is found again from anywhere" {
	mkdir -p sub/below
	eval "$(nlock acquire sub/job.lock)"
	[[ $NLOCK_CLAIM == /* ]]
	run -0 nlock refresh sub/job.lock
	cd sub/below
	run -0 nlock status --mine ../job.lock
	run -0 nlock refresh ../job.lock
	run -73 nlock acquire ../job.lock
	run -64 nlock release sub/job.lock
	cd /
	run -0 nlock refresh
	run -0 nlock release
	[ -z "$(ls -A "$DIR/sub/below")" ]
}

@test "paths: a relative state file is the caller's" {
	mkdir sub
	(cd sub && nlock acquire --state state ../job.lock)
	[ -s sub/state ]
	run -0 nlock release --state sub/state job.lock
	nothing_left
}

@test "paths: symbolic links to the directory lead to the same lock" {
	mkdir real
	ln -s real link
	ln -s "$DIR/real" absolute
	works link/job.lock
	eval "$(nlock acquire -l 1h link/job.lock)"
	run -75 env -u NLOCK_CLAIM nlock acquire -n real/job.lock
	run -75 env -u NLOCK_CLAIM nlock acquire -n absolute/job.lock
	run -0 nlock status --mine real/job.lock
	run -0 nlock release absolute/job.lock
	[ -z "$(ls -A real)" ]
}

# Let "current" be a link to v1, as deployments have it.
make_current() {
	mkdir v1 v2
	ln -s v1 current
}

switch_current() {
	ln -s v2 new
	mv -T new current
}

@test "paths: a lock taken through a link stays ours when the link is switched" {
	make_current
	eval "$(nlock acquire -l 1m current/deploy.lock)"
	nlock acquire -l 1m --state state current/other.lock
	switch_current
	run -0 nlock refresh
	run -0 nlock refresh v1/deploy.lock
	run -0 nlock refresh --state state
	run -0 nlock status --mine v1/deploy.lock
	# By now that is another lock.
	run -64 --separate-stderr nlock release current/deploy.lock
	complains
	[[ $stderr == *" $DIR/v1/deploy.lock, not of current/deploy.lock" ]]
	run -0 nlock release
	run -0 nlock release --state state
	[ -z "$(find v1 v2 -mindepth 1)" ]
}

@test "paths: run's command knows its lock when the link to it is switched" {
	make_current
	run -0 --separate-stderr nlock run -l 1h current/deploy.lock sh -ec '
		ln -s v2 new
		mv -T new current
		nlock refresh
		nlock refresh "$NLOCK_LOCK"
		nlock status --mine "$NLOCK_LOCK"
		nlock status --json "$NLOCK_LOCK"'
	[ -z "$stderr" ]
	# It is run that keeps the lease.
	between 3500 "$(json remaining <<<"${lines[1]}")" 3600
	[ -z "$(find v1 v2 -mindepth 1)" ]
}

@test "paths: messages have a link as the user gave it" {
	make_current
	nlock acquire -l 1h current/deploy.lock >/dev/null
	run -75 --separate-stderr nlock acquire -n current/deploy.lock
	[[ $stderr == "nlock: current/deploy.lock: held by "* ]]
	run -0 nlock status current/deploy.lock
	[[ $output == "current/deploy.lock: held by "* ]]
	[ "$(nlock status --json current/deploy.lock | json lock)" = \
		current/deploy.lock ]
}

@test "paths: a link that is switched while it is followed leads to one directory" {
	needs strace
	make_current
	"${STRACE[@]}" -o trace -e trace=openat,/^readlink \
		-e inject=/^readlink:delay_enter=1000000:when=1 \
		nlock acquire -l 1h current/deploy.lock >printed 3>&- &
	eventually grep -q 'O_PATH' trace
	switch_current
	ended_with 0 $!
	eval "$(cat printed)"
	[ "$NLOCK_CLAIM" -ef "$(dirname "$NLOCK_CLAIM")/deploy.lock" ]
	run -0 nlock release
	[ -z "$(find v1 v2 -mindepth 1)" ]
}

@test "paths: a directory that only /proc knows keeps its path there" {
	needs root
	local holder

	# By its own path there is another directory.
	mkdir locks
	mkfifo end
	unshare --mount bash -ec '
		mount -t tmpfs none locks
		read -r line <end' 3>&- &
	holder=$!
	eventually is_mounted_for "$holder"
	works "/proc/$holder/root$DIR/locks/job.lock"
	echo >end
	ended_with 0 "$holder"
	[ -z "$(ls -A locks)" ]
}

is_mounted_for() {
	[ "$(stat -f -c %T "/proc/$1/root$DIR/locks")" = tmpfs ]
}

@test "paths: a link to a directory whose own path is too long for a claim works" {
	local long=$DIR part

	part=$(printf '%0200d' 0)
	while [ ${#long} -lt 3800 ]; do
		long=$long/$part
	done
	mkdir -p "$long"
	ln -s "$long" short
	works short/job.lock
}

@test "paths: slashes and dots in the directory don't matter" {
	mkdir sub
	works .//job.lock
	works sub/..//job.lock
	works ././sub/./job.lock
}

@test "paths: a LOCK that names a directory by its slash or dots is refused" {
	local path

	mkdir sub
	for path in sub/ / . .. sub/. sub/.. ./ job.lock/ nosuch/; do
		echo "path: $path"
		run --separate-stderr nlock acquire -n "$path"
		[[ $status = 74 || $status = 64 ]]
		complains
		run --separate-stderr nlock run -n "$path" touch ran
		[[ $status = 74 || $status = 64 ]]
		complains
	done
	[ "$(find . -mindepth 1)" = ./sub ]
}

@test "paths: a directory that is missing, or none, is 74" {
	local path

	: >file
	ln -s nosuch dangling
	ln -s loop loop
	for path in nosuch/job.lock file/job.lock dangling/job.lock \
	    loop/job.lock sub/../../nosuch/job.lock; do
		run -74 --separate-stderr nlock acquire -n "$path"
		complains
		[[ $stderr == *"$path"* ]]
		[ "$output" = "(exit 74)" ]
		run -74 --separate-stderr nlock run "$path" touch ran
		complains
		run -74 --separate-stderr nlock status "$path"
		complains
		run -74 --separate-stderr nlock release \
			--claim "$path|h|1|n0123456789abcdef"
		complains
		run -74 --separate-stderr nlock acquire -q -n "$path"
		[ -z "$stderr" ]
	done
	[ ! -e ran ]
}

@test "paths: a working directory that is gone is 74 for a relative LOCK" {
	mkdir gone
	cd gone
	rmdir "$DIR/gone"
	run -74 --separate-stderr nlock acquire -n job.lock
	complains
	run -0 nlock run -n "$LOCK" true
	nothing_left
}

@test "paths: a directory that is removed while others wait ends their wait" {
	local waiter status=0

	mkdir sub
	nlock acquire -l 1h sub/job.lock >/dev/null
	nlock acquire sub/job.lock >printed 2>errors 3>&- &
	waiter=$!
	eventually two_claims
	# Or it might win between two of the removals.
	kill -STOP $waiter
	rm -rf sub
	kill -CONT $waiter
	eventually has_ended $waiter
	wait $waiter || status=$?
	[ $status = 74 ]
	[ "$(cat printed)" = "(exit 74)" ]
	[ "$(grep -c '^nlock: ' errors)" = 1 ]
}

has_ended() {
	! kill -0 "$1"
}

two_claims() {
	[ "$(find sub -name 'job.lock|*' -type f | wc -l)" = 2 ]
}

# -------------------------------------------------------------- permissions

# Let "${nobody[@]}" run nlock without privileges in the test's directory.
be_nobody() {
	needs root
	chmod a+rx "$BATS_RUN_TMPDIR"
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups
		"$BATS_TEST_TMPDIR/bin/nlock")
	chmod 777 .
}

@test "paths: in a directory that we may not write to is 77, and nothing is run" {
	be_nobody
	chmod 755 .
	run -77 --separate-stderr "${nobody[@]}" acquire -n "$LOCK"
	complains
	[[ $stderr == *"$LOCK"* ]]
	[ "$output" = "(exit 77)" ]
	run -77 --separate-stderr "${nobody[@]}" run "$LOCK" true
	complains
	run -77 --separate-stderr "${nobody[@]}" run -q "$LOCK" true
	[ -z "$stderr" ]
	run -0 "${nobody[@]}" status "$LOCK"
	[ "$output" = "$LOCK: unlocked" ]
	nothing_left
}

@test "paths: in a directory that we may not search is 77" {
	be_nobody
	mkdir -m 700 closed
	run -77 --separate-stderr "${nobody[@]}" acquire -n closed/job.lock
	complains
	run -77 --separate-stderr "${nobody[@]}" status closed/job.lock
	complains
	nlock acquire closed/job.lock >/dev/null
	run -77 --separate-stderr "${nobody[@]}" status closed/job.lock
	complains
}

@test "paths: in a directory that we may not list a lock works" {
	be_nobody
	mkdir -m 733 drop
	run -0 "${nobody[@]}" run drop/job.lock true
	run -0 "${nobody[@]}" acquire -n drop/job.lock
	eval "$output"
	run -75 env -u NLOCK_CLAIM "${nobody[@]}" acquire -n drop/job.lock
	run -0 "${nobody[@]}" release
	[ -z "$(ls -A drop)" ]
}

@test "paths: several users share a directory with the sticky bit" {
	be_nobody
	chmod 1777 .
	run -0 "${nobody[@]}" acquire -n "$LOCK"
	eval "$output"
	run -75 --separate-stderr env -u NLOCK_CLAIM nlock acquire -n "$LOCK"
	complains
	run -0 "${nobody[@]}" refresh
	run -0 "${nobody[@]}" release
	nothing_left
	eval "$(nlock acquire "$LOCK")"
	run -75 --separate-stderr env -u NLOCK_CLAIM "${nobody[@]}" \
		acquire -n "$LOCK"
	complains
	nlock release
	nothing_left
}

@test "paths: a user of the directory may break another's lock that is over" {
	be_nobody
	eval "$(nlock acquire "$LOCK")"
	touch -d "1 hour ago" "$LOCK"
	run -0 env -u NLOCK_CLAIM "${nobody[@]}" acquire -n "$LOCK"
	run -76 nlock release
	touch -d "1 hour ago" "$LOCK"
	run -0 env -u NLOCK_CLAIM nlock run -n "$LOCK" true
	nothing_left
}

# ------------------------------------------------------------- file systems

# mounted TYPE OPTIONS DEVICE SCRIPT: mount that on $DIR, where only this
# script sees it, and run it there.  $LOCK is its $1.
mounted() {
	unshare --mount --propagation private sh -ec '
		mount -t "$1" -o "$2" "$3" "$4" >/dev/null 3>&-
		cd "$4"
		status=0
		bash -c "$5" bash "$6" || status=$?
		cd /
		# One by FUSE has a process that would go on.
		umount "$4"
		exit $status
	' sh "$1" "$2" "$3" "$DIR" "$4" "$LOCK"
}

# image COMMAND...: make a file system in a file by this command.
image() {
	truncate -s 8M "$BATS_TEST_TMPDIR/image"
	"$@" "$BATS_TEST_TMPDIR/image" >/dev/null
}

# The lock can't be taken; nothing is left, no claim is printed.
fails='nlock acquire -n "$1"; status=$?
	find . -name "job.lock*"
	nlock run -n "$1" echo ran; [ $? = $status ] || echo "run: $?"
	find . -name "job.lock*"
	exit $status'

# The errors of the two attempts.
both_complain() {
	echo "stdout: $output"
	echo "stderr: $stderr"
	[ "$output" = "(exit $status)" ]
	# shellcheck disable=SC2154	# set by run
	[ "${#stderr_lines[@]}" = 2 ]
	[[ ${stderr_lines[0]} == "nlock: $LOCK: "* ]]
	[[ ${stderr_lines[1]} == "nlock: $LOCK: "* ]]
}

@test "file systems: one without room for another file is 74, and nothing is left" {
	local inodes

	needs root
	# The root; the warrant; the claim; and the link counts, too.
	for inodes in 1 2 3; do
		run -74 --separate-stderr \
			mounted tmpfs "nr_inodes=$inodes" none "$fails"
		both_complain
		[[ $stderr == *"No space left"* ]]
	done
	run -0 --separate-stderr mounted tmpfs nr_inodes=4 none "$fails"
}

@test "file systems: one without room for a claim's content is 74, and nothing is left" {
	needs root
	run -74 --separate-stderr mounted tmpfs size=16k none "
		head -c 1000000 /dev/zero >full 2>/dev/null
		$fails"
	both_complain
	[[ $stderr == *"No space left"* ]]
}

@test "file systems: a full ext4 is 74, and nothing is left" {
	local room

	needs root
	# Room for nothing; for the warrant.
	for room in nosuch directory0; do
		image mkfs.ext4 -q -m 0 -O ^has_journal -b 1024 -N 2000
		run -74 --separate-stderr \
			mounted ext4 loop "$BATS_TEST_TMPDIR/image" "
			head -c 10000000 /dev/zero >full 2>/dev/null
			i=0
			while mkdir directory\$i; do
				i=\$((i + 1))
			done 2>/dev/null
			rm -rf $room
			$fails"
		both_complain
		[[ $stderr == *"No space left"* ]]
		rm "$BATS_TEST_TMPDIR/image"
	done
}

@test "file systems: an ext4 without inodes is 74, and nothing is left" {
	needs root
	image mkfs.ext4 -q -m 0 -O ^has_journal -b 1024 -N 16
	run -74 --separate-stderr mounted ext4 loop "$BATS_TEST_TMPDIR/image" "
		i=0
		while : >file\$i; do i=\$((i + 1)); done 2>/dev/null
		rm file0
		$fails"
	both_complain
	[[ $stderr == *"No space left"* ]]
}

@test "file systems: a lock is given back on one that has become full" {
	needs root
	run -0 --separate-stderr mounted tmpfs size=32k none '
		set -e
		eval "$(nlock acquire "$1")"
		head -c 1000000 /dev/zero >full 2>/dev/null || true
		nlock refresh
		nlock status --mine "$1" >/dev/null
		nlock release
		find . -name "job.lock*"'
	[ -z "$output$stderr" ]
	run -0 --separate-stderr mounted tmpfs nr_inodes=4 none '
		nlock run "$1" nlock refresh && find . -name "job.lock*"'
	[ -z "$output$stderr" ]
}

@test "file systems: a read-only one is 69, and its locks can be looked at" {
	needs root
	run -69 --separate-stderr mounted tmpfs ro none "$fails"
	both_complain
	[[ $stderr == *"Read-only"* ]]
	run -0 --separate-stderr mounted tmpfs ro none 'nlock status "$1"'
	[ "$output" = "$LOCK: unlocked" ]
}

@test "file systems: one that has become read-only is 69 for all who change it" {
	needs root
	run -0 --separate-stderr mounted tmpfs size=1m none '
		eval "$(nlock acquire -l 1h "$1")"
		mount -o remount,ro .
		nlock status --json "$1"
		for command in refresh release; do
			nlock $command; echo $command $?
		done
		env -u NLOCK_CLAIM nlock acquire -n "$1"; echo $?
		mount -o remount,rw .
		nlock release
		find . -name "job.lock*"'
	echo "$output"
	echo "$stderr"
	[[ ${lines[0]} == *'"state":"ours"'* ]]
	[ "${lines[1]}" = "refresh 69" ]
	[ "${lines[2]}" = "release 69" ]
	[ "${lines[3]}${lines[4]}" = "(exit 69)69" ]
	[ "${#lines[@]}" = 5 ]
	[ "${#stderr_lines[@]}" = 3 ]
}

@test "file systems: one that has no hard links is 69, and nothing is left" {
	needs root fuse
	image mkfs.exfat
	# It takes no "|" in a name, either.
	run -69 --separate-stderr \
		mounted exfat-fuse loop "$BATS_TEST_TMPDIR/image" \
		"${fails// -n / -n --separator + }"
	both_complain
}

# refusing CALLS ERROR COMMAND...: run it on a kernel that refuses these.
# (The sanitizer of leaks does not work when traced.)
refusing() {
	ASAN_OPTIONS=detect_leaks=0 timeout 20 strace -f -o /dev/null \
		-e "trace=$1" -e "inject=$1:error=$2" "${@:3}"
}

@test "file systems: one that refuses hard links is 69, and nothing is left" {
	local name

	needs strace
	for name in EPERM EOPNOTSUPP ENOSYS EMLINK; do
		echo "error: $name"
		run -69 --separate-stderr \
			refusing "?link,linkat" $name nlock acquire -n "$LOCK"
		complains
		[[ $stderr == *link* ]]
		[ "$output" = "(exit 69)" ]
		nothing_left
		run -69 --separate-stderr \
			refusing "?link,linkat" $name nlock run "$LOCK" touch ran
		complains
		[ ! -e ran ]
		nothing_left
	done
}

@test "file systems: one that refuses a claim's name, as vfat does, is 69" {
	needs strace
	run -69 --separate-stderr \
		refusing "?mkdir,mkdirat" EINVAL nlock acquire -n "$LOCK"
	complains
	nothing_left
}

@test "file systems: a lock works on tmpfs and ext4, and on the root of one" {
	local script='set -e
		[ "$(nlock status "$1")" = "$1: unlocked" ]
		eval "$(nlock acquire "$1")"
		nlock refresh
		nlock status --mine "$1" >/dev/null
		touch -d "1 hour ago" "$1"
		eval "$(nlock acquire -n "$1")"
		nlock release
		nlock run "$1" true
		find . -name "job.lock*"'

	needs root
	run -0 --separate-stderr mounted tmpfs size=1m none "$script"
	[ -z "$output$stderr" ]
	image mkfs.ext4 -q -O ^has_journal
	run -0 --separate-stderr mounted ext4 loop "$BATS_TEST_TMPDIR/image" \
		"$script"
	[ -z "$output$stderr" ]
}

@test "file systems: one that does not count hard links is 69, and nothing is left" {
	preload uncounted_links
	run -69 --separate-stderr "${PRELOAD[@]}" nlock acquire -n "$LOCK"
	complains
	[[ $stderr == *"count hard links"* ]]
	nothing_left
}
