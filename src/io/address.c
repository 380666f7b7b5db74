/* address.c - socket addresses as text and back, without asking anyone
 *
 *   1.2.3.4:80   [::1%lo]:80   :80 and *:80 (the wildcard of both families)   unix:/path   unix:@abstract */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "io/address.h"

static int parse_port(const char *text, uint16_t *ret_port)
{
	unsigned long port = 0;

	if (*text == '\0' || strlen(text) > 5)
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		port = port * 10 + (unsigned long)(*text - '0');
	if (*text != '\0' || port > 65535)
		return -EINVAL;
	*ret_port = htons((uint16_t)port);
	return 0;
}

static int parse_unix(struct rota_address *ret, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&ret->storage;
	size_t length = strlen(path);

	if (length == 0)
		return -EINVAL;
	if (length >= sizeof un->sun_path)
		return -ENAMETOOLONG;
	*ret = (struct rota_address){ 0 };
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, length);
	ret->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
	if (path[0] == '@') { /* abstract: a leading 0 byte, and no final one */
		un->sun_path[0] = '\0';
		ret->size--;
	}
	return 0;
}

static int parse_ipv6(struct rota_address *ret, const char *text, const char *port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->storage;
	char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE], *zone;
	size_t length = (size_t)(port - text);

	if (length >= sizeof host)
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	*ret = (struct rota_address){ .size = sizeof *in6 };
	in6->sin6_family = AF_INET6;
	zone = strchr(host, '%');
	if (zone != NULL) {
		*zone++ = '\0';
		in6->sin6_scope_id = if_nametoindex(zone);
		if (in6->sin6_scope_id == 0)
			return -ENODEV;
	}
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
		return -EINVAL;
	return parse_port(port + 2, &in6->sin6_port);
}

static int parse_ipv4(struct rota_address *ret, const char *text, const char *colon)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->storage;
	char host[INET_ADDRSTRLEN];
	size_t length = (size_t)(colon - text);

	if (length >= sizeof host)
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	*ret = (struct rota_address){ .size = sizeof *in };
	in->sin_family = AF_INET;
	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		return -EINVAL;
	return parse_port(colon + 1, &in->sin_port);
}

/* ":80" and "*:80": all addresses, through an IPv6 socket that takes IPv4 as well. */
static int parse_wildcard(struct rota_address *ret, const char *port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->storage;

	*ret = (struct rota_address){ .size = sizeof *in6 };
	in6->sin6_family = AF_INET6;
	return parse_port(port, &in6->sin6_port);
}

int rota_address_parse(struct rota_address *ret_address, const char *text)
{
	struct rota_address parsed;
	const char *colon = text != NULL ? strrchr(text, ':') : NULL;
	int rc = -EINVAL;

	if (text == NULL)
		return -EINVAL;
	if (strncmp(text, "unix:", 5) == 0)
		rc = parse_unix(&parsed, text + 5);
	else if (colon == NULL)
		return -EINVAL;
	else if (text[0] == '[' && colon[-1] == ']')
		rc = parse_ipv6(&parsed, text + 1, colon - 1);
	else if (colon == text || (colon == text + 1 && text[0] == '*'))
		rc = parse_wildcard(&parsed, colon + 1);
	else
		rc = parse_ipv4(&parsed, text, colon);
	if (rc == 0)
		*ret_address = parsed;
	return rc;
}

static int unix_name(const struct rota_address *address, char *buf, size_t size)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
	size_t head = offsetof(struct sockaddr_un, sun_path);
	int length = address->size > head ? (int)(address->size - head) : 0;

	if (length > 0 && un->sun_path[0] == '\0')
		return snprintf(buf, size, "unix:@%.*s", length - 1, un->sun_path + 1);
	return snprintf(buf, size, "unix:%.*s", length, un->sun_path);
}

int rota_address_name(const struct rota_address *address, char *buf, size_t size)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->storage;
	char host[INET6_ADDRSTRLEN], zone[1 + IF_NAMESIZE] = "";

	switch (address->storage.ss_family) {
	case AF_UNIX:
		return unix_name(address, buf, size);
	case AF_INET:
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		return snprintf(buf, size, "%s:%u", host, ntohs(in->sin_port));
	case AF_INET6:
		/* What came over a dual-stack socket from IPv4 is shown as the IPv4 it is. */
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], host, sizeof host);
			return snprintf(buf, size, "%s:%u", host, ntohs(in6->sin6_port));
		}
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
		if (in6->sin6_scope_id != 0) {
			zone[0] = '%';
			if (if_indextoname(in6->sin6_scope_id, zone + 1) == NULL)
				snprintf(zone + 1, sizeof zone - 1, "%u", in6->sin6_scope_id);
		}
		return snprintf(buf, size, "[%s%s]:%u", host, zone, ntohs(in6->sin6_port));
	default:
		if (size > 0)
			buf[0] = '\0';
		return -EAFNOSUPPORT;
	}
}

int rota__socket_name(int fd, int (*ask)(int, struct sockaddr *, socklen_t *), char *buf, size_t size)
{
	struct rota_address address = { .size = sizeof address.storage };

	if (ask(fd, (struct sockaddr *)&address.storage, &address.size) < 0) {
		if (size > 0)
			buf[0] = '\0';
		return rota_errno();
	}
	return rota_address_name(&address, buf, size);
}

int rota__socket_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t size = sizeof sa;

	if (getsockname(fd, (struct sockaddr *)&sa, &size) < 0)
		return rota_errno();
	return sa.ss_family == AF_INET	   ? ntohs(((struct sockaddr_in *)&sa)->sin_port)
		: sa.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&sa)->sin6_port)
					   : 0;
}

bool rota__address_without_ipv6(struct rota_address *ret, const struct rota_address *address, int code)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->storage;
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->storage;

	if (code != -EAFNOSUPPORT || in6->sin6_family != AF_INET6 || !IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
		return false;
	*ret = (struct rota_address){ .size = sizeof *in };
	in->sin_family = AF_INET;
	in->sin_port = in6->sin6_port;
	return true;
}
