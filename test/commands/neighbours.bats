#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Neighbours: backups that make hard links, and others who may write to the
# directory.  test/neighbours does the like at random.

load ../common

# hold [OPTION...]: a run that has the lock until the file "end" appears, in a
# group of its own; $! is it.
hold() {
	in_group nlock run "$@" "$LOCK" -- sh -c 'touch "$1/held"
		until [ -e "$1/end" ]; do sleep 0.02; done' sh "$BATS_TEST_TMPDIR" \
		2>"$BATS_TEST_TMPDIR/holder.stderr"
	eventually test -e "$BATS_TEST_TMPDIR/held"
}

let_go() {
	touch "$BATS_TEST_TMPDIR/end"
}

# want [OPTION...]: a run that wants it, too, and says when it is inside.
want() {
	in_group env -u NLOCK_CLAIM nlock run "$@" "$LOCK" -- \
		touch "$BATS_TEST_TMPDIR/inside" \
		2>"$BATS_TEST_TMPDIR/waiter.stderr"
}

is_inside() {
	[ -e "$BATS_TEST_TMPDIR/inside" ]
}

# A backup by hard links, of whatever is there.
back_up() {
	cp -al "$DIR" "$BATS_TEST_TMPDIR/snapshot"
}

# LOCK is that inode, however long others try to make it another.
stays() {
	local _

	for _ in {1..20}; do
		[ "$(stat -c %i "$LOCK")" = "$1" ] || return 1
		is_inside && return 1
		command sleep 0.05
	done
	return 0
}

# outside: a directory that looks like a warrant, and what is in it.
make_outside() {
	OUTSIDE=$BATS_TEST_TMPDIR/outside
	mkdir -p "$OUTSIDE/warrant" "$OUTSIDE/empty"
	echo kept >"$OUTSIDE/lock"
	echo kept >"$OUTSIDE/warrant/lock"
	echo kept >"$OUTSIDE/file"
	chmod 600 "$OUTSIDE"/{lock,file}
	chmod 700 "$OUTSIDE" "$OUTSIDE"/{warrant,empty}
	OUTSIDE_BEFORE=$(list_outside)
}

list_outside() {
	(cd "$OUTSIDE" && find . -printf '%p %y %m %u %i %n %T@ %C@\n' \
		-type f -exec cksum {} + | sort)
}

outside_is_as_before() {
	diff <(echo "$OUTSIDE_BEFORE") <(list_outside)
}

# swap PATH TARGET: a symbolic link instead; what was there goes elsewhere.
swap() {
	mv -T "$1" "$BATS_TEST_TMPDIR/away.$RANDOM"
	ln -s "$2" "$1"
}

# swap_when_made PATTERN NAME TARGET: NAME, in the directory that matches
# PATTERN, or that itself if NAME is ".", as soon as it is there; at most once.
swap_when_made() {
	python3 - "$@" 3>&- <<-'EOT' &
		import glob, os, sys, time
		pattern, name, target = sys.argv[1:]
		until = time.monotonic() + 20
		while time.monotonic() < until:
		    for found in glob.glob(pattern):
		        path = found if name == "." else found + "/" + name
		        try:
		            os.rename(path, found.split("|")[0] + ".away")
		            os.symlink(target, path)
		            sys.exit()
		        except OSError:
		            pass
	EOT
	swapper=$!
}

# -------------------------------------------------------------- hard links

@test "neighbours: a backup by hard links lets no waiter in while the lock is held, and costs neither anything" {
	local holder waiter inode

	hold
	holder=$!
	want
	waiter=$!
	eventually claims_are 2
	inode=$(stat -c %i "$LOCK")
	back_up
	stays "$inode"
	let_go
	ended_with 0 "$holder"
	ended_with 0 "$waiter"
	is_inside
	[ ! -s "$BATS_TEST_TMPDIR/holder.stderr" ]
	nothing_left
}

@test "neighbours: a waiter with a backup of its claim that gives up leaves the holder's lock where it is" {
	local holder waiter inode way

	hold
	holder=$!
	inode=$(stat -c %i "$LOCK")
	for way in term time; do
		if [ "$way" = term ]; then
			want
		else
			want -w 4s
		fi
		waiter=$!
		eventually claims_are 2
		back_up
		if [ "$way" = term ]; then
			kill "$waiter"
			ended_with 143 "$waiter"
		else
			ended_with 75 "$waiter"
		fi
		[ "$(stat -c %i "$LOCK")" = "$inode" ]
		run ! is_inside
		run -75 nlock run -n "$LOCK" true
		rm -r "$BATS_TEST_TMPDIR/snapshot"
	done
	let_go
	ended_with 0 "$holder"
	nothing_left
}

