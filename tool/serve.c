/* serve.c - the command `rota serve`: a folder, served over HTTP/1.1 on every core, by one run under any model */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access_log.h"
#include "args.h"
#include "commands.h"
#include "site.h"

struct server {
	struct site site;
	struct access_log log;
	const char *host, *folder, *log_name, *log_format, *poller, *model_word, *deal_word;
	uint64_t port, workers, bosses, grace_ns, idle_ns, connections_max;
	enum rota_model model;
	enum rota_deal deal;
	bool no_listing, quiet, logging;
	char address[300];
	uint64_t began_ns;
	struct rota_http_stats stats;
};

static struct server server;

static const struct arg_option options[] = {
	{ "listen", 'l', ARG_TEXT, &server.host, "ADDR[:PORT]",
		"address to listen on; default 127.0.0.1, '*' is all", 0, 0 },
	{ "host", 0, ARG_TEXT, &server.host, "ADDR", "the same", 0, 0 },
	{ "port", 'p', ARG_NUMBER, &server.port, "N", "port; default 8080, 0 is any free one", 0,
		65535 },
	{ "model", 'm', ARG_TEXT, &server.model_word, "NAME",
		"single, group or steal; default: $ROTA_MODEL, else group", 0, 0 },
	{ "workers", 'w', ARG_NUMBER, &server.workers, "N",
		"threads; default: $ROTA_WORKERS, else one for each CPU", 1, ROTA_WORKERS_MAX },
	{ "bosses", 0, ARG_NUMBER, &server.bosses, "N",
		"threads that only accept, under group; default 0", 0, 64 },
	{ "deal", 0, ARG_TEXT, &server.deal_word, "HOW",
		"who gets a connection: turn (default), least, or own sockets for each", 0, 0 },
	{ "poller", 0, ARG_TEXT, &server.poller, "NAME",
		"uring or epoll; default: the best that works", 0, 0 },
	{ "log", 0, ARG_TEXT, &server.log_name, "FILE",
		"access log, appended to; '-' (default) is stdout, 'off' is none", 0, 0 },
	{ "log-format", 0, ARG_TEXT, &server.log_format, "FORMAT", "combined (default) or common",
		0, 0 },
	{ "no-listing", 0, ARG_FLAG, &server.no_listing, NULL,
		"answer 403 for a folder without an index.html", 0, 0 },
	{ "connections", 0, ARG_NUMBER, &server.connections_max, "N",
		"at most so many at a time", 1, 1000000 },
	{ "idle", 0, ARG_DURATION, &server.idle_ns, "TIME",
		"close idle connections after; default 60s", ROTA_MILLISECONDS(1),
		ROTA_SECONDS(86400) },
	{ "grace", 'g', ARG_DURATION, &server.grace_ns, "TIME",
		"for answers in progress when stopping; default 10s", 0, ROTA_SECONDS(86400) },
	{ "quiet", 'q', ARG_FLAG, &server.quiet, NULL, "print nothing but errors and the log", 0,
		0 },
	{ NULL, 0, ARG_FLAG, NULL, NULL, NULL, 0, 0 },
};

static const struct arg_command command = {
	.name = "serve",
	.operands = "[DIR]",
	.summary = "serve the files of DIR (default: .) over HTTP/1.1",
	.options = options,
	.notes = "GET /hello answers 13 bytes of plain text, whatever DIR holds.\n"
		 "SIGTERM or SIGINT stops gracefully, a second one at once.  See rota-serve(1).\n",
};

/* ---- serving ---- */

static void log_exchange(struct rota_http_exchange *x, const struct rota_http_done *done, void *arg)
{
	(void)arg;
	access_log_add(&server.log.buffers[rota_worker_number()], x, done);
}

static int handle(struct rota_http_exchange *x, void *arg)
{
	(void)arg;
	return site_answer(x, &server.site);
}

/* "ADDR:PORT", with brackets where ADDR is IPv6. */
static void write_address(void)
{
	bool ipv6 = strchr(server.host, ':') != NULL && server.host[0] != '[';

	snprintf(server.address, sizeof server.address, ipv6 ? "[%s]:%d" : "%s:%d", server.host, (int)server.port);
}

static void started(int port);

static int app(void *arg)
{
	struct rota_http_options o = {
		.idle_timeout_ns = server.idle_ns,
		.grace_ns = server.grace_ns != 0 ? server.grace_ns : 1,
		.connections_max = (unsigned)server.connections_max,
		.server_name = "rota/" ROTA_TOOL_VERSION,
		.stats = &server.stats,
		.on_done = server.logging ? log_exchange : NULL,
	};
	struct rota_listener *listener;
	int rc;

	(void)arg;
	write_address();
	rc = rota_tcp_listen(&listener, server.address, NULL);
	if (rc < 0)
		return rc;
	started(rota_listener_port(listener));
	rc = rota_http_serve(listener, handle, NULL, &o);
	rota_listener_close(listener);
	return rc;
}

