# SPDX-License-Identifier: MIT
# linux.sh - Linux's own NFS server, for init and bed.py.
# shellcheck shell=sh disable=SC2034,SC2154 # init and bed.py use them
#
# Each server has such a file.  It sets PROTOCOL, for the tests' titles,
# VERSIONS, each of which is mounted by every client from a directory of its
# own, and MODULES.  Its functions:
#
#	prepare			what servers and clients of it need
#	serve			start the server; it exports /mnt/export
#	serve_client		what a client runs before it mounts
#	mount_version VERSION SERVER DIRECTORY
#	down, up		end the server, and start it again
#	stop, go_on		stop it so that it neither answers nor ends,
#				and let it go on (not here: it is the kernel)
PROTOCOL=NFS
VERSIONS='4.2 4.1 4.0 3 3-nolock'
# Without the first there is no lock(2) for 50 s after lockd has started.
MODULES='lockd:nlm_grace_period=10 nfsd nfs nfsv3 nfsv4'

prepare() {
	mkdir -p /run/rpcbind /var/lib/nfs/v4recovery \
		/var/lib/nfs/rpc_pipefs /var/lib/nfs/sm /var/lib/nfs/sm.bak
	mount -t rpc_pipefs rpc /var/lib/nfs/rpc_pipefs
}

serve() {
	mount -t nfsd nfsd /proc/fs/nfsd
	touch /var/lib/nfs/etab /var/lib/nfs/rmtab
	rpcbind -w
	exportfs -o rw,no_root_squash,insecure,fsid=0,no_subtree_check,sync \
		'*:/mnt/export'
	echo "$bed_lease" >/proc/fs/nfsd/nfsv4leasetime
	# A restarted server waits that long for its clients.
	echo 10 >/proc/fs/nfsd/nfsv4gracetime
	rpc.statd --no-notify
	rpc.mountd
	up
}

serve_client() {
	:
}

mount_version() {
	case $1 in
	3)	  set -- "$@" vers=3 /mnt/export ;;
	3-nolock) set -- "$@" vers=3,nolock /mnt/export ;;
	*)	  set -- "$@" "vers=$1" '' ;;
	esac
	mount -t nfs -o "$4,hard" "$2:$5/$1" "$3"
}

down() {
	rpc.nfsd 0
}

up() {
	rpc.nfsd 8
}
