/* echo.c - load: messages to an echo server, every byte of the answers compared
 *
 *	load_echo where=PORT|/PATH [connections=64] [active=all of them] [bytes=64] [depth=1]
 *		[rate=0] [sleep=0] [warm=0.2] [seconds=1] [count=0] [pid=0]
 *
 * Closed loop (rate=0): each active connection keeps `depth` messages in flight and sends one more for
 * each complete echo.  Open loop: `rate` messages a second go out at equal distances, whatever comes
 * back, and each is timed from the moment it was due, so a server that stalls pays for all that had
 * to wait meanwhile.  With sleep=1, for low rates, it sleeps between messages and leaves its CPU to others.
 *
 * The byte at position p of connection c's stream is pattern[(37 c + p) % 4093], so that lost,
 * repeated, reordered or crossed bytes are all caught: status 3.
 *
 * The window begins after `warm` seconds and lasts `seconds`, or until `count` messages were answered
 * (without a warm-up then).  With pid= the CPU time of that process is read at both ends of it.
 * Prints one line of key=value pairs, latencies in microseconds. */
#include "bench.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PERIOD = 4093, CHUNK = 128 << 10, EVENTS = 1024, OPEN_LOOP_DEPTH = 1024 };

struct connection {
	int fd;
	bool wants_room;
	uint32_t base;
	uint64_t queued, sent, got;   /* positions in the stream, in bytes */
	uint64_t asked, answered;     /* messages */
	uint64_t *since;	      /* ring of `depth` start times */
};

static const char *where;
static long connection_count = 64, active_count, message_bytes = 64, depth = 1, server_pid;
static bool sleeps;
static double rate, warm_s = 0.2, window_s = 1;
static uint64_t stop_after;

static unsigned char pattern[PERIOD + CHUNK], incoming[CHUNK];
static struct connection *connections;
static int epoll_fd;
static bool measuring;
static uint64_t answered_in_all;

static void die(const char *what)
{
	fprintf(stderr, "load_echo: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- latencies: 64 powers of two, 64 steps in each ---- */

enum { STEPS = 64 };

static uint64_t histogram[64 * STEPS], measured;

static void histogram_add(uint64_t ns)
{
	unsigned power = ns < STEPS ? 0 : 63 - (unsigned)__builtin_clzll(ns);

	histogram[ns < STEPS ? ns : (power - 5) * STEPS + (ns >> (power - 6) & (STEPS - 1))]++;
	measured++;
}

static double histogram_us(double part)
{
	uint64_t need = (uint64_t)((double)measured * part), sum = 0;
	unsigned i = 0;

	while (i < 64 * STEPS - 1 && (sum += histogram[i]) <= need)
		i++;
	if (i < STEPS)
		return i / 1e3;
	return (double)((uint64_t)(STEPS + i % STEPS) << (i / STEPS - 1)) / 1e3;
}

/* ---- the server's CPU time: all threads, in nanoseconds ---- */

static uint64_t server_cpu_ns(void)
{
	uint64_t sum = 0, ns;
	char path[300];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%ld/task", server_pid);
	dir = server_pid != 0 ? opendir(path) : NULL;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		FILE *f;

		snprintf(path, sizeof path, "/proc/%ld/task/%s/schedstat", server_pid, entry->d_name);
		f = entry->d_name[0] != '.' ? fopen(path, "r") : NULL;
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &ns) == 1)
			sum += ns;
		fclose(f);
	}
	if (dir != NULL)
		closedir(dir);
	return sum;
}

/* ---- connections ---- */

static int connect_unix(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", where);
	return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* Many connections come from several addresses, and end in a reset, so as not to run out of ports. */
static int connect_tcp(long index)
{
	struct sockaddr_in address = { .sin_family = AF_INET }, source = { .sin_family = AF_INET };
	struct linger reset = { 1, 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	address.sin_port = htons((uint16_t)atoi(where));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(index % 8));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connection_count > 1000 && bind(fd, (struct sockaddr *)&source, sizeof source) < 0)
		return -1;
	return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

static void open_connection(struct connection *c, long index)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	c->base = (uint32_t)(index * 37 % PERIOD);
	c->since = calloc((size_t)depth, sizeof *c->since);
	c->fd = where[0] == '/' ? connect_unix() : connect_tcp(index);
	if (c->fd < 0)
		die("connect");
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
		die("epoll_ctl");
}

