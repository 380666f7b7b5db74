/* multicast.c - groups of receivers, and how far what is sent to them goes
 *
 * A socket of both families speaks to groups of both, so that what is set for one is set for the other; who belongs to a group is
 * said in the group's family. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "io/socket.h"
#include "io/udp.h"

/* ---- the texts ---- */

/* "224.0.0.1", "ff02::1", without a port. */
static int parse(struct sockaddr_storage *ret, const char *text)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
		ret->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
		ret->ss_family = AF_INET6;
	else
		return -EINVAL;
	return 0;
}

static bool has_address(const struct ifaddrs *it, const struct sockaddr_storage *wanted)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)it->ifa_addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)it->ifa_addr;

	if (it->ifa_addr == NULL || it->ifa_addr->sa_family != wanted->ss_family)
		return false;
	return wanted->ss_family == AF_INET
		? in->sin_addr.s_addr == ((const struct sockaddr_in *)wanted)->sin_addr.s_addr
		: memcmp(&in6->sin6_addr, &((const struct sockaddr_in6 *)wanted)->sin6_addr, sizeof in6->sin6_addr) == 0;
}

static int index_of_address(const struct sockaddr_storage *address)
{
	struct ifaddrs *all;
	unsigned index = 0;

	if (getifaddrs(&all) < 0)
		return rota_errno();
	for (const struct ifaddrs *it = all; it != NULL && index == 0; it = it->ifa_next)
		if (has_address(it, address))
			index = if_nametoindex(it->ifa_name);
	freeifaddrs(all);
	return index > 0 ? (int)index : -ENODEV;
}

/* The number of the interface of this name or address; 0: the system's choice. */
static int index_of(const char *interface)
{
	struct sockaddr_storage address;
	unsigned index = interface != NULL ? if_nametoindex(interface) : 0;

	if (interface == NULL || index > 0)
		return (int)index;
	return parse(&address, interface) == 0 ? index_of_address(&address) : -ENODEV;
}

static bool is_group(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

	return address->ss_family == AF_INET ? IN_MULTICAST(ntohl(in->sin_addr.s_addr)) :
					       IN6_IS_ADDR_MULTICAST(&in6->sin6_addr);
}

/* ---- members ---- */

/* RFC 3678's calls (5.1), which are the same in both families. */

static int level_of(const struct sockaddr_storage *group)
{
	return group->ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
}

/* Linux gives a socket what is sent to any group that any socket of the machine is in (ip(7), IP_MULTICAST_ALL): a
 * stranger's membership would undo ours of having left.  Kernels before 4.20 do not know the option for IPv6. */
static void hear_own_groups_only(int fd, const struct sockaddr_storage *group)
{
	if (group->ss_family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &(int){ 0 }, sizeof(int));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &(int){ 0 }, sizeof(int));
}

static int any_source(int fd, const struct sockaddr_storage *group, int index, bool join)
{
	struct group_req request;

	memset(&request, 0, sizeof request); /* and what lies between */
	request.gr_interface = (uint32_t)index;
	request.gr_group = *group;
	return setsockopt(fd, level_of(group), join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request, sizeof request);
}

static int one_source(
	int fd, const struct sockaddr_storage *group, const struct sockaddr_storage *source, int index, bool join)
{
	struct group_source_req request;

	memset(&request, 0, sizeof request);
	request.gsr_interface = (uint32_t)index;
	request.gsr_group = *group;
	request.gsr_source = *source;
	return setsockopt(fd, level_of(group), join ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP, &request,
		sizeof request);
}

/* Of sources the system says EADDRNOTAVAIL where one is joined already, and EINVAL where it is the last that was left before; of groups as
 * a whole it says what we say. */
static int as_for_groups(int error, bool join)
{
	if (join && error == -EADDRNOTAVAIL)
		return -EADDRINUSE;
	return !join && error == -EINVAL ? -EADDRNOTAVAIL : error;
}

