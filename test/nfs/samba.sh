# SPDX-License-Identifier: MIT
# samba.sh - Samba, and Linux's cifs clients; see linux.sh.
# shellcheck shell=sh disable=SC2034,SC2154 # init and bed.py use them
#
# A version is what mount.cifs(8) is given as vers=, with + for a comma.  Not
# among them is 1.0, for which nlock is not meant; it can be asked for.
PROTOCOL=SMB
VERSIONS='3.1.1 3.1.1+nolease 3.1.1+nobrl 3.1.1+nolease+nobrl'
MODULES='cifs ccm gcm cmac aes hmac md4 sha512 ecb nls_utf8'
SMB_CONF=/mnt/tmp/smb.conf

prepare() {
	:
}

serve() {
	mkdir -p /mnt/tmp/samba
	cat >$SMB_CONF <<-END
		[global]
		server role = standalone server
		log file = /mnt/out/smbd.log
		log level = 1
		load printers = no
		printing = bsd
		disable spoolss = yes
		server min protocol = NT1
		state directory = /mnt/tmp/samba
		lock directory = /mnt/tmp/samba
		cache directory = /mnt/tmp/samba
		private dir = /mnt/tmp/samba
		pid directory = /mnt/tmp/samba
		ncalrpc dir = /mnt/tmp/samba/ncalrpc
		[export]
		path = /mnt/export
		writable = yes
		admin users = root
		force user = root
	END
	printf 'secret\nsecret\n' | smbpasswd -c $SMB_CONF -s -a root
	up
}

serve_client() {
	:
}

mount_version() {
	mount -t cifs -o "username=root,password=secret,vers=$(echo "$1" |
		tr + ,)" "//$2/export/$1" "$3"
}

# One process for each connection, and some more.
signal_smbd() {
	pkill -x -"$1" smbd
}

down() {
	signal_smbd TERM
	while pgrep -x smbd >/dev/null; do sleep 0.1; done
}

# A session of its own: smbd sends the signal that ends it to its whole group.
up() {
	setsid smbd -F --no-process-group -s $SMB_CONF </dev/null \
		>/mnt/out/smbd 2>&1 &
	until ss -Hltn sport = :445 | grep -q .; do sleep 0.1; done
}

stop() {
	signal_smbd STOP
}

go_on() {
	signal_smbd CONT
}
