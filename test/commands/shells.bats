#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# nlock acquire --print: what it prints, evaluated by the shells it is for.

load ../common

# Paths that a shell must not touch.  The last has every byte a name can have.
# shellcheck disable=SC1003	# no quote is meant to be escaped
awkward_names() {
	local i bytes=

	NAMES=(
		'$(touch pwned)' '`touch pwned`' '${HOME}' '$HOME $$ $?'
		"it's" "''" "'" '"' '"; touch pwned; "' "'; touch pwned; '"
		'\' '\\' "\\'" 'trailing \' '\n' ' blanks  ' $'\ttab\r'
		'!' '!!' 'wait!touch' '\!' "!'!" '^a^b' '~' '~root' '-n' '--'
		'*?[a-z]{a,b}' '# no comment' 'a=b' '%s%n' ';' '&|<>()' '@!$'
		$'new\nline' $'\n' $'\n\n; touch pwned\n' $'\\\n' $'\'\n\''
		'é ü 中' $'not UTF-8: \xff\xfe \xc3('
	)
	for ((i = 1; i < 256; i++)); do
		[ $i = 47 ] || bytes+=\\x$(printf %02x $i)
	done
	NAMES+=("$(printf '%b.' "$bytes")")
}

# sets_claim SHELL...: the script "taker", which the shell runs, must take
# $LOCK, whatever its path, and export a claim by which "giver" can give it back.
sets_claim() {
	local name

	cat >giver <<-'END'
		#!/bin/sh -e
		nlock status --mine "$LOCK" >/dev/null
		nlock release "$LOCK"
		echo given back
	END
	chmod +x giver
	export LOCK
	for name in "${NAMES[@]}"; do
		printf 'name: %q\n' "$name"
		mkdir -- "$name"
		LOCK=./$name/$name
		[ ${#name} -lt 100 ] || LOCK=./$name/job.lock
		run -0 --separate-stderr "$@" taker
		# shellcheck disable=SC2154	# set by run
		[ "$output$stderr" = "given back" ]
		rmdir -- "$name"
	done
	[ ! -e pwned ]
}

# ends_with STATUS SHELL... SCRIPT: while somebody else has $LOCK, the shell
# runs the script, which has to print "end" and exit so.
ends_with() {
	printf 'script: %s\n' "${@: -1}"
	printf '%s\n' "${@: -1}" >script
	run --separate-stderr "${@:2:$#-2}" script
	echo "status $status, output: $output, errors: $stderr"
	[ "$status" = "$1" ]
	[ "$output" = end ]
	[ ! -e reached ]
}

# ----------------------------------------------------------- shells like sh(1)

posix_sets_claim() {
	needs "$1"
	awkward_names
	cat >taker <<-'END'
		set -eu
		eval "$(nlock acquire -n -l 10m "$LOCK")"
		./giver
	END
	sets_claim "$@"
}

# posix_fails LOCAL SHELL...: LOCAL makes a variable local to a function.
posix_fails() {
	local local=$1

	shift
	needs "$1"
	nlock acquire -l 1h "$LOCK" >/dev/null
	export FAILS="nlock acquire -q -n $LOCK"
	cat >fails <<-'END'
		#!/bin/sh
		exec $FAILS
	END
	chmod +x fails

	ends_with 75 "$@" 'echo end; eval "$(./fails)" || exit; : >reached'
	ends_with 75 "$@" -e 'echo end; eval "$(./fails)" || exit; : >reached'
	ends_with 75 "$@" -eu 'echo end; eval "$(./fails)"; : >reached'
	ends_with 7 "$@" 'echo end; eval "$(./fails)" || exit 7; : >reached'
	ends_with 0 "$@" 'eval "$(./fails)"; [ $? = 75 ] && echo end'
	ends_with 0 "$@" -e 'if eval "$(./fails)"; then : >reached; fi
		[ -z "${NLOCK_CLAIM+set}" ] && echo end'
	ends_with 0 "$@" -e 'NLOCK_CLAIM=mine; eval "$(./fails)" || echo end
		[ "$NLOCK_CLAIM" = mine ]'
	ends_with 75 "$@" "f() {
			$local claim=\"\$(./fails)\"
			eval \"\$claim\" || return
			: >reached
		}
		echo end; f || exit; : >reached"
	ends_with 75 "$@" -e "f() { $local NLOCK_CLAIM; eval \"\$(./fails)\"; }
		echo end; f; : >reached"
	ends_with 75 "$@" -e 'echo end; export CLAIM="$(./fails)"
		eval "$CLAIM" || exit; : >reached'
	ends_with 75 "$@" 'echo end; claim=$(./fails) || exit; : >reached'
	ends_with 75 "$@" 'trap "echo end" EXIT; eval "$(./fails)" || exit
		: >reached'
	ends_with 75 "$@" -e 'trap "echo end" EXIT; eval "$(./fails)"
		: >reached'

	FAILS="nlock acquire -q -n -E 3 $LOCK"
	ends_with 3 "$@" 'echo end; eval "$(./fails)" || exit; : >reached'
	FAILS="nlock acquire -n -w 5x $LOCK"
	ends_with 64 "$@" 'echo end; eval "$(./fails)" || exit; : >reached'
	FAILS="nlock acquire -n no/lock"
	ends_with 74 "$@" 'echo end; eval "$(./fails)" || exit; : >reached'
	FAILS="nlock acquire -q -n -E 0 $LOCK"
	ends_with 0 "$@" -e 'eval "$(./fails)" && echo end'
}

@test "sh: what acquire prints sets and exports the claim, whatever the path" {
	posix_sets_claim sh
}

@test "sh: what acquire prints without the lock sets nothing, and is its status" {
	posix_fails local sh
}

@test "dash: what acquire prints sets and exports the claim, whatever the path" {
	posix_sets_claim dash
}

@test "dash: what acquire prints without the lock sets nothing, and is its status" {
	posix_fails local dash
}

@test "bash: what acquire prints sets and exports the claim, whatever the path" {
	posix_sets_claim bash
}

@test "bash: what acquire prints without the lock sets nothing, and is its status" {
	posix_fails local bash
}

@test "zsh: what acquire prints sets and exports the claim, whatever the path" {
	posix_sets_claim zsh -f
	posix_sets_claim zsh -f -o rc_quotes
}

@test "zsh: what acquire prints without the lock sets nothing, and is its status" {
	posix_fails local zsh -f
}

@test "ksh: what acquire prints sets and exports the claim, whatever the path" {
	posix_sets_claim ksh
}

@test "ksh: what acquire prints without the lock sets nothing, and is its status" {
	posix_fails typeset ksh
}

@test "mksh: what acquire prints sets and exports the claim, whatever the path" {
	posix_sets_claim mksh
}

@test "mksh: what acquire prints without the lock sets nothing, and is its status" {
	posix_fails local mksh
}

@test "busybox sh: what acquire prints sets and exports the claim, whatever the path" {
	posix_sets_claim busybox sh
}

@test "busybox sh: what acquire prints without the lock sets nothing, and is its status" {
	posix_fails local busybox sh
}

# --------------------------------------------------------------------- csh(1)

# To have LOCK expanded by csh would take quotes within quotes.
taken_by_sh() {
	cat >take <<-'END'
		#!/bin/sh
		exec nlock acquire -n -l 10m --print csh "$LOCK"
	END
	chmod +x take
}

csh_sets_claim() {
	needs "$1"
	taken_by_sh
	cat >taker <<-'END'
		eval "`./take`" || exit $status
		./giver
	END
	sets_claim "$@"
	cat >taker <<-'END'
		./take >file || exit $status
		source file
		./giver
	END
	sets_claim "$@"
}

csh_fails() {
	local fails="\"\`nlock acquire --print csh -q -n $LOCK\`\""

	needs "$1"
	nlock acquire -l 1h "$LOCK" >/dev/null
	ends_with 75 "$@" "echo end; eval $fails || exit \$status
		: >reached"
	ends_with 75 "$@" "echo end
		eval $fails
		if (\$status) exit \$status
		: >reached"
	ends_with 75 "$@" -e "echo end
		eval $fails
		: >reached"
	ends_with 0 "$@" "eval $fails && : >reached
		if (! \$?NLOCK_CLAIM) echo end"
	ends_with 64 "$@" "echo end
		eval \"\`nlock acquire -w 5x --print csh L\`\" || exit \$status
		: >reached"
}

@test "tcsh: what acquire --print csh prints sets and exports the claim, whatever the path" {
	awkward_names
	csh_sets_claim tcsh -f
}

@test "tcsh: what acquire --print csh prints is quoted right with backslash_quote, too" {
	needs tcsh
	awkward_names
	taken_by_sh
	cat >taker <<-'END'
		set backslash_quote
		eval "`./take`" || exit $status
		./giver
	END
	sets_claim tcsh -f
}

@test "tcsh: what acquire --print csh prints without the lock sets nothing, and is its status" {
	csh_fails tcsh -f
}

@test "bsd-csh: what acquire --print csh prints sets and exports the claim, for any path in one line" {
	local name one_line=()

	awkward_names
	for name in "${NAMES[@]}"; do
		[[ $name == *$'\n'* ]] || one_line+=("$name")
	done
	NAMES=("${one_line[@]}")
	csh_sets_claim bsd-csh -f
}

@test "bsd-csh: what acquire --print csh prints of a path with a newline is an error, and sets nothing" {
	needs bsd-csh
	mkdir $'new\nline; touch pwned'
	nlock acquire --print csh $'new\nline; touch pwned/lock' >file
	run ! bsd-csh -f -c 'source file; : >reached'
	[ "$output" = "Illegal variable name." ]
	[ ! -e pwned ] && [ ! -e reached ]
}

@test "bsd-csh: what acquire --print csh prints without the lock sets nothing, and is its status" {
	csh_fails bsd-csh -f
}

# -------------------------------------------------------------------- fish(1)

@test "fish: what acquire --print fish prints sets and exports the claim, whatever the path" {
	needs fish
	awkward_names
	echo 'nlock acquire -n -l 10m --print fish $LOCK | source; or exit
		./giver' >taker
	sets_claim fish --no-config
	echo 'eval (nlock acquire -n -l 10m --print fish $LOCK); or exit
		./giver' >taker
	sets_claim fish --no-config
}

@test "fish: what acquire --print fish prints without the lock sets nothing, and is its status" {
	local fails="nlock acquire --print fish -q -n $LOCK"
	local fish=(fish --no-config)

	needs fish
	nlock acquire -l 1h "$LOCK" >/dev/null
	ends_with 75 "${fish[@]}" "echo end; $fails | source; or exit
		: >reached"
	ends_with 75 "${fish[@]}" "echo end; eval ($fails); or exit
		: >reached"
	ends_with 75 "${fish[@]}" "function f
			set -l claim ($fails)
			eval \$claim; or return
			: >reached
		end
		echo end; f; or exit
		: >reached"
	ends_with 0 "${fish[@]}" "eval ($fails); and : >reached
		set -q NLOCK_CLAIM; or echo end"
	ends_with 64 "${fish[@]}" "echo end
		nlock acquire -w 5x --print fish L | source; or exit
		: >reached"
}
