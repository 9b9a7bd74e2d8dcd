# SPDX-License-Identifier: MIT
# ganesha.sh - NFS-Ganesha, a program that serves NFS; see linux.sh.
# shellcheck shell=sh disable=SC2034,SC2154 # init and bed.py use them
#
# Clients mount the same versions from it in the same way.
# shellcheck source=test/nfs/linux.sh
. "$bed_root/test/nfs/linux.sh"
MODULES='nfs nfsv3 nfsv4'

serve() {
	mkdir -p /run/ganesha /var/lib/nfs/ganesha
	rpcbind -w
	rpc.statd --no-notify
	cat >/mnt/tmp/ganesha.conf <<-END
		NFS_CORE_PARAM {
			Protocols = 3, 4;
			Enable_NLM = true;
			mount_path_pseudo = false;
		}
		NFSv4 {
			Minor_Versions = 0, 1, 2;
			RecoveryBackend = fs;
			Lease_Lifetime = $bed_lease;
			Grace_Period = $bed_lease;
		}
		EXPORT {
			Export_Id = 1;
			Path = /mnt/export;
			Pseudo = /;
			Protocols = 3, 4;
			Access_Type = RW;
			Squash = No_Root_Squash;
			SecType = sys;
			Transports = TCP;
			FSAL { Name = VFS; }
		}
	END
	up
}

# To lock by NFS 3 a client needs these two of its own.
serve_client() {
	mount -t tmpfs tmpfs /run
	mount -t tmpfs tmpfs /var/lib/nfs
	mkdir -p /run/rpcbind /var/lib/nfs/sm /var/lib/nfs/sm.bak
	rpcbind -w
	rpc.statd --no-notify
}

down() {
	pid=$(cat /run/ganesha.pid)	# which it removes
	kill "$pid"
	while [ -e "/proc/$pid" ]; do sleep 0.1; done
}

# It wants a /tmp to write to.
up() {
	rm -f /run/ganesha.pid
	unshare --mount sh -c '
		mount -t tmpfs tmpfs /tmp
		exec ganesha.nfsd -F -f /mnt/tmp/ganesha.conf -N EVENT \
			-L /mnt/out/ganesha.log -p /run/ganesha.pid' \
		</dev/null >/mnt/out/ganesha 2>&1 &
	until rpcinfo -t 127.0.0.1 100003 4 >/dev/null 2>&1; do
		sleep 0.1
	done
}

stop() {
	kill -s STOP "$(cat /run/ganesha.pid)"
}

go_on() {
	kill -s CONT "$(cat /run/ganesha.pid)"
}
