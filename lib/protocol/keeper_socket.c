/* SPDX-License-Identifier: MIT */
/*
 * keeper_socket.c - sockets of keepers; see keeper_socket.h.
 */
#define _GNU_SOURCE		/* struct ucred, SOCK_CLOEXEC */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../os/host.h"
#include "../os/process.h"
#include "../os/read_write.h"
#include "keeper_socket.h"

/* Those that have connected and were not yet looked at. */
#define BACKLOG		16

/* How long one who has connected may take to send what is to be sent. */
#define SENDING_MS	20

/* Fill in the address.  Returns its length. */
static socklen_t address_of(const struct claim_name *parts,
			    struct sockaddr_un *address)
{
	int length;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* A name that begins with a NUL is abstract. */
	length = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
			  "nlock/%016" PRIx64, parts->random);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)length);
}

static int open_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int keeper_listen(const struct claim_name *parts)
{
	struct sockaddr_un address;
	socklen_t length = address_of(parts, &address);
	int fd = open_socket();

	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&address, length) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	close_keeping_errno(fd);
	return -1;
}

/* Returns a connection to the keeper, or -1. */
static int connect_to(const struct claim_name *parts)
{
	struct sockaddr_un address;
	socklen_t length = address_of(parts, &address);
	int fd = parts->by_nlock ? open_socket() : -1;

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&address, length) == 0)
		return fd;
	close_keeping_errno(fd);
	return -1;
}

static bool read_peer(int fd, struct ucred *peer)
{
	socklen_t size = sizeof(*peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size) == 0;
}

/* Any user can listen at any name that is free. */
pid_t keeper_find(const struct claim_name *parts, uid_t owner)
{
	int fd = connect_to(parts);
	struct ucred peer;
	pid_t found = 0;

	if (fd < 0)
		return 0;
	if (read_peer(fd, &peer) &&
	    (peer.uid == 0 || peer.uid == owner || peer.uid == geteuid()))
		found = peer.pid;
	close(fd);
	return found;
}

/* A keeper that is stopped has a full queue once enough have looked for it. */
bool keeper_may_live(const struct claim_name *parts)
{
	int fd;

	errno = 0;
	fd = connect_to(parts);
	if (fd < 0)
		return errno == EAGAIN;
	close(fd);
	return true;
}

void keeper_call(const struct claim_name *parts, enum nlock_call call)
{
	const char byte = (char)call;
	int fd = connect_to(parts);
	ssize_t ignored;

	if (fd < 0)
		return;
	ignored = send(fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)ignored;
	close(fd);
}

/* And any user can connect.  Those of ours send something, or close it. */
enum nlock_call keeper_accept(int listener_fd)
{
	int fd = accept4(listener_fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct pollfd sent = { .fd = fd, .events = POLLIN };
	struct ucred peer;
	enum nlock_call call = NLOCK_CALL_NONE;
	char byte;

	if (fd < 0)
		return NLOCK_CALL_NONE;
	if (read_peer(fd, &peer) &&
	    (peer.uid == 0 || peer.uid == geteuid()) &&
	    poll(&sent, 1, SENDING_MS) > 0 &&
	    read(fd, &byte, sizeof(byte)) > 0)
		call = byte == NLOCK_CALL_RELEASED ? NLOCK_CALL_RELEASED :
		       NLOCK_CALL_LOOK;
	close(fd);
	return call;
}

bool keeper_keeps(const struct nlock_lock *lock,
		  const struct claim_name *parts, uid_t owner)
{
	char own[HOST_SIZE];

	if (!parts->kept && !parts->kept_by_run)
		return false;
	host_name(own, sizeof(own), lock->options.separator);
	return strcmp(parts->host, own) != 0 ||
	       (parts->kept_by_run &&
		!(parts->has_process &&
		  process_gone(parts->pid, &parts->process))) ||
	       keeper_find(parts, owner) != 0;
}
