/* udp.c - limit: 64 datagrams there and back, by recvfrom and sendto, and by recvmmsg and sendmmsg; the
 * program knows that they are there and waits for nothing */
#include "bench.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { IN_FLIGHT = 64, BYTES = 64, COUNT = 64000 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(struct sockaddr_in *ret_address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof *ret_address;

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) < 0)
		die("bind");
	getsockname(fd, (struct sockaddr *)ret_address, &size);
	return fd;
}

static void one_by_one(int fd)
{
	char data[BYTES];
	struct sockaddr_in address;
	socklen_t size;

	for (int i = 0; i < IN_FLIGHT; i++) {
		size = sizeof address;
		if (recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&address, &size) != BYTES ||
			sendto(fd, data, sizeof data, 0, (struct sockaddr *)&address, size) != BYTES)
			die("datagram");
	}
}

static void many(int fd)
{
	static char data[IN_FLIGHT][BYTES];
	static struct sockaddr_in addresses[IN_FLIGHT];
	struct mmsghdr messages[IN_FLIGHT];
	struct iovec parts[IN_FLIGHT];

	for (int i = 0; i < IN_FLIGHT; i++) {
		parts[i] = (struct iovec){ data[i], BYTES };
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &addresses[i],
			.msg_namelen = sizeof addresses[i], .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	if (recvmmsg(fd, messages, IN_FLIGHT, 0, NULL) != IN_FLIGHT ||
		sendmmsg(fd, messages, IN_FLIGHT, 0) != IN_FLIGHT)
		die("datagrams");
}

int main(void)
{
	struct sockaddr_in at_client, at_server;
	int client = open_socket(&at_client), server = open_socket(&at_server);
	char data[BYTES] = "";
	uint64_t start_ns;

	for (int i = 0; i < IN_FLIGHT; i++)
		sendto(client, data, sizeof data, 0, (struct sockaddr *)&at_server, sizeof at_server);
	start_ns = bench_now_ns();
	for (int i = 0; i < COUNT / IN_FLIGHT; i++) {
		one_by_one(server);
		one_by_one(client);
	}
	bench_result_each("udp", start_ns, UINT64_C(2) * COUNT);
	start_ns = bench_now_ns();
	for (int i = 0; i < COUNT / IN_FLIGHT; i++) {
		many(server);
		many(client);
	}
	bench_result_each("udp-many", start_ns, UINT64_C(2) * COUNT);
	return 0;
}