/* ---- what is printed ---- */

static void started(int port)
{
	const char *host = server.host;
	bool all = strcmp(host, "*") == 0 || *host == '\0', ipv6 = strchr(host, ':') != NULL;
	unsigned workers;

	server.began_ns = rota_now_ns();
	if (server.quiet)
		return;
	if (ipv6 && *host != '[')
		printf("listening on http://[%s]:%d/", host, port);
	else
		printf("listening on http://%s:%d/", all ? "localhost" : host, port);
	printf(" (%s, %s, ", rota_model_name(), rota_poller_name());
	if (rota_boss_count() > 0)
		printf("%u boss%s, ", rota_boss_count(), rota_boss_count() == 1 ? "" : "es");
	workers = rota_worker_count();
	printf("%u worker%s)\n", workers, workers == 1 ? "" : "s");
	fflush(stdout);
}

static void print_bytes(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = (double)bytes;
	int unit = 0;

	for (; value >= 1024 && unit < 5; unit++)
		value /= 1024;
	printf("%.*f %s", unit == 0 ? 0 : 1, value, units[unit]);
}

static void print_counts(void)
{
	struct rota_http_stats s = server.stats;

	printf("served %llu requests on %llu connections in %.1f s: ",
		(unsigned long long)s.requests, (unsigned long long)s.connections,
		(double)(rota_now_ns() - server.began_ns) / 1e9);
	print_bytes(s.bytes_in);
	printf(" in, ");
	print_bytes(s.bytes_out);
	printf(" out\nstatus 2xx %llu, 3xx %llu, 4xx %llu, 5xx %llu, none %llu; "
	       "errors: %llu refused, %llu timed out, %llu reset\n",
		(unsigned long long)s.status[2], (unsigned long long)s.status[3],
		(unsigned long long)s.status[4], (unsigned long long)s.status[5],
		(unsigned long long)s.status[0], (unsigned long long)s.refused,
		(unsigned long long)s.timeouts, (unsigned long long)s.resets);
}

/* ---- start and end ---- */

static int complain_of_start(int rc)
{
	const char *what = rota_strerror(rc);

	switch (rc) {
	case -EADDRINUSE:
		fprintf(stderr,
			"rota serve: port %d is in use on %s; choose another with --port N, or "
			"--port 0 for "
			"any free one\n",
			(int)server.port, server.host);
		break;
	case -EACCES:
	case -EPERM:
		fprintf(stderr,
			"rota serve: no permission to listen on port %d of %s; ports below 1024 "
			"need a "
			"privilege, try --port 8080\n",
			(int)server.port, server.host);
		break;
	case -EADDRNOTAVAIL:
	case ROTA_ENAME:
	case ROTA_EAGAINNAME:
		fprintf(stderr, "rota serve: cannot listen on '%s': %s\n", server.host, what);
		break;
	case -ENOSYS:
		fprintf(stderr, "rota serve: the poller '%s' does not work here\n",
			server.poller ? server.poller : "chosen");
		break;
	default:
		fprintf(stderr, "rota serve: cannot start on '%s', port %d: %s\n", server.host, (int)server.port,
			what);
	}
	return EXIT_FAILED;
}

static int open_folder(void)
{
	int rc = site_open(&server.site, server.folder, !server.no_listing);

	if (rc == -ENOTDIR)
		fprintf(stderr, "rota serve: '%s' is not a directory\n", server.folder);
	else if (rc == -ENOENT)
		fprintf(stderr, "rota serve: there is no directory '%s'\n", server.folder);
	else if (rc < 0)
		fprintf(stderr, "rota serve: cannot open '%s': %s\n", server.folder,
			rota_strerror(rc));
	return rc;
}

static int open_log(void)
{
	const char *name = server.log_name;
	int fd = STDOUT_FILENO, rc;

	if (strcmp(name, "off") == 0)
		return 0;
	if (strcmp(name, "-") != 0)
		fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	rc = fd < 0 ? rota_errno()
		    : access_log_open(&server.log, fd, name,
			      strcmp(server.log_format, "combined") == 0, (unsigned)(server.workers + server.bosses));
	if (rc < 0)
		fprintf(stderr, "rota serve: cannot open the access log '%s': %s\n", name,
			rota_strerror(rc));
	server.logging = rc == 0;
	return rc;
}

static void close_log(void)
{
	uint64_t dropped;

	if (!server.logging)
		return;
	dropped = access_log_close(&server.log);
	if (dropped > 0)
		fprintf(stderr, "rota serve: %llu lines of the access log were dropped\n",
			(unsigned long long)dropped);
	if (server.log.failed_bytes > 0)
		fprintf(stderr, "rota serve: %llu bytes of the access log could not be written\n",
			(unsigned long long)server.log.failed_bytes);
}