@test "neighbours: a waiter whose claim has a further link gets the lock once it is free" {
	local holder waiter claim

	eval "$(nlock acquire -l 1h "$LOCK")"
	want
	waiter=$!
	eventually claims_are 2
	for claim in "$LOCK|"*; do
		[ -d "$claim" ] || [ "$claim" = "$NLOCK_CLAIM" ] ||
			ln "$claim" "$BATS_TEST_TMPDIR/stray"
	done
	[ -e "$BATS_TEST_TMPDIR/stray" ]
	nlock release
	ended_with 0 "$waiter"
	is_inside
	[ ! -s "$BATS_TEST_TMPDIR/waiter.stderr" ]
	nothing_left
}

@test "neighbours: a holder whose lock has further links keeps it: its command goes on, refresh and release say so" {
	local holder

	hold -l 600ms
	holder=$!
	ln "$LOCK" stray
	back_up
	# Three heartbeats.
	command sleep 1
	run -75 nlock run -n "$LOCK" true
	let_go
	ended_with 0 "$holder"
	[ ! -s "$BATS_TEST_TMPDIR/holder.stderr" ]
	nothing_left
	rm -r stray "$BATS_TEST_TMPDIR/snapshot"

	eval "$(nlock acquire -l 1h "$LOCK")"
	ln "$LOCK" stray
	back_up
	run -0 nlock refresh
	run -0 nlock status --mine "$LOCK"
	run -0 nlock release
	rm stray
	nothing_left
}

@test "neighbours: a lock whose lease is over can be broken although there is a backup of it, and its holder is told" {
	local old

	eval "$(nlock acquire -l 1ms "$LOCK")"
	old=$NLOCK_CLAIM
	unset NLOCK_CLAIM
	ln "$LOCK" stray
	back_up
	run -0 --separate-stderr nlock run -w 10s --clock-slop 10ms "$LOCK" true
	# shellcheck disable=SC2154	# set by run
	[ -z "$stderr" ]
	run -76 nlock release --claim "$old"
	run -76 nlock refresh --claim "$old"
	rm stray
	nothing_left
}

@test "neighbours: a lock whose holder was killed can be broken although there is a backup of it" {
	local holder

	hold
	holder=$!
	back_up
	kill -KILL -- "-$holder"
	ended_with 137 "$holder"
	run -0 --separate-stderr nlock run -w 10s "$LOCK" true
	[ -z "$stderr" ]
	nothing_left
}

# ---------------------------------------------------------- paths that move

@test "neighbours: run's release has no effect on what its warrant's name now leads to" {
	make_outside
	run nlock run "$LOCK" -- sh -c 'mv "$NLOCK_CLAIM|warrant" "$1" &&
		ln -s "$2" "$NLOCK_CLAIM|warrant"' sh "$BATS_TEST_TMPDIR/away" \
		"$OUTSIDE"
	echo "$status $output"
	[ "$status" = 0 ] || [ "$status" = 76 ]
	outside_is_as_before
}

@test "neighbours: release and refresh have no effect on what the warrant's name now leads to" {
	local command

	make_outside
	for command in refresh release; do
		eval "$(nlock acquire -l 1h "$LOCK")"
		swap "$NLOCK_CLAIM|warrant" "$OUTSIDE"
		run nlock "$command"
		echo "$status $output"
		outside_is_as_before
		# What is said to be released can be taken.
		[ "$status" = 76 ] || [ "$command" = release ]
		[ "$status" = 76 ] || run -0 env -u NLOCK_CLAIM nlock run -n \
			"$LOCK" true
		outside_is_as_before
		unset NLOCK_CLAIM
		rm -rf "$LOCK"*
	done
}

@test "neighbours: a waiter that gives up has no effect on what its warrant's name now leads to" {
	local waiter warrant

	make_outside
	eval "$(nlock acquire -l 1h "$LOCK")"
	want
	waiter=$!
	eventually claims_are 2
	for warrant in "$LOCK|"*"|warrant"; do
		[ "$warrant" = "$NLOCK_CLAIM|warrant" ] ||
			swap "$warrant" "$OUTSIDE"
	done
	kill "$waiter"
	ended_with 143 "$waiter"
	outside_is_as_before
	nlock release
}

@test "neighbours: a lock whose warrant is a link to somewhere else is broken without effect there" {
	make_outside
	eval "$(nlock acquire -l 1ms "$LOCK")"
	swap "$NLOCK_CLAIM|warrant" "$OUTSIDE"
	unset NLOCK_CLAIM
	run nlock run -w 2s --clock-slop 10ms "$LOCK" true
	echo "$status $output"
	outside_is_as_before
}

