#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What older kernels, container runtimes and other programs make of the calls
# that nlock relies on.

load ../common

CALL=statx

# refused ERRNO COMMAND...: run it where CALL is refused so.
refused() {
	"${STRACE[@]}" -o /dev/null -e trace="$CALL" \
		-e inject="$CALL:error=$1" "${@:2}"
}

# All that is done with a lock, with CALL refused by errno $1.
do_it_all() {
	local claim

	refused "$1" nlock run "$LOCK" true
	nothing_left
	claim=$(refused "$1" nlock acquire -l 1m "$LOCK")
	eval "$claim"
	run -75 refused "$1" env -u NLOCK_CLAIM nlock run -n "$LOCK" true
	run -75 refused "$1" env -u NLOCK_CLAIM nlock run -w 300ms "$LOCK" true
	refused "$1" nlock refresh -l 2m
	between 100 "$(remaining)" 120
	refused "$1" nlock status --mine "$LOCK"
	run -0 refused "$1" nlock status --json "$LOCK"
	[[ $output == *'"state":"ours"'* ]]
	refused "$1" nlock release
	nothing_left
	run -76 refused "$1" nlock release
}

@test "kernels: without statx(2) all is done as with it" {
	needs strace
	do_it_all ENOSYS
}

@test "kernels: with statx(2) refused by a container runtime (EPERM) all is done as with it" {
	needs strace
	do_it_all EPERM
}

@test "kernels: without openat2(2), or if it can't open a directory from memory, all is done as with it" {
	needs strace
	CALL=openat2
	do_it_all ENOSYS	# before Linux 5.6
	do_it_all EINVAL	# before Linux 5.12
	do_it_all EAGAIN
}

@test "kernels: without statx(2) a lock whose lease is over is broken, and its holder told" {
	local old

	needs strace
	old=$(nlock acquire -l 1ms "$LOCK")
	refused EPERM nlock run --clock-slop 20ms -w 10s "$LOCK" true
	nothing_left
	eval "$old"
	run -76 refused EPERM nlock refresh
}

@test "kernels: without statx(2) a local file system is still known as one" {
	needs strace
	# Where it is not known, a process offers the lock file by flock(2).
	"${STRACE[@]}" -o log -e trace=statx,flock -e inject=statx:error=EPERM \
		nlock run "$LOCK" sleep 0.4
	nothing_left
	run ! grep flock log
}

@test "kernels: a file that can't be opened is looked at without statx(2)" {
	needs strace
	mkfifo "$LOCK"
	run -0 refused ENOSYS nlock status "$LOCK"
	[[ $output == *"a fifo"* ]]
	rm "$LOCK"
	ln -s nowhere "$LOCK"
	run -0 refused ENOSYS nlock status "$LOCK"
	[[ $output == *"a symbolic link"* ]]
}

@test "kernels: one refusal by a file system is not taken for the kernel's" {
	local calls

	needs strace
	"${STRACE[@]}" -o log -e trace=statx nlock run "$LOCK" true
	calls=$(grep -c 'statx(' log)
	"${STRACE[@]}" -o log -e trace=statx \
		-e inject=statx:error=ENOSYS:when=2 nlock run "$LOCK" true
	# One more, by which nlock finds that the kernel has the call.
	[ "$(grep -c 'statx(' log)" -eq $((calls + 1)) ]
	nothing_left
}

# leased FILE [SECONDS]: another program has a lease on the file, and gives it up
# so long after it is asked to, or never.
leased() {
	needs python3
	python3 "$TEST/programs/lease.py" "$@" >leased 2>&1 3>&- &
	eventually grep -q . leased
	grep -q '^leased$' leased || skip "no leases here: $(tail -n 1 leased)"
}

@test "kernels: a lock file with a lease on it (Samba's oplocks) is read once that is given up" {
	nlock acquire -l 1m "$LOCK" >/dev/null
	leased "$LOCK" 0.1
	run -0 nlock status --json "$LOCK"
	[[ $output == *'"state":"unknown"'* ]]
}

@test "kernels: a waiter gets the lock in the end though another program has a lease on the lock file" {
	nlock acquire -l 1ms "$LOCK" >/dev/null
	leased "$LOCK" 1
	run -0 --separate-stderr nlock run --clock-slop 1ms -w 20s "$LOCK" true
	[ "$stderr" = "" ]
	nothing_left
}

@test "kernels: a lock file with a lease that is not given up counts as held" {
	local claim

	claim=$(nlock acquire -l 1m "$LOCK")
	leased "$LOCK"
	run -75 --separate-stderr nlock run -n "$LOCK" true
	complains
	run -75 --separate-stderr nlock run -w 400ms "$LOCK" true
	complains
	run -0 nlock status "$LOCK"
	[[ $output == *"lease ends in"* ]]
	# Its holder needs not open it.
	eval "$claim"
	nlock refresh
	nlock release
	nothing_left
}

@test "kernels: a state file with a lease on it is read once that is given up" {
	nlock acquire --state state "$LOCK"
	leased state 0.1
	nlock release --state state
	nothing_left
}

@test "kernels: a write that writes nothing fails the command, and is not repeated for ever" {
	needs strace
	run -74 --separate-stderr timeout -k 1 10 "${STRACE[@]}" -o /dev/null \
		-e trace=write -e inject=write:retval=0:when=1 \
		nlock acquire "$LOCK"
	complains
	nothing_left
	# The second one is the state file's.
	run -74 --separate-stderr timeout -k 1 10 "${STRACE[@]}" -o /dev/null \
		-e trace=write -e inject=write:retval=0:when=2 \
		nlock acquire --state state "$LOCK"
	[[ $stderr == *"write the state file"* ]]
	nothing_left
}

@test "kernels: where no name may have a | (NTFS, SMB) the message says which separator works" {
	preload no_bars
	run -69 --separate-stderr "${PRELOAD[@]}" nlock acquire -n "$LOCK"
	complains
	[[ $stderr == *"$LOCK: "*"use --separator '+'"* ]]
	[[ $stderr != *"can't hold locks"* ]]
	[ -z "$(ls)" ]
	"${PRELOAD[@]}" nlock run --separator + "$LOCK" true
	[ -z "$(ls)" ]
}

@test "kernels: the message names no separator if the file system can't hold locks anyhow (vfat)" {
	needs strace
	preload no_bars
	run -69 --separate-stderr "${STRACE[@]}" -o /dev/null -e trace=linkat \
		-e inject=linkat:error=EPERM "${PRELOAD[@]}" \
		ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 \
		nlock acquire -n "$LOCK"
	complains
	[[ $stderr == *"can't hold locks"* ]]
	[ -z "$(ls)" ]
}