static void write_queued(struct connection *c)
{
	bool wants_room;

	while (c->sent < c->queued) {
		size_t n = c->queued - c->sent < CHUNK ? c->queued - c->sent : CHUNK;
		ssize_t taken = send(c->fd, pattern + (c->base + c->sent) % PERIOD, n, MSG_NOSIGNAL);

		if (taken < 0 && errno == EAGAIN)
			break;
		if (taken < 0)
			die("send");
		c->sent += (uint64_t)taken;
	}
	wants_room = c->sent < c->queued;
	if (wants_room != c->wants_room) {
		struct epoll_event event = { .events = EPOLLIN | (wants_room ? EPOLLOUT : 0) };

		event.data.ptr = c;
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
		c->wants_room = wants_room;
	}
}

static void queue_message(struct connection *c, uint64_t since_ns)
{
	c->since[c->asked++ % (uint64_t)depth] = since_ns;
	c->queued += (uint64_t)message_bytes;
}

static void check_bytes(const struct connection *c, size_t n)
{
	if (c->got + n <= c->sent &&
		memcmp(incoming, pattern + (c->base + c->got) % PERIOD, n) == 0)
		return;
	fprintf(stderr, "load_echo: wrong bytes on a connection, near byte %lu\n", c->got);
	exit(3);
}

static void read_answers(struct connection *c)
{
	ssize_t n = recv(c->fd, incoming, sizeof incoming, 0);
	uint64_t now_ns;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		die(n == 0 ? "the server closed a connection" : "recv");
	check_bytes(c, (size_t)n);
	c->got += (uint64_t)n;
	now_ns = bench_now_ns();
	while (c->got - c->answered * (uint64_t)message_bytes >= (uint64_t)message_bytes) {
		if (measuring)
			histogram_add(now_ns - c->since[c->answered % (uint64_t)depth]);
		c->answered++;
		answered_in_all++;
		if (rate == 0)
			queue_message(c, now_ns);
	}
	write_queued(c);
}

/* Open loop: send what is due by now, message k on the active connection k % active.  When the next one is due. */
static uint64_t send_due(uint64_t start_ns)
{
	static uint64_t next;
	uint64_t now_ns = bench_now_ns(), due_ns;

	while ((due_ns = start_ns + (uint64_t)((double)next * 1e9 / rate)) <= now_ns) {
		long spacing = connection_count / active_count;
		struct connection *c = &connections[(long)(next % (uint64_t)active_count) * spacing];

		if (c->asked - c->answered == (uint64_t)depth)
			return due_ns; /* it will be sent late, and counted from due_ns */
		queue_message(c, due_ns);
		write_queued(c);
		next++;
	}
	return due_ns;
}

static void handle_events(int timeout_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll_fd, events, EVENTS, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct connection *c = events[i].data.ptr;

		if (events[i].events & EPOLLOUT)
			write_queued(c);
		if (events[i].events & ~(uint32_t)EPOLLOUT)
			read_answers(c);
	}
	if (n == 0 && timeout_ms > 0) {
		fprintf(stderr, "load_echo: no answer for %d ms\n", timeout_ms);
		exit(4);
	}
}

/* Sleep until then, or until there is an answer. */
static void sleep_until(uint64_t due_ns)
{
	uint64_t now_ns = bench_now_ns();
	struct timespec length = { 0, due_ns > now_ns ? (long)(due_ns - now_ns) : 0 };
	struct pollfd answers = { .fd = epoll_fd, .events = POLLIN };

	ppoll(&answers, 1, &length, NULL);
}

static void load_until(uint64_t end_ns, uint64_t start_ns)
{
	while (bench_now_ns() < end_ns && (stop_after == 0 || answered_in_all < stop_after)) {
		if (rate > 0) {
			uint64_t due_ns = send_due(start_ns);

			if (sleeps)
				sleep_until(due_ns);
		}
		handle_events(rate > 0 ? 0 : 5000);
	}
}

