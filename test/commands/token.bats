#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Tokens: --token and NLOCK_TOKEN.
# shellcheck disable=SC2016	# for other shells

bats_require_minimum_version 1.5.0
load ../common

SHOW='echo "${NLOCK_TOKEN-none}"'

# token [OPTION...]: that of a run.
token() {
	nlock run --token "$@" "$LOCK" sh -c "$SHOW"
}

@test "run --token: each holder gets a greater number, whether it shares the lock or not" {
	[ "$(token)" = 1 ]
	[ "$(token -s)" = 2 ]
	[ "$(token -F)" = 3 ]
	nlock run "$LOCK" true
	[ "$(token)" = 4 ]
}

@test "run --token: those who share the lock at the same time get different numbers" {
	for _ in $(seq 20); do
		token -s >>tokens 3>&- &
	done
	wait
	[ "$(sort -nu tokens | wc -l)" = 20 ]
	[ "$(sort -n tokens | tail -n 1)" = 20 ]
}

@test "run: without --token there is none, though there is one around it" {
	run -0 nlock run --token "$LOCK" -- nlock run "$LOCK.2" -- sh -c "$SHOW"
	[ "$output" = none ]
}

@test "acquire --token: prints the number in each format that names variables" {
	local format

	for format in 'sh:NLOCK_TOKEN=1; export NLOCK_TOKEN' \
		      'csh:setenv NLOCK_TOKEN 2' \
		      'fish:set -gx NLOCK_TOKEN 3' 'env:NLOCK_TOKEN=4'; do
		run -0 nlock acquire --token --print "${format%%:*}" "$LOCK"
		[ "${lines[1]}" = "${format#*:}" ]
		nlock release --claim "$(basename "$(cat "$LOCK")")" "$LOCK"
	done
	[ "$(nlock acquire --token --print json "$LOCK" | json token)" = 5 ]
}

@test "acquire --token: whoever takes the lock from one whose lease is over gets a greater number" {
	nlock acquire --token -l 100ms "$LOCK"
	run -0 nlock run --token --clock-slop 1ms -w 10s "$LOCK" -- \
		sh -c "$SHOW"
	[ "$output" = 2 ]
}

@test "acquire --token: who is held up between winning and raising the number until others have the lock gets no number" {
	needs strace
	token
	in_group "${STRACE[@]}" -o trace -e trace=renameat \
		-e inject=renameat:delay_enter=4s:when=1 nlock acquire \
		--token -n -l 500ms --print json "$LOCK" >late
	late=$!
	eventually test -s "$LOCK"
	in_group nlock run --token --clock-slop 1ms -w 20s "$LOCK" -- \
		sh -c 'echo "$NLOCK_TOKEN" >next; until [ -e go ]; do
			sleep 0.05; done'
	next=$!
	ended_with 75 $late
	[ ! -s late ]
	eventually test -s next
	touch go
	ended_with 0 $next
	[ "$(token)" -gt "$(cat next)" ]
}

@test "status: shows the last number in JSON, or null" {
	run -0 nlock status --json "$LOCK"
	[[ $output == *'"token":null'* ]]
	token
	[ "$(nlock status --json "$LOCK" | json token)" = 1 ]
}

@test "run --token: what else is in the directory is left alone, and a directory that was emptied is filled" {
	token
	echo data >"$LOCK|token/data"
	[ "$(token)" = 2 ]
	[ "$(cat "$LOCK|token/data")" = data ]
	rm "$LOCK|token"/*
	[ "$(token)" = 1 ]
}

@test "run --token: after the highest number there is none, and the lock is given back" {
	token
	mv "$LOCK|token/1" "$LOCK|token/9223372036854775807"
	run -74 nlock run --token "$LOCK" true
	[[ $output == *"raise the token: "* ]]
	nlock run -n "$LOCK" true
}

@test "run --token, status: a directory that can't be read is not taken for one without a number" {
	needs strace
	token
	run -74 "${STRACE[@]}" -o /dev/null -e inject=getdents64:error=EIO \
		nlock run --token "$LOCK" true
	[[ $output == *"raise the token: Input/output error" ]]
	# The second one that it reads; the first one is LOCK's.
	run -74 "${STRACE[@]}" -o /dev/null \
		-e inject=getdents64:error=EIO:when=3 \
		nlock status --json "$LOCK"
	[[ $output == *"read the token: Input/output error" ]]
	[ "$(token)" = 2 ]
	nlock run -n "$LOCK" true
}

@test "run --token: a symbolic link in the place of the directory is not followed" {
	mkdir elsewhere
	touch elsewhere/7
	ln -s elsewhere "$LOCK|token"
	run ! nlock run --token "$LOCK" true
	[ -e elsewhere/7 ]
	nlock run -n "$LOCK" true
}

@test "run --token: where the directory can't be written, says so, and gives the lock back" {
	needs root
	token
	chmod 1777 "$DIR"
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" \
		"$(dirname "$BATS_TEST_TMPDIR")"
	install -D "$NLOCK" "$BATS_TEST_TMPDIR/bin/nlock"
	run -77 setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$BATS_TEST_TMPDIR/bin/nlock" run --token "$LOCK" true
	[[ $output == *"raise the token: Permission denied"* ]]
	nlock run -n "$LOCK" true
}