static int serve(void)
{
	struct rota_options o = {
		.model = server.model,
		.workers = (unsigned)server.workers,
		.bosses = server.bosses > 0 ? (unsigned)server.bosses : ROTA_NO_BOSSES,
		.deal = server.deal,
		.poller = server.poller,
		.drain_ns = server.grace_ns + ROTA_SECONDS(10), /* who does not end when the grace is over is named */
	};
	int rc = rota_run(app, NULL, &o);

	close_log();
	if (server.began_ns == 0)
		return complain_of_start(rc);
	if (!server.quiet)
		print_counts();
	if (rc < 0 && rc != -ECANCELED) {
		fprintf(stderr, "rota serve: %s\n", rota_strerror(rc));
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

/* "ADDR:PORT", "[ADDR]:PORT" and "ADDR", where an ADDR with several colons is IPv6. */
static int split_port(void)
{
	static char host[256];
	const char *colon = strrchr(server.host, ':'), *bracket = strchr(server.host, ']');
	char *end;

	if (colon == NULL || (server.host[0] == '[' ? colon < bracket : strchr(server.host, ':') != colon))
		return 0;
	server.port = strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || server.port > 65535)
		return args_complain(&command, "--listen '%s': '%s' is not a port, 0 to 65535", server.host,
			colon + 1);
	if ((size_t)(colon - server.host) >= sizeof host)
		return args_complain(&command, "--listen '%s': the name is too long", server.host);
	memcpy(host, server.host, (size_t)(colon - server.host));
	server.host = host;
	return 0;
}

/* The place of `word` in a list that begins with the default and ends with NULL, or -1. */
static int place_of(const char *word, const char *const *words)
{
	for (int i = 1; words[i] != NULL; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return -1;
}

static const char *from_environment(const char *name, const char *standard)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : standard;
}

/* How many of which: what the options leave open the environment says, and what that leaves open the machine. */
static int check_model(void)
{
	static const char *const models[] = { "", "single", "group", "steal", NULL };
	static const char *const deals[] = { "", "turn", "least", "own", NULL };
	const char *workers = from_environment("ROTA_WORKERS", NULL);
	const char *model = server.model_word, *deal = server.deal_word;
	char *end;

	if (model == NULL)
		model = from_environment("ROTA_MODEL", "group");
	if (deal == NULL)
		deal = from_environment("ROTA_DEAL", "turn");
	if (place_of(model, models) < 0)
		return args_complain(&command, "--model is single, group or steal, not '%s'", model);
	if (place_of(deal, deals) < 0)
		return args_complain(&command, "--deal is turn, least or own, not '%s'", deal);
	server.model = (enum rota_model)place_of(model, models);
	server.deal = (enum rota_deal)place_of(deal, deals);
	if (server.workers == 0 && workers != NULL && server.model != ROTA_SINGLE) {
		server.workers = strtoul(workers, &end, 10);
		if (*end != '\0' || server.workers < 1 || server.workers > ROTA_WORKERS_MAX)
			return args_complain(&command, "ROTA_WORKERS is a number of threads, not '%s'", workers);
	}
	if (server.model == ROTA_SINGLE && server.workers > 1)
		return args_complain(&command, "--model single has one worker, not %u", (unsigned)server.workers);
	if (server.workers == 0)
		server.workers = server.model == ROTA_SINGLE ? 1 : rota_cpu_count();
	/* One loop alone needs none of the care that several take. */
	if (server.workers == 1 && server.bosses == 0)
		server.model = ROTA_SINGLE;
	return 0;
}

static int check_words(void)
{
	int rc = split_port();

	if (rc == 0)
		rc = check_model();
	if (rc != 0)
		return rc;
	if (server.poller != NULL && strcmp(server.poller, "uring") != 0 &&
		strcmp(server.poller, "epoll") != 0)
		return args_complain(
			&command, "--poller is uring or epoll, not '%s'", server.poller);
	if (strcmp(server.log_format, "combined") != 0 && strcmp(server.log_format, "common") != 0)
		return args_complain(&command, "--log-format is combined or common, not '%s'",
			server.log_format);
	if (*server.log_name == '\0')
		return args_complain(&command, "--log needs the name of a file, '-' or 'off'");
	return 0;
}

int command_serve(int argc, char **argv)
{
	int operands, rc;

	server.host = "127.0.0.1";
	server.folder = ".";
	server.log_name = "-";
	server.log_format = "combined";
	server.port = 8080;
	server.grace_ns = ROTA_SECONDS(10);
	operands = args_parse(&command, argc, argv, &server.folder, 1);
	if (operands == ARGS_HELPED)
		return EXIT_OK;
	if (operands < 0 || check_words() != 0)
		return EXIT_USAGE;
	rc = open_folder();
	if (rc == 0) {
		rc = open_log();
		rc = rc < 0 ? EXIT_FAILED : serve();
		site_close(&server.site);
	} else {
		rc = EXIT_FAILED;
	}
	return rc;
}

void command_serve_help(void)
{
	args_print_help(&command);
}
