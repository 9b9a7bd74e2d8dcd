#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What is done for GlusterFS alone; the rest is in test/filesystems.  This is
# another file system by FUSE, which says that it is that.

load ../common

setup() {
	needs root
	common_setup
	mount_fuse "$BATS_TEST_TMPDIR/behind" mnt -o subtype=glusterfs
	LOCK=$DIR/mnt/job.lock
}

teardown() {
	umount -l "$DIR/mnt" 2>/dev/null || true
	common_teardown
}

nothing_behind() {
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/behind")" ]
}

@test "acquire: on GlusterFS a claim is made by a temporary name of the lock's, and renamed when it is complete" {
	local draft='"\.job\.lock\.[0-9a-f]{16}"' claim='"job\.lock\|[^"|]*\|'

	needs strace
	"${STRACE[@]}" -o calls -e trace=openat,renameat,linkat,utimensat \
		nlock acquire "$LOCK" >/dev/null
	cat calls
	sed -nE "s/.*openat\([0-9]+, $draft, .*O_CREAT.*/make/p
		s/.*utimensat\([0-9]+, NULL,.*/complete/p
		s/.*renameat\([0-9]+, $draft, [0-9]+, $claim.*/name/p
		s/.*linkat\([0-9]+, $claim.*, [0-9]+, \"job\.lock\",.*/link/p" \
		calls >order
	[ "$(cat order)" = "make
complete
name
link" ]
	[ -e "$LOCK" ]
}

@test "acquire: on GlusterFS, a claim that can't be renamed is reported, and nothing is left" {
	needs strace
	run -74 --separate-stderr "${STRACE[@]}" -o calls \
		-e inject=renameat:error=EIO:when=1 nlock acquire "$LOCK"
	[ "$stderr" = "nlock: $LOCK: rename the claim: Input/output error" ]
	[ "$output" = "(exit 74)" ]
	nothing_behind
}

@test "run: on GlusterFS nothing is left" {
	nlock run "$LOCK" true
	nothing_behind
}
