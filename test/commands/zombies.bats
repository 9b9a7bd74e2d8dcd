#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What nlock leaves to PID 1, which in many a container waits for nobody.
#
# shellcheck disable=SC2016,SC2030,SC2031	# for another shell; subshells

load ../common

setup() {
	needs root python3
	common_setup
	# PID 1 that waits for nobody but the command, and then tells what is
	# left, once that has ended.
	cat >init.py <<-'PYTHON'
		import os, sys, time
		def others():
		    for pid in filter(str.isdigit, os.listdir("/proc")):
		        with open(f"/proc/{pid}/stat") as stat:
		            name, fields = stat.read().rsplit(")", 1)
		        if pid != "1":
		            yield name + ")", fields.split()[0]
		pid = os.fork()
		if pid == 0:
		    os.execvp(sys.argv[1], sys.argv[1:])
		_, status = os.waitpid(pid, 0)
		while any(state != "Z" for _, state in others()):
		    time.sleep(0.01)
		print("left:", *(name for name, _ in others()), flush=True)
		os._exit(os.waitstatus_to_exitcode(status) % 256)
	PYTHON
}

teardown() {
	umount -l "$DIR/mnt" 2>/dev/null || true
	common_teardown
}

# leaves_none STATUS COMMAND...: it exits so, and nlock leaves no zombie.
leaves_none() {
	run "-$1" timeout 60 unshare --pid --fork --mount-proc \
		python3 init.py "${@:2}"
	echo "${*:2}: $output"
	[[ $output == *"left:"* && $output != *"(nlock)"* ]]
}

# Where all is done by other processes, as on a file server.
on_a_server() {
	needs fuse bindfs
	mount_fuse "$BATS_TEST_TMPDIR/behind" mnt
	LOCK=$DIR/mnt/job.lock
}

# What a run may come to, each with a heartbeat and its guard.
runs() {
	local wait='until [ "$(pgrep -c -x nlock)" -ge 3 ]; do sleep 0.05; done'

	leaves_none 3 nlock run "$LOCK" sh -c 'exit 3'
	leaves_none 3 nlock run -l 1s "$LOCK" sh -c "$wait; exit 3"
	leaves_none 0 nlock run -l 1s "$LOCK" sh -c "$wait; setsid sleep 1 &"
	leaves_none 254 nlock run -l 1s "$LOCK" sh -c "$wait; kill -INT \$\$"
	leaves_none 127 nlock run "$LOCK" nosuch
	leaves_none 76 nlock run -l 2s "$LOCK" sh -c \
		"$wait; rmdir \"\$NLOCK_CLAIM|warrant\"; exec sleep 1000"
	leaves_none 76 nlock run --on-lost warn -l 2s "$LOCK" sh -c \
		'rmdir "$NLOCK_CLAIM|warrant"; sleep 2'
}

@test "run: leaves no zombie to a PID 1 that waits for nobody" {
	runs
}

@test "run: leaves no zombie on a file server either" {
	on_a_server
	runs
}

@test "acquire, release, refresh, status: leave no zombie on a file server" {
	on_a_server
	leaves_none 0 nlock acquire --state state -l 1h "$LOCK"
	leaves_none 0 nlock refresh --state state -l 1h
	leaves_none 0 nlock status "$LOCK"
	leaves_none 75 nlock acquire -n "$LOCK"
	leaves_none 75 nlock acquire -v -w 500ms "$LOCK"
	leaves_none 75 nlock run -w 500ms "$LOCK" true
	leaves_none 241 sh -c 'nlock acquire "$1" & sleep 0.5; kill $!; wait $!
		[ $? = 143 ] && exec sh -c "kill -TERM \$\$"' sh "$LOCK"
	leaves_none 0 nlock release --state state
	leaves_none 76 nlock release --state state
}

@test "run, acquire: leave no zombie when a file server hangs" {
	on_a_server
	kill -STOP $!
	leaves_none 75 nlock acquire -w 100ms "$LOCK"
	leaves_none 75 nlock run -w 100ms "$LOCK" true
	kill -CONT $!
}

@test "run: leaves no zombie when nobody reads its message" {
	mkfifo pipe
	leaves_none 76 sh -c 'exec 2<>pipe; head -c 65536 /dev/zero >&2
		exec nlock run -l 2s "$1" sh -c "sleep 0.5
			rmdir \"\$NLOCK_CLAIM|warrant\"; exec sleep 1000"' sh "$LOCK"
}