# All that is made waits for a moment before nlock goes on.
@test "neighbours: a breaker changes no mode of what its directories were swapped for" {
	local name target

	needs strace python3
	while read -r name target; do
		make_outside
		chmod 777 .
		nlock acquire -l 1ms "$LOCK" >/dev/null
		swap_when_made "$LOCK|breaker|*" "$name" "$OUTSIDE$target"
		run "${STRACE[@]}" -o /dev/null -e trace=mkdirat,mkdir \
			-e inject=mkdirat,mkdir:delay_exit=300000 \
			nlock run -w 3s --clock-slop 10ms "$LOCK" true
		echo "$name $target: $status $output"
		ended_with 0 "$swapper"
		outside_is_as_before
		rm -rf "$OUTSIDE" "$LOCK"*
	done <<-'EOT'
	. /empty
	warrant /file
	warrant /empty
	EOT
}

@test "neighbours: a claim that another user has made first is not used" {
	local maker

	needs root strace /usr/bin/python3
	chmod 777 .
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" || true
	setpriv --reuid=65534 --regid=65534 --clear-groups /usr/bin/python3 - \
		"$LOCK" 3>&- <<-'EOT' &
		import glob, os, sys, time
		until = time.monotonic() + 20
		while time.monotonic() < until:
		    for warrant in glob.glob(sys.argv[1] + "|*|warrant"):
		        os.close(os.open(warrant[:-8], os.O_CREAT | os.O_EXCL,
		                         0o666))
		        sys.exit()
	EOT
	maker=$!
	run --separate-stderr "${STRACE[@]}" -o /dev/null -e trace=mkdirat \
		-e inject=mkdirat:delay_exit=300000 \
		nlock acquire -n -l 1h "$LOCK"
	echo "$status $output $stderr"
	ended_with 0 "$maker"
	if [ "$status" = 0 ]; then
		eval "$output"
		[ "$(stat -c %u "$LOCK" "$NLOCK_CLAIM" | sort -u)" = 0 ]
		nlock release
	else
		complains
		[ ! -e "$LOCK" ]
	fi
}

# -------------------------------------------------- what is put in, or touched

@test "neighbours: a file that others have put into a warrant by the name of a lock file keeps nobody from release" {
	eval "$(nlock acquire -l 1h "$LOCK")"
	touch "$NLOCK_CLAIM|warrant/lock"
	run -0 nlock release
	# It may be of somebody who has put another directory there.
	rm "$NLOCK_CLAIM|warrant/lock"
	rmdir "$NLOCK_CLAIM|warrant"
	unset NLOCK_CLAIM
	run -0 nlock run -n "$LOCK" true
	run -0 nlock run "$LOCK" -- sh -c 'touch "$NLOCK_CLAIM|warrant/lock"'
	nothing_left
}

@test "neighbours: whoever sets the times of what nlock makes moves no clock: a lock that is held is not broken" {
	local toucher

	needs strace python3
	eval "$(nlock acquire -l 1h "$LOCK")"
	python3 - "$LOCK" 3>&- <<-'EOT' &
		import glob, os, sys, time
		then = time.time() + 365 * 86400
		lock, seen = sys.argv[1], set()
		until = time.monotonic() + 30
		open(lock + ".ready", "w").close()
		while time.monotonic() < until and \
		        not os.path.exists(lock + ".done"):
		    for made in glob.glob(lock + "|*") + \
		            glob.glob(lock + "|breaker|*/warrant"):
		        if made not in seen and os.path.isdir(made):
		            seen.add(made)
		            try:
		                os.utime(made, (then, then))
		            except OSError:
		                pass
	EOT
	toucher=$!
	eventually test -e "$LOCK.ready"
	run -75 --separate-stderr env -u NLOCK_CLAIM "${STRACE[@]}" \
		-o /dev/null -e trace=mkdirat \
		-e inject=mkdirat:delay_exit=300000 nlock acquire -n "$LOCK"
	touch "$LOCK.done"
	ended_with 0 "$toucher"
	run -0 nlock refresh -l 1h
	run -0 nlock release
}

# ------------------------------------------------------ locks of like names

@test "neighbours: a claim of a lock whose name begins like another's is not taken for one of that" {
	local separator other

	while read -r separator other; do
		eval "$(nlock acquire --separator "$separator" -l 1h \
			"$DIR/$other")"
		printf '%s' "$NLOCK_CLAIM" >job
		touch -d "1 hour ago" job
		run --separate-stderr env -u NLOCK_CLAIM nlock acquire -n \
			--separator "$separator" job
		echo "$status $output $stderr"
		[ "$status" = 75 ] || [ "$status" = 78 ]
		[[ $stderr == *foreign* ]]
		[ -d "$NLOCK_CLAIM${separator}warrant" ]
		run -0 nlock refresh --separator "$separator"
		run -0 nlock status --separator "$separator" --mine "$other"
		run -0 nlock release --separator "$separator"
		rm job
	done <<-'EOT'
	- job-nightly
	| job|nightly
	EOT
}
