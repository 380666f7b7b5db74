/* groups.h - does this system know groups of receivers?  Asked of the system, not of the library, whose failure is no reason to skip */
#ifndef TESTS_HARNESS_GROUPS_H
#define TESTS_HARNESS_GROUPS_H

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of IPv4, by the call of RFC 3678.  qemu-user refuses it. */
static inline bool system_has_groups(void)
{
	struct group_req request;
	struct sockaddr_in *group = (struct sockaddr_in *)(void *)&request.gr_group;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known;

	memset(&request, 0, sizeof request); /* and what lies between */
	request.gr_interface = if_nametoindex("lo");
	group->sin_family = AF_INET;
	group->sin_addr.s_addr = inet_addr("239.255.1.1");
	known = setsockopt(fd, IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof request) == 0 || errno != ENOPROTOOPT;
	close(fd);
	return known;
}

#endif
