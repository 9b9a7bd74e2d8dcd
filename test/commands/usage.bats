#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What the command line takes, and what it says of anything else.
#
# shellcheck disable=SC2030,SC2031	# each test is a subshell

load ../common

# is_usage_error PATTERN ARG...: "nlock ARG..." ends with 64, and one line in
# which PATTERN, an extended regular expression, is found; nothing is made.
is_usage_error() {
	local pattern=$1

	shift
	echo "nlock$(printf " '%s'" "$@")"
	run -64 --separate-stderr nlock "$@"
	complains
	[[ ${stderr#nlock: } =~ $pattern ]]
	# For a script that evaluates it.
	[ "$output" = "$([ "$1" != acquire ] || echo "(exit 64)")" ]
	nothing_left
}

# quotes VALUE: the message has it, in quotes.
quotes() {
	[[ $stderr == *"'$1'"* ]]
}

# One line of help for each of these options.
lists_options() {
	local option

	for option; do
		echo "option: $option"
		grep -Eq -- "(^|[ ,])$option([ =,]|\$)" <<<"$output"
	done
}

# ---------------------------------------------------------------------- help

@test "help: lists every command, on standard output" {
	local command words

	for words in help --help "help help"; do
		# shellcheck disable=SC2086	# two words
		run -0 --separate-stderr nlock $words
		for command in run acquire release refresh status help; do
			grep -Eq "^ +$command " <<<"$output"
		done
		[ -z "$stderr" ]
	done
}

@test "help: of a command is the same by help COMMAND and COMMAND --help" {
	local command by_option

	for command in run acquire release refresh status run-under-lock; do
		run -0 --separate-stderr nlock "$command" --help
		[ -z "$stderr" ]
		[ -n "$output" ]
		by_option=$output
		run -0 --separate-stderr nlock help "$command"
		[ "$output" = "$by_option" ]
	done
}

@test "help: of a command lists all of its options" {
	local command options common="--separator --retry-errnos -q -v --quiet --verbose"
	local waiting="-n --nonblock --nonblocking --nb -w --timeout --wait -E"

	waiting+=" --conflict-exit-code -l --lifetime --clock-slop"
	while read -r command options; do
		run -0 nlock help "$command"
		# shellcheck disable=SC2086	# words
		lists_options $options $common
	done <<-EOT
	run	$waiting -x -e --exclusive -o --close -c --on-lost --kill-after
	acquire	$waiting --pid --state --var
	release	--claim --state --unconditionally
	refresh	--claim --state --unconditionally -l --lifetime
	status	--claim --state --json --mine
	EOT
}

@test "help: of a command shows its operands" {
	run -0 nlock help run
	[[ $output == *"LOCK"*"COMMAND"* ]]
	run -0 nlock help status
	[[ $output == *"LOCK..."* ]]
	run -0 nlock help release
	[[ $output == *"[LOCK]"* ]]
}

@test "help: of no command at all is a usage error" {
	is_usage_error frob help frob
	is_usage_error release help run release
}

@test "version: is the program's name and a number" {
	local option

	for option in --version -V; do
		run -0 --separate-stderr nlock $option
		[[ $output =~ ^nlock\ [0-9]+(\.[0-9]+)+$ ]]
		[ -z "$stderr" ]
	done
}

@test "help, version: that can't be written are system errors" {
	local words

	for words in help --help --version "help run" "acquire --help"; do
		# shellcheck disable=SC2016,SC2086
		run -74 --separate-stderr sh -c 'nlock "$@" >/dev/full' sh $words
		complains
	done
}

# ------------------------------------------------------------------ commands

@test "commands: none at all is a usage error" {
	is_usage_error command
}

@test "commands: one mistyped by a letter or two is guessed" {
	local mistyped meant

	while read -r mistyped meant; do
		is_usage_error "$mistyped.*$meant" "$mistyped" "$LOCK"
	done <<-EOT
	aquire acquire
	acquier acquire
	relase release
	realease release
	refesh refresh
	stauts status
	statu status
	rn run
	hlep help
	EOT
}

@test "commands: a word that is like none is named, and nothing is guessed" {
	is_usage_error frobnicate frobnicate "$LOCK"
	[[ $stderr != *"did you mean"* ]]
	is_usage_error "''" "" "$LOCK"
	[[ $stderr != *"did you mean"* ]]
}

@test "commands: an option in place of a command is named" {
	is_usage_error "--nonblock" --nonblock "$LOCK"
	is_usage_error "-n" -n "$LOCK"
	is_usage_error "--" --
}

@test "commands: run-under-lock is run" {
	run -7 --separate-stderr nlock run-under-lock "$LOCK" sh -c 'exit 7'
	[ -z "$stderr" ]
	nothing_left
}

@test "usage errors: are one line, whatever was typed" {
	is_usage_error frob $'frob\nnicate\e[31m'
	[[ $stderr != *[[:cntrl:]]* ]]
	is_usage_error "--frob" acquire $'--frob\nnicate\e[31m' "$LOCK"
	[[ $stderr != *[[:cntrl:]]* ]]
	is_usage_error "nan" acquire -w $'nan\r\n\e]0;x\a' "$LOCK"
	[[ $stderr != *[[:cntrl:]]* ]]
}

# ----------------------------------------------------------------- durations

@test "durations: are in seconds, or in the unit they have" {
	local duration seconds

	while read -r duration seconds; do
		unset NLOCK_CLAIM
		eval "$(nlock acquire -n -l "$duration" "$LOCK")"
		between $((seconds - 40)) "$(remaining)" "$seconds"
		nlock release
	done <<-EOT
	90 90
	90s 90
	90000ms 90
	60.5 61
	2m 120
	1.5h 5400
	0.5d 43200
	2d 172800
	EOT
}

@test "durations: in all options and variables, what is no duration is refused" {
	local bad option

	for bad in 0 0s 0.0 0ms -1 -5s "" nan inf infinity 1e3 0x10 5x "5 s" \
	    " 5" "5 " +5 5ss 5sec 5m3s . s ms 1,5 1.2.3 5S 5D 1h. --; do
		is_usage_error "-(l|-lifetime)[^a-z]" acquire -l "$bad" "$LOCK"
		quotes "$bad"
	done
	for bad in 0 -1 "" nan 1e3 7q; do
		is_usage_error "--clock-slop" \
			acquire --clock-slop "$bad" "$LOCK"
		is_usage_error "--kill-after" \
			run --kill-after "$bad" "$LOCK" true
		is_usage_error "-(l|-lifetime)" \
			run --lifetime "$bad" "$LOCK" true
		is_usage_error "-(l|-lifetime)" \
			refresh --lifetime "$bad" "$LOCK"
	done
	for bad in -1 "" nan 1e3 7q 0x; do
		is_usage_error "-(w|-timeout)" acquire -w "$bad" "$LOCK"
		is_usage_error "-(w|-timeout)" run --timeout "$bad" "$LOCK" true
		is_usage_error "-(w|-timeout|-wait)" acquire --wait "$bad" "$LOCK"
	done
}

@test "durations: the message says what is taken" {
	is_usage_error "ms.* s.* m.* h.* d" acquire -l nan "$LOCK"
}

@test "durations: in the environment, what is no duration is refused, and the variable is named" {
	local bad

	for bad in -1 nan 1e3 7q; do
		NLOCK_TIMEOUT=$bad is_usage_error NLOCK_TIMEOUT \
			acquire "$LOCK"
		NLOCK_TIMEOUT=$bad is_usage_error NLOCK_TIMEOUT \
			run "$LOCK" true
	done
	for bad in 0 -1 nan 1e3 7q; do
		NLOCK_LIFETIME=$bad is_usage_error NLOCK_LIFETIME \
			acquire "$LOCK"
		NLOCK_LIFETIME=$bad is_usage_error NLOCK_LIFETIME \
			run "$LOCK" true
		NLOCK_LIFETIME=$bad is_usage_error NLOCK_LIFETIME \
			refresh --claim "$LOCK|h|1|1"
	done
}

@test "durations: a timeout of 0 is taken, and does not wait" {
	local zero

	nlock acquire "$LOCK" >/dev/null
	for zero in 0 0s 0.0 0ms 0d; do
		run -75 timeout 20 nlock acquire -w "$zero" "$LOCK"
	done
	run -75 env NLOCK_TIMEOUT=0 timeout 20 nlock acquire "$LOCK"
}

# --------------------------------------------------------- arguments of options

@test "conflict-exit-code: takes 0 to 255 and nothing else" {
	local bad

	for bad in 256 -1 "" x 3.5 "1 " " 1" 1x +1 99999999999999999999; do
		is_usage_error "-(E|-conflict-exit-code).*0.*255" \
			acquire -E "$bad" "$LOCK"
		quotes "$bad"
		is_usage_error "-(E|-conflict-exit-code).*0.*255" \
			run --conflict-exit-code "$bad" "$LOCK" true
	done
	nlock acquire "$LOCK" >/dev/null
	run -0 nlock acquire -n -E 0 "$LOCK"
	run -255 nlock acquire -n -E 255 "$LOCK"
	run -1 nlock acquire -n --conflict-exit-code=1 "$LOCK"
}

@test "separator: takes one character that can't be part of anything else" {
	local command separator

	for command in acquire release refresh status; do
		for separator in "" ab / a Z 5 . " " $'\n' $'\t' $'\e' "||" \
		    $'\xc3\xa4' $'\xe4'; do
			is_usage_error "--separator" \
				"$command" --separator "$separator" "$LOCK"
		done
	done
	is_usage_error "--separator" run --separator / "$LOCK" true
}

@test "separator: stands between the parts of a claim's name" {
	local separator claim

	for separator in "," : + % @ _ - "~" "'" '"' "\\" "*" "?"; do
		echo "separator: $separator"
		claim=$(eval "$(nlock acquire --separator "$separator" \
			"$LOCK")"; echo "$NLOCK_CLAIM")
		[[ $claim == "$LOCK$separator"*"$separator"*"$separator"n* ]]
		[[ $claim != *"|"* ]]
		[ "$claim" -ef "$LOCK" ]
		nlock status --separator "$separator" --mine --claim "$claim" \
			"$LOCK"
		nlock release --separator "$separator" --claim "$claim" "$LOCK"
		nothing_left
	done
}

@test "separator: in a host's name is no obstacle" {
	needs root
	local host separator

	for separator in - _ "|"; do
		for host in "a-b" "a_b" "_" "-"; do
			echo "separator: $separator, host: $host"
			# shellcheck disable=SC2016
			run -0 unshare --uts bash -ec '
				echo "$2" >/proc/sys/kernel/hostname
				eval "$(nlock acquire --separator "$1" "$3")"
				nlock status --separator "$1" --mine "$3"
				nlock release --separator "$1" "$3"
			' bash "$separator" "$host" "$LOCK"
			nothing_left
		done
	done
}

@test "retry-errnos: takes names of errors, and names the one it doesn't know" {
	local bad

	for bad in EFOO "" "ESTALE," ",ESTALE" "ESTALE,,EIO" estale 116 \
	    "ESTALE EIO" ESTALEX EST; do
		is_usage_error "--retry-errnos" \
			acquire --retry-errnos "$bad" "$LOCK"
	done
	is_usage_error "--retry-errnos.*'EFOO'" \
		status --retry-errnos "EIO,EFOO,ESTALE" "$LOCK"
	is_usage_error "--retry-errnos" run --retry-errnos EFOO "$LOCK" true
	is_usage_error "--retry-errnos" release --retry-errnos EFOO "$LOCK"
	is_usage_error "--retry-errnos" refresh --retry-errnos EFOO "$LOCK"

	run -0 nlock run --retry-errnos ESTALE,EIO "$LOCK" true
	run -0 nlock status --retry-errnos=ENOENT "$LOCK"
}

@test "var: takes the name of a variable, and nothing that a shell would run" {
	local bad

	for bad in "" 1a a-b "a b" "a;b" "a=b" $'a\nb' "a\$b" "\$(b)" "é"; do
		is_usage_error "--var" acquire --var "$bad" "$LOCK"
	done
}

@test "pid: takes a number above 0" {
	local bad

	for bad in 0 -1 "" x 1x "1 " " 1" +1 1.5 4294967297 \
	    99999999999999999999; do
		is_usage_error "--pid" acquire --pid "$bad" "$LOCK"
		quotes "$bad"
	done
}

@test "on-lost: takes kill or warn" {
	local bad

	for bad in "" kil warning KILL kill,warn; do
		is_usage_error "--on-lost.*kill.*warn" \
			run --on-lost "$bad" "$LOCK" true
	done
	run -0 nlock run --on-lost kill "$LOCK" true
	run -0 nlock run --on-lost=warn "$LOCK" true
}

@test "state, claim: empty ones are usage errors" {
	is_usage_error "--state" acquire --state "" "$LOCK"
	is_usage_error "--state" release --state "" "$LOCK"
	is_usage_error "--claim" release --claim "" "$LOCK"
	is_usage_error "--claim" refresh --claim "" "$LOCK"
	is_usage_error "--claim" status --claim "" "$LOCK"
}

@test "options: one without the argument it needs is named" {
	local option

	for option in -w --timeout --wait -E --conflict-exit-code -l \
	    --lifetime --clock-slop --separator --retry-errnos --pid --state \
	    --var; do
		is_usage_error "$option" acquire "$option"
	done
	for option in -c --on-lost --kill-after; do
		is_usage_error "$option" run "$option"
	done
	for option in --claim --state; do
		is_usage_error "$option" release "$option"
	done
}

@test "options: one that takes no argument refuses it" {
	is_usage_error "--nonblock" acquire --nonblock=yes "$LOCK"
	is_usage_error "--json" status --json=1 "$LOCK"
}

@test "options: unknown ones are named, by each command" {
	local command

	for command in acquire release refresh status run; do
		is_usage_error "--frob" "$command" --frob "$LOCK" true
		is_usage_error "-Z" "$command" -Z "$LOCK" true
		is_usage_error "Z:" "$command" -qZ "$LOCK" true
	done
}

@test "options: those of other commands are unknown" {
	local words

	while read -r words; do
		# shellcheck disable=SC2086	# words
		is_usage_error "-(${words##*-})" ${words% *} \
			"-${words##*-}" "$LOCK"
	done <<-EOT
	release -n
	release -l
	refresh -n
	status -n
	status -l
	acquire -c
	release -s
	refresh -x
	EOT
	is_usage_error "--json" acquire --json "$LOCK"
	is_usage_error "--claim" acquire --claim x "$LOCK"
	is_usage_error "--pid" run --pid 1 "$LOCK" true
	is_usage_error "--mine" release --mine "$LOCK"
	is_usage_error "--unconditionally" status --unconditionally "$LOCK"
}

@test "options: every spelling of flock's -n is taken" {
	local option

	nlock acquire "$LOCK" >/dev/null
	for option in -n --nb --nonblock --nonblocking; do
		run -9 timeout 20 nlock run "$option" -E 9 "$LOCK" true
		run -9 timeout 20 nlock acquire "$option" -E 9 "$LOCK"
	done
}

@test "options: may be joined, with and without =" {
	nlock acquire "$LOCK" >/dev/null
	run -9 --separate-stderr nlock acquire -nqE9 "$LOCK"
	[ -z "$stderr" ]
	run -9 nlock acquire --timeout=10ms --conflict-exit-code=9 "$LOCK"
	run -9 nlock run -w10ms -E 9 "$LOCK" true
}

@test "options: given twice, the last one counts" {
	nlock acquire "$LOCK" >/dev/null
	run -8 nlock acquire -n -E 9 -E 8 "$LOCK"
	run -0 nlock run -c 'exit 3' -c 'exit 0' "$LOCK.2"
}

@test "quiet: does not silence usage errors" {
	is_usage_error "nan" acquire -q -l nan "$LOCK"
	is_usage_error "nan" acquire --quiet -w nan "$LOCK"
	is_usage_error "--frob" run -q --frob "$LOCK" true
	is_usage_error "" status -q
	is_usage_error "" acquire -q
	is_usage_error "" run -q "$LOCK"
	is_usage_error "" release -q --claim garbage
	NLOCK_TIMEOUT=nan is_usage_error "NLOCK_TIMEOUT" acquire -q "$LOCK"
}

# ------------------------------------------------------------------ operands

@test "operands: too few or too many are usage errors" {
	is_usage_error LOCK acquire
	is_usage_error LOCK acquire --
	is_usage_error "'$LOCK.2'; takes one LOCK" acquire "$LOCK" "$LOCK.2"
	is_usage_error "^-n: options come before LOCK" acquire "$LOCK" -n
	is_usage_error "'-n'; takes one LOCK" acquire -- "$LOCK" -n
	is_usage_error "LOCK" run
	is_usage_error "COMMAND" run "$LOCK"
	is_usage_error "COMMAND" run "$LOCK" --
	is_usage_error "LOCK" run -c true
	is_usage_error "-c.*SCRIPT" run "$LOCK" -c
	is_usage_error "-c.*SCRIPT, not 'b', too" run "$LOCK" -c "echo a" b
	is_usage_error "-c.*SCRIPT" run -c "echo a" "$LOCK" b
	is_usage_error "-c.*SCRIPT" run -c "echo a" "$LOCK" -c "echo b"
	is_usage_error "'$LOCK.2'; takes one LOCK" release "$LOCK" "$LOCK.2"
	is_usage_error "'$LOCK.2'; takes one LOCK" refresh "$LOCK" "$LOCK.2"
	is_usage_error "^-q: options come before LOCK" release "$LOCK" -q
	is_usage_error "LOCK" status
	is_usage_error "-q.*LOCK" status "$LOCK" -q
	is_usage_error "-n.*LOCK" run "$LOCK" -n true
	is_usage_error "^release: no claim: " release
	is_usage_error "^release: no claim: " release "$LOCK"
	is_usage_error "^refresh: no claim: " refresh
	is_usage_error "^refresh: no claim: " refresh "$LOCK"
}

@test "operands: an empty LOCK is a usage error, and named" {
	is_usage_error "^acquire: LOCK is empty; " acquire ""
	is_usage_error "^run: LOCK is empty; " run "" true
	is_usage_error "^run: LOCK is empty; " run "" -c true
	is_usage_error "^run: LOCK is empty; " run ""
	is_usage_error "^status: LOCK is empty; " status ""
	is_usage_error "^status: LOCK is empty; " status "$LOCK" ""
	is_usage_error "^release: LOCK is empty; " release ""
	is_usage_error "^release: LOCK is empty; " \
		release --claim "$LOCK|h|1|1" ""
	is_usage_error "^refresh: LOCK is empty; " refresh ""
	is_usage_error "^refresh: LOCK is empty; " \
		refresh --claim "$LOCK|h|1|1" ""
}

@test "operands: after a usage error the command has not been run" {
	is_usage_error "nan" run -l nan "$LOCK" touch ran
	is_usage_error "-Z" run -Z "$LOCK" touch ran
	[ ! -e ran ]
}

@test "operands: options after LOCK are the command's own" {
	mkdir bin
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho "make: $*"\n' >bin/make
	chmod +x bin/make
	PATH=$PWD/bin:$PATH

	run -0 nlock run "$LOCK" make -j8 -n --help -- -w x
	[ "$output" = "make: -j8 -n --help -- -w x" ]
	run -0 nlock run -n "$LOCK" -- make -j8 -- y
	[ "$output" = "make: -j8 -- y" ]
	run -0 nlock run -- "$LOCK" make -q
	[ "$output" = "make: -q" ]
	run -0 nlock run -- "$LOCK" -- make -q
	[ "$output" = "make: -q" ]
}

@test "operands: after -- a COMMAND may begin with a dash" {
	mkdir bin
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho "dash x: $*"\n' >bin/-x
	cp bin/-x bin/-c
	chmod +x bin/*
	PATH=$PWD/bin:$PATH

	run -0 nlock run "$LOCK" -- -x -y
	[ "$output" = "dash x: -y" ]
	run -0 nlock run "$LOCK" -- -c "echo no"
	[ "$output" = "dash x: echo no" ]
	run -127 nlock run "$LOCK" -- -nosuch
}

@test "operands: a LOCK after -- may begin with a dash" {
	local name

	for name in -n --nonblock -c -- -; do
		echo "name: $name"
		run -0 --separate-stderr nlock run -- "$name" test -e "./$name"
		run -0 nlock status -- "$name"
		[ "$output" = "$name: unlocked" ]
	done
	[ -z "$(ls -A)" ]
}