int rota__multicast_member(int fd, int family, const char *group, const char *source, const char *interface, bool join)
{
	struct sockaddr_storage whom, from;
	int index = index_of(interface);

	if (index < 0)
		return index;
	if (parse(&whom, group) < 0 || !is_group(&whom) || (whom.ss_family == AF_INET6 && family == AF_INET))
		return -EINVAL;
	hear_own_groups_only(fd, &whom);
	if (source == NULL)
		return any_source(fd, &whom, index, join) < 0 ? rota_errno() : 0;
	if (parse(&from, source) < 0 || from.ss_family != whom.ss_family)
		return -EINVAL;
	return one_source(fd, &whom, &from, index, join) < 0 ? as_for_groups(rota_errno(), join) : 0;
}

/* ---- how far, and to whom ---- */

/* One option in each family that the socket speaks. */
static int set_both(int fd, int family, int option, int option6, int value)
{
	int rc = rota__socket_set(fd, IPPROTO_IP, option, value);

	return family == AF_INET6 ? rota__socket_set(fd, IPPROTO_IPV6, option6, value) : rc;
}

int rota__multicast_set_interface(int fd, int family, const char *interface)
{
	struct ip_mreqn v4 = { .imr_ifindex = index_of(interface) };

	if (v4.imr_ifindex < 0)
		return v4.imr_ifindex;
	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof v4) < 0 && family == AF_INET)
		return rota_errno();
	return family == AF_INET6 ? rota__socket_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, v4.imr_ifindex) : 0;
}

int rota__multicast_set_ttl(int fd, int family, unsigned hops)
{
	return hops > 255 ? -EINVAL : set_both(fd, family, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, (int)hops);
}

int rota__multicast_set_loop(int fd, int family, bool on)
{
	return set_both(fd, family, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, on);
}

int rota__udp_set_ttl(int fd, int family, unsigned hops)
{
	return hops < 1 || hops > 255 ? -EINVAL : set_both(fd, family, IP_TTL, IPV6_UNICAST_HOPS, (int)hops);
}

int rota__udp_set_broadcast(int fd, bool on)
{
	return rota__socket_set(fd, SOL_SOCKET, SO_BROADCAST, on);
}

/* ---- for tasks ---- */

int rota_udp_join(struct rota_udp *udp, const char *group, const char *interface)
{
	return rota__multicast_member(udp->fd, udp->family, group, NULL, interface, true);
}

int rota_udp_leave(struct rota_udp *udp, const char *group, const char *interface)
{
	return rota__multicast_member(udp->fd, udp->family, group, NULL, interface, false);
}

int rota_udp_join_source(struct rota_udp *udp, const char *group, const char *source, const char *interface)
{
	return source == NULL ? -EINVAL : rota__multicast_member(udp->fd, udp->family, group, source, interface, true);
}

int rota_udp_leave_source(struct rota_udp *udp, const char *group, const char *source, const char *interface)
{
	return source == NULL ? -EINVAL : rota__multicast_member(udp->fd, udp->family, group, source, interface, false);
}

int rota_udp_set_multicast_interface(struct rota_udp *udp, const char *interface)
{
	return rota__multicast_set_interface(udp->fd, udp->family, interface);
}

int rota_udp_set_multicast_ttl(struct rota_udp *udp, unsigned hops)
{
	return rota__multicast_set_ttl(udp->fd, udp->family, hops);
}

int rota_udp_set_multicast_loop(struct rota_udp *udp, bool on)
{
	return rota__multicast_set_loop(udp->fd, udp->family, on);
}

int rota_udp_set_ttl(struct rota_udp *udp, unsigned hops)
{
	return rota__udp_set_ttl(udp->fd, udp->family, hops);
}

int rota_udp_set_broadcast(struct rota_udp *udp, bool on)
{
	return rota__udp_set_broadcast(udp->fd, on);
}