/* ---- the whole ---- */

static void read_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (value == NULL)
			exit(64);
		*value++ = 0;
		if (strcmp(argv[i], "where") == 0)
			where = value;
		else if (strcmp(argv[i], "connections") == 0)
			connection_count = atol(value);
		else if (strcmp(argv[i], "active") == 0)
			active_count = atol(value);
		else if (strcmp(argv[i], "bytes") == 0)
			message_bytes = atol(value);
		else if (strcmp(argv[i], "depth") == 0)
			depth = atol(value);
		else if (strcmp(argv[i], "rate") == 0)
			rate = atof(value);
		else if (strcmp(argv[i], "sleep") == 0)
			sleeps = atoi(value) != 0;
		else if (strcmp(argv[i], "warm") == 0)
			warm_s = atof(value);
		else if (strcmp(argv[i], "seconds") == 0)
			window_s = atof(value);
		else if (strcmp(argv[i], "count") == 0)
			stop_after = strtoull(value, NULL, 10);
		else if (strcmp(argv[i], "pid") == 0)
			server_pid = atol(value);
		else
			exit(64);
	}
	if (where == NULL || connection_count < 1 || message_bytes < 1 || depth < 1)
		exit(64);
	if (active_count < 1 || active_count > connection_count)
		active_count = connection_count;
	if (rate > 0)
		depth = OPEN_LOOP_DEPTH;
	if (sleeps)
		prctl(PR_SET_TIMERSLACK, 1UL);
	if (stop_after > 0)
		warm_s = 0;
}

static void open_all(void)
{
	for (unsigned i = 0; i < sizeof pattern; i++)
		pattern[i] = (unsigned char)(i % PERIOD * 167 + i % PERIOD / 251 * 13 + 5);
	epoll_fd = epoll_create1(0);
	connections = calloc((size_t)connection_count, sizeof *connections);
	for (long i = 0; i < connection_count; i++)
		open_connection(&connections[i], i);
}

static void begin(uint64_t start_ns)
{
	if (rate > 0)
		return;
	for (long i = 0; i < active_count; i++) {
		struct connection *c = &connections[i * (connection_count / active_count)];

		for (long d = 0; d < depth; d++)
			queue_message(c, start_ns);
		write_queued(c);
	}
}

/* Active connections that never got an answer would hide in the sum: each counts as one message that
 * took until now. */
static long count_starved(void)
{
	uint64_t now_ns = bench_now_ns();
	long starved = 0;

	for (long i = 0; i < active_count; i++) {
		struct connection *c = &connections[i * (connection_count / active_count)];

		if (c->answered > 0 || c->asked == 0)
			continue;
		histogram_add(now_ns - c->since[0]);
		starved++;
	}
	return starved;
}

int main(int argc, char **argv)
{
	uint64_t start_ns, window_ns, end_ns, server_ns, client_ns;
	double seconds;
	long starved;

	read_options(argc, argv);
	open_all();
	start_ns = bench_now_ns();
	begin(start_ns);
	load_until(start_ns + (uint64_t)(warm_s * 1e9), start_ns);
	measuring = true;
	server_ns = server_cpu_ns();
	client_ns = bench_cpu_ns();
	window_ns = bench_now_ns();
	load_until(window_ns + (uint64_t)(window_s * 1e9), start_ns);
	end_ns = bench_now_ns();
	seconds = (double)(end_ns - window_ns) / 1e9;
	server_ns = server_cpu_ns() - server_ns;
	client_ns = bench_cpu_ns() - client_ns;
	starved = count_starved();
	printf("rate=%.0f p50=%.1f p99=%.1f p999=%.1f server_ns=%.0f server_busy=%.3f client_busy=%.3f "
	       "messages=%lu starved=%ld\n",
		(double)measured / seconds, histogram_us(0.5), histogram_us(0.99), histogram_us(0.999),
		measured > 0 ? (double)server_ns / (double)measured : 0,
		(double)server_ns / 1e9 / seconds, (double)client_ns / 1e9 / seconds, measured, starved);
	return 0;
}
