/* SPDX-License-Identifier: MIT */
/*
 * host.c - what this host is called; see host.h.
 */
#define _GNU_SOURCE		/* gethostbyname and its aliases */
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

void host_name_clean(char *clean, size_t size, const char *host,
		     char separator)
{
	char other = separator == '_' ? '-' : '_';
	size_t i;

	for (i = 0; i + 1 < size && host[i] != '\0'; i++)
		clean[i] = host[i] == separator || host[i] == '/' ? other :
			   host[i];
	clean[i] = '\0';
}

void host_name(char *name, size_t size, char separator)
{
	char host[HOST_SIZE];

	if (gethostname(host, sizeof(host)) < 0 || host[0] == '\0')
		strcpy(host, "localhost");
	host[sizeof(host) - 1] = '\0';
	host_name_clean(name, size, host, separator);
}

/*
 * Do as socket.getfqdn() does: look this host up by its address, and take the
 * first name with a dot, the official one before the aliases; or the official
 * one if none has a dot.
 */
bool host_name_is_ours_to_flufl(const char *name)
{
	char own[HOST_SIZE];
	const struct hostent *entry;
	char **alias;

	if (gethostname(own, sizeof(own)) < 0)
		return false;
	own[sizeof(own) - 1] = '\0';
	if (strcmp(own, name) == 0)
		return true;
	entry = gethostbyname(own);
	if (entry != NULL && entry->h_addr_list[0] != NULL)
		entry = gethostbyaddr(entry->h_addr_list[0],
				      (socklen_t)entry->h_length,
				      entry->h_addrtype);
	if (entry == NULL)
		return false;
	if (strchr(entry->h_name, '.') != NULL)
		return strcmp(entry->h_name, name) == 0;
	for (alias = entry->h_aliases; *alias != NULL; alias++)
		if (strchr(*alias, '.') != NULL)
			return strcmp(*alias, name) == 0;
	return strcmp(entry->h_name, name) == 0;
}
